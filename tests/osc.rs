//! `portlore osc`: what it shows, that nothing of a packet is lost, and that it works live.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::run::{captures, outcome, portlore, told};

/// The events of `--format ndjson` and what was said on stderr.
fn events(args: &[&str]) -> (Vec<Value>, String) {
    let (status, stdout, stderr) = outcome(&[&["osc", "--format", "ndjson"], args].concat());
    assert_eq!(status, 0, "{args:?}: {stderr}");
    (stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), stderr)
}

fn bytes_of(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// A text from the wire: its bytes where they are not UTF-8.
fn text(text: &Value, hex: &Value) -> Vec<u8> {
    if hex.is_null() { text.as_str().unwrap().as_bytes().to_vec() } else { bytes_of(hex) }
}

fn padded(mut bytes: Vec<u8>, zeros: usize) -> Vec<u8> {
    bytes.resize((bytes.len() + zeros).next_multiple_of(4), 0);
    bytes
}

fn encoded_argument(argument: &Value) -> Vec<u8> {
    match argument["type"].as_str().unwrap() {
        "i" => i32::try_from(argument["value"].as_i64().unwrap()).unwrap().to_be_bytes().to_vec(),
        "h" => argument["value"].as_i64().unwrap().to_be_bytes().to_vec(),
        "s" | "S" => padded(text(&argument["text"], &argument["hex"]), 1),
        "b" => {
            let blob = bytes_of(&argument["hex"]);
            assert_eq!(argument["length"], blob.len());
            [(blob.len() as u32).to_be_bytes().to_vec(), padded(blob, 0)].concat()
        }
        "t" => bytes_of(&argument["time_tag_hex"]),
        "f" | "d" | "c" | "r" | "m" => bytes_of(&argument["hex"]),
        _ => Vec::new(),
    }
}

fn encoded_message(message: &Value) -> Vec<u8> {
    let mut bytes = padded(text(&message["address"], &message["address_hex"]), 1);
    if let Some(types) = message["types"].as_str() {
        bytes.extend(padded(format!(",{types}").into_bytes(), 1));
    }
    bytes.extend(message["arguments"].as_array().unwrap().iter().flat_map(encoded_argument));
    bytes
}

fn encoded_bundle(bundle: &Value) -> Vec<u8> {
    let mut bytes = [b"#bundle\0".to_vec(), bytes_of(&bundle["time_tag_hex"])].concat();
    for element in bundle["elements"].as_array().unwrap() {
        let inner = match element.get("message") {
            Some(message) => encoded_message(message),
            None => encoded_bundle(&element["bundle"]),
        };
        bytes.extend((inner.len() as u32).to_be_bytes());
        bytes.extend(inner);
    }
    bytes
}

/// The bytes of an event as they were sent, framing included; `None` for what are no bytes.
fn encoded(event: &Value) -> Option<Vec<u8>> {
    let packet = match event["event"].as_str().unwrap() {
        "message" => encoded_message(&event["message"]),
        "bundle" => encoded_bundle(&event["bundle"]),
        "fault" => bytes_of(&event["bytes_hex"]),
        "unread" => return Some(bytes_of(&event["stream_hex"])),
        _ => return None,
    };
    Some(match event["framing"].as_str().unwrap() {
        "length-prefix" => [&(packet.len() as u32).to_be_bytes()[..], &packet].concat(),
        "slip" => {
            let ends = |i: usize| vec![0xc0; event["slip_ends"][i].as_u64().unwrap() as usize];
            let escaped = packet.iter().flat_map(|&byte| match byte {
                0xc0 => vec![0xdb, 0xdc],
                0xdb => vec![0xdb, 0xdd],
                byte => vec![byte],
            });
            ends(0).into_iter().chain(escaped).chain(ends(1)).collect()
        }
        _ => packet,
    })
}

/// Who sent it to whom.
fn direction(event: &Value) -> String {
    let end = |name: &str| format!("{}:{}", event[name]["address"], event[name]["port"]);
    format!("{} {} {}", event["transport"], end("source"), end("destination"))
}

/// What each side sent, read from the capture itself: datagrams by their frames, streams in order.
/// `None` for a capture that only a whole decoder reads (tunnels, fragments, other link types).
mod sent;

fn osc_captures() -> Vec<String> {
    let all = ["fixtures", "fixtures/cases"].into_iter().flat_map(captures);
    all.filter(|name| !events_quietly(name).is_empty()).collect()
}

/// The events of a capture that hold something of OSC.
fn events_quietly(capture: &str) -> Vec<Value> {
    let (_, stdout, _) = outcome(&["osc", "-q", "--format", "ndjson", capture]);
    let all = stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|event| event["event"] != "end").collect()
}

