//! A live capture as others watch it: events on standard output, counters for Prometheus.

use std::io::{BufRead, BufReader};
use std::process::Command;

use serde_json::Value;

use crate::net::{Net, signal, wait_for_frames};
use crate::run::{document, outcome};

const OSC: &str = "for i in 1 2 3; do printf '/eos/ping\\0\\0\\0,\\0\\0\\0' > /dev/udp/10.77.0.2/8000; done; \
    (exec 3<>/dev/tcp/10.77.0.2/3001) 2>/dev/null; true";

fn events(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

#[test]
fn events_come_while_the_capture_goes_on_and_add_up_to_its_end() {
    let Some(net) = Net::new() else { return };
    let mut child = net.capture(&[
        "-i",
        "veth0",
        "--format",
        "ndjson",
        "--interval",
        "1s",
        "-f",
        "udp port 8000 or tcp",
    ]);
    net.client(OSC);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    let mut told = 0;
    // The intervals come by themselves; those until all five frames are told.
    while told < 5 {
        let event: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if event["event"] == "interval" {
            told += event["frames"].as_u64().unwrap();
        }
        seen.push(event);
    }
    let ports: Vec<_> = seen
        .iter()
        .flat_map(|event| event["ports"].as_array().cloned().unwrap_or_default())
        .collect();
    let osc = ports.iter().find(|port| port["port"] == 8000).unwrap();
    assert_eq!(
        (&osc["speaking"][0]["service"], &osc["packets"]["responder"]),
        (&"eos".into(), &0.into())
    );
    signal(&child, "INT");
    let rest: Vec<Value> =
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let flows: Vec<_> = seen.iter().chain(&rest).filter(|event| event["event"] == "flow").collect();
    assert_eq!(flows.len(), 4, "three datagrams from three ports, and a refused connection");
    let named = |flow: &&&Value| {
        flow["verdict"]["reasons"][0]["fact"] == "osc.address"
            && flow["verdict"]["service"] == "eos"
    };
    assert_eq!(flows.iter().filter(named).count(), 3);
    let end = rest.last().unwrap();
    assert_eq!(
        (&end["event"], &end["schema"], &end["capture"]["frames"]),
        (&"end".into(), &"portlore/2".into(), &5.into())
    );
    assert!(end["ports"].is_array() && end["flows"].is_null());
}

#[test]
fn of_files_the_events_are_the_documents_flows_and_its_end() {
    let capture = "fixtures/showcase.pcap";
    let (_, document) = document(&[capture]);
    let (status, text, _) = outcome(&["replay", "--format", "ndjson", capture]);
    let mut events = events(&text);
    let mut end = events.pop().unwrap();
    for event in events.iter_mut().chain([&mut end]) {
        event.as_object_mut().unwrap().remove("event");
    }
    // The document has them in the order of their beginning, the events in that of their end.
    events.sort_by_key(|flow| flow["first_frame"].as_u64());
    assert_eq!((status, Value::from(events)), (0, document["flows"].clone()));
    assert_eq!((&end["ports"], &end["capture"]), (&document["ports"], &document["capture"]));
    assert_eq!(
        outcome(&["replay", "--format", "ndjson", "--workers", "3", capture]).1,
        text,
        "with any number of workers"
    );
}

#[test]
fn a_reader_of_events_who_goes_away_ends_the_capture_quietly() {
    let Some(net) = Net::new() else { return };
    let mut child = net.capture(&["-i", "veth0", "--format", "ndjson", "--interval", "1s"]);
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn prometheus_gets_counters_in_the_format_that_it_asks_for() {
    let Some(net) = Net::new() else { return };
    let mut child = net.capture(&[
        "-i",
        "veth0",
        "--metrics",
        "9464",
        "-f",
        "udp port 8000 or tcp",
        "--no-tui",
    ]);
    net.client(OSC);
    wait_for_frames(&mut child, 5);
    let scrape = |accept: &str| {
        let request = format!(
            "exec 3<>/dev/tcp/127.0.0.1/9464; printf 'GET /metrics HTTP/1.1\\r\\nHost: localhost\\r\\nAccept: {accept}\\r\\n\\r\\n' >&3; cat <&3"
        );
        let output = Command::new("ip")
            .args(["netns", "exec", &net.side('b'), "bash", "-c", &request])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    // Snapshots come by themselves: until one has all five frames.
    let text = loop {
        let text = scrape("text/plain");
        if text.contains("\nportlore_frames_total 5\n") {
            break text;
        }
    };
    assert!(
        text.starts_with(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        ),
        "{text}"
    );
    for line in [
        "portlore_port_flows_total{port=\"8000\",transport=\"udp\"} 3",
        "portlore_port_outcomes_total{port=\"3001\",transport=\"tcp\",outcome=\"refused\"} 1",
        "portlore_service_flows_total{service=\"unknown\",tag=\"osc\",protocol=\"osc\"} 3",
        "portlore_dropped_frames_total{place=\"queue\"} 0",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    let open = scrape("application/openmetrics-text;version=1.0.0");
    assert!(
        open.contains("# TYPE portlore_frames counter\n") && open.ends_with("\n# EOF\n"),
        "{open}"
    );
    signal(&child, "TERM");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}
