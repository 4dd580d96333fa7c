//! Quantiles of sizes and times, over HDR histograms. The only place that names hdrhistogram.
//!
//! A few distinct values are kept as they are, because most ports see only a few. More are kept at
//! the histogram's precision, in a list as long as it takes little time to insert into: a histogram
//! of times takes 170 to 430 KiB, and there are ports by the thousand that see some hundred flows
//! each. What is shown depends on the values alone, not on their order or partition, so merging is
//! exact.

use hdrhistogram::Histogram;

/// Distinct values that a small multiset has at the most: a KiB.
pub(super) const SMALL: usize = 64;
/// Distinct values that are kept as they are.
const FEW: usize = 256;
/// Distinct values, at the histogram's precision, that are kept in a list.
const SOME: usize = 2048;
/// Significant decimal digits of the histogram: frame sizes up to 2,047 bytes are exact, times
/// within 0.1 %.
const DIGITS: u8 = 3;
/// Bits of a value that the histogram tells apart with so many digits.
const BITS: u32 = 11;

/// Greater values count as this: in nanoseconds 292 years.
const MOST: u64 = u64::MAX / 2;

/// A multiset of values.
#[derive(Debug, Clone)]
pub struct Quantiles {
    form: Form,
    max: u64,
    sum: u64,
}

#[derive(Debug, Clone)]
enum Form {
    List(List),
    Many(Box<Histogram<u64>>),
}

/// Value and count, by value.
#[derive(Debug, Clone, Default)]
struct List {
    values: Vec<(u64, u64)>,
    /// They are at the histogram's precision.
    rounded: bool,
}

impl List {
    fn insert(&mut self, value: u64, count: u64) {
        let value = if self.rounded { round(value) } else { value };
        match self.values.binary_search_by_key(&value, |&(v, _)| v) {
            Ok(at) => self.values[at].1 += count,
            Err(at) => self.values.insert(at, (value, count)),
        }
        if self.values.len() > FEW {
            self.round();
        }
    }

    fn round(&mut self) {
        if self.rounded {
            return;
        }
        self.rounded = true;
        self.values.iter_mut().for_each(|(value, _)| *value = round(*value));
        self.values.dedup_by(|(value, count), (known, sum)| {
            let same = value == known;
            *sum += if same { *count } else { 0 };
            same
        });
    }
}

/// The least value that the histogram does not tell from this one.
fn round(value: u64) -> u64 {
    let unit = unit(value);
    value.min(MOST) >> unit << unit
}

/// Lower bits of a value that the histogram does not tell apart.
fn unit(value: u64) -> u32 {
    (u64::BITS - value.min(MOST).leading_zeros()).saturating_sub(BITS)
}

/// What is shown of a multiset; all zero where it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Values.
    pub count: u64,
    /// The median.
    pub p50: u64,
    /// Nine of ten are at most this.
    pub p90: u64,
    /// Ninety-nine of a hundred are at most this.
    pub p99: u64,
    /// The largest, exactly.
    pub max: u64,
}

impl Default for Quantiles {
    fn default() -> Self {
        Self { form: Form::List(List::default()), max: 0, sum: 0 }
    }
}

impl Quantiles {
    /// Adds a value that occurred `count` times.
    pub fn add(&mut self, value: u64, count: u64) {
        self.sum = self.sum.saturating_add(value.saturating_mul(count));
        self.insert(value, count);
    }

    fn insert(&mut self, value: u64, count: u64) {
        self.max = self.max.max(value);
        match &mut self.form {
            Form::List(list) => {
                list.insert(value, count);
                if list.values.len() > SOME
                    && let Ok(mut histogram) = Histogram::new(DIGITS)
                {
                    histogram.auto(true);
                    list.values
                        .iter()
                        .for_each(|&(value, count)| record(&mut histogram, value, count));
                    self.form = Form::Many(Box::new(histogram));
                }
            }
            Form::Many(histogram) => record(histogram, value, count),
        }
    }

    /// Whether there are more than 64 distinct values; no value that is added changes that.
    #[must_use]
    #[inline]
    pub fn is_large(&self) -> bool {
        match &self.form {
            Form::List(list) => list.rounded || list.values.len() > SMALL,
            Form::Many(_) => true,
        }
    }

