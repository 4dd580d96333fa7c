//! The way to one classifier and back.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::Tally;
use super::bell::Bell;
use super::blocks::SPARE;
use super::views::Look;
use crate::batch::Batch;
use crate::catalogue::Catalogue;
use crate::flow::ServicePorts;
use crate::source::Block;

/// Batches that wait for a classifier. Few, so that their blocks are still in a cache when they are
/// used again.
const QUEUE: usize = 4;
/// The same of a live capture, which must not wait: a tenth of a second while the system gives the
/// core to somebody else.
const LIVE_QUEUE: usize = 64;

/// What travels to a classifier.
pub(super) enum Parcel<'c> {
    /// Segments to be classified.
    Batch(Batch),
    /// A question that is to be answered as of here.
    Look(Look<'c>),
    /// What is known from here on.
    Lesson(Lesson<'c>),
}

/// What a classifier knows of ports.
#[derive(Clone)]
pub(super) struct Lesson<'c> {
    pub(super) catalogue: &'c Catalogue,
    pub(super) ports: Arc<ServicePorts>,
}

/// The capture thread's end.
pub(super) struct Lane<'c> {
    pub(super) batch: Batch,
    /// Live: drops what the queue has no place for, instead of waiting.
    live: bool,
    full: Sender<Parcel<'c>>,
    empty: Receiver<Batch>,
    /// Dropped behind `full`, in the order of the fields: the classifier wakes when nobody can send
    /// any more.
    bell: Rope,
}

/// The capture thread's end of a bell, which rings once more when it is let go.
struct Rope(Arc<Bell>);

impl Drop for Rope {
    fn drop(&mut self) {
        self.0.ring();
    }
}

/// The classifier's end.
pub(super) struct Mouth<'c> {
    pub(super) parcels: Receiver<Parcel<'c>>,
    pub(super) give_back: Sender<Batch>,
    bell: Arc<Bell>,
}

impl<'c> Mouth<'c> {
    /// The next parcel, for which it waits; an error when no more can come.
    pub(super) fn wait(&self) -> Result<Parcel<'c>, TryRecvError> {
        self.bell.wait(|| match self.parcels.try_recv() {
            Err(TryRecvError::Empty) => None,
            other => Some(other),
        })
    }
}

/// Both ends of a new lane.
pub(super) fn lane<'c>(live: bool) -> (Lane<'c>, Mouth<'c>) {
    let queue = if live { LIVE_QUEUE } else { QUEUE };
    // Two places more: for a question, of which there is never more than one, and for a lesson.
    let (full, parcels) = bounded(queue + 2);
    // Room for every batch there is, so that giving one back never waits.
    let (give_back, empty) = bounded(queue + 2);
    let bell = Arc::<Bell>::default();
    let rope = Rope(Arc::clone(&bell));
    (
        Lane { batch: Batch::default(), live, full, empty, bell: rope },
        Mouth { parcels, give_back, bell },
    )
}

impl<'c> Lane<'c> {
    /// Whether a batch would be dropped now.
    pub(super) fn would_drop(&self) -> bool {
        // Only this thread sends: what is not full now takes a batch without waiting.
        self.live && self.full.len() >= LIVE_QUEUE
    }

    /// Sends the batch with the block that it is of; live, counts it as dropped where the queue is
    /// full.
    pub(super) fn flush(&mut self, block: &Arc<Block>, tally: &mut Tally) -> Result<(), String> {
        let len = self.batch.len() as u64;
        if len == 0 {
            return Ok(());
        }
        if self.would_drop() {
            tally.queue += len;
            self.batch.clear();
            return Ok(());
        }
        self.batch.attach(block);
        let next = self.empty.try_recv().unwrap_or_default();
        if self.empty.len() > SPARE {
            drop(self.empty.try_recv());
        }
        let batch = std::mem::replace(&mut self.batch, next);
        self.send(Parcel::Batch(batch))?;
        tally.segments += len;
        Ok(())
    }

    /// Sends the last batch, and waits for it: what was read is not lost for want of a moment.
    pub(super) fn finish(&mut self, block: &Arc<Block>, tally: &mut Tally) -> Result<(), String> {
        self.live = false;
        self.flush(block, tally)
    }

    /// Asks the classifier, behind all that was sent so far. Live, this does not wait: a place is
    /// kept free for it.
    pub(super) fn ask(&mut self, look: Look<'c>) -> Result<(), String> {
        self.send(Parcel::Look(look))
    }

    /// Teaches the classifier. Live, only a second lesson in a tenth of a second would have to
    /// wait.
    pub(super) fn teach(&mut self, lesson: Lesson<'c>) -> Result<(), String> {
        self.send(Parcel::Lesson(lesson))
    }

    fn send(&mut self, parcel: Parcel<'c>) -> Result<(), String> {
        self.full.send(parcel).map_err(|_| "a classifier thread died".to_owned())?;
        self.bell.0.ring();
        Ok(())
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
            wire_len: 60,
            payload_len: 0,
        };
        KeyedSegment::new(&segment, &FlowHasher::default())
    }

    #[test]
    fn a_classifier_that_sleeps_wakes_for_each_batch_and_for_the_end() {
        for round in 0..2000 {
            let (mut lane, mouth) = lane(false);
            let taken = thread::spawn(move || std::iter::from_fn(|| mouth.wait().ok()).count());
            let (mut tally, block) = (Tally::default(), Arc::default());
            for _ in 0..round % 8 {
                lane.batch.push(segment(), 0, &[], &block);
                lane.flush(&block, &mut tally).unwrap();
            }
            drop(lane);
            assert_eq!(taken.join().unwrap(), round % 8);
        }
    }

    #[test]
    fn live_a_full_queue_drops_the_batch_and_counts_it_and_still_takes_a_question() {
        let (mut lane, mouth) = lane(true);
        let (mut tally, block) = (Tally::default(), Arc::default());
        for _ in 0..LIVE_QUEUE + 3 {
            lane.batch.push(segment(), 0, &[], &block);
            lane.batch.push(segment(), 0, &[], &block);
            lane.flush(&block, &mut tally).unwrap();
        }
        assert_eq!((tally.segments, tally.queue, lane.batch.len()), (2 * LIVE_QUEUE as u64, 6, 0));
        lane.ask(Look::nobodys()).unwrap();
        let parcels: Vec<_> = mouth.parcels.try_iter().collect();
        assert_eq!(parcels.len(), LIVE_QUEUE + 1);
        assert!(
            parcels[..LIVE_QUEUE]
                .iter()
                .all(|parcel| matches!(parcel, Parcel::Batch(batch) if batch.len() == 2))
        );
        assert!(matches!(parcels[LIVE_QUEUE], Parcel::Look(_)));
    }
}
