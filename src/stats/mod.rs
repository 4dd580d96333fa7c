//! Aggregates per port and per service that merge exactly.
//!
//! Takes finished flows with their verdicts, gives counts, distinct initiators and quantiles. Knows
//! nothing of output. Merging the aggregates of any partition of the flows gives the aggregate of
//! all of them, so the output does not depend on the number of workers.

mod cells;
mod counters;
mod distinct;
mod distributions;
mod dns_parents;
mod example;
mod processes;
mod products;
mod quantiles;
mod saved;
mod sensors;
mod servers;
mod speaker;
mod timeline;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

pub use cells::{CellNumber, Cells};
pub use counters::{COUNTERS, Counter, CounterSums};
pub use distinct::{Countable, Distinct};
pub use distributions::Distributions;
pub use dns_parents::{DnsParent, DnsParents, LongNameSeen};
pub use example::{EarlyFrames, ExampleFlow};
pub use processes::{PortProcesses, ProcessFlows};
pub use products::{ProductHash, Products};
pub use quantiles::{Quantiles, Summary};
pub use sensors::SensorPlace;
pub use servers::{
    Anomaly, AnomalyKind, AnsweredFraming, ClientOrigin, Clients, IpNetwork, LocalNetworks,
    ProvedService, Server, ServerEvidence, ServerKey, ServerText, Servers, SpeakingServer,
    TextSource, protocol_family,
};
pub use speaker::{Speaker, SpeakerStats, Unanswered};
pub use timeline::{Timeline, TimelineChart};

use crate::classify::{SharedStr, Verdict};
use crate::decode::ServicePort;
use crate::evidence::Protocol;
use crate::flow::{Counts, FlowRecord, Outcome};
use crate::process::FlowProcesses;
use crate::time::Time;

/// The key of the statistics of services: id, family and protocol; all `None` for flows that were
/// not recognised.
pub type ServiceKey = (Option<SharedStr>, Option<SharedStr>, Option<Protocol>);

/// The sums over a set of flows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Aggregate {
    /// Flows.
    pub flows: u64,
    /// Those of them without payload.
    pub flows_without_payload: u64,
    /// Frames.
    pub packets: Counts,
    /// Bytes of these frames on the wire.
    pub bytes: Counts,
    /// Distinct addresses that opened flows.
    pub initiators: Distinct,
    /// Times of the first and of the last frame.
    pub seen: Option<(Time, Time)>,
    /// Flows by [`Outcome`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Sums of the [`COUNTERS`].
    pub counters: CounterSums,
    /// Who was refused or not answered; `None` for nobody.
    pub failed: Option<Box<FailedAttempts>>,
}

/// Attempts that were refused or not answered.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct FailedAttempts {
    /// Who made them.
    pub clients: Clients,
    /// The first frame of those that were refused; [`u64::MAX`] where there are none.
    pub first_refused: u64,
    /// The first frame of those that were not answered, or could not reach anybody.
    pub first_unanswered: u64,
}

impl FailedAttempts {
    const NONE: Self =
        Self { clients: Clients::NONE, first_refused: u64::MAX, first_unanswered: u64::MAX };

    fn merge(&mut self, other: Self) {
        self.clients.merge(other.clients);
        self.first_refused = self.first_refused.min(other.first_refused);
        self.first_unanswered = self.first_unanswered.min(other.first_unanswered);
    }
}

