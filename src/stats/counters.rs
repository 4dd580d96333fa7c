//! The table of counters. All outputs read it: the columns of the table, the fields of JSON, the
//! series of metrics, the line of the full-screen view.
//!
//! A counter of a port is a row of [`COUNTERS`] and a number in
//! [`FlowRecord`]. Flows, packets, bytes, initiators and outcomes are not rows: outputs sort by
//! them, show them by side or give them a place of their own.

use serde::{Deserialize, Serialize};

use crate::flow::{Counts, FlowRecord};

/// A number that is summed up over the flows of a port or service.
#[derive(Debug)]
pub struct Counter {
    /// The name of the field in JSON and of the series in metrics.
    pub id: &'static str,
    /// The title of the column in tables for people, in capital letters; the full-screen view
    /// writes it in small letters after the number. At most 7 characters: the table has 100
    /// columns, and its last column shrinks for each counter.
    pub title: &'static str,
    /// What is counted, in the plural, as the help text of metrics begins.
    pub help: &'static str,
    /// The number of a flow, by side.
    pub count: fn(&FlowRecord) -> Counts,
}

/// All counters, in the order of output.
pub const COUNTERS: &[Counter] = &[Counter {
    id: "retransmissions",
    title: "RETRANS",
    help: "TCP retransmissions",
    count: |record| record.tcp_counters.retransmissions,
}];

/// The sum of each counter over both sides of some flows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterSums([u64; COUNTERS.len()]);

impl CounterSums {
    /// Adds the numbers of a flow.
    pub(super) fn add(&mut self, record: &FlowRecord) {
        for (sum, counter) in self.0.iter_mut().zip(COUNTERS) {
            *sum += (counter.count)(record).sum();
        }
    }

    /// Adds the sums of other flows.
    pub fn merge(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, other)| *sum += other);
    }

    /// The sum of a counter.
    #[must_use]
    pub fn sum(&self, counter: &Counter) -> u64 {
        self.iter().find(|(other, _)| other.id == counter.id).map_or(0, |(_, sum)| sum)
    }

    /// Each counter with its sum, in the order of output.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Counter, u64)> + '_ {
        COUNTERS.iter().zip(self.0)
    }
}