#[test]
fn the_events_of_every_capture_give_the_bytes_that_were_sent() {
    let captures = osc_captures();
    assert!(captures.len() > 35, "{captures:?}");
    for capture in captures {
        let sent = sent::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(&capture));
        let mut streams: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for event in events_quietly(&capture) {
            let Some(bytes) = encoded(&event) else { continue };
            if event["transport"] == "udp" {
                let frame = event["frame"].as_u64().unwrap();
                assert_eq!(Some(&bytes), sent.datagrams.get(&frame), "{capture} frame {frame}");
            } else {
                streams.entry(direction(&event)).or_default().extend(bytes);
            }
        }
        for (direction, bytes) in streams {
            assert_eq!(Some(&bytes), sent.streams.get(&direction), "{capture} {direction}");
        }
    }
}

#[test]
fn every_datagram_and_stream_of_osc_is_shown() {
    for (capture, messages) in [
        ("fixtures/eos-tcp-slip-3037.pcap", 20),
        ("fixtures/eos-tcp-length-3032.pcap", 20),
        ("fixtures/eos-bundle-udp-8000.pcap", 10),
        ("fixtures/eos-liblo-tcp-3032.pcap", 5),
    ] {
        let (all, _) = events(&["-q", capture]);
        assert_eq!(all.last().unwrap()["messages"], messages, "{capture}");
        assert_eq!(all.last().unwrap()["failed"], 0, "{capture}");
    }
}

#[test]
fn what_fails_on_purpose_says_where() {
    let (all, _) = events(&["-q", "fixtures/osc-lookalike-udp-8000.pcap"]);
    let faults: Vec<_> = all
        .iter()
        .filter(|event| event["event"] == "fault")
        .map(|event| (event["frame"].as_u64().unwrap(), event["fault"]["at"].as_u64().unwrap()))
        .collect();
    let places =
        [(1, 20), (2, 9), (3, 12), (4, 0), (5, 8), (6, 7), (7, 12), (8, 0), (9, 0), (10, 0)];
    assert_eq!(faults, places);
    assert!(all.iter().all(|event| event["event"] == "end" || event["recognised"] == false));
    let (all, _) = events(&["-q", "fixtures/eos-mismatch.pcap"]);
    let mismatch = all.iter().find(|event| event["event"] == "mismatch").unwrap();
    assert_eq!((&mismatch["framing"], &mismatch["frame"]), (&"slip".into(), &6.into()));
}

#[test]
fn every_fixture_that_fails_says_frame_place_and_reason() {
    // Of each: packets that are no OSC, those of which the capture cut something, sides that frame
    // differently.
    for (capture, faults, cut, mismatches) in [
        ("osc-lookalike-udp-8000", 10, 0, 0),
        ("eos-mismatch", 0, 0, 1),
        ("cases/icmp-cut-70", 4, 0, 0),
        ("forms/snap96", 0, 8, 0),
        ("forms/pcap-2-3", 0, 8, 0),
        ("forms/pcap-aix", 0, 8, 0),
    ] {
        let (all, _) = events(&["-q", &format!("fixtures/{capture}.pcap")]);
        let of = |kind: &str| all.iter().filter(|e| e["event"] == kind).collect::<Vec<_>>();
        let (found, gaps, sides) = (of("fault"), of("gap"), of("mismatch"));
        assert_eq!((found.len(), sides.len()), (faults, mismatches), "{capture}");
        assert!(gaps.len() >= cut, "{capture}: {} gaps", gaps.len());
        for event in found.iter().chain(&gaps).chain(&sides) {
            assert!(event["frame"].as_u64().is_some_and(|frame| frame > 0), "{capture}: {event}");
        }
        for event in found {
            let (at, reason) = (&event["fault"]["at"], &event["fault"]["reason"]);
            assert!(at.is_u64() && reason.as_str().is_some_and(|r| !r.is_empty()), "{event}");
        }
        for event in sides {
            assert_ne!(event["framing"], event["other_framing"], "{capture}");
        }
    }
}

