//! The part of a capture that is to be read, by capture time.

use std::time::Duration;

use super::{Frame, LinkType};
use crate::time::Time;

/// An end of a [`TimeWindow`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBound {
    /// A time of the clock.
    At(Time),
    /// So long after the first frame of the capture.
    After(Duration),
}

impl TimeBound {
    /// The time of the clock, where the capture began at `first`.
    fn resolve(self, first: Time) -> Time {
        match self {
            Self::At(time) => time,
            Self::After(span) => {
                Time(first.0.saturating_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
            }
        }
    }
}

/// A part of a capture by time, from `since` up to but without `until`. The default is all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeWindow {
    /// The first time that belongs to it.
    pub since: Option<TimeBound>,
    /// The first time that no longer belongs to it.
    pub until: Option<TimeBound>,
}

impl TimeWindow {
    /// Whether it is the whole capture.
    #[must_use]
    pub const fn is_unbounded(self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// Whether no time can belong to it, as far as that is known without the capture.
    #[must_use]
    pub fn is_empty(self) -> bool {
        match (self.since, self.until) {
            (Some(TimeBound::At(since)), Some(TimeBound::At(until))) => since >= until,
            (Some(TimeBound::After(since)), Some(TimeBound::After(until))) => since >= until,
            _ => false,
        }
    }

    /// The times between `since` and `until`, where the capture began at `first`.
    fn resolve(self, first: Time) -> (Time, Time) {
        (
            self.since.map_or(Time(i64::MIN), |since| since.resolve(first)),
            self.until.map_or(Time(i64::MAX), |until| until.resolve(first)),
        )
    }
}

/// A [`TimeWindow`] on one capture.
#[derive(Debug)]
pub(crate) struct WindowedTime {
    window: TimeWindow,
    /// `None` before the first frame.
    ends: Option<(Time, Time)>,
}

impl WindowedTime {
    pub(crate) const fn new(window: TimeWindow) -> Self {
        Self { window, ends: None }
    }

    /// Whether the frame belongs to the window. Records that hold no packet always do, and do not
    /// begin the capture: their time need not be that of a capture.
    pub(crate) fn contains(&mut self, frame: &Frame<'_>) -> bool {
        if frame.link == LinkType::NO_PACKET {
            return true;
        }
        let window = self.window;
        let (since, until) = *self.ends.get_or_insert_with(|| window.resolve(frame.time));
        // Without an end, the last time of all belongs to it as well.
        since <= frame.time && (frame.time < until || window.until.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(time: i64, link: LinkType) -> Frame<'static> {
        Frame { number: 1, time: Time(time), link, interface: 0, wire_len: 0, bytes: &[] }
    }

    fn contained(since: Option<TimeBound>, until: Option<TimeBound>, times: &[i64]) -> Vec<i64> {
        let mut window = WindowedTime::new(TimeWindow { since, until });
        let is_in = |time: &&i64| window.contains(&frame(**time, LinkType::ETHERNET));
        times.iter().filter(is_in).copied().collect()
    }

    #[test]
    fn a_window_has_its_first_time_and_not_its_last() {
        let at = |time| Some(TimeBound::At(Time(time)));
        assert_eq!(contained(at(10), at(20), &[5, 10, 19, 20, 15]), [10, 19, 15]);
        assert_eq!(contained(None, at(20), &[i64::MIN, 19, 20]), [i64::MIN, 19]);
        assert_eq!(contained(at(10), None, &[9, i64::MAX]), [i64::MAX]);
    }

    #[test]
    fn a_span_counts_from_the_first_packet_even_if_others_are_earlier() {
        let after = |nanos| Some(TimeBound::After(Duration::from_nanos(nanos)));
        assert_eq!(contained(after(5), None, &[100, 90, 104, 105]), [105]);
        assert_eq!(contained(None, after(5), &[100, 90, 104, 105]), [100, 90, 104]);
        let mut window = WindowedTime::new(TimeWindow { since: after(5), until: None });
        assert!(window.contains(&frame(0, LinkType::NO_PACKET)), "it is no packet");
        assert!(!window.contains(&frame(100, LinkType::ETHERNET)));
        assert!(window.contains(&frame(105, LinkType::ETHERNET)));
        assert!(
            !contained(None, Some(TimeBound::After(Duration::MAX)), &[i64::MAX - 1]).is_empty()
        );
    }

    #[test]
    fn a_window_that_ends_before_it_begins_is_empty() {
        let window = |since, until| TimeWindow { since: Some(since), until: Some(until) };
        let (at, after) =
            (|t| TimeBound::At(Time(t)), |s| TimeBound::After(Duration::from_secs(s)));
        assert!(window(at(2), at(2)).is_empty() && window(after(3), after(2)).is_empty());
        assert!(!window(at(1), at(2)).is_empty() && !window(at(1), after(0)).is_empty());
        assert!(!TimeWindow::default().is_empty() && TimeWindow::default().is_unbounded());
    }
}
