//! Quantiles of sizes and times, over HDR histograms. The only file that names hdrhistogram.
//!
//! Up to 256 distinct values are kept as they are, because most ports have few. Up to 2,048 are
//! kept at the histogram's precision in a list: a histogram of times takes 170 to 430 KiB, and
//! thousands of ports have some hundred flows each.
//! The summary depends on the values alone, not on their order or partition, so merging is exact.

use std::borrow::Cow;

use hdrhistogram::Histogram;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::saved::MOST;

/// Distinct values of a small multiset at most: 1 KiB.
pub(super) const SMALL: usize = 64;
/// Distinct values that are kept exactly at most.
const EXACT: usize = 256;
/// Distinct values, at the histogram's precision, that are kept in a list at most.
const LISTED: usize = 2048;
/// Significant decimal digits of the histogram: frame sizes up to 2,047 bytes are exact, times are
/// within 0.1 %.
const DIGITS: u8 = 3;
/// Leading bits of a value that the histogram keeps with so many digits.
const BITS: u32 = 11;

/// Greater values count as this one: 292 years in nanoseconds.
const MAX: u64 = u64::MAX / 2;

/// A multiset of values.
#[derive(Debug, Clone)]
pub struct Quantiles {
    repr: Representation,
    max: u64,
    sum: u64,
}

/// How the values are kept.
#[derive(Debug, Clone)]
enum Representation {
    List(List),
    Many(Box<Histogram<u64>>),
}

/// Values with their counts. Up to 256 are sorted; of more there is a sorted part, and new values
/// behind it, which are sorted in when they are half as many: to find the place of each, and to
/// make room there, costs twice as much.
#[derive(Debug, Clone, Default)]
struct List {
    values: Vec<(u64, u64)>,
    /// The length of the sorted part.
    sorted: usize,
    /// Whether there were more than 256: the values are at the histogram's precision.
    rounded: bool,
}

impl List {
    fn insert(&mut self, value: u64, count: u64) {
        if self.rounded {
            self.values.push((round(value), count));
            if self.values.len() - self.sorted > self.sorted.max(EXACT) / 2 {
                self.sort();
            }
            return;
        }
        match self.values.binary_search_by_key(&value, |&(v, _)| v) {
            Ok(at) => self.values[at].1 += count,
            Err(at) => {
                self.values.insert(at, (value, count));
                self.sorted += 1;
                if self.sorted > EXACT {
                    self.round();
                }
            }
        }
    }

    /// Sorts new values in.
    fn sort(&mut self) {
        // Stable, because that kind of sort makes use of the sorted part.
        self.values.sort_by_key(|&(value, _)| value);
        self.unite();
    }

    /// The same with all values sorted.
    fn in_order(&self) -> Cow<'_, Self> {
        let mut list = Cow::Borrowed(self);
        if self.sorted < self.values.len() {
            list.to_mut().sort();
        }
        list
    }

    /// The greatest of the values that count as the one that so many percent of all do not exceed;
    /// all values must be in order.
    fn at(&self, percent: u64, count: u64) -> u64 {
        let rank = (count * percent).div_ceil(100);
        let mut below = 0;
        let found = self.values.iter().find(|&&(_, count)| {
            below += count;
            below >= rank
        });
        let most = |value| if self.rounded { value | ((1 << unit(value)) - 1) } else { value };
        found.map_or(0, |&(value, _)| most(value))
    }

    fn record_in(&self, histogram: &mut Histogram<u64>) {
        self.values.iter().for_each(|&(value, count)| record(histogram, value, count));
    }

    /// Counts equal values that stand side by side together.
    fn unite(&mut self) {
        self.values.dedup_by(|(value, count), (known, sum)| {
            let same = value == known;
            *sum += if same { *count } else { 0 };
            same
        });
        self.sorted = self.values.len();
    }

    fn round(&mut self) {
        if self.rounded {
            return;
        }
        self.rounded = true;
        self.values.iter_mut().for_each(|(value, _)| *value = round(*value));
        self.unite();
    }
}

/// The least value that the histogram counts together with this one.
fn round(value: u64) -> u64 {
    let unit = unit(value);
    value.min(MAX) >> unit << unit
}

