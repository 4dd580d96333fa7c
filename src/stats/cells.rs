//! How a classifier counts: each flow once, in a cell of its port and verdict. Ports and services are sums of cells, and sums
//! of aggregates are exact.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::{Aggregate, Behind, Speaking, Stats};
use crate::classify::Verdict;
use crate::decode::Transport;
use crate::flow::{FlowRecord, Heard};
use crate::process::Sides;

/// A port, the kind of verdict, and who said nothing.
type Key = (u16, Transport, u32, Option<Heard>);

/// The figures of a classifier's finished flows.
#[derive(Debug, Default)]
pub struct Cells<'c> {
    places: HashMap<Key, usize, RandomState>,
    cells: Vec<(u16, Transport, Speaking<'c>, Aggregate)>,
    behind: HashMap<(u16, Transport), Behind, RandomState>,
}

impl<'c> Cells<'c> {
    /// Counts a flow. Verdicts of one kind are the same as far as [`Speaking`] tells.
    pub fn add(&mut self, record: &FlowRecord, kind: u32, verdict: &Verdict<'c>) {
        let (port, transport) = (record.responder.port, record.transport);
        let place = *self.places.entry((port, transport, kind, record.quiet())).or_insert_with(|| {
            self.cells.push((port, transport, Speaking::of(record, verdict), Aggregate::default()));
            self.cells.len() - 1
        });
        self.cells[place].3.add(record);
    }

    /// Counts the processes behind a flow.
    pub fn attribute(&mut self, record: &FlowRecord, processes: &Sides) {
        if !processes.is_empty() {
            self.behind.entry((record.responder.port, record.transport)).or_default().add(processes);
        }
    }

    /// The sums; empties it.
    pub fn take(&mut self) -> Stats<'c> {
        self.places.clear();
        let mut stats = Stats::default();
        self.cells.drain(..).for_each(|(port, transport, speaking, all)| stats.add_all((port, transport), speaking, all));
        self.behind.drain().for_each(|(port, behind)| stats.ports.entry(port).or_default().behind.merge(behind));
        stats
    }
}
