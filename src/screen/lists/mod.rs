//! The lists: ports, servers, findings, flows. Each has its columns, the cells of a row, and what
//! filters see of it.

mod findings;
mod flows;
mod ports;
mod servers;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::columns::{ListColumn, Sorting};
use super::filter::{FilterRow, RowFilter};
use super::history::History;
use super::view::{FindingId, View};
use crate::decode::ServicePort;
use crate::report::parts::layout::Cell;
use crate::stats::ServerKey;

pub(super) use self::flows::state as flow_state;

/// Rows whose values complete a filter.
const ROWS: usize = 2000;

/// The lists, in the order of their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListKind {
    Ports,
    Servers,
    Findings,
    Flows,
}

/// A row of a list, in every snapshot that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKey {
    Port(ServicePort),
    Server(ServerKey),
    Finding(FindingId),
    /// By the number of its first frame.
    Flow(u64),
}

/// What lists are made from.
#[derive(Clone, Copy)]
pub(super) struct ListSource<'v> {
    pub(super) view: &'v View,
    pub(super) history: &'v History,
}

/// A list of rows with columns.
trait RowList {
    /// A row in one snapshot.
    type Row<'v>;

    /// Its columns.
    const COLUMNS: &'static [ListColumn];

    /// The row, if the snapshot has it.
    fn row(view: &View, key: RowKey) -> Option<Self::Row<'_>>;

    /// The number by which a row is sorted in the column with this title.
    fn number(source: ListSource<'_>, row: &Self::Row<'_>, title: &str) -> u64;

    /// The cell in the column with this title, of this width.
    fn cell(source: ListSource<'_>, row: &Self::Row<'_>, title: &str, width: usize) -> Cell;
}

/// The number of the row in the list; 0 if the snapshot does not have it.
fn number<L: RowList>(source: ListSource<'_>, key: RowKey, title: &str) -> u64 {
    L::row(source.view, key).map_or(0, |row| L::number(source, &row, title))
}

/// The cells of the row in these columns, by title and width; none if the snapshot does not have it.
fn cells<'t, L: RowList>(
    source: ListSource<'_>,
    key: RowKey,
    columns: impl Iterator<Item = (&'t str, usize)>,
) -> Vec<Cell> {
    let Some(row) = L::row(source.view, key) else { return Vec::new() };
    columns.map(|(title, width)| L::cell(source, &row, title, width)).collect()
}

impl ListKind {
    pub(super) const ALL: [Self; 4] = [Self::Ports, Self::Servers, Self::Findings, Self::Flows];

