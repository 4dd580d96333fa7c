//! The list of flows: the latest ones, who talks to whom, and what came of it.

use std::net::IpAddr;

use super::{ListSource, RowKey, RowList, RowText};
use crate::classify::Candidate;
use crate::decode::ServicePort;
use crate::evidence::Direction;
use crate::findings::Finding;
use crate::flow::{FlowRecord, Outcome, TcpState};
use crate::pipeline::{FlowView, JudgedFlow};
use crate::process::{Attribution, Holder};
use crate::report::parts::labels;
use crate::report::parts::layout::Cell;
use crate::report::parts::units::{bytes, count, duration};
use crate::screen::columns::{ListColumn, SortOrder};
use crate::screen::filter::{FilterRow, SpokenHere};
use crate::screen::view::View;
use crate::stats::ServerKey;

pub(super) struct FlowList;

impl RowList for FlowList {
    type Row<'v> = &'v JudgedFlow;

    const COLUMNS: &'static [ListColumn] = &[
        ListColumn::text("CLIENT", 15, 2).leaves(4),
        ListColumn::text("SERVER", 21, 2),
        ListColumn::text("SPEAKING", 18, 3),
        ListColumn::text("STATE", 11, 0).leaves(5),
        ListColumn::number("PACKETS", 8).leaves(0).sorts(SortOrder::Descending),
        ListColumn::number("BYTES", 6).leaves(2).sorts(SortOrder::Descending),
        ListColumn::number("FRAME", 7).leaves(1).sorts(SortOrder::Ascending),
        ListColumn::number("IDLE", 6).leaves(3).sorts(SortOrder::Ascending),
    ];

    fn row(view: &View, key: RowKey) -> Option<Self::Row<'_>> {
        let RowKey::Flow(frame) = key else { return None };
        view.flow(frame)
    }

    fn number(_: ListSource<'_>, JudgedFlow { record, .. }: &Self::Row<'_>, title: &str) -> u64 {
        match title {
            "PACKETS" => record.packets.sum(),
            "BYTES" => record.bytes.sum(),
            "FRAME" => record.first_frame,
            // The natural order has the latest first.
            _ => 0,
        }
    }

    fn cell(
        ListSource { view, .. }: ListSource<'_>,
        flow: &Self::Row<'_>,
        title: &str,
        _: usize,
    ) -> Cell {
        let record = &flow.record;
        match title {
            "CLIENT" => Cell::trusted(record.initiator.to_string()),
            "SERVER" => {
                let arrow = labels::arrow(record);
                let server = ServerKey::new(record.responder, record.transport);
                Cell::trusted(format!("{arrow} {server}"))
            }
            "SPEAKING" => labels::flow_cell(flow),
            "STATE" => Cell::trusted(state(record)),
            "PACKETS" => Cell::trusted(count(record.packets.sum())),
            "BYTES" => Cell::trusted(bytes(record.bytes.sum())),
            "FRAME" => Cell::trusted(record.first_frame.to_string()),
            _ => {
                let now = view.snapshot.run.counters.seen.map_or(record.last, |(_, last)| last);
                Cell::trusted(duration(now.since(record.last)))
            }
        }
    }
}

/// How a flow stands, in a word or two.
pub(in crate::screen) const fn state(record: &FlowRecord) -> &'static str {
    match (record.outcome, record.tcp) {
        (Outcome::Refused, _) => "refused",
        (Outcome::Unreachable, _) => "unreachable",
        (_, Some(TcpState::Closed)) => "closed",
        (_, Some(TcpState::Reset)) => "reset",
        (_, Some(TcpState::Closing)) => "closing",
        (Outcome::NoAnswer, _) => "no answer",
        (_, Some(TcpState::SynSent | TcpState::SynReceived)) => "opening",
        (_, Some(_)) => "open",
        (Outcome::Sent, None) => "sent",
        (_, None) => "answered",
    }
}

/// A flow, as filters see it.
pub(super) struct FlowSubject<'v> {
    pub(super) view: &'v View,
    pub(super) flow: &'v JudgedFlow,
    pub(super) text: RowText<'v>,
}

impl FlowSubject<'_> {
    /// The server at each end: who announces something is one, too.
    fn servers(&self) -> [ServerKey; 2] {
        let FlowRecord { initiator, responder, transport, .. } = self.flow.record;
        [responder, initiator].map(|end| ServerKey::new(end, transport))
    }
}

impl FilterRow for FlowSubject<'_> {
    fn port(&self) -> ServicePort {
        self.flow.record.service_port()
    }

    fn spoken(&self) -> Vec<SpokenHere<'_>> {
        let verdict = &self.flow.verdict;
        let services = verdict.service.iter().chain(&verdict.also);
        let services = services.flat_map(|service| [&*service.id, &*service.name]).collect();
        let possible = verdict.candidates.iter().filter_map(Candidate::tag);
        let tags = verdict.tag().into_iter().chain(possible).collect();
        vec![SpokenHere { protocol: verdict.protocol, services, tags, fit: verdict.fit }]
    }

    fn holders(&self) -> Vec<&Holder> {
        let sides = [Direction::Responder, Direction::Initiator];
        let known = sides.into_iter().filter_map(|side| self.flow.processes.get(side));
        known.flat_map(Attribution::holders).map(AsRef::as_ref).collect()
    }

    fn addresses(&self) -> Vec<IpAddr> {
        vec![self.flow.record.responder.address]
    }

    fn names(&self) -> Vec<&str> {
        self.view.names_of(self.servers()[0])
    }

    fn findings(&self) -> Vec<&Finding> {
        let at = |key| self.view.findings_at(key);
        self.servers().into_iter().flat_map(at).collect()
    }

    fn flow(&self) -> Option<FlowView<'_>> {
        Some(self.flow.view())
    }

    fn text(&self) -> String {
        self.text.whole()
    }
}
