//! Checks of statistics that were read from bytes: sums of them must not overflow, and what is told
//! apart by numbers must have them.

use super::{Aggregate, PortStats, ServiceStats, SpeakerStats, Stats};
use crate::flow::{Counts, FlowRecord};
use crate::saved::{BadState, MOST, check};

const TOO_LARGE: &str = "a number is too large";

impl Stats {
    /// Checks what was read.
    ///
    /// # Errors
    /// The statistics cannot be.
    pub(crate) fn check(&self) -> Result<(), BadState> {
        self.ports.values().try_for_each(PortStats::check)?;
        self.services.values().try_for_each(ServiceStats::check)?;
        self.servers.check()?;
        self.dns_parents.check()
    }
}

impl PortStats {
    fn check(&self) -> Result<(), BadState> {
        self.all.check()?;
        self.speakers.values().try_for_each(SpeakerStats::check)
    }
}

impl ServiceStats {
    fn check(&self) -> Result<(), BadState> {
        self.all.check()?;
        self.timeline.as_ref().map_or(Ok(()), |timeline| timeline.check())
    }
}

impl SpeakerStats {
    fn check(&self) -> Result<(), BadState> {
        let numbers = [self.flows, self.bytes].into_iter().chain(self.proved_by);
        let is_record = self.example.as_ref().is_none_or(|example| is_small(&example.record));
        check(are_small(numbers) && is_record, TOO_LARGE)
    }
}

impl Aggregate {
    fn check(&self) -> Result<(), BadState> {
        let sides = [self.packets, self.bytes].into_iter().flat_map(sides);
        let numbers = [self.flows, self.flows_without_payload].into_iter().chain(sides);
        let numbers = numbers.chain(self.outcomes).chain(self.counters.iter().map(|(_, sum)| sum));
        check(are_small(numbers), TOO_LARGE)
    }
}

fn sides(counts: Counts) -> [u64; 2] {
    [counts.initiator, counts.responder]
}

fn are_small(numbers: impl IntoIterator<Item = u64>) -> bool {
    numbers.into_iter().all(|number| number <= MOST)
}

/// Whether the numbers of a record can be added.
fn is_small(record: &FlowRecord) -> bool {
    let counts = [record.packets, record.bytes, record.payload_bytes];
    let counts = counts.into_iter().chain([record.tcp_counters.retransmissions]);
    are_small(counts.flat_map(sides)) && record.sizes.check().is_ok()
}
