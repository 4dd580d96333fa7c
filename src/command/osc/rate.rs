//! A limit of messages a second, by the clock of the capture.

use portlore::time::Time;

const SECOND: i64 = 1_000_000_000;

/// Counts the messages of each second.
#[derive(Debug)]
pub struct RateLimit {
    /// Messages a second; none where there is no limit.
    limit: Option<u64>,
    second: i64,
    shown: u64,
    left_out: u64,
}

impl RateLimit {
    pub const fn new(limit: Option<u64>) -> Self {
        Self { limit, second: i64::MIN, shown: 0, left_out: 0 }
    }

    /// Goes on to this time, and returns the second that is over with the number of messages that
    /// were left out in it, if there are some. A time that goes back is of the current second.
    pub const fn advance(&mut self, now: Time) -> Option<(Time, u64)> {
        let second = now.0.div_euclid(SECOND);
        if second <= self.second { None } else { self.turn(second) }
    }

    /// Ends the last second.
    pub const fn finish(&mut self) -> Option<(Time, u64)> {
        self.turn(i64::MAX)
    }

    const fn turn(&mut self, second: i64) -> Option<(Time, u64)> {
        let (over, left_out) = (self.second, self.left_out);
        (self.second, self.shown, self.left_out) = (second, 0, 0);
        if left_out == 0 { None } else { Some((Time::new(over, 0), left_out)) }
    }

    /// Whether a packet with so many messages is to be shown. A bundle is shown whole or not at
    /// all.
    pub fn admits(&mut self, messages: u64) -> bool {
        let admitted = self.limit.is_none_or(|limit| self.shown < limit);
        *(if admitted { &mut self.shown } else { &mut self.left_out }) += messages;
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_limit_is_counted_by_the_second() {
        let mut rate = RateLimit::new(Some(2));
        let at = |seconds| Time::new(seconds, 5);
        assert_eq!(rate.advance(at(7)), None);
        assert_eq!([(); 4].map(|()| rate.admits(1)), [true, true, false, false]);
        assert_eq!((rate.advance(at(7)), rate.advance(at(6))), (None, None));
        assert_eq!(rate.advance(at(9)), Some((Time::new(7, 0), 2)));
        assert!(rate.admits(5) && !rate.admits(3));
        assert_eq!((rate.finish(), rate.finish()), (Some((Time::new(9, 0), 3)), None));
    }

    #[test]
    fn without_a_limit_everything_is_shown() {
        let mut rate = RateLimit::new(None);
        assert!((0..1000).all(|_| rate.admits(1)));
        assert_eq!(rate.finish(), None);
    }
}