/// The number of low bits of a value that the histogram drops.
fn unit(value: u64) -> u32 {
    (u64::BITS - value.min(MAX).leading_zeros()).saturating_sub(BITS)
}

/// The summary of a multiset; all zero if it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// The number of values.
    pub count: u64,
    /// The median.
    pub p50: u64,
    /// The 90th percentile.
    pub p90: u64,
    /// The 99th percentile.
    pub p99: u64,
    /// The largest value, exactly.
    pub max: u64,
}

impl Default for Quantiles {
    fn default() -> Self {
        Self { repr: Representation::List(List::default()), max: 0, sum: 0 }
    }
}

/// The form in which a multiset is written: the same for the same values, however they came.
#[derive(Serialize, Deserialize)]
struct SavedQuantiles {
    /// Values at the histogram's precision.
    rounded: bool,
    max: u64,
    sum: u64,
    /// In ascending order, each as the distance from the one before, with its count.
    values: Vec<(u64, u64)>,
}

impl Serialize for Quantiles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (rounded, mut values) = match &self.repr {
            Representation::List(list) => (list.rounded, list.in_order().values.clone()),
            Representation::Many(histogram) => (true, recorded(histogram)),
        };
        let mut before = 0;
        for (value, _) in &mut values {
            (before, *value) = (*value, *value - before);
        }
        let Self { max, sum, .. } = *self;
        SavedQuantiles { rounded, max, sum, values }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Quantiles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bad = || D::Error::custom("sizes or times are not valid");
        let SavedQuantiles { rounded, max, sum, values } =
            SavedQuantiles::deserialize(deserializer)?;
        let list = List { rounded, ..List::default() };
        let mut quantiles = Self { repr: Representation::List(list), max: 0, sum };
        let (mut value, mut counted) = (0_u64, 0_u64);
        for (distance, count) in values {
            value = value.checked_add(distance).filter(|_| count > 0).ok_or_else(bad)?;
            counted = counted.checked_add(count).filter(|&all| all <= MOST).ok_or_else(bad)?;
            quantiles.insert(value, count);
        }
        let is_same = match &quantiles.repr {
            Representation::List(list) => list.rounded == rounded,
            Representation::Many(_) => rounded,
        };
        if !is_same || quantiles.max > max {
            return Err(bad());
        }
        Ok(Self { max, ..quantiles })
    }
}

/// The values of a histogram, each as the least that is counted together with it.
fn recorded(histogram: &Histogram<u64>) -> Vec<(u64, u64)> {
    let lowest = |value| histogram.lowest_equivalent(value);
    histogram.iter_recorded().map(|v| (lowest(v.value_iterated_to()), v.count_at_value())).collect()
}

impl Quantiles {
    /// Adds a value that occurred `count` times.
    pub fn add(&mut self, value: u64, count: u64) {
        self.sum = self.sum.saturating_add(value.saturating_mul(count));
        self.insert(value, count);
    }

    fn insert(&mut self, value: u64, count: u64) {
        self.max = self.max.max(value);
        match &mut self.repr {
            Representation::List(list) => {
                list.insert(value, count);
                if list.sorted > LISTED {
                    self.make_histogram();
                }
            }
            Representation::Many(histogram) => record(histogram, value, count),
        }
    }

    /// Turns a list into a histogram.
    #[inline(never)]
    fn make_histogram(&mut self) {
        if let Representation::List(list) = &self.repr
            && let Ok(mut histogram) = Histogram::new(DIGITS)
        {
            histogram.auto(true);
            list.record_in(&mut histogram);
            self.repr = Representation::Many(Box::new(histogram));
        }
    }

    /// Whether there are more than 64 distinct values. Once large, a multiset stays large.
    #[must_use]
    #[inline]
    pub fn is_large(&self) -> bool {
        match &self.repr {
            Representation::List(list) => list.rounded || list.sorted > SMALL,
            Representation::Many(_) => true,
        }
    }

