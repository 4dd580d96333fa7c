//! The table of columns.

use super::community_id::community_id;
use super::value::{ColumnType, FlowColumn, Value};
use crate::classify::{Candidate, Fault, Fit};
use crate::decode::Tunnel;
use crate::evidence::{Direction, Protocol, ProvedBy};
use crate::flow::TcpState;
use crate::pipeline::FlowView;
use crate::process::Attribution;
use crate::source::FramePlace;

/// A column whose value is a function of the flow.
macro_rules! column {
    ($kind:ident, $name:literal, $unit:literal, $meaning:literal, $get:expr) => {
        FlowColumn {
            name: $name,
            kind: ColumnType::$kind,
            unit: $unit,
            meaning: $meaning,
            facts: &[],
            get: $get,
        }
    };
}

/// A column that shows a fact.
macro_rules! fact {
    ($name:literal, $meaning:literal, $($fact:literal),+) => {
        FlowColumn {
            name: $name,
            kind: ColumnType::Text,
            unit: "",
            meaning: $meaning,
            facts: &[$($fact),+],
            get: |_| Value::Missing,
        }
    };
}

/// The columns, in the order of output.
pub const COLUMNS: &[FlowColumn] = &[
    column!(Timestamp, "first", "", "Time of the first packet, in UTC", |f| f.record.first.into()),
    column!(Timestamp, "last", "", "Time of the last packet, in UTC", |f| f.record.last.into()),
    column!(Integer, "first_ns", "ns since 1970", "Time of the first packet, exactly", |f| {
        Value::Integer(f.record.first.0)
    }),
    column!(Integer, "last_ns", "ns since 1970", "Time of the last packet, exactly", |f| {
        Value::Integer(f.record.last.0)
    }),
    column!(Integer, "duration_ns", "ns", "Time from the first packet to the last", |f| {
        f.record.duration_ns().into()
    }),
    column!(Integer, "first_frame", "", "Number of the first packet in the capture", |f| {
        f.record.first_frame.into()
    }),
    column!(Integer, "last_frame", "", "Number of the last packet in the capture", |f| {
        f.record.last_frame.into()
    }),
    column!(Text, "file", "", "File of the first packet, where several were read", |f| {
        place(f).map(|place| place.file.to_string()).into()
    }),
    column!(Integer, "file_frame", "", "Number of the first packet in that file", |f| {
        place(f).map(|place| place.frame).into()
    }),
    column!(Text, "transport", "", "`tcp` or `udp`", |f| f.record.transport.as_str().into()),
    column!(Text, "initiator_address", "", "Address of the client", |f| {
        f.record.initiator.address.into()
    }),
    column!(Integer, "initiator_port", "", "Port of the client", |f| {
        u64::from(f.record.initiator.port).into()
    }),
    column!(Text, "responder_address", "", "Address of the server", |f| {
        f.record.responder.address.into()
    }),
    column!(Integer, "responder_port", "", "Port of the server", |f| {
        u64::from(f.record.responder.port).into()
    }),
    column!(Text, "community_id", "", "Community ID, version 1, seed 0", |f| {
        community_id(f.record.transport, f.record.initiator, f.record.responder).into()
    }),
    column!(Text, "orientation", "", "How client and server were told apart", |f| {
        f.record.orientation.as_str().into()
    }),
    column!(Text, "tunnel", "", "The tunnel that carried the packets", |f| {
        f.record.tunnel.map(Tunnel::as_str).into()
    }),
    column!(Integer, "vlan", "", "VLAN, with `--key vlan`", |f| {
        let tenant = f.record.tenant;
        tenant.vlan().filter(|_| tenant.parts().vlan).map(u64::from).into()
    }),
    column!(Integer, "outer_vlan", "", "Outer VLAN of two, with `--key vlan`", |f| {
        let tenant = f.record.tenant;
        tenant.outer_vlan().filter(|_| tenant.parts().vlan).map(u64::from).into()
    }),
    column!(Integer, "vni", "", "Virtual network, with `--key vni`", |f| {
        let tenant = f.record.tenant;
        tenant.vni().filter(|_| tenant.parts().vni).map(u64::from).into()
    }),
    column!(Integer, "packets", "packets", "Packets of both sides", |f| {
        f.record.packets.sum().into()
    }),
    column!(Integer, "packets_initiator", "packets", "Packets from the client", |f| {
        f.record.packets.initiator.into()
    }),
    column!(Integer, "packets_responder", "packets", "Packets from the server", |f| {
        f.record.packets.responder.into()
    }),
    column!(Integer, "bytes", "bytes", "Bytes of both sides on the wire", |f| {
        f.record.bytes.sum().into()
    }),
    column!(Integer, "bytes_initiator", "bytes", "Bytes from the client on the wire", |f| {
        f.record.bytes.initiator.into()
    }),
    column!(Integer, "bytes_responder", "bytes", "Bytes from the server on the wire", |f| {
        f.record.bytes.responder.into()
    }),
    column!(Integer, "payload_bytes_initiator", "bytes", "Payload from the client", |f| {
        f.record.payload_bytes.initiator.into()
    }),
    column!(Integer, "payload_bytes_responder", "bytes", "Payload from the server", |f| {
        f.record.payload_bytes.responder.into()
    }),
    column!(Text, "outcome", "", "How the attempt to reach a service went", |f| {
        f.record.outcome.as_str().into()
    }),
    column!(Text, "icmp_error", "", "The ICMP error that answered the client", |f| {
        f.record.icmp.map(|icmp| icmp.kind.as_str()).into()
    }),
    column!(Integer, "icmp_frame", "", "Number of the packet with that error", |f| {
        f.record.icmp.map(|icmp| icmp.frame).into()
    }),
    column!(Text, "heard", "", "Which sides sent payload", |f| {
        f.record.payload_sides().as_str().into()
    }),
    column!(Text, "tcp_state", "", "State of the TCP connection at its end", |f| {
        f.record.tcp.map(TcpState::as_str).into()
    }),
    column!(Text, "ended_by", "", "The side that ended the TCP connection first", |f| {
        f.record.tcp.and(f.record.ended_by).map(Direction::as_str).into()
    }),
    column!(Integer, "handshake_rtt_ns", "ns", "Time of the TCP handshake", |f| {
        f.record.tcp.and(f.record.handshake_ns).into()
    }),
    column!(Integer, "first_response_ns", "ns", "Time from the first request to its answer", |f| {
        f.record.first_response_ns.into()
    }),
    column!(
        Integer,
        "retransmissions_initiator",
        "packets",
        "TCP retransmissions of the client",
        |f| { f.record.tcp.map(|_| f.record.tcp_counters.retransmissions.initiator).into() }
    ),
    column!(
        Integer,
        "retransmissions_responder",
        "packets",
        "TCP retransmissions of the server",
        |f| { f.record.tcp.map(|_| f.record.tcp_counters.retransmissions.responder).into() }
    ),
    column!(Text, "protocol", "", "The protocol that the bytes show", |f| {
        f.verdict.protocol.map(Protocol::as_str).into()
    }),
    column!(Text, "service", "", "The service that a mark names", |f| {
        f.verdict.service.as_ref().map(|service| &*service.id).into()
    }),
    column!(Text, "service_name", "", "Which of the services of one entry it is", |f| {
        f.verdict.service_name.as_deref().into()
    }),
    column!(Text, "tag", "", "The family of the service or the protocol", |f| {
        f.verdict.tag().into()
    }),
    column!(Text, "also", "", "Other layers of the service, with `;` between them", |f| {
        joined(f.verdict.also.iter().map(|service| &*service.id))
    }),
    column!(Text, "product", "", "What the server calls itself", |f| {
        f.verdict.product.as_deref().into()
    }),
    column!(Text, "process_service", "", "The service by the name of the server's process", |f| {
        f.verdict.process_service.as_ref().map(|service| &*service.id).into()
    }),
    column!(Text, "proved_by", "", "The sides whose bytes show the protocol", |f| {
        f.verdict.proved_by.map(ProvedBy::as_str).into()
    }),
    column!(Text, "confidence", "", "`unknown`, `port`, `protocol` or `mark`", |f| {
        f.verdict.confidence.as_str().into()
    }),
    column!(Text, "fit", "", "`agrees`, `unclaimed` or `contradicts`", |f| {
        f.verdict.fit.map(Fit::as_str).into()
    }),
    column!(
        Text,
        "fault",
        "",
        "`mismatch`, `cut-off` or `tampered` (bytes came twice and differ)",
        |f| { f.verdict.fault.map(Fault::as_str).into() }
    ),
    column!(Text, "candidates", "", "Who it may be, with `;` between them", |f| {
        joined(f.verdict.candidates.iter().map(Candidate::id))
    }),
    column!(
        Text,
        "candidate_tags",
        "",
        "The families of the candidates, with `;` between them",
        |f| { joined(f.verdict.candidate_tags().into_iter()) }
    ),
    column!(Text, "initiator_process", "", "Processes of the client, with `;` between them", |f| {
        process(f, Direction::Initiator)
    }),
    column!(Text, "responder_process", "", "Processes of the server, with `;` between them", |f| {
        process(f, Direction::Responder)
    }),
    fact!("sni", "The host that the client asks for in TLS", "tls.sni", "quic.sni", "dtls.sni"),
    fact!("alpn", "The first protocol of ALPN", "tls.alpn", "quic.alpn", "dtls.alpn"),
    fact!("ja4", "JA4 of the TLS client", "tls.ja4", "quic.ja4"),
    fact!(
        "host",
        "Host of the first HTTP request",
        "http.request-header.host",
        "http.request-header.:authority"
    ),
    fact!(
        "user_agent",
        "What the client calls itself",
        "http.request-header.user-agent",
        "quic.user-agent",
        "sip.user-agent",
        "rtsp.user-agent",
        "ssdp.user-agent"
    ),
    fact!(
        "dns_name",
        "The first name that was asked for",
        "dns.query",
        "mdns.query",
        "llmnr.query"
    ),
    fact!("http_status", "Status of the first HTTP response", "http.status"),
    fact!("ssh_banner", "Software in the first SSH banner", "ssh.software"),
    fact!("osc_address", "Address of the first OSC message", "osc.address"),
];

