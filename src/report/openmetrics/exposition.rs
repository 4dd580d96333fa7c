//! Families of samples as text; counters only grow.

use std::collections::HashMap;

use super::figures::Buckets;
use crate::report::escape;

/// In which of the two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Prometheus' text format 0.0.4.
    Text,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
}

impl Form {
    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What the numbers of a family are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Everything that there is to scrape.
#[derive(Default)]
pub struct Exposition {
    families: Vec<Head>,
    samples: Vec<Sample>,
    /// The largest value that each counter ever had.
    highest: HashMap<String, u64>,
}

struct Head {
    name: String,
    kind: Kind,
    help: String,
    /// Where its samples begin.
    from: usize,
}

struct Sample {
    series: String,
    value: Value,
}

enum Value {
    Whole(u64),
    /// A number of which so many are one: nanoseconds of a second.
    Part(u64, u64),
}

/// One family, as it is filled.
pub(super) struct Family<'e> {
    name: String,
    kind: Kind,
    samples: &'e mut Vec<Sample>,
    highest: &'e mut HashMap<String, u64>,
}

impl Exposition {
    /// Forgets all but how large each counter was.
    pub(super) fn begin(&mut self) {
        self.families.clear();
        self.samples.clear();
    }

    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) -> Family<'_> {
        let head =
            Head { name: name.to_owned(), kind, help: help.to_owned(), from: self.samples.len() };
        self.families.push(head);
        Family {
            name: name.to_owned(),
            kind,
            samples: &mut self.samples,
            highest: &mut self.highest,
        }
    }

    /// The text of all of it.
    pub(super) fn text(&self, form: Form) -> String {
        let mut text = String::new();
        for (i, head) in self.families.iter().enumerate() {
            let to = self.families.get(i + 1).map_or(self.samples.len(), |next| next.from);
            // The older format knows a counter by the name of its sample.
            let suffix =
                if form == Form::Text && head.kind == Kind::Counter { "_total" } else { "" };
            let Head { name, kind, help, from } = head;
            text += &format!(
                "# HELP {name}{suffix} {help}.\n# TYPE {name}{suffix} {}\n",
                kind.as_str()
            );
            for sample in self.samples.get(*from..to).unwrap_or_default() {
                text += &match sample.value {
                    Value::Whole(value) => format!("{} {value}\n", sample.series),
                    Value::Part(value, unit) => {
                        format!("{} {:?}\n", sample.series, value as f64 / unit as f64)
                    }
                };
            }
        }
        if form == Form::OpenMetrics {
            text += "# EOF\n";
        }
        text
    }
}

impl Family<'_> {
    pub(super) fn sample(&mut self, suffix: &str, labels: &str, value: u64) {
        let value = self.held(suffix, labels, value);
        self.put(suffix, labels, Value::Whole(value));
    }

    /// Buckets whose bounds are in so many parts of the unit.
    pub(super) fn histogram(&mut self, labels: &str, buckets: &Buckets, bounds: &[u64], unit: u64) {
        for (bound, &count) in bounds.iter().zip(&buckets.at_most) {
            let bound = format!("{:?}", *bound as f64 / unit as f64);
            self.sample("_bucket", &format!("{labels},{}", label("le", &bound)), count);
        }
        self.sample("_bucket", &format!("{labels},{}", label("le", "+Inf")), buckets.count);
        self.sample("_count", labels, buckets.count);
        let sum = self.held("_sum", labels, buckets.sum);
        self.put(
            "_sum",
            labels,
            if unit == 1 { Value::Whole(sum) } else { Value::Part(sum, unit) },
        );
    }

    /// The value, or the largest that the counter ever had. The order of a histogram's buckets
    /// stays.
    fn held(&mut self, suffix: &str, labels: &str, value: u64) -> u64 {
        if self.kind == Kind::Gauge {
            return value;
        }
        let highest = self.highest.entry(format!("{}{suffix}{{{labels}}}", self.name)).or_default();
        *highest = value.max(*highest);
        *highest
    }

    fn put(&mut self, suffix: &str, labels: &str, value: Value) {
        let name = &self.name;
        let series = if labels.is_empty() {
            format!("{name}{suffix}")
        } else {
            format!("{name}{suffix}{{{labels}}}")
        };
        self.samples.push(Sample { series, value });
    }
}

/// A label; what would steer a terminal is escaped before the format's own escapes.
pub(super) fn label(name: &str, value: &str) -> String {
    format!("{name}=\"{}\"", escape(value).replace('\\', "\\\\").replace('"', "\\\""))
}
