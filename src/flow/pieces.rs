//! A list that grows by pieces instead of by doubling: nothing moves, and no memory is asked for
//! twice.

/// Elements in numbered places. A piece holds `PIECE` of them, a power of two.
#[derive(Debug)]
pub(super) struct Pieces<T, const PIECE: usize> {
    pieces: Vec<Vec<T>>,
    len: usize,
}

impl<T, const PIECE: usize> Default for Pieces<T, PIECE> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const PIECE: usize> Pieces<T, PIECE> {
    pub(super) const fn new() -> Self {
        const { assert!(PIECE.is_power_of_two()) };
        Self { pieces: Vec::new(), len: 0 }
    }

    /// Places that there are.
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Adds one; gives its place.
    pub(super) fn push(&mut self, value: T) -> usize {
        if self.len.is_multiple_of(PIECE) {
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        self.pieces[self.len / PIECE].push(value);
        self.len += 1;
        self.len - 1
    }

    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<&T> {
        self.pieces.get(place / PIECE)?.get(place % PIECE)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.pieces.get_mut(place / PIECE)?.get_mut(place % PIECE)
    }

    /// The piece that a place is in, and where in it.
    #[inline]
    pub(super) fn around(&self, place: usize) -> Option<(&[T], usize)> {
        Some((self.pieces.get(place / PIECE)?, place % PIECE))
    }
}
