//! The way of flows that have ended: from each worker over a lane to one thread, in one order.
//!
//! A flow's place in the order is the frame with which it ended. Flows that are open at the end
//! follow, by shard and by place in the shard's table. A frame has at most one segment, so that no
//! two lanes have a place in common. The order is therefore the same with any number of workers.
//!
//! [`merge`] takes the flow with the lowest place among the heads of all lanes. If a lane has no head,
//! it has to know that no flow with a lower place follows there: every message says up to which
//! frame its lane is complete. So that a worker without segments can say so, the capture thread
//! [announces](super::channel::WorkerSender::announce) each block to every worker, **before** it waits
//! for any of them. Without that, a busy worker waits for the merging thread, which waits for an idle
//! worker, which waits for the capture thread, which waits for the busy worker.
//!
//! What waits is bounded by the channels: the merging thread holds one message of each lane at most.

use std::collections::VecDeque;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::JudgedFlow;

/// Flows of a message at most; in tests of this library the least, as below.
const MESSAGE: usize = if cfg!(test) { 1 } else { 64 };
/// Messages that wait on a lane.
const QUEUE: usize = if cfg!(test) { 1 } else { 4 };
/// The frame of flows that are open at the end.
const END: u64 = u64::MAX;

/// The place of a flow in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct FlowPlace {
    frame: u64,
    shard: usize,
}

/// Flows of one worker that have ended.
struct LaneMessage {
    flows: Vec<(FlowPlace, JudgedFlow)>,
    /// No flow that follows ended before this frame.
    complete_before: u64,
}

/// A worker's end of its lane.
pub(super) struct FlowLane {
    /// `None` once nobody takes flows any more.
    messages: Option<Sender<LaneMessage>>,
    waiting: Vec<(FlowPlace, JudgedFlow)>,
    /// The place at which flows end now.
    at: FlowPlace,
    /// This worker, and the number of workers: shard `s` belongs to worker `s % workers`.
    worker: (usize, usize),
}

/// The merging thread's end of a lane.
pub(super) struct FlowLaneEnd(Receiver<LaneMessage>);

/// The lane of worker `index` of `workers`.
pub(super) fn lane(index: usize, workers: usize) -> (FlowLane, FlowLaneEnd) {
    let (sender, receiver) = bounded(QUEUE);
    let lane = FlowLane {
        messages: Some(sender),
        waiting: Vec::new(),
        at: FlowPlace::default(),
        worker: (index, workers),
    };
    (lane, FlowLaneEnd(receiver))
}

impl FlowLane {
    /// Sets the frame that is observed now, and the index of its table. Frames never go back.
    pub(super) fn observe(&mut self, frame: u64, table: usize) {
        let (index, workers) = self.worker;
        self.at = FlowPlace { frame, shard: table * workers + index };
    }

    /// The flows that end from now on were open at the end, in the table of this index.
    pub(super) fn drain(&mut self, table: usize) {
        self.observe(END, table);
    }

    /// Sends a flow that ends now. Waits while too many flows are waiting.
    pub(super) fn send(&mut self, flow: JudgedFlow) {
        self.waiting.push((self.at, flow));
        if self.waiting.len() >= MESSAGE {
            self.flush(self.at.frame);
        }
    }

    /// Passes on that no flow that follows ends at `frame` or before.
    pub(super) fn complete(&mut self, frame: u64) {
        self.flush(frame + 1);
    }

    fn flush(&mut self, complete_before: u64) {
        let flows = std::mem::take(&mut self.waiting);
        let message = LaneMessage { flows, complete_before };
        self.messages = self.messages.take().filter(|lane| lane.send(message).is_ok());
    }
}

impl Drop for FlowLane {
    fn drop(&mut self) {
        if !self.waiting.is_empty() {
            self.flush(END);
        }
    }
}

/// What the merging thread has of a lane.
struct LaneHead {
    messages: Receiver<LaneMessage>,
    flows: VecDeque<(FlowPlace, JudgedFlow)>,
    complete_before: u64,
    is_open: bool,
}

