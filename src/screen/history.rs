//! The rates of ports, snapshot by snapshot.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::decode::ServicePort;
use crate::pipeline::Snapshot;

/// Snapshots that a trend covers at most.
const SNAPSHOTS: usize = 32;
/// Snapshots without traffic after which a trend stands still, so that an idle port keeps its own.
const IDLE: usize = 4;
/// Ports whose trends are kept: those that had traffic last.
const PORTS: usize = 8192;
/// One to eight eighths of a line.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The rates of each port, and of all frames.
#[derive(Default)]
pub(super) struct History {
    last: Duration,
    frames: u64,
    bytes: HashMap<ServicePort, u64>,
    trends: HashMap<ServicePort, Trend>,
    /// Frames and bytes a second at the last snapshot.
    pub(super) whole: (u64, u64),
}

/// The rates of a port.
#[derive(Default)]
struct Trend {
    /// Bytes a second at each snapshot, the latest last.
    rates: VecDeque<u64>,
    /// Snapshots since it had traffic.
    idle: usize,
    /// The last rate above zero.
    last: u64,
}

/// The rate of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rate {
    /// Bytes a second now.
    Now(u64),
    /// There is no traffic now; bytes a second when there was some.
    Last(u64),
    /// Unknown.
    Never,
}

impl History {
    /// Adds a snapshot.
    pub(super) fn update(&mut self, snapshot: &Snapshot) {
        let span = snapshot.elapsed.saturating_sub(self.last).as_secs_f64();
        if span <= 0.0 {
            return;
        }
        let rate =
            |now: u64, before: u64| (now.saturating_sub(before) as f64 / span).round() as u64;
        let ports = &snapshot.run.stats.ports;
        let mut all = 0;
        for (port, stats) in ports {
            let now = stats.all.bytes.sum();
            let rate = rate(now, self.bytes.get(port).copied().unwrap_or(0));
            all += rate;
            if rate > 0 {
                self.trends.entry(*port).or_default().push(rate);
            } else if let Some(trend) = self.trends.get_mut(port) {
                trend.push(0);
            }
        }
        if self.trends.len() > PORTS {
            let mut idle: Vec<usize> = self.trends.values().map(|trend| trend.idle).collect();
            let (_, &mut limit, _) = idle.select_nth_unstable(PORTS);
            self.trends.retain(|_, trend| trend.idle < limit);
        }
        let frames = snapshot.run.counters.frames;
        self.whole = (rate(frames, self.frames), all);
        self.bytes = ports.iter().map(|(port, stats)| (*port, stats.all.bytes.sum())).collect();
        (self.frames, self.last) = (frames, snapshot.elapsed);
    }

    /// Bytes a second at the last snapshot.
    pub(super) fn rate(&self, port: ServicePort) -> Rate {
        match self.trends.get(&port) {
            Some(trend) if trend.idle == 0 => Rate::Now(trend.last),
            Some(trend) => Rate::Last(trend.last),
            None => Rate::Never,
        }
    }

    /// The latest rates as bars in `width` columns; the highest fills its column. A port that is
    /// idle keeps its trend.
    pub(super) fn trend(&self, port: ServicePort, width: usize) -> String {
        let Some(trend) = self.trends.get(&port) else { return String::new() };
        let latest: Vec<u64> = trend.rates.iter().rev().take(width).rev().copied().collect();
        format!("{:>width$}", bars(&latest))
    }
}

impl Trend {
    fn push(&mut self, rate: u64) {
        if rate > 0 {
            (self.last, self.idle) = (rate, 0);
        } else {
            self.idle += 1;
        }
        if self.idle <= IDLE {
            self.rates.push_back(rate);
        }
        if self.rates.len() > SNAPSHOTS {
            self.rates.pop_front();
        }
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

    #[test]
    fn a_port_that_is_idle_for_long_keeps_its_last_figures() {
        let mut history = History::default();
        let port = ServicePort::new(3001, crate::decode::Transport::Tcp);
        let trend = history.trends.entry(port).or_default();
        [10, 20].into_iter().chain([0; 100]).for_each(|rate| trend.push(rate));
        assert_eq!(history.rate(port), Rate::Last(20));
        assert_eq!(history.trend(port, 8), "  ▄█    ");
    }
}
