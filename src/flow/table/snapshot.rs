//! Snapshots of the live flows while the capture goes on: a few flows at a time, so that the
//! segments behind need not wait for long.
//!
//! Each flow that lives when a snapshot begins is shown once: where the snapshot reaches it, or
//! when it ends before that.

use super::{Judge, OpeningSlot, OpeningState, Table, record};
use crate::flow::overflow::FlowOverflow;
use crate::time::Time;

/// Number of empty slots that cost as much as a flow: they are only read.
const EMPTY: usize = 16;

impl Table {
    /// Ends flows that are over among the next slots. A new flow does the same as it comes, but a
    /// capture that runs for days must not wait for one: memory follows the traffic. This changes
    /// no record, as these flows would not go on.
    pub fn expire(&mut self, now: Time, slots: usize, judge: &mut impl Judge) {
        for _ in 0..slots.min(self.slab.slots()) {
            self.expire_at =
                if self.expire_at + 1 < self.slab.slots() { self.expire_at + 1 } else { 0 };
            if self.slab.get(self.expire_at).is_some_and(|flow| flow.is_expired(now)) {
                self.close(self.expire_at, judge);
            }
        }
    }

    /// Begins a snapshot of the live flows.
    pub fn begin_snapshot(&mut self) {
        self.snapshot_at = 0;
    }

    /// Shows about `flows` more flows. Returns how many of the number are left: zero until the
    /// snapshot is complete.
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

    /// Shows the record that the flow in a slot would have if it ended now. The flow goes on
    /// unchanged.
    fn show(&mut self, slot: usize, judge: &mut impl Judge) -> bool {
        let Some(mut flow) = self.slab.get(slot).copied() else { return false };
        let key = flow.key(&self.overflows);
        let opening = match flow.opening() {
            // What the bytes prove of the server is not kept yet.
            OpeningSlot::Judged(_) if flow.is_held() => self.held.opening_slot(slot),
            OpeningSlot::Opening(opening_slot) => Some(opening_slot),
            OpeningSlot::Nothing | OpeningSlot::Judged(_) => None,
        };
        let state = match (flow.opening(), opening) {
            (OpeningSlot::Judged(verdict), None) => OpeningState::Judged(verdict),
            (_, None) => OpeningState::None,
            (_, Some(opening_slot)) => match self.openings.get_mut(opening_slot) {
                Some(opening) if !opening.is_silent() => {
                    // Before its next inspection the opening is oriented again as its flow is.
                    opening.orient(flow.initiator(), flow.is_fixed());
                    judge.preview(opening);
                    flow.orient_like(opening);
                    OpeningState::Opening(opening)
                }
                _ => OpeningState::None,
            },
        };
        // Lent, not copied: a copy would cost some allocations per flow.
        let mut overflow = flow.replace_overflow(&mut self.overflows, FlowOverflow::default());
        let record = record(&flow, &key, &mut overflow, self.hasher.tenants());
        judge.show(&record, state);
        overflow.sizes = record.sizes.into_more();
        flow.replace_overflow(&mut self.overflows, overflow);
        true
    }
}
