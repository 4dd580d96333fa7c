//! What the responders of some flows call themselves: a few of the names, and their number.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::distinct::{Countable, Distinct, mix};

/// Names that are kept.
const KEPT: usize = 4;

/// A product by its hash: how many there are is all that is told of those that are not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProductHash(u64);

impl ProductHash {
    /// Eight bits of the hash, which are never zero.
    pub(super) fn digest(self) -> u8 {
        ((self.0 >> 56) as u8).max(1)
    }
}

impl Countable for ProductHash {
    fn stable_hash(self) -> u64 {
        self.0
    }
}

impl From<&str> for ProductHash {
    fn from(product: &str) -> Self {
        let words = product
            .as_bytes()
            .chunks(8)
            .map(|chunk| chunk.iter().fold(0, |word: u64, &byte| word << 8 | u64::from(byte)));
        Self(words.fold(product.len() as u64, mix))
    }
}

/// The products of some flows: the four that come first in the order of their bytes, and the number
/// of all. Bounded, whatever responders call themselves, and merged exactly.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Products {
    lowest: BTreeSet<String>,
    all: Distinct<ProductHash>,
}

impl Products {
    /// Adds a product.
    pub fn insert(&mut self, product: &str) {
        self.all.insert(product.into());
        let is_beyond = self.lowest.len() == KEPT
            && self.lowest.last().is_some_and(|last| product > last.as_str());
        if !is_beyond && !self.lowest.contains(product) {
            self.lowest.insert(product.to_owned());
            self.limit();
        }
    }

    /// Adds the products of other flows.
    pub fn merge(&mut self, other: Self) {
        self.all.merge(other.all);
        self.lowest.extend(other.lowest);
        self.limit();
    }

    fn limit(&mut self) {
        while self.lowest.len() > KEPT {
            self.lowest.pop_last();
        }
    }

    /// The products that are kept, in the order of their bytes; untrusted.
    pub fn kept(&self) -> impl ExactSizeIterator<Item = &str> {
        self.lowest.iter().map(String::as_str)
    }

    /// The number of products that are not kept, to about 2 % beyond 1,024.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.all.count().saturating_sub(self.lowest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: impl Iterator<Item = u32>) -> Products {
        let mut products = Products::default();
        names.for_each(|n| products.insert(&format!("server/{n:05}")));
        products
    }

    #[test]
    fn any_partition_of_many_products_gives_the_same_few_and_the_same_number() {
        for many in [3, 4, 5, 900, 3000_u32] {
            let whole = of(0..many);
            for parts in 1..5 {
                let mut merged = Products::default();
                (0..parts).for_each(|part| {
                    merged.merge(of((0..many).rev().filter(|n| n % parts == part)));
                });
                assert_eq!(merged.others(), whole.others(), "{many} in {parts}");
                assert!(merged.kept().eq(whole.kept()), "{many} in {parts}");
            }
            let kept: Vec<String> = whole.kept().map(str::to_owned).collect();
            let expected: Vec<_> = (0..many.min(4)).map(|n| format!("server/{n:05}")).collect();
            assert_eq!(kept, expected);
            let beyond = f64::from(many) - kept.len() as f64;
            assert!((whole.others() as f64 - beyond).abs() <= beyond * 0.05, "{many}");
        }
    }
}
