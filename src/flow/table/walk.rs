//! A look at the live flows while the capture goes on: a bit at a time, so that the segments behind
//! it need not wait for long.
//!
//! Each flow that lives when a walk begins is shown once: where the walk finds it, or on its way
//! out where it ends before.

use super::{Judge, Said, Table, Word, record};
use crate::flow::rare::Rare;
use crate::time::Time;

/// Empty places that count as much as a flow: they are only looked at.
const EMPTY: usize = 16;

impl Table {
    /// Ends flows that are over among the next places. New flows have this done as they come; a
    /// capture that goes on for days does not wait for them, so that memory follows the traffic. It
    /// changes no record: these flows would not go on.
    pub fn tidy(&mut self, now: Time, places: usize, judge: &mut impl Judge) {
        for _ in 0..places.min(self.slab.places()) {
            self.tidy = if self.tidy + 1 < self.slab.places() { self.tidy + 1 } else { 0 };
            if self.slab.get(self.tidy).is_some_and(|flow| flow.is_expired(now)) {
                self.close(self.tidy, judge);
            }
        }
    }

    /// Begins a walk over the live flows.
    pub fn begin_walk(&mut self) {
        self.walk = 0;
    }

    /// Shows the next flows, about as many as asked for; gives how many are left of the number,
    /// which is more than none only where the walk is over.
    pub fn walk(&mut self, flows: usize, judge: &mut impl Judge) -> usize {
        let mut left = flows * EMPTY;
        while self.walk < self.slab.places() {
            let Some(rest) = left.checked_sub(1) else { return 0 };
            left = rest;
            if self.show(self.walk, judge) {
                left = left.saturating_sub(EMPTY - 1);
            }
            self.walk += 1;
        }
        self.walk = usize::MAX;
        left.div_ceil(EMPTY).max(1)
    }

    /// Shows what the flow in a slot would come to if it ended now; it goes on unchanged.
    fn show(&mut self, slot: usize, judge: &mut impl Judge) -> bool {
        let Some(entry) = self.slab.get(slot) else { return false };
        let key = entry.key(&self.rares);
        // Only lent: a copy would be some allocations for each flow.
        let mut rare = entry.exchange_rare(&mut self.rares, Rare::default());
        let record = record(entry, &key, &mut rare);
        let word = match entry.said() {
            Said::Nothing => Word::None,
            Said::Judged(verdict) => Word::Judged(verdict),
            Said::Opening(place) => match self.openings.get_mut(place) {
                Some(opening) if !opening.is_silent() => {
                    opening.orient(entry.initiator());
                    Word::Opening(opening)
                }
                _ => Word::None,
            },
        };
        judge.show(&record, word);
        rare.sizes = record.sizes.into_more();
        entry.exchange_rare(&mut self.rares, rare);
        true
    }
}
