//! The whole tool is one line, and this is it: the only module that knows every stage.
//!
//! The calling thread captures: it reads frames, decodes them and sends segments in batches to the classifier threads, each of
//! which owns the flows of some shards. Offline it waits when a queue is full; live it drops the batch and counts.

mod tally;
mod worker;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

pub use self::tally::Tally;
pub use self::worker::JudgedFlow;

use self::worker::{Outcome, Worker};
use crate::batch::Batch;
use crate::catalogue::Catalogue;
use crate::decode::{Decoder, Skip};
use crate::flow::{FlowKey, Limits, SHARDS, ServicePorts, Standing, shard};
use crate::source::{Drops, Filter, Next, Source};
use crate::stats::Stats;

/// Batches that wait for a classifier. With a batch of 1,024 segments this is some ten milliseconds of a fast capture.
const QUEUE: usize = 16;
/// Frames between two looks at the clock and the signals.
const LOOK: u64 = 256;
/// Frames between two looks at the system's drop counters, which wrap: a multiple of [`LOOK`].
const COUNT_DROPS: u64 = LOOK << 12;

/// What to do with the frames.
pub struct Options<'a> {
    /// Classifier threads, at most [`SHARDS`].
    pub workers: usize,
    /// Live flows in all.
    pub max_flows: usize,
    /// Bytes of openings in all.
    pub opening_bytes: usize,
    /// Look into tunnels.
    pub tunnels: bool,
    /// Keep every flow for the report; memory grows with them.
    pub keep_flows: bool,
    /// Never wait for a classifier: drop batches and count.
    pub live: bool,
    /// End after this many frames that the filter lets pass.
    pub frames: Option<u64>,
    /// End after this time by the host's clock.
    pub span: Option<Duration>,
    /// Set by whoever wants the capture to end.
    pub stop: &'a AtomicBool,
    /// Set by whoever wants to hear the counts so far; cleared when they were told.
    pub tell: &'a AtomicBool,
    /// Gets the counts when `tell` was set.
    pub on_tell: &'a dyn Fn(&Tally, Drops),
}

/// What came of a capture.
pub struct Run<'c> {
    /// Where every frame went.
    pub tally: Tally,
    /// Frames lost before they could be read.
    pub drops: Drops,
    /// What was wrong with the input; empty where all of it was read.
    pub problems: Vec<String>,
    /// Flows that had to leave a full table.
    pub evicted: u64,
    /// The figures.
    pub stats: Stats<'c>,
    /// Every flow by its first frame, where they were to be kept.
    pub flows: Vec<JudgedFlow<'c>>,
}

/// Runs a source to its end.
///
/// # Errors
/// Where a classifier thread cannot be started or dies. A source that fails is a problem of the run: what was read counts.
pub fn run<'c>(
    source: &mut dyn Source,
    mut filter: Option<Filter>,
    catalogue: &'c Catalogue,
    options: &Options<'_>,
) -> Result<Run<'c>, String> {
    let workers = options.workers.clamp(1, SHARDS);
    let ports = service_ports(catalogue);
    let limits = Limits { flows: (options.max_flows / SHARDS).max(1), opening_bytes: options.opening_bytes / SHARDS };
    let mut tally = Tally::default();
    let (outcomes, failure) = thread::scope(|scope| {
        let mut lanes = Vec::with_capacity(workers);
        let mut threads = Vec::with_capacity(workers);
        for i in 0..workers {
            let (full, to_classify) = bounded(QUEUE);
            // Room for every batch there is, so that giving one back never waits.
            let (give_back, empty) = bounded(QUEUE + 2);
            let worker = Worker::new(catalogue, &ports, limits, workers, options.keep_flows);
            let thread = thread::Builder::new()
                .name(format!("classify-{i}"))
                .spawn_scoped(scope, move || worker.run(&to_classify, &give_back))
                .map_err(|e| format!("a classifier thread cannot be started: {e}"))?;
            threads.push(thread);
            lanes.push(Lane { batch: Batch::default(), full, empty });
        }
        let captured = capture(source, filter.as_mut(), &mut lanes, &mut tally, options);
        // The classifiers end when the last sender is gone.
        drop(lanes);
        let outcomes = threads.into_iter().map(|thread| thread.join().map_err(|_| "a classifier thread died".to_owned()));
        let outcomes = outcomes.collect::<Result<Vec<Outcome<'c>>, String>>()?;
        captured.map(|failure| (outcomes, failure))
    })?;
    let mut run =
        Run { drops: source.drops(), problems: source.problems(), evicted: 0, stats: Stats::default(), flows: Vec::new(), tally };
    run.problems.extend(failure);
    run.problems.extend(filter.iter().flat_map(Filter::problems));
    run.problems.extend(run.tally.problem());
    for outcome in outcomes {
        run.evicted += outcome.evicted;
        run.stats.merge(outcome.stats);
        run.flows.extend(outcome.flows);
    }
    run.flows.sort_by_key(|flow| flow.record.first_frame);
    Ok(run)
}

