//! Capture time: when a frame was captured, by the clock of the capturing machine.
//!
//! Everything downstream of `source` reads this clock only; the clock and the time zone of the host
//! are not used.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Nanoseconds since 1970-01-01T00:00:00Z. Signed, because captures with a broken clock go below
/// zero. Range: the years 1677 to 2262.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Time(pub i64);

impl Time {
    /// The time of `seconds` and `nanoseconds` since 1970, saturating at the ends of the range.
    #[must_use]
    pub const fn new(seconds: i64, nanoseconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
    }

    /// The time in RFC 3339, in UTC with six decimals; what is below a microsecond is cut off.
    #[must_use]
    pub fn in_microseconds(self) -> String {
        let mut text = Self(self.0.div_euclid(1000) * 1000).to_string();
        // `….123456000Z`.
        text.truncate(text.len().saturating_sub("000Z".len()));
        text + "Z"
    }

    /// Nanoseconds from `earlier` to this time; zero if the clock went backwards.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        let span = self.0.saturating_sub(earlier.0);
        if span < 0 { 0 } else { span as u64 }
    }
}

impl fmt::Display for Time {
    /// RFC 3339 in UTC with nine decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: i64 = 1_000_000_000;
        let (seconds, rest) = (self.0.div_euclid(SECOND), self.0.rem_euclid(SECOND));
        let stamp = jiff::Timestamp::new(seconds, rest as i32).map_err(|_| fmt::Error)?;
        write!(f, "{stamp:.9}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_rfc_3339_in_utc_with_nanoseconds() {
        assert_eq!(Time::new(1_700_000_000, 5).to_string(), "2023-11-14T22:13:20.000000005Z");
        assert_eq!(Time(i64::MIN).to_string(), "1677-09-21T00:12:43.145224192Z");
    }

    #[test]
    fn a_clock_that_goes_backwards_gives_no_time() {
        assert_eq!(Time(5).since(Time(9)), 0);
        assert_eq!(Time(9).since(Time(5)), 4);
    }
}
