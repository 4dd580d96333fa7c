//! The whole tool is one line, and this is it: the only module that knows every stage.
//!
//! The calling thread captures: it reads frames, decodes them and sends segments in batches to the
//! classifier threads, each of which owns the flows of some shards. Offline it waits when a queue
//! is full; live it drops the batch and counts.

mod bell;
mod blocks;
mod lane;
mod recent;
mod tally;
mod verdicts;
mod views;
mod walk;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

pub use self::tally::{Interface, Tally};
pub use self::views::{Ask, Asker, Asks, View, Views, asker};
pub use self::worker::JudgedFlow;

use self::blocks::Blocks;
use self::lane::{Lane, Lesson, lane};
use self::views::{Questions, viewer};
use self::worker::{Neighbours, Outcome, Worker};
use crate::catalogue::Catalogue;
use crate::decode::{Decoder, Skip};
use crate::flow::{FlowHasher, KeyedSegment, PortRank, SHARDS, ServicePorts, TableLimits, shard};
use crate::process::Ledger;
use crate::source::{Block, Drops, Filled, Filter, Source};
use crate::stats::Stats;

/// Frames between two looks at the system's drop counters, which wrap.
const COUNT_DROPS: u64 = 1 << 20;

/// Time in which a live capture that is to end still reads what the system holds already. Blocks
/// that are not full yet are handed over after a tenth of a second; where the system tells how many
/// frames there are, it is waited for them even if it gives the cores to others.
const LAST: Duration = Duration::from_millis(200);
const LAST_TOLD: Duration = Duration::from_secs(2);

/// What to do with the frames.
pub struct Options<'a, 'c> {
    /// Classifier threads, at most [`SHARDS`].
    pub workers: usize,
    /// Live flows in all.
    pub max_flows: usize,
    /// Bytes of openings in all.
    pub opening_bytes: usize,
    /// Ports with many sizes and times of which these are kept.
    pub histogram_ports: usize,
    /// Look into tunnels.
    pub tunnels: bool,
    /// Where to ask for the processes behind sockets of this machine; nowhere for captures of
    /// another time or machine.
    pub ledger: Option<&'a Ledger>,
    /// Hears of each flow when it has ended, from the classifier's thread: while it takes its time,
    /// frames wait in the queue.
    pub on_flow: Option<&'a (dyn Fn(&JudgedFlow<'_>) + Sync)>,
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
    /// Catalogues that take the place of the one before, for flows that are judged from then on.
    pub catalogues: Option<&'a Receiver<&'c Catalogue>>,
}

impl<'a> Options<'a, '_> {
    /// A replay to its end by one classifier, with the limits of the command line and without
    /// anybody who hears of it.
    #[must_use]
    pub const fn replay(stop: &'a AtomicBool, tell: &'a AtomicBool) -> Self {
        Self {
            workers: 1,
            max_flows: 4 << 20,
            opening_bytes: 64 << 20,
            histogram_ports: 4096,
            tunnels: true,
            ledger: None,
            on_flow: None,
            keep_flows: false,
            live: false,
            frames: None,
            span: None,
            stop,
            tell,
            on_tell: &|_, _| (),
            catalogues: None,
        }
    }
}

/// What came of a capture.
pub struct Run<'c> {
    /// What was known of ports and services in the end.
    pub catalogue: &'c Catalogue,
    /// Where every frame went.
    pub tally: Tally,
    /// The names of the interfaces that the tally has, in its order.
    pub interfaces: Vec<String>,
    /// Frames lost before they could be read.
    pub drops: Drops,
    /// What was wrong with the input; empty where all of it was read.
    pub problems: Vec<String>,
    /// What is worth knowing of the input although all of it was read.
    pub notices: Vec<String>,
    /// Flows that had to leave a full table.
    pub evicted: u64,
    /// The figures.
    pub stats: Stats<'c>,
    /// Every flow by its first frame, where they were to be kept.
    pub flows: Vec<JudgedFlow<'c>>,
}

