//! The list of ports: what is registered, customary and speaking there, the process, the rate.

use std::net::IpAddr;

use unicode_width::UnicodeWidthStr;

use super::{ListSource, RowKey, RowList, RowText};
use crate::classify::Fit;
use crate::decode::ServicePort;
use crate::findings::Finding;
use crate::process::Holder;
use crate::report::parts::escape::SafeText;
use crate::report::parts::layout::{Cell, Tone, fit};
use crate::report::parts::units::{bytes, count};
use crate::report::parts::{labels, processes};
use crate::screen::columns::{ListColumn, SortOrder};
use crate::screen::filter::{FilterRow, SpokenHere};
use crate::screen::history::Rate;
use crate::screen::view::View;
use crate::stats::{PortProcesses, PortStats, ServerKey};

pub(super) struct PortList;

impl RowList for PortList {
    type Row<'v> = (ServicePort, &'v PortStats);

    const COLUMNS: &'static [ListColumn] = &[
        ListColumn::text("PORT", 9, 0).sorts(SortOrder::Ascending),
        ListColumn::text("REGISTERED", 10, 1).leaves(4),
        ListColumn::text("CUSTOMARY", 9, 1).leaves(3),
        ListColumn::text("SPEAKING", 29, 3),
        ListColumn::text("SERVED BY", 10, 2).leaves(5),
        ListColumn::number("CLIENTS", 7).leaves(0),
        ListColumn::number("FLOWS", 7).leaves(2).sorts(SortOrder::Descending),
        ListColumn::number("BYTES", 6).leaves(7).sorts(SortOrder::Descending),
        ListColumn::number("RATE", 10).leaves(6).sorts(SortOrder::Descending),
        ListColumn::number("TREND", 8).leaves(1),
    ];

    fn row(view: &View, key: RowKey) -> Option<Self::Row<'_>> {
        let RowKey::Port(port) = key else { return None };
        Some((port, view.port(port)?))
    }

    fn number(
        ListSource { history, .. }: ListSource<'_>,
        &(port, stats): &Self::Row<'_>,
        title: &str,
    ) -> u64 {
        match title {
            "FLOWS" => stats.all.flows,
            "BYTES" => stats.all.bytes.sum(),
            "RATE" => match history.rate(port) {
                Rate::Now(rate) => rate,
                Rate::Last(_) | Rate::Never => 0,
            },
            _ => u64::from(port.port) << 1 | port.transport as u64,
        }
    }

    fn cell(
        ListSource { view, history }: ListSource<'_>,
        &(port, stats): &Self::Row<'_>,
        title: &str,
        width: usize,
    ) -> Cell {
        match title {
            "PORT" => Cell::trusted(port.to_string()),
            "REGISTERED" => labels::registered(view.catalogue(), port).into(),
            "CUSTOMARY" => labels::customary(view.catalogue(), port).into(),
            "SPEAKING" => speaking(view, stats, width),
            "SERVED BY" => Cell::trusted(
                process(&stats.processes).unwrap_or_else(|| servers(view, port, width)),
            ),
            "CLIENTS" => Cell::trusted(count(stats.all.initiators.count())),
            "FLOWS" => Cell::trusted(count(stats.all.flows)),
            "BYTES" => Cell::trusted(bytes(stats.all.bytes.sum())),
            "RATE" => match history.rate(port) {
                Rate::Now(rate) => Cell::trusted(format!("{}/s", bytes(rate))),
                Rate::Last(rate) => {
                    Cell::trusted(format!("({}/s)", bytes(rate))).with_tone(Tone::Dim)
                }
                Rate::Never => Cell::trusted("-").with_tone(Tone::Dim),
            },
            _ => Cell::trusted(history.trend(port, width.min(32))),
        }
    }
}

/// What speaks, first what does not belong, and how many others there are.
fn speaking(view: &View, stats: &PortStats, width: usize) -> Cell {
    let mut speakers = labels::speakers(stats);
    speakers.sort_by_key(|(key, _)| key.fit != Some(Fit::Contradicts));
    let mut cells = speakers
        .iter()
        .map(|(key, speaking)| labels::speaker_of_port(view.catalogue(), key, speaking, stats));
    if width == usize::MAX {
        let all: Vec<String> = cells.map(|cell| cell.text.to_string()).collect();
        return Cell::trusted(all.join(", "));
    }
    let mut first = cells.next().unwrap_or_default();
    let others = cells.count();
    if others > 0 {
        let plus = format!(" +{others}");
        let text = fit(first.text.as_str(), width.saturating_sub(plus.width())) + &plus;
        first.text = SafeText::trusted(text);
    }
    first
}

/// The process behind the port; after an arrow the process that calls it, if only that one is of
/// this machine.
fn process(processes: &PortProcesses) -> Option<String> {
    let behind = processes::short_names(&processes.responders);
    let arrow = || processes::short_names(&processes.initiators).map(|name| format!("→ {name}"));
    behind.or_else(arrow)
}

/// The lowest address, and how many others there are.
fn servers(view: &View, port: ServicePort, width: usize) -> String {
    match view.addresses.get(&port).map(Vec::as_slice) {
        None | Some([]) => "-".to_owned(),
        Some([one]) => one.to_string(),
        Some([first, others @ ..]) => {
            let plus = format!(" +{}", count(others.len() as u64));
            fit(&first.to_string(), width.saturating_sub(plus.width())) + &plus
        }
    }
}

/// A port, as filters see it.
pub(super) struct PortSubject<'v> {
    pub(super) view: &'v View,
    pub(super) port: ServicePort,
    pub(super) text: RowText<'v>,
}

impl FilterRow for PortSubject<'_> {
    fn port(&self) -> ServicePort {
        self.port
    }

    fn spoken(&self) -> Vec<SpokenHere<'_>> {
        self.view.spoken_on(self.port, |_| true)
    }

    fn holders(&self) -> Vec<&Holder> {
        let Some(stats) = self.view.port(self.port) else { return Vec::new() };
        let sides = [&stats.processes.responders, &stats.processes.initiators];
        sides.into_iter().flat_map(|side| side.by_process.keys()).map(AsRef::as_ref).collect()
    }

    fn addresses(&self) -> Vec<IpAddr> {
        self.view.addresses.get(&self.port).cloned().unwrap_or_default()
    }

    fn names(&self) -> Vec<&str> {
        let ServicePort { port, transport } = self.port;
        let key = |address| ServerKey { address, port, transport, sensor: 0 };
        let addresses = self.addresses().into_iter();
        addresses.flat_map(|address| self.view.names_of(key(address))).collect()
    }

    fn findings(&self) -> Vec<&Finding> {
        self.view.findings_on(self.port).map(|(_, finding)| finding).collect()
    }

    fn totals(&self) -> [Option<u64>; 2] {
        let all = self.view.port(self.port).map(|stats| &stats.all);
        [all.map(|all| all.packets.sum()), all.map(|all| all.bytes.sum())]
    }

    fn text(&self) -> String {
        self.text.whole()
    }
}