    /// The name of the view.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Ports => "Ports",
            Self::Servers => "Servers",
            Self::Findings => "Findings",
            Self::Flows => "Flows",
        }
    }

    /// What a row is.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Ports => "port",
            Self::Servers => "server",
            Self::Findings => "finding",
            Self::Flows => "flow",
        }
    }

    pub(super) const fn columns(self) -> &'static [ListColumn] {
        match self {
            Self::Ports => ports::PortList::COLUMNS,
            Self::Servers => servers::ServerList::COLUMNS,
            Self::Findings => findings::FindingList::COLUMNS,
            Self::Flows => flows::FlowList::COLUMNS,
        }
    }

    /// How the list is sorted at first.
    pub(super) fn default_sorting(self) -> Sorting {
        let title = match self {
            Self::Ports => "RATE",
            Self::Servers => "BYTES",
            Self::Findings => "SEVERITY",
            Self::Flows => "IDLE",
        };
        let column = self.columns().iter().position(|column| column.title == title).unwrap_or(0);
        Sorting { column, is_reversed: false }
    }

    /// The rows in their natural order.
    pub(super) fn rows(self, view: &View) -> Vec<RowKey> {
        let stats = &view.snapshot.run.stats;
        match self {
            Self::Ports => {
                // Most bytes first.
                let mut ports: Vec<_> = stats.ports.iter().collect();
                ports.sort_by_cached_key(|(port, of)| (Reverse(of.all.bytes.sum()), **port));
                ports.into_iter().map(|(port, _)| RowKey::Port(*port)).collect()
            }
            Self::Servers => {
                let mut keys: Vec<_> =
                    stats.servers.speaking().map(|server| server.key()).collect();
                keys.sort_unstable();
                keys.into_iter().map(RowKey::Server).collect()
            }
            Self::Findings => view.findings.iter().map(|(id, _)| RowKey::Finding(*id)).collect(),
            Self::Flows => {
                let flows = view.snapshot.run.flows.iter();
                flows.map(|flow| RowKey::Flow(flow.record.first_frame)).collect()
            }
        }
    }

    /// The number by which a row is sorted in the column with this title.
    pub(super) fn number(self, source: ListSource<'_>, row: RowKey, title: &str) -> u64 {
        match self {
            Self::Ports => number::<ports::PortList>(source, row, title),
            Self::Servers => number::<servers::ServerList>(source, row, title),
            Self::Findings => number::<findings::FindingList>(source, row, title),
            Self::Flows => number::<flows::FlowList>(source, row, title),
        }
    }

    /// The cells of a row in these columns, by title and width.
    pub(super) fn cells<'t>(
        self,
        source: ListSource<'_>,
        row: RowKey,
        columns: impl Iterator<Item = (&'t str, usize)>,
    ) -> Vec<Cell> {
        match self {
            Self::Ports => cells::<ports::PortList>(source, row, columns),
            Self::Servers => cells::<servers::ServerList>(source, row, columns),
            Self::Findings => cells::<findings::FindingList>(source, row, columns),
            Self::Flows => cells::<flows::FlowList>(source, row, columns),
        }
    }

    /// The values that a field of the filter has in some rows, in order.
    pub(super) fn values(self, source: ListSource<'_>, field: &str) -> Vec<String> {
        let mut values = BTreeSet::new();
        for key in self.rows(source.view).into_iter().take(ROWS) {
            let Some(row) = self.subject(source, key) else { continue };
            match field {
                "port" => values.extend([row.port().port.to_string()]),
                "service" => {
                    let spoken = row.spoken();
                    let ids = spoken.iter().filter_map(|one| one.services.first());
                    values.extend(ids.map(|id| (*id).to_owned()));
                }
                "tag" => {
                    let tags = row.spoken().into_iter().flat_map(|one| one.tags);
                    values.extend(tags.map(str::to_owned));
                }
                "protocol" => {
                    let protocols = row.spoken().into_iter().filter_map(|one| one.protocol);
                    values.extend(protocols.map(|one| one.as_str().to_owned()));
                }
                "process" => values.extend(row.holders().iter().map(|one| one.name.clone())),
                "server" => {
                    values.extend(row.addresses().iter().map(ToString::to_string));
                    values.extend(row.names().into_iter().map(str::to_owned));
                }
                _ => {}
            }
        }
        values.into_iter().collect()
    }

    /// Whether a filter selects a row.
    pub(super) fn matches(self, source: ListSource<'_>, row: RowKey, filter: &RowFilter) -> bool {
        if filter.is_empty() {
            return true;
        }
        self.subject(source, row).is_some_and(|row| filter.matches(&*row))
    }

    /// A row as filters see it.
    fn subject(self, source: ListSource<'_>, row: RowKey) -> Option<Box<dyn FilterRow + '_>> {
        let ListSource { view, .. } = source;
        let text = RowText { kind: self, source, row };
        match row {
            RowKey::Port(port) => Some(Box::new(ports::PortSubject { view, port, text })),
            RowKey::Server(key) => Some(Box::new(servers::ServerSubject { view, key, text })),
            RowKey::Finding(id) => view
                .finding(id)
                .map(|finding| Box::new(findings::FindingSubject { view, finding, text }) as _),
            RowKey::Flow(frame) => {
                view.flow(frame).map(|flow| Box::new(flows::FlowSubject { view, flow, text }) as _)
            }
        }
    }
}

/// What the columns of a row show.
struct RowText<'v> {
    kind: ListKind,
    source: ListSource<'v>,
    row: RowKey,
}

impl RowText<'_> {
    /// The cells, uncut.
    fn whole(&self) -> String {
        let columns = self.kind.columns().iter().map(|column| (column.title, usize::MAX));
        let cells = self.kind.cells(self.source, self.row, columns);
        let texts: Vec<&str> = cells.iter().map(|cell| cell.text.as_str()).collect();
        texts.join(" ")
    }
}
