//! What holds for every format in the table.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::catalogue::Catalogue;
use crate::classify::SharedStr;
use crate::pipeline::{self, Options, Run};
use crate::process::{Attribution, FlowProcesses, Ground, Holder};
use crate::report::parts::report_table::TableName;
use crate::source::Files;
use crate::stats::{COUNTERS, Speaker, SpeakerStats};

/// A text that would turn a terminal red, ring its bell, move its cursor, turn the text round, hide
/// letters and cover the lines above.
const HOSTILE: &str = "\u{336}a\x1b[31m\x07\u{9b}2J\u{202e}\u{3164}\u{fe0f}\u{e0100}\u{fffe}o\u{301}\u{301}\u{301}\r\nb";

fn run(catalogue: &Arc<Catalogue>) -> Run {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/showcase.pcap");
    let mut files = Files::open(&[file]).unwrap();
    let options = Options { keep_flows: true, keep_facts: true, ..Options::replay() };
    pipeline::run(&mut files, None, catalogue, &options, None).unwrap()
}

#[test]
fn no_format_lets_untrusted_text_steer_a_terminal() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut run = run(&catalogue);
    let text = || HOSTILE.to_owned();
    let holder =
        Holder { name: text(), pid: 1, command: text(), user: text(), container: Some(text()) };
    let known = Arc::new(Attribution::Known(vec![Arc::new(holder)], Ground::Socket));
    let processes = FlowProcesses { initiator: Some(Arc::clone(&known)), responder: Some(known) };
    run.problems.push(text());
    run.notices.push(text());
    run.interfaces.iter_mut().for_each(|name| *name = text());
    for flow in &mut run.flows {
        flow.processes = processes.clone();
        flow.verdict.reasons.iter_mut().for_each(|reason| reason.value = text());
        flow.verdict.product = Some(text());
        flow.verdict.service_name = Some(text());
        let facts = flow.verdict.facts.iter_mut().flat_map(|facts| &mut facts.first);
        facts.for_each(|fact| fact.value = text());
        run.stats.attribute(&flow.record, &processes);
    }
    for port in run.stats.ports.values_mut() {
        let speakers = std::mem::take(&mut port.speakers).into_iter();
        let service = |key: &Speaker| key.service.as_ref().map(|_| SharedStr::Static(HOSTILE));
        let hostile = |(key, mut speaking): (Speaker, SpeakerStats)| {
            speaking.products.get_or_insert_default().insert(HOSTILE);
            speaking.service_names.get_or_insert_default().insert(HOSTILE);
            speaking.also.insert(SharedStr::Static(HOSTILE));
            (Speaker { service: service(&key), ..key }, speaking)
        };
        port.speakers = speakers.map(hostile).collect();
    }
    let inputs = [text()];
    let report = Report::new(&inputs, &run, None, Show::ALL);
    for format in FORMATS {
        let mut out = Vec::new();
        (format.write)(&mut out, &report, Style::default()).unwrap();
        let out = String::from_utf8(out).unwrap();
        let hides = "\u{202e}\u{3164}\u{fe0f}\u{e0100}\u{fffe}\u{301}\u{336}";
        let steers = |c: char| (c.is_control() && c != '\n') || hides.contains(c);
        assert!(out.contains("[31m"), "{}: the text is missing", format.name);
        assert!(!out.contains(steers), "{}: {out}", format.name);
        assert!(!out.lines().any(|line| line.starts_with('b')), "{}: {out}", format.name);
    }
}

