//! The openings of the flows of a table. Their memory is bounded; the oldest is evicted first.

use std::collections::VecDeque;

use super::Opening;
use super::chunked_vec::ChunkedVec;
use crate::decode::Transport;

/// Stale entries that the queue may hold before it is cleaned up.
const STALE: usize = 1024;
/// Distance in the queue between the opening that is evicted and the one that is prefetched.
const AHEAD: usize = 8;

/// A flow with an opening, and the slots of the two. Stale if the slots no longer agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QueuedOpening {
    pub(super) slot: u32,
    opening_slot: u32,
    pub(super) first_frame: u64,
}

/// Openings in numbered slots.
#[derive(Debug)]
pub(super) struct Openings {
    slots: ChunkedVec<Opening, 256>,
    free: Vec<u32>,
    /// Oldest first.
    queue: VecDeque<QueuedOpening>,
    bytes: usize,
    limit: usize,
}

impl Openings {
    pub(super) const fn new(limit: usize) -> Self {
        Self { slots: ChunkedVec::new(), free: Vec::new(), queue: VecDeque::new(), bytes: 0, limit }
    }

    /// Number of openings.
    pub(super) const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Bytes of memory that count for the openings.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of slots, taken and free.
    #[cfg(test)]
    pub(super) const fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Begins an opening for the flow in `slot`, and returns the slot of the opening.
    pub(super) fn begin(&mut self, transport: Transport, slot: u32, first_frame: u64) -> u32 {
        let free = self.free.pop();
        let opening_slot = match free.and_then(|opening_slot| {
            Some((opening_slot, self.slots.get_mut(opening_slot as usize)?))
        }) {
            Some((opening_slot, ended)) => {
                ended.renew(transport);
                ended.begin_at(first_frame);
                opening_slot
            }
            None => self.slots.push(Opening::of_flow(transport, first_frame)) as u32,
        };
        // Nothing is on the heap yet.
        self.bytes += size_of::<Opening>();
        self.queue(slot, opening_slot, first_frame);
        opening_slot
    }

    /// Adds an opening behind those that are evicted before it.
    pub(super) fn queue(&mut self, slot: u32, opening_slot: u32, first_frame: u64) {
        self.queue.push_back(QueuedOpening { slot, opening_slot, first_frame });
    }

    /// Does not count the memory of an opening any more, and returns its bytes.
    pub(super) fn set_aside(&mut self, opening_slot: u32) -> usize {
        let bytes = self.footprint(opening_slot);
        self.bytes = self.bytes.saturating_sub(bytes);
        bytes
    }

    /// Counts the memory of an opening again that was set aside.
    pub(super) fn put_back(&mut self, opening_slot: u32) {
        self.bytes += self.footprint(opening_slot);
    }

    /// The opening in a slot.
    pub(super) fn get(&self, opening_slot: u32) -> Option<&Opening> {
        self.slots.get(opening_slot as usize)
    }

    /// The queue, the oldest first.
    pub(super) fn queued(&self) -> impl Iterator<Item = &QueuedOpening> {
        self.queue.iter()
    }

    /// Adds an opening, whose memory `counts`, in a slot of its own, and returns the slot.
    pub(super) fn restore(&mut self, opening: Opening, counts: bool) -> u32 {
        self.bytes += if counts { opening.footprint() } else { 0 };
        self.slots.push(opening) as u32
    }

    /// Bytes of memory of an opening.
    pub(super) fn footprint(&self, opening_slot: u32) -> usize {
        self.slots.get(opening_slot as usize).map_or(0, Opening::footprint)
    }

    /// The opening in a slot.
    pub(super) fn get_mut(&mut self, opening_slot: u32) -> Option<&mut Opening> {
        self.slots.get_mut(opening_slot as usize)
    }

    /// Changes the opening in a slot and accounts for its memory.
    pub(super) fn change<T>(
        &mut self,
        opening_slot: u32,
        change: impl FnOnce(&mut Opening) -> T,
    ) -> Option<T> {
        let opening = self.slots.get_mut(opening_slot as usize)?;
        let before = opening.footprint();
        let result = change(opening);
        self.bytes = (self.bytes + opening.footprint()).saturating_sub(before);
        Some(result)
    }

    /// Removes an opening.
    pub(super) fn end(&mut self, opening_slot: u32) {
        let Some(opening) = self.get_mut(opening_slot) else { return };
        let gone = opening.footprint();
        opening.free();
        self.bytes = self.bytes.saturating_sub(gone);
        self.free.push(opening_slot);
    }

    /// The oldest flow with an opening, while the openings hold more memory than the limit; and the
    /// slot of a flow that follows soon, to be prefetched.
    pub(super) fn pop_evicted(&mut self) -> Option<(QueuedOpening, Option<u32>)> {
        if self.bytes <= self.limit {
            return None;
        }
        let next = self.queue.pop_front()?;
        let soon = self.queue.get(AHEAD).copied();
        if let Some(soon) = soon {
            self.prefetch(soon.opening_slot);
        }
        Some((next, soon.map(|soon| soon.slot)))
    }

    /// Removes stale entries of the queue before they outnumber the rest: flows end in another
    /// order than they begin.
    #[inline]
    pub(super) fn tidy(&mut self, has_opening: impl Fn(&QueuedOpening) -> bool) {
        if self.queue.len() > 2 * self.len() + STALE {
            self.queue.retain(has_opening);
        }
    }

    /// Prefetches the opening in a slot.
    #[inline]
    pub(super) fn prefetch(&self, opening_slot: u32) {
        if let Some(opening) = self.slots.get(opening_slot as usize) {
            opening.prefetch();
        }
    }
}
