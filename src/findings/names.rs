//! How protocols are called in sentences.

use crate::evidence::Protocol;

/// The name of a protocol as people write it.
pub(super) fn protocol_name(protocol: Protocol) -> String {
    let name = match protocol {
        Protocol::Http2 => "HTTP/2",
        Protocol::Websocket => "WebSocket",
        Protocol::Grpc => "gRPC",
        Protocol::Mdns => "mDNS",
        Protocol::Postgresql => "PostgreSQL",
        Protocol::Mysql => "MySQL",
        Protocol::Mongodb => "MongoDB",
        Protocol::Netflow => "NetFlow",
        Protocol::Bittorrent => "BitTorrent",
        Protocol::Wireguard => "WireGuard",
        Protocol::Iperf3 => "iPerf3",
        Protocol::Artnet => "Art-Net",
        Protocol::Sacn => "sACN",
        Protocol::WsDiscovery => "WS-Discovery",
        Protocol::Opcua => "OPC UA",
        Protocol::Pjlink => "PJLink",
        Protocol::Bacnet => "BACnet",
        Protocol::Rsync => "rsync",
        Protocol::Applemidi => "AppleMIDI",
        Protocol::Hyperdeck => "HyperDeck",
        Protocol::Dcerpc => "DCE/RPC",
        Protocol::Iec104 => "IEC 104",
        Protocol::Text => "plain text",
        other => return by_id(other.as_str()),
    };
    name.to_owned()
}

/// Abbreviations are capitals, and names begin with one.
fn by_id(id: &str) -> String {
    const NAMES: [&str; 8] =
        ["kafka", "memcached", "modbus", "redis", "syslog", "telnet", "watchout", "icy"];
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
            assert_eq!(protocol_name(protocol), name);
        }
    }
}
