//! A set of small numbers as bits: the sets of protocols, of detectors and of byte values.

use std::hash::{Hash, Hasher};

/// Words of 64 bits that a set of the numbers below `len` takes.
#[must_use]
pub const fn words_for(len: usize) -> usize {
    len.div_ceil(u64::BITS as usize)
}

/// A set of numbers below `64 * WORDS`, a bit for each. With one word it compiles to operations on
/// one `u64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitSet<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> BitSet<WORDS> {
    /// The set without elements.
    pub const EMPTY: Self = Self([0; WORDS]);
    /// The set of all numbers below `64 * WORDS`.
    pub const FULL: Self = Self([u64::MAX; WORDS]);

    /// Adds `element`.
    ///
    /// # Panics
    ///
    /// If the set has no bit for `element`; in a constant, that is an error of the compiler.
    pub const fn insert(&mut self, element: usize) {
        self.0[element / 64] |= 1 << (element % 64);
    }

    /// Takes `element` out.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    pub const fn remove(&mut self, element: usize) {
        self.0[element / 64] &= !(1 << (element % 64));
    }

    /// Whether `element` is in the set.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    #[must_use]
    pub const fn contains(self, element: usize) -> bool {
        self.0[element / 64] >> (element % 64) & 1 == 1
    }

    /// The elements of both sets together.
    #[must_use]
    pub const fn union(mut self, other: Self) -> Self {
        let mut word = 0;
        while word < WORDS {
            self.0[word] |= other.0[word];
            word += 1;
        }
        self
    }

    /// The elements that both sets have.
    #[must_use]
    pub const fn intersection(mut self, other: Self) -> Self {
        let mut word = 0;
        while word < WORDS {
            self.0[word] &= other.0[word];
            word += 1;
        }
        self
    }

    /// The numbers that are not in the set.
    #[must_use]
    pub const fn complement(mut self) -> Self {
        let mut word = 0;
        while word < WORDS {
            self.0[word] = !self.0[word];
            word += 1;
        }
        self
    }

    /// Takes the lowest element out of the set.
    pub const fn pop_first(&mut self) -> Option<usize> {
        let mut word = 0;
        while word < WORDS {
            let bits = self.0[word];
            if bits != 0 {
                self.0[word] = bits & (bits - 1);
                return Some(word * 64 + bits.trailing_zeros() as usize);
            }
            word += 1;
        }
        None
    }

    /// The bits of the elements `group * SIZE..(group + 1) * SIZE`, the lowest element's bit first.
    /// `SIZE` divides 64, so no group lies in two words.
    #[must_use]
    pub const fn group<const SIZE: usize>(self, group: usize) -> usize {
        const { assert!(SIZE > 0 && 64 % SIZE == 0 && SIZE < 64) };
        let first = group * SIZE;
        (self.0[first / 64] >> (first % 64)) as usize & ((1 << SIZE) - 1)
    }
}

impl<const WORDS: usize> Default for BitSet<WORDS> {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Without the length of the array, which all sets of a type share: one word is hashed as a `u64`.
impl<const WORDS: usize> Hash for BitSet<WORDS> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for &word in &self.0 {
            state.write_u64(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_as_many_words_as_its_elements_need() {
        assert_eq!([1, 64, 65, 128, 192].map(words_for), [1, 1, 2, 2, 3]);
    }

    #[test]
    fn elements_of_every_word_are_found_in_order() {
        let mut set = BitSet::<3>::EMPTY;
        for element in [191, 0, 64, 63, 128, 69] {
            assert!(!set.contains(element));
            set.insert(element);
            assert!(set.contains(element) && !set.complement().contains(element));
        }
        let mut rest = set;
        let elements: Vec<_> = std::iter::from_fn(|| rest.pop_first()).collect();
        assert_eq!(elements, [0, 63, 64, 69, 128, 191]);
        assert_eq!(rest, BitSet::EMPTY);
        assert_eq!(set.union(set.complement()), BitSet::FULL);
        assert_eq!(set.intersection(set.complement()), BitSet::EMPTY);
        assert_eq!((set.group::<4>(17), set.group::<4>(47)), (0b10, 0b1000));
    }
}
