//! By which figure the tables of a report are sorted (`--sort`).

use std::cmp::Reverse;

use crate::pipeline::JudgedFlow;
use crate::stats::{Aggregate, Server};

/// What rows are sorted by: figures with the greatest first, ports with the lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortColumn {
    /// Bytes of both sides.
    Bytes,
    /// Flows.
    Flows,
    /// Packets of both sides.
    Packets,
    /// Distinct addresses of clients.
    Clients,
    /// The number of the port.
    Port,
}

impl SortColumn {
    /// What the rows have that are left out at the end.
    pub(in crate::report) const fn of_the_rest(self) -> &'static str {
        match self {
            Self::Bytes => "with fewer bytes",
            Self::Flows => "with fewer flows",
            Self::Packets => "with fewer packets",
            Self::Clients => "with fewer clients",
            Self::Port => "with higher numbers",
        }
    }

    /// The place of a port or a service; ports have an order of their own.
    pub(in crate::report) fn of_all(self, all: &Aggregate) -> Reverse<u64> {
        Reverse(match self {
            Self::Bytes => all.bytes.sum(),
            Self::Flows => all.flows,
            Self::Packets => all.packets.sum(),
            Self::Clients => all.initiators.count(),
            Self::Port => 0,
        })
    }

    /// The place of a server, whose packets are not counted: bytes stand for them.
    pub(in crate::report) fn of_server(self, server: &Server<'_>) -> (Reverse<u64>, u16) {
        let figure = match self {
            Self::Bytes | Self::Packets => server.bytes.sum(),
            Self::Flows => server.flows,
            Self::Clients => server.clients,
            Self::Port => return (Reverse(0), server.key.port),
        };
        (Reverse(figure), 0)
    }

    /// The place of a flow; those that are equal stay in the order of the capture.
    pub(in crate::report) fn of_flow(self, flow: &JudgedFlow) -> (Reverse<u64>, u16) {
        let record = &flow.record;
        match self {
            Self::Bytes => (Reverse(record.bytes.sum()), 0),
            Self::Packets => (Reverse(record.packets.sum()), 0),
            Self::Port => (Reverse(0), record.responder.port),
            Self::Flows | Self::Clients => (Reverse(0), 0),
        }
    }
}
