//! Numbers and times for people: short, with their unit.

use std::sync::LazyLock;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

pub use crate::sentence::{count, plural};
use crate::stats::Summary;
use crate::time::Time;

/// Frames that were dropped, by place: `kernel 3, interface 0, queue 7`.
#[must_use]
pub fn drops(frames: [u64; 3]) -> String {
    let [kernel, interface, queue] = frames.map(count);
    format!("kernel {kernel}, interface {interface}, queue {queue}")
}

/// The time zone in which people read times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zone {
    /// Coordinated universal time: the same report everywhere.
    #[default]
    Utc,
    /// That of this machine (`--local`).
    Local,
}

/// The time zone of this machine, read once: later the files of zones may be out of reach.
static LOCAL: LazyLock<TimeZone> = LazyLock::new(TimeZone::system);

impl Zone {
    /// Reads what the zone needs of the file system. To be called before that is closed.
    pub fn load(self) {
        if self == Self::Local {
            LazyLock::force(&LOCAL);
        }
    }

    /// A time to the second, RFC 3339: `2023-11-14T22:13:20Z`, `2023-11-14T23:13:20+01:00`.
    #[must_use]
    pub fn second(self, time: Time) -> String {
        self.written(time, "%Y-%m-%dT%H:%M:%S", if self == Self::Utc { "Z" } else { "%:z" })
    }

    /// The day of a time and its clock to the millisecond: `2023-11-14`, `22:13:20.000`.
    #[must_use]
    pub fn day_and_clock(self, time: Time) -> (String, String) {
        (self.written(time, "%Y-%m-%d", ""), self.written(time, "%H:%M:%S%.3f", ""))
    }

    /// The name of the zone at a time: `UTC`, `CET`.
    #[must_use]
    pub fn name(self, time: Time) -> String {
        if self == Self::Utc { "UTC".to_owned() } else { self.written(time, "%Z", "") }
    }

    fn written(self, time: Time, format: &str, end: &str) -> String {
        self.at(time)
            .map_or_else(String::new, |zoned| zoned.strftime(&format!("{format}{end}")).to_string())
    }

    fn at(self, time: Time) -> Option<Zoned> {
        let zone = match self {
            Self::Utc => TimeZone::UTC,
            Self::Local => LOCAL.clone(),
        };
        Some(Timestamp::from_nanosecond(time.0.into()).ok()?.to_zoned(zone))
    }
}

/// Two times to the second, the second one without the day if that is the same:
/// `2026-11-28 11:10:27-11:10:29 UTC`.
#[must_use]
pub fn period(first: Time, last: Time, zone: Zone) -> String {
    let last_time = last;
    let (Some(first), Some(last)) = (zone.at(first), zone.at(last)) else { return String::new() };
    let day = "%Y-%m-%d %H:%M:%S";
    let begin = first.strftime(day).to_string();
    let name = zone.name(last_time);
    let end = last.strftime(if first.date() == last.date() { "%H:%M:%S" } else { day }).to_string();
    if begin.ends_with(&end) {
        format!("{begin} {name}")
    } else if first.date() == last.date() {
        format!("{begin}-{end} {name}")
    } else {
        format!("{begin} to {end} {name}")
    }
}

/// A span of time in a sentence: `7.0 ms`, `1.3 s`, `24 min`.
#[must_use]
pub fn time_span(ns: u64) -> String {
    let text = duration(ns);
    let at = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    match text.split_at(at) {
        (_, "") => "0 s".to_owned(),
        (number, "m") => format!("{number} min"),
        (number, unit) => format!("{number} {unit}"),
    }
}

/// Bytes in decimal units: `999 B`, `1.5 kB`, `23 MB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    scaled(n, 1000, &["B", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// Nanoseconds: `850ns`, `1.2ms`, `4.5s`, `12m`, `3.5h`.
#[must_use]
pub fn duration(ns: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    let seconds = ns as f64 / SECOND as f64;
    match ns {
        0 => "0".into(),
        1..1_000 => format!("{ns}ns"),
        1_000..1_000_000 => format!("{}µs", three(ns as f64 / 1e3)),
        1_000_000..SECOND => format!("{}ms", three(ns as f64 / 1e6)),
        _ if seconds < 60.0 => format!("{}s", three(seconds)),
        _ if seconds < 3600.0 => format!("{}m", three(seconds / 60.0)),
        _ if seconds < 86_400.0 => format!("{}h", three(seconds / 3600.0)),
        _ => format!("{}d", three(seconds / 86_400.0)),
    }
}

