//! Bytes as a capture file, from one end of the program to the other: the report can be written,
//! its buckets add up, nothing in it steers a terminal, and it does not depend on the number of
//! workers.

use std::io::Cursor;

use portlore::pipeline::{self, Options, ResourceLimits, Run};
use portlore::report::formats::{json, table};
use portlore::report::{Report, Show, Style};
use portlore::source::Files;

use super::detect::CATALOGUE;

pub fn run(bytes: &[u8]) {
    let Some(one) = replay(bytes, 1) else { return };
    let (json, text) = written(&one);
    let several = replay(bytes, 3).expect("it could be read before");
    assert_eq!(
        (json.clone(), text.clone()),
        written(&several),
        "the output depends on the workers"
    );
    let steers = |c: char| c.is_control() && c != '\n';
    assert!(
        !json.contains(steers) && !text.contains(steers),
        "a control character reaches the terminal"
    );
    let document: serde_json::Value = serde_json::from_str(&json).expect("the document is JSON");
    check_buckets(&document);
}

fn replay(bytes: &[u8], workers: usize) -> Option<Run> {
    let input = Box::new(Cursor::new(bytes.to_vec()));
    let mut files = Files::from_readers(vec![("fuzzed".into(), input)]).ok()?;
    let limits = ResourceLimits { workers, max_flows: 64 << 10, ..ResourceLimits::DEFAULT };
    let options = Options { keep_flows: true, limits, ..Options::replay() };
    let run = pipeline::run(&mut files, None, &CATALOGUE, &options, None).expect("threads start");
    // A run survives the panic of a thread, and reports it.
    let panic = run.problems.iter().find(|problem| problem.contains("panicked"));
    assert_eq!(panic, None);
    Some(run)
}

fn written(run: &Run) -> (String, String) {
    let inputs = ["fuzzed".to_owned()];
    let report = Report::new(&inputs, run, None, Show::ALL);
    let (mut json, mut text) = (Vec::new(), Vec::new());
    json::write(&mut json, &report, Style::default()).expect("memory takes it");
    table::write(&mut text, &report, Style::default()).expect("memory takes it");
    let string = |bytes| String::from_utf8(bytes).expect("the output is text");
    (string(json), string(text))
}

fn check_buckets(document: &serde_json::Value) {
    let capture = &document["capture"];
    let number = |value: &serde_json::Value| value.as_u64().expect("a number");
    let skipped: u64 =
        capture["skipped"].as_object().expect("an object").values().map(number).sum();
    assert_eq!(number(&capture["frames"]), number(&capture["segments"]) + skipped);
    let packets: u64 = document["flows"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|flow| number(&flow["packets"]["initiator"]) + number(&flow["packets"]["responder"]))
        .sum();
    assert_eq!(packets, number(&capture["segments"]), "every segment is a packet of one flow");
}
