//! Every detector against every flow of every capture here: no two accept the same bytes. What each
//! flow is heard as stands in `confusion.txt`; run with `PORTLORE_BLESS=1` to accept.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use portlore::decode::Endpoint;
use portlore::detect::{DETECTORS, is_asked};
use portlore::evidence::{Depth, Detection};
use portlore::flow::{FlowRecord, Judge, Look, Opening, VerdictId};

use crate::observed::observe;
use crate::run::captures;

/// The protocols of the detectors that accept each flow, those aside that are asked last.
#[derive(Default)]
struct All {
    /// Those that would have accepted a flow, had they been asked about it.
    forgotten: Vec<&'static str>,
    verdicts: Vec<Vec<&'static str>>,
    heard: BTreeMap<(u64, String), Vec<&'static str>>,
}

impl Judge for All {
    fn look(&mut self, _: &mut Opening, _: Endpoint) -> Look {
        Look::Everything
    }

    fn inspect(&mut self, opening: &mut Opening, _: Endpoint) -> VerdictId {
        let asked =
            DETECTORS.iter().filter(|d| !d.residual && d.transports.contains(&opening.transport()));
        let accept: Vec<_> = asked
            .filter(|d| {
                matches!(
                    (d.inspect)(opening, Depth::Facts),
                    Detection::Yes(..) | Detection::Partly(..)
                )
            })
            .collect();
        self.forgotten
            .extend(accept.iter().filter(|d| !is_asked(d, opening)).map(|d| d.protocol.as_str()));
        self.verdicts.push(accept.iter().map(|d| d.protocol.as_str()).collect());
        VerdictId(self.verdicts.len() as u32 - 1)
    }

    fn close(&mut self, record: FlowRecord, verdict: Option<VerdictId>) {
        let flow = (record.first_frame, format!("{}/{}", record.responder.port, record.transport));
        self.heard.insert(
            flow,
            verdict.map(|id| self.verdicts[id.0 as usize].clone()).unwrap_or_default(),
        );
    }
}

/// What was heard in a capture, of which the first segments of every flow may be left out.
fn heard(capture: &str, but: u64) -> All {
    let mut all = All::default();
    observe(capture, |number, _| number > but, &mut all);
    all
}

#[test]
fn no_two_detectors_accept_a_flow_of_any_capture() {
    let mut matrix = String::new();
    let mut confused = Vec::new();
    for capture in captures("fixtures") {
        let name = capture.trim_start_matches("fixtures/").trim_end_matches(".pcap");
        let mut flows: BTreeMap<(String, String), usize> = BTreeMap::new();
        for ((frame, port), protocols) in heard(&capture, 0).heard {
            if protocols.len() > 1 {
                confused.push(format!("{name}, frame {frame}: {}", protocols.join(" and ")));
            }
            *flows
                .entry((port, protocols.first().copied().unwrap_or("-").to_owned()))
                .or_default() += 1;
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
        assert_eq!(
            matrix,
            std::fs::read_to_string(golden).unwrap(),
            "run with PORTLORE_BLESS=1 to accept"
        );
    }
}

/// Most detectors are asked only about openings that begin as their language may: here each is
/// asked about all, also about those that were joined in the middle.
#[test]
fn no_detector_that_would_accept_a_flow_is_passed_over() {
    for capture in captures("fixtures") {
        for but in [0, 1, 3, 4, 5, 6, 9] {
            assert_eq!(
                heard(&capture, but).forgotten,
                Vec::<&str>::new(),
                "{capture} without its first {but} segments"
            );
        }
    }
}
