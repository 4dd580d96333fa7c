//! The channel to one worker, and the way back for empty batches.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::block_pool::SPARE;
use super::catalogue_update::CatalogueUpdate;
use super::snapshot::SnapshotJob;
use super::waker::Waker;
use super::{Batch, CaptureCounters};
use crate::source::Block;

/// Batches that wait for a worker. Few, so that their blocks are still in a cache when they are
/// reused.
const QUEUE: usize = 4;
/// The same for a live capture, which must not wait: enough for a tenth of a second in which the
/// system gives the core to another process.
const LIVE_QUEUE: usize = 64;

/// A message to a worker. A worker handles messages in the order in which they were sent.
pub(super) enum WorkerMessage {
    /// Segments to classify.
    Batch(Batch),
    /// A snapshot to take at this point of the capture.
    Snapshot(SnapshotJob),
    /// A catalogue to use from this point on.
    Catalogue(CatalogueUpdate),
    /// Every segment up to this frame was handled: the capture thread
    /// [announced](WorkerSender::announce) it.
    Announced(u64),
}

/// The capture thread's end of the channel, with the batch that is being filled.
pub(super) struct WorkerSender {
    pub(super) batch: Batch,
    /// Drop a batch for which the queue has no place, instead of waiting.
    live: bool,
    /// Segments that were sent.
    sent: u64,
    full: Sender<WorkerMessage>,
    empty: Receiver<Batch>,
    announced: Arc<AtomicU64>,
    /// Fields are dropped in order, and this one must follow `full`: the worker wakes when the
    /// channel is already disconnected.
    waker: WakeOnDrop,
}

/// Wakes the worker once more when the sender is dropped.
struct WakeOnDrop(Arc<Waker>);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.0.wake();
    }
}

/// The worker's end of the channel.
pub(super) struct WorkerReceiver {
    pub(super) messages: Receiver<WorkerMessage>,
    pub(super) recycled: Sender<Batch>,
    announced: Arc<AtomicU64>,
    /// The announcement that was returned last.
    passed_on: Cell<u64>,
    waker: Arc<Waker>,
}

impl WorkerReceiver {
    /// Waits for the next message.
    ///
    /// # Errors
    /// `Disconnected` when the sender is gone and the channel is empty; never `Empty`.
    pub(super) fn wait(&self) -> Result<WorkerMessage, TryRecvError> {
        self.waker.wait(|| match self.poll() {
            Err(TryRecvError::Empty) => None,
            other => Some(other),
        })
    }

    /// The next message, if there is one.
    ///
    /// # Errors
    /// `Empty` where none is waiting, `Disconnected` when the sender is gone as well.
    pub(super) fn poll(&self) -> Result<WorkerMessage, TryRecvError> {
        // Read before the channel: what was announced was sent before.
        let announced = self.announced.load(Ordering::Acquire);
        match self.messages.try_recv() {
            Err(TryRecvError::Empty) if announced > self.passed_on.replace(announced) => {
                Ok(WorkerMessage::Announced(announced))
            }
            other => other,
        }
    }
}

/// Both ends of a new channel.
pub(super) fn worker_channel(live: bool) -> (WorkerSender, WorkerReceiver) {
    let queue = if live { LIVE_QUEUE } else { QUEUE };
    // Two more places: for a snapshot, of which at most one is in progress, and for a catalogue.
    let (full, messages) = bounded(queue + 2);
    // Room for every batch in existence, so that returning one never waits.
    let (recycled, empty) = bounded(queue + 2);
    let waker = Arc::<Waker>::default();
    let announced = Arc::<AtomicU64>::default();
    let sender = WorkerSender {
        batch: Batch::default(),
        live,
        sent: 0,
        full,
        empty,
        announced: Arc::clone(&announced),
        waker: WakeOnDrop(Arc::clone(&waker)),
    };
    (sender, WorkerReceiver { messages, recycled, announced, passed_on: Cell::new(0), waker })
}

impl WorkerSender {
    /// Whether a batch sent now would be dropped.
    pub(super) fn would_drop(&self) -> bool {
        // Only this thread sends: a queue that is not full now takes a batch without waiting.
        self.live && self.full.len() >= LIVE_QUEUE
    }

    /// Whether the batch is sent, or dropped, without waiting for a place in the queue.
    pub(super) fn is_ready(&self) -> bool {
        self.live || self.batch.is_empty() || self.full.len() < QUEUE
    }

    /// Tells the worker that every segment up to `frame` was sent to it, or dropped.
    pub(super) fn announce(&self, frame: u64) {
        self.announced.store(frame, Ordering::Release);
        self.waker.0.wake();
    }

