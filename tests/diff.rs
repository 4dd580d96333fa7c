//! `portlore diff`: what two captures, or their reports, do not have in common.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::run::{captures, outcome, refusal};

const MONDAY: &str = "fixtures/shows/monday.pcap";
const TUESDAY: &str = "fixtures/shows/tuesday.pcap";
const WEDNESDAY: &str = "fixtures/shows/wednesday.pcap";
const SAME: &str = "show the same servers, services, clients and findings\n";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The document of a comparison, and its exit status.
fn compared(args: &[&str]) -> (i32, Value) {
    let (status, stdout, stderr) = outcome(&[&["diff", "--format", "json"], args].concat());
    (status, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stderr}")))
}

/// What differs of one kind, as `added 10.0.0.1`.
fn changes<'d>(document: &'d Value, kind: &str, field: &str) -> Vec<String> {
    let word = |value: &'d Value| value.as_str().unwrap_or_default();
    let entries = document[kind].as_array().unwrap().iter();
    entries.map(|entry| format!("{} {}", word(&entry["change"]), word(&entry[field]))).collect()
}

#[test]
fn a_console_that_was_replaced_is_named() {
    let (status, stdout, stderr) = outcome(&["diff", MONDAY, TUESDAY]);
    assert_eq!((status, stderr.as_str()), (1, ""));
    assert_eq!(
        stdout,
        "from fixtures/shows/monday.pcap to fixtures/shows/tuesday.pcap\n\n\
         servers: 1 added, 1 removed\n  \
         removed  10.101.1.10:3032/tcp: osc: ETC Eos lighting console; frame 4\n  \
         added    10.101.1.11:3032/tcp: osc: ETC Eos lighting console; frame 4\n\n\
         clients: 1 changed\n  \
         changed  10.101.1.50 no longer calls 10.101.1.10:3032/tcp; also calls 10.101.1.11:3032/tcp\n"
    );
    let (status, document) = compared(&[MONDAY, TUESDAY]);
    assert_eq!(status, 1);
    assert_eq!(
        changes(&document, "servers", "address"),
        ["removed 10.101.1.10", "added 10.101.1.11"]
    );
    assert_eq!(changes(&document, "clients", "address"), ["changed 10.101.1.50"]);
    assert_eq!(document["services"].as_array().unwrap().len(), 0);
}

#[test]
fn a_server_with_a_new_service_is_named_with_its_client() {
    let (status, document) = compared(&[MONDAY, WEDNESDAY]);
    assert_eq!(status, 1);
    assert_eq!(changes(&document, "servers", "address"), ["added 10.101.1.40"]);
    assert_eq!(changes(&document, "services", "service"), ["added python-http-server"]);
    assert_eq!(document["services"][0]["ports"], serde_json::json!(["8000/tcp"]));
    assert_eq!(document["clients"][0]["changes"]["servers"]["added"][0], "10.101.1.40:8000/tcp");
    let (status, document) = compared(&[WEDNESDAY, MONDAY]);
    assert_eq!((status, changes(&document, "servers", "address").len()), (1, 1));
    assert_eq!(changes(&document, "services", "service"), ["removed python-http-server"]);
}

#[test]
fn another_product_at_the_same_address_changes_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let (_, report, _) = outcome(&["replay", "--format", "json", WEDNESDAY]);
    let other = folder.path().join("other.json");
    fs::write(&other, report.replace("SimpleHTTP/0.6 Python/3.11.7", "nginx/1.27.1")).unwrap();
    let (status, stdout, _) = outcome(&["diff", WEDNESDAY, text(&other)]);
    assert_eq!(status, 1);
    let change =
        "changed  10.101.1.40:8000/tcp: products: SimpleHTTP/0.6 Python/3.11.7 → nginx/1.27.1";
    assert!(stdout.contains(change), "{stdout}");
    assert!(stdout.contains("note: clients are compared by their number"), "{stdout}");
}

