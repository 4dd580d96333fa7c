//! The statistics of one worker: each flow is counted once, in the cell of its port and verdict.
//! Ports and services are sums of cells, and sums of aggregates are exact.
//!
//! Ports with many sizes or times are limited in number: the `limit` lowest port numbers keep their
//! distributions, the flows of the others count for their service alone. The set does not depend on
//! the order in which flows end. A port among the lowest `limit` of all is also among the lowest
//! `limit` of every worker that finds it large, so each worker can enforce the limit alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use foldhash::fast::RandomState;

use super::servers::ProvedNumbers;
use super::{
    Aggregate, Distributions, DnsParents, ExampleFlow, LocalNetworks, PortProcesses, Servers,
    ServiceKey, Speaker, SpeakerStats, Stats, Timeline, Unanswered,
};
use crate::classify::Verdict;
use crate::decode::ServicePort;
use crate::flow::FlowRecord;
use crate::process::FlowProcesses;

/// A port, the kind of verdict, and why there is no answer.
type CellKey = (ServicePort, u32, Option<Unanswered>);

/// The flows of one port with verdicts of one kind.
#[derive(Debug)]
struct VerdictCell {
    port: ServicePort,
    speaker: Speaker,
    speaking: SpeakerStats,
    /// The key of `rest`.
    service: ServiceKey,
    /// What the verdicts prove of servers.
    proved: ProvedNumbers,
    all: Aggregate,
    /// `None` if those of the port are not kept.
    distributions: Option<Distributions>,
    /// Flows that begin before this frame are wanted as an example: none, where none is kept.
    wants_before: u64,
    /// The place of the service's time line, where these are kept.
    timeline: usize,
}

/// The number of a cell until its worker's statistics are [taken](Cells::take).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellNumber(usize);

/// The statistics of the finished flows of one worker.
#[derive(Debug)]
pub struct Cells {
    indices: HashMap<CellKey, usize, RandomState>,
    cells: Vec<VerdictCell>,
    /// The indices of each port's cells.
    by_port: HashMap<ServicePort, Vec<usize>, RandomState>,
    processes: HashMap<ServicePort, PortProcesses, RandomState>,
    /// The ports with many sizes or times whose distributions are kept, at most `limit`.
    large: BTreeSet<ServicePort>,
    limit: usize,
    /// The distributions of flows on ports that have none of their own, by service.
    rest: BTreeMap<ServiceKey, Distributions>,
    servers: Servers,
    dns_parents: DnsParents,
    /// Time lines; `None` where these and examples are not kept.
    timelines: Option<Vec<Timeline>>,
    /// The place of each service's time line.
    timeline_places: BTreeMap<ServiceKey, usize>,
}

impl Cells {
    /// Empty statistics; at most `limit` ports keep many sizes or times, and at most `max_servers`
    /// servers are kept.
    #[must_use]
    pub fn new(limit: usize, max_servers: usize) -> Self {
        Self {
            indices: HashMap::default(),
            cells: Vec::new(),
            by_port: HashMap::default(),
            processes: HashMap::default(),
            large: BTreeSet::new(),
            limit,
            rest: BTreeMap::new(),
            servers: Servers::new(max_servers),
            dns_parents: DnsParents::default(),
            timelines: None,
            timeline_places: BTreeMap::new(),
        }
    }

    /// Sets whether an example of each kind of speaker is kept, and a time line of each service.
    #[must_use]
    pub fn with_examples(self, has_examples: bool) -> Self {
        Self { timelines: has_examples.then(Vec::new), ..self }
    }

    /// Sets the networks that count as local.
    #[must_use]
    pub fn with_local_networks(self, local: LocalNetworks) -> Self {
        Self { servers: self.servers.with_local_networks(local), ..self }
    }

    /// Sets whether names of addresses and servers are kept.
    #[must_use]
    pub fn with_names(self, has_names: bool) -> Self {
        Self { servers: self.servers.with_names(has_names), ..self }
    }

    /// The servers, for what openings prove of them.
    pub const fn servers(&mut self) -> &mut Servers {
        &mut self.servers
    }

    /// The servers and the domains, for what is odd about openings.
    pub const fn servers_and_parents(&mut self) -> (&mut Servers, &mut DnsParents) {
        (&mut self.servers, &mut self.dns_parents)
    }

    /// Counts a flow. Verdicts of one `kind` differ in reasons and product only. Returns the number
    /// of its cell if the flow is wanted as the example there.
    pub fn add(&mut self, record: &FlowRecord, kind: u32, verdict: &Verdict) -> Option<CellNumber> {
        let port = record.service_port();
        let key = (port, kind, Unanswered::new(record, verdict));
        let index = match self.indices.get(&key) {
            Some(&index) => index,
            None => self.add_cell(key, verdict),
        };
        let cell = &mut self.cells[index];
        self.servers.add(record, verdict, &cell.proved);
        if let Some(failure) = &verdict.failure {
            self.servers.fail(record, verdict, failure);
        }
        cell.speaking.add_names(verdict);
        cell.all.add(record);
        let wanted = record.first_frame < cell.wants_before;
        if let Some(timelines) = &mut self.timelines {
            timelines[cell.timeline].add(record.first, record.last);
        }
        let wanted = wanted.then_some(CellNumber(index));
        let Some(distributions) = &mut cell.distributions else {
            change_rest(&mut self.rest, &cell.service, |rest| rest.add(record));
            return wanted;
        };
        let was_large = distributions.is_large();
        distributions.add(record);
        if !was_large && distributions.is_large() {
            self.add_large(port);
        }
        wanted
    }

