//! The capture thread: reads, filters and decodes frames, and sends their segments to the workers.
//!
//! Offline this thread waits where a worker's queue is full. Live it never waits: it first lets the
//! block grow, then drops the batch and counts it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::block_pool::BlockPool;
use super::catalogue_update::CatalogueUpdate;
use super::router::Router;
use super::selection::Selection;
use super::snapshot::{SnapshotJob, SnapshotJobs};
use super::{CaptureCounters, Options};
use crate::catalogue::Catalogue;
use crate::decode::Decoder;
use crate::saved::StateWriter;
use crate::source::{Block, Filled, Source};
use crate::{Error, Result};

/// Frames after which the system's drop counters, which wrap around, are read again.
const READ_DROPS_EVERY: u64 = 1 << 20;

/// Time for which a live capture that was stopped goes on reading what the system already holds.
/// The kernel hands over a block that is not full only after a tenth of a second.
const DRAIN: Duration = Duration::from_millis(200);
/// The same where the kernel reports its backlog: long enough even if it gives the cores to other
/// processes meanwhile.
const DRAIN_BACKLOG: Duration = Duration::from_secs(2);

/// The capture thread's state.
pub(super) struct CaptureLoop<'r, 'o> {
    source: &'r mut dyn Source,
    selection: Option<Selection<'r>>,
    options: &'r Options<'o>,
    decoder: Decoder,
    /// `None` where nobody wants snapshots. Fields are dropped in order: the snapshot thread ends
    /// before the workers do.
    snapshots: Option<SnapshotJobs>,
    router: Router,
    pool: BlockPool,
    /// The block that is being filled.
    block: Block,
    counters: CaptureCounters,
    /// The catalogue that is in use.
    catalogue: Arc<Catalogue>,
    begin: Instant,
    deadline: Option<Instant>,
    drain: Option<Drain>,
    /// The number of frames at which drop counters are read next.
    read_drops_at: u64,
    failure: Option<String>,
}

/// The result of the capture thread.
pub(super) struct Captured {
    pub(super) counters: CaptureCounters,
    /// Segments that were sent to each worker.
    pub(super) sent: Vec<u64>,
    /// Why the source failed, or what was left unread.
    pub(super) failure: Option<String>,
    /// What is notable about the segments, a line each.
    pub(super) notices: Vec<String>,
    /// Frames that the system held at the end and that were not read.
    pub(super) unread: u64,
    /// The catalogue that was in use at the end.
    pub(super) catalogue: Arc<Catalogue>,
    /// The state of the thread, where it is saved.
    pub(super) saved: Option<Vec<u8>>,
}

impl<'r, 'o> CaptureLoop<'r, 'o> {
    pub(super) fn new(
        source: &'r mut dyn Source,
        selection: Option<Selection<'r>>,
        catalogue: Arc<Catalogue>,
        options: &'r Options<'o>,
        (decoder, router): (Decoder, Router),
        snapshots: Option<SnapshotJobs>,
    ) -> Self {
        let begin = Instant::now();
        Self {
            source,
            selection,
            options,
            decoder,
            snapshots,
            router,
            pool: BlockPool::default(),
            block: Block::default(),
            counters: options.resume.map(|state| state.counts.counters.clone()).unwrap_or_default(),
            catalogue,
            begin,
            deadline: options.until.span.map(|span| begin + span),
            drain: None,
            read_drops_at: READ_DROPS_EVERY,
            failure: None,
        }
    }