/// Runs a source to its end; `views` sees it go on.
///
/// # Errors
/// Where a thread cannot be started or dies. A source that fails is a problem of the run: what was
/// read counts.
pub fn run<'c>(
    source: &mut dyn Source,
    mut filter: Option<Filter>,
    catalogue: &'c Catalogue,
    options: &Options<'_, 'c>,
    views: Option<Views<'_, 'c>>,
) -> Result<Run<'c>, String> {
    let workers = options.workers.clamp(1, SHARDS);
    let ports = Arc::new(service_ports(catalogue));
    let limits = TableLimits {
        flows: (options.max_flows / SHARDS).max(1),
        opening_bytes: options.opening_bytes / SHARDS,
    };
    let hasher = FlowHasher::default();
    let recent_flows = views.as_ref().map_or(0, |views| views.flows);
    let histogram_ports = options.histogram_ports;
    let beside = Neighbours {
        ledger: options.ledger,
        on_flow: options.on_flow,
        recent_flows,
        histogram_ports,
    };
    let mut tally = Tally::default();
    let (outcomes, ended, captured) = thread::scope(|scope| {
        let mut lanes = Vec::with_capacity(workers);
        let mut threads = Vec::with_capacity(workers);
        for i in 0..workers {
            let (lane, mouth) = lane(options.live);
            let lesson = Lesson { catalogue, ports: Arc::clone(&ports) };
            let worker = Worker::new(
                lesson,
                beside,
                limits,
                &hasher,
                workers,
                options.keep_flows,
                options.live,
            );
            let thread = thread::Builder::new()
                .name(format!("classify-{i}"))
                .spawn_scoped(scope, move || worker.run(&mouth))
                .map_err(|e| format!("a classifier thread cannot be started: {e}"))?;
            threads.push(thread);
            lanes.push(lane);
        }
        let (viewer, questions) = viewer(workers, histogram_ports);
        let view = |views| {
            thread::Builder::new()
                .name("view".into())
                .spawn_scoped(scope, move || viewer.run(views))
        };
        let viewer = views
            .map(view)
            .transpose()
            .map_err(|e| format!("the view thread cannot be started: {e}"))?;
        let captured = capture(
            source,
            filter.as_mut(),
            (&mut lanes, &hasher),
            &mut tally,
            options,
            catalogue,
            &questions,
        );
        // The view ends when there is nobody to ask, and the classifiers when the last sender is
        // gone.
        drop((questions, lanes));
        let outcomes = threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a classifier thread died".to_owned()));
        let outcomes = outcomes.collect::<Result<Vec<Outcome<'c>>, String>>()?;
        let ended = viewer
            .map_or(Ok(Stats::default()), ScopedJoinHandle::join)
            .map_err(|_| "the view thread died")?;
        captured.map(|captured| (outcomes, ended, captured))
    })?;
    source.finish();
    let interfaces =
        tally.interfaces().map(|interface| source.interface(interface.number)).collect();
    let mut run = Run {
        catalogue: captured.catalogue,
        interfaces,
        drops: source.drops(),
        problems: source.problems(),
        notices: source.notices(),
        evicted: 0,
        stats: ended,
        flows: Vec::new(),
        tally,
    };
    run.drops.kernel += captured.unread;
    run.problems.extend(captured.failure);
    run.problems.extend(filter.iter().flat_map(Filter::problems));
    run.problems.extend(run.tally.problem(|number| source.interface(number)));
    for outcome in outcomes {
        run.evicted += outcome.evicted;
        run.stats.merge(outcome.stats);
        run.flows.extend(outcome.flows);
    }
    run.flows.sort_by_key(|flow| flow.record.first_frame);
    run.limit_figures(histogram_ports);
    Ok(run)
}

impl Run<'_> {
    /// Leaves figures to so many ports, and says so where there are more.
    fn limit_figures(&mut self, ports: usize) {
        let without = self.stats.limit(ports);
        if without > 0 {
            self.notices.push(format!(
                "sizes and times of {without} ports are not kept: more than {ports} had many of them, and the lowest numbers keep theirs \
                 (--histogram-ports)"
            ));
        }
    }
}

/// How a live capture comes to its end.
struct Ending {
    until: Instant,
    /// Frames in all once those are read that the system held when it was told to end.
    frames: Option<u64>,
}

impl Ending {
    fn of(source: &mut dyn Source, read: u64, now: Instant) -> Self {
        let frames = source.unread().map(|unread| read + unread);
        Self { until: now + if frames.is_some() { LAST_TOLD } else { LAST }, frames }
    }

    /// Frames that are still to come after so many.
    fn missing(&self, read: u64) -> Option<u64> {
        self.frames.map(|frames| frames.saturating_sub(read))
    }
}

/// How a capture ended.
struct Captured<'c> {
    /// Why the source failed, where it did.
    failure: Option<String>,
    /// Frames that the system held in the end and that were not read.
    unread: u64,
    /// The one that counted in the end.
    catalogue: &'c Catalogue,
}

