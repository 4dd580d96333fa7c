//! The families that ports and services share: counters and histograms of their flows.

use std::collections::BTreeMap;

use super::exposition::{Exposition, MetricKind, label};
use super::figures::{BYTES, Buckets, MetricFigures, NANOSECONDS};
use crate::evidence::Direction;
use crate::flow::{Counts, Outcome};
use crate::stats::COUNTERS;

/// The series of ports or services, by their labels.
pub(super) type Rows = BTreeMap<String, MetricFigures>;

/// The name of a family, its help, and the buckets of a series.
type TimeFamily = (&'static str, &'static str, fn(&MetricFigures) -> &Buckets);

const TIMES: [TimeFamily; 3] = [
    ("handshake_seconds", "TCP handshake times", |figures| &figures.handshake),
    ("first_response_seconds", "Times from first request to first response", |figures| {
        &figures.first_response
    }),
    ("flow_duration_seconds", "Flow durations", |figures| &figures.duration),
];

/// Adds all families of `what`, which is `port` or `service`.
pub(super) fn add(exposition: &mut Exposition, what: &str, rows: &Rows) {
    let mut families = Families { exposition, what, rows };
    families.sums("flows", "Flows", |figures| figures.flows);
    for counter in COUNTERS {
        families.sums(counter.id, counter.help, |figures| figures.counters.sum(counter));
    }
    families.by_side("packets", "Packets", |figures| figures.packets);
    families.by_side("bytes", "Bytes on the wire", |figures| figures.bytes);
    families.outcomes();
    families
        .histogram("frame_size_bytes", "Packet sizes", &BYTES, 1, |figures| &figures.packet_bytes);
    for (figure, help, buckets) in TIMES {
        families.histogram(figure, help, &NANOSECONDS, 1_000_000_000, buckets);
    }
}

struct Families<'e> {
    exposition: &'e mut Exposition,
    what: &'e str,
    rows: &'e Rows,
}

impl Families<'_> {
    fn name(&self, figure: &str) -> String {
        format!("portlore_{}_{figure}", self.what)
    }

    fn sums(&mut self, figure: &str, help: &str, sum: impl Fn(&MetricFigures) -> u64) {
        let (name, help) = (self.name(figure), format!("{help} by {}", self.what));
        let mut family = self.exposition.family(&name, MetricKind::Counter, &help);
        self.rows
            .iter()
            .for_each(|(labels, figures)| family.sample("_total", labels, sum(figures)));
    }

    fn by_side(&mut self, figure: &str, help: &str, counts: fn(&MetricFigures) -> Counts) {
        let (name, help) = (self.name(figure), format!("{help} by {} and sender", self.what));
        let mut family = self.exposition.family(&name, MetricKind::Counter, &help);
        for (labels, figures) in self.rows {
            for side in Direction::BOTH {
                let labels = format!("{labels},{}", label("side", side.as_str()));
                family.sample("_total", &labels, counts(figures).side(side));
            }
        }
    }

    fn outcomes(&mut self) {
        let (name, help) = (self.name("outcomes"), format!("Flows by {} and outcome", self.what));
        let mut family = self.exposition.family(&name, MetricKind::Counter, &help);
        for (labels, figures) in self.rows {
            for outcome in Outcome::ALL {
                let flows = figures.outcomes[outcome as usize];
                if flows > 0 {
                    let labels = format!("{labels},{}", label("outcome", outcome.as_str()));
                    family.sample("_total", &labels, flows);
                }
            }
        }
    }

    /// Adds a histogram of each series whose sizes and times are kept. Bounds, divided by `unit`,
    /// are in the family's unit.
    fn histogram(
        &mut self,
        figure: &str,
        help: &str,
        bounds: &[u64],
        unit: u64,
        buckets: fn(&MetricFigures) -> &Buckets,
    ) {
        let (name, help) = (self.name(figure), format!("{help} by {}", self.what));
        let mut family = self.exposition.family(&name, MetricKind::Histogram, &help);
        for (labels, figures) in self.rows.iter().filter(|(_, figures)| !figures.in_part) {
            family.histogram(labels, buckets(figures), bounds, unit);
        }
    }
}
