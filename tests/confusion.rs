//! Every detector against every flow of every capture here: no two accept the same bytes.
//! `confusion.txt` has the protocol of each flow; run with `PORTLORE_BLESS=1` to accept.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use portlore::detect::{DETECTORS, is_asked};
use portlore::evidence::{Depth, Detection, Wanted};
use portlore::flow::{FlowKey, FlowRecord, Judge, Opening, VerdictId};

use crate::observed::observe;
use crate::run::captures;

/// The protocols of the detectors that accept each flow, residual ones aside.
#[derive(Default)]
struct All {
    /// The detectors that would have accepted a flow but are not called for it.
    not_called: Vec<&'static str>,
    /// The protocols of each verdict's number.
    verdicts: Vec<Vec<&'static str>>,
    /// The protocols of each flow, by its first frame and its port.
    by_flow: BTreeMap<(u64, String), Vec<&'static str>>,
}

impl Judge for All {
    fn inspect_partial(&mut self, _: &mut Opening, _: &FlowKey) -> (Wanted, Option<VerdictId>) {
        (Wanted::Everything, None)
    }

    fn inspect(&mut self, opening: &mut Opening, _: &FlowKey) -> VerdictId {
        let detectors =
            DETECTORS.iter().filter(|d| !d.residual && d.transports.contains(&opening.transport()));
        let accept: Vec<_> = detectors
            .filter(|d| {
                matches!(
                    (d.inspect)(opening, Depth::Facts),
                    Detection::Yes(..) | Detection::Partly(..)
                )
            })
            .collect();
        self.not_called
            .extend(accept.iter().filter(|d| !is_asked(d, opening)).map(|d| d.protocol.as_str()));
        self.verdicts.push(accept.iter().map(|d| d.protocol.as_str()).collect());
        VerdictId(self.verdicts.len() as u32 - 1)
    }

    fn close(&mut self, record: FlowRecord, verdict: Option<VerdictId>) {
        let flow = (record.first_frame, format!("{}/{}", record.responder.port, record.transport));
        self.by_flow.insert(
            flow,
            verdict.map(|id| self.verdicts[id.0 as usize].clone()).unwrap_or_default(),
        );
    }
}

/// The detections in a capture without the first `but` segments of every flow.
fn detect_all(capture: &str, but: u64) -> All {
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
        for ((frame, port), protocols) in detect_all(&capture, 0).by_flow {
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

/// Most detectors are called only for openings that their prefilter passes. Here each is called for
/// all openings, also for those whose beginning is missing.
#[test]
fn no_detector_that_would_accept_a_flow_is_passed_over() {
    for capture in captures("fixtures") {
        for but in [0, 1, 3, 4, 5, 6, 9] {
            assert_eq!(
                detect_all(&capture, but).not_called,
                Vec::<&str>::new(),
                "{capture} without its first {but} segments"
            );
        }
    }
}
