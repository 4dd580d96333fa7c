//! The list of findings: what deserves a look, the gravest first.

use std::net::IpAddr;

use super::servers::spoken_at;
use super::{ListSource, RowKey, RowList, RowText};
use crate::decode::ServicePort;
use crate::findings::Finding;
use crate::process::Holder;
use crate::report::parts::labels;
use crate::report::parts::layout::Cell;
use crate::screen::columns::{ListColumn, SortOrder};
use crate::screen::filter::{FilterRow, SpokenHere};
use crate::screen::view::View;

pub(super) struct FindingList;

impl RowList for FindingList {
    type Row<'v> = &'v Finding;

    const COLUMNS: &'static [ListColumn] = &[
        ListColumn::text("SEVERITY", 9, 0).sorts(SortOrder::Ascending),
        ListColumn::text("KIND", 12, 0).leaves(0),
        ListColumn::text("PORT", 9, 0).leaves(3).sorts(SortOrder::Ascending),
        ListColumn::text("SERVER", 15, 1).leaves(1),
        ListColumn::text("FINDING", 30, 8),
        ListColumn::number("FRAME", 7).leaves(2).sorts(SortOrder::Ascending),
    ];

    fn row(view: &View, key: RowKey) -> Option<Self::Row<'_>> {
        let RowKey::Finding(id) = key else { return None };
        view.finding(id)
    }

    fn number(_: ListSource<'_>, finding: &Self::Row<'_>, title: &str) -> u64 {
        match title {
            "SEVERITY" => finding.severity as u64,
            "FRAME" => finding.frame.unwrap_or(u64::MAX),
            _ => u64::from(finding.port.port) << 1 | finding.port.transport as u64,
        }
    }

    fn cell(_: ListSource<'_>, finding: &Self::Row<'_>, title: &str, _: usize) -> Cell {
        let dash = |text: Option<String>| Cell::trusted(text.unwrap_or_else(|| "-".to_owned()));
        match title {
            "SEVERITY" => Cell::trusted(finding.severity.as_str())
                .with_tone(labels::severity_tone(finding.severity)),
            "KIND" => Cell::trusted(finding.kind.as_str()),
            "PORT" => Cell::trusted(finding.port.to_string()),
            "SERVER" => dash(finding.server.map(|server| server.to_string())),
            "FINDING" => Cell::escape(&finding.sentence),
            _ => dash(finding.frame.map(|frame| frame.to_string())),
        }
    }
}

/// A finding, as filters see it.
pub(super) struct FindingSubject<'v> {
    pub(super) view: &'v View,
    pub(super) finding: &'v Finding,
    pub(super) text: RowText<'v>,
}

impl FilterRow for FindingSubject<'_> {
    fn port(&self) -> ServicePort {
        self.finding.port
    }

    fn spoken(&self) -> Vec<SpokenHere<'_>> {
        match self.finding.server_key() {
            Some(server) => spoken_at(self.view, server),
            None => self.view.spoken_on(self.finding.port, |_| true),
        }
    }

    fn holders(&self) -> Vec<&Holder> {
        let server = self.finding.server_key().and_then(|key| self.view.server(key));
        server.and_then(|server| server.process).into_iter().collect()
    }

    fn addresses(&self) -> Vec<IpAddr> {
        self.finding.server.into_iter().collect()
    }

    fn names(&self) -> Vec<&str> {
        self.finding.server_key().map_or_else(Vec::new, |key| self.view.names_of(key))
    }

    fn findings(&self) -> Vec<&Finding> {
        vec![self.finding]
    }

    fn text(&self) -> String {
        self.text.whole()
    }
}