    /// Captures until the source ends or fails, a stop condition holds, or a thread panics: this
    /// one, a worker, or that of the snapshots. What was read before counts.
    pub(super) fn run(mut self) -> Captured {
        // Frames and segments are added whole, so what a panic leaves is consistent.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.capture())) {
            self.failure = Some(Error::from_panic("the capture thread", &*panic).to_string());
        }
        let last = Arc::new(std::mem::take(&mut self.block));
        let sent = self.router.finish(&last, &mut self.counters);
        let notices = self.router.notices();
        let saved = self.options.saves.then(|| self.save());
        let Self { counters, failure, drain, catalogue, .. } = self;
        let unread = drain.and_then(|drain| drain.missing(counters.frames)).unwrap_or(0);
        Captured { counters, sent, failure, notices, unread, catalogue, saved }
    }

    /// The state of this thread: what it needs to go on, beside the counters.
    fn save(&self) -> Vec<u8> {
        let mut writer = StateWriter::default();
        self.decoder.write_state(&mut writer);
        self.router.write_state(&mut writer);
        writer.finish()
    }

    fn capture(&mut self) {
        loop {
            let filled = self.read();
            let job = self.snapshots.as_mut().and_then(SnapshotJobs::next);
            let update = self.options.hooks.catalogues.and_then(|newer| newer.try_recv().ok());
            // Live, the block may grow while a worker is behind, before any of it is dropped.
            let may_grow = filled.is_ok()
                && job.is_none()
                && update.is_none()
                && self.block.has_room()
                && self.router.would_drop();
            if !may_grow {
                self.hand_over();
            }
            self.report_counters();
            self.update_catalogue(update);
            self.answer(job);
            self.read_drops();
            if self.has_ended(filled) || self.has_lost_thread() {
                break;
            }
        }
    }

    /// Fills the block with the next frames and dispatches them. Frames that were read before an
    /// error count.
    fn read(&mut self) -> Result<Filled> {
        let before = self.block.len();
        let filled = self.source.read(&mut self.block);
        self.dispatch(before);
        filled
    }

    /// Counts, filters and decodes the frames of the block behind the first `before` ones, and adds
    /// their segments to the workers' batches.
    fn dispatch(&mut self, before: usize) {
        let Self { block, selection, decoder, router, counters, options, .. } = self;
        let takes_common = router.takes_common();
        for frame in block.frames(before) {
            if is_enough(counters, options) {
                break;
            }
            counters.count(&frame);
            if let Some(reason) =
                selection.as_mut().and_then(|selection| selection.excludes(&frame))
            {
                counters.skip(reason, &frame);
                continue;
            }
            // Each path goes on by itself, and the segment stays in registers. A segment that both
            // paths hand to common code goes through memory, which doubled the time of a frame
            // (`benches/README.md`).
            if takes_common && let Some((segment, payload)) = decoder.fast_path(&frame) {
                router.push(&segment, payload, block);
                continue;
            }
            match decoder.slow_path(&frame) {
                Ok((segment, payload)) => router.push_any(&segment, &payload, block),
                Err(reason) => counters.skip(reason, &frame),
            }
            if let Some(quote) = decoder.take_quote() {
                router.push_quote(&quote);
            }
        }
    }

    /// Sends the block's segments to the workers and continues with an empty block.
    fn hand_over(&mut self) {
        let full = Arc::new(std::mem::take(&mut self.block));
        self.router.flush(&full, &mut self.counters);
        self.block = self.pool.exchange(full);
    }

    /// Reports the counters so far, if that was requested.
    fn report_counters(&mut self) {
        if let Some(hook) = self.options.hooks.counters
            && hook.is_requested.swap(false, Ordering::Relaxed)
        {
            (hook.report)(&self.counters, self.source.drops());
        }
    }

    /// Hands a new catalogue to the workers: it takes effect behind the segments sent so far.
    fn update_catalogue(&mut self, update: Option<Arc<Catalogue>>) {
        let Some(catalogue) = update else { return };
        self.catalogue = Arc::clone(&catalogue);
        self.router.update_catalogue(&CatalogueUpdate::new(catalogue));
    }

    /// Passes a snapshot job on to the workers, behind the segments sent so far, and answers for
    /// this thread.
    fn answer(&mut self, job: Option<SnapshotJob>) {
        let Some(job) = job else { return };
        self.router.request_snapshot(&job);
        job.reply_counters(&self.counters, self.source, &self.catalogue, self.begin.elapsed());
    }

    /// Whether a worker, an observer of snapshots or the hook of ended flows panicked.
    fn has_lost_thread(&self) -> bool {
        self.router.has_lost_thread()
            || self.snapshots.as_ref().is_some_and(SnapshotJobs::is_abandoned)
    }

    /// Reads the system's drop counters before they can wrap around.
    fn read_drops(&mut self) {
        if self.counters.frames >= self.read_drops_at {
            self.read_drops_at = self.counters.frames + READ_DROPS_EVERY;
            self.source.drops();
        }
    }

    /// Whether the capture is over: the source has ended or failed, or a stop condition holds and
    /// nothing is left to drain.
    fn has_ended(&mut self, filled: Result<Filled>) -> bool {
        match filled {
            Ok(Filled::Frames | Filled::Idle) => {}
            Ok(Filled::End) => return true,
            Err(error) => {
                self.failure = Some(error.to_string());
                return true;
            }
        }
        let now = Instant::now();
        let is_stopped = self.options.until.stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
        let is_enough = is_enough(&self.counters, self.options);
        let is_late = self.deadline.is_some_and(|deadline| now >= deadline);
        if !is_enough && !is_stopped && !is_late {
            return false;
        }
        if self.options.live && !is_enough && self.is_draining(now) {
            return false;
        }
        // A live capture is meant to be stopped; of files and pipes something was left unread.
        if is_stopped && !self.options.live && !self.source.is_endless() {
            self.failure = Some(format!(
                "interrupted after frame {}; the rest was not read",
                self.counters.frames
            ));
        }
        true
    }

    /// Whether frames that the system already held when the live capture was stopped are still to
    /// be read.
    fn is_draining(&mut self, now: Instant) -> bool {
        let read = self.counters.frames;
        let drain = self.drain.get_or_insert_with(|| Drain::new(self.source, read, now));
        now < drain.until && drain.missing(read) != Some(0)
    }
}

/// Whether as many frames as wanted were selected.
fn is_enough(counters: &CaptureCounters, options: &Options<'_>) -> bool {
    options.until.frames.is_some_and(|limit| counters.selected() >= limit)
}

/// The end of a live capture: it reads what the system held when it was stopped.
struct Drain {
    until: Instant,
    /// Frames in all when the backlog is read; `None` where the system does not report it.
    frames: Option<u64>,
}

impl Drain {
    fn new(source: &mut dyn Source, read: u64, now: Instant) -> Self {
        let frames = source.unread().map(|unread| read + unread);
        Self { until: now + if frames.is_some() { DRAIN_BACKLOG } else { DRAIN }, frames }
    }

    /// Frames of the backlog that are missing after `read` frames.
    fn missing(&self, read: u64) -> Option<u64> {
        self.frames.map(|frames| frames.saturating_sub(read))
    }
}
