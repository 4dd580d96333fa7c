//! A look at the live flows while the capture goes on: a bit at a time, so that the segments behind
//! it need not wait for long.
//!
//! Each flow that lives when a walk begins is shown once: where the walk finds it, or on its way
//! out where it ends before.

use super::{Judge, OpeningSlot, OpeningState, Table, record};
use crate::flow::overflow::FlowOverflow;
use crate::time::Time;

/// Empty places that count as much as a flow: they are only looked at.
const EMPTY: usize = 16;

impl Table {
    /// Ends flows that are over among the next places. New flows have this done as they come; a
    /// capture that goes on for days does not wait for them, so that memory follows the traffic. It
    /// changes no record: these flows would not go on.
    pub fn expire(&mut self, now: Time, places: usize, judge: &mut impl Judge) {
        for _ in 0..places.min(self.slab.slots()) {
            self.expire_at =
                if self.expire_at + 1 < self.slab.slots() { self.expire_at + 1 } else { 0 };
            if self.slab.get(self.expire_at).is_some_and(|flow| flow.is_expired(now)) {
                self.close(self.expire_at, judge);
            }
        }
    }

    /// Begins a walk over the live flows.
    pub fn begin_snapshot(&mut self) {
        self.snapshot_at = 0;
    }

    /// Shows the next flows, about as many as asked for; gives how many are left of the number,
    /// which is more than none only where the walk is over.
    pub fn continue_snapshot(&mut self, flows: usize, judge: &mut impl Judge) -> usize {
        let mut left = flows * EMPTY;
        while self.snapshot_at < self.slab.slots() {
            let Some(rest) = left.checked_sub(1) else { return 0 };
            left = rest;
            if self.show(self.snapshot_at, judge) {
                left = left.saturating_sub(EMPTY - 1);
            }
            self.snapshot_at += 1;
        }
        self.snapshot_at = usize::MAX;
        left.div_ceil(EMPTY).max(1)
    }

    /// Shows what the flow in a slot would come to if it ended now; it goes on unchanged.
    fn show(&mut self, slot: usize, judge: &mut impl Judge) -> bool {
        let Some(flow) = self.slab.get(slot) else { return false };
        let key = flow.key(&self.overflows);
        // Only lent: a copy would be some allocations for each flow.
        let mut overflow = flow.replace_overflow(&mut self.overflows, FlowOverflow::default());
        let record = record(flow, &key, &mut overflow);
        let state = match flow.opening() {
            OpeningSlot::Nothing => OpeningState::None,
            OpeningSlot::Judged(verdict) => OpeningState::Judged(verdict),
            OpeningSlot::Opening(opening_slot) => match self.openings.get_mut(opening_slot) {
                Some(opening) if !opening.is_silent() => {
                    opening.orient(flow.initiator());
                    OpeningState::Opening(opening)
                }
                _ => OpeningState::None,
            },
        };
        judge.show(&record, state);
        overflow.sizes = record.sizes.into_more();
        flow.replace_overflow(&mut self.overflows, overflow);
        true
    }
}
