//! Wireshark display filters for what a verdict rests on.
//! <https://www.wireshark.org/docs/man-pages/wireshark-filter.html>

use crate::classify::Reason;
use crate::decode::{Endpoint, Tunnel};
use crate::flow::FlowRecord;
use crate::stats::ServerKey;

/// What a display filter selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FilterOn {
    /// The frames of the reasons, by their numbers.
    #[default]
    Frames,
    /// The conversation, by its addresses and ports: the frames are in no file that has their
    /// numbers.
    Conversation,
}

/// The display filter for the frames that the reasons name, or for their conversation; `None` if
/// they name no frame.
#[must_use]
pub fn display_filter(on: FilterOn, record: &FlowRecord, reasons: &[Reason]) -> Option<String> {
    let mut frames: Vec<u64> = reasons.iter().filter_map(|reason| reason.frame).collect();
    frames.sort_unstable();
    frames.dedup();
    match (on, &frames[..]) {
        (_, []) => None,
        (FilterOn::Conversation, _) => Some(conversation(record)),
        (FilterOn::Frames, [one]) => Some(format!("frame.number == {one}")),
        (FilterOn::Frames, many) => Some(format!(
            "frame.number in {{{}}}",
            many.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
        )),
    }
}

/// The display filter for all frames of a server.
#[must_use]
pub fn of_server(ServerKey { address, port, transport, .. }: ServerKey) -> String {
    let field = if address.is_ipv4() { "ip" } else { "ipv6" };
    format!("{field}.addr == {address} && {transport}.port == {port}")
}

/// The display filter for all frames between the two ends of a flow.
fn conversation(record: &FlowRecord) -> String {
    let (a, b) = (record.initiator, record.responder);
    let address = |end: Endpoint| match end.address {
        std::net::IpAddr::V4(address) => ("ip", address.to_string()),
        std::net::IpAddr::V6(address) => ("ipv6", address.to_string()),
    };
    let transport = record.transport.as_str();
    let ends = [
        both(&address(a), &address(b), ["addr", "src", "dst"]),
        both(
            &(transport, a.port.to_string()),
            &(transport, b.port.to_string()),
            ["port", "srcport", "dstport"],
        ),
    ];
    ends.into_iter().chain(tenant(record)).collect::<Vec<_>>().join(" && ")
}

/// The tenant, where it belongs to the key of flows.
fn tenant(record: &FlowRecord) -> impl Iterator<Item = String> {
    let vlans = [record.tenant.outer_vlan(), record.tenant.vlan()];
    let vlans = vlans.into_iter().flatten().map(|id| format!("vlan.id == {id}"));
    let field = match record.tunnel {
        Some(Tunnel::Vxlan | Tunnel::VxlanGpe) => Some("vxlan.vni"),
        Some(Tunnel::Geneve) => Some("geneve.vni"),
        _ => None,
    };
    let vni = field.zip(record.tenant.vni()).map(|(field, vni)| format!("{field} == {vni}"));
    vlans.chain(vni)
}

/// Both values of a field of either end; equal ones by the fields of the two directions.
fn both(a: &(&str, String), b: &(&str, String), [either, from, to]: [&str; 3]) -> String {
    let (from, to) = if a == b { (from, to) } else { (either, either) };
    format!("{}.{from} == {} && {}.{to} == {}", a.0, a.1, b.0, b.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Transport;

    fn reason(frame: Option<u64>) -> Reason {
        Reason { fact: "port".into(), value: String::new(), direction: None, frame }
    }

    fn record(transport: Transport, ends: [&str; 2]) -> FlowRecord {
        let [initiator, responder] = ends.map(|end| {
            let end: std::net::SocketAddr = end.parse().unwrap();
            Endpoint { address: end.ip(), port: end.port() }
        });
        FlowRecord { transport, initiator, responder, ..FlowRecord::silent(1) }
    }

    #[test]
    fn frames_are_named_once_and_in_order() {
        let filter = |frames: &[Option<u64>]| {
            let reasons: Vec<_> = frames.iter().map(|&frame| reason(frame)).collect();
            display_filter(FilterOn::Frames, &FlowRecord::silent(1), &reasons)
        };
        assert_eq!(filter(&[None]), None);
        assert_eq!(filter(&[Some(6), None, Some(6)]).unwrap(), "frame.number == 6");
        assert_eq!(filter(&[Some(6), Some(4)]).unwrap(), "frame.number in {4, 6}");
    }

    #[test]
    fn a_conversation_is_named_by_its_addresses_and_ports() {
        let filter = |transport, ends| {
            let record = record(transport, ends);
            let with = |frame| display_filter(FilterOn::Conversation, &record, &[reason(frame)]);
            assert_eq!(with(None), None);
            with(Some(3)).unwrap()
        };
        assert_eq!(
            filter(Transport::Tcp, ["10.0.0.1:47498", "10.0.0.2:3001"]),
            "ip.addr == 10.0.0.1 && ip.addr == 10.0.0.2 && tcp.port == 47498 && tcp.port == 3001"
        );
        assert_eq!(
            filter(Transport::Udp, ["[fe80::1]:5000", "[fe80::2]:5000"]),
            "ipv6.addr == fe80::1 && ipv6.addr == fe80::2 && udp.srcport == 5000 && udp.dstport == 5000"
        );
        assert_eq!(
            filter(Transport::Tcp, ["127.0.0.1:47498", "127.0.0.1:3001"]),
            "ip.src == 127.0.0.1 && ip.dst == 127.0.0.1 && tcp.port == 47498 && tcp.port == 3001"
        );
        let mut record = record(Transport::Tcp, ["10.0.0.1:1", "10.0.0.2:2"]);
        record.tenant = crate::decode::Tenant::NONE.in_vlan(10).in_vlan(20).in_network(7);
        record.tunnel = Some(Tunnel::Vxlan);
        let filter = display_filter(FilterOn::Conversation, &record, &[reason(Some(3))]).unwrap();
        assert!(
            filter
                .ends_with("&& tcp.port == 2 && vlan.id == 10 && vlan.id == 20 && vxlan.vni == 7"),
            "{filter}"
        );
    }
}
