//! Who gets a series of their own: the first who come, as long as there is room; the others never.

use std::collections::HashMap;
use std::hash::Hash;

/// The places that there are, and who was turned away.
pub(super) struct Places<K> {
    decided: HashMap<K, bool>,
    taken: usize,
    limit: usize,
}

impl<K: Eq + Hash> Places<K> {
    pub(super) fn new(limit: usize) -> Self {
        Self { decided: HashMap::new(), taken: 0, limit }
    }

    /// Whether `key` has a place of its own; a new one gets it while fewer than `share` are taken.
    /// What was once decided stays: a counter that moved from one series to another would go back
    /// in the first.
    pub(super) fn take(&mut self, key: K, share: usize) -> bool {
        let free = self.taken < share.min(self.limit);
        let taken = &mut self.taken;
        *self.decided.entry(key).or_insert_with(|| {
            *taken += usize::from(free);
            free
        })
    }

    /// How many were turned away.
    pub(super) fn folded(&self) -> usize {
        self.decided.len() - self.taken
    }
}
