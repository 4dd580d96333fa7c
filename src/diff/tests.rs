use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::inventory::host_name;
use super::*;
use crate::Replay;
use crate::decode::Transport;
use crate::findings;
use crate::report::{FORMATS, Report, Show, Style};
use crate::stats::ServerKey;

fn captures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let folders = [root.join("cases"), root];
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "pcap")).collect();
    paths.sort();
    paths
}

fn inventory(path: &Path) -> Inventory {
    both(path, true).0
}

/// The inventory of a capture, and of its report as JSON.
fn both(path: &Path, with_flows: bool) -> (Inventory, Inventory) {
    let run = Replay::open([path]).unwrap().run().unwrap();
    let mut clients = ClientPairs::default();
    run.flows.iter().for_each(|flow| clients.insert_flow(flow));
    let found = findings::find(&run.stats, &run.catalogue);
    let of_run = Inventory::of_run(&run, &found, with_flows.then_some(clients));
    let inputs = [path.display().to_string()];
    let report = Report::new(&inputs, &run, None, Show { flows: with_flows, ..Show::default() });
    let format = FORMATS.iter().find(|format| format.name == "json").unwrap();
    let mut document = Vec::new();
    (format.write)(&mut document, &report, Style::default()).unwrap();
    assert!(is_document(&document));
    (of_run, Inventory::of_document(&document[..], "report").unwrap())
}

#[test]
fn a_report_shows_what_its_capture_shows_in_every_fixture() {
    let captures = captures();
    assert!(captures.len() > 200);
    for path in captures {
        let (of_run, of_document) = both(&path, true);
        assert_eq!(of_run, of_document, "{}", path.display());
        let differences = Differences::new(&of_run, &of_document);
        assert_eq!(differences, Differences::default(), "{}", path.display());
    }
}

#[test]
fn without_flows_clients_are_compared_by_their_number() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/showcase.pcap");
    let whole = inventory(&path);
    let (_, mut short) = both(&path, false);
    let differences = Differences::new(&whole, &short);
    assert!(differences.is_empty() && differences.notices.len() == 1, "{differences:?}");
    let (&key, traits) = short.servers.iter_mut().next().unwrap();
    traits.clients += 1;
    let differences = Differences::new(&whole, &short);
    assert_eq!(differences.servers.len(), 1);
    let change = &differences.servers[0];
    assert_eq!(
        (change.change, change.key, change.fields[0].field),
        (Change::Changed, key, "clients")
    );
}

fn key(address: &str, port: u16) -> ServerKey {
    ServerKey { address: address.parse().unwrap(), port, transport: Transport::Tcp, sensor: 0 }
}

fn named(names: &[&str]) -> ServerTraits {
    let names = names.iter().map(|&name| name.to_owned()).collect();
    ServerTraits { names, ..ServerTraits::default() }
}

fn of_servers(servers: &[(ServerKey, ServerTraits)]) -> Inventory {
    let clients = Some(ClientPairs::default());
    Inventory { servers: servers.iter().cloned().collect(), clients, ..Inventory::default() }
}

