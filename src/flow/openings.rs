//! The openings of a table's flows, and their memory: bounded, the oldest first to go.

use std::collections::VecDeque;

use super::Opening;
use super::pieces::Pieces;
use crate::decode::Transport;

/// Flows in the queue that may be stale before it is looked through.
const STALE: usize = 1024;
/// Places in the queue between the opening that goes and the one that is asked for.
const AHEAD: usize = 8;

/// A flow with an opening, and where the two are; stale where they no longer agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Queued {
    pub(super) slot: u32,
    place: u32,
    pub(super) first_frame: u64,
}

/// Places of openings.
#[derive(Debug)]
pub(super) struct Openings {
    places: Pieces<Opening, 256>,
    free: Vec<u32>,
    /// The oldest first.
    queue: VecDeque<Queued>,
    bytes: usize,
    limit: usize,
}

impl Openings {
    pub(super) const fn new(limit: usize) -> Self {
        Self { places: Pieces::new(), free: Vec::new(), queue: VecDeque::new(), bytes: 0, limit }
    }

    /// Openings that are there.
    pub(super) const fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Bytes of memory that they hold.
    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Places that there are, taken and free.
    #[cfg(test)]
    pub(super) const fn places(&self) -> usize {
        self.places.len()
    }

    /// Begins an opening for the flow in a slot; gives its place.
    pub(super) fn begin(&mut self, transport: Transport, slot: u32, first_frame: u64) -> u32 {
        let opening = Opening::new(transport);
        self.bytes += opening.footprint();
        let free = self.free.pop();
        let place = match free.and_then(|place| Some((place, self.places.get_mut(place as usize)?)))
        {
            Some((place, ended)) => {
                *ended = opening;
                place
            }
            None => self.places.push(opening) as u32,
        };
        self.queue.push_back(Queued { slot, place, first_frame });
        place
    }

    /// The opening at a place.
    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Opening> {
        self.places.get_mut(place as usize)
    }

    /// Changes the opening at a place and keeps account of its memory.
    pub(super) fn change<T>(
        &mut self,
        place: u32,
        change: impl FnOnce(&mut Opening) -> T,
    ) -> Option<T> {
        let opening = self.places.get_mut(place as usize)?;
        let before = opening.footprint();
        let result = change(opening);
        self.bytes = (self.bytes + opening.footprint()).saturating_sub(before);
        Some(result)
    }

    /// Lets an opening go.
    pub(super) fn end(&mut self, place: u32) {
        let Some(opening) = self.get_mut(place) else { return };
        let gone = opening.footprint();
        opening.free();
        self.bytes = self.bytes.saturating_sub(gone);
        self.free.push(place);
    }

    /// The oldest flow with an opening, while they hold more memory than they may; and the slot of
    /// one that will soon be.
    pub(super) fn next_to_go(&mut self) -> Option<(Queued, Option<u32>)> {
        if self.bytes <= self.limit {
            return None;
        }
        let next = self.queue.pop_front()?;
        let soon = self.queue.get(AHEAD).copied();
        if let Some(soon) = soon {
            self.prefetch(soon.place);
        }
        Some((next, soon.map(|soon| soon.slot)))
    }

    /// Flows end in another order than they begin: throws out what is stale before it outweighs the
    /// rest.
    #[inline]
    pub(super) fn tidy(&mut self, has_opening: impl Fn(&Queued) -> bool) {
        if self.queue.len() > 2 * self.len() + STALE {
            self.queue.retain(has_opening);
        }
    }

    /// Asks for the cache lines of the opening at a place.
    #[inline]
    pub(super) fn prefetch(&self, place: u32) {
        if let Some(opening) = self.places.get(place as usize) {
            opening.prefetch();
        }
    }
}