impl Aggregate {
    /// The flows by outcome, in the order of output.
    pub fn by_outcome(&self) -> impl Iterator<Item = (Outcome, u64)> + '_ {
        let counts = Outcome::ALL.iter().map(|&outcome| (outcome, self.outcomes[outcome as usize]));
        counts.filter(|&(_, n)| n > 0)
    }

    fn add(&mut self, record: &FlowRecord) {
        self.flows += 1;
        self.flows_without_payload += u64::from(record.payload_bytes.sum() == 0);
        self.packets += record.packets;
        self.bytes += record.bytes;
        self.initiators.insert(record.initiator.address);
        self.widen(record.first, record.last);
        self.outcomes[record.outcome as usize] += 1;
        self.counters.add(record);
        if let Outcome::Refused | Outcome::Unreachable | Outcome::NoAnswer = record.outcome {
            let failed = self.failed.get_or_insert_with(|| Box::new(FailedAttempts::NONE));
            failed.clients.insert_address(record.initiator.address);
            let first = match record.outcome {
                Outcome::Refused => &mut failed.first_refused,
                _ => &mut failed.first_unanswered,
            };
            *first = record.first_frame.min(*first);
        }
    }

    fn merge(&mut self, other: Self) {
        self.flows += other.flows;
        self.flows_without_payload += other.flows_without_payload;
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
        if let Some(failed) = other.failed {
            self.failed.get_or_insert_with(|| Box::new(FailedAttempts::NONE)).merge(*failed);
        }
    }

    fn widen(&mut self, first: Time, last: Time) {
        self.seen = Some(self.seen.map_or((first, last), |(f, l)| (f.min(first), l.max(last))));
    }
}

/// The statistics of a port.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PortStats {
    /// The sums over its flows.
    pub all: Aggregate,
    /// The sizes and times of its flows; `None` if [too many](Stats::limit) ports have many.
    pub distributions: Option<Distributions>,
    /// What spoke.
    pub speakers: BTreeMap<Speaker, SpeakerStats>,
    /// The speakers after [folding](Stats::fold), where it changed something.
    #[serde(skip)]
    folded: Option<BTreeMap<Speaker, SpeakerStats>>,
    /// The processes behind the port, and those on this machine that called it.
    #[serde(skip)]
    pub processes: PortProcesses,
}

impl Default for PortStats {
    fn default() -> Self {
        let (all, distributions) = (Aggregate::default(), Some(Distributions::default()));
        Self {
            all,
            distributions,
            speakers: BTreeMap::new(),
            folded: None,
            processes: PortProcesses::default(),
        }
    }
}

impl PortStats {
    /// Flows and bytes by what spoke, after each server's flows took the service that is proved
    /// there: what tables and documents show of a port. Counters use
    /// [`speakers`](Self::speakers), which never go back.
    #[must_use]
    pub fn folded_speakers(&self) -> &BTreeMap<Speaker, SpeakerStats> {
        self.folded.as_ref().unwrap_or(&self.speakers)
    }

    fn merge_distributions(&mut self, theirs: Option<Distributions>) {
        self.distributions = self.distributions.take().zip(theirs).map(|(mut mine, theirs)| {
            mine.merge(theirs);
            mine
        });
    }
}

/// The statistics of a service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ServiceStats {
    /// The sums over its flows.
    pub all: Aggregate,
    /// The sizes and times of its flows, those on ports without distributions included.
    pub distributions: Distributions,
    /// When its flows began and ended; `None` if that is not kept.
    pub timeline: Option<Box<Timeline>>,
}

/// The statistics of a capture.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Stats {
    /// By service port.
    #[serde(serialize_with = "in_order")]
    pub ports: HashMap<ServicePort, PortStats, foldhash::fast::RandomState>,
    /// By service, family and protocol.
    pub services: BTreeMap<ServiceKey, ServiceStats>,
    /// By endpoint that answered.
    pub servers: Servers,
    /// Domains under which clients ask for long random names.
    pub dns_parents: DnsParents,
    /// The flows whose reasons were kept while they lasted.
    pub early_frames: EarlyFrames,
}

/// Writes ports in ascending order, so that the same figures have the same bytes.
fn in_order<S: serde::Serializer>(
    ports: &HashMap<ServicePort, PortStats, foldhash::fast::RandomState>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    ports.iter().collect::<BTreeMap<_, _>>().serialize(serializer)
}

impl Stats {
    /// Empty statistics that keep at most `max_servers` servers.
    #[must_use]
    pub fn with_max_servers(max_servers: usize) -> Self {
        Self { servers: Servers::new(max_servers), ..Self::default() }
    }

