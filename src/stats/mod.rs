//! Aggregates per port and per service that merge exactly.
//!
//! Takes finished flows with their verdicts, gives counts, distinct initiators and quantiles. Knows
//! no output. Merging the aggregates of any partition of the flows gives what all of them in one
//! would have given: the output does not depend on the number of workers.

mod behind;
mod cells;
mod counters;
mod distinct;
mod figures;
mod quantiles;

use std::collections::{BTreeMap, HashMap};

pub use behind::{Behind, Flows};
pub use cells::Cells;
pub use counters::{COUNTERS, Counter, CounterSums};
pub use distinct::Distinct;
pub use figures::Figures;
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

/// A service port.
pub type PortKey = (u16, Transport);

/// The key of the per-service figures: `None` in all three for what nobody recognised.
pub type ServiceKey<'c> = (Option<&'c str>, Option<&'c str>, Option<Protocol>);

/// What the flows of a set come to.
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
    /// By [`COUNTERS`].
    pub counters: CounterSums,
}

impl Aggregate {
    fn add(&mut self, record: &FlowRecord) {
        self.flows += 1;
        self.packets += record.packets;
        self.bytes += record.bytes;
        self.initiators.insert(record.initiator.address);
        self.widen(record.first, record.last);
        self.outcomes[record.outcome as usize] += 1;
        self.counters.add(record);
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
        self.counters.merge(other.counters);
    }

    fn widen(&mut self, first: Time, last: Time) {
        self.seen = Some(self.seen.map_or((first, last), |(f, l)| (f.min(first), l.max(last))));
    }
}

/// What there is to say of a port.
#[derive(Debug, Clone)]
pub struct PortStats<'c> {
    /// All its flows.
    pub all: Aggregate,
    /// Their sizes and times; none where [too many](Stats::limit) ports have many.
    pub figures: Option<Figures>,
    /// Flows and bytes by what spoke.
    pub speaking: BTreeMap<Speaking<'c>, (u64, u64)>,
    /// The processes that were behind the port, and those on this machine that called it.
    pub behind: Behind,
}

impl Default for PortStats<'_> {
    fn default() -> Self {
        let (all, figures) = (Aggregate::default(), Some(Figures::default()));
        Self { all, figures, speaking: BTreeMap::new(), behind: Behind::default() }
    }
}

impl PortStats<'_> {
    fn merge_figures(&mut self, theirs: Option<Figures>) {
        self.figures = self.figures.take().zip(theirs).map(|(mut mine, theirs)| {
            mine.merge(theirs);
            mine
        });
    }
}

/// What there is to say of a service.
#[derive(Debug, Clone, Default)]
pub struct ServiceStats {
    /// All its flows.
    pub all: Aggregate,
    /// Their sizes and times, also those of ports that have none.
    pub figures: Figures,
}

/// What there is to say of a capture.
#[derive(Debug, Clone, Default)]
pub struct Stats<'c> {
    /// By service port.
    pub ports: HashMap<PortKey, PortStats<'c>, foldhash::fast::RandomState>,
    /// By service, family and language.
    pub services: BTreeMap<ServiceKey<'c>, ServiceStats>,
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
        if self.confidence > Confidence::Port {
            (self.service, self.tag, self.protocol)
        } else {
            (None, None, None)
        }
    }
}

impl<'c> Stats<'c> {
    /// Counts a flow.
    pub fn add(&mut self, record: &FlowRecord, verdict: &Verdict<'c>) {
        let (mut all, mut figures) = (Aggregate::default(), Figures::default());
        all.add(record);
        figures.add(record);
        self.add_all(
            (record.responder.port, record.transport),
            Speaking::of(record, verdict),
            all,
            Some(figures),
        );
    }

    /// Counts flows of one port and of what spoke in all of them.
    fn add_all(
        &mut self,
        port: PortKey,
        speaking: Speaking<'c>,
        all: Aggregate,
        figures: Option<Figures>,
    ) {
        let port = self.ports.entry(port).or_default();
        let sum = port.speaking.entry(speaking).or_default();
        sum.0 += all.flows;
        sum.1 += all.bytes.sum();
        port.all.merge(all.clone());
        port.merge_figures(figures.clone());
        let service = self.services.entry(speaking.service_key()).or_default();
        service.all.merge(all);
        figures.into_iter().for_each(|figures| service.figures.merge(figures));
    }

    /// Counts the processes behind a flow.
    pub fn attribute(&mut self, record: &FlowRecord, processes: &Sides) {
        if !processes.is_empty() {
            self.ports
                .entry((record.responder.port, record.transport))
                .or_default()
                .behind
                .add(processes);
        }
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: Self) {
        for (port, theirs) in other.ports {
            let mine = self.ports.entry(port).or_default();
            mine.all.merge(theirs.all);
            mine.merge_figures(theirs.figures);
            mine.behind.merge(theirs.behind);
            for (speaking, (flows, bytes)) in theirs.speaking {
                let sum = mine.speaking.entry(speaking).or_default();
                sum.0 += flows;
                sum.1 += bytes;
            }
        }
        for (key, theirs) in other.services {
            let mine = self.services.entry(key).or_default();
            mine.all.merge(theirs.all);
            mine.figures.merge(theirs.figures);
        }
    }

    /// Leaves figures to ports with few sizes and times and, of those with many, to the ones with
    /// the lowest numbers, at most so many; gives the number of ports that have none.
    ///
    /// Parts in which such ports were limited to as many before have all that is left to them then,
    /// whatever flows each part saw.
    pub fn limit(&mut self, ports: usize) -> usize {
        let is_large = |stats: &PortStats<'_>| stats.figures.as_ref().is_none_or(Figures::is_large);
        let mut large: Vec<PortKey> =
            self.ports.iter().filter(|(_, stats)| is_large(stats)).map(|(&port, _)| port).collect();
        large.sort_unstable();
        let beyond = large.get(ports..).unwrap_or(&[]);
        for port in beyond {
            if let Some(stats) = self.ports.get_mut(port) {
                stats.figures = None;
            }
        }
        beyond.len()
    }
}

#[cfg(test)]
mod tests;
