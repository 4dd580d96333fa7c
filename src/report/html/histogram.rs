//! A distribution as a histogram: bars over octaves, as the path of an SVG.

use std::fmt::Write as _;

use crate::report::parts::units::{count, duration};
use crate::stats::{Quantiles, Summary};

/// Bars at most.
const MOST: usize = 40;
/// The height of the highest bar.
const HEIGHT: u64 = 40;

/// A distribution.
pub(super) struct HtmlHistogram {
    pub(super) title: &'static str,
    /// Median, 90th and 99th percentile, maximum; one value where all are equal.
    pub(super) figures: String,
    /// What the bars show, in words.
    pub(super) text: String,
    /// The bars; `None` where there is only one.
    pub(super) path: Option<String>,
    /// The number of bars.
    pub(super) width: usize,
    /// The values at the left and at the right end.
    pub(super) ends: [String; 2],
}

impl HtmlHistogram {
    /// The histogram of some values; `None` if there are none.
    pub(super) fn new(
        title: &'static str,
        values: &Quantiles,
        unit: fn(u64) -> String,
    ) -> Option<Self> {
        let Summary { count: number, p50, p90, p99, max } = values.summary();
        if number == 0 {
            return None;
        }
        let bars = values.bars(MOST);
        let highest = bars.iter().map(|&(_, n)| n).max().unwrap_or(1);
        let [median, ninety, most, longest] = [p50, p90, p99, max].map(unit);
        let figures = if median == longest {
            median.clone()
        } else {
            format!("median {median}, 90% {ninety}, 99% {most}, max {longest}")
        };
        let least = bars.first().map_or(0, |&(least, _)| least);
        let text = format!("{title}: {} values, {figures}", count(number));
        Some(Self {
            title,
            figures,
            text,
            path: (bars.len() > 1).then(|| path(bars.iter().map(|&(_, n)| n), highest, HEIGHT)),
            width: bars.len(),
            ends: [unit(least), longest],
        })
    }
}

/// Bars of width one from left to right, of which the highest has the height; each that is not empty
/// is seen.
pub(super) fn path(numbers: impl Iterator<Item = u64>, highest: u64, height: u64) -> String {
    let mut path = String::new();
    let highest = u128::from(highest.max(1));
    let heights = numbers.map(|n| {
        let scaled = u128::from(n) * u128::from(height) / highest;
        if n > 0 { scaled.max(1) } else { 0 }
    });
    // One outline for neighbours of a height.
    let heights: Vec<u128> = heights.collect();
    let mut at = 0;
    for run in heights.chunk_by(|a, b| a == b) {
        if run[0] > 0 {
            let up = u128::from(height) - run[0];
            // Writing to a string does not fail.
            _ = write!(path, "M{at} {height}V{up}h{}V{height}z", run.len());
        }
        at += run.len();
    }
    path
}

/// Nanoseconds for people: `1.2 ms`.
pub(super) fn time(ns: u64) -> String {
    let text = duration(ns);
    let at = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let unit = if unit == "m" { "min" } else { unit };
    format!("{number} {unit}").trim_end().to_owned()
}

/// Bytes of a packet.
pub(super) fn packet_bytes(n: u64) -> String {
    format!("{} B", count(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_that_are_not_empty_are_seen_and_neighbours_of_a_height_are_one() {
        let drawn = path([1000, 0, 1, 1].into_iter(), 1000, 40);
        assert_eq!(drawn, "M0 40V0h1V40zM2 40V39h2V40z");
    }

    #[test]
    fn a_single_value_has_no_chart() {
        let mut one = Quantiles::default();
        one.add(1_200_000, 3);
        let histogram = HtmlHistogram::new("Duration", &one, time).unwrap();
        assert_eq!((histogram.path, &*histogram.figures), (None, "1.2 ms"));
        assert!(HtmlHistogram::new("Duration", &Quantiles::default(), time).is_none());
    }
}