#[test]
fn documents_and_events_have_the_facts_of_flows_where_they_are_kept() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut run = run(&catalogue);
    let flow = run
        .flows
        .iter()
        .position(|flow| flow.verdict.facts.as_ref().is_some_and(|facts| !facts.first.is_empty()));
    let flow = flow.unwrap();
    run.flows = vec![run.flows.swap_remove(flow)];
    let written = |run: &Run| {
        let report = Report::new(&[], run, None, Show::ALL);
        let documents = FORMATS.iter().filter(|format| format.name.ends_with("json"));
        documents
            .map(|format| {
                let mut out = Vec::new();
                (format.write)(&mut out, &report, Style::default()).unwrap();
                String::from_utf8(out).unwrap()
            })
            .collect::<Vec<_>>()
    };
    for out in written(&run) {
        assert!(out.contains(r#""facts":[{"name":""#), "{out}");
    }
    run.flows[0].verdict.facts = None;
    assert!(written(&run).iter().all(|out| !out.contains(r#""facts""#)));
}

#[test]
fn flows_are_kept_for_those_formats_that_write_them_at_the_end() {
    let asked = Show { flows: true, ..Show::default() };
    for format in FORMATS {
        let kept = [asked, Show::default()].map(|show| format.keeps_flows(show));
        let expected = match format.flows {
            FlowOutput::OnRequest => [true, false],
            FlowOutput::AtEnd => [true; 2],
            FlowOutput::Never | FlowOutput::Streamed(_) => [false; 2],
        };
        assert_eq!(kept, expected, "{}", format.name);
    }
}

#[test]
fn a_document_at_the_end_has_no_intervals() {
    let error = json::FORMAT.require_intervals().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(
        error.to_string(),
        "--interval: JSON is a single document, written at the end; choose --format ndjson for events, or table for lines"
    );
}

#[test]
fn every_counter_is_in_every_output() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let run = run(&catalogue);
    let show = Show { flows: true, stats: true, ..Show::default() };
    let report = Report::new(&[], &run, None, show);
    let written = |format: ReportFormat| {
        let mut out = Vec::new();
        (format.write)(&mut out, &report, Style::default()).unwrap();
        String::from_utf8(out).unwrap()
    };
    let (table, json) = (written(table::FORMAT), written(json::FORMAT));
    let events = written(ndjson::FORMAT);
    let mut metrics = openmetrics::Metrics::default();
    let run = self::run(&catalogue);
    metrics.update(&Snapshot::of_run(run, Duration::from_secs(1)));
    let metrics = metrics.text(openmetrics::ExpositionFormat::Text);
    for counter in COUNTERS {
        let field = format!("\"{}\":", counter.id);
        assert!(json.contains(&field) && events.contains(&field), "{field}");
        assert!(table.contains(counter.title), "{}", counter.title);
        for of in ["port", "service"] {
            let series = format!("portlore_{of}_{}_total{{", counter.id);
            assert!(metrics.contains(&series), "{series}");
        }
    }
}

/// What a format writes of a capture.
fn text_of(format: ReportFormat, show: Show) -> String {
    let run = run(&Arc::new(Catalogue::load(&[]).unwrap()));
    let report = Report::new(&[], &run, None, show);
    let mut out = Vec::new();
    (format.write)(&mut out, &report, Style::default()).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_table_of_ports_as_csv_has_the_flows_and_bytes_of_the_document() {
    let run = run(&Arc::new(Catalogue::load(&[]).unwrap()));
    let text = text_of(csv::FORMAT, Show::default());
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let place = |name| names.iter().position(|other| *other == name).unwrap();
    // The cells behind `candidates` are numbers, and have no comma.
    let from_end = |name| names.len() - place(name);
    let sum = |name| -> u64 {
        let cell = |line: &str| line.rsplit(',').nth(from_end(name) - 1).unwrap().parse::<u64>();
        text.lines().skip(1).map(|line| cell(line).unwrap()).sum()
    };
    let all = || run.stats.ports.values().map(|port| &port.all);
    assert_eq!(sum("flows"), all().map(|all| all.flows).sum::<u64>());
    assert_eq!(sum("bytes"), all().map(|all| all.bytes.sum()).sum::<u64>());
}

#[test]
fn each_table_is_written_alone_where_it_is_asked_for() {
    for (table, column) in [
        (TableName::Ports, "confidence"),
        (TableName::Servers, "proof_frame"),
        (TableName::Services, "initiators"),
        (TableName::Findings, "sentence"),
    ] {
        let show = Show { table: Some(table), ..Show::default() };
        let csv = text_of(csv::FORMAT, show);
        assert!(csv.lines().next().unwrap().split(',').any(|name| name == column), "{csv}");
        assert!(csv.lines().count() > 1);
        let markdown = text_of(md::FORMAT, show);
        assert!(markdown.contains(&column.replace('_', " ")), "{markdown}");
        assert_eq!(markdown.matches("\n## ").count(), 1);
    }
    let both = text_of(md::FORMAT, Show::default());
    assert!(both.contains("\n## What does not belong\n") && both.contains("\n## Ports\n"));
}
