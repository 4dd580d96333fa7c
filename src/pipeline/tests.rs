//! Views beside the report of the same capture.

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::*;
use crate::classify::{Verdict, classify};
use crate::decode::Transport;
use crate::flow::FlowRecord;
use crate::report::formats::json;
use crate::report::{Report, Show, Style};
use crate::source::{Files, Frame, LinkType, Next};
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

/// A live capture without limits, by one classifier.
fn live<'a, 'c>(stop: &'a AtomicBool, tell: &'a AtomicBool) -> Options<'a, 'c> {
    Options {
        max_flows: 1 << 16,
        opening_bytes: 1 << 24,
        live: true,
        ..Options::replay(stop, tell)
    }
}

/// The views at the halts, and the report.
fn halting<'c>(
    catalogue: &'c Catalogue,
    workers: usize,
    halts: &[u64],
    ask: Ask,
) -> (Vec<View<'c>>, Run<'c>) {
    let (stop, tell) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
    let files = Files::open(&[Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)], &stop).unwrap();
    let options = Options { workers, keep_flows: true, ..live(&stop, &tell) };
    let seen = Mutex::new(Vec::new());
    let (asker, asks) = asker();
    let mut source = Halting { files, frames: 0, halts, asker, ask, asked: 0, seen: &seen };
    let mut on_view = |view| seen.lock().unwrap().push(view);
    let views = Views { every: None, flows: 1000, asks, on_view: &mut on_view };
    let run = run(&mut source, None, catalogue, &options, Some(views)).unwrap();
    (seen.into_inner().unwrap(), run)
}

fn document(run: &Run<'_>) -> String {
    let mut out = Vec::new();
    let show = Show { flows: true, ..Show::default() };
    let report = Report { inputs: &[CAPTURE.to_owned()], run, show };
    json::write(&mut out, &report, Style::default()).unwrap();
    String::from_utf8(out).unwrap()
}

/// Packets and what speaks, by port.
fn figures(run: &Run<'_>) -> Vec<String> {
    let mut ports: Vec<_> = run.stats.ports.iter().collect();
    ports.sort_by_key(|(port, _)| **port);
    ports
        .iter()
        .map(|(port, stats)| format!("{port:?} {:?} {:?}", stats.all.packets, stats.speakers))
        .collect()
}

#[test]
fn a_capture_that_was_looked_at_ends_in_the_same_report_as_one_that_was_not() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let plain = document(&halting(&catalogue, 1, &[], Ask::default()).1);
    for workers in [1, 3] {
        let (views, run) = halting(&catalogue, workers, &[0, 1, 50, 51, 200, 291], Ask::default());
        assert_eq!(views.len(), 6);
        assert_eq!(document(&run), plain);
    }
}

#[test]
fn every_frame_before_a_view_is_in_it_once() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let halts = [0, 1, 50, 51, 200, 291];
    let (views, run) = halting(&catalogue, 2, &halts, Ask::default());
    for (view, halt) in views.iter().zip(halts) {
        assert_eq!(
            (view.run.tally.frames, view.run.tally.segments, view.run.tally.queue),
            (halt, halt, 0)
        );
        assert_eq!(view.run.drops, Drops { kernel: 7, interface: 8 });
        let packets: u64 = view.run.stats.ports.values().map(|port| port.all.packets.sum()).sum();
        assert_eq!(packets, halt);
        let of_flows: u64 = view.run.flows.iter().map(|flow| flow.record.packets.sum()).sum();
        assert_eq!(of_flows, halt);
        assert!(view.live_flows <= view.run.flows.len() as u64);
    }
    // When all was read, a view says of living flows what the report says of them when they were
    // ended.
    assert_eq!(figures(&views[5].run), figures(&run));
    assert!(views.windows(2).all(|pair| pair[0].elapsed <= pair[1].elapsed));
}

#[test]
fn a_view_of_one_port_brings_its_flows_with_reasons_the_latest_first() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let (views, _) = halting(&catalogue, 2, &[291], Ask { port: Some((3001, Transport::Tcp)) });
    let flows = &views[0].run.flows;
    assert_eq!(flows.len(), 10);
    assert!(
        flows
            .iter()
            .all(|flow| flow.record.responder.port == 3001 && !flow.verdict.reasons.is_empty())
    );
    assert!(flows.windows(2).all(|pair| pair[0].record.last >= pair[1].record.last));
    assert!(views[0].run.stats.ports.len() > 1, "the figures are those of all ports");
}

/// A flow of one frame, number and time `n`, in which nobody said anything.
pub(super) fn silent_flow(n: u64) -> (FlowRecord, Verdict<'static>) {
    static CATALOGUE: std::sync::LazyLock<Catalogue> =
        std::sync::LazyLock::new(|| Catalogue::load(&[]).unwrap());
    (FlowRecord::silent(n), classify(&CATALOGUE, 3001, Transport::Udp, None, false))
}