impl LaneHead {
    fn first(&self) -> Option<FlowPlace> {
        self.flows.front().map(|&(place, _)| place)
    }

    /// Whether a flow may follow here that comes before `place`.
    fn may_precede(&self, place: Option<FlowPlace>) -> bool {
        let precedes = |place: FlowPlace| place.frame == END || self.complete_before < place.frame;
        self.is_open && self.flows.is_empty() && place.is_none_or(precedes)
    }

    /// Waits for the next message.
    fn receive(&mut self) {
        match self.messages.recv() {
            Ok(message) => {
                self.flows = message.flows.into();
                self.complete_before = message.complete_before;
            }
            Err(_) => self.is_open = false,
        }
    }
}

/// Passes the flows of all lanes to `each`, in order, until the lanes end.
pub(super) fn merge(lanes: Vec<FlowLaneEnd>, mut each: impl FnMut(&JudgedFlow)) {
    let head = |FlowLaneEnd(messages)| LaneHead {
        messages,
        flows: VecDeque::new(),
        complete_before: 0,
        is_open: true,
    };
    let mut lanes: Vec<LaneHead> = lanes.into_iter().map(head).collect();
    loop {
        let heads = lanes.iter().enumerate().filter_map(|(i, lane)| Some((lane.first()?, i)));
        let lowest = heads.min();
        let place = lowest.map(|(place, _)| place);
        // Of those the one that is furthest behind: the others may wait for it.
        let behind = lanes.iter_mut().filter(|lane| lane.may_precede(place));
        if let Some(lane) = behind.min_by_key(|lane| lane.complete_before) {
            lane.receive();
            continue;
        }
        let Some((_, i)) = lowest else { return };
        if let Some((_, flow)) = lanes[i].flows.pop_front() {
            each(&flow);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::pipeline::{self, Hooks, Options, ResourceLimits};

    /// A flow of the showcase.
    fn flow() -> JudgedFlow {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/x32-udp-10023.pcap");
        let catalogue = crate::catalogue::Catalogue::shipped().unwrap();
        let options = Options { keep_flows: true, ..Options::replay() };
        let mut files = crate::source::Files::open(&[path]).unwrap();
        pipeline::run(&mut files, None, &catalogue, &options, None).unwrap().flows.remove(0)
    }

    /// What a lane brings, with the frame that stands for the flow.
    #[derive(Clone, Copy)]
    enum Step {
        Flow(u64),
        Complete(u64),
        Drain(usize, u64),
    }

    fn merged(lanes: &[&[Step]]) -> Vec<u64> {
        let flow = flow();
        let (mut senders, mut ends) = (Vec::new(), Vec::new());
        for i in 0..lanes.len() {
            let (lane, end) = lane(i, lanes.len());
            senders.push(lane);
            ends.push(end);
        }
        let frames = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for (mut lane, steps) in senders.into_iter().zip(lanes) {
                let flow = &flow;
                scope.spawn(move || {
                    for &step in *steps {
                        let frame = match step {
                            Step::Flow(frame) => {
                                lane.observe(frame, 0);
                                frame
                            }
                            Step::Drain(table, frame) => {
                                lane.drain(table);
                                frame
                            }
                            Step::Complete(frame) => {
                                lane.complete(frame);
                                continue;
                            }
                        };
                        let mut flow = flow.clone();
                        flow.record.first_frame = frame;
                        lane.send(flow);
                    }
                });
            }
            merge(ends, |flow| frames.lock().unwrap().push(flow.record.first_frame));
        });
        frames.into_inner().unwrap()
    }

    #[test]
    fn flows_come_in_the_order_of_their_frames_then_those_that_are_open_by_shard() {
        use Step::{Complete, Drain, Flow};
        let lanes: [&[Step]; 3] = [
            &[Flow(3), Flow(9), Complete(10), Drain(0, 100), Drain(1, 103)],
            &[Complete(10), Drain(0, 101), Drain(0, 102)],
            &[Flow(1), Complete(2), Flow(4), Flow(8), Complete(10), Drain(1, 104)],
        ];
        assert_eq!(merged(&lanes), [1, 3, 4, 8, 9, 100, 101, 102, 103, 104]);
    }

    #[test]
    fn a_lane_that_is_full_and_one_that_is_idle_wait_for_nobody() {
        let busy: Vec<Step> = (1..10_000).map(Step::Flow).collect();
        let idle: Vec<Step> = (0..100).map(|block| Step::Complete(block * 100)).collect();
        assert_eq!(merged(&[&busy, &idle]), (1..10_000).collect::<Vec<_>>());
    }

    #[test]
    fn whoever_takes_no_more_flows_does_not_hold_up_the_workers() {
        let (mut lane, end) = lane(0, 1);
        drop(end);
        let flow = flow();
        for frame in 0..1000 {
            lane.observe(frame, 0);
            lane.send(flow.clone());
        }
    }

    /// The places of the flows of a capture, in the order in which a slow reader gets them.
    fn order(files: &mut crate::source::Files, workers: usize) -> Vec<(u64, u64)> {
        let (sender, frames) = mpsc::channel();
        let sender = Mutex::new(sender);
        let on_flow = |flow: &JudgedFlow| {
            thread::yield_now();
            let place = (flow.record.last_frame, flow.record.first_frame);
            sender.lock().unwrap().send(place).unwrap();
        };
        let options = Options {
            limits: ResourceLimits { workers, max_flows: 16, ..ResourceLimits::DEFAULT },
            hooks: Hooks { on_flow: Some(&on_flow), ..Hooks::default() },
            ..Options::replay()
        };
        let catalogue = crate::catalogue::Catalogue::shipped().unwrap();
        let run = pipeline::run(files, None, &catalogue, &options, None).unwrap();
        drop(sender);
        let order: Vec<_> = frames.iter().collect();
        let counted = run.stats.ports.values().map(|port| port.all.flows).sum::<u64>();
        assert_eq!(order.len() as u64, counted);
        order
    }

    #[test]
    fn flows_that_are_evicted_come_in_one_order_with_any_number_of_workers() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/showcase.pcap");
        let order = |workers| {
            let paths = vec![path.clone(); 200];
            order(&mut crate::source::Files::open(&paths).unwrap().chained(), workers)
        };
        let one = order(1);
        for workers in [2, 3, 16] {
            assert!(order(workers) == one, "{workers} workers");
        }
    }

    /// Where all flows are of one shard, a slow reader once stopped the capture for good: the
    /// merging thread waited for a worker to which no segment went.
    #[test]
    fn a_capture_of_one_shard_and_a_slow_reader_ends_with_any_number_of_workers() {
        const ATTEMPTS: u32 = 20_000;
        // The same client asks from the same port again and again, and is refused.
        let packet = |ends: [u8; 2], ports: [u8; 2], flags: u8| -> Vec<u8> {
            let ip =
                [0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, ends[0], 10, 0, 0, ends[1]];
            let tcp =
                [4, ports[0], 4, ports[1], 0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 1, 0, 0, 0, 0, 0];
            [ip, tcp].concat()
        };
        let (syn, refusal) = (packet([1, 2], [1, 2], 2), packet([2, 1], [2, 1], 0x14));
        let header = [0xa1b2_c3d4, 0x0002_0004, 0, 0, 65_535, 101];
        let mut capture: Vec<u8> = header.iter().flat_map(|n: &u32| n.to_be_bytes()).collect();
        for second in 0..ATTEMPTS {
            for packet in [&syn, &refusal] {
                let record = [second, 0, packet.len() as u32, packet.len() as u32];
                capture.extend(record.iter().flat_map(|n| n.to_be_bytes()));
                capture.extend(packet);
            }
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), capture).unwrap();
        let order =
            |workers| order(&mut crate::source::Files::open(&[file.path()]).unwrap(), workers);
        let one = order(1);
        assert_eq!(one.len() as u32, ATTEMPTS);
        for workers in [2, 16] {
            assert!(order(workers) == one, "{workers} workers");
        }
    }
}
