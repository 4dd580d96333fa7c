//! Numbers, sizes and times, as expressions write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Digits of a number at most, before and after the point.
const DIGITS: usize = 18;

/// A number such as `1.5` times `unit`, rounded down; without a unit (1) it has to be whole.
fn scaled(text: &str, unit: i128) -> Option<i128> {
    let text = text.replace('_', "");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let is_number = |digits: &str| {
        (1..=DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let below: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    if below > 0 && unit == 1 {
        return None;
    }
    let parts = 10_i128.pow(fraction.len() as u32);
    Some(whole.parse::<i128>().ok()? * unit + below * unit / parts)
}

fn in_range(number: i128) -> Option<i64> {
    i64::try_from(number).ok()
}

/// A number, or one such as `10K` (10,000), `1.5M`, `2Gi` (2 × 1024³); with a `B` behind it for
/// bytes.
pub(super) fn number(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    // 19 digits are possible only without a unit.
    if let Ok(plain) = text.parse::<i64>() {
        return plain.checked_mul(sign);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let (letter, base) = unit.strip_suffix('i').map_or((unit, 1000_i128), |unit| (unit, 1024));
    let power = match (letter, base) {
        ("", 1000) => 0,
        ("k", _) => 1,
        ("m", _) => 2,
        ("g", _) => 3,
        ("t", _) => 4,
        _ => return None,
    };
    in_range(scaled(digits, base.pow(power))? * i128::from(sign))
}

/// Nanoseconds of a span such as `20ms` or `1h30m`; whether a number without a unit is one depends on
/// `has_unit`.
pub(super) fn duration(text: &str, has_unit: bool) -> Option<i64> {
    if let Ok(plain) = text.parse::<i64>() {
        return Some(plain).filter(|&plain| has_unit || plain == 0);
    }
    let (mut rest, mut sum) = (text, 0_i128);
    while !rest.is_empty() {
        let digits = rest.find(char::is_alphabetic)?;
        let (number, with_unit) = rest.split_at(digits);
        let unit = with_unit.find(|c: char| !c.is_alphabetic()).unwrap_or(with_unit.len());
        let (unit, after) = with_unit.split_at(unit);
        let nanoseconds: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" | "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return None,
        };
        // 18 digits of days, several times, stay far within 128 bits.
        sum = sum.checked_add(scaled(number, nanoseconds)?)?;
        rest = after;
    }
    in_range(sum).filter(|_| !text.is_empty())
}

/// Nanoseconds since 1970 of a time in RFC 3339, in UTC where it names no zone; or a plain number.
pub(super) fn time(text: &str) -> Option<i64> {
    if let Ok(plain) = text.parse() {
        return Some(plain);
    }
    let zoned = text.parse::<Timestamp>().ok();
    let in_utc = || {
        let civil = text.parse::<DateTime>().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    in_range(zoned.or_else(in_utc)?.as_nanosecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal_unless_an_i_says_otherwise() {
        for (text, expected) in [
            ("0", 0),
            ("1_000", 1000),
            ("1k", 1000),
            ("1.5M", 1_500_000),
            ("2GB", 2_000_000_000),
            ("3T", 3_000_000_000_000),
            ("64Ki", 65_536),
            ("1.5KiB", 1536),
            ("12B", 12),
            ("-5", -5),
            ("9223372036854775807", i64::MAX),
        ] {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        for wrong in
            ["", "M", "1.5", "1Q", "1i", "0x10", "1..2", "9223372036854775808", "99999999T"]
        {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn spans_have_units_and_may_have_several() {
        for (text, expected) in
            [("20ms", 20_000_000), ("1.5s", 1_500_000_000), ("100us", 100_000), ("5µs", 5000)]
        {
            assert_eq!(duration(text, false), Some(expected), "{text}");
        }
        assert_eq!(duration("1h30m", false), duration("90min", false));
        assert_eq!(duration("2d", false), duration("48h", false));
        assert_eq!((duration("20", true), duration("20", false)), (Some(20), None));
        assert_eq!(duration("0", false), Some(0));
        for wrong in ["", "ms", "20 ms", "20parsecs", "1h30", "99999999999d", "-1s"] {
            assert_eq!(duration(wrong, true), None, "{wrong}");
        }
    }

    #[test]
    fn times_are_utc_unless_they_name_a_zone() {
        let expected = Some(1_700_000_000_000_000_000);
        for text in ["2023-11-14T22:13:20Z", "2023-11-14T22:13:20", "2023-11-14T23:13:20+01:00"] {
            assert_eq!(time(text), expected, "{text}");
        }
        assert_eq!(time("2023-11-14"), Some(1_699_920_000_000_000_000), "its midnight");
        assert_eq!(time("-7"), Some(-7));
        assert_eq!((time("yesterday"), time("9999-01-01T00:00:00Z")), (None, None));
    }
}