    /// Counts a flow.
    pub fn add(&mut self, record: &FlowRecord, verdict: &Verdict) {
        let (mut all, mut distributions) = (Aggregate::default(), Distributions::default());
        all.add(record);
        distributions.add(record);
        let mut speaking = SpeakerStats::new(verdict);
        speaking.add_names(verdict);
        let speaker = Speaker::of_flow(record, verdict);
        let proved = self.servers.prove(&speaker, verdict);
        self.servers.add(record, verdict, &proved);
        if let Some(failure) = &verdict.failure {
            self.servers.fail(record, verdict, failure);
        }
        self.add_all(record.service_port(), (speaker, speaking), all, Some(distributions));
    }

    /// Counts flows of one port and one speaker; `speaking` lacks their number and bytes.
    fn add_all(
        &mut self,
        port: ServicePort,
        (speaker, speaking): (Speaker, SpeakerStats),
        all: Aggregate,
        distributions: Option<Distributions>,
    ) {
        let key = speaker.service_key();
        let port = self.ports.entry(port).or_default();
        port.folded = None;
        let speaking = speaking.of_flows(all.flows, all.bytes.sum());
        port.speakers.entry(speaker).or_default().merge(speaking);
        port.all.merge(all.clone());
        port.merge_distributions(distributions.clone());
        let service = self.services.entry(key).or_default();
        service.all.merge(all);
        distributions
            .into_iter()
            .for_each(|distributions| service.distributions.merge(distributions));
    }

    /// Counts the processes of a flow.
    pub fn attribute(&mut self, record: &FlowRecord, processes: &FlowProcesses) {
        if !processes.is_empty() {
            self.ports.entry(record.service_port()).or_default().processes.add(processes);
            self.servers.attribute(record, processes);
        }
    }

    /// Adds the statistics of other flows.
    pub fn merge(&mut self, other: Self) {
        for (port, theirs) in other.ports {
            let mine = self.ports.entry(port).or_default();
            mine.all.merge(theirs.all);
            mine.merge_distributions(theirs.distributions);
            mine.processes.merge(theirs.processes);
            mine.folded = None;
            for (speaker, speaking) in theirs.speakers {
                mine.speakers.entry(speaker).or_default().merge(speaking);
            }
        }
        for (key, theirs) in other.services {
            let mine = self.services.entry(key).or_default();
            mine.all.merge(theirs.all);
            mine.distributions.merge(theirs.distributions);
            if let Some(timeline) = theirs.timeline {
                mine.timeline.get_or_insert_default().merge(*timeline);
            }
        }
        self.servers.merge(other.servers);
        self.dns_parents.merge(other.dns_parents);
        self.early_frames.merge(other.early_frames);
    }

    /// Drops the reasons of examples that only a part of the capture kept. The figures must be
    /// complete.
    pub fn limit_examples(&mut self) {
        let Self { ports, early_frames, .. } = self;
        if !early_frames.are_limited() {
            return;
        }
        for speaking in ports.values_mut().flat_map(|port| port.speakers.values_mut()) {
            if let Some(example) = &mut speaking.example
                && example.was_early
                && !early_frames.has(example.record.first_frame)
            {
                example.verdict.reasons.clear();
            }
        }
    }

    /// Keeps the distributions of at most `ports` ports with [many](Distributions::is_large) sizes
    /// or times, those with the lowest numbers; ports with few keep theirs in any case. Returns the
    /// number of ports without distributions.
    ///
    /// Merging parts that were already limited with the same `ports`, and limiting the result,
    /// gives the same as limiting the whole.
    pub fn limit(&mut self, ports: usize) -> usize {
        let is_large =
            |stats: &PortStats| stats.distributions.as_ref().is_none_or(Distributions::is_large);
        let mut large: Vec<ServicePort> =
            self.ports.iter().filter(|(_, stats)| is_large(stats)).map(|(&port, _)| port).collect();
        large.sort_unstable();
        let beyond = large.get(ports..).unwrap_or(&[]);
        for port in beyond {
            if let Some(stats) = self.ports.get_mut(port) {
                stats.distributions = None;
            }
        }
        beyond.len()
    }
}

#[cfg(test)]
mod tests;