/// Datagrams of as many flows, faster than any of them can be judged.
struct Flood {
    left: u32,
    frame: Vec<u8>,
    asker: Asker,
}

impl Flood {
    const FRAMES: u32 = 300_000;

    fn new(asker: Asker) -> Self {
        let mut frame = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 0, 10, 255, 0, 1];
        frame.extend([0x9c, 0x40, 0x1f, 0x40, 0, 20, 0, 0]);
        frame.extend(b"/eos/ping\0\0\0");
        Self { left: Self::FRAMES, frame, asker }
    }
}

impl Source for Flood {
    fn next(&mut self) -> Result<Next<'_>, String> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(Next::End) };
        self.left = left;
        if left.is_multiple_of(10_000) {
            self.asker.ask(Ask::default());
        }
        self.frame[12..16].copy_from_slice(&(0x0a00_0000 + left).to_be_bytes());
        let number = u64::from(Self::FRAMES - left);
        let wire_len = self.frame.len() as u32;
        Ok(Next::Frame(Frame {
            interface: 0,
            number,
            time: Time(number as i64),
            link: LinkType::RAW,
            wire_len,
            bytes: &self.frame,
        }))
    }

    fn drops(&mut self) -> Drops {
        Drops::default()
    }

    fn problems(&self) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn a_classifier_that_is_too_slow_costs_frames_at_the_queue_only_and_each_is_counted() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let (stop, tell) = (AtomicBool::new(false), AtomicBool::new(false));
    // Every new flow has the classifier judge one that has to go.
    let options = Options { max_flows: 16, ..live(&stop, &tell) };
    let (asker, asks) = asker();
    let (mut views, mut frames) = (0, 0);
    let mut on_view = |view: View<'_>| {
        check_buckets(&view.run);
        assert!(view.run.tally.frames >= frames);
        (views, frames) = (views + 1, view.run.tally.frames);
    };
    let whole = run(
        &mut Flood::new(asker),
        None,
        &catalogue,
        &options,
        Some(Views { every: None, flows: 0, asks, on_view: &mut on_view }),
    )
    .unwrap();
    check_buckets(&whole);
    assert_eq!(whole.tally.frames, u64::from(Flood::FRAMES));
    assert!(whole.tally.queue > 0 && whole.drops == Drops::default());
    assert!(views > 0);
}

/// Every frame is a segment that a flow counts, or was dropped at the queue.
fn check_buckets(run: &Run<'_>) {
    assert_eq!(run.tally.frames, run.tally.segments + run.tally.queue);
    let packets: u64 = run.stats.ports.values().map(|port| port.all.packets.sum()).sum();
    assert_eq!(packets, run.tally.segments);
}

/// One frame a read, and what the system says that it holds: then the end, or a quiet interface
/// where it does not tell.
struct Held(Files, Option<u64>);

impl Source for Held {
    fn next(&mut self) -> Result<Next<'_>, String> {
        self.0.next()
    }

    fn read(&mut self, block: &mut Block) -> Result<Filled, String> {
        Ok(match self.0.next()? {
            Next::Frame(frame) => {
                block.push(&frame);
                Filled::Frames
            }
            Next::End if self.1.is_some() => Filled::End,
            Next::Idle | Next::End => Filled::Idle,
        })
    }

    fn drops(&mut self) -> Drops {
        Drops::default()
    }

    fn unread(&mut self) -> Option<u64> {
        self.1
    }

    fn problems(&self) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn what_the_system_holds_when_a_live_capture_is_stopped_is_still_read() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let (stop, tell) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
    let files = Files::open(&[Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)], &stop).unwrap();
    stop.store(true, Ordering::Relaxed);
    let options = live(&stop, &tell);
    let run = run(&mut Held(files, None), None, &catalogue, &options, None).unwrap();
    assert_eq!((run.tally.frames, run.problems), (291, Vec::new()));
}

#[test]
fn a_live_capture_ends_when_what_the_system_held_is_read_and_what_is_never_read_is_a_drop() {
    let catalogue = Catalogue::load(&[]).unwrap();
    // The first frame is read when the capture is told to end.
    for (held, read, dropped) in [(0, 1, 0), (99, 100, 0), (290, 291, 0), (300, 291, 10)] {
        let (stop, tell) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
        let files =
            Files::open(&[Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)], &stop).unwrap();
        stop.store(true, Ordering::Relaxed);
        let run =
            run(&mut Held(files, Some(held)), None, &catalogue, &live(&stop, &tell), None).unwrap();
        assert_eq!((run.tally.frames, run.drops.kernel), (read, dropped));
    }
}
