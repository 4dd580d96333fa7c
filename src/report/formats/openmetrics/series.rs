//! The limit on series: the first keys that come have one of their own, the others share one.

use std::collections::HashMap;
use std::hash::Hash;

/// Which keys have a series of their own.
pub(super) struct SeriesLimit<K> {
    decided: HashMap<K, bool>,
    taken: usize,
    limit: usize,
}

impl<K: Eq + Hash> SeriesLimit<K> {
    pub(super) fn new(limit: usize) -> Self {
        Self { decided: HashMap::new(), taken: 0, limit }
    }

    /// Whether `key` has a series of its own; a new key gets one while fewer than `share` are
    /// taken. The decision stays: a counter that moved from one series to another would go back in
    /// the first.
    pub(super) fn has_own(&mut self, key: K, share: usize) -> bool {
        let free = self.taken < share.min(self.limit);
        let taken = &mut self.taken;
        *self.decided.entry(key).or_insert_with(|| {
            *taken += usize::from(free);
            free
        })
    }

    /// Keys without a series of their own.
    pub(super) fn folded(&self) -> usize {
        self.decided.len() - self.taken
    }
}
