//! Snapshots beside the report of the same capture.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use super::*;
use crate::classify::{Verdict, classify};
use crate::decode::{ServicePort, Transport};
use crate::evidence::Direction;
use crate::flow::{FlowRecord, Outcome};
use crate::report::formats::json;
use crate::report::{Report, Show, Style};
use crate::source::{Block, Drops, Files, Filled, Frame, LinkType, Next};
use crate::time::Time;

mod examples;
mod panics;

/// A capture that pauses after some of its frames, each time until a snapshot was taken.
struct Pausing<'a> {
    files: Files,
    frames: u64,
    pauses: &'a [u64],
    requester: SnapshotRequester,
    request: SnapshotRequest,
    requested: usize,
    seen: &'a Mutex<Vec<Snapshot>>,
}

impl Source for Pausing<'_> {
    fn next(&mut self) -> crate::Result<Next<'_>> {
        let passed = self.pauses.iter().filter(|&&pause| self.frames >= pause).count();
        if self.seen.lock().unwrap().len() < passed {
            if self.requested < passed {
                self.requested += 1;
                self.requester.request(self.request);
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
fn live(stop: &AtomicBool) -> Options<'_> {
    let limits =
        ResourceLimits { max_flows: 1 << 16, opening_bytes: 1 << 24, ..ResourceLimits::DEFAULT };
    let until = StopConditions { stop: Some(stop), ..StopConditions::default() };
    Options { live: true, limits, until, ..Options::replay() }
}

/// The snapshots at the pauses, and the report.
fn pausing(
    catalogue: &Arc<Catalogue>,
    workers: usize,
    pauses: &[u64],
    request: SnapshotRequest,
) -> (Vec<Snapshot>, Run) {
    let stop = Arc::new(AtomicBool::new(false));
    let files =
        Files::open_with_stop(&[Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)], &stop)
            .unwrap();
    let mut options = Options { keep_flows: true, ..live(&stop) };
    options.limits.workers = workers;
    let seen = Mutex::new(Vec::new());
    let (requester, requests) = snapshot_requests();
    let mut source =
        Pausing { files, frames: 0, pauses, requester, request, requested: 0, seen: &seen };
    let mut on_snapshot = |snapshot| seen.lock().unwrap().push(snapshot);
    let snapshots = Snapshots { every: None, flows: 1000, requests, on_snapshot: &mut on_snapshot };
    let run = run(&mut source, None, catalogue, &options, Some(snapshots)).unwrap();
    (seen.into_inner().unwrap(), run)
}

fn document(run: &Run) -> String {
    let mut out = Vec::new();
    let show = Show { flows: true, ..Show::default() };
    let inputs = [CAPTURE.to_owned()];
    let report = Report::new(&inputs, run, None, show);
    json::write(&mut out, &report, Style::default()).unwrap();
    String::from_utf8(out).unwrap()
}

/// Packets and what speaks, by port.
fn figures(run: &Run) -> Vec<String> {
    let mut ports: Vec<_> = run.stats.ports.iter().collect();
    ports.sort_by_key(|(port, _)| **port);
    ports
        .iter()
        .map(|(port, stats)| format!("{port:?} {:?} {:?}", stats.all.packets, stats.speakers))
        .collect()
}

#[test]
fn a_capture_with_snapshots_ends_in_the_same_report_as_one_without() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let plain = document(&pausing(&catalogue, 1, &[], SnapshotRequest::default()).1);
    for workers in [1, 3] {
        let (snapshots, run) =
            pausing(&catalogue, workers, &[0, 1, 50, 51, 200, 291], SnapshotRequest::default());
        assert_eq!(snapshots.len(), 6);
        assert_eq!(document(&run), plain);
    }
}