    /// Adds another's values.
    pub fn merge(&mut self, other: Self) {
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
        match (&mut self.form, other.form) {
            (form, Form::List(theirs)) => {
                if let Form::List(mine) = form
                    && theirs.rounded
                {
                    mine.round();
                }
                theirs.values.into_iter().for_each(|(value, count)| self.insert(value, count));
            }
            (Form::Many(mine), Form::Many(theirs)) => {
                // Fails only for a histogram that may not grow.
                let grown = mine.add(&*theirs);
                debug_assert!(grown.is_ok());
            }
            (Form::List(mine), many @ Form::Many(_)) => {
                let mine = std::mem::take(mine);
                self.form = many;
                mine.values.into_iter().for_each(|(value, count)| self.insert(value, count));
            }
        }
    }

    /// The summary: each quantile is a value at or above which the rest lies, within the
    /// histogram's precision.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let count = self.count();
        let [p50, p90, p99] = [50, 90, 99].map(|percent| self.at(percent, count).min(self.max));
        Summary { count, p50, p90, p99, max: self.max }
    }

    /// The sum of all values; where it does not fit, the largest number.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        match &self.form {
            Form::List(list) => list.values.iter().map(|&(_, count)| count).sum(),
            Form::Many(histogram) => histogram.len(),
        }
    }

    /// How many values are at most this, within the histogram's precision.
    #[must_use]
    pub fn at_most(&self, value: u64) -> u64 {
        match &self.form {
            Form::List(List { values, rounded }) => {
                let most = if *rounded { round(value) } else { value };
                values.iter().take_while(|&&(v, _)| v <= most).map(|&(_, count)| count).sum()
            }
            Form::Many(histogram) => histogram.count_between(0, value),
        }
    }

    fn at(&self, percent: u64, count: u64) -> u64 {
        match &self.form {
            Form::List(List { values, rounded }) => {
                let rank = (count * percent).div_ceil(100);
                let mut below = 0;
                let found = values.iter().find(|&&(_, count)| {
                    below += count;
                    below >= rank
                });
                // Of values that are not told apart the greatest.
                found.map_or(
                    0,
                    |&(value, _)| if *rounded { value | ((1 << unit(value)) - 1) } else { value },
                )
            }
            Form::Many(histogram) => histogram.value_at_quantile(percent as f64 / 100.0),
        }
    }
}

fn record(histogram: &mut Histogram<u64>, value: u64, count: u64) {
    // Fails only where the histogram may not grow.
    let recorded = histogram.record_n(value.min(MOST), count);
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

    fn of(values: &[u64]) -> Quantiles {
        let mut all = Quantiles::default();
        values.iter().for_each(|&v| all.add(v, 1));
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn merging_any_partition_gives_what_all_in_one_gives(
            values in prop::collection::vec(0_u64..u64::MAX / 2, 0..4000), cut in any::<prop::sample::Index>(),
        ) {
            let whole = of(&values).summary();
            let (a, b) = values.split_at(cut.index(values.len() + 1));
            for (first, second) in [(a, b), (b, a)] {
                let mut merged = of(first);
                merged.merge(of(second));
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
            let Form::List(List { rounded, values }) = &all.form else { return Err(TestCaseError::fail("no list")) };
            prop_assume!(*rounded);
            prop_assert!(values.is_sorted());
            let many = Quantiles { form: Form::Many(Box::new(histogram)), ..all.clone() };
            prop_assert_eq!(all.summary(), many.summary());
            prop_assert_eq!(all.at_most(limit), many.at_most(limit));
        }

        #[test]
        fn quantiles_are_those_of_the_sorted_values_within_a_thousandth(
            mut values in prop::collection::vec(0_u64..1 << 40, 1..900),
        ) {
            let summary = of(&values).summary();
            values.sort_unstable();
            let exact = |percent: usize| values[(values.len() * percent).div_ceil(100) - 1];
            for (got, want) in [(summary.p50, exact(50)), (summary.p90, exact(90)), (summary.p99, exact(99))] {
                prop_assert!(got.abs_diff(want) as f64 <= want as f64 / 1000.0 + 1.0, "{} for {}", got, want);
            }
            prop_assert_eq!(summary.max, values[values.len() - 1]);
            let all = of(&values);
            prop_assert_eq!((all.sum(), all.count()), (values.iter().sum(), values.len() as u64));
            let bound = summary.p50;
            let slack = bound + bound / 500 + 1;
            let below = |limit: u64| values.iter().filter(|&&v| v <= limit).count() as u64;
            prop_assert!((below(bound)..=below(slack)).contains(&all.at_most(bound)), "{} at most {}", all.at_most(bound), bound);
            prop_assert_eq!(all.at_most(u64::MAX / 2), values.len() as u64);
        }
    }
}
