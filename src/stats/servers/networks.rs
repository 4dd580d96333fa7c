//! Where clients are, seen from their servers: on the same host, in its network, elsewhere.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Networks that count as local, beside each server's own /24 or /64. Empty unless the user, or the
/// interface that is captured on, names some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalNetworks(Arc<[IpNetwork]>);

/// The addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpNetwork {
    address: IpAddr,
    /// Bits of the prefix.
    bits: u8,
}

impl IpNetwork {
    /// The network of an address; `bits` beyond the length of the address are that length.
    #[must_use]
    pub const fn new(address: IpAddr, bits: u8) -> Self {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        Self { address, bits: if bits < longest { bits } else { longest } }
    }

    /// Reads `10.0.0.0/8`, `fd00::/8`, or an address alone.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(longest), |bits| bits.parse().ok())?;
        (bits <= longest).then_some(Self { address, bits })
    }

    /// Whether an address is in the network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => {
                let differing = mine.to_bits() ^ other.to_bits();
                differing.checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(mine), IpAddr::V6(other)) => {
                let differing = mine.to_bits() ^ other.to_bits();
                differing.checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// As in `10.0.0.0/8`.
impl fmt::Display for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl FromIterator<IpNetwork> for LocalNetworks {
    fn from_iter<I: IntoIterator<Item = IpNetwork>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

impl LocalNetworks {
    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

/// Where a client is, seen from its server; what comes later is farther.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ClientOrigin {
    /// On the same host.
    SameHost,
    /// On another host of the server's network, or of a local one.
    OtherHost,
    /// Outside the server's /24 or /64 and the local networks.
    Outside,
    /// At an address that is neither local nor of a range for private use or documentation.
    Public,
}

impl ClientOrigin {
    /// Where the client of a server is.
    #[inline]
    pub(super) fn new(server: IpAddr, client: IpAddr, local: &LocalNetworks) -> Self {
        if client == server {
            Self::SameHost
        } else if in_one_network(server, client) || local.contain(client) {
            Self::OtherHost
        } else if is_public(client) {
            Self::Public
        } else {
            Self::Outside
        }
    }
}

/// Whether two addresses are of one /24, or of one /64. Addresses of one machine are, too.
fn in_one_network(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (one.to_bits() ^ other.to_bits()) >> 8 == 0 || one.is_loopback() && other.is_loopback()
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()) >> 64 == 0,
        _ => false,
    }
}

/// Whether an address is of a host on the Internet: not loopback, link-local, private (RFC 1918,
/// RFC
/// 4193), shared (RFC 6598), for documentation (RFC 5737, RFC 3849, RFC 9637), a group or none.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let is_shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            !(v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_documentation()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.octets()[0] == 0
                || is_shared)
        }
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [first, second, ..] = v6.segments();
    let is_documentation = first == 0x2001 && second == 0xdb8 || first & 0xfff0 == 0x3ff0;
    match v6.to_ipv4_mapped() {
        Some(v4) => is_public(IpAddr::V4(v4)),
        None => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.is_multicast()
                || is_documentation)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_for_private_use_and_documentation_are_not_public() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.7.7",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.255.254",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "::1",
            "::",
            "fe80::1",
            "fd12::1",
            "2001:db8::1",
            "3fff::1",
            "ff02::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_public(address(inside)), "{inside}");
        }
        for outside in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2a00::1", "::ffff:8.8.8.8"] {
            assert!(is_public(address(outside)), "{outside}");
        }
    }

    #[test]
    fn a_network_has_the_addresses_with_its_prefix() {
        let network = |text: &str| IpNetwork::parse(text).unwrap();
        assert!(network("10.0.0.0/8").contains(address("10.9.8.7")));
        assert!(!network("10.0.0.0/8").contains(address("11.0.0.1")));
        assert!(network("192.0.2.7").contains(address("192.0.2.7")));
        assert!(!network("192.0.2.7").contains(address("192.0.2.6")));
        assert!(network("0.0.0.0/0").contains(address("8.8.8.8")));
        assert!(!network("0.0.0.0/0").contains(address("::1")));
        assert!(network("fd00::/8").contains(address("fd12::1")));
        for wrong in ["10.0.0.0/33", "::/129", "10.0.0/8", "x", "10.0.0.0/"] {
            assert_eq!(IpNetwork::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn clients_are_on_the_host_in_its_network_outside_or_public() {
        let server = address("192.0.2.10");
        let local: LocalNetworks = IpNetwork::parse("198.51.100.0/24").into_iter().collect();
        for (client, origin) in [
            ("192.0.2.10", ClientOrigin::SameHost),
            ("192.0.2.20", ClientOrigin::OtherHost),
            ("198.51.100.1", ClientOrigin::OtherHost),
            ("203.0.113.1", ClientOrigin::Outside),
            ("9.9.9.9", ClientOrigin::Public),
        ] {
            assert_eq!(ClientOrigin::new(server, address(client), &local), origin, "{client}");
        }
    }
}
