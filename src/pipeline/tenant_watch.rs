//! Whether the same addresses are seen in several VLANs or virtual networks: then flows of different
//! hosts are one, unless the tenant belongs to their key.
//!
//! The capture thread looks at segments that have a tenant, and at no others. Its memory is bounded:
//! each pair of addresses has one place in a table, and the first pair of a place keeps it. Hash and
//! order are the same in every run, so that the notice does not depend on the workers.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::decode::{Segment, Tenant, TenantParts};
use crate::saved::{BadState, MOST, check};

/// Places for pairs of addresses.
const PLACES: usize = 1 << 15;

/// A pair of addresses, and the first tenant in which it was seen.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct SeenPair {
    /// A digest of the addresses; of IPv4, the addresses themselves.
    addresses: u64,
    /// Its VLANs, its network.
    numbers: [Option<u32>; 2],
    /// Whether the pair counts already among those in several VLANs, in several networks.
    counted: [bool; 2],
}

/// The first pair of addresses that was seen in two tenants, and how many pairs there were.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct SharedPair {
    ends: [IpAddr; 2],
    /// The numbers of the two tenants.
    numbers: [u32; 2],
    frame: u64,
    pairs: u64,
}

/// What the capture thread remembers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TenantWatch {
    /// What belongs to the key of flows needs no notice.
    in_key: TenantParts,
    pairs: Vec<SeenPair>,
    /// VLANs, networks.
    shared: [Option<SharedPair>; 2],
}

impl TenantWatch {
    pub(super) const fn new(in_key: TenantParts) -> Self {
        Self { in_key, pairs: Vec::new(), shared: [None; 2] }
    }

    /// Takes a segment that has a tenant.
    pub(super) fn observe(&mut self, segment: &Segment) {
        if self.in_key == (TenantParts { vlan: true, vni: true }) {
            return;
        }
        let ends = [segment.five_tuple.source.address, segment.five_tuple.destination.address];
        let (addresses, place) = digest(ends);
        if self.pairs.is_empty() {
            self.pairs.resize(PLACES, SeenPair::default());
        }
        let numbers = [vlan_number(segment.tenant), segment.tenant.vni()];
        let pair = &mut self.pairs[place];
        if pair.numbers == [None; 2] {
            *pair = SeenPair { addresses, numbers, counted: [false; 2] };
        } else if pair.addresses == addresses && pair.numbers != numbers {
            self.compare(place, numbers, ends, segment.frame);
        }
    }

    /// Checks what was read.
    pub(super) fn check(self) -> Result<Self, BadState> {
        let is_table = self.pairs.is_empty() || self.pairs.len() == PLACES;
        let pairs = self.shared.iter().flatten().map(|shared| shared.pairs).max();
        check(is_table && pairs.is_none_or(|pairs| pairs <= MOST), "a table has another size")?;
        Ok(self)
    }

    #[cold]
    fn compare(&mut self, place: usize, now: [Option<u32>; 2], ends: [IpAddr; 2], frame: u64) {
        let in_key = [self.in_key.vlan, self.in_key.vni];
        let pair = &mut self.pairs[place];
        for part in 0..2 {
            let Some(now) = now[part] else { continue };
            let before = *pair.numbers[part].get_or_insert(now);
            if before == now || in_key[part] || pair.counted[part] {
                continue;
            }
            pair.counted[part] = true;
            let new = SharedPair { ends, numbers: [before, now], frame, pairs: 0 };
            self.shared[part].get_or_insert(new).pairs += 1;
        }
    }

    /// The notices for the report.
    pub(super) fn notices(&self) -> impl Iterator<Item = String> {
        let kinds = [("VLANs", "vlan"), ("virtual networks (VNI)", "vni")];
        self.shared.iter().zip(kinds).filter_map(|(shared, (kind, part))| {
            let SharedPair { ends: [a, b], numbers, frame, pairs } = shared.as_ref()?;
            let [first, second] = numbers.map(|number| match (part, number >> 12) {
                ("vlan", outer @ 1..) => format!("{outer}.{}", number & 0xfff),
                _ => number.to_string(),
            });
            let others = match pairs {
                1 => String::new(),
                2 => " and 1 other pair".into(),
                pairs => format!(" and {} other pairs", pairs - 1),
            };
            Some(format!(
                "the same addresses appear in {kind} {first} and {second}: {a} and {b} (frame {frame}){others}; \
                 flows with the same ports are merged; --key {part} keeps them apart"
            ))
        })
    }
}