#[test]
fn every_frame_before_a_snapshot_is_in_it_once() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let pauses = [0, 1, 50, 51, 200, 291];
    let (snapshots, run) = pausing(&catalogue, 2, &pauses, SnapshotRequest::default());
    for (snapshot, pause) in snapshots.iter().zip(pauses) {
        assert_eq!(
            (
                snapshot.run.counters.frames,
                snapshot.run.counters.segments,
                snapshot.run.counters.queue
            ),
            (pause, pause, 0)
        );
        assert_eq!(snapshot.run.drops, Drops { kernel: 7, interface: 8 });
        let packets: u64 =
            snapshot.run.stats.ports.values().map(|port| port.all.packets.sum()).sum();
        assert_eq!(packets, pause);
        let of_flows: u64 = snapshot.run.flows.iter().map(|flow| flow.record.packets.sum()).sum();
        assert_eq!(of_flows, pause);
        assert!(snapshot.live_flows <= snapshot.run.flows.len() as u64);
    }
    // When all was read, the snapshot has the same figures of live flows as the report, which ends
    // them.
    assert_eq!(figures(&snapshots[5].run), figures(&run));
    assert!(snapshots.windows(2).all(|pair| pair[0].elapsed <= pair[1].elapsed));
}

#[test]
fn a_snapshot_of_one_port_brings_its_flows_with_reasons_the_latest_first() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let (snapshots, _) = pausing(
        &catalogue,
        2,
        &[291],
        SnapshotRequest {
            port: Some(ServicePort::new(3001, Transport::Tcp)),
            ..SnapshotRequest::default()
        },
    );
    let flows = &snapshots[0].run.flows;
    assert_eq!(flows.len(), 10);
    assert!(
        flows
            .iter()
            .all(|flow| flow.record.responder.port == 3001 && !flow.verdict.reasons.is_empty())
    );
    assert!(flows.windows(2).all(|pair| pair[0].record.last >= pair[1].record.last));
    assert!(snapshots[0].run.stats.ports.len() > 1, "the figures are those of all ports");
}

#[test]
fn a_snapshot_brings_all_that_is_known_of_the_flow_that_is_requested() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let (_, run) = pausing(&catalogue, 2, &[], SnapshotRequest::default());
    let is_express = |flow: &&JudgedFlow| {
        flow.record.responder.port == 3001 && flow.record.outcome == Outcome::Established
    };
    let wanted = run.flows.iter().find(is_express).unwrap().record.first_frame;
    let request = SnapshotRequest { flow: Some(wanted), ..SnapshotRequest::default() };
    let (snapshots, _) = pausing(&catalogue, 2, &[wanted - 1, wanted, 291], request);
    assert!(snapshots[0].detail.is_none(), "it has not begun");
    let begun = snapshots[1].detail.as_ref().unwrap();
    assert!(begun.opening.is_none(), "SYN has no payload");
    let whole = snapshots[2].detail.as_ref().unwrap();
    assert_eq!(whole.flow.record.first_frame, wanted);
    let opening = whole.opening.as_ref().unwrap();
    assert!(opening.side(Direction::Initiator).bytes().starts_with(b"GET "));
    assert!(opening.side(Direction::Responder).bytes().starts_with(b"HTTP/1.1 "));
    let facts = &whole.flow.verdict.facts.as_ref().unwrap().first;
    assert!(facts.iter().any(|fact| fact.fact == "http.status"), "{facts:?}");
}

#[test]
fn flows_that_have_ended_are_held_but_not_live() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let (snapshots, run) = pausing(&catalogue, 2, &[291], SnapshotRequest::default());
    let ended = run.flows.iter().filter(|flow| flow.record.has_ended()).count() as u64;
    let all = run.flows.len() as u64;
    assert!(ended > 0 && ended < all);
    let Snapshot { live_flows, held_flows, .. } = snapshots[0];
    assert_eq!((live_flows, held_flows), (all - ended, all));
}

/// A flow of one frame without payload, with number and time `n`.
pub(super) fn silent_flow(n: u64) -> (FlowRecord, Verdict) {
    static CATALOGUE: std::sync::LazyLock<Catalogue> =
        std::sync::LazyLock::new(|| Catalogue::load(&[]).unwrap());
    (
        FlowRecord::silent(n),
        classify(&CATALOGUE, ServicePort::new(3001, Transport::Udp), None, false),
    )
}

/// Datagrams of as many flows, faster than any of them can be judged.
struct Flood {
    left: u32,
    frame: Vec<u8>,
    requester: SnapshotRequester,
}

impl Flood {
    const FRAMES: u32 = 300_000;

    fn new(requester: SnapshotRequester) -> Self {
        let mut frame = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 0, 10, 255, 0, 1];
        frame.extend([0x9c, 0x40, 0x1f, 0x40, 0, 20, 0, 0]);
        frame.extend(b"/eos/ping\0\0\0");
        Self { left: Self::FRAMES, frame, requester }
    }
}

