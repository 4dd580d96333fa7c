//! The order-free flow key: both directions of a conversation have the same one.

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::decode::{Endpoint, FiveTuple, Transport};

/// Flows are split into this many independent tables, whatever the number of workers, so that
/// limits, ageing and eviction (and with them the output) are the same with one worker and with
/// many.
pub const SHARDS: usize = 16;

/// Both endpoints in a fixed order, the transport and the IP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowKey {
    /// IPv6: words of the lower endpoint's address, then of the higher's. IPv4: both addresses in
    /// the first word.
    addresses: [u64; 4],
    /// Port of the lower endpoint, port of the higher, version and transport.
    rest: u64,
}

/// Where [`FlowKey`]'s last word says the version.
const V6: u64 = 0x100;

impl Hash for FlowKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.is_v6() {
            self.addresses[1..].iter().for_each(|&word| state.write_u64(word));
        }
        state.write_u64(self.addresses[0]);
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
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "measured: benches/README.md")]
    pub fn new(tuple: &FiveTuple) -> (Self, usize) {
        let (source, destination) = (tuple.source, tuple.destination);
        let rest = |low: u16, high: u16, version| {
            u64::from(low) << 32 | u64::from(high) << 16 | version | tuple.transport as u64
        };
        if let (IpAddr::V4(from), IpAddr::V4(to)) = (source.address, destination.address) {
            let (from, to) = (from.to_bits(), to.to_bits());
            let word = |address: u32, port: u16| u64::from(address) << 16 | u64::from(port);
            let ordered = word(from, source.port) <= word(to, destination.port);
            let (low, high) = if ordered { (from, to) } else { (to, from) };
            let ports = if ordered {
                (source.port, destination.port)
            } else {
                (destination.port, source.port)
            };
            let addresses = [u64::from(low) << 32 | u64::from(high), 0, 0, 0];
            return (
                Self { addresses, rest: rest(ports.0, ports.1, 0) },
                if ordered { LOW } else { HIGH },
            );
        }
        let (source, destination) = (bits(source), bits(destination));
        let (low, high, end) = if source <= destination {
            (source, destination, LOW)
        } else {
            (destination, source, HIGH)
        };
        let addresses = [(low.0 >> 64) as u64, low.0 as u64, (high.0 >> 64) as u64, high.0 as u64];
        (Self { addresses, rest: rest(low.1, high.1, V6) }, end)
    }

    /// Its words, as they are kept apart: the one that tells most flows from each other, the ports,
    /// and all of the addresses where the first does not hold them.
    pub(super) fn words(&self) -> (u64, u64, Option<[u64; 4]>) {
        let first = if self.is_v6() {
            self.addresses.iter().fold(0_u64, |sum, word| sum.rotate_left(7) ^ word)
        } else {
            self.addresses[0]
        };
        (first, self.rest, self.is_v6().then_some(self.addresses))
    }

    /// The key of such words.
    pub(super) fn from_words(first: u64, rest: u64, addresses: Option<[u64; 4]>) -> Self {
        Self { addresses: addresses.unwrap_or([first, 0, 0, 0]), rest }
    }

    const fn is_v6(&self) -> bool {
        self.rest & V6 != 0
    }

    /// The transport.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        transport(self.rest)
    }

    /// The endpoint at one end.
    #[must_use]
    pub fn endpoint(&self, end: usize) -> Endpoint {
        let address = if self.is_v6() {
            let words = &self.addresses[end * 2..end * 2 + 2];
            IpAddr::V6((u128::from(words[0]) << 64 | u128::from(words[1])).into())
        } else {
            IpAddr::V4(((self.addresses[0] >> (if end == LOW { 32 } else { 0 })) as u32).into())
        };
        Endpoint { address, port: (self.rest >> (if end == LOW { 32 } else { 16 })) as u16 }
    }
}

/// The transport that a key's last word says.
pub(super) const fn transport(rest: u64) -> Transport {
    if rest & 0xff == Transport::Tcp as u64 { Transport::Tcp } else { Transport::Udp }
}

fn bits(endpoint: Endpoint) -> (u128, u16) {
    let address = match endpoint.address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    };
    (address, endpoint.port)
}

/// The hash of flow keys, the same in all tables of a run. Keyed: whoever makes the traffic must
/// not be able to choose collisions.
#[derive(Debug, Clone, Default)]
pub struct FlowHasher(RandomState);

impl FlowHasher {
    /// The hash of a key.
    #[must_use]
    #[inline]
    pub fn hash(&self, key: &FlowKey) -> u64 {
        self.0.hash_one(key)
    }
}

/// The shard of a flow: the same in every run, unlike its hash.
#[must_use]
#[inline]
pub fn shard(key: &FlowKey) -> usize {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let addresses = if key.is_v6() { key.words().0 } else { key.addresses[0] };
    let folded = (addresses.wrapping_mul(MIX) ^ key.rest).wrapping_mul(MIX);
    (folded >> 60) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn endpoint() -> impl Strategy<Value = Endpoint> {
        (
            prop_oneof![
                any::<u32>().prop_map(|a| IpAddr::V4(a.into())),
                any::<u128>().prop_map(|a| IpAddr::V6(a.into()))
            ],
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
            let (first, rest, addresses) = there.words();
            prop_assert_eq!(FlowKey::from_words(first, rest, addresses), there);
            prop_assert_eq!(there.transport(), transport);
            prop_assert_eq!((there.endpoint(from), there.endpoint(1 - from)), (a, b));
            prop_assert!(a == b || from != to);
        }
    }
}
