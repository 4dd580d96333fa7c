//! Slots for flows; freed ones are used again.

use bytemuck::{Pod, cast_slice};
use prefetch_index::prefetch_index;

use super::chunked_vec::ChunkedVec;

/// A cache line, in words.
type CacheLine = [u64; 8];

/// A type whose all-zero value is an empty slot.
pub(super) trait SlabEntry: Pod {
    /// Whether this is no empty slot.
    fn is_taken(&self) -> bool;
}

/// Numbered slots; freed ones are used again.
#[derive(Debug)]
pub(super) struct Slab<T> {
    entries: ChunkedVec<T, 512>,
    free: Vec<u32>,
}

impl<T: SlabEntry> Slab<T> {
    pub(super) const fn new() -> Self {
        Self { entries: ChunkedVec::new(), free: Vec::new() }
    }

    /// The slots that are free, in the order opposite to that in which they are used again.
    pub(super) fn free(&self) -> &[u32] {
        &self.free
    }

    /// The slots with these values and none, of which exactly those without one are `free`.
    pub(super) fn restored(values: Vec<Option<T>>, free: Vec<u32>) -> Option<Self> {
        let mut slab = Self { free: Vec::new(), ..Self::new() };
        for value in values {
            slab.entries.push(value.unwrap_or_else(T::zeroed));
        }
        let mut sorted = free.clone();
        sorted.sort_unstable();
        let empty = (0..slab.slots()).filter(|&slot| slab.get(slot).is_none());
        let are_free = empty.map(|slot| slot as u32).eq(sorted);
        are_free.then_some(Self { free, ..slab })
    }

    /// Number of taken slots.
    pub(super) const fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Number of slots, taken and free: every smaller number is a slot.
    pub(super) const fn slots(&self) -> usize {
        self.entries.len()
    }

    /// Prefetches all cache lines of a slot.
    #[inline]
    pub(super) fn prefetch(&self, slot: usize) {
        const { assert!(size_of::<T>().is_multiple_of(size_of::<CacheLine>())) };
        if let Some((chunk, at)) = self.entries.chunk_of(slot) {
            let (lines, each): (&[CacheLine], _) =
                (cast_slice(chunk), size_of::<T>() / size_of::<CacheLine>());
            (0..each).for_each(|line| prefetch_index(lines, at * each + line));
        }
    }

    #[inline]
    pub(super) fn get(&self, slot: usize) -> Option<&T> {
        self.entries.get(slot).filter(|value| value.is_taken())
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: usize) -> Option<&mut T> {
        self.entries.get_mut(slot).filter(|value| value.is_taken())
    }

    pub(super) fn insert(&mut self, value: T) -> usize {
        let free = self.free.pop().map(|slot| slot as usize);
        if let Some((slot, place)) = free.and_then(|slot| Some((slot, self.entries.get_mut(slot)?)))
        {
            *place = value;
            return slot;
        }
        self.entries.push(value)
    }

    pub(super) fn remove(&mut self, slot: usize) -> Option<T> {
        let value = std::mem::replace(self.get_mut(slot)?, T::zeroed());
        self.free.push(slot as u32);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl SlabEntry for [u64; 8] {
        fn is_taken(&self) -> bool {
            self[0] != 0
        }
    }

    #[test]
    fn places_are_found_used_again_and_do_not_move() {
        let mut slab: Slab<CacheLine> = Slab::new();
        let slots: Vec<usize> = (1..=9000).map(|n| slab.insert([n; 8])).collect();
        assert_eq!((slab.len(), slab.slots()), (9000, 9000));
        assert_eq!(slab.remove(slots[1500]), Some([1501; 8]));
        assert_eq!(slab.remove(slots[1500]), None);
        assert_eq!((slab.get(slots[1500]), slab.len(), slab.slots()), (None, 8999, 9000));
        assert_eq!(slab.insert([77; 8]), slots[1500]);
        slab.get_mut(slots[7]).unwrap()[1] = 70;
        assert_eq!((slab.get(9999), slab.get(usize::MAX)), (None, None));
        let kept = |slot: usize| slab.get(slots[slot]).unwrap()[1];
        assert_eq!(
            (kept(7), kept(1500), kept(4095), kept(4096), kept(8999)),
            (70, 77, 4096, 4097, 9000)
        );
        slab.prefetch(usize::MAX);
    }
}