    /// Adds the values of another multiset.
    pub fn merge(&mut self, other: Self) {
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
        match (&mut self.repr, other.repr) {
            (Representation::List(mine), theirs) if mine.values.is_empty() => self.repr = theirs,
            (repr, Representation::List(theirs)) => {
                if let Representation::List(mine) = repr
                    && theirs.rounded
                {
                    mine.round();
                }
                theirs.values.into_iter().for_each(|(value, count)| self.insert(value, count));
            }
            (Representation::Many(mine), Representation::Many(theirs)) => {
                // Fails only if the histogram may not grow.
                let grown = mine.add(&*theirs);
                debug_assert!(grown.is_ok());
            }
            (Representation::List(mine), Representation::Many(mut theirs)) => {
                mine.record_in(&mut theirs);
                self.repr = Representation::Many(theirs);
            }
        }
    }

    /// The summary. Each quantile is the least value that as many of the values do not exceed,
    /// within the histogram's precision.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let count = self.count();
        let at: &dyn Fn(u64) -> u64 = match &self.repr {
            Representation::List(list) => {
                let list = list.in_order();
                &move |percent| list.at(percent, count)
            }
            Representation::Many(histogram) => {
                &|percent| histogram.value_at_quantile(percent as f64 / 100.0)
            }
        };
        let [p50, p90, p99] = [50, 90, 99].map(|percent| at(percent).min(self.max));
        Summary { count, p50, p90, p99, max: self.max }
    }

    /// The sum of all values, saturating.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// The number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        match &self.repr {
            Representation::List(list) => list.values.iter().map(|&(_, count)| count).sum(),
            Representation::Many(histogram) => histogram.len(),
        }
    }

    /// The values in bars of a histogram, from the least to the greatest: the least value of each bar
    /// and the number of values in it. Each octave has up to four bars, as many as fit into `most`.
    #[must_use]
    pub fn bars(&self, most: usize) -> Vec<(u64, u64)> {
        let values: Vec<(u64, u64)> = match &self.repr {
            Representation::List(list) => list.in_order().values.clone(),
            Representation::Many(histogram) => recorded(histogram),
        };
        let bars_of = |parts: u32| {
            let mut bars: Vec<(u64, u64)> = Vec::new();
            for &(value, count) in &values {
                let place = bar(value, parts);
                let from = bars.last().map_or(place, |(last, _)| last + 1);
                bars.extend((from..=place).map(|empty| (empty, 0)));
                if let Some((_, sum)) = bars.last_mut() {
                    *sum += count;
                }
            }
            bars
        };
        let parts = [4, 2].into_iter().find(|&parts| bars_of(parts).len() <= most).unwrap_or(1);
        bars_of(parts)
            .into_iter()
            .map(|(place, count)| (least_of_bar(place, parts), count))
            .collect()
    }

    /// The number of values that are at most `value`, within the histogram's precision.
    #[must_use]
    pub fn at_most(&self, value: u64) -> u64 {
        match &self.repr {
            Representation::List(list) => {
                let list = list.in_order();
                let most = if list.rounded { round(value) } else { value };
                list.values.iter().take_while(|&&(v, _)| v <= most).map(|&(_, count)| count).sum()
            }
            Representation::Many(histogram) => histogram.count_between(0, value),
        }
    }
}

/// The place of a value among bars of which each octave has so many: 1, 2 or 4.
const fn bar(value: u64, parts: u32) -> u64 {
    let bits = parts.ilog2();
    if value >> bits == 0 {
        return value;
    }
    let octave = value.ilog2() - bits;
    ((octave as u64) << bits) + (value >> octave)
}

/// The least value of a bar.
const fn least_of_bar(place: u64, parts: u32) -> u64 {
    let bits = parts.ilog2();
    if place >> bits == 0 {
        return place;
    }
    let octave = (place >> bits) - 1;
    (place - (octave << bits)) << octave
}