/// The way to one classifier.
struct Lane {
    batch: Batch,
    full: Sender<Batch>,
    empty: Receiver<Batch>,
}

impl Lane {
    /// Sends the batch; live, counts it as dropped where the queue is full.
    fn flush(&mut self, live: bool, tally: &mut Tally) -> Result<(), String> {
        let len = self.batch.len() as u64;
        if len == 0 {
            return Ok(());
        }
        if live && self.full.is_full() {
            tally.queue += len;
            self.batch.clear();
            return Ok(());
        }
        let next = self.empty.try_recv().unwrap_or_default();
        let batch = std::mem::replace(&mut self.batch, next);
        // Only this thread sends: a queue that was not full takes it without waiting.
        self.full.send(batch).map_err(|_| "a classifier thread died".to_owned())?;
        tally.segments += len;
        Ok(())
    }
}

/// Reads, decodes and sends until the source ends or somebody wants it to; gives the reason where the source fails for good.
fn capture(
    source: &mut dyn Source,
    mut filter: Option<&mut Filter>,
    lanes: &mut [Lane],
    tally: &mut Tally,
    options: &Options<'_>,
) -> Result<Option<String>, String> {
    let mut failure = None;
    let mut decoder = Decoder::new(options.tunnels);
    let deadline = options.span.map(|span| Instant::now() + span);
    loop {
        if options.frames.is_some_and(|limit| tally.passed() >= limit) {
            break;
        }
        let idle = match source.next() {
            Ok(Next::End) => break,
            Err(reason) => {
                failure = Some(reason);
                break;
            }
            Ok(Next::Idle) => true,
            Ok(Next::Frame(frame)) => {
                tally.see(&frame);
                if filter.as_deref_mut().is_some_and(|filter| !filter.matches(&frame)) {
                    tally.skip(Skip::Filtered, frame.link);
                } else {
                    match decoder.decode(&frame) {
                        Err(reason) => tally.skip(reason, frame.link),
                        Ok((segment, payload)) => {
                            let at = if lanes.len() == 1 { 0 } else { lane_of(&segment, lanes.len()) };
                            let lane = &mut lanes[at];
                            lane.batch.push(segment, &payload);
                            if lane.batch.is_full() {
                                lane.flush(options.live, tally)?;
                            }
                        }
                    }
                }
                false
            }
        };
        if idle {
            for lane in &mut *lanes {
                lane.flush(options.live, tally)?;
            }
        }
        if idle || tally.frames.is_multiple_of(LOOK) {
            if options.tell.swap(false, Ordering::Relaxed) {
                (options.on_tell)(tally, source.drops());
            }
            if options.stop.load(Ordering::Relaxed) || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                break;
            }
            if tally.frames.is_multiple_of(COUNT_DROPS) {
                source.drops();
            }
        }
    }
    // A live capture is meant to be ended so; of files and pipes something was left unread.
    if options.stop.load(Ordering::Relaxed) && !options.live {
        failure = Some(format!("interrupted after frame {}: the rest was not read", tally.frames));
    }
    // At the end even a live capture waits: what was read is not lost for want of a moment.
    lanes.iter_mut().try_for_each(|lane| lane.flush(false, tally))?;
    Ok(failure)
}

fn lane_of(segment: &crate::decode::Segment, lanes: usize) -> usize {
    shard(&FlowKey::new(&segment.five_tuple).0) % lanes
}

/// The ports on which services are expected, for flows whose beginning was not seen.
fn service_ports(catalogue: &Catalogue) -> ServicePorts {
    let mut ports = ServicePorts::default();
    for (port, transport) in catalogue.registry.named_ports() {
        ports.set(transport, port, Standing::Registered);
    }
    for (port, transport) in catalogue.claimed_ports() {
        ports.set(transport, port, Standing::Claimed);
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Endpoint, FiveTuple, Segment, TcpFlags, Transport};
    use crate::time::Time;

    fn segment() -> Segment {
        let end = Endpoint { address: [10, 0, 0, 1].into(), port: 9 };
        Segment {
            frame: 1,
            time: Time(0),
            five_tuple: FiveTuple { source: end, destination: end, transport: Transport::Udp },
            seq: 0,
            ack: 0,
            flags: TcpFlags::default(),
            tunnel: None,
            wire_len: 60,
            payload_len: 0,
            payload: 0..0,
        }
    }

    #[test]
    fn live_a_full_queue_drops_the_batch_and_counts_it() {
        let (full, batches) = bounded(1);
        let (_give_back, empty) = bounded(1);
        let mut lane = Lane { batch: Batch::default(), full, empty };
        let mut tally = Tally::default();
        for _ in 0..3 {
            lane.batch.push(segment(), &[]);
            lane.batch.push(segment(), &[]);
            lane.flush(true, &mut tally).unwrap();
        }
        assert_eq!((tally.segments, tally.queue, lane.batch.len()), (2, 4, 0));
        assert_eq!(batches.try_iter().map(|batch| batch.len()).collect::<Vec<_>>(), [2]);
    }
}
