//! How a classifier counts: each flow once, in a cell of its port and verdict. Ports and services
//! are sums of cells, and sums of aggregates are exact.
//!
//! Ports with more sizes or times than a few are limited in number: those with the lowest numbers
//! keep theirs, of the others they count for their service alone. Which these are does not depend
//! on the order in which flows end, and what is among the lowest of all ports is among the lowest
//! of those that one classifier finds to have many: it keeps all that its share of them needs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;

use super::{Aggregate, Behind, Figures, PortKey, ServiceKey, Speaking, Stats};
use crate::classify::Verdict;
use crate::flow::{FlowRecord, PayloadSides};
use crate::process::Sides;

/// A port, the kind of verdict, and who said nothing.
type Key = (PortKey, u32, Option<PayloadSides>);

/// The flows of one port with verdicts of one kind.
#[derive(Debug)]
struct Cell<'c> {
    port: PortKey,
    speaking: Speaking<'c>,
    all: Aggregate,
    /// None where those of its port are not kept.
    figures: Option<Figures>,
}

/// The figures of a classifier's finished flows.
#[derive(Debug)]
pub struct Cells<'c> {
    places: HashMap<Key, usize, RandomState>,
    cells: Vec<Cell<'c>>,
    /// The cells of each port.
    by_port: HashMap<PortKey, Vec<usize>, RandomState>,
    behind: HashMap<PortKey, Behind, RandomState>,
    /// Ports with many sizes or times whose figures are kept, at most `limit`.
    large: BTreeSet<PortKey>,
    limit: usize,
    /// Figures of flows of ports that have none of their own.
    rest: BTreeMap<ServiceKey<'c>, Figures>,
}

impl<'c> Cells<'c> {
    /// Nothing counted yet; so many ports may have many sizes or times.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            places: HashMap::default(),
            cells: Vec::new(),
            by_port: HashMap::default(),
            behind: HashMap::default(),
            large: BTreeSet::new(),
            limit,
            rest: BTreeMap::new(),
        }
    }

    /// Counts a flow. Verdicts of one kind are the same as far as [`Speaking`] tells.
    pub fn add(&mut self, record: &FlowRecord, kind: u32, verdict: &Verdict<'c>) {
        let port = (record.responder.port, record.transport);
        let key = (port, kind, record.without_payload());
        let place = match self.places.get(&key) {
            Some(&place) => place,
            None => self.begin(key, Speaking::of(record, verdict)),
        };
        let cell = &mut self.cells[place];
        cell.all.add(record);
        let Some(figures) = &mut cell.figures else {
            self.rest.entry(cell.speaking.service_key()).or_default().add(record);
            return;
        };
        let was_large = figures.is_large();
        figures.add(record);
        if !was_large && figures.is_large() {
            self.limit(port);
        }
    }

    fn begin(&mut self, key: Key, speaking: Speaking<'c>) -> usize {
        let (port, place) = (key.0, self.cells.len());
        let (all, figures) = (Aggregate::default(), Some(Figures::default()));
        self.cells.push(Cell { port, speaking, all, figures });
        self.by_port.entry(port).or_default().push(place);
        self.places.insert(key, place);
        place
    }

    /// Takes a port among those with many sizes or times; where they are too many, the highest of
    /// them loses its figures.
    fn limit(&mut self, port: PortKey) {
        self.large.insert(port);
        if self.large.len() <= self.limit {
            return;
        }
        let places = self.large.pop_last().and_then(|highest| self.by_port.get(&highest));
        for &place in places.into_iter().flatten() {
            let cell = &mut self.cells[place];
            if let Some(figures) = cell.figures.take() {
                self.rest.entry(cell.speaking.service_key()).or_default().merge(figures);
            }
        }
    }

    /// Ports of which many sizes or times are kept.
    #[cfg(test)]
    pub(super) fn large(&self) -> usize {
        let large =
            self.cells.iter().filter(|cell| cell.figures.as_ref().is_some_and(Figures::is_large));
        large.map(|cell| cell.port).collect::<BTreeSet<_>>().len()
    }

    /// Counts the processes behind a flow.
    pub fn attribute(&mut self, record: &FlowRecord, processes: &Sides) {
        if !processes.is_empty() {
            self.behind
                .entry((record.responder.port, record.transport))
                .or_default()
                .add(processes);
        }
    }

    /// The sums; begins anew, but for the ports that were found to have many sizes or times.
    pub fn take(&mut self) -> Stats<'c> {
        self.places.clear();
        self.by_port.clear();
        let mut stats = Stats::default();
        for Cell { port, speaking, all, figures } in self.cells.drain(..) {
            stats.add_all(port, speaking, all, figures);
        }
        for (service, figures) in std::mem::take(&mut self.rest) {
            stats.services.entry(service).or_default().figures.merge(figures);
        }
        self.behind
            .drain()
            .for_each(|(port, behind)| stats.ports.entry(port).or_default().behind.merge(behind));
        stats
    }
}