/// The servers that differ, as `+10.0.0.1`, `-10.0.0.1` and `~10.0.0.1`.
fn changed(first: &[(ServerKey, ServerTraits)], second: &[(ServerKey, ServerTraits)]) -> String {
    let differences = Differences::new(&of_servers(first), &of_servers(second));
    let sign = |change| match change {
        Change::Added => '+',
        Change::Removed => '-',
        Change::Changed => '~',
    };
    let changes = differences.servers.iter();
    let texts = changes.map(|server| format!("{}{}", sign(server.change), server.key.address));
    texts.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_server_is_its_name_where_both_have_one_and_else_its_address_and_port() {
    let (one, two) = (key("10.0.0.1", 80), key("10.0.0.2", 80));
    let web = || named(&["web.example"]);
    let cases = [
        (vec![(one, web())], vec![(one, web())], ""),
        (vec![(one, web())], vec![(two, web())], "~10.0.0.2"),
        (vec![(one, named(&[]))], vec![(two, web())], "-10.0.0.1 +10.0.0.2"),
        (vec![(one, named(&[]))], vec![(one, web())], "~10.0.0.1"),
        (vec![(one, web())], vec![(one, named(&["new.example"]))], "+10.0.0.1 -10.0.0.1"),
        (vec![(one, web())], vec![(one, named(&["a.example", "web.example"]))], "~10.0.0.1"),
        (vec![(one, web())], vec![(key("10.0.0.1", 81), web())], "-10.0.0.1 +10.0.0.1"),
        // Two hosts that swap their addresses.
        (
            vec![(one, web()), (two, named(&["db.example"]))],
            vec![(two, web()), (one, named(&["db.example"]))],
            "~10.0.0.1 ~10.0.0.2",
        ),
    ];
    for (first, second, expected) in cases {
        assert_eq!(changed(&first, &second), expected, "{first:?} {second:?}");
    }
}

#[test]
fn names_that_are_left_out_may_be_the_same() {
    let one = key("10.0.0.1", 80);
    let many = ServerTraits { has_more_names: true, ..named(&["a.example"]) };
    assert_eq!(changed(&[(one, many)], &[(one, named(&["z.example"]))]), "~10.0.0.1");
}

#[test]
fn a_server_with_a_new_address_keeps_its_clients_and_findings() {
    let (one, two) = (key("10.0.0.1", 80), key("10.0.0.2", 80));
    let client: IpAddr = "10.0.0.9".parse().unwrap();
    let with = |key: ServerKey, sentence: &str| {
        let mut inventory = of_servers(&[(key, named(&["web.example"]))]);
        inventory.clients.as_mut().unwrap().insert(client, key);
        inventory.findings.push(FindingTraits {
            kind: "exposed".into(),
            severity: "note".into(),
            port: key.service_port(),
            server: Some(key.address),
            service: None,
            frame: Some(4),
            sentence: sentence.into(),
        });
        inventory
    };
    let (first, second) = (with(one, "3 of 4 failed"), with(two, "5 of 9 failed"));
    let differences = Differences::new(&first, &second);
    assert!(differences.clients.is_empty() && differences.findings.is_empty());
    assert_eq!(differences.servers.len(), 1);
    let mut graver = second.clone();
    graver.findings[0].severity = "alert".into();
    let differences = Differences::new(&first, &graver);
    assert_eq!(differences.findings[0].change, Change::Changed);
    graver.findings.clear();
    assert_eq!(Differences::new(&first, &graver).findings[0].change, Change::Removed);
    assert_eq!(Differences::new(&graver, &first).findings[0].change, Change::Added);
}

#[test]
fn too_many_clients_are_compared_as_far_as_both_know_them() {
    let server = key("10.0.0.1", 80);
    let with = |range: std::ops::Range<u32>| {
        let mut inventory = of_servers(&[]);
        let clients = inventory.clients.as_mut().unwrap();
        // The order does not matter.
        for number in range.rev() {
            clients.insert(IpAddr::from(number.to_be_bytes()), server);
        }
        inventory
    };
    let most = ClientPairs::LIMIT as u32;
    let (full, more) = (with(0..most), with(0..most + 9));
    let differences = Differences::new(&full, &more);
    assert!(differences.is_empty() && differences.notices.len() == 1, "{:?}", differences.notices);
    let differences = Differences::new(&with(1..most), &more);
    assert_eq!(differences.clients.len(), 1);
}

#[test]
fn names_are_compared_without_ports_and_addresses_are_no_names() {
    let cases = [
        ("host", "Web.Example:8080", Some("web.example")),
        ("sni", "web.example.", Some("web.example")),
        ("host", "localhost:3000", None),
        ("host", "10.0.0.1:80", None),
        ("host", "[2001:db8::1]:80", None),
        ("host", "10.0.0.1", None),
        ("dns", "ab", None),
    ];
    for (kind, text, expected) in cases {
        assert_eq!(host_name(kind, text).as_deref(), expected, "{text}");
    }
}

#[test]
fn what_is_no_report_is_refused_by_its_reason() {
    let error = |text: &str| Inventory::of_document(text.as_bytes(), "x").unwrap_err().to_string();
    let whole = r#"{"schema":"portlore/2","capture":{},"servers":[],"ports":[],"findings":[]}"#;
    assert!(Inventory::of_document(whole.as_bytes(), "x").is_ok());
    for (text, reason) in [
        ("", "x is not a portlore report: EOF while parsing"),
        ("{}", "its schema is not portlore/2"),
        ("[1]", "x is not a portlore report: "),
        (r#"{"schema":3}"#, "invalid type: integer `3`"),
        (r#"{"schema":"portlore/2"}"#, "x is not a whole report: ports, servers or findings"),
        (r#"{"schema":"other/1","capture":{},"servers":[]}"#, "its schema is not portlore/2"),
        (&format!("{whole}{whole}"), "trailing characters"),
        (&whole[..40], "EOF while parsing"),
        (&whole.replace("\"servers\":[]", "\"servers\":[{\"port\":70000}]"), "invalid value"),
    ] {
        let error = error(text);
        assert!(error.contains(reason) && error.contains("; write one with"), "{text}: {error}");
        assert_eq!(error.lines().count(), 1);
    }
}

#[test]
fn deep_and_long_documents_are_refused_or_skipped() {
    let deep = format!("{{\"x\":{}", "[".repeat(1 << 20));
    assert!(Inventory::of_document(deep.as_bytes(), "x").is_err());
    let servers = "[".repeat(1 << 20);
    let deep = format!("{{\"servers\":{servers}");
    assert!(Inventory::of_document(deep.as_bytes(), "x").is_err());
    let long = format!(
        r#"{{"schema":"portlore/2","capture":{{"problems":["{}"]}},"servers":[],"ports":[],"findings":[]}}"#,
        "x".repeat(1 << 20)
    );
    let inventory = Inventory::of_document(long.as_bytes(), "x").unwrap();
    assert_eq!(inventory.problems[0].len(), 512);
    let many = format!(r#"{{"capture":{{"problems":[{}"x"]}}}}"#, r#""x","#.repeat(2_000));
    let error = Inventory::of_document(many.as_bytes(), "x").unwrap_err().to_string();
    assert!(error.contains("more than 1024 elements"), "{error}");
}

#[test]
fn captures_are_told_from_documents() {
    for capture in captures().iter().take(5) {
        assert!(!is_document(&std::fs::read(capture).unwrap()));
    }
    assert!(!is_document(b"\n\r\r\n\x1c\0\0\0") && !is_document(b"") && !is_document(b"\x1f\x8b"));
    assert!(is_document(b"\xef\xbb\xbf {") && is_document(b"\n[") && is_document(b"{\"schema\""));
    let fields: BTreeSet<_> = Change::ALL.iter().map(|change| change.as_str()).collect();
    assert_eq!(fields.len(), 3);
}

#[test]
fn no_cut_and_no_damage_of_a_report_brings_the_reader_down() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/shows/wednesday.pcap");
    let run = Replay::open([&path]).unwrap().run().unwrap();
    let inputs = ["x".to_owned()];
    let report = Report::new(&inputs, &run, None, Show { flows: true, ..Show::default() });
    let format = FORMATS.iter().find(|format| format.name == "json").unwrap();
    let mut document = Vec::new();
    (format.write)(&mut document, &report, Style::default()).unwrap();
    for end in (0..document.len() - 2).step_by(23) {
        assert!(Inventory::of_document(&document[..end], "x").is_err(), "{end}");
    }
    for at in (0..document.len()).step_by(41) {
        for byte in [0, b'9', b'"', b'[', 0xff] {
            let before = std::mem::replace(&mut document[at], byte);
            drop(Inventory::of_document(&document[..], "x"));
            document[at] = before;
        }
    }
}
