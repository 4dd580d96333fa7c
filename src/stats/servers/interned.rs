//! Numbers for values that many rows share.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

/// Values, each once, with their numbers.
#[derive(Debug, Clone)]
pub(super) struct Interned<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32, RandomState>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashMap::default() }
    }
}

impl<T: Clone + Eq + Hash> Interned<T> {
    /// The number of a value.
    pub(super) fn number(&mut self, value: &T) -> u32 {
        if let Some(&number) = self.numbers.get(value) {
            return number;
        }
        let number = self.values.len() as u32;
        self.values.push(value.clone());
        self.numbers.insert(value.clone(), number);
        number
    }

    /// The value of a number that this gave.
    pub(super) fn get(&self, number: u32) -> &T {
        &self.values[number as usize]
    }

    /// The number here of each value of another table, by its number there.
    pub(super) fn adopt(&mut self, other: &Self) -> Vec<u32> {
        other.values.iter().map(|value| self.number(value)).collect()
    }
}