#[test]
fn nothing_differs_from_itself_as_capture_and_as_report() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    let days = [MONDAY, TUESDAY, WEDNESDAY, "fixtures/showcase.pcap", "fixtures/acceptance.pcap"];
    let more = captures("fixtures/cases").into_iter().step_by(9);
    for capture in days.into_iter().map(str::to_owned).chain(more) {
        let report = folder.path().join("report.json");
        let (status, json, _) = outcome(&["replay", "--flows", "--format", "json", &capture]);
        fs::write(&report, json).unwrap();
        for [a, b] in [[&*capture, &*capture], [&capture, text(&report)], [text(&report), &capture]]
        {
            let (ended, stdout, _) = outcome(&["diff", a, b]);
            assert_eq!(ended, status, "{a} {b}: {stdout}");
            assert_eq!(stdout, format!("{a} and {b} {SAME}"));
            let (_, document) = compared(&[a, b]);
            for list in ["servers", "services", "clients", "findings", "notices"] {
                assert_eq!(document[list], serde_json::json!([]), "{a} {b}");
            }
        }
        seen += 1;
    }
    assert!(seen > 10);
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let folders = ["fixtures/cases", "fixtures/forms"];
    for format in ["text", "json"] {
        let run = |workers: &str| {
            outcome(&["diff", "--workers", workers, "--format", format, folders[0], folders[1]])
        };
        let one = run("1");
        assert!(one.0 == 1 || one.0 == 2, "{}", one.2);
        for workers in ["2", "16"] {
            assert!(run(workers) == one, "{workers} workers");
        }
    }
}

#[test]
fn only_the_selected_connections_are_compared() {
    assert_eq!(outcome(&["diff", "--where", "transport = udp", MONDAY, TUESDAY]).0, 0);
    assert_eq!(outcome(&["diff", "--where", "service = eos", MONDAY, TUESDAY]).0, 1);
}

#[test]
fn what_cannot_be_compared_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let (_, findings, _) = outcome(&["replay", "--only", "findings", "--format", "json", MONDAY]);
    let (_, ndjson, _) = outcome(&["replay", "--format", "ndjson", MONDAY]);
    let (_, report, _) = outcome(&["replay", "--format", "json", MONDAY]);
    let cut = file("cut.json", &report[..report.len() / 2]);
    let whole = file("whole.json", &report);
    for (args, reason) in [
        (&[MONDAY, "nowhere.pcap"][..], "no such file"),
        (&["-", "-"], "only one of the two can be standard input"),
        (&[MONDAY, text(&file("other.json", "{\"a\": 1}"))], "is not a portlore report"),
        (&[text(&file("list.json", "[]")), MONDAY], "is not a portlore report"),
        (&[MONDAY, text(&file("findings.json", &findings))], "is not a whole report"),
        (&[MONDAY, text(&file("events.json", &ndjson))], "is not a portlore report"),
        (&[MONDAY, text(&cut)], "is not a portlore report: EOF while parsing"),
        (&[MONDAY, text(&file("text.pcap", "Dear all,\n"))], "is not a capture file"),
        (
            &["-f", "tcp", MONDAY, text(&whole)],
            "--filter cannot select packets of a report; use it",
        ),
        (
            &["--where", "tcp", MONDAY, text(&whole)],
            "--where cannot select connections of a report",
        ),
        (&["-o", MONDAY, "--force", MONDAY, TUESDAY], "it is one of the input captures"),
        (&["-o", text(&whole), MONDAY, TUESDAY], "already exists"),
    ] {
        let refusal = refusal(&[&["diff"], args].concat());
        assert!(refusal.contains(reason) && refusal.lines().count() == 1, "{args:?}: {refusal}");
    }
}

#[test]
fn an_incomplete_capture_shows_in_the_status_only_where_nothing_differs() {
    let cut = "fixtures/forms/truncated.pcap";
    let (status, stdout, stderr) = outcome(&["diff", cut, cut]);
    assert_eq!(status, 3);
    assert!(stdout.ends_with(SAME) && stderr.contains("fixtures/forms/truncated.pcap"), "{stderr}");
    assert_eq!(outcome(&["diff", cut, MONDAY]).0, 1);
}

#[test]
fn text_from_a_report_cannot_steer_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let (_, report, _) = outcome(&["replay", "--format", "json", WEDNESDAY]);
    let hostile = folder.path().join("hostile.json");
    let ids = ["SimpleHTTP/0.6 Python/3.11.7", "python-http-server", "\"http\""];
    let report = ids.into_iter().fold(report, |report, id| {
        let quoted = id.starts_with('"');
        let steering = if quoted { "\"\\u001b[2J\\u202e\"" } else { "\\u001b[2J\\u202e" };
        report.replace(id, steering)
    });
    fs::write(&hostile, report).unwrap();
    for format in ["text", "json"] {
        let (status, stdout, _) = outcome(&["diff", "--format", format, WEDNESDAY, text(&hostile)]);
        assert_eq!(status, 1);
        assert!(!stdout.contains('\x1b') && !stdout.contains('\u{202e}'), "{stdout}");
        assert!(stdout.contains("[2J"), "{stdout}");
    }
}
