//! Places for flows: they do not move once they are there, and the memory grows by pieces instead of by doubling.

/// Places in a piece.
const PIECE: usize = 1024;

/// Numbered places, freed ones used again.
#[derive(Debug)]
pub(super) struct Slab<T> {
    pieces: Vec<Vec<Option<T>>>,
    free: Vec<usize>,
    len: usize,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self { pieces: Vec::new(), free: Vec::new(), len: 0 }
    }

    /// Places that are taken.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Places that there are, taken and free: every number below it is one.
    pub(super) fn places(&self) -> usize {
        self.len + self.free.len()
    }

    pub(super) fn get(&self, slot: usize) -> Option<&T> {
        self.pieces.get(slot / PIECE)?.get(slot % PIECE)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: usize) -> Option<&mut T> {
        self.pieces.get_mut(slot / PIECE)?.get_mut(slot % PIECE)?.as_mut()
    }

    pub(super) fn insert(&mut self, value: T) -> usize {
        self.len += 1;
        if let Some(slot) = self.free.pop() {
            self.pieces[slot / PIECE][slot % PIECE] = Some(value);
            return slot;
        }
        let slot = self.len - 1;
        if slot.is_multiple_of(PIECE) {
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        self.pieces[slot / PIECE].push(Some(value));
        slot
    }

    pub(super) fn remove(&mut self, slot: usize) -> Option<T> {
        let value = self.pieces.get_mut(slot / PIECE)?.get_mut(slot % PIECE)?.take()?;
        self.free.push(slot);
        self.len -= 1;
        Some(value)
    }

    /// Empties it; the values come in the order of their places, and each piece's memory goes as soon as it is read.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        let pieces = std::mem::take(&mut self.pieces);
        self.free.clear();
        self.len = 0;
        pieces.into_iter().flatten().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_used_again_and_emptied_in_order() {
        let mut slab = Slab::new();
        let slots: Vec<usize> = (0..3000).map(|n| slab.insert(n)).collect();
        assert_eq!((slab.len(), slab.places()), (3000, 3000));
        assert_eq!(slab.remove(slots[1500]), Some(1500));
        assert_eq!(slab.remove(slots[1500]), None);
        assert_eq!((slab.get(slots[1500]), slab.len(), slab.places()), (None, 2999, 3000));
        assert_eq!(slab.insert(-1), slots[1500]);
        *slab.get_mut(slots[7]).unwrap() = -7;
        assert_eq!(slab.get(9999), None);
        let all: Vec<i32> = slab.drain().collect();
        assert_eq!((all.len(), all[7], all[1500], all[2999]), (3000, -7, -1, 2999));
        assert_eq!((slab.len(), slab.places()), (0, 0));
    }
}