    /// Sets the example of a cell.
    pub fn set_example(&mut self, number: CellNumber, example: ExampleFlow) {
        if let Some(cell) = self.cells.get_mut(number.0) {
            cell.wants_before = example.record.first_frame;
            cell.speaking.example = Some(Box::new(example));
        }
    }

    /// The place of a service's time line.
    fn timeline(&mut self, service: &ServiceKey) -> usize {
        let Some(timelines) = &mut self.timelines else { return 0 };
        *self.timeline_places.entry(service.clone()).or_insert_with(|| {
            timelines.push(Timeline::default());
            timelines.len() - 1
        })
    }

    fn add_cell(&mut self, key: CellKey, verdict: &Verdict) -> usize {
        let (port, index) = (key.0, self.cells.len());
        let (speaker, speaking) = (Speaker::new(verdict, key.2), SpeakerStats::new(verdict));
        let (all, distributions) = (Aggregate::default(), Some(Distributions::default()));
        let service = speaker.service_key();
        let proved = self.servers.prove(&speaker, verdict);
        let timeline = self.timeline(&service);
        let wants_before = if self.timelines.is_some() { u64::MAX } else { 0 };
        self.cells.push(VerdictCell {
            port,
            speaker,
            speaking,
            service,
            proved,
            all,
            distributions,
            wants_before,
            timeline,
        });
        self.by_port.entry(port).or_default().push(index);
        self.indices.insert(key, index);
        index
    }

    /// Adds a port to those with many sizes or times. If they are too many, the highest of them
    /// loses its distributions.
    fn add_large(&mut self, port: ServicePort) {
        self.large.insert(port);
        if self.large.len() <= self.limit {
            return;
        }
        let indices = self.large.pop_last().and_then(|highest| self.by_port.get(&highest));
        for &index in indices.into_iter().flatten() {
            let cell = &mut self.cells[index];
            if let Some(distributions) = cell.distributions.take() {
                change_rest(&mut self.rest, &cell.service, |rest| rest.merge(distributions));
            }
        }
    }

    /// The number of ports of which many sizes or times are kept.
    #[cfg(test)]
    pub(super) fn large(&self) -> usize {
        let large = self
            .cells
            .iter()
            .filter(|cell| cell.distributions.as_ref().is_some_and(Distributions::is_large));
        large.map(|cell| cell.port).collect::<BTreeSet<_>>().len()
    }

    /// Merges the servers into those that all workers share, where they are many: so that not each
    /// worker has as many as the limit allows. Whose flows were merged when does not matter.
    pub fn share_servers(&mut self, shared: &Mutex<Servers>) {
        /// Servers that a worker keeps for itself, in 0.1 MiB.
        const OWN: usize = 256;
        if self.servers.len() >= OWN {
            let servers = self.servers.take();
            shared.lock().unwrap_or_else(PoisonError::into_inner).merge(servers);
        }
    }

    /// Counts the processes of a flow that was [added](Self::add).
    pub fn attribute(&mut self, record: &FlowRecord, processes: &FlowProcesses) {
        if !processes.is_empty() {
            self.processes.entry(record.service_port()).or_default().add(processes);
            self.servers.attribute(record, processes);
        }
    }

    /// Returns the sums and starts again from zero; the set of ports with many sizes or times
    /// stays.
    pub fn take(&mut self) -> Stats {
        self.indices.clear();
        self.by_port.clear();
        let mut stats = Stats::with_max_servers(0);
        stats.servers = self.servers.take_all();
        stats.dns_parents = std::mem::take(&mut self.dns_parents);
        for cell in self.cells.drain(..) {
            let VerdictCell { port, speaker, speaking, all, distributions, .. } = cell;
            stats.add_all(port, (speaker, speaking), all, distributions);
        }
        for (service, distributions) in std::mem::take(&mut self.rest) {
            stats.services.entry(service).or_default().distributions.merge(distributions);
        }
        let places = std::mem::take(&mut self.timeline_places);
        let mut timelines = self.timelines.as_mut().map_or_else(Vec::new, std::mem::take);
        for (service, place) in places {
            let known = stats.services.entry(service).or_default();
            known.timeline = Some(Box::new(std::mem::take(&mut timelines[place])));
        }
        self.processes.drain().for_each(|(port, processes)| {
            stats.ports.entry(port).or_default().processes.merge(processes);
        });
        stats
    }
}

/// Changes the distributions of a service. Clones the key only where the service has none yet.
fn change_rest(
    rest: &mut BTreeMap<ServiceKey, Distributions>,
    service: &ServiceKey,
    change: impl FnOnce(&mut Distributions),
) {
    match rest.get_mut(service) {
        Some(known) => change(known),
        None => change(rest.entry(service.clone()).or_default()),
    }
}
