//! How a classifier counts: each flow once, in a cell of its port and verdict. Ports and services are sums of cells, and sums
//! of aggregates are exact.
//!
//! Some ports at most have figures of their own: those with the lowest numbers. Which these are does not depend on the order in
//! which they are seen, and what is among the lowest of all ports is among the lowest of those that one classifier sees: it
//! keeps all that its share of them needs. Figures of other ports count for their service alone.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::{Aggregate, Behind, Figures, PortKey, ServiceKey, Speaking, Stats};
use crate::classify::Verdict;
use crate::flow::{FlowRecord, Heard};
use crate::process::Sides;

/// A port, the kind of verdict, and who said nothing.
type Key = (PortKey, u32, Option<Heard>);

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
    behind: HashMap<PortKey, Behind, RandomState>,
    /// Ports whose figures are kept, and their cells.
    measured: BTreeMap<PortKey, Vec<usize>>,
    /// Ports whose figures may be kept.
    limit: usize,
    /// Figures of other ports' flows.
    rest: BTreeMap<ServiceKey<'c>, Figures>,
}

impl<'c> Cells<'c> {
    /// Nothing counted yet; so many ports may have figures.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let (places, cells, behind) = (HashMap::default(), Vec::new(), HashMap::default());
        Self { places, cells, behind, measured: BTreeMap::new(), limit, rest: BTreeMap::new() }
    }

    /// Counts a flow. Verdicts of one kind are the same as far as [`Speaking`] tells.
    pub fn add(&mut self, record: &FlowRecord, kind: u32, verdict: &Verdict<'c>) {
        let port = (record.responder.port, record.transport);
        let key = (port, kind, record.quiet());
        let place = match self.places.get(&key) {
            Some(&place) => place,
            None => self.begin(key, Speaking::of(record, verdict)),
        };
        let cell = &mut self.cells[place];
        cell.all.add(record);
        match &mut cell.figures {
            Some(figures) => figures.add(record),
            None => self.rest.entry(cell.speaking.service_key()).or_default().add(record),
        }
    }

    fn begin(&mut self, key: Key, speaking: Speaking<'c>) -> usize {
        let (port, place) = (key.0, self.cells.len());
        let figures = self.is_measured(port).then(|| {
            self.measured.entry(port).or_default().push(place);
            Figures::default()
        });
        self.cells.push(Cell { port, speaking, all: Aggregate::default(), figures });
        self.places.insert(key, place);
        place
    }

    /// Whether the figures of a port are kept; the highest of others gives way for it.
    fn is_measured(&mut self, port: PortKey) -> bool {
        if self.measured.len() < self.limit || self.measured.contains_key(&port) {
            return true;
        }
        let Some(highest) = self.measured.last_entry().filter(|highest| *highest.key() > port) else { return false };
        for place in highest.remove() {
            let cell = &mut self.cells[place];
            if let Some(figures) = cell.figures.take() {
                self.rest.entry(cell.speaking.service_key()).or_default().merge(figures);
            }
        }
        true
    }

    /// The ports whose figures are kept.
    #[cfg(test)]
    pub(super) const fn measured(&self) -> &BTreeMap<PortKey, Vec<usize>> {
        &self.measured
    }

    /// Counts the processes behind a flow.
    pub fn attribute(&mut self, record: &FlowRecord, processes: &Sides) {
        if !processes.is_empty() {
            self.behind.entry((record.responder.port, record.transport)).or_default().add(processes);
        }
    }

    /// The sums; begins anew, but for which ports have figures.
    pub fn take(&mut self) -> Stats<'c> {
        self.places.clear();
        self.measured.values_mut().for_each(Vec::clear);
        let mut stats = Stats::default();
        for Cell { port, speaking, all, figures } in self.cells.drain(..) {
            stats.add_all(port, speaking, all, figures);
        }
        for (service, figures) in std::mem::take(&mut self.rest) {
            stats.services.entry(service).or_default().figures.merge(figures);
        }
        self.behind.drain().for_each(|(port, behind)| stats.ports.entry(port).or_default().behind.merge(behind));
        stats
    }
}