    /// Sends the batch with the block that holds its payloads. Live, drops and counts it where the
    /// queue is full.
    pub(super) fn flush(&mut self, block: &Arc<Block>, counters: &mut CaptureCounters) {
        let len = self.batch.len() as u64;
        if self.batch.is_empty() {
            return;
        }
        if self.would_drop() {
            counters.queue += len;
            self.batch.clear();
            return;
        }
        self.batch.attach(block);
        let next = self.empty.try_recv().unwrap_or_default();
        if self.empty.len() > SPARE {
            drop(self.empty.try_recv());
        }
        let batch = std::mem::replace(&mut self.batch, next);
        self.send(WorkerMessage::Batch(batch));
        self.sent += len;
        counters.segments += len;
    }

    /// Sends the last batch, live too waiting for a place in the queue: nothing that was read is
    /// lost at the end.
    ///
    /// Returns the number of segments that were ever sent.
    pub(super) fn finish(&mut self, block: &Arc<Block>, counters: &mut CaptureCounters) -> u64 {
        self.live = false;
        self.flush(block, counters);
        self.sent
    }

    /// Sends a snapshot job behind all batches sent so far. Live, this does not wait: the queue
    /// keeps a place for it.
    pub(super) fn request_snapshot(&mut self, job: SnapshotJob) {
        self.send(WorkerMessage::Snapshot(job));
    }

    /// Sends a catalogue. Live, this waits only if it is the second one within a tenth of a second.
    pub(super) fn update_catalogue(&mut self, update: CatalogueUpdate) {
        self.send(WorkerMessage::Catalogue(update));
    }

    /// Whether the worker panicked: its end of the channel is gone.
    pub(super) fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.waker.0) == 1
    }

    /// Sends a message. One to a worker that panicked is lost with what that worker had.
    fn send(&mut self, message: WorkerMessage) {
        if self.full.send(message).is_ok() {
            self.waker.0.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::decode::{Endpoint, FiveTuple, Segment, TcpFlags, Transport};
    use crate::flow::{FlowHasher, KeyedSegment};
    use crate::time::Time;

    fn segment() -> KeyedSegment {
        let end = Endpoint { address: [10, 0, 0, 1].into(), port: 9 };
        let segment = Segment {
            frame: 1,
            time: Time(0),
            five_tuple: FiveTuple { source: end, destination: end, transport: Transport::Udp },
            seq: 0,
            ack: 0,
            flags: TcpFlags::default(),
            tunnel: None,
            tenant: crate::decode::Tenant::NONE,
            link_broadcast: false,
            wire_len: 60,
            payload_len: 0,
        };
        KeyedSegment::new(&segment, &FlowHasher::default())
    }

    #[test]
    fn a_classifier_that_sleeps_wakes_for_each_batch_and_for_the_end() {
        for round in 0..2000 {
            let (mut sender, receiver) = worker_channel(false);
            let received =
                thread::spawn(move || std::iter::from_fn(|| receiver.wait().ok()).count());
            let (mut counters, block) = (CaptureCounters::default(), Arc::default());
            for _ in 0..round % 8 {
                sender.batch.push(segment(), 0, &[], &block);
                sender.flush(&block, &mut counters);
            }
            drop(sender);
            assert_eq!(received.join().unwrap(), round % 8);
        }
    }

    #[test]
    fn live_a_full_queue_drops_the_batch_and_counts_it_and_still_takes_a_snapshot_job() {
        let (mut sender, receiver) = worker_channel(true);
        let (mut counters, block) = (CaptureCounters::default(), Arc::default());
        for _ in 0..LIVE_QUEUE + 3 {
            sender.batch.push(segment(), 0, &[], &block);
            sender.batch.push(segment(), 0, &[], &block);
            sender.flush(&block, &mut counters);
        }
        assert_eq!(
            (counters.segments, counters.queue, sender.batch.len()),
            (2 * LIVE_QUEUE as u64, 6, 0)
        );
        sender.request_snapshot(SnapshotJob::without_receiver());
        let messages: Vec<_> = receiver.messages.try_iter().collect();
        assert_eq!(messages.len(), LIVE_QUEUE + 1);
        assert!(
            messages[..LIVE_QUEUE]
                .iter()
                .all(|message| matches!(message, WorkerMessage::Batch(batch) if batch.len() == 2))
        );
        assert!(matches!(messages[LIVE_QUEUE], WorkerMessage::Snapshot(_)));
    }
}