/// `p50/p90/p99/max`, with the unit written once if all have the same; one value if all are equal;
/// a dash if there are none.
#[must_use]
pub fn quantiles(summary: Summary, unit: fn(u64) -> String) -> String {
    if summary.count == 0 {
        return "-".into();
    }
    let texts = [summary.p50, summary.p90, summary.p99, summary.max].map(unit);
    if texts.iter().all(|text| *text == texts[0]) {
        return texts[0].clone();
    }
    let suffix = texts[0].trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let bare: Option<Vec<_>> = texts
        .iter()
        .map(|text| text.strip_suffix(suffix).filter(|t| t.parse::<f64>().is_ok()))
        .collect();
    bare.map_or_else(|| texts.join("/"), |bare| bare.join("/") + suffix)
}

fn scaled(n: u64, step: u64, units: &[&str]) -> String {
    let mut value = n as f64;
    let mut unit = 0;
    // Rounding must not give "1000 kB".
    while value >= step as f64 * 0.9995 && unit + 1 < units.len() {
        value /= step as f64;
        unit += 1;
    }
    if unit == 0 {
        format!("{n} {}", units[0])
    } else {
        format!("{} {}", three(value), units[unit])
    }
}

/// Two or three significant digits.
fn three(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_utc_say_so() {
        let time = Time::new(1_700_000_000, 5_999_999);
        assert_eq!(Zone::Utc.second(time), "2023-11-14T22:13:20Z");
        assert_eq!(Zone::Utc.day_and_clock(time), ("2023-11-14".into(), "22:13:20.005".into()));
        assert_eq!(Zone::Utc.name(time), "UTC");
        assert_eq!(Zone::Utc.second(Time(i64::MIN)), "1677-09-21T00:12:43Z");
    }

    #[test]
    fn numbers_are_short_and_carry_their_unit() {
        assert_eq!(
            [0, 999, 1000, 999_999, 1_500_000, u64::MAX].map(bytes),
            ["0 B", "999 B", "1.0 kB", "1.0 MB", "1.5 MB", "18 EB"]
        );
        assert_eq!(
            [0, 850, 1_200, 45_000_000, 4_500_000_000, 90_000_000_000, 7_200_000_000_000]
                .map(duration),
            ["0", "850ns", "1.2µs", "45ms", "4.5s", "1.5m", "2.0h"]
        );
        assert_eq!(
            [0, 7_000_000, 1_300_000_000, 1_440_000_000_000].map(time_span),
            ["0 s", "7.0 ms", "1.3 s", "24 min"]
        );
        let at = |seconds: i64| Time::new(1_700_000_000 + seconds, 5);
        let period = |last| period(at(0), at(last), Zone::Utc);
        assert_eq!(period(0), "2023-11-14 22:13:20 UTC");
        assert_eq!(period(62), "2023-11-14 22:13:20-22:14:22 UTC");
        assert_eq!(period(86_400), "2023-11-14 22:13:20 to 2023-11-15 22:13:20 UTC");
        let summary = |p50, p90, p99, max| Summary { count: 4, p50, p90, p99, max };
        assert_eq!(quantiles(summary(1_100, 2_000, 35_000, 36_000), duration), "1.1/2.0/35/36µs");
        assert_eq!(
            quantiles(summary(1_100, 2_000, 35_000, 3_600_000), duration),
            "1.1µs/2.0µs/35µs/3.6ms"
        );
        assert_eq!(quantiles(summary(7, 7, 7, 7), duration), "7ns");
        assert_eq!(quantiles(summary(54, 60, 70, 1514), |n| n.to_string()), "54/60/70/1514");
        assert_eq!(quantiles(Summary::default(), duration), "-");
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }
}
