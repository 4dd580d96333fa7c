//! A map from the hash of a flow to its slot: open addressing over eight-byte entries. A lookup
//! costs one cache line here and one in the slab, and a batch can prefetch all of its lines before
//! it needs the first.

use prefetch_index::prefetch_index;

/// An empty entry: its slot is one that no flow has. Not zero: the kernel hands out zeroed pages
/// when they are written to. A page that was read first costs a second fault on the first write,
/// and an interrupt on every core.
const EMPTY: u64 = u64::MAX;

/// Hash tags and slots with linear probing. At most 2^31 entries.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    /// Upper half: 32 bits of the hash. Lower half: the slot.
    entries: Vec<u64>,
    len: usize,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self { entries: vec![EMPTY; 64], len: 0 }
    }

    fn mask(&self) -> usize {
        self.entries.len() - 1
    }

    /// Prefetches the entry where probing for a hash begins.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        prefetch_index(&self.entries, tag(hash) as usize & self.mask());
    }

    /// The first slot with this hash: most probably the right one.
    #[inline]
    pub(crate) fn probe(&self, hash: u64) -> Option<usize> {
        self.find(hash, |_| true)
    }

    /// The slot with this hash for which `is` returns true.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is: impl FnMut(usize) -> bool) -> Option<usize> {
        let mut at = tag(hash) as usize & self.mask();
        loop {
            let entry = self.entries[at];
            let there = slot(entry)?;
            if entry >> 32 == tag(hash) && is(there) {
                return Some(there);
            }
            at = (at + 1) & self.mask();
        }
    }

    /// Adds a slot that is not in the index yet.
    pub(crate) fn insert(&mut self, hash: u64, slot: usize) {
        // At most three quarters full, so that probe runs stay short.
        if (self.len + 1) * 4 > self.entries.len() * 3 {
            let old = std::mem::take(&mut self.entries);
            self.entries = vec![EMPTY; old.len() * 2];
            for entry in old.into_iter().filter(|&entry| entry != EMPTY) {
                self.place(entry);
            }
        }
        self.place(tag(hash) << 32 | slot as u64);
        self.len += 1;
    }

    fn place(&mut self, entry: u64) {
        let mut at = (entry >> 32) as usize & self.mask();
        while self.entries[at] != EMPTY {
            at = (at + 1) & self.mask();
        }
        self.entries[at] = entry;
    }

    /// Removes the entry of a slot and moves up the entries that probing would no longer reach.
    pub(crate) fn remove(&mut self, hash: u64, gone: usize) {
        let mask = self.mask();
        let mut hole = tag(hash) as usize & mask;
        while slot(self.entries[hole]) != Some(gone) {
            if self.entries[hole] == EMPTY {
                return;
            }
            hole = (hole + 1) & mask;
        }
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let entry = self.entries[at];
            if entry == EMPTY {
                break;
            }
            let home = (entry >> 32) as usize & mask;
            // Distances wrap around the end of the table.
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.entries[hole] = entry;
                hole = at;
            }
        }
        self.entries[hole] = EMPTY;
        self.len -= 1;
    }
}

const fn tag(hash: u64) -> u64 {
    hash >> 32
}

fn slot(entry: u64) -> Option<usize> {
    let slot = entry as u32;
    (slot != EMPTY as u32).then_some(slot as usize)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few distinct hashes make long probe runs that wrap around the end.
        #[test]
        fn behaves_as_a_map_does(steps in prop::collection::vec((any::<bool>(), 0_u64..400), 1..600)) {
            let (mut index, mut model) = (Index::new(), BTreeSet::new());
            for (add, key) in steps {
                let hash = (u64::MAX - key / 8) << 32;
                if add {
                    if model.insert(key) {
                        index.insert(hash, key as usize);
                    }
                } else if model.remove(&key) {
                    index.remove(hash, key as usize);
                }
            }
            for key in 0_u64..400 {
                let hash = (u64::MAX - key / 8) << 32;
                let found = index.find(hash, |slot| slot == key as usize);
                prop_assert_eq!(found.is_some(), model.contains(&key));
            }
        }
    }
}