/// Reads, decodes and sends until the source ends or somebody wants it to.
fn capture<'c>(
    source: &mut dyn Source,
    mut filter: Option<&mut Filter>,
    (lanes, hasher): (&mut [Lane<'c>], &FlowHasher),
    tally: &mut Tally,
    options: &Options<'_, 'c>,
    mut catalogue: &'c Catalogue,
    questions: &Questions<'c>,
) -> Result<Captured<'c>, String> {
    let mut failure = None;
    let mut decoder = Decoder::new(options.tunnels);
    let ways: [_; SHARDS] = std::array::from_fn(|shard| (shard % lanes.len(), shard / lanes.len()));
    let (mut blocks, mut block) = (Blocks::default(), Block::default());
    let begin = Instant::now();
    let deadline = options.span.map(|span| begin + span);
    let (mut ending, mut count_drops) = (None::<Ending>, COUNT_DROPS);
    loop {
        let done = block.len();
        let filled = source.read(&mut block);
        let is_enough = |tally: &Tally| options.frames.is_some_and(|limit| tally.passed() >= limit);
        for frame in block.frames(done) {
            if is_enough(tally) {
                break;
            }
            tally.see(&frame);
            if filter.as_deref_mut().is_some_and(|filter| !filter.matches(&frame)) {
                tally.skip(Skip::Filtered, &frame);
                continue;
            }
            if let Some((segment, payload)) = decoder.fast_path(&frame) {
                let keyed = KeyedSegment::new(&segment, hasher);
                let (lane, table) = ways[shard(&keyed.key)];
                lanes[lane].batch.push(keyed, table, payload, &block);
                continue;
            }
            match decoder.slow_path(&frame) {
                Err(reason) => tally.skip(reason, &frame),
                Ok((segment, payload)) => {
                    let keyed = KeyedSegment::new(&segment, hasher);
                    let (lane, table) = ways[shard(&keyed.key)];
                    lanes[lane].batch.push(keyed, table, &payload, &block);
                }
            }
        }
        let look = questions.next();
        let newer = options.catalogues.and_then(|newer| newer.try_recv().ok());
        // Live, while a classifier is behind, the block may grow before anything of it is dropped.
        let waits = filled.is_ok()
            && look.is_none()
            && newer.is_none()
            && block.has_room()
            && lanes.iter().any(Lane::would_drop);
        if !waits {
            let done = Arc::new(block);
            lanes.iter_mut().try_for_each(|lane| lane.flush(&done, tally))?;
            block = blocks.exchange(done);
        }
        if options.tell.swap(false, Ordering::Relaxed) {
            (options.on_tell)(tally, source.drops());
        }
        if let Some(newer) = newer {
            catalogue = newer;
            let lesson = Lesson { catalogue, ports: Arc::new(service_ports(catalogue)) };
            lanes.iter_mut().try_for_each(|lane| lane.teach(lesson.clone()))?;
        }
        if let Some(look) = look {
            lanes.iter_mut().try_for_each(|lane| lane.ask(look.clone()))?;
            look.counts(tally, source, catalogue, begin.elapsed());
        }
        if tally.frames >= count_drops {
            count_drops = tally.frames + COUNT_DROPS;
            source.drops();
        }
        match filled {
            Ok(Filled::End) => break,
            Err(reason) => {
                failure = Some(reason.to_string());
                break;
            }
            Ok(Filled::Frames | Filled::Idle) => {}
        }
        let (now, stopped) = (Instant::now(), options.stop.load(Ordering::Relaxed));
        let enough = is_enough(tally);
        if enough || stopped || deadline.is_some_and(|deadline| now >= deadline) {
            if options.live && !enough {
                let ending = ending.get_or_insert_with(|| Ending::of(source, tally.frames, now));
                if now < ending.until && ending.missing(tally.frames) != Some(0) {
                    continue;
                }
            }
            // A live capture is meant to be stopped; of files and pipes something was left unread.
            if stopped && !options.live && !source.is_endless() {
                failure = Some(format!(
                    "interrupted after frame {}: the rest was not read",
                    tally.frames
                ));
            }
            break;
        }
    }
    let done = Arc::new(block);
    lanes.iter_mut().try_for_each(|lane| lane.finish(&done, tally))?;
    let unread = ending.and_then(|ending| ending.missing(tally.frames)).unwrap_or(0);
    Ok(Captured { failure, unread, catalogue })
}

/// The ports on which services are expected, for flows whose beginning was not seen.
fn service_ports(catalogue: &Catalogue) -> ServicePorts {
    let mut ports = ServicePorts::default();
    for (port, transport) in catalogue.registry.named_ports() {
        ports.set(transport, port, PortRank::Registered);
    }
    for (port, transport) in catalogue.claimed_ports() {
        ports.set(transport, port, PortRank::Claimed);
    }
    ports
}

#[cfg(test)]
mod tests;
