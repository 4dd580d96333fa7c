//! The list of findings: what deserves a look, the gravest first.

use std::net::IpAddr;

use super::servers::spoken_at;
use super::{ListSource, RowKey, RowList, RowText};
use crate::decode::ServicePort;
use crate::findings::{Finding, Severity};
use crate::process::Holder;
use crate::report::parts::layout::{Cell, Tone};
use crate::screen::columns::{ListColumn, SortOrder};
use crate::screen::filter::{FilterRow, SpokenHere};
use crate::screen::view::View;
use crate::stats::ServerKey;

pub(super) struct FindingList;

impl RowList for FindingList {
    const COLUMNS: &'static [ListColumn] = &[
        ListColumn::text("SEVERITY", 9, 0).sorts(SortOrder::Ascending),
        ListColumn::text("KIND", 12, 0).leaves(0),
        ListColumn::text("PORT", 9, 0).leaves(3).sorts(SortOrder::Ascending),
        ListColumn::text("SERVER", 15, 1).leaves(1),
        ListColumn::text("FINDING", 30, 8),
        ListColumn::number("FRAME", 7).leaves(2).sorts(SortOrder::Ascending),
    ];

    fn number(ListSource { view, .. }: ListSource<'_>, row: RowKey, title: &str) -> u64 {
        let RowKey::Finding(id) = row else { return 0 };
        let Some(finding) = view.finding(id) else { return 0 };
        match title {
            "SEVERITY" => finding.severity as u64,
            "FRAME" => finding.frame.unwrap_or(u64::MAX),
            _ => u64::from(finding.port.port) << 1 | finding.port.transport as u64,
        }
    }

    fn cell(
        ListSource { view, .. }: ListSource<'_>,
        row: RowKey,
        title: &str,
        _width: usize,
    ) -> Cell {
        let RowKey::Finding(id) = row else { return Cell::default() };
        let Some(finding) = view.finding(id) else { return Cell::default() };
        let dash = |text: Option<String>| Cell::trusted(text.unwrap_or_else(|| "-".to_owned()));
        match title {
            "SEVERITY" => {
                Cell::trusted(finding.severity.as_str()).with_tone(tone(finding.severity))
            }
            "KIND" => Cell::trusted(finding.kind.as_str()),
            "PORT" => Cell::trusted(finding.port.to_string()),
            "SERVER" => dash(finding.server.map(|server| server.to_string())),
            "FINDING" => Cell::escape(&finding.sentence),
            _ => dash(finding.frame.map(|frame| frame.to_string())),
        }
    }
}

const fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Alert => Tone::Bad,
        Severity::Warning => Tone::Fair,
        Severity::Note => Tone::Plain,
    }
}

/// A finding, as filters see it.
pub(super) struct FindingSubject<'v> {
    pub(super) view: &'v View,
    pub(super) finding: &'v Finding,
    pub(super) text: RowText<'v>,
}

impl FindingSubject<'_> {
    fn server(&self) -> Option<ServerKey> {
        let ServicePort { port, transport } = self.finding.port;
        self.finding.server.map(|address| ServerKey { address, port, transport })
    }
}

impl FilterRow for FindingSubject<'_> {
    fn port(&self) -> ServicePort {
        self.finding.port
    }

    fn spoken(&self) -> Vec<SpokenHere<'_>> {
        match self.server() {
            Some(server) => spoken_at(self.view, server),
            None => self.view.spoken_on(self.finding.port, |_| true),
        }
    }

    fn holders(&self) -> Vec<&Holder> {
        let server = self.server().and_then(|key| self.view.server(key));
        server.and_then(|server| server.process).into_iter().collect()
    }

    fn addresses(&self) -> Vec<IpAddr> {
        self.finding.server.into_iter().collect()
    }

    fn names(&self) -> Vec<&str> {
        self.server().map_or_else(Vec::new, |key| self.view.names_of(key))
    }

    fn findings(&self) -> Vec<&Finding> {
        vec![self.finding]
    }

    fn text(&self) -> String {
        self.text.whole()
    }
}
