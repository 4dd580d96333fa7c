//! How many flows began and were alive over the time of a capture, in columns that merge exactly.
//!
//! Columns lie on a grid of powers of two of a second, from the epoch on: wherever a part of the
//! capture begins, its columns are those of the whole, or halves of them. Where there would be more
//! than [`COLUMNS`], each two become one. Which flows were alive in a column follows from how many
//! began and ended in each: sums of halves are exact, numbers of flows alive are not.

use serde::{Deserialize, Serialize};

use crate::saved::{BadState, MOST, check};
use crate::time::Time;

/// Columns of a time line at most.
pub const COLUMNS: usize = 120;
/// The width of the narrowest grid in nanoseconds: 1/512 s, the least power of two of a second that
/// is a whole number of them.
const NARROWEST: i64 = 1_000_000_000 >> 9;

/// Flows of one column of a [`Timeline`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct TimelineColumn {
    begun: u64,
    ended: u64,
}

/// When flows began and ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timeline {
    /// The columns are this many times doubled [`NARROWEST`].
    doublings: u32,
    /// The number of the first column, counted from the epoch.
    start: i64,
    columns: Vec<TimelineColumn>,
}

/// Columns for a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineChart {
    /// The time at which the first column begins.
    pub start: Time,
    /// The width of a column in nanoseconds.
    pub width_ns: u64,
    /// Flows that began in each column.
    pub begun: Vec<u64>,
    /// Flows that were alive in some part of each column.
    pub alive: Vec<u64>,
}

impl Timeline {
    /// Adds a flow that lasted from `first` to `last`.
    #[inline]
    pub fn add(&mut self, first: Time, last: Time) {
        let [from, to] = self.columns_of(first, last);
        self.columns[from].begun += 1;
        self.columns[to].ended += 1;
    }

    /// Adds the flows of another part.
    pub fn merge(&mut self, mut other: Self) {
        let Some((first, last)) = other.span() else { return };
        self.double_to(other.doublings);
        self.columns_of(first, last);
        other.double_to(self.doublings);
        for (number, theirs) in (other.start..).zip(other.columns) {
            if let Some(mine) = self.columns.get_mut((number - self.start) as usize) {
                mine.begun += theirs.begun;
                mine.ended += theirs.ended;
            }
        }
    }

    /// The columns from `first` to `last`, between which all flows lie: the same grid for all time
    /// lines of a capture.
    #[must_use]
    pub fn chart(&self, first: Time, last: Time) -> TimelineChart {
        let mut wide = self.clone();
        wide.columns_of(first, last);
        let mut alive = 0;
        let alive = wide.columns.iter().map(|column| {
            let here = alive + column.begun;
            alive = here - column.ended;
            here
        });
        TimelineChart {
            alive: alive.collect(),
            begun: wide.columns.iter().map(|column| column.begun).collect(),
            start: Time(wide.start.saturating_mul(wide.width())),
            width_ns: wide.width() as u64,
        }
    }

    /// Checks what was read.
    pub(super) fn check(&self) -> Result<(), BadState> {
        const WIDEST: u32 = i64::MAX.ilog2() - NARROWEST.ilog2();
        let is_within = self.columns.len() <= COLUMNS
            && self.doublings < WIDEST
            && self.start.checked_abs().is_some_and(|at| at <= i64::MAX / self.width() + 1);
        check(is_within, "a time line is too long")?;
        let (mut begun, mut ended) = (0_u64, 0_u64);
        for column in &self.columns {
            begun = begun.saturating_add(column.begun);
            ended = ended.saturating_add(column.ended);
            check(ended <= begun && begun <= MOST, "more flows end than begin")?;
        }
        Ok(())
    }

    const fn width(&self) -> i64 {
        NARROWEST << self.doublings
    }

    /// The first and the last time that its columns certainly hold.
    fn span(&self) -> Option<(Time, Time)> {
        let last = self.columns.len().checked_sub(1)? as i64;
        let at = |number: i64| Time(number.saturating_mul(self.width()));
        Some((at(self.start), at(self.start + last)))
    }

