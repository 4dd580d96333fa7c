//! Views beside the report of the same capture.

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::*;
use crate::classify::{Verdict, classify};
use crate::decode::{Endpoint, Transport};
use crate::flow::{Counts, FlowRecord, Orientation, Outcome as HowItWent, Sizes};
use crate::report::{Report, json};
use crate::source::Files;
use crate::time::Time;

/// A capture that stops for a view after each of some frames and goes on when it was seen.
struct Halting<'a, 'c> {
    files: Files,
    frames: u64,
    halts: &'a [u64],
    asker: Asker,
    ask: Ask,
    asked: usize,
    seen: &'a Mutex<Vec<View<'c>>>,
}

impl Source for Halting<'_, '_> {
    fn next(&mut self) -> Result<Next<'_>, String> {
        let passed = self.halts.iter().filter(|&&halt| self.frames >= halt).count();
        if self.seen.lock().unwrap().len() < passed {
            if self.asked < passed {
                self.asked += 1;
                self.asker.ask(self.ask);
            }
            thread::yield_now();
            return Ok(Next::Idle);
        }
        self.frames += 1;
        self.files.next()
    }

    fn drops(&mut self) -> Drops {
        Drops { kernel: 7, interface: 8 }
    }

    fn interface(&self, number: u32) -> String {
        self.files.interface(number)
    }

    fn problems(&self) -> Vec<String> {
        self.files.problems()
    }
}

const CAPTURE: &str = "fixtures/showcase.pcap";

/// The views at the halts, and the report.
fn halting<'c>(catalogue: &'c Catalogue, workers: usize, halts: &[u64], ask: Ask) -> (Vec<View<'c>>, Run<'c>) {
    let (stop, tell) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
    let files = Files::open(&[Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)], &stop).unwrap();
    let options = Options {
        workers,
        max_flows: 1 << 16,
        opening_bytes: 1 << 24,
        tunnels: true,
        keep_flows: true,
        live: true,
        frames: None,
        span: None,
        stop: &stop,
        tell: &tell,
        on_tell: &|_, _| (),
        catalogues: None,
    };
    let seen = Mutex::new(Vec::new());
    let (asker, asks) = asker();
    let mut source = Halting { files, frames: 0, halts, asker, ask, asked: 0, seen: &seen };
    let mut on_view = |view| seen.lock().unwrap().push(view);
    let views = Views { every: None, flows: 1000, asks, on_view: &mut on_view };
    let run = run(&mut source, None, catalogue, &options, Some(views)).unwrap();
    (seen.into_inner().unwrap(), run)
}

fn document(catalogue: &Catalogue, run: &Run<'_>) -> String {
    let mut out = Vec::new();
    json::write(&mut out, &Report { inputs: &[CAPTURE.to_owned()], run, catalogue }, true).unwrap();
    String::from_utf8(out).unwrap()
}

/// Packets and what speaks, by port.
fn figures(run: &Run<'_>) -> Vec<String> {
    let mut ports: Vec<_> = run.stats.ports.iter().collect();
    ports.sort_by_key(|(port, _)| **port);
    ports.iter().map(|(port, stats)| format!("{port:?} {:?} {:?}", stats.all.packets, stats.speaking)).collect()
}

#[test]
fn a_capture_that_was_looked_at_ends_in_the_same_report_as_one_that_was_not() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let plain = document(&catalogue, &halting(&catalogue, 1, &[], Ask::default()).1);
    for workers in [1, 3] {
        let (views, run) = halting(&catalogue, workers, &[0, 1, 50, 51, 200, 291], Ask::default());
        assert_eq!(views.len(), 6);
        assert_eq!(document(&catalogue, &run), plain);
    }
}

#[test]
fn every_frame_before_a_view_is_in_it_once() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let halts = [0, 1, 50, 51, 200, 291];
    let (views, run) = halting(&catalogue, 2, &halts, Ask::default());
    for (view, halt) in views.iter().zip(halts) {
        assert_eq!((view.run.tally.frames, view.run.tally.segments, view.run.tally.queue), (halt, halt, 0));
        assert_eq!(view.run.drops, Drops { kernel: 7, interface: 8 });
        let packets: u64 = view.run.stats.ports.values().map(|port| port.all.packets.sum()).sum();
        assert_eq!(packets, halt);
        let of_flows: u64 = view.run.flows.iter().map(|flow| flow.record.packets.sum()).sum();
        assert_eq!(of_flows, halt);
        assert!(view.live_flows <= view.run.flows.len() as u64);
    }
    // When all was read, a view says of living flows what the report says of them when they were ended.
    assert_eq!(figures(&views[5].run), figures(&run));
    assert!(views.windows(2).all(|pair| pair[0].elapsed <= pair[1].elapsed));
}

#[test]
fn a_view_of_one_port_brings_its_flows_with_reasons_the_latest_first() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let (views, _) = halting(&catalogue, 2, &[291], Ask { port: Some((3001, Transport::Tcp)) });
    let flows = &views[0].run.flows;
    assert_eq!(flows.len(), 10);
    assert!(flows.iter().all(|flow| flow.record.responder.port == 3001 && !flow.verdict.reasons.is_empty()));
    assert!(flows.windows(2).all(|pair| pair[0].record.last >= pair[1].record.last));
    assert!(views[0].run.stats.ports.len() > 1, "the figures are those of all ports");
}

/// A flow of one frame, number and time `n`, in which nobody said anything.
pub(super) fn silent_flow(n: u64) -> (FlowRecord, Verdict<'static>) {
    static CATALOGUE: std::sync::LazyLock<Catalogue> = std::sync::LazyLock::new(|| Catalogue::load(&[]).unwrap());
    let end = Endpoint { address: [10, 0, 0, 1].into(), port: 3001 };
    let record = FlowRecord {
        transport: Transport::Udp,
        initiator: end,
        responder: end,
        orientation: Orientation::Guessed,
        tunnel: None,
        first: Time(n as i64),
        last: Time(n as i64),
        first_frame: n,
        last_frame: n,
        packets: Counts::default(),
        bytes: Counts::default(),
        payload_bytes: Counts::default(),
        retransmissions: Counts::default(),
        tcp: None,
        ended_by: None,
        outcome: HowItWent::NoAnswer,
        handshake_ns: None,
        first_response_ns: None,
        sizes: Sizes::default(),
    };
    (record, classify(&CATALOGUE, 3001, Transport::Udp, None, false))
}
