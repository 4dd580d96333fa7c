//! Aggregates per port and per service that merge exactly.
//!
//! Takes finished flows with their verdicts, gives counts, distinct initiators and quantiles. Knows no output. Merging the
//! aggregates of any partition of the flows gives what all of them in one would have given: the output does not depend on
//! the number of workers.

mod behind;
mod cells;
mod distinct;
mod quantiles;

use std::collections::{BTreeMap, HashMap};

pub use behind::{Behind, Flows};
pub use cells::Cells;
pub use distinct::Distinct;
pub use quantiles::{Quantiles, Summary};

use crate::classify::{Confidence, Fault, Fit, Verdict};
use crate::decode::Transport;
use crate::evidence::Protocol;
use crate::flow::{Counts, FlowRecord, Heard, Outcome};
use crate::process::Sides;
use crate::time::Time;

/// What a verdict comes to in a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Speaking<'c> {
    /// The service's id.
    pub service: Option<&'c str>,
    /// Its family, or that of the first candidate.
    pub tag: Option<&'c str>,
    /// The language.
    pub protocol: Option<Protocol>,
    /// The ground.
    pub confidence: Confidence,
    /// Whether it fits the port.
    pub fit: Fit,
    /// The id of the first candidate, where no service is named.
    pub candidate: Option<&'c str>,
    /// Why nothing was said, where nothing was.
    pub quiet: Option<Heard>,
    /// What keeps the sides from understanding each other.
    pub fault: Option<Fault>,
}

/// The key of the per-service figures: `None` in all three for what nobody recognised.
pub type ServiceKey<'c> = (Option<&'c str>, Option<&'c str>, Option<Protocol>);

/// The figures of a set of flows.
#[derive(Debug, Clone, Default)]
pub struct Aggregate {
    /// Flows.
    pub flows: u64,
    /// Frames.
    pub packets: Counts,
    /// Bytes of these frames on the wire.
    pub bytes: Counts,
    /// Addresses that opened flows.
    pub initiators: Distinct,
    /// Time of the first and of the last frame.
    pub seen: Option<(Time, Time)>,
    /// By [`Outcome`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// TCP segments sent again, both sides.
    pub retransmissions: u64,
    /// Frame sizes in bytes.
    pub packet_bytes: Quantiles,
    /// Flow durations in nanoseconds.
    pub duration_ns: Quantiles,
    /// Handshake round trips in nanoseconds.
    pub handshake_rtt_ns: Quantiles,
    /// Times to the first response in nanoseconds.
    pub first_response_ns: Quantiles,
}

impl Aggregate {
    fn add(&mut self, record: &FlowRecord) {
        self.flows += 1;
        self.packets += record.packets;
        self.bytes += record.bytes;
        self.initiators.insert(record.initiator.address);
        self.widen(record.first, record.last);
        self.outcomes[record.outcome as usize] += 1;
        self.retransmissions += record.retransmissions.sum();
        for (size, count) in record.sizes.iter() {
            self.packet_bytes.add(size.into(), count.into());
        }
        self.duration_ns.add(record.duration_ns(), 1);
        if let Some(time) = record.handshake_ns {
            self.handshake_rtt_ns.add(time, 1);
        }
        if let Some(time) = record.first_response_ns {
            self.first_response_ns.add(time, 1);
        }
    }

    fn merge(&mut self, other: Self) {
        self.flows += other.flows;
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.initiators.merge(other.initiators);
        if let Some((first, last)) = other.seen {
            self.widen(first, last);
        }
        for (mine, theirs) in self.outcomes.iter_mut().zip(other.outcomes) {
            *mine += theirs;
        }
        self.retransmissions += other.retransmissions;
        self.packet_bytes.merge(other.packet_bytes);
        self.duration_ns.merge(other.duration_ns);
        self.handshake_rtt_ns.merge(other.handshake_rtt_ns);
        self.first_response_ns.merge(other.first_response_ns);
    }

    fn widen(&mut self, first: Time, last: Time) {
        self.seen = Some(self.seen.map_or((first, last), |(f, l)| (f.min(first), l.max(last))));
    }
}

/// The figures of a port.
#[derive(Debug, Clone, Default)]
pub struct PortStats<'c> {
    /// All its flows.
    pub all: Aggregate,
    /// Flows and bytes by what spoke.
    pub speaking: BTreeMap<Speaking<'c>, (u64, u64)>,
    /// The processes that were behind the port, and those on this machine that called it.
    pub behind: Behind,
}

/// The figures of a capture.
#[derive(Debug, Clone, Default)]
pub struct Stats<'c> {
    /// By service port.
    pub ports: HashMap<(u16, Transport), PortStats<'c>, foldhash::fast::RandomState>,
    /// By service, family and language.
    pub services: BTreeMap<ServiceKey<'c>, Aggregate>,
}

impl<'c> Speaking<'c> {
    /// What the verdict on a flow comes to.
    fn of(record: &FlowRecord, verdict: &Verdict<'c>) -> Self {
        let first = || verdict.candidates.first().map(super::classify::Candidate::id);
        Self {
            service: verdict.service.map(|s| s.id.as_str()),
            tag: verdict.tag(),
            protocol: verdict.protocol,
            confidence: verdict.confidence,
            fit: verdict.fit,
            candidate: if verdict.service.is_none() { first() } else { None },
            quiet: record.quiet(),
            fault: verdict.fault,
        }
    }

    /// Where its flows are counted among the services. What only the number says is no service.
    fn service_key(&self) -> ServiceKey<'c> {
        if self.confidence > Confidence::Port { (self.service, self.tag, self.protocol) } else { (None, None, None) }
    }
}

impl<'c> Stats<'c> {
    /// Counts a flow.
    pub fn add(&mut self, record: &FlowRecord, verdict: &Verdict<'c>) {
        let mut one = Aggregate::default();
        one.add(record);
        self.add_all((record.responder.port, record.transport), Speaking::of(record, verdict), one);
    }

    /// Counts flows of one port and of what spoke in all of them.
    fn add_all(&mut self, port: (u16, Transport), speaking: Speaking<'c>, all: Aggregate) {
        let port = self.ports.entry(port).or_default();
        let sum = port.speaking.entry(speaking).or_default();
        sum.0 += all.flows;
        sum.1 += all.bytes.sum();
        port.all.merge(all.clone());
        self.services.entry(speaking.service_key()).or_default().merge(all);
    }

    /// Counts the processes behind a flow.
    pub fn attribute(&mut self, record: &FlowRecord, processes: &Sides) {
        if !processes.is_empty() {
            self.ports.entry((record.responder.port, record.transport)).or_default().behind.add(processes);
        }
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: Self) {
        for (port, theirs) in other.ports {
            let mine = self.ports.entry(port).or_default();
            mine.all.merge(theirs.all);
            mine.behind.merge(theirs.behind);
            for (speaking, (flows, bytes)) in theirs.speaking {
                let sum = mine.speaking.entry(speaking).or_default();
                sum.0 += flows;
                sum.1 += bytes;
            }
        }
        for (key, theirs) in other.services {
            self.services.entry(key).or_default().merge(theirs);
        }
    }
}
