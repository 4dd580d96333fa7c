//! A bounded table of rows: when it is full, those first in the order of [`ServerRank`] stay.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::key::ServerKey;
use super::row::ServerRow;
use crate::flow::Index;

/// Rows by key.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    rows: Vec<ServerRow>,
    index: Index,
    hasher: RandomState,
    limit: usize,
    /// The slots of a full table as a heap: each ranks behind its two children, and the first
    /// behind all. Empty until the table is full.
    heap: Vec<u32>,
}

/// What became of a row that should be placed.
pub(super) enum Placed {
    /// It is in this slot, and nothing left for it.
    Free(usize),
    /// It is in this slot, in place of another row.
    Evicted(usize, ServerRow),
    /// The rows in a full table all come before it. It is lost: in whatever order rows come, as
    /// many stand before it.
    Beyond(ServerRow),
}

impl Slots {
    pub(super) fn new(limit: usize) -> Self {
        let (index, hasher) = (Index::new(), RandomState::default());
        Self { rows: Vec::new(), index, hasher, limit, heap: Vec::new() }
    }

    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn rows(&self) -> &[ServerRow] {
        &self.rows
    }

    pub(super) fn row_mut(&mut self, slot: usize) -> Option<&mut ServerRow> {
        self.rows.get_mut(slot)
    }

    /// The slot of the row with this key.
    pub(super) fn find(&self, key: &ServerKey) -> Option<usize> {
        let is_its = |slot: usize| self.rows.get(slot).is_some_and(|row| row.key == *key);
        self.index.find(self.hasher.hash_one(key), is_its)
    }

    /// Places a row whose key no other row has.
    pub(super) fn place(&mut self, row: ServerRow) -> Placed {
        let hash = self.hasher.hash_one(row.key);
        if self.rows.len() < self.limit {
            let slot = self.rows.len();
            if slot == self.rows.capacity() {
                self.rows.reserve_exact(slot.max(16).min(self.limit - slot));
            }
            self.rows.push(row);
            self.index.insert(hash, slot);
            return Placed::Free(slot);
        }
        if self.heap.is_empty() {
            self.heap = (0..self.rows.len() as u32).collect();
            // In descending order they are a heap.
            self.heap.sort_by_key(|&slot| std::cmp::Reverse(rank(&self.rows, slot)));
        }
        let Some(&last) = self.heap.first() else { return Placed::Beyond(row) };
        if row.key.rank() > rank(&self.rows, last) {
            return Placed::Beyond(row);
        }
        let slot = last as usize;
        let evicted = std::mem::replace(&mut self.rows[slot], row);
        self.index.remove(self.hasher.hash_one(evicted.key), slot);
        self.index.insert(hash, slot);
        self.sink();
        Placed::Evicted(slot, evicted)
    }

    /// Restores the heap after its first row was replaced by one that comes earlier.
    fn sink(&mut self) {
        let (rows, heap) = (&self.rows, &mut self.heap);
        let mut at = 0;
        loop {
            let children = (2 * at + 1)..(2 * at + 3).min(heap.len());
            let Some(child) = children.max_by_key(|&child| rank(rows, heap[child])) else { return };
            if rank(rows, heap[child]) < rank(rows, heap[at]) {
                return;
            }
            heap.swap(at, child);
            at = child;
        }
    }

    pub(super) fn into_rows(self) -> Vec<ServerRow> {
        self.rows
    }

    /// Bytes on the heap, without those of the rows themselves.
    #[cfg(test)]
    pub(super) fn footprint(&self) -> usize {
        let index = (self.rows.len() * 4 / 3 + 1).next_power_of_two() * size_of::<u64>();
        self.rows.capacity() * size_of::<ServerRow>() + index + self.heap.capacity() * 4
    }
}

fn rank(rows: &[ServerRow], slot: u32) -> super::key::ServerRank {
    rows[slot as usize].key.rank()
}
