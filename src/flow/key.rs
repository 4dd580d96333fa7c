//! The order-free flow key: both directions of a conversation have the same one.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use crate::decode::{Endpoint, FiveTuple, Transport};

/// Flows are split into this many independent tables, whatever the number of workers, so that limits, ageing and eviction
/// (and with them the output) are the same with one worker and with many.
pub const SHARDS: usize = 16;

/// Both endpoints in a fixed order, the transport and the IP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowKey {
    /// Address words of the lower endpoint, then of the higher.
    addresses: [u64; 4],
    /// Port of the lower endpoint, port of the higher, version and transport.
    rest: u64,
}

impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for word in self.addresses {
            state.write_u64(word);
        }
        state.write_u64(self.rest);
    }
}

/// One end of a key.
pub(super) const LOW: usize = 0;
/// The other end.
pub(super) const HIGH: usize = 1;

impl FlowKey {
    /// The key of a directed five-tuple, and which of its ends the source is.
    #[must_use]
    pub fn new(tuple: &FiveTuple) -> (Self, usize) {
        let (source, destination) = (bits(tuple.source), bits(tuple.destination));
        let (low, high, end) = if source <= destination { (source, destination, LOW) } else { (destination, source, HIGH) };
        let version = u64::from(tuple.source.address.is_ipv6());
        let key = Self {
            addresses: [(low.0 >> 64) as u64, low.0 as u64, (high.0 >> 64) as u64, high.0 as u64],
            rest: u64::from(low.1) << 32 | u64::from(high.1) << 16 | version << 8 | tuple.transport as u64,
        };
        (key, end)
    }

    /// The transport.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        if self.rest & 0xff == Transport::Tcp as u64 { Transport::Tcp } else { Transport::Udp }
    }

    /// The endpoint at one end.
    #[must_use]
    pub fn endpoint(&self, end: usize) -> Endpoint {
        let words = &self.addresses[end * 2..end * 2 + 2];
        let address = u128::from(words[0]) << 64 | u128::from(words[1]);
        let address = if self.rest & 0x100 != 0 { IpAddr::V6(address.into()) } else { IpAddr::V4((address as u32).into()) };
        Endpoint { address, port: (self.rest >> (if end == LOW { 32 } else { 16 })) as u16 }
    }
}

fn bits(endpoint: Endpoint) -> (u128, u16) {
    let address = match endpoint.address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    };
    (address, endpoint.port)
}

/// The shard of a flow: the same in every run, unlike the table's keyed hash.
#[must_use]
pub fn shard(key: &FlowKey) -> usize {
    let folded = key.addresses.iter().fold(key.rest, |sum, word| (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (folded >> 60) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn endpoint() -> impl Strategy<Value = Endpoint> {
        (
            prop_oneof![any::<u32>().prop_map(|a| IpAddr::V4(a.into())), any::<u128>().prop_map(|a| IpAddr::V6(a.into()))],
            any::<u16>(),
        )
            .prop_map(|(address, port)| Endpoint { address, port })
    }

    proptest! {
        #[test]
        fn both_directions_have_one_key_and_the_endpoints_come_back(
            a in endpoint(), b in endpoint(), tcp in any::<bool>(),
        ) {
            prop_assume!(a.address.is_ipv4() == b.address.is_ipv4());
            let transport = if tcp { Transport::Tcp } else { Transport::Udp };
            let (there, from) = FlowKey::new(&FiveTuple { source: a, destination: b, transport });
            let (back, to) = FlowKey::new(&FiveTuple { source: b, destination: a, transport });
            prop_assert_eq!(there, back);
            prop_assert_eq!(shard(&there), shard(&back));
            prop_assert_eq!(there.transport(), transport);
            prop_assert_eq!((there.endpoint(from), there.endpoint(1 - from)), (a, b));
            prop_assert!(a == b || from != to);
        }
    }
}