/// The VLANs of a tenant as a number; `None` if there is none.
fn vlan_number(tenant: Tenant) -> Option<u32> {
    let outer = u32::from(tenant.outer_vlan().unwrap_or_default());
    Some(outer << 12 | u32::from(tenant.vlan()?))
}

/// A digest of two addresses in either order, and their place.
fn digest([a, b]: [IpAddr; 2]) -> (u64, usize) {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let (low, high) = (a.min(b), a.max(b));
    let digest = match (low, high) {
        (IpAddr::V4(low), IpAddr::V4(high)) => {
            u64::from(low.to_bits()) << 32 | u64::from(high.to_bits())
        }
        (low, high) => [low, high].into_iter().fold(1, |sum, address| {
            let bits = match address {
                IpAddr::V4(address) => address.to_bits().into(),
                IpAddr::V6(address) => address.to_bits(),
            };
            let mixed = (sum ^ (bits >> 64) as u64).wrapping_mul(MIX).rotate_left(29);
            (mixed ^ bits as u64).wrapping_mul(MIX).rotate_left(29)
        }),
    };
    (digest, (digest.wrapping_mul(MIX) >> 32) as usize % PLACES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Endpoint, FiveTuple, TcpFlags, Transport};
    use crate::time::Time;

    fn segment(frame: u64, ends: [&str; 2], tenant: Tenant) -> Segment {
        let [source, destination] =
            ends.map(|end| Endpoint { address: end.parse().unwrap(), port: frame as u16 });
        Segment {
            frame,
            time: Time(0),
            five_tuple: FiveTuple { source, destination, transport: Transport::Udp },
            seq: 0,
            ack: 0,
            flags: TcpFlags::default(),
            tunnel: None,
            tenant,
            link_broadcast: false,
            wire_len: 60,
            payload_len: 0,
        }
    }

    fn notices(in_key: TenantParts, segments: &[Segment]) -> Vec<String> {
        let mut watch = TenantWatch::new(in_key);
        segments.iter().for_each(|segment| watch.observe(segment));
        watch.notices().collect()
    }

    const A: [&str; 2] = ["10.0.0.1", "10.0.0.2"];
    const BACK: [&str; 2] = ["10.0.0.2", "10.0.0.1"];
    const V6: [&str; 2] = ["fe80::1", "fe80::2"];

    #[test]
    fn addresses_in_two_vlans_are_told_once_with_the_first_frame() {
        let vlan = |id| Tenant::NONE.in_vlan(id);
        let segments = [
            segment(1, A, vlan(10)),
            segment(2, BACK, vlan(10)),
            segment(3, BACK, vlan(20)),
            segment(4, A, vlan(30)),
            segment(5, V6, vlan(10)),
            segment(6, V6, vlan(10).in_vlan(20)),
        ];
        assert_eq!(
            notices(TenantParts::NONE, &segments),
            [
                "the same addresses appear in VLANs 10 and 20: 10.0.0.2 and 10.0.0.1 (frame 3) and 1 other \
              pair; flows with the same ports are merged; --key vlan keeps them apart"
            ]
        );
        assert!(notices(TenantParts::NONE, &segments[..2]).is_empty());
        assert!(notices(TenantParts { vlan: true, vni: false }, &segments).is_empty());
        let stacked = notices(TenantParts::NONE, &segments[4..]);
        assert!(stacked[0].contains("in VLANs 10 and 10.20: fe80::1"), "{stacked:?}");
    }

    #[test]
    fn addresses_in_two_networks_are_told_whatever_the_vlan() {
        let network = |vni, vlan| Tenant::NONE.in_network(vni).in_vlan(vlan);
        let segments = [
            segment(1, V6, Tenant::NONE.in_vlan(10)),
            segment(2, V6, network(0, 10)),
            segment(3, V6, network(7, 10)),
        ];
        let told = notices(TenantParts { vlan: true, vni: false }, &segments);
        assert!(
            told.len() == 1
                && told[0]
                    .starts_with("the same addresses appear in virtual networks (VNI) 0 and 7:")
                && told[0].ends_with("--key vni keeps them apart"),
            "{told:?}"
        );
    }

    #[test]
    fn what_has_a_tag_in_one_direction_only_is_no_second_tenant() {
        let segments =
            [segment(1, A, Tenant::NONE.in_vlan(10)), segment(2, BACK, Tenant::NONE.in_network(3))];
        assert!(notices(TenantParts::NONE, &segments).is_empty());
    }
}
