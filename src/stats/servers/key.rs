//! What a server is known by, and the order in which servers are kept.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::decode::{Endpoint, ServicePort, Transport};
use crate::stats::distinct::mix_word;

/// The endpoint of a server: address, port and transport, and the sensor that saw it. Sorts by
/// address, IPv4 first, then by port, by transport and by sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServerKey {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// TCP or UDP.
    pub transport: Transport,
    /// The number of the sensor, from 1; 0 where there is only one.
    pub sensor: u16,
}

/// The place of a server in the fixed order in which servers are kept: own hosts (loopback,
/// link-local, RFC 1918, RFC 4193) first, then all others; among each by a public hash of address,
/// port and transport, then by the key itself. It depends on nothing but the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ServerRank(u64, ServerKey);

impl Serialize for ServerRank {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.1.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ServerRank {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ServerKey::deserialize(deserializer).map(ServerKey::rank)
    }
}

impl ServerRank {
    /// The server whose place it is.
    pub(super) const fn key(&self) -> ServerKey {
        self.1
    }

    /// The place of the same endpoint as another sensor saw it.
    pub(super) fn of_sensor(&self, sensor: u16) -> Self {
        ServerKey { sensor, ..self.1 }.rank()
    }
}

impl ServerKey {
    /// The key of an endpoint.
    #[must_use]
    pub const fn new(Endpoint { address, port }: Endpoint, transport: Transport) -> Self {
        Self { address, port, transport, sensor: 0 }
    }

    /// The server of a flow, and whether that is the initiator, who announces something to a group;
    /// `None` where a group is asked, which is no server. `to_group` tells of the group that its
    /// address does not show: the broadcast address of a network.
    #[must_use]
    pub fn of_flow(
        [initiator, responder]: [Endpoint; 2],
        transport: Transport,
        (to_group, announces): (bool, bool),
    ) -> Option<(Self, bool)> {
        if !to_group && is_unicast(responder.address) {
            return Some((Self::new(responder, transport), false));
        }
        let is_server = announces && is_unicast(initiator.address);
        is_server.then(|| (Self::new(initiator, transport), true))
    }

    /// The port and transport.
    #[must_use]
    pub const fn service_port(&self) -> ServicePort {
        ServicePort { port: self.port, transport: self.transport }
    }

    /// The two halves of the address, then sensor, port, family and transport.
    const fn words(&self) -> [u64; 3] {
        let (bits, family) = match self.address {
            IpAddr::V4(v4) => (v4.to_bits() as u128, 4),
            IpAddr::V6(v6) => (v6.to_bits(), 6),
        };
        let sensor = (self.sensor as u64) << 32;
        let rest = sensor | (self.port as u64) << 16 | family << 8 | self.transport as u64;
        [(bits >> 64) as u64, bits as u64, rest]
    }

    /// The place in the order.
    pub(super) fn rank(self) -> ServerRank {
        let hash = self.words().into_iter().fold(0, |sum, word| mix_word(sum ^ word));
        ServerRank(u64::from(!is_own(self.address)) << 63 | hash >> 1, self)
    }
}

/// As in `10.0.0.1:3001/tcp` and `[fd00::1]:53/udp`.
impl fmt::Display for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", SocketAddr::new(self.address, self.port), self.transport)
    }
}

impl Hash for ServerKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.words().into_iter().for_each(|word| state.write_u64(word));
    }
}

/// Whether an address is of the kinds that a network gives its own hosts.
const fn is_own(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Whether an address is of one host: neither a group, nor the limited broadcast, nor none.
pub(super) fn is_unicast(address: IpAddr) -> bool {
    !address.is_multicast()
        && address != IpAddr::V4(Ipv4Addr::BROADCAST)
        && address != IpAddr::V4(Ipv4Addr::UNSPECIFIED)
        && address != IpAddr::V6(Ipv6Addr::UNSPECIFIED)
}
