//! `--where`: flows that are selected before they are counted.

use serde_json::Value;

use crate::run::{document, outcome, refusal};

const CAPTURE: &str = "fixtures/showcase.pcap";

/// A document without what counts packets, and without frame numbers of the capture as a whole.
fn without_capture(args: &[&str]) -> Value {
    let (_, mut document) = document(args);
    document.as_object_mut().unwrap().remove("capture");
    document
}

fn selection(document: &Value) -> [u64; 2] {
    let selection = &document["capture"]["selection"];
    [&selection["selected_flows"], &selection["flows"]].map(|count| count.as_u64().unwrap())
}

#[test]
fn a_port_that_is_selected_is_reported_as_if_the_capture_had_no_other() {
    for (capture, port) in [
        (CAPTURE, "3001"),
        (CAPTURE, "3037"),
        (CAPTURE, "8000"),
        (CAPTURE, "53"),
        ("fixtures/cases/*.pcap*", "3037"),
        ("fixtures/cases/*.pcap*", "53"),
        ("fixtures/cases/*.pcap*", "80"),
    ] {
        let (packets, flows) =
            (format!("port {port}"), format!("port = {port} or client_port = {port}"));
        let by_flow = without_capture(&["--why", capture, "--where", &flows]);
        // A filter of packets hides fragments and errors of ICMP, which are few.
        let by_packet = without_capture(&["--why", capture, "-f", &packets]);
        assert_eq!(by_flow["servers"], by_packet["servers"], "{capture} {port}");
        if capture == CAPTURE {
            assert_eq!(by_flow, by_packet, "{capture} {port}");
        }
    }
}

#[test]
fn what_is_selected_and_what_is_not_are_all() {
    let (_, all) = document(&[CAPTURE]);
    let flows = |document: &Value| document["flows"].as_array().unwrap().clone();
    for expression in ["tag = osc", "bytes > 1K", "fit = none", "duration < 5ms", "sni ~ .", "vite"]
    {
        let (_, these) = document(&[CAPTURE, "--where", expression]);
        let (_, others) = document(&[CAPTURE, "--where", &format!("not ({expression})")]);
        let mut both = [flows(&these), flows(&others)].concat();
        both.sort_by_key(|flow| flow["first_frame"].as_u64());
        assert_eq!(both, flows(&all), "{expression}");
        let ([selected, seen], [rest, _]) = (selection(&these), selection(&others));
        assert_eq!((selected + rest, seen), (seen, flows(&all).len() as u64), "{expression}");
        assert_eq!(selected, flows(&these).len() as u64, "{expression}");
        let counted = |document: &Value| -> u64 {
            let ports = document["ports"].as_array().unwrap().iter();
            ports.map(|port| port["flows"].as_u64().unwrap()).sum()
        };
        assert_eq!(counted(&these), selected, "{expression}");
    }
}

#[test]
fn the_selection_does_not_depend_on_the_number_of_workers() {
    let expression = "payload_bytes_responder > 100 and not tag:osc or dns_name ~ . or udp";
    let run = |workers: &str| {
        let args = ["replay", "fixtures/*.pcap", "--where", expression, "--workers", workers];
        let options = ["--flows-to", "-.csv", "-o", "/dev/stderr", "--format", "json"];
        let (_, rows, report) = outcome(&[&args[..], &options].concat());
        (rows, report)
    };
    let one = run("1");
    assert!(one.0.lines().count() > 100);
    for workers in ["2", "16"] {
        assert!(run(workers) == one, "{workers} workers");
    }
}

#[test]
fn the_head_of_a_report_says_how_many_flows_are_selected() {
    let (status, text, _) = outcome(&["replay", CAPTURE, "--where", " tag = osc "]);
    assert_eq!((status, text.lines().nth(1)), (0, Some("2 of 21 flows: tag = osc")), "{text}");
    let (status, text, _) = outcome(&["replay", CAPTURE, "--where", "port = 1"]);
    assert_eq!((status, text.lines().nth(1)), (0, Some("0 of 21 flows: port = 1")));
    assert!(text.ends_with("\n\nNo connection matches --where.\n"), "{text}");
    let (_, text, _) = outcome(&["replay", CAPTURE, "--where", "tag=osc", "--format", "md"]);
    assert_eq!(text.lines().nth(2), Some("2 of 21 flows: tag=osc"), "{text}");
    let (_, text, _) = outcome(&["replay", CAPTURE, "--where", "tag = osc", "--format", "ndjson"]);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(selection(&lines[2]), [2, 21]);
    assert_eq!(lines[2]["capture"]["selection"]["where"], "tag = osc");
    let (_, all) = document(&[CAPTURE]);
    assert!(all["capture"].get("selection").is_none());
}