#[test]
fn other_protocols_are_not_shown() {
    for capture in
        ["express-3001", "tls-3002", "random-3037", "slip-ip-3037", "csta-lookalike-3002"]
    {
        let capture = format!("fixtures/{capture}.pcap");
        assert_eq!(events_quietly(&capture), [0; 0], "{capture}");
    }
}

#[test]
fn filters_select_by_address_port_host_and_frame() {
    let capture = "fixtures/eos-udp-8000.pcap";
    let count = |args: &[&str]| {
        let (all, _) = events(&[&["-q", capture], args].concat());
        all.last().unwrap()["messages"].as_u64().unwrap()
    };
    let all = count(&[]);
    assert_eq!(count(&["--address", "/eos/ping"]), 2);
    assert_eq!(count(&["-a", "/eos/ping", "-a", "/eos/out/{ping,nothing}"]), 4);
    assert_eq!(
        count(&["-a", "/eos/*"]) + count(&["-a", "/eos/*/*"]) + count(&["-a", "/eos/*/*//*"]),
        all
    );
    assert_eq!((count(&["-a", "//*"]), count(&["-a", "/EOS//*"])), (all, 0));
    // The console answers to port 8001, also from its port 8000.
    assert_eq!((count(&["--port", "8000"]), count(&["--port", "8001"])), (all, 12));
    assert_eq!((count(&["--host", "192.0.2.10"]), count(&["--host", "192.0.2.99"])), (all, 0));
    assert_eq!(count(&["-f", "dst port 8000"]), 8);
    assert_eq!(count(&["-c", "3"]), 3);
    let (status, _, stderr) = outcome(&["osc", "-a", "eos", capture]);
    assert!(status == 2 && stderr.contains("an address begins with /"), "{stderr}");
}

#[test]
fn a_rate_says_how_many_messages_it_leaves_out() {
    let (all, stderr) = events(&["--rate", "3", "fixtures/eos-tcp-slip-3037.pcap"]);
    let end = all.last().unwrap();
    let (shown, left_out) = (end["messages"].as_u64().unwrap(), end["left_out"].as_u64().unwrap());
    assert_eq!(shown + left_out, 20);
    assert!(left_out > 0 && stderr.contains(&format!("{left_out} messages left out by --rate")));
    let told = all.iter().filter(|event| event["event"] == "left_out");
    assert_eq!(told.map(|event| event["messages"].as_u64().unwrap()).sum::<u64>(), left_out);
}

#[test]
fn the_text_of_three_captures_reads_as_its_golden_text() {
    for name in ["eos-tcp-slip-3037", "eos-bundle-udp-8000", "osc-lookalike-udp-8000"] {
        let (status, stdout, stderr) = outcome(&["osc", &format!("fixtures/{name}.pcap")]);
        let mut now = stdout;
        write!(now, "\nexit {status}\n{stderr}").unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/{name}.osc.txt"));
        if std::env::var_os("PORTLORE_BLESS").is_some() {
            std::fs::write(path, now).unwrap();
        } else {
            let golden = std::fs::read_to_string(path).unwrap_or_default();
            assert_eq!(now, golden, "{name}: PORTLORE_BLESS=1 accepts");
        }
    }
}

#[test]
fn help_fits_eighty_columns() {
    let output = portlore(&["osc", "--help"]).env("COLUMNS", "80").output().unwrap();
    let (status, help, _) = told(&output);
    assert_eq!(status, 0);
    for line in help.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

/// Python programs that speak OSC between two namespaces.
#[cfg(target_os = "linux")]
mod on_a_wire;
