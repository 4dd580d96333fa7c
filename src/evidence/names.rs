//! What people call the protocols and the two sides of a flow.

use super::{Direction, Protocol};

impl Direction {
    /// The word for people; [`as_str`](Self::as_str) has that of machine output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initiator => "client",
            Self::Responder => "server",
        }
    }
}

impl Protocol {
    /// The name as people write it; [`as_str`](Self::as_str) has the id of machine output.
    #[must_use]
    pub fn name(self) -> String {
        let name = match self {
            Self::Http2 => "HTTP/2",
            Self::Websocket => "WebSocket",
            Self::Grpc => "gRPC",
            Self::Mdns => "mDNS",
            Self::Postgresql => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Mongodb => "MongoDB",
            Self::Netflow => "NetFlow",
            Self::Bittorrent => "BitTorrent",
            Self::Wireguard => "WireGuard",
            Self::Iperf3 => "iPerf3",
            Self::Artnet => "Art-Net",
            Self::Sacn => "sACN",
            Self::WsDiscovery => "WS-Discovery",
            Self::Opcua => "OPC UA",
            Self::Pjlink => "PJLink",
            Self::Bacnet => "BACnet",
            Self::Rsync => "rsync",
            Self::Applemidi => "AppleMIDI",
            Self::Hyperdeck => "HyperDeck",
            Self::Dcerpc => "DCE/RPC",
            Self::Watchout => "WATCHOUT",
            Self::Iec104 => "IEC 104",
            Self::Text => "plain text",
            other => return by_id(other.as_str()),
        };
        name.to_owned()
    }
}

/// Abbreviations are capitals, and names begin with one.
fn by_id(id: &str) -> String {
    const NAMES: [&str; 5] = ["kafka", "modbus", "redis", "syslog", "telnet"];
    if !NAMES.contains(&id) && id.len() <= 7 {
        return id.to_ascii_uppercase();
    }
    let mut name = id.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_called_as_people_write_them() {
        for (protocol, name) in [
            (Protocol::Ssh, "SSH"),
            (Protocol::Tls, "TLS"),
            (Protocol::Redis, "Redis"),
            (Protocol::Iec104, "IEC 104"),
            (Protocol::Socks, "SOCKS"),
            (Protocol::Telnet, "Telnet"),
            (Protocol::Dcerpc, "DCE/RPC"),
            (Protocol::Applemidi, "AppleMIDI"),
            (Protocol::Hyperdeck, "HyperDeck"),
            (Protocol::Http2, "HTTP/2"),
            (Protocol::Memcached, "Memcached"),
        ] {
            assert_eq!(protocol.name(), name);
        }
    }
}
