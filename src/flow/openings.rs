//! The openings of a table's flows, and their memory: bounded, the oldest first to go.

use std::collections::VecDeque;

use super::Opening;
use super::chunked_vec::ChunkedVec;
use crate::decode::Transport;

/// Flows in the queue that may be stale before it is looked through.
const STALE: usize = 1024;
/// Places in the queue between the opening that goes and the one that is asked for.
const AHEAD: usize = 8;

/// A flow with an opening, and where the two are; stale where they no longer agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QueuedOpening {
    pub(super) slot: u32,
    opening_slot: u32,
    pub(super) first_frame: u64,
}

/// Places of openings.
#[derive(Debug)]
pub(super) struct Openings {
    slots: ChunkedVec<Opening, 256>,
    free: Vec<u32>,
    /// The oldest first.
    queue: VecDeque<QueuedOpening>,
    bytes: usize,
    limit: usize,
}

impl Openings {
    pub(super) const fn new(limit: usize) -> Self {
        Self { slots: ChunkedVec::new(), free: Vec::new(), queue: VecDeque::new(), bytes: 0, limit }
    }

    /// Openings that are there.
    pub(super) const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Bytes of memory that they hold.
    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Places that there are, taken and free.
    #[cfg(test)]
    pub(super) const fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Begins an opening for the flow in a slot; gives its slot.
    pub(super) fn begin(&mut self, transport: Transport, slot: u32, first_frame: u64) -> u32 {
        let opening = Opening::new(transport);
        self.bytes += opening.footprint();
        let free = self.free.pop();
        let opening_slot = match free.and_then(|opening_slot| {
            Some((opening_slot, self.slots.get_mut(opening_slot as usize)?))
        }) {
            Some((opening_slot, ended)) => {
                *ended = opening;
                opening_slot
            }
            None => self.slots.push(opening) as u32,
        };
        self.queue.push_back(QueuedOpening { slot, opening_slot, first_frame });
        opening_slot
    }

    /// The opening in a slot.
    pub(super) fn get_mut(&mut self, opening_slot: u32) -> Option<&mut Opening> {
        self.slots.get_mut(opening_slot as usize)
    }

    /// Changes the opening in a slot and keeps account of its memory.
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

    /// Lets an opening go.
    pub(super) fn end(&mut self, opening_slot: u32) {
        let Some(opening) = self.get_mut(opening_slot) else { return };
        let gone = opening.footprint();
        opening.free();
        self.bytes = self.bytes.saturating_sub(gone);
        self.free.push(opening_slot);
    }

    /// The oldest flow with an opening, while they hold more memory than they may; and the slot of
    /// one that will soon be.
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

    /// Flows end in another order than they begin: throws out what is stale before it outweighs the
    /// rest.
    #[inline]
    pub(super) fn tidy(&mut self, has_opening: impl Fn(&QueuedOpening) -> bool) {
        if self.queue.len() > 2 * self.len() + STALE {
            self.queue.retain(has_opening);
        }
    }

    /// Asks for the cache lines of the opening in a slot.
    #[inline]
    pub(super) fn prefetch(&self, opening_slot: u32) {
        if let Some(opening) = self.slots.get(opening_slot as usize) {
            opening.prefetch();
        }
    }
}