#[test]
fn findings_are_made_from_the_selected_flows() {
    let findings = |expression: &str| {
        let (_, document) = document(&[CAPTURE, "--where", expression]);
        document["findings"].as_array().unwrap().len()
    };
    let (_, all) = document(&[CAPTURE]);
    assert_eq!(all["findings"].as_array().unwrap().len(), 2);
    assert_eq!([findings("tag = osc"), findings("fit = contradicts"), findings("!")], [0, 1, 1]);
    let fails = |expression: &str| {
        outcome(&["replay", CAPTURE, "--fail-on", "alert", "--where", expression]).0
    };
    assert_eq!([fails("tag = osc"), fails("port = 3037")], [0, 1]);
}

#[test]
fn a_fault_is_shown_in_the_expression_and_nothing_is_read() {
    let said = refusal(&["replay", "nothing.pcap", "--where", "tag = osc and protocl = http"]);
    let expected = "error: invalid value 'tag = osc and protocl = http' for '--where <EXPR>': \
                    there is no column 'protocl'; did you mean protocol?\n  \
                    tag = osc and protocl = http\n                ^^^^^^^\n";
    assert!(said.starts_with(expected), "{said}");
    let said = refusal(&["replay", "nothing.pcap", "--where", "a\u{1b}[31m = 1"]);
    assert!(!said.contains('\u{1b}'), "{said:?}");
    let deep = "(".repeat(100_000);
    assert!(refusal(&["replay", "nothing.pcap", "--where", &deep]).contains("more than 64 levels"));
}

#[test]
fn messages_of_osc_are_selected_by_their_connection_and_address() {
    let shown = |expression: &str| {
        let (status, text, _) =
            outcome(&["osc", CAPTURE, "--format", "ndjson", "--where", expression]);
        assert_eq!(status, 0);
        text.lines().count()
    };
    let all = shown("tcp or udp");
    let (tcp, udp) = (shown("tcp"), shown("udp"));
    // The last line is the end.
    assert_eq!(tcp + udp, all + 1);
    assert!(shown("osc_address ~ ^/eos/out and server in 192.0.2.0/24") > 1);
    assert_eq!(shown("responder_port = 1"), 1);
    // Texts that are searched for may be names of columns.
    assert_eq!([shown("\"sni\""), shown("not \"host\"")], [1, all]);
    let said = refusal(&["osc", CAPTURE, "--where", "bytes > 1"]);
    assert!(
        said.contains(
            "--where: bytes is not known yet when a message is shown; --where of osc can use"
        ),
        "{said}"
    );
}

/// The first cells of the table of ports.
fn ports(args: &[&str]) -> Vec<String> {
    let (_, text, _) = outcome(&[&["replay", CAPTURE], args].concat());
    let table = text.lines().skip_while(|line| !line.starts_with("PORT ")).skip(1);
    let rows = table.take_while(|line| !line.is_empty() && !line.starts_with("and "));
    let cells = rows.filter_map(|line| line.split(' ').next().filter(|cell| !cell.is_empty()));
    cells.map(str::to_owned).collect()
}

#[test]
fn tables_are_sorted_by_the_column_that_is_asked_for() {
    let number = |port: &String| port.split('/').next().unwrap().parse::<u16>().unwrap();
    let by_port = ports(&["--sort", "port", "--top", "0"]);
    assert!(by_port.len() > 5 && by_port.is_sorted_by_key(number), "{by_port:?}");
    assert_eq!(ports(&["--sort", "bytes"]), ports(&[]));
    assert_ne!(ports(&["--sort", "flows"]), ports(&[]));
    let (_, text, _) = outcome(&["replay", CAPTURE, "--sort", "flows", "--top", "1"]);
    assert!(text.contains(" ports with fewer flows; --top 0 shows all"), "{text}");
    let csv = |sort: &str| {
        let args = ["replay", CAPTURE, "--format", "csv", "--table", "servers", "--sort", sort];
        let (_, text, _) = outcome(&args);
        let cells =
            text.lines().skip(1).map(|line| line.split(',').nth(9).unwrap().parse().unwrap());
        cells.collect::<Vec<u64>>()
    };
    assert!(csv("flows").is_sorted_by(|a, b| a >= b) && !csv("port").is_empty());
    let said = refusal(&["replay", CAPTURE, "--sort", "colour"]);
    assert!(said.contains("[possible values: bytes, flows, packets, clients, port]"), "{said}");
}
