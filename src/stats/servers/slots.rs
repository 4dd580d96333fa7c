//! A bounded table of rows: when it is full, those first in the order of [`ServerRank`] stay.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::key::{ServerKey, ServerRank};
use super::row::ServerRow;
use crate::flow::Index;

/// Rows by key.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    rows: RowChunks,
    index: Index,
    hasher: RandomState,
    limit: usize,
    /// The slots of a full table as a heap: each ranks behind its two children, and the first
    /// behind all. Empty until the table is full.
    heap: Vec<u32>,
}

/// Rows in chunks, which do not move when the table grows: it never takes its memory twice.
#[derive(Debug, Clone, Default)]
struct RowChunks(Vec<Vec<ServerRow>>);

/// Rows of a chunk.
const CHUNK: usize = 256;

impl RowChunks {
    fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * CHUNK + last.len())
    }

    fn push(&mut self, row: ServerRow) {
        match self.0.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(row),
            // The first chunk grows: most captures have few servers.
            None => self.0.push(vec![row]),
            Some(_) => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(row);
                self.0.push(chunk);
            }
        }
    }

    fn get(&self, slot: usize) -> Option<&ServerRow> {
        self.0.get(slot / CHUNK)?.get(slot % CHUNK)
    }

    fn get_mut(&mut self, slot: usize) -> Option<&mut ServerRow> {
        self.0.get_mut(slot / CHUNK)?.get_mut(slot % CHUNK)
    }

    /// The rank of the row in a slot that is in use.
    fn rank(&self, slot: u32) -> ServerRank {
        let (chunk, at) = (slot as usize / CHUNK, slot as usize % CHUNK);
        self.0[chunk][at].key.rank()
    }
}

/// Written as the limit and the rows; the index and the heap are made again.
impl Serialize for Slots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.limit as u64, self.rows().collect::<Vec<_>>()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Slots {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (limit, rows) = <(u64, Vec<ServerRow>)>::deserialize(deserializer)?;
        let mut slots = Self::new(limit as usize);
        for row in rows {
            let is_new = slots.find(&row.key).is_none();
            if !is_new || !matches!(slots.place(row), Placed::Free(_)) {
                return Err(D::Error::custom("a server comes twice, or there are too many"));
            }
        }
        Ok(slots)
    }
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
        Self { rows: RowChunks::default(), index, hasher, limit, heap: Vec::new() }
    }

    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &ServerRow> {
        self.rows.0.iter().flatten()
    }

    pub(super) fn row_mut(&mut self, slot: usize) -> Option<&mut ServerRow> {
        self.rows.get_mut(slot)
    }

    /// The row with this key.
    pub(super) fn row_of(&self, key: ServerKey) -> Option<&ServerRow> {
        self.rows.get(self.find(&key)?)
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
            self.rows.push(row);
            self.index.insert(hash, slot);
            return Placed::Free(slot);
        }
        if self.heap.is_empty() {
            self.heap = (0..self.rows.len() as u32).collect();
            // In descending order they are a heap.
            self.heap.sort_by_key(|&slot| std::cmp::Reverse(self.rows.rank(slot)));
        }
        let Some(&last) = self.heap.first() else { return Placed::Beyond(row) };
        if row.key.rank() > self.rows.rank(last) {
            return Placed::Beyond(row);
        }
        let slot = last as usize;
        let Some(place) = self.rows.get_mut(slot) else { return Placed::Beyond(row) };
        let evicted = std::mem::replace(place, row);
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
            let Some(child) = children.max_by_key(|&child| rows.rank(heap[child])) else { return };
            if rows.rank(heap[child]) < rows.rank(heap[at]) {
                return;
            }
            heap.swap(at, child);
            at = child;
        }
    }

    pub(super) fn into_rows(self) -> impl Iterator<Item = ServerRow> {
        self.rows.0.into_iter().flatten()
    }

    /// Bytes on the heap, without those of the rows themselves.
    #[cfg(test)]
    pub(super) fn footprint(&self) -> usize {
        let index = (self.rows.len() * 4 / 3 + 1).next_power_of_two() * size_of::<u64>();
        let rows: usize = self.rows.0.iter().map(Vec::capacity).sum();
        rows * size_of::<ServerRow>() + index + self.heap.capacity() * 4
    }
}
