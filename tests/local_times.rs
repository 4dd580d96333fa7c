//! `--local`: times in the time zone of this machine, which is Nepal's (+05:45) here, where they are
//! for people.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::run::{outcome, portlore};

/// Whether this machine knows the zone of the tests.
fn has_zone() -> bool {
    std::path::Path::new("/usr/share/zoneinfo/Asia/Kathmandu").exists()
}

#[test]
fn the_messages_of_osc_have_local_days_and_clocks() {
    let osc = |args: &[&str]| {
        let (status, text, _) =
            outcome(&[&["osc", "fixtures/eos-tcp-slip-3037.pcap", "-c", "1"], args].concat());
        assert_eq!(status, 0);
        text
    };
    if !has_zone() {
        eprintln!("skipped: the zone is not known here");
        return;
    }
    let utc = osc(&[]);
    assert!(utc.contains("  2026-11-20 UTC\n  19:27:25.696 "), "{utc}");
    let local = osc(&["--local"]);
    assert!(local.contains("  2026-11-21 +0545\n  01:12:25.696 "), "{local}");
    assert_eq!(osc(&["--local", "--format", "ndjson"]), osc(&["--format", "ndjson"]));
}

#[test]
fn interval_lines_have_local_times_with_their_offset() {
    if !has_zone() {
        eprintln!("skipped: the zone is not known here");
        return;
    }
    let mut child = portlore(&["replay", "--follow", "-", "--local", "--interval", "1s"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&std::fs::read("fixtures/showcase.pcap").unwrap()).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.find(|line| line.contains("291 ")).unwrap();
    assert!(first.starts_with("2026-11-21T01:") && first.contains("+05:45  "), "{first}");
    drop(pipe);
    let report = lines.find(|line| line.starts_with("-: 291 packets")).unwrap();
    assert!(report.contains("2026-11-21 01:12:21-01:12:24 +0545"), "{report}");
    assert!(lines.count() > 5, "the pipe is read to the end of the report");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
