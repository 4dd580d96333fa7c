//! Values of options as people write them: sizes, times, addresses.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use portlore::source::TimeBound;
use portlore::stats::IpNetwork;
use portlore::time::Time;

/// A parser of whole numbers within `range`, whose end may be open: `u64::MAX`.
pub(super) fn whole_number<T: TryFrom<u64> + Send + Sync + Clone + 'static>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number: Option<u64> = text.parse().ok().filter(|number| range.contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            let (first, last) = (range.start(), *range.end());
            if last == u64::MAX {
                format!("write a whole number of {first} or more")
            } else {
                format!("write a whole number from {first} to {last}")
            }
        })
    }
}

/// A port by its number.
pub(super) fn port_number(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("'{text}' is not a port; ports are 0 to 65535"))
}

/// Bytes, within what libpcap can ask for.
pub(super) fn buffer(text: &str) -> Result<u32, String> {
    let bytes = size(text, 1 << 10)?;
    u32::try_from(bytes)
        .ok()
        .filter(|bytes| (1 << 16..1 << 31).contains(bytes))
        .ok_or_else(|| "the size must be between 64K and 2047M".to_owned())
}

/// Bytes of a size such as 64M; `unit` is that of a bare number.
pub(super) fn size(text: &str, unit: u64) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" => unit,
        "K" | "k" => 1 << 10,
        "M" | "m" => 1 << 20,
        "G" | "g" => 1 << 30,
        _ => return Err("write a size such as 512K, 64M or 1G".to_owned()),
    };
    let number: u64 =
        digits.parse().map_err(|_| "write a size such as 512K, 64M or 1G".to_owned())?;
    number
        .checked_mul(unit)
        .filter(|&bytes| bytes > 0)
        .ok_or_else(|| format!("'{text}' is out of range; write a size such as 512K, 64M or 1G"))
}

pub(super) fn millions(text: &str) -> Result<u64, String> {
    size(text, 1_000_000)
}

/// A size; a bare number is in bytes.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    size(text, 1)
}

pub(super) fn endpoint(text: &str) -> Result<SocketAddr, String> {
    let port = text
        .strip_prefix(':')
        .unwrap_or(text)
        .parse::<u16>()
        .map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let address = port.or_else(|_| text.parse());
    address.map_err(|_| {
        format!("'{text}' is not a port or address:port; write 9464, 127.0.0.1:9464 or [::1]:9464")
    })
}

pub(super) fn network(text: &str) -> Result<IpNetwork, String> {
    IpNetwork::parse(text)
        .ok_or_else(|| format!("'{text}' is not a network; write 192.0.2.0/24 or 2001:db8::/32"))
}

/// A time such as 1h30m; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let with_unit = format!("{text}s");
    let text = if text.bytes().all(|b| b.is_ascii_digit()) { &with_unit } else { text };
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| "write a time such as 30, 30s, 5m or 1h30m".to_owned())?;
    Duration::try_from(span)
        .ok()
        .filter(|d| !d.is_zero())
        .ok_or_else(|| "the time must be longer than zero".to_owned())
}

/// A time as RFC 3339 writes it, in UTC where it names no zone, or `+5m` after the first packet.
pub(super) fn time_bound(text: &str) -> Result<TimeBound, String> {
    if let Some(span) = text.strip_prefix('+') {
        return duration(span).map(TimeBound::After);
    }
    let zoned = text.parse::<Timestamp>();
    let time = zoned.or_else(|_| {
        let civil = text.parse::<DateTime>()?;
        Ok::<_, jiff::Error>(civil.to_zoned(TimeZone::UTC)?.timestamp())
    });
    let time = time.map_err(|_| {
        "write 2026-11-18T11:06:40 (UTC), 2026-11-18T12:06:40+01:00, or +5m after the first packet"
    })?;
    let nanoseconds = i64::try_from(time.as_nanosecond());
    let out_of_range = |_| "out of range; the years 1678 to 2261 are possible".to_owned();
    nanoseconds.map(|nanoseconds| TimeBound::At(Time(nanoseconds))).map_err(out_of_range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_cannot_be_is_answered_with_those_that_can() {
        let closed = whole_number::<u8>(1..=16);
        assert_eq!(closed("16"), Ok(16));
        for text in ["x", "0", "17", "-1", "1.5", "99999999999999999999"] {
            assert_eq!(closed(text), Err("write a whole number from 1 to 16".to_owned()), "{text}");
        }
        let open = whole_number::<u64>(1..=u64::MAX);
        assert_eq!(open("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(open("0"), Err("write a whole number of 1 or more".to_owned()));
    }

    #[test]
    fn a_port_that_cannot_be_is_answered_with_those_that_can() {
        assert_eq!(port_number("65535"), Ok(65_535));
        assert!(port_number("65536").unwrap_err().ends_with("; ports are 0 to 65535"));
    }

    #[test]
    fn times_are_utc_unless_they_name_a_zone_or_count_from_the_first_packet() {
        let at = |seconds, nanoseconds| Ok(TimeBound::At(Time::new(seconds, nanoseconds)));
        assert!(time_bound("2300-01-01T00:00:00Z").unwrap_err().starts_with("out of range"));
        for text in ["2023-11-14T22:13:20Z", "2023-11-14T22:13:20", "2023-11-14 23:13:20+01:00"] {
            assert_eq!(time_bound(text), at(1_700_000_000, 0), "{text}");
        }
        assert_eq!(time_bound("2023-11-14T22:13:20.000000005"), at(1_700_000_000, 5));
        assert_eq!(time_bound("2023-11-14"), at(1_699_920_000, 0), "its midnight");
        assert_eq!(time_bound("+90"), Ok(TimeBound::After(Duration::from_secs(90))));
        assert_eq!(time_bound("+1h30m"), Ok(TimeBound::After(Duration::from_mins(90))));
        for text in ["yesterday", "5m", "+", "+soon", "", "9999-01-01T00:00:00Z"] {
            assert!(time_bound(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_and_times_are_read_as_people_write_them() {
        assert_eq!(
            (buffer("64M"), buffer("512k"), buffer("2048")),
            (Ok(64 << 20), Ok(512 << 10), Ok(2 << 20))
        );
        assert!(
            buffer("1K").is_err()
                && buffer("3G").is_err()
                && buffer("12Q").is_err()
                && buffer("M").is_err()
        );
        assert_eq!(endpoint("9464"), endpoint("127.0.0.1:9464"));
        assert_eq!(endpoint(":1").unwrap().to_string(), "127.0.0.1:1");
        assert!(
            endpoint("localhost:1").unwrap_err().contains("127.0.0.1:9464")
                && endpoint("0.0.0.0:80").is_ok()
        );
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!((millions("100"), millions("1G")), (Ok(100_000_000), Ok(1 << 30)));
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert!(duration("0").is_err() && duration("").is_err());
        assert!(duration("0s").is_err() && duration("-1s").is_err() && duration("soon").is_err());
    }
}
