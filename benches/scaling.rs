//! scaling CAPTURE…: the number of classifiers from which on the capture thread is the limit, for
//! machines with fewer cores than that.
//!
//! The time that the capture thread needs for each block, and the number of its segments for each
//! shard, are taken from the capture; the costs of both threads from a run with one classifier. The
//! program then simulates classifiers that take batches from their queues as those of the pipeline
//! do, each on a core of its own. Shared caches and memory bandwidth are left out.
#![allow(clippy::unwrap_used, reason = "a capture that cannot be read ends the run")]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use portlore::catalogue::Catalogue;
use portlore::decode::Decoder;
use portlore::flow::{FlowHasher, KeyedSegment, SHARDS, shard};
use portlore::pipeline::{Batch, Options, run};
use portlore::source::{Block, Files, Filled, Source};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Batches that wait for a classifier: the queue of the pipeline's channel and two more.
const QUEUE: usize = 6;
/// Seconds to wake a classifier that waits, for both sides: a guess.
const WAKE: f64 = 5e-6;

/// A block of the capture.
struct Step {
    /// Seconds of the capture thread.
    captured: f64,
    /// Number of segments for each shard.
    segments: [u32; SHARDS],
}

/// The work of the capture thread without classifiers.
fn capture(path: &Path) -> Vec<Step> {
    let mut source = Files::open(&[path.to_owned()]).unwrap();
    let (mut decoder, hasher) = (Decoder::new(true), FlowHasher::default());
    let (mut block, mut batch, mut steps) = (Block::default(), Batch::default(), Vec::new());
    loop {
        let begin = Instant::now();
        let filled = source.read(&mut block).unwrap();
        let mut segments = [0; SHARDS];
        for frame in block.frames(0) {
            if let Ok((segment, payload)) = decoder.decode(&frame) {
                let keyed = KeyedSegment::new(&segment, &hasher);
                segments[shard(&keyed.key)] += 1;
                batch.push(keyed, 0, &payload, &block);
            }
        }
        batch.clear();
        block.clear();
        steps.push(Step { captured: begin.elapsed().as_secs_f64(), segments });
        if filled == Filled::End {
            return steps;
        }
    }
}

/// Seconds of a run with one classifier.
struct Classified {
    wall: f64,
    capture_thread: f64,
    classifier: f64,
}

fn classified(path: &Path, catalogue: &Arc<Catalogue>) -> Classified {
    let options = Options::replay();
    let used = |who| {
        let usage = getrusage(who).unwrap();
        (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6
    };
    let (all, this) = (UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_THREAD);
    let (begin, before) = (Instant::now(), (used(all), used(this)));
    let mut source = Files::open(&[path.to_owned()]).unwrap();
    run(&mut source, None, catalogue, &options, None).unwrap();
    let (wall, capture_thread) = (begin.elapsed().as_secs_f64(), used(this) - before.1);
    Classified { wall, capture_thread, classifier: used(all) - before.0 - capture_thread }
}

/// The queue of a classifier.
#[derive(Default)]
struct WorkerQueue {
    /// When each batch that was sent is taken.
    taken: VecDeque<f64>,
    /// When the classifier becomes idle.
    idle: f64,
    busy: f64,
}

impl WorkerQueue {
    /// Receives a batch that takes `takes` seconds; returns when the capture thread continues.
    fn send(&mut self, mut now: f64, takes: f64) -> f64 {
        self.taken.retain(|&taken| taken > now);
        if self.taken.len() >= QUEUE {
            now = self.taken[self.taken.len() - QUEUE];
        }
        let begin = if self.idle > now {
            self.idle
        } else {
            now += WAKE;
            now
        };
        self.taken.push_back(begin);
        self.idle = begin + takes;
        self.busy += takes;
        now
    }
}

/// Wall seconds with a number of classifiers, and the fraction of them in which the busiest one
/// works.
fn simulate(steps: &[Step], segment: f64, classifiers: usize) -> (f64, f64) {
    let mut queues: Vec<WorkerQueue> =
        std::iter::repeat_with(WorkerQueue::default).take(classifiers).collect();
    let mut now = 0.0;
    for step in steps {
        now += step.captured;
        for (n, queue) in queues.iter_mut().enumerate() {
            let segments: u32 = step.segments.iter().skip(n).step_by(classifiers).sum();
            if segments > 0 {
                now = queue.send(now, f64::from(segments) * segment);
            }
        }
    }
    let wall = queues.iter().map(|queue| queue.idle).fold(now, f64::max);
    (wall, queues.iter().map(|queue| queue.busy).fold(0.0, f64::max) / wall)
}

fn main() {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    for path in std::env::args().skip(1) {
        let path = Path::new(&path);
        // Brings the file into the page cache.
        capture(path);
        let mut steps = capture(path);
        let runs: Vec<_> = (0..3).map(|_| classified(path, &catalogue)).collect();
        let Classified { wall, capture_thread: reads, classifier } =
            runs.into_iter().min_by(|a, b| a.classifier.total_cmp(&b.classifier)).unwrap();
        let alone: f64 = steps.iter().map(|step| step.captured).sum();
        steps.iter_mut().for_each(|step| step.captured *= reads / alone);
        let steps = &steps[..];
        let segments: u64 = steps.iter().flat_map(|step| step.segments).map(u64::from).sum();
        let segment = classifier / segments as f64;
        println!(
            "{}: {segments} segments; each takes the capture thread {:.0} ns, a classifier {:.0}",
            path.display(),
            reads / segments as f64 * 1e9,
            segment * 1e9
        );
        println!(
            "one classifier: {wall:.2} s measured, {:.2} simulated",
            simulate(steps, segment, 1).0
        );
        println!(
            "{:>11} {:>7} {:>11} {:>14} {:>18}",
            "classifiers", "wall s", "segments/s", "capture busy", "busiest classifier"
        );
        for classifiers in 1..=SHARDS {
            let (wall, busiest) = simulate(steps, segment, classifiers);
            let [per_second, capture, busiest] =
                [segments as f64 / wall / 1e6, reads / wall * 100.0, busiest * 100.0];
            println!(
                "{classifiers:11} {wall:7.2} {per_second:9.1} M {capture:12.0} % {busiest:16.0} %"
            );
        }
    }
}