    /// Makes room for two times; the places of their columns.
    fn columns_of(&mut self, first: Time, last: Time) -> [usize; 2] {
        let last = last.max(first);
        loop {
            let width = self.width();
            let [from, to] = [first, last].map(|time| time.0.div_euclid(width));
            let (low, high) = match self.columns.len() as i64 {
                0 => (from, to),
                len => (from.min(self.start), to.max(self.start + len - 1)),
            };
            if high - low >= COLUMNS as i64 {
                self.double();
                continue;
            }
            let before = if self.columns.is_empty() { 0 } else { self.start - low };
            if before > 0 {
                let new = (0..before).map(|_| TimelineColumn::default());
                self.columns.splice(..0, new);
            }
            self.start = low;
            self.columns.resize((high - low + 1) as usize, TimelineColumn::default());
            return [from, to].map(|number| (number - low) as usize);
        }
    }

    /// Makes each two columns one.
    fn double(&mut self) {
        let start = self.start.div_euclid(2);
        let mut columns = Vec::new();
        for (number, column) in (self.start..).zip(&self.columns) {
            let place = (number.div_euclid(2) - start) as usize;
            columns.resize(place + 1, TimelineColumn::default());
            columns[place].begun += column.begun;
            columns[place].ended += column.ended;
        }
        (self.start, self.columns, self.doublings) = (start, columns, self.doublings + 1);
    }

    fn double_to(&mut self, doublings: u32) {
        while self.doublings < doublings {
            self.double();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn timeline(flows: &[(i64, i64)]) -> Timeline {
        let mut timeline = Timeline::default();
        flows.iter().for_each(|&(first, lasted)| timeline.add(Time(first), Time(first + lasted)));
        timeline
    }

    #[test]
    fn flows_are_alive_from_the_column_in_which_they_begin_to_that_in_which_they_end() {
        let timeline = timeline(&[(0, 3 * SECOND), (SECOND, 0), (100 * SECOND, 0)]);
        let chart = timeline.chart(Time(0), Time(119 * SECOND));
        assert_eq!((chart.start, chart.width_ns), (Time(0), SECOND as u64));
        assert_eq!(chart.begun[..5], [1, 1, 0, 0, 0]);
        assert_eq!(chart.alive[..5], [1, 2, 1, 1, 0]);
        assert_eq!((chart.alive[100], chart.alive.len()), (1, 120));
    }

    #[test]
    fn a_week_and_a_moment_have_at_most_120_columns() {
        for span in [0, 1, SECOND / 512 * 119, SECOND / 512 * 120, 7 * 86_400 * SECOND] {
            let first = 1_700_000_000 * SECOND + 17;
            let chart = timeline(&[(first, span)]).chart(Time(first), Time(first + span));
            assert!(chart.alive.len() <= COLUMNS, "{span}");
            assert_eq!((chart.alive.iter().max(), chart.begun[0]), (Some(&1), 1), "{span}");
        }
        assert!(timeline(&[]).chart(Time(5), Time(5)).alive == [0]);
    }

    #[test]
    fn the_earliest_and_the_latest_times_have_their_columns() {
        let all = timeline(&[(i64::MIN, 0), (i64::MAX, 0), (0, 5)]);
        let chart = all.chart(Time(0), Time(0));
        assert_eq!(chart.begun.iter().sum::<u64>(), 3);
    }

    proptest! {
        #[test]
        fn any_partition_and_order_gives_the_same_columns(
            flows in prop::collection::vec((0_i64..1 << 45, 0_i64..1 << 40), 1..60),
            cut in any::<prop::sample::Index>(),
        ) {
            let whole = timeline(&flows);
            let (a, b) = flows.split_at(cut.index(flows.len() + 1));
            for (first, second) in [(a, b), (b, a)] {
                let mut merged = timeline(first);
                merged.merge(timeline(second));
                prop_assert_eq!(&merged, &whole);
            }
            prop_assert!(whole.columns.len() <= COLUMNS);
        }
    }
}
