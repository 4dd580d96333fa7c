//! The number of distinct addresses, or of other items: exact up to 1,024, an estimate beyond. The
//! union of two sets is the same whether each of them was exact or an estimate.

use std::collections::HashSet;
use std::hash::Hash;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::saved::registers;

/// Items that are kept one by one at most.
pub(super) const EXACT: usize = 1024;
/// Bits of the hash that choose a register. 4,096 registers give a standard error of 1.6 %.
const REGISTER_BITS: u32 = 12;
pub(super) const REGISTERS: usize = 1 << REGISTER_BITS;

/// What [`Distinct`] counts.
pub trait Countable: Copy + Eq + Hash {
    /// A hash that is the same in every run, because the estimate is output.
    fn stable_hash(self) -> u64;
}

/// A set of addresses or other items, or a `HyperLogLog` sketch of it (Flajolet et al. 2007).
#[derive(Debug, Clone)]
pub enum Distinct<T = IpAddr> {
    /// The items.
    Exact(HashSet<T, foldhash::fast::RandomState>),
    /// The longest run of zeros in the hashes of each register, plus one.
    Sketch(Box<[u8; REGISTERS]>),
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self::Exact(HashSet::default())
    }
}

/// Written with the items in order, so that the same set has the same bytes.
impl<T: Countable + Serialize> Serialize for Distinct<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Exact(set) => {
                let mut items: Vec<T> = set.iter().copied().collect();
                items.sort_by_key(|item| item.stable_hash());
                SavedDistinct::Exact(items).serialize(serializer)
            }
            Self::Sketch(registers) => {
                SavedDistinct::<T>::Sketch(registers.clone()).serialize(serializer)
            }
        }
    }
}

impl<'de, T: Countable + Deserialize<'de>> Deserialize<'de> for Distinct<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match SavedDistinct::<T>::deserialize(deserializer)? {
            SavedDistinct::Exact(items) => {
                let mut set = Self::default();
                items.into_iter().for_each(|item| set.insert(item));
                set
            }
            SavedDistinct::Sketch(registers) => Self::Sketch(registers),
        })
    }
}

/// The form in which a set is written.
#[derive(Serialize, Deserialize)]
enum SavedDistinct<T> {
    Exact(Vec<T>),
    Sketch(#[serde(with = "registers")] Box<[u8; REGISTERS]>),
}

impl<T: Countable> Distinct<T> {
    /// Adds an item.
    pub fn insert(&mut self, item: T) {
        match self {
            Self::Exact(set) => {
                set.insert(item);
                if set.len() > EXACT {
                    let mut registers = Box::new([0; REGISTERS]);
                    for item in set.iter() {
                        raise(&mut registers, item.stable_hash());
                    }
                    *self = Self::Sketch(registers);
                }
            }
            Self::Sketch(registers) => raise(registers, item.stable_hash()),
        }
    }

    /// Adds the items of another set.
    pub fn merge(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Exact(mine), theirs) if mine.is_empty() => *self = theirs,
            (_, Self::Exact(theirs)) => theirs.into_iter().for_each(|item| self.insert(item)),
            (Self::Sketch(mine), Self::Sketch(theirs)) => {
                unite(mine, &theirs);
            }
            (Self::Exact(mine), theirs @ Self::Sketch(_)) => {
                let mine = std::mem::take(mine);
                *self = theirs;
                mine.into_iter().for_each(|item| self.insert(item));
            }
        }
    }

    /// The number of items, to about 2 % beyond 1,024.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Exact(set) => set.len() as u64,
            Self::Sketch(registers) => estimate(&registers[..]),
        }
    }
}

/// Makes registers those of the union.
pub(super) fn unite(mine: &mut [u8; REGISTERS], theirs: &[u8; REGISTERS]) {
    mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
}

fn raise(registers: &mut [u8; REGISTERS], hash: u64) {
    let register = &mut registers[(hash >> (64 - REGISTER_BITS)) as usize];
    let run = (hash << REGISTER_BITS).leading_zeros().min(64 - REGISTER_BITS) + 1;
    *register = (*register).max(run as u8);
}

impl Countable for IpAddr {
    fn stable_hash(self) -> u64 {
        let (bits, family) = match self {
            Self::V4(v4) => (u128::from(v4.to_bits()), 4),
            Self::V6(v6) => (v6.to_bits(), 6),
        };
        [(bits >> 64) as u64, bits as u64].into_iter().fold(family, mix)
    }
}

/// One step of a hash over what was hashed so far and the next word.
pub(super) const fn mix(sum: u64, word: u64) -> u64 {
    mix_word(sum ^ word)
}

/// `SplitMix64`'s finaliser (Steele et al. 2014): a fixed, public hash of a word.
pub(super) const fn mix_word(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The number of values that such registers stand for: at least 128 of them (Flajolet et al. 2007).
pub(super) fn estimate(registers: &[u8]) -> u64 {
    let m = registers.len() as f64;
    let sum: f64 = registers.iter().map(|&run| 2_f64.powi(-i32::from(run))).sum();
    let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
    #[allow(clippy::naive_bytecount, reason = "4,096 bytes once a port")]
    let empty = registers.iter().filter(|&&run| run == 0).count();
    // Linear counting is more accurate while many registers are empty.
    let best = if raw <= 2.5 * m && empty > 0 { m * (m / empty as f64).ln() } else { raw };
    best.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(range: std::ops::Range<u32>) -> Distinct {
        let mut set = Distinct::default();
        range.for_each(|n| set.insert(IpAddr::V4((n * 7919).into())));
        set
    }

    #[test]
    fn counts_exactly_up_to_the_limit_and_closely_beyond() {
        assert_eq!(set(0..EXACT as u32).count(), EXACT as u64);
        for n in [2_000_u32, 20_000, 200_000] {
            let error = (set(0..n).count() as f64 / f64::from(n) - 1.0).abs();
            assert!(error < 0.05, "{n}: {error}");
        }
    }

    #[test]
    fn a_union_does_not_depend_on_how_the_set_was_split() {
        for (total, cut) in [(900, 300), (1500, 10), (1500, 700), (5000, 2500), (5000, 4999)] {
            let whole = set(0..total).count();
            for (a, b) in [(0..cut, cut..total), (cut..total, 0..cut), (0..total, 0..cut)] {
                let mut union = set(a);
                union.merge(set(b));
                assert_eq!(union.count(), whole);
            }
        }
    }
}
