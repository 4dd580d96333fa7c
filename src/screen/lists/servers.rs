//! The list of servers: what each speaks, how it is called, and who uses it.

use std::net::IpAddr;

use super::{ListSource, RowKey, RowList, RowText};
use crate::decode::ServicePort;
use crate::findings::{Finding, FindingKind};
use crate::process::Holder;
use crate::report::escape;
use crate::report::parts::escape::SafeText;
use crate::report::parts::layout::{Cell, Tone};
use crate::report::parts::servers::{speaking, texts};
use crate::report::parts::units::{bytes, count};
use crate::screen::columns::{ListColumn, SortOrder};
use crate::screen::filter::{FilterRow, SpokenHere};
use crate::screen::view::View;
use crate::stats::{Server, ServerKey};

pub(super) struct ServerList;

impl RowList for ServerList {
    type Row<'v> = Server<'v>;

    const COLUMNS: &'static [ListColumn] = &[
        ListColumn::text("SERVER", 21, 1).sorts(SortOrder::Ascending),
        ListColumn::text("SPEAKING", 24, 3),
        ListColumn::text("ALSO, PRODUCT, NAME", 12, 3).leaves(3),
        ListColumn::text("PROCESS", 10, 2).leaves(1),
        ListColumn::number("CLIENTS", 8).leaves(2).sorts(SortOrder::Descending),
        ListColumn::number("FLOWS", 7).leaves(4).sorts(SortOrder::Descending),
        ListColumn::number("BYTES", 6).leaves(5).sorts(SortOrder::Descending),
        ListColumn::number("PROOF", 8).leaves(0),
    ];

    fn row(view: &View, key: RowKey) -> Option<Self::Row<'_>> {
        let RowKey::Server(key) = key else { return None };
        view.server(key)
    }

    fn number(_: ListSource<'_>, server: &Self::Row<'_>, title: &str) -> u64 {
        match title {
            "CLIENTS" => server.clients,
            "FLOWS" => server.flows,
            "BYTES" => server.bytes.sum(),
            // The natural order is that of the addresses.
            _ => 0,
        }
    }

    fn cell(
        ListSource { view, .. }: ListSource<'_>,
        server: &Self::Row<'_>,
        title: &str,
        _: usize,
    ) -> Cell {
        let key = server.key;
        let dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        match title {
            "SERVER" => Cell::trusted(key.to_string()),
            "SPEAKING" => {
                let cell = speaking(view.catalogue(), server).0;
                let does_not_belong =
                    view.findings_at(key).any(|found| found.kind == FindingKind::Contradicts);
                if does_not_belong {
                    let text = SafeText::trusted(format!("! {}", cell.text));
                    Cell { text, tone: Tone::Bad }
                } else {
                    cell
                }
            }
            "ALSO, PRODUCT, NAME" => {
                let (_, also) = speaking(view.catalogue(), server);
                let all: Vec<String> = also.into_iter().chain(texts(server)).collect();
                Cell::escape(&dash(all.join(", ")))
            }
            "PROCESS" => {
                let process = server.process.map(|holder| {
                    let command =
                        if holder.command.is_empty() { &holder.name } else { &holder.command };
                    format!("{} {}", holder.pid, escape(command))
                });
                Cell::trusted(dash(process.unwrap_or_default()))
            }
            "CLIENTS" => Cell::trusted(count(server.clients)),
            "FLOWS" => Cell::trusted(count(server.flows)),
            "BYTES" => Cell::trusted(bytes(server.bytes.sum())),
            _ => {
                Cell::trusted(server.proof_frame.map_or("-".to_owned(), |frame| frame.to_string()))
            }
        }
    }
}

/// A server, as filters see it.
pub(super) struct ServerSubject<'v> {
    pub(super) view: &'v View,
    pub(super) key: ServerKey,
    pub(super) text: RowText<'v>,
}

/// What speaks at a server: of what speaks on its port that which it speaks, too.
pub(super) fn spoken_at(view: &View, key: ServerKey) -> Vec<SpokenHere<'_>> {
    let server = view.snapshot.run.stats.servers.speaking_at(key);
    let Some(server) = server else { return Vec::new() };
    view.spoken_on(key.service_port(), |speaker| server.is_speaker(speaker))
}

impl FilterRow for ServerSubject<'_> {
    fn port(&self) -> ServicePort {
        self.key.service_port()
    }

    fn spoken(&self) -> Vec<SpokenHere<'_>> {
        spoken_at(self.view, self.key)
    }

    fn holders(&self) -> Vec<&Holder> {
        self.view.server(self.key).and_then(|server| server.process).into_iter().collect()
    }

    fn addresses(&self) -> Vec<IpAddr> {
        vec![self.key.address]
    }

    fn names(&self) -> Vec<&str> {
        self.view.names_of(self.key)
    }

    fn findings(&self) -> Vec<&Finding> {
        self.view.findings_at(self.key).collect()
    }

    fn totals(&self) -> [Option<u64>; 2] {
        [None, self.view.server(self.key).map(|server| server.bytes.sum())]
    }

    fn text(&self) -> String {
        self.text.whole()
    }
}
