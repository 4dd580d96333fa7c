//! The rates of ports, view by view.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::decode::ServicePort;
use crate::pipeline::Snapshot;

/// Snapshots that a trend covers at most.
pub(super) const VIEWS: usize = 32;
/// One to eight eighths of a line.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The rates of each port, and of all frames.
#[derive(Default)]
pub(super) struct History {
    last: Duration,
    frames: u64,
    bytes: HashMap<ServicePort, u64>,
    /// Bytes a second at each view, the latest last, of ports that had traffic in one of them.
    rates: HashMap<ServicePort, VecDeque<u64>>,
    /// Frames and bytes a second at the last view.
    pub(super) whole: (u64, u64),
}

impl History {
    /// Adds a view.
    pub(super) fn update(&mut self, view: &Snapshot) {
        let span = view.elapsed.saturating_sub(self.last).as_secs_f64();
        if span <= 0.0 {
            return;
        }
        let rate =
            |now: u64, before: u64| (now.saturating_sub(before) as f64 / span).round() as u64;
        let ports = &view.run.stats.ports;
        let mut all = 0;
        for (port, stats) in ports {
            let now = stats.all.bytes.sum();
            let rate = rate(now, self.bytes.get(port).copied().unwrap_or(0));
            all += rate;
            if rate > 0 || self.rates.contains_key(port) {
                self.rates.entry(*port).or_default().push_back(rate);
            }
        }
        self.rates.retain(|_, rates| {
            if rates.len() > VIEWS {
                rates.pop_front();
            }
            rates.iter().any(|&rate| rate > 0)
        });
        self.whole = (rate(view.run.counters.frames, self.frames), all);
        self.bytes = ports.iter().map(|(port, stats)| (*port, stats.all.bytes.sum())).collect();
        self.frames = view.run.counters.frames;
        self.last = view.elapsed;
    }

    /// Bytes a second at the last view.
    pub(super) fn rate(&self, port: ServicePort) -> u64 {
        self.rates.get(&port).and_then(|rates| rates.back().copied()).unwrap_or(0)
    }

    /// The latest rates as bars in `width` columns; the highest fills its column.
    pub(super) fn trend(&self, port: ServicePort, width: usize) -> String {
        let Some(rates) = self.rates.get(&port) else { return String::new() };
        let latest: Vec<u64> = rates.iter().rev().take(width).rev().copied().collect();
        format!("{:>width$}", bars(&latest))
    }
}

/// Numbers as bars, relative to the highest; a blank for zero.
pub(super) fn bars(numbers: &[u64]) -> String {
    let highest = numbers.iter().copied().max().unwrap_or(0).max(1);
    let bar = |&n: &u64| match n {
        0 => ' ',
        // Anything above zero is visible.
        n => BARS[((u128::from(n) * 8).div_ceil(u128::from(highest)) as usize - 1).min(7)],
    };
    numbers.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_number_fills_its_line_and_the_least_can_be_seen() {
        assert_eq!(bars(&[0, 1, 500, 1000]), " ▁▄█");
        assert_eq!(bars(&[u64::MAX, 1]), "█▁");
        assert_eq!(bars(&[]), "");
    }
}
