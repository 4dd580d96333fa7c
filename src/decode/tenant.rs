//! Which of several networks that use the same addresses a packet belongs to.

use serde::{Deserialize, Serialize};

/// The VLAN tags of a packet, and the number of the virtual network of the tunnel that carried it.
///
/// - VLAN: the tags (IEEE 802.1Q) of the frame that holds the packet; behind a tunnel, of the frame
///   inside of it. Of stacked tags the innermost two count. Tag zero states a priority only and is
///   none.
/// - VNI: of VXLAN and Geneve; of GRE, the key, which with NVGRE is the virtual subnet in its upper
///   24 bits (RFC 7637, section 3.2; its numbers begin at 0x1000, so that a smaller key is another
///   tunnel's). Of nested tunnels, the innermost one that has such a number counts.
///
/// Numbers that differ between the two directions of a conversation (GTP-U, L2TP, PPTP, MPLS) are
/// not used.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Tenant(u64);

/// Bits of the innermost VLAN and of the one around it.
const VLAN_BITS: u32 = 12;
const ONE_VLAN: u64 = (1 << VLAN_BITS) - 1;
const VLANS: u64 = (1 << (2 * VLAN_BITS)) - 1;
/// Set if there is a VNI, which begins at bit 32.
const HAS_VNI: u64 = 1 << 24;
const VNI_AT: u32 = 32;
/// Set if the VLANs, or the VNI, belong to the key of flows, whether there are any or not.
const VLAN_IN_KEY: u64 = 1 << 25;
const VNI_IN_KEY: u64 = 1 << 26;

impl Tenant {
    /// Neither VLAN nor VNI.
    pub const NONE: Self = Self(0);

    /// Whether there is neither a VLAN nor a VNI.
    #[must_use]
    #[inline]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The innermost VLAN.
    #[must_use]
    pub const fn vlan(self) -> Option<u16> {
        vlan(self.0)
    }

    /// The VLAN around the innermost one (IEEE 802.1ad, "`QinQ`").
    #[must_use]
    pub const fn outer_vlan(self) -> Option<u16> {
        vlan(self.0 >> VLAN_BITS)
    }

    /// The number of the virtual network.
    #[must_use]
    pub const fn vni(self) -> Option<u32> {
        if self.0 & HAS_VNI == 0 { None } else { Some((self.0 >> VNI_AT) as u32) }
    }

    /// The parts that belong to the key of flows, and that they do.
    #[must_use]
    pub const fn in_key(self, parts: TenantParts) -> Self {
        let vlans = if parts.vlan { self.0 & VLANS | VLAN_IN_KEY } else { 0 };
        let vni = if parts.vni { self.0 & !VLANS | VNI_IN_KEY } else { 0 };
        Self(vlans | vni)
    }

    /// Which parts belong to the key of flows.
    #[must_use]
    pub const fn parts(self) -> TenantParts {
        TenantParts { vlan: self.0 & VLAN_IN_KEY != 0, vni: self.0 & VNI_IN_KEY != 0 }
    }

    /// Within a VLAN of the same frame.
    #[must_use]
    pub(crate) const fn in_vlan(self, id: u16) -> Self {
        let id = id as u64 & ONE_VLAN;
        if id == 0 {
            return self;
        }
        Self(self.0 & !VLANS | (self.0 << VLAN_BITS | id) & VLANS)
    }

    /// Within a tunnel, whose frames have tags of their own.
    #[must_use]
    pub(super) const fn in_tunnel(self) -> Self {
        Self(self.0 & !VLANS)
    }

    /// Within a virtual network.
    #[must_use]
    pub(crate) const fn in_network(self, vni: u32) -> Self {
        Self(self.0 & VLANS | HAS_VNI | ((vni as u64) << VNI_AT))
    }
}

const fn vlan(word: u64) -> Option<u16> {
    match word & ONE_VLAN {
        0 => None,
        id => Some(id as u16),
    }
}

/// Parts of a [`Tenant`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TenantParts {
    /// The VLANs.
    pub vlan: bool,
    /// The VNI.
    pub vni: bool,
}

impl TenantParts {
    /// Neither.
    pub const NONE: Self = Self { vlan: false, vni: false };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(tenant: Tenant) -> (Option<u16>, Option<u16>, Option<u32>) {
        (tenant.outer_vlan(), tenant.vlan(), tenant.vni())
    }

    #[test]
    fn the_innermost_two_tags_and_the_innermost_network_count() {
        let three = Tenant::NONE.in_vlan(1).in_vlan(4095).in_vlan(20);
        assert_eq!(parts(three), (Some(4095), Some(20), None));
        assert_eq!(parts(three.in_network(0)), (Some(4095), Some(20), Some(0)));
        let inside = three.in_network(7).in_tunnel();
        assert_eq!(parts(inside), (None, None, Some(7)));
        assert_eq!(parts(inside.in_vlan(3).in_network(u32::MAX)), (None, Some(3), Some(u32::MAX)));
        assert!(Tenant::NONE.in_vlan(0).is_none(), "a priority is no VLAN");
    }

    #[test]
    fn parts_can_be_taken_alone() {
        let tenant = Tenant::NONE.in_vlan(10).in_vlan(20).in_network(0);
        let only = |vlan, vni| {
            let (wanted, part) =
                (TenantParts { vlan, vni }, tenant.in_key(TenantParts { vlan, vni }));
            assert_eq!((part.parts(), part.is_none()), (wanted, wanted == TenantParts::NONE));
            parts(part)
        };
        assert_eq!(only(true, false), (Some(10), Some(20), None));
        assert_eq!(only(false, true), (None, None, Some(0)));
        assert_eq!(only(false, false), (None, None, None));
    }
}
