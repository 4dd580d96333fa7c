//! Columns by their names and short names, and what each can be compared with.

use crate::classify::{Confidence, Fault, Fit};
use crate::columns::{COLUMNS, ColumnType, FlowColumn, column};
use crate::decode::{IcmpKind, Transport, Tunnel};
use crate::evidence::{Direction, Protocol, ProvedBy};
use crate::flow::{Orientation, Outcome, PayloadSides, TcpState};

/// Short names of columns. One that stands for two is true where one of them is.
const SHORT: &[(&str, &[&str])] = &[
    ("port", &["responder_port"]),
    ("server_port", &["responder_port"]),
    ("client_port", &["initiator_port"]),
    ("server", &["responder_address"]),
    ("client", &["initiator_address"]),
    ("address", &["initiator_address", "responder_address"]),
    ("process", &["responder_process", "initiator_process"]),
    ("server_process", &["responder_process"]),
    ("client_process", &["initiator_process"]),
    ("duration", &["duration_ns"]),
    ("handshake_rtt", &["handshake_rtt_ns"]),
    ("first_response", &["first_response_ns"]),
];

/// What a column is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnDomain {
    Port,
    /// Numbers, also such as `10K`.
    Number,
    /// Bytes: `1M`.
    Size,
    /// Nanoseconds: `20ms`.
    Duration,
    /// A time of day, or nanoseconds since 1970.
    Time,
    Address,
    /// Words of a fixed list, which has an order or not.
    Words {
        has_order: bool,
    },
    /// Several texts.
    List,
    /// A text that is a number.
    NumberText,
    Text,
}

/// What a name of an expression stands for.
#[derive(Debug, Clone)]
pub(super) struct NamedColumns {
    pub(super) columns: Vec<&'static FlowColumn>,
    pub(super) domain: ColumnDomain,
    /// The name has no unit, unlike that of the column.
    pub(super) needs_unit: bool,
}

/// The columns that a name stands for.
pub(super) fn named(name: &str) -> Option<NamedColumns> {
    let name = name.to_ascii_lowercase();
    let short = SHORT.iter().find(|(short, _)| *short == name);
    let columns: Vec<_> = match short {
        Some((_, names)) => names.iter().filter_map(|name| column(name)).collect(),
        None => column(&name).into_iter().collect(),
    };
    let domain = domain(columns.first()?);
    let needs_unit = short.is_some() && domain == ColumnDomain::Duration;
    Some(NamedColumns { columns, domain, needs_unit })
}

/// The names of columns in expressions, short ones first.
pub fn column_names() -> impl Iterator<Item = &'static str> {
    SHORT.iter().map(|(short, _)| *short).chain(COLUMNS.iter().map(|column| column.name))
}

fn domain(column: &FlowColumn) -> ColumnDomain {
    match (column.kind, column.unit, column.name) {
        (ColumnType::Timestamp, ..) | (_, "ns since 1970", _) => ColumnDomain::Time,
        (_, "ns", _) => ColumnDomain::Duration,
        (_, "bytes", _) => ColumnDomain::Size,
        (_, _, "initiator_port" | "responder_port") => ColumnDomain::Port,
        (ColumnType::Integer, ..) => ColumnDomain::Number,
        (_, _, "initiator_address" | "responder_address") => ColumnDomain::Address,
        (
            _,
            _,
            "also" | "candidates" | "candidate_tags" | "initiator_process" | "responder_process",
        ) => ColumnDomain::List,
        (_, _, "http_status") => ColumnDomain::NumberText,
        _ if !words_of(column.name).is_empty() => {
            ColumnDomain::Words { has_order: column.name == "confidence" }
        }
        (ColumnType::Text, ..) => ColumnDomain::Text,
    }
}

/// The words that a column has, in their order; empty for columns with other values.
#[must_use]
pub fn words_of(column: &str) -> Vec<&'static str> {
    match column {
        "transport" => [Transport::Tcp, Transport::Udp].map(Transport::as_str).into(),
        "orientation" => {
            let all = [Orientation::Seen, Orientation::Proved, Orientation::Guessed];
            all.map(Orientation::as_str).into()
        }
        "tunnel" => Tunnel::ALL.iter().map(|tunnel| tunnel.as_str()).collect(),
        "outcome" => Outcome::ALL.map(Outcome::as_str).into(),
        "icmp_error" => [
            IcmpKind::Port,
            IcmpKind::Protocol,
            IcmpKind::Host,
            IcmpKind::Network,
            IcmpKind::Prohibited,
            IcmpKind::Other,
        ]
        .map(IcmpKind::as_str)
        .into(),
        "heard" => [
            PayloadSides::Both,
            PayloadSides::Initiator,
            PayloadSides::Responder,
            PayloadSides::Nobody,
            PayloadSides::Refused,
            PayloadSides::Unreachable,
            PayloadSides::NoAnswer,
        ]
        .map(PayloadSides::as_str)
        .into(),
        "tcp_state" => [
            TcpState::SynSent,
            TcpState::SynReceived,
            TcpState::Established,
            TcpState::Closing,
            TcpState::Closed,
            TcpState::Reset,
            TcpState::Midstream,
        ]
        .map(TcpState::as_str)
        .into(),
        "ended_by" => Direction::BOTH.map(Direction::as_str).into(),
        "protocol" => Protocol::ALL.iter().map(|protocol| protocol.as_str()).collect(),
        "proved_by" => {
            let all = [ProvedBy::Initiator, ProvedBy::Responder, ProvedBy::Both];
            all.map(ProvedBy::as_str).into()
        }
        "confidence" => {
            let all =
                [Confidence::Unknown, Confidence::Port, Confidence::Protocol, Confidence::Mark];
            all.map(Confidence::as_str).into()
        }
        "fit" => [Fit::Agrees, Fit::Unclaimed, Fit::Contradicts].map(Fit::as_str).into(),
        "fault" => [Fault::Mismatch, Fault::CutOff, Fault::Tampered].map(Fault::as_str).into(),
        _ => Vec::new(),
    }
}
