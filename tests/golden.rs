//! What the program says of every capture, beside the capture: `fixtures/NAME.txt`. Run with
//! `PORTLORE_BLESS=1` to accept.

use std::fmt::Write;
use std::path::Path;

use portlore::report::FORMATS;

use crate::run::{captures, outcome};

/// The report with reasons, and the exit status with what was said on stderr where there is any.
fn said(capture: &str) -> String {
    let (status, stdout, stderr) = outcome(&["replay", "--why", "--top", "0", capture]);
    let mut text = stdout;
    if status != 0 || !stderr.is_empty() {
        write!(text, "\nexit {status}\n{stderr}").unwrap();
    }
    text
}

#[test]
fn every_capture_reads_as_its_golden_text() {
    let bless = std::env::var_os("PORTLORE_BLESS").is_some();
    let mut differ = Vec::new();
    for capture in ["fixtures", "fixtures/cases", "fixtures/forms"].into_iter().flat_map(captures) {
        let stem = capture.split(".pcap").next().unwrap();
        let golden = format!("{stem}.txt");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&golden);
        let now = said(&capture);
        if bless {
            std::fs::write(path, now).unwrap();
        } else if std::fs::read_to_string(&path).ok().as_ref() != Some(&now) {
            differ.push(format!("{golden}: now reads\n{now}"));
        }
    }
    assert!(
        differ.is_empty(),
        "{}\n{} differ; PORTLORE_BLESS=1 accepts",
        differ.join("\n"),
        differ.len()
    );
}

/// The capture that every format is tested with, and the folder of the golden texts.
const FORMATS_CAPTURE: &str = "fixtures/eos-tcp-slip-3037.pcap";
const FORMATS_FOLDER: &str = "tests/formats";

#[test]
fn every_format_reads_as_its_golden_text() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FORMATS_FOLDER);
    for format in FORMATS.iter().map(|format| format.name) {
        let (status, now, _) = outcome(&["replay", "--format", format, "--why", FORMATS_CAPTURE]);
        assert_eq!(status, 0, "{format}");
        let path = folder.join(format!("{format}.txt"));
        if std::env::var_os("PORTLORE_BLESS").is_some() {
            std::fs::write(path, now).unwrap();
        } else {
            let golden = std::fs::read_to_string(path).unwrap_or_default();
            assert_eq!(now, golden, "{format}: PORTLORE_BLESS=1 accepts");
        }
    }
}

#[test]
fn no_line_of_a_table_is_wider_than_a_hundred_columns() {
    for capture in captures("fixtures") {
        let (_, stdout, _) = outcome(&["replay", &capture]);
        for line in stdout.lines().skip_while(|line| !line.is_empty()) {
            assert!(line.chars().count() <= 100, "{capture}: {line}");
        }
    }
}
