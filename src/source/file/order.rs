//! Whether the frames of a file are in the order of their times. If not, the file is still valid:
//! several queues of a network card, or several writing threads, produce such files. Times between
//! frames are then not exact.

use std::time::Duration;

use crate::time::Time;

/// How often time went back in a file.
#[derive(Debug)]
pub(super) struct TimeOrder {
    last: Time,
    times: u64,
    /// Number of the first frame that went back.
    first: u64,
    /// The largest step back in nanoseconds.
    most: i64,
}

impl Default for TimeOrder {
    fn default() -> Self {
        Self { last: Time(i64::MIN), times: 0, first: 0, most: 0 }
    }
}

impl TimeOrder {
    /// Takes the time of the next frame, and its number in the file.
    #[inline]
    pub(super) fn observe(&mut self, frame: u64, time: Time) {
        if time < self.last {
            self.went_back(frame, time);
        }
        self.last = time;
    }

    #[cold]
    fn went_back(&mut self, frame: u64, time: Time) {
        if self.times == 0 {
            self.first = frame;
        }
        self.times += 1;
        self.most = self.most.max(self.last.0.saturating_sub(time.0));
    }

    /// The notice for the report; `None` if time never went back.
    pub(super) fn notice(&self) -> Option<String> {
        let (first, most) = (self.first, Duration::from_nanos(self.most.unsigned_abs()));
        let steps = match self.times {
            0 => return None,
            1 => format!("once, at frame {first}, by {most:?}"),
            times => format!("{times} times, first at frame {first}, by at most {most:?}"),
        };
        Some(format!("timestamps go back {steps}; packets are read in file order"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_back_are_counted_and_the_first_and_farthest_are_named() {
        let mut order = TimeOrder::default();
        assert_eq!(order.notice(), None);
        for (frame, time) in (1..).zip([5, 5, 9, 8, 10, 3_000_000, 2_000_000]) {
            order.observe(frame, Time(time));
            let notice = order.notice().unwrap_or_default();
            let once = "timestamps go back once, at frame 4, by 1ns; ";
            assert_eq!(notice.starts_with(once), (4..=6).contains(&frame), "{notice}");
        }
        let notice = order.notice().unwrap();
        assert!(
            notice.starts_with("timestamps go back 2 times, first at frame 4, by at most 1ms"),
            "{notice}"
        );
    }
}
