//! `replay --since` and `--until`: a part of a capture by time.

use std::path::Path;

use serde_json::Value;

use crate::run::{document, outcome};

const CAPTURE: &str = "fixtures/showcase.pcap";

/// The header of a pcap file in this machine's byte order, and its records with their headers.
pub fn records(capture: &str) -> (Vec<u8>, Vec<Vec<u8>>) {
    let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(capture)).unwrap();
    let (header, mut rest) = bytes.split_at(24);
    let mut records = Vec::new();
    while !rest.is_empty() {
        let length = 16 + u32::from_ne_bytes(rest[8..12].try_into().unwrap()) as usize;
        let (record, behind) = rest.split_at(length);
        records.push(record.to_vec());
        rest = behind;
    }
    (header.to_vec(), records)
}

/// A pcap file of these records.
pub fn pcap(header: &[u8], records: &[Vec<u8>]) -> Vec<u8> {
    [header, &records.concat()].concat()
}

/// The fields that a window leaves alone or decides on.
fn selected(args: &[&str]) -> (i32, u64, Value) {
    let (status, document) = document(args);
    let outside = document["capture"]["skipped"]["outside-time"].as_u64().unwrap_or(0);
    let frames = document["capture"]["frames"].as_u64().unwrap();
    (status, frames - outside, document["flows"].clone())
}

#[test]
fn two_windows_that_touch_share_no_packet_and_lack_none() {
    let (_, document) = document(&[CAPTURE]);
    let (all, first) = (document["capture"]["frames"].as_u64().unwrap(), &document["capture"]);
    let first = first["first"].as_str().unwrap();
    for middle in ["+1s", "+2500ms", "+100s", first] {
        let before = selected(&["--until", middle, CAPTURE]);
        let after = selected(&["--since", middle, CAPTURE]);
        assert_eq!((before.0, after.0, before.1 + after.1), (0, 0, all), "{middle}");
    }
    assert_eq!(selected(&["--since", first, CAPTURE]).1, all);
    assert_eq!(selected(&["--until", first, CAPTURE]).1, 0);
    let some = selected(&["--since", "+1s", "--until", "+2s", CAPTURE]);
    assert!(some.1 > 0 && some.1 < all, "the test needs packets on both sides: {}", some.1);
    let without_zone = first.trim_end_matches('Z');
    assert_eq!(selected(&["--since", without_zone, CAPTURE]).1, all, "no zone means UTC");
}

#[test]
fn frames_keep_their_numbers_with_any_workers_and_in_merged_files() {
    let folder = tempfile::tempdir().unwrap();
    let (header, records) = records(CAPTURE);
    let halves: Vec<String> = [0, 1]
        .map(|half| {
            let half: Vec<_> = records.iter().skip(half).step_by(2).cloned().collect();
            let path = folder.path().join(format!("{}.pcap", half.len()));
            std::fs::write(&path, pcap(&header, &half)).unwrap();
            path.to_str().unwrap().to_owned()
        })
        .to_vec();
    let window = ["--since", "+1s", "--until", "+2s"];
    let whole = selected(&[&window[..], &[CAPTURE]].concat());
    let first = whole.2[0]["first_frame"].as_u64().unwrap();
    assert!(first > 1, "those before it are counted: {first}");
    let merged = selected(&[&window[..], &[&halves[0], &halves[1]]].concat());
    assert_eq!((merged.0, merged.1), (whole.0, whole.1));
    let with = |workers: &str| {
        let args = ["replay", "--why", "--workers", workers, CAPTURE];
        outcome(&[&args[..], &window].concat())
    };
    let one = with("1");
    assert!(one.1.contains(" outside the time window)"), "{}", one.1);
    for workers in ["2", "4", "16"] {
        assert_eq!(with(workers), one);
    }
}

#[test]
fn in_a_chain_the_first_file_begins_the_capture() {
    let folder = tempfile::tempdir().unwrap();
    let (header, records) = records(CAPTURE);
    let (early, late) = records.split_at(records.len() / 2);
    let [early, late] = [("early", early), ("late", late)].map(|(name, records)| {
        let path = folder.path().join(name).with_extension("pcap");
        std::fs::write(&path, pcap(&header, records)).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let until = |files: &[&str]| selected(&[&["--chain", "--until", "+1ms"], files].concat()).1;
    assert!(until(&[&early, &late]) < records.len() as u64 / 2);
    // From the second half's begin, all of the first half is earlier.
    assert!(until(&[&late, &early]) > records.len() as u64 / 2);
}

#[test]
fn a_report_without_ports_says_what_left_nothing() {
    let report = |args: &[&str]| {
        let (status, stdout, _) = outcome(&[&["replay", CAPTURE][..], args].concat());
        assert_eq!(status, 0);
        let text = stdout.split_once("\n\n").unwrap().1.split_whitespace().collect::<Vec<_>>();
        text.join(" ")
    };
    let filter = "No packet matched the filter \"port 9\": 291 packets were read.";
    assert_eq!(report(&["-f", "port 9"]), filter);
    assert_eq!(
        report(&["--since", "2100-01-01T00:00:00Z"]),
        "No packet matched --since and --until: 291 packets were read."
    );
    assert_eq!(
        report(&["--until", "+1ns", "-f", "port 9"]),
        "No packet matched: 291 packets were read, of which 290 were outside --since and --until; \
         the filter \"port 9\" excluded the rest."
    );
}

#[test]
fn times_that_are_none_and_windows_that_are_empty_are_refused() {
    let refused = |args: &[&str], reason: &str| {
        let (status, _, stderr) = outcome(&[&["replay", CAPTURE][..], args].concat());
        assert!(status == 2 && stderr.contains(reason), "{stderr}");
    };
    refused(&["--since", "noon"], "+5m after the first packet");
    refused(&["--since", "+2s", "--until", "+1s"], "--until: is not later than --since");
}
