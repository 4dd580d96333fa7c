//! A look at the live flows while the capture goes on: a bit at a time, so that the segments behind it need not wait for long.
//!
//! Each flow that lives when a walk begins is shown once: where the walk finds it, or on its way out where it ends before.

use super::{Flow, Judge, Said, Table, record};

/// Empty places that count as much as a flow: they are only looked at.
const EMPTY: usize = 16;

impl<V> Table<V> {
    /// Begins a walk over the live flows.
    pub fn begin_walk(&mut self) {
        self.walk = 0;
    }

    /// Shows the next flows, about as many as asked for; gives how many are left of the number, which is more than none only
    /// where the walk is over.
    pub fn walk(&mut self, flows: usize, judge: &mut impl Judge<Verdict = V>) -> usize {
        let mut left = flows * EMPTY;
        while self.walk < self.slab.places() {
            let Some(rest) = left.checked_sub(1) else { return 0 };
            left = rest;
            if let Some(flow) = self.slab.get_mut(self.walk) {
                show(flow, judge);
                left = left.saturating_sub(EMPTY - 1);
            }
            self.walk += 1;
        }
        self.walk = usize::MAX;
        left.div_ceil(EMPTY).max(1)
    }
}

/// What the flow would come to if it ended now; it goes on unchanged.
fn show<V>(flow: &mut Flow<V>, judge: &mut impl Judge<Verdict = V>) {
    // The sizes are only lent: a copy would be an allocation for each flow.
    let record = record(flow);
    match &mut flow.said {
        Said::Opening(opening) if !opening.is_silent() => {
            opening.orient(flow.initiator);
            let verdict = judge.inspect(opening, record.responder);
            judge.show(&record, Some(&verdict));
        }
        Said::Judged(verdict) => judge.show(&record, Some(verdict)),
        Said::Nothing | Said::Opening(_) => judge.show(&record, None),
    }
    flow.sizes = record.sizes;
}
