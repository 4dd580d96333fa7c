//! The clock of an interface: from the units that a block states to nanoseconds.

use crate::source::file::record::{TimeOrigin, clamped};
use crate::time::Time;

/// Nanoseconds in a second.
const SECOND: i128 = 1_000_000_000;

/// Resolutions from which on 64 bits of units are less than a second: no clock has them.
const FINEST_DECIMAL: u8 = 20;
const FINEST_BINARY: u8 = 64;

/// Flag of a resolution that is a power of two.
const BINARY: u8 = 0x80;

/// The clock of an interface.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// The `if_tsresol` byte: a negative power of ten, or of two if the top bit is set.
    pub(super) resolution: u8,
    /// Seconds to add (`if_tsoffset`).
    pub(super) offset: i64,
}

impl Default for Clock {
    /// Microseconds since 1970.
    fn default() -> Self {
        Self { resolution: 6, offset: 0 }
    }
}

impl Clock {
    /// The time of a block that states `units`, and whether that is what it states.
    #[inline]
    pub(super) fn time(self, units: u64) -> (Time, TimeOrigin) {
        let unit = match self.resolution {
            6 => 1_000,
            9 => 1,
            _ => return self.uncommon(units),
        };
        match i64::try_from(units).ok().and_then(|units| units.checked_mul(unit)) {
            Some(nanoseconds) if self.offset == 0 => (Time(nanoseconds), TimeOrigin::Stated),
            _ => self.uncommon(units),
        }
    }

    #[cold]
    fn uncommon(self, units: u64) -> (Time, TimeOrigin) {
        let (time, origin) = clamped(i128::from(self.offset) * SECOND + self.nanoseconds(units));
        if self.is_absurd() { (time, TimeOrigin::Clamped) } else { (time, origin) }
    }

    /// Nanoseconds without the offset; at most 2^64 seconds.
    fn nanoseconds(self, units: u64) -> i128 {
        let (units, exponent) = (i128::from(units), u32::from(self.resolution & !BINARY));
        if self.resolution & BINARY != 0 {
            (units * SECOND) >> exponent.min(127)
        } else if exponent <= 9 {
            units * 10_i128.pow(9 - exponent)
        } else {
            10_i128.checked_pow(exponent - 9).map_or(0, |divisor| units / divisor)
        }
    }

    const fn is_absurd(self) -> bool {
        let exponent = self.resolution & !BINARY;
        exponent >= if self.resolution & BINARY != 0 { FINEST_BINARY } else { FINEST_DECIMAL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(resolution: u8, offset: i64, units: u64) -> (i64, TimeOrigin) {
        let (time, origin) = Clock { resolution, offset }.time(units);
        (time.0, origin)
    }

    #[test]
    fn clocks_of_every_resolution_give_nanoseconds() {
        use TimeOrigin::Stated;
        assert_eq!(time(6, 0, 1_500_000), (1_500_000_000, Stated));
        assert_eq!(time(9, 10, 7), (10_000_000_007, Stated));
        assert_eq!(time(0x94, 0, 1 << 19), (500_000_000, Stated));
        assert_eq!(time(12, 0, 5_000), (5, Stated));
        assert_eq!(time(0, -3, 1), (-2_000_000_000, Stated));
        assert_eq!(time(19, 1_700_000_000, 10_000_000_000), (1_700_000_000_000_000_001, Stated));
    }

    #[test]
    fn what_64_bits_of_nanoseconds_cannot_tell_is_clamped() {
        use TimeOrigin::{Clamped, Stated};
        assert_eq!(time(6, 0, 9_223_372_036_854_775), (9_223_372_036_854_775_000, Stated));
        assert_eq!(time(6, 0, 9_223_372_036_854_776), (i64::MAX, Clamped));
        assert_eq!(time(9, 0, u64::MAX), (i64::MAX, Clamped));
        assert_eq!(time(0, 0, u64::MAX), (i64::MAX, Clamped));
        assert_eq!(time(6, i64::MAX, 5), (i64::MAX, Clamped));
        assert_eq!(time(6, i64::MIN, u64::MAX), (i64::MIN, Clamped));
        // Only the sum has to fit.
        assert_eq!(time(0, -10_000_000_000, 10_000_000_001), (1_000_000_000, Stated));
    }

    #[test]
    fn a_resolution_that_no_clock_has_is_no_time() {
        use TimeOrigin::Clamped;
        for (resolution, is) in [(20, 0), (127, 0), (0xff, 0), (0x80 | 64, 999_999_999)] {
            assert_eq!(
                time(resolution, 5, u64::MAX),
                (
                    match resolution {
                        20 => 5_184_467_440,
                        _ => 5_000_000_000 + is,
                    },
                    Clamped
                ),
                "{resolution}"
            );
        }
    }
}