/// The column of this name.
#[must_use]
pub fn column(name: &str) -> Option<&'static FlowColumn> {
    COLUMNS.iter().find(|column| column.name == name)
}

/// The facts that some columns show.
#[must_use]
pub fn facts_of<'c>(columns: impl IntoIterator<Item = &'c FlowColumn>) -> Vec<&'static str> {
    columns.into_iter().flat_map(|column| column.facts).copied().collect()
}

/// Where the first packet of a flow is.
fn place(flow: FlowView<'_>) -> Option<FramePlace> {
    flow.files?.place(flow.record.first_frame)
}

/// Texts in one, with `;` between them.
fn joined<'f>(texts: impl Iterator<Item = &'f str>) -> Value<'f> {
    let texts: Vec<&str> = texts.collect();
    match &texts[..] {
        [] => Value::Missing,
        [one] => (*one).into(),
        several => several.join(";").into(),
    }
}

/// The processes of a side, as `name/pid`.
fn process(flow: FlowView<'_>, side: Direction) -> Value<'_> {
    let holders = flow.processes.get(side).map_or(&[][..], Attribution::holders);
    let names: Vec<String> =
        holders.iter().map(|holder| format!("{}/{}", holder.name, holder.pid)).collect();
    if names.is_empty() { Value::Missing } else { names.join(";").into() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_plain_words_and_each_stands_once() {
        let mut seen = HashSet::new();
        for column in COLUMNS {
            assert!(seen.insert(column.name), "{}", column.name);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(column.name.chars().all(plain), "{}", column.name);
        }
    }

    #[test]
    fn every_fact_of_a_column_is_one_that_a_detector_states() {
        for fact in facts_of(COLUMNS) {
            assert!(crate::detect::is_stated(fact), "{fact}");
        }
    }
}