impl Source for Flood {
    fn next(&mut self) -> crate::Result<Next<'_>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(Next::End) };
        self.left = left;
        if left.is_multiple_of(10_000) {
            self.requester.request(SnapshotRequest::default());
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
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let stop = AtomicBool::new(false);
    // Every new flow has the classifier judge one that has to go.
    let mut options = live(&stop);
    options.limits.max_flows = 16;
    let (requester, requests) = snapshot_requests();
    let (mut snapshots, mut frames) = (0, 0);
    let mut on_snapshot = |snapshot: Snapshot| {
        check_buckets(&snapshot.run);
        assert!(snapshot.run.counters.frames >= frames);
        (snapshots, frames) = (snapshots + 1, snapshot.run.counters.frames);
    };
    let whole = run(
        &mut Flood::new(requester),
        None,
        &catalogue,
        &options,
        Some(Snapshots { every: None, flows: 0, requests, on_snapshot: &mut on_snapshot }),
    )
    .unwrap();
    check_buckets(&whole);
    assert_eq!(whole.counters.frames, u64::from(Flood::FRAMES));
    assert!(whole.counters.queue > 0 && whole.drops == Drops::default());
    assert!(snapshots > 0);
}

/// Every frame is a segment that a flow counts, or was dropped at the queue.
fn check_buckets(run: &Run) {
    assert_eq!(run.counters.frames, run.counters.segments + run.counters.queue);
    let packets: u64 = run.stats.ports.values().map(|port| port.all.packets.sum()).sum();
    assert_eq!(packets, run.counters.segments);
}

/// One frame per read, and the backlog that the system reports. Behind the last frame, a source
/// with a backlog ends; one without is idle.
struct Held(Files, Option<u64>);

impl Source for Held {
    fn next(&mut self) -> crate::Result<Next<'_>> {
        self.0.next()
    }

    fn read(&mut self, block: &mut Block) -> crate::Result<Filled> {
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
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let files =
        Files::open_with_stop(&[Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)], &stop)
            .unwrap();
    stop.store(true, Ordering::Relaxed);
    let options = live(&stop);
    let run = run(&mut Held(files, None), None, &catalogue, &options, None).unwrap();
    assert_eq!((run.counters.frames, run.problems), (291, Vec::new()));
}

#[test]
fn a_live_capture_ends_when_what_the_system_held_is_read_and_what_is_never_read_is_a_drop() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    // The first frame is read before the stop flag is.
    for (held, read, dropped) in [(0, 1, 0), (99, 100, 0), (290, 291, 0), (300, 291, 10)] {
        let stop = Arc::new(AtomicBool::new(false));
        let files =
            Files::open_with_stop(&[Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)], &stop)
                .unwrap();
        stop.store(true, Ordering::Relaxed);
        let run = run(&mut Held(files, Some(held)), None, &catalogue, &live(&stop), None).unwrap();
        assert_eq!((run.counters.frames, run.drops.kernel), (read, dropped));
    }
}

/// A run with a new catalogue behind each of the first frames, and none of them elsewhere.
fn reloading(frames: usize) -> Run {
    let catalogue = || Arc::new(Catalogue::load(&[]).unwrap());
    let (newer, catalogues) = mpsc::channel();
    (0..frames).for_each(|_| newer.send(catalogue()).unwrap());
    let files = Files::open(&[Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)]).unwrap();
    let hooks = Hooks { catalogues: Some(&catalogues), ..Hooks::default() };
    let options = Options { keep_flows: true, hooks, ..Options::replay() };
    run(&mut Held(files, Some(0)), None, &catalogue(), &options, None).unwrap()
}

#[test]
fn a_run_outlives_its_catalogues_and_services_of_one_id_are_one_in_all_of_them() {
    assert_eq!(document(&reloading(5)), document(&reloading(0)));
}

