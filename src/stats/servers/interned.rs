//! Numbers for values that many rows share.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

impl<T: Serialize> Serialize for Interned<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de> + Clone + Eq + Hash> Deserialize<'de> for Interned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Vec::<T>::deserialize(deserializer)?;
        let mut interned = Self::default();
        for value in &values {
            interned.number(value);
        }
        let is_each_once = interned.values.len() == values.len();
        is_each_once.then_some(interned).ok_or_else(|| D::Error::custom("a value comes twice"))
    }
}

impl<T: Clone + Eq + Hash> Interned<T> {
    /// The number of values.
    pub(super) const fn len(&self) -> usize {
        self.values.len()
    }

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

    /// The same values in their order.
    pub(super) fn in_order(&self) -> Self
    where
        T: Ord,
    {
        let mut values: Vec<&T> = self.values.iter().collect();
        values.sort();
        let mut ordered = Self::default();
        for value in values {
            ordered.number(value);
        }
        ordered
    }

    /// The number here of each value of another table, by its number there.
    pub(super) fn adopt(&mut self, other: &Self) -> Vec<u32> {
        other.values.iter().map(|value| self.number(value)).collect()
    }
}
