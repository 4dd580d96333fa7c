//! The figures of one series, which add up.

use crate::flow::{Counts, Outcome};
use crate::stats::{Aggregate, CounterSums, Distributions, Quantiles};

/// Upper bounds of sizes in bytes.
pub(super) const BYTES: [u64; 10] = [64, 128, 256, 512, 1024, 1514, 4096, 9018, 16_384, 65_549];
/// Upper bounds of times: a tenth of a millisecond to a quarter of an hour.
pub(super) const NANOSECONDS: [u64; 15] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    500_000_000,
    1_000_000_000,
    10_000_000_000,
    100_000_000_000,
    1_000_000_000_000,
];

/// How many values are at most as large as each bound, the number of values, and their sum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Buckets {
    pub(super) at_most: Vec<u64>,
    pub(super) count: u64,
    pub(super) sum: u64,
}

impl Buckets {
    fn add(&mut self, values: &Quantiles, bounds: &[u64]) {
        self.at_most.resize(bounds.len(), 0);
        self.at_most
            .iter_mut()
            .zip(bounds)
            .for_each(|(count, &bound)| *count += values.at_most(bound));
        self.count += values.count();
        self.sum = self.sum.saturating_add(values.sum());
    }
}

/// The figures of the flows of one series.
#[derive(Debug, Clone, Default)]
pub(super) struct MetricFigures {
    pub(super) flows: u64,
    pub(super) packets: Counts,
    pub(super) bytes: Counts,
    pub(super) counters: CounterSums,
    pub(super) outcomes: [u64; Outcome::ALL.len()],
    pub(super) packet_bytes: Buckets,
    pub(super) handshake: Buckets,
    pub(super) first_response: Buckets,
    pub(super) duration: Buckets,
    /// Whether the sizes and times of some port are not kept: those of the others would not be the
    /// series'.
    pub(super) in_part: bool,
}

impl MetricFigures {
    pub(super) fn add(&mut self, all: &Aggregate, distributions: Option<&Distributions>) {
        self.flows += all.flows;
        self.packets += all.packets;
        self.bytes += all.bytes;
        self.counters.merge(all.counters);
        self.outcomes.iter_mut().zip(all.outcomes).for_each(|(mine, theirs)| *mine += theirs);
        let Some(distributions) = distributions else {
            self.in_part = true;
            return;
        };
        self.packet_bytes.add(&distributions.packet_bytes, &BYTES);
        self.handshake.add(&distributions.handshake_rtt_ns, &NANOSECONDS);
        self.first_response.add(&distributions.first_response_ns, &NANOSECONDS);
        self.duration.add(&distributions.duration_ns, &NANOSECONDS);
    }
}