/// A capture of Ethernet frames, each with its payload, between a client and a server over TCP.
fn conversation(port: u16, payloads: &[(bool, &[u8])]) -> Vec<u8> {
    let mut file = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0".to_vec();
    let mut seqs = [1000_u32, 2000];
    let handshake: [(bool, u8, &[u8]); 3] =
        [(true, 0x02, b""), (false, 0x12, b""), (true, 0x10, b"")];
    let data = payloads.iter().map(|&(by_client, payload)| (by_client, 0x18, payload));
    for (n, (by_client, flags, payload)) in (0_u32..).zip(handshake.into_iter().chain(data)) {
        let (client, server) = (([192, 0, 2, 21], 40_000_u16), ([192, 0, 2, 10], port));
        let (from, to) = if by_client { (client, server) } else { (server, client) };
        let (seq, ack) = (seqs[usize::from(!by_client)], seqs[usize::from(by_client)]);
        let mut tcp = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
        tcp.extend_from_slice(&seq.to_be_bytes());
        tcp.extend_from_slice(&ack.to_be_bytes());
        tcp.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend_from_slice(payload);
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
        frame.extend_from_slice(&(20 + tcp.len() as u16).to_be_bytes());
        frame.extend_from_slice(&[0, 0, 0, 0, 64, 6, 0, 0]);
        frame.extend_from_slice(&[from.0, to.0].concat());
        frame.extend_from_slice(&tcp);
        seqs[usize::from(!by_client)] += payload.len() as u32 + u32::from(flags & 2 != 0);
        let len = (frame.len() as u32).to_le_bytes();
        file.extend(
            [&(1_700_000_000 + n).to_le_bytes()[..], &[0; 4][..], &len[..], &len[..], &frame[..]]
                .concat(),
        );
    }
    file
}

#[test]
fn what_was_not_recognised_leaves_its_first_line_at_the_server_whoever_keeps_flows() {
    let catalogue = Catalogue::shipped().unwrap();
    let shell: &[(bool, &[u8])] = &[
        (false, b"\x1b]0;root\x07bash-5.2# "),
        (true, b"id\n"),
        (false, b"id\r\nuid=0(root)\r\n"),
        (true, b"exit\n"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shell.pcap");
    std::fs::write(&path, conversation(4444, shell)).unwrap();
    for keep_flows in [false, true] {
        let mut files = Files::open(std::slice::from_ref(&path)).unwrap();
        let options = Options { keep_flows, ..Options::replay() };
        let run = run(&mut files, None, &catalogue, &options, None).unwrap();
        let servers: Vec<_> = run.stats.servers.rows().collect();
        let [server] = &servers[..] else { panic!("{servers:?}") };
        let line = server.first_line.map(|line| (&*line.text, line.frame));
        assert_eq!(line, Some(("\x1b]0;root\x07bash-5.2#", 4)), "keeps flows: {keep_flows}");
        assert!(server.has_data && server.protocols().next().is_none());
    }
}

#[test]
fn who_announces_to_a_group_has_a_frame_of_proof() {
    let catalogue = Catalogue::shipped().unwrap();
    for (name, frame, named) in [("mdns-announce", 1, true), ("dhcp-broadcast", 2, false)] {
        let path = format!("{}/fixtures/cases/{name}.pcap", env!("CARGO_MANIFEST_DIR"));
        let mut files = Files::open(&[Path::new(&path)]).unwrap();
        let run = run(&mut files, None, &catalogue, &Options::replay(), None).unwrap();
        let servers: Vec<_> = run.stats.servers.rows().collect();
        let [server] = &servers[..] else { panic!("{name}: {servers:?}") };
        assert_eq!(server.proof_frame, Some(frame), "{name}");
        assert_eq!(!server.address_names.is_empty(), named, "{name}");
    }
}

#[test]
fn names_are_left_out_where_they_are_not_wanted() {
    let catalogue = Catalogue::shipped().unwrap();
    for capture in ["cases/mdns-announce", "cases/finding-analyst"] {
        for names in [true, false] {
            let path = format!("{}/fixtures/{capture}.pcap", env!("CARGO_MANIFEST_DIR"));
            let mut files = Files::open(&[Path::new(&path)]).unwrap();
            let options = Options { names, ..Options::replay() };
            let run = run(&mut files, None, &catalogue, &options, None).unwrap();
            let is_named = |server: crate::stats::Server<'_>| {
                !server.names.is_empty() || !server.address_names.is_empty()
            };
            assert_eq!(run.stats.servers.rows().any(is_named), names, "{capture}");
        }
    }
}
