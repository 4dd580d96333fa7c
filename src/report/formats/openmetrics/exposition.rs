//! Families of samples as text. A counter never goes back.

use std::collections::HashMap;

use super::figures::Buckets;
use crate::report::escape;

/// A text format that Prometheus scrapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpositionFormat {
    /// Prometheus' text format 0.0.4.
    Text,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
}

impl ExpositionFormat {
    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

impl MetricKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Everything that is scraped.
#[derive(Default)]
pub(super) struct Exposition {
    families: Vec<FamilyHead>,
    samples: Vec<MetricSample>,
    /// The largest value that each counter had so far.
    highest: HashMap<String, u64>,
}

struct FamilyHead {
    name: String,
    kind: MetricKind,
    help: String,
    /// The index of its first sample.
    from: usize,
}

struct MetricSample {
    series: String,
    value: SampleValue,
}

enum SampleValue {
    Whole(u64),
    /// A number, and how many of it make one unit: nanoseconds of a second.
    Part(u64, u64),
}

/// A family that is being filled.
pub(super) struct Family<'e> {
    name: String,
    kind: MetricKind,
    samples: &'e mut Vec<MetricSample>,
    highest: &'e mut HashMap<String, u64>,
}

impl Exposition {
    /// Removes all families and samples; the highest values of counters stay.
    pub(super) fn begin(&mut self) {
        self.families.clear();
        self.samples.clear();
    }

    /// Begins a family; `help` without its full stop.
    pub(super) fn family(&mut self, name: &str, kind: MetricKind, help: &str) -> Family<'_> {
        let head = FamilyHead {
            name: name.to_owned(),
            kind,
            help: help.to_owned(),
            from: self.samples.len(),
        };
        self.families.push(head);
        Family {
            name: name.to_owned(),
            kind,
            samples: &mut self.samples,
            highest: &mut self.highest,
        }
    }

    /// All families as text.
    pub(super) fn text(&self, format: ExpositionFormat) -> String {
        let mut text = String::new();
        for (i, head) in self.families.iter().enumerate() {
            let to = self.families.get(i + 1).map_or(self.samples.len(), |next| next.from);
            // The text format names a counter after its sample.
            let suffix = if format == ExpositionFormat::Text && head.kind == MetricKind::Counter {
                "_total"
            } else {
                ""
            };
            let FamilyHead { name, kind, help, from } = head;
            text += &format!(
                "# HELP {name}{suffix} {help}.\n# TYPE {name}{suffix} {}\n",
                kind.as_str()
            );
            for sample in self.samples.get(*from..to).unwrap_or_default() {
                text += &match sample.value {
                    SampleValue::Whole(value) => format!("{} {value}\n", sample.series),
                    SampleValue::Part(value, unit) => {
                        format!("{} {:?}\n", sample.series, value as f64 / unit as f64)
                    }
                };
            }
        }
        if format == ExpositionFormat::OpenMetrics {
            text += "# EOF\n";
        }
        text
    }
}

impl Family<'_> {
    /// Adds a sample.
    pub(super) fn sample(&mut self, suffix: &str, labels: &str, value: u64) {
        let value = self.never_less(suffix, labels, value);
        self.put(suffix, labels, SampleValue::Whole(value));
    }

    /// Adds the samples of a histogram. Bounds and sum, divided by `unit`, are in the family's
    /// unit.
    pub(super) fn histogram(&mut self, labels: &str, buckets: &Buckets, bounds: &[u64], unit: u64) {
        for (bound, &count) in bounds.iter().zip(&buckets.at_most) {
            let bound = format!("{:?}", *bound as f64 / unit as f64);
            self.sample("_bucket", &format!("{labels},{}", label("le", &bound)), count);
        }
        self.sample("_bucket", &format!("{labels},{}", label("le", "+Inf")), buckets.count);
        self.sample("_count", labels, buckets.count);
        let sum = self.never_less("_sum", labels, buckets.sum);
        self.put(
            "_sum",
            labels,
            if unit == 1 { SampleValue::Whole(sum) } else { SampleValue::Part(sum, unit) },
        );
    }

    /// The value, or the largest one of the counter so far. The buckets of a histogram stay in
    /// order.
    fn never_less(&mut self, suffix: &str, labels: &str, value: u64) -> u64 {
        if self.kind == MetricKind::Gauge {
            return value;
        }
        let highest = self.highest.entry(format!("{}{suffix}{{{labels}}}", self.name)).or_default();
        *highest = value.max(*highest);
        *highest
    }

    fn put(&mut self, suffix: &str, labels: &str, value: SampleValue) {
        let name = &self.name;
        let series = if labels.is_empty() {
            format!("{name}{suffix}")
        } else {
            format!("{name}{suffix}{{{labels}}}")
        };
        self.samples.push(MetricSample { series, value });
    }
}

/// A label, the only way to one. The value is untrusted: what could steer a terminal is escaped
/// first, then what the format itself wants escaped.
pub(super) fn label(name: &str, value: &str) -> String {
    format!("{name}=\"{}\"", escape(value).replace('\\', "\\\\").replace('"', "\\\""))
}