fn record(histogram: &mut Histogram<u64>, value: u64, count: u64) {
    // Fails only if the histogram may not grow.
    let recorded = histogram.record_n(value.min(MAX), count);
    debug_assert!(recorded.is_ok());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_all_zero_and_one_value_is_every_quantile() {
        assert_eq!(Quantiles::default().summary(), Summary::default());
        let mut one = Quantiles::default();
        one.add(1514, 3);
        assert_eq!(one.summary(), Summary { count: 3, p50: 1514, p90: 1514, p99: 1514, max: 1514 });
    }

    fn multiset(values: &[u64]) -> Quantiles {
        let mut all = Quantiles::default();
        values.iter().for_each(|&v| all.add(v, 1));
        all
    }

    #[test]
    fn bars_are_octaves_in_up_to_four_parts_without_gaps() {
        let sizes = multiset(&[54, 54, 60, 66, 74, 1514]);
        let bars = sizes.bars(40);
        assert_eq!(bars[..3], [(48, 2), (56, 1), (64, 2)]);
        assert_eq!(bars.last(), Some(&(1280, 1)));
        assert!(sizes.bars(6).iter().map(|bar| bar.0).eq([32, 64, 128, 256, 512, 1024]));
        assert_eq!(multiset(&[0, 1, 3]).bars(9), [(0, 1), (1, 1), (2, 0), (3, 1)]);
        assert!(Quantiles::default().bars(9).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn each_value_is_in_the_bar_that_begins_at_most_there(
            value in 0_u64..u64::MAX / 2, parts in prop::sample::select(vec![1_u32, 2, 4]),
        ) {
            let place = bar(value, parts);
            prop_assert!(least_of_bar(place, parts) <= value);
            prop_assert!(value < least_of_bar(place + 1, parts));
        }

        #[test]
        fn merging_any_partition_gives_what_all_in_one_gives(
            values in prop::collection::vec(0_u64..u64::MAX / 2, 0..4000), cut in any::<prop::sample::Index>(),
        ) {
            let whole = multiset(&values).summary();
            let (a, b) = values.split_at(cut.index(values.len() + 1));
            for (first, second) in [(a, b), (b, a)] {
                let mut merged = multiset(first);
                merged.merge(multiset(second));
                prop_assert_eq!(merged.summary(), whole);
            }
        }

        /// Else the figures of a port would change when it gets one more value.
        #[test]
        fn a_list_shows_what_the_histogram_would(
            values in prop::collection::vec((0_u64..11, 0..64_u32, 1..1000_u64), 1..900), limit in any::<u64>(),
        ) {
            let mut all = Quantiles::default();
            let mut histogram = Histogram::<u64>::new(DIGITS).unwrap();
            histogram.auto(true);
            for (mantissa, exponent, count) in values {
                let value = (mantissa + 1).rotate_left(exponent) ^ count;
                all.add(value, count);
                record(&mut histogram, value, count);
            }
            let Representation::List(list) = &all.repr else { return Err(TestCaseError::fail("no list")) };
            let list = list.in_order();
            prop_assume!(list.rounded);
            prop_assert!(list.values.is_sorted_by(|(a, _), (b, _)| a < b));
            let many = Quantiles { repr: Representation::Many(Box::new(histogram)), ..all.clone() };
            prop_assert_eq!(all.summary(), many.summary());
            prop_assert_eq!(all.at_most(limit), many.at_most(limit));
        }

        #[test]
        fn quantiles_are_those_of_the_sorted_values_within_a_thousandth(
            mut values in prop::collection::vec(0_u64..1 << 40, 1..900),
        ) {
            let summary = multiset(&values).summary();
            values.sort_unstable();
            let exact = |percent: usize| values[(values.len() * percent).div_ceil(100) - 1];
            for (got, want) in [(summary.p50, exact(50)), (summary.p90, exact(90)), (summary.p99, exact(99))] {
                prop_assert!(got.abs_diff(want) as f64 <= want as f64 / 1000.0 + 1.0, "{} for {}", got, want);
            }
            prop_assert_eq!(summary.max, values[values.len() - 1]);
            let all = multiset(&values);
            prop_assert_eq!((all.sum(), all.count()), (values.iter().sum(), values.len() as u64));
            let bound = summary.p50;
            let slack = bound + bound / 500 + 1;
            let below = |limit: u64| values.iter().filter(|&&v| v <= limit).count() as u64;
            prop_assert!((below(bound)..=below(slack)).contains(&all.at_most(bound)), "{} at most {}", all.at_most(bound), bound);
            prop_assert_eq!(all.at_most(u64::MAX / 2), values.len() as u64);
        }
    }
}
