//! A vector that grows by chunks instead of by doubling: elements never move, and no memory is
//! allocated twice.

/// Elements in numbered slots. A chunk holds `CHUNK` of them, a power of two.
#[derive(Debug)]
pub(crate) struct ChunkedVec<T, const CHUNK: usize> {
    chunks: Vec<Vec<T>>,
    len: usize,
}

impl<T, const CHUNK: usize> Default for ChunkedVec<T, CHUNK> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const CHUNK: usize> ChunkedVec<T, CHUNK> {
    pub(crate) const fn new() -> Self {
        const { assert!(CHUNK.is_power_of_two()) };
        Self { chunks: Vec::new(), len: 0 }
    }

    /// Number of slots.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Appends an element and returns its slot.
    pub(crate) fn push(&mut self, value: T) -> usize {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        self.chunks[self.len / CHUNK].push(value);
        self.len += 1;
        self.len - 1
    }

    #[inline]
    pub(crate) fn get(&self, slot: usize) -> Option<&T> {
        self.chunks.get(slot / CHUNK)?.get(slot % CHUNK)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut T> {
        self.chunks.get_mut(slot / CHUNK)?.get_mut(slot % CHUNK)
    }

    /// The chunk that holds a slot, and the index of the slot in it.
    #[inline]
    pub(crate) fn chunk_of(&self, slot: usize) -> Option<(&[T], usize)> {
        Some((self.chunks.get(slot / CHUNK)?, slot % CHUNK))
    }
}
