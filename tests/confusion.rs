//! Every detector against every flow of every capture here: no two accept the same bytes. What each flow is heard as stands
//! in `confusion.txt`; run with `PORTLORE_BLESS=1` to accept.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use portlore::decode::{Decoder, Endpoint};
use portlore::detect::DETECTORS;
use portlore::evidence::Finding;
use portlore::flow::{FlowKey, FlowRecord, Judge, Limits, Look, Opening, ServicePorts, Table};
use portlore::source::{Files, Next, Source};

use crate::run::captures;

/// The protocols of the detectors that accept each flow, those aside that are asked last.
#[derive(Default)]
struct All {
    heard: BTreeMap<(u64, String), Vec<&'static str>>,
}

impl Judge for All {
    type Verdict = Vec<&'static str>;

    fn look(&mut self, _: &Opening, _: Endpoint) -> Look<Self::Verdict> {
        Look::Everything
    }

    fn inspect(&mut self, opening: &Opening, _: Endpoint) -> Self::Verdict {
        let asked = DETECTORS.iter().filter(|d| !d.residual && d.transports.contains(&opening.transport()));
        asked
            .filter(|d| matches!((d.inspect)(opening), Finding::Yes(..) | Finding::Partly(..)))
            .map(|d| d.protocol.id())
            .collect()
    }

    fn close(&mut self, record: FlowRecord, verdict: Option<Self::Verdict>) {
        let flow = (record.first_frame, format!("{}/{}", record.responder.port, record.transport));
        self.heard.insert(flow, verdict.unwrap_or_default());
    }
}

fn heard(capture: &str) -> All {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(capture);
    let mut files = Files::open(&[path], &Arc::new(AtomicBool::new(false))).unwrap();
    let (mut table, mut all) = (Table::new(Limits { flows: 1 << 16, opening_bytes: 1 << 28 }), All::default());
    let ports = ServicePorts::default();
    let mut decoder = Decoder::new(true);
    while let Next::Frame(frame) = files.next().unwrap() {
        let Ok((segment, payload)) = decoder.decode(&frame) else { continue };
        let (key, end) = FlowKey::new(&segment.five_tuple);
        table.observe(key, end, table.hash(&key), &segment, &payload, &ports, &mut all);
    }
    table.drain(&mut all);
    all
}

#[test]
fn no_two_detectors_accept_a_flow_of_any_capture() {
    let mut matrix = String::new();
    let mut confused = Vec::new();
    for capture in captures("fixtures") {
        let name = capture.trim_start_matches("fixtures/").trim_end_matches(".pcap");
        let mut flows: BTreeMap<(String, String), usize> = BTreeMap::new();
        for ((frame, port), protocols) in heard(&capture).heard {
            if protocols.len() > 1 {
                confused.push(format!("{name}, frame {frame}: {}", protocols.join(" and ")));
            }
            *flows.entry((port, protocols.first().copied().unwrap_or("-").to_owned())).or_default() += 1;
        }
        for ((port, protocol), count) in flows {
            writeln!(matrix, "{name:32} {port:10} {protocol:10} {count}").unwrap();
        }
    }
    assert_eq!(confused, Vec::<String>::new());
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/confusion.txt");
    if std::env::var_os("PORTLORE_BLESS").is_some() {
        std::fs::write(golden, matrix).unwrap();
    } else {
        assert_eq!(matrix, std::fs::read_to_string(golden).unwrap(), "run with PORTLORE_BLESS=1 to accept");
    }
}
