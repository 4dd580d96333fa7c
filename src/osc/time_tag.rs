//! Time tags: when the messages of a bundle are to take effect.

use std::fmt;

/// Seconds since 1900 in the upper 32 bits, their fraction in the lower, as in NTP. Zero seconds
/// with a fraction of one stand for "immediately".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OscTimeTag(pub u64);

impl OscTimeTag {
    /// "Immediately".
    pub const IMMEDIATELY: Self = Self(1);
    /// Seconds from 1900 to 1970.
    const UNIX: i64 = 2_208_988_800;
}

impl fmt::Display for OscTimeTag {
    /// "immediately", or RFC 3339 in UTC with microseconds. Tags before 1970, which senders without
    /// a clock write, are seconds: "12.5 s".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, fraction) = ((self.0 >> 32) as u32, self.0 & 0xffff_ffff);
        let micros = (fraction * 1_000_000) >> 32;
        let since_1970 = i64::from(seconds) - Self::UNIX;
        match jiff::Timestamp::new(since_1970, (micros * 1_000) as i32) {
            _ if *self == Self::IMMEDIATELY => f.write_str("immediately"),
            Ok(time) if since_1970 >= 0 => write!(f, "{time:.6}"),
            _ => write!(f, "{seconds}.{micros:06} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_tag_is_a_time_of_day_seconds_or_immediately() {
        assert_eq!(OscTimeTag(1).to_string(), "immediately");
        assert_eq!(OscTimeTag(0).to_string(), "0.000000 s");
        assert_eq!(OscTimeTag(12 << 32 | 1 << 31).to_string(), "12.500000 s");
        let of_2023 = (1_700_000_000 + 2_208_988_800_u64) << 32 | 1 << 30;
        assert_eq!(OscTimeTag(of_2023).to_string(), "2023-11-14T22:13:20.250000Z");
        assert!(OscTimeTag(u64::MAX).to_string().starts_with("2036-02-07T06:28:15.999"));
    }
}
