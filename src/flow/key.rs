//! The flow key, which is the same for both directions of a conversation.

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

use super::Tenants;
use crate::decode::{Endpoint, FiveTuple, Transport};

/// Number of independent flow tables, whatever the number of workers: limits, ageing and eviction,
/// and with them the output, are the same with one worker and with many.
pub const SHARDS: usize = 16;

/// Both endpoints in a fixed order, the transport and the IP version; and the number of the tenant,
/// where flows of several tenants are to be kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowKey {
    /// IPv6: the words of the lower endpoint's address, then of the higher one's. IPv4: both
    /// addresses in the first word.
    addresses: [u64; 4],
    /// Number of the tenant, port of the lower endpoint, port of the higher one, version and
    /// transport.
    rest: u64,
}

/// The bit of `rest` that is set for IPv6.
const V6: u64 = 0x100;
/// The lowest bit of the number of the tenant in `rest`.
const TENANT: u32 = 48;

impl Hash for FlowKey {
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "once per frame; a call passes the key in memory")]
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.is_v6() {
            self.addresses[1..].iter().for_each(|&word| state.write_u64(word));
        }
        state.write_u64(self.addresses[0]);
        state.write_u64(self.rest);
    }
}

/// Index of the lower endpoint of a key.
pub(super) const LOW: usize = 0;
/// Index of the higher endpoint of a key.
pub(super) const HIGH: usize = 1;

impl FlowKey {
    /// The key of a directed five-tuple, and the end of the key that is its source.
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

    /// The key of the same flow of the tenant with this number; zero is none.
    #[must_use]
    pub const fn of_tenant(self, number: u16) -> Self {
        Self { rest: self.rest << 16 >> 16 | (number as u64) << TENANT, ..self }
    }

    /// Whether this is the form in which keys of such endpoints are made.
    pub(super) fn is_canonical(&self) -> bool {
        let [source, destination] = [LOW, HIGH].map(|end| self.endpoint(end));
        let tuple = FiveTuple { source, destination, transport: self.transport() };
        Self::new(&tuple).0.of_tenant(self.tenant()) == *self
    }

    /// The number of the tenant; zero if there is none.
    #[must_use]
    pub const fn tenant(&self) -> u16 {
        (self.rest >> TENANT) as u16
    }

    /// The key in the form in which a live flow stores it: a word that differs between most flows,
    /// the word with the ports, and the addresses if the first word does not hold them (IPv6).
    pub(super) fn words(&self) -> (u64, u64, Option<[u64; 4]>) {
        let first = if self.is_v6() {
            self.addresses.iter().fold(0_u64, |sum, word| sum.rotate_left(7) ^ word)
        } else {
            self.addresses[0]
        };
        (first, self.rest, self.is_v6().then_some(self.addresses))
    }

    /// The key of which [`words`](Self::words) returned the parts.
    pub(super) fn from_words(first: u64, rest: u64, addresses: Option<[u64; 4]>) -> Self {
        Self { addresses: addresses.unwrap_or([first, 0, 0, 0]), rest }
    }

    const fn is_v6(&self) -> bool {
        is_v6(self.rest)
    }

    /// TCP or UDP.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        transport(self.rest)
    }

    /// The port at an end of the key.
    #[inline]
    pub(super) const fn port(&self, end: usize) -> u16 {
        (self.rest >> (if end == LOW { 32 } else { 16 })) as u16
    }

    /// Whether the address at an end of the key stands for many hosts: a group, or IPv4's
    /// broadcast.
    #[inline]
    pub(super) fn is_group(&self, end: usize) -> bool {
        if self.is_v6() {
            return self.addresses[end * 2] >> 56 == 0xff;
        }
        let address = (self.addresses[0] >> (if end == LOW { 32 } else { 0 })) as u32;
        address >> 28 == 0xe || address == u32::MAX
    }

    /// The endpoint at an end of the key: 0 is the lower, 1 the higher one.
    #[must_use]
    pub fn endpoint(&self, end: usize) -> Endpoint {
        let address = if self.is_v6() {
            let words = &self.addresses[end * 2..end * 2 + 2];
            IpAddr::V6((u128::from(words[0]) << 64 | u128::from(words[1])).into())
        } else {
            IpAddr::V4(((self.addresses[0] >> (if end == LOW { 32 } else { 0 })) as u32).into())
        };
        Endpoint { address, port: self.port(end) }
    }
}

/// Whether a key with this last word is of IPv6.
pub(super) const fn is_v6(rest: u64) -> bool {
    rest & V6 != 0
}

/// The transport in the last word of a key.
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

/// The hash function of flow keys, and the tenants that they number: the same for all tables of a
/// run. The function is keyed, because whoever makes the traffic must not be able to choose
/// collisions.
#[derive(Debug, Clone, Default)]
pub struct FlowHasher {
    state: RandomState,
    tenants: Tenants,
}

impl FlowHasher {
    /// The hash of a key.
    #[must_use]
    #[inline]
    pub fn hash(&self, key: &FlowKey) -> u64 {
        self.state.hash_one(key)
    }

    /// The tenants of keys.
    #[must_use]
    pub const fn tenants(&self) -> &Tenants {
        &self.tenants
    }
}

/// The shard of a flow, below [`SHARDS`]: the same in every run, unlike its hash.
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
    use std::net::Ipv4Addr;

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
            a in endpoint(), b in endpoint(), tcp in any::<bool>(), tenant in any::<u16>(),
        ) {
            prop_assume!(a.address.is_ipv4() == b.address.is_ipv4());
            let transport = if tcp { Transport::Tcp } else { Transport::Udp };
            let key = |source, destination| {
                let (key, end) = FlowKey::new(&FiveTuple { source, destination, transport });
                (key.of_tenant(tenant), end)
            };
            let ((there, from), (back, to)) = (key(a, b), key(b, a));
            prop_assert_eq!(there.tenant(), tenant);
            prop_assert_eq!(there.of_tenant(0) == there, tenant == 0);
            prop_assert_eq!(there, back);
            prop_assert_eq!(shard(&there), shard(&back));
            let group = |address| match address {
                IpAddr::V4(v4) => Ipv4Addr::is_multicast(&v4) || v4.is_broadcast(),
                IpAddr::V6(v6) => v6.is_multicast(),
            };
            prop_assert_eq!((there.is_group(from), there.port(from)), (group(a.address), a.port));
            prop_assert!(there.is_group(to) == group(b.address) || a == b);
            let (first, rest, addresses) = there.words();
            prop_assert_eq!(FlowKey::from_words(first, rest, addresses), there);
            prop_assert_eq!(there.transport(), transport);
            prop_assert_eq!((there.endpoint(from), there.endpoint(1 - from)), (a, b));
            prop_assert!(a == b || from != to);
        }
    }
}
