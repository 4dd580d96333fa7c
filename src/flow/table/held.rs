//! Openings of flows that have their verdict, held for a while: bytes that come again and differ would
//! change it. What the bytes prove of the server is kept when their opening is let go.

use std::collections::VecDeque;

use super::{OpeningSlot, Table, is_padding};
use crate::evidence::Evidence;
use crate::flow::live_flow::LiveFlow;
use crate::flow::stream::{Repetition, SegmentPayload};
use crate::flow::{CapturedPayload, Judge, KeyedSegment};

/// Openings that are held at most, and bytes of memory that they may have together: a server's answer
/// follows a forged one before many other flows have their verdict.
const OPENINGS: usize = 32;
const BYTES: usize = 64 << 10;

/// The opening of a flow that has its verdict.
#[derive(Debug)]
pub(super) struct HeldOpening {
    pub(super) slot: usize,
    pub(super) opening_slot: u32,
    pub(super) bytes: usize,
    pub(super) evidence: Evidence,
}

/// The held openings, the oldest first.
#[derive(Debug, Default)]
pub(super) struct HeldOpenings {
    queue: VecDeque<HeldOpening>,
    bytes: usize,
}

impl HeldOpenings {
    /// The slot of a flow's opening.
    pub(super) fn opening_slot(&self, slot: usize) -> Option<u32> {
        self.queue.get(self.place(slot)?).map(|held| held.opening_slot)
    }

    /// The place of a flow's opening in the queue.
    fn place(&self, slot: usize) -> Option<usize> {
        self.queue.iter().position(|held| held.slot == slot)
    }

    /// The openings, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &HeldOpening> {
        self.queue.iter()
    }

    /// Adds an opening behind the others.
    pub(super) fn restore(&mut self, held: HeldOpening) {
        self.bytes += held.bytes;
        self.queue.push_back(held);
    }

    fn remove(&mut self, place: usize) -> Option<HeldOpening> {
        let held = self.queue.remove(place)?;
        self.bytes -= held.bytes;
        Some(held)
    }
}

impl Table {
    /// Bytes of memory that count for held openings.
    #[cfg(test)]
    pub(super) const fn held_bytes(&self) -> usize {
        self.held.bytes
    }

    /// Holds an opening, which is classified by `evidence`, and lets others go that are held for long.
    pub(super) fn hold(
        &mut self,
        slot: usize,
        opening_slot: u32,
        evidence: Evidence,
        judge: &mut impl Judge,
    ) {
        let bytes = self.openings.set_aside(opening_slot);
        self.held.bytes += bytes;
        self.held.queue.push_back(HeldOpening { slot, opening_slot, bytes, evidence });
        while self.held.queue.len() > OPENINGS || self.held.bytes > BYTES {
            let Some(oldest) = self.held.queue.front() else { return };
            self.let_go_of(oldest.slot, judge);
        }
    }

    /// Lets the opening of a flow go.
    pub(super) fn let_go_of(&mut self, slot: usize, judge: &mut impl Judge) {
        let Some(held) = self.held.place(slot).and_then(|place| self.held.remove(place)) else {
            return;
        };
        self.openings.put_back(held.opening_slot);
        if let Some(flow) = self.slab.get_mut(slot)
            && let Some(opening) = self.openings.get_mut(held.opening_slot)
            && let OpeningSlot::Judged(verdict) = flow.opening()
        {
            flow.let_go();
            judge.conclude(opening, &flow.key(&self.overflows), verdict, &held.evidence);
        }
        self.openings.end(held.opening_slot);
    }

    /// Compares a segment that repeats bytes with the opening of its flow, if that is still held.
    /// Where they differ, the flow gets another verdict.
    #[cold]
    pub(super) fn compare_held(
        &mut self,
        slot: usize,
        segment: &KeyedSegment,
        payload: &(impl CapturedPayload + ?Sized),
        judge: &mut impl Judge,
    ) {
        if !self.slab.get(slot).is_some_and(LiveFlow::is_held)
            || is_padding(segment, payload.bytes())
        {
            return;
        }
        let (payload, _) = SegmentPayload::of_tcp(segment, payload);
        let opening_slot = self.held.opening_slot(slot);
        let Some(opening) = opening_slot.and_then(|slot| self.openings.get_mut(slot)) else {
            return;
        };
        let is_repaired = match opening.compare(segment.end(), &payload) {
            Repetition::Damaged(damaged) if damaged.is_first => true,
            Repetition::Differs(_) => false,
            Repetition::Agrees | Repetition::Damaged(_) => return,
        };
        let Some(held) = self.held.place(slot).and_then(|place| self.held.remove(place)) else {
            return;
        };
        self.openings.put_back(held.opening_slot);
        let Some(flow) = self.slab.get_mut(slot) else { return };
        if let OpeningSlot::Judged(verdict) = flow.opening() {
            judge.forget(verdict);
        }
        flow.set_opening(OpeningSlot::Opening(held.opening_slot));
        let first_frame = flow.first_frame;
        if is_repaired {
            // The rest of what the sender sent follows.
            self.openings.queue(slot as u32, held.opening_slot, first_frame);
        } else {
            self.inspect(slot, false, judge);
        }
    }
}
