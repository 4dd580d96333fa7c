//! The example of each kind of speaker is the first such flow, with the reasons that it has where all
//! flows keep theirs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::catalogue::Catalogue;
use crate::pipeline::{JudgedFlow, Options, ResourceLimits, Run, run};
use crate::source::Files;
use crate::stats::{ExampleFlow, Speaker};

/// The captures of a folder of fixtures that can be opened.
fn captures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_capture = |path: &PathBuf| {
        let is_one = path.extension().is_some_and(|ending| ending == "pcap");
        is_one && Files::open(&[path]).is_ok()
    };
    let mut captures: Vec<_> = entries.filter(is_capture).collect();
    captures.sort();
    captures
}

fn with_workers(captures: &[PathBuf], workers: usize, keep_flows: bool) -> Run {
    let catalogue = Catalogue::shipped().unwrap();
    let limits = ResourceLimits { workers, ..ResourceLimits::DEFAULT };
    let options = Options { keep_flows, examples: true, limits, ..Options::replay() };
    let mut files = Files::open(captures).unwrap();
    run(&mut files, None, &catalogue, &options, None).unwrap()
}

/// The examples of a run, each with its port and speaker.
fn examples(run: &Run) -> BTreeMap<(String, Speaker), &ExampleFlow> {
    let ports = run.stats.ports.iter();
    let speakers = ports.flat_map(|(port, stats)| {
        stats.speakers.iter().filter_map(move |(speaker, speaking)| {
            Some(((port.to_string(), speaker.clone()), &**speaking.example.as_ref()?))
        })
    });
    speakers.collect()
}

fn assert_first(run: &Run) -> usize {
    let mut first: BTreeMap<(String, Speaker), &JudgedFlow> = BTreeMap::new();
    for flow in &run.flows {
        let speaker = Speaker::of_flow(&flow.record, &flow.verdict);
        first.entry((flow.record.service_port().to_string(), speaker)).or_insert(flow);
    }
    let examples = examples(run);
    assert!(examples.keys().eq(first.keys()));
    for (key, flow) in first {
        let ExampleFlow { record, verdict, .. } = examples[&key];
        assert_eq!(record, &flow.record, "{key:?}");
        assert_eq!(verdict.reasons, flow.verdict.reasons, "{key:?}: frame {}", record.first_frame);
        assert_eq!(verdict.product, flow.verdict.product, "{key:?}");
    }
    examples.len()
}

#[test]
fn the_example_of_each_speaker_is_its_first_flow_with_its_reasons() {
    let mut examples = 0;
    for folder in ["fixtures", "fixtures/cases", "fixtures/forms"] {
        for capture in captures(folder) {
            examples += assert_first(&with_workers(&[capture], 1, true));
        }
    }
    assert!(examples > 500, "{examples}");
}

#[test]
fn examples_and_time_lines_do_not_depend_on_the_workers_or_on_kept_flows() {
    let captures = [captures("fixtures"), captures("fixtures/cases")].concat();
    let whole = with_workers(&captures, 1, true);
    assert!(assert_first(&whole) > 300);
    for workers in [1, 2, 16] {
        let part = with_workers(&captures, workers, false);
        let (whole, part) = (&whole, &part);
        let texts = |run: &Run| {
            let examples = examples(run).into_iter().map(|(key, example)| {
                format!("{key:?} {:?} {:?}", example.record, example.verdict.reasons)
            });
            examples.collect::<Vec<_>>()
        };
        assert_eq!(texts(part), texts(whole), "{workers}");
        let timelines = |run: &Run| {
            run.stats.services.values().map(|stats| stats.timeline.clone()).collect::<Vec<_>>()
        };
        assert_eq!(timelines(part), timelines(whole), "{workers}");
        assert!(timelines(whole).iter().all(Option::is_some));
    }
}

#[test]
fn without_being_asked_for_nothing_is_kept() {
    let catalogue = Catalogue::shipped().unwrap();
    let mut files = Files::open(&captures("fixtures/cases")).unwrap();
    let run = run(&mut files, None, &catalogue, &Options::replay(), None).unwrap();
    assert!(examples(&run).is_empty());
    assert!(run.stats.services.values().all(|stats| stats.timeline.is_none()));
}
