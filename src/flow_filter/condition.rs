//! A condition on the value of a column.

use std::net::IpAddr;

use super::pattern::TextPattern;
use crate::columns::Value;
use crate::stats::IpNetwork;

/// A condition on the value of a column.
#[derive(Debug, Clone)]
pub struct ColumnCondition {
    /// Whether a missing value satisfies it.
    pub(super) missing: bool,
    pub(super) values: ValueSet,
    /// The column has several values, each of which is compared.
    pub(super) is_of_list: bool,
}

/// The values that satisfy a condition.
#[derive(Debug, Clone)]
pub(super) enum ValueSet {
    /// Numbers, or nanoseconds, from the first to the last of each pair.
    Numbers(Vec<(i64, i64)>),
    Addresses(Vec<AddressSet>),
    /// Words of a fixed list, as they are written there.
    Words(Vec<&'static str>),
    Texts(Vec<TextPattern>),
}

/// Some addresses.
#[derive(Debug, Clone, Copy)]
pub(super) enum AddressSet {
    Network(IpNetwork),
    /// From the first to the last, both of one family.
    Range(IpAddr, IpAddr),
}

impl AddressSet {
    fn contains(self, address: IpAddr) -> bool {
        match self {
            Self::Network(network) => network.contains(address),
            Self::Range(first, last) => (first..=last).contains(&address),
        }
    }
}

impl ColumnCondition {
    pub(super) const fn new(values: ValueSet) -> Self {
        Self { missing: false, values, is_of_list: false }
    }

    /// Whether a value satisfies it.
    #[inline]
    #[must_use]
    pub fn holds(&self, value: &Value<'_>) -> bool {
        match (&self.values, value) {
            (_, Value::Missing) => self.missing,
            (ValueSet::Numbers(numbers), &Value::Integer(number)) => is_among(numbers, number),
            // A column of times has whole microseconds.
            (ValueSet::Numbers(numbers), Value::Timestamp(time)) => {
                is_among(numbers, time.0.div_euclid(1000).saturating_mul(1000))
            }
            (ValueSet::Numbers(numbers), Value::Text(text)) => {
                text.parse().is_ok_and(|number| is_among(numbers, number))
            }
            (ValueSet::Addresses(sets), &Value::Address(address)) => {
                sets.iter().any(|set| set.contains(address))
            }
            (_, Value::Text(text)) => self.holds_text(text),
            (ValueSet::Texts(_), Value::Address(address)) => self.holds_text(&address.to_string()),
            _ => false,
        }
    }

    /// Whether a text satisfies it, one of several if the column is a list.
    #[inline]
    #[must_use]
    pub fn holds_text(&self, text: &str) -> bool {
        match &self.values {
            ValueSet::Words(words) => words.iter().any(|word| text.eq_ignore_ascii_case(word)),
            ValueSet::Texts(patterns) => patterns.iter().any(|pattern| pattern.matches(text)),
            ValueSet::Numbers(_) | ValueSet::Addresses(_) => false,
        }
    }

    /// Whether one of some texts satisfies it; if there are none, whether that does.
    #[must_use]
    pub fn holds_any<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> bool {
        let mut texts = texts.into_iter().peekable();
        if texts.peek().is_none() { self.missing } else { texts.any(|text| self.holds_text(text)) }
    }
}

fn is_among(numbers: &[(i64, i64)], number: i64) -> bool {
    numbers.iter().any(|&(first, last)| first <= number && number <= last)
}
