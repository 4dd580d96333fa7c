//! Ethernet, VLAN tags, `EtherTypes`, and what replaces them: IEEE 802.2 with or without SNAP.

use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::{mpls, ppp};
use crate::decode::{Packet, Skip};

/// Smaller values are no `EtherTypes` but lengths (IEEE 802.3), or Linux's own numbers.
pub(in crate::decode) const MIN_TYPE: u16 = 0x0600;
/// Maximum number of stacked VLAN tags; more are malformed.
const MAX_TAGS: usize = 8;

/// <https://www.iana.org/assignments/ieee-802-numbers>.
pub(super) const IPV4: u16 = 0x0800;
pub(super) const ARP: u16 = 0x0806;
pub(in crate::decode) const TRANSPARENT_ETHERNET: u16 = 0x6558;
const RARP: u16 = 0x8035;
const VLAN: u16 = 0x8100;
pub(super) const IPV6: u16 = 0x86dd;
const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
const PPPOE_DISCOVERY: u16 = 0x8863;
const PPPOE_SESSION: u16 = 0x8864;
const VLAN_PROVIDER: u16 = 0x88a8;
const MACSEC: u16 = 0x88e5;
/// Network service header.
const NSH: u16 = 0x894f;
/// Cisco's `FabricPath`, VN-Tag (IEEE 802.1BR's forerunner).
const FABRIC_PATH: u16 = 0x8903;
const VN_TAG: u16 = 0x8926;
const VLAN_DOUBLE: u16 = 0x9100;

/// Whether an Ethernet frame went to every host.
#[inline]
pub(in crate::decode) fn is_broadcast(frame: &[u8]) -> bool {
    frame.first_chunk::<6>() == Some(&[0xff; 6])
}

/// The IP packet in an Ethernet frame.
pub(in crate::decode) fn frame(frame: Packet<'_>) -> Result<Packet<'_>, Skip> {
    let header = Ethernet2HeaderSlice::from_slice(frame.bytes()).map_err(|_| frame.short(14))?;
    by_ether_type(header.ether_type().0, frame.after(header.slice().len())?)
}

/// The `EtherType` behind VLAN tags, and what follows it.
#[inline]
pub(super) fn untagged(
    mut ether_type: u16,
    mut rest: Packet<'_>,
) -> Result<(u16, Packet<'_>), Skip> {
    for _ in 0..=MAX_TAGS {
        if !matches!(ether_type, VLAN | VLAN_PROVIDER | VLAN_DOUBLE) {
            return Ok((ether_type, rest));
        }
        let tag = SingleVlanHeaderSlice::from_slice(rest.bytes()).map_err(|_| rest.short(4))?;
        ether_type = tag.ether_type().0;
        let tenant = rest.tenant().in_vlan(tag.vlan_identifier().value());
        rest = rest.after(tag.slice().len())?.with_tenant(tenant);
    }
    Err(Skip::Malformed)
}

/// The IP packet behind an `EtherType`.
pub(in crate::decode) fn by_ether_type(
    ether_type: u16,
    rest: Packet<'_>,
) -> Result<Packet<'_>, Skip> {
    let (ether_type, rest) = untagged(ether_type, rest)?;
    match ether_type {
        IPV4 | IPV6 => Ok(rest),
        ARP | RARP => Err(Skip::Arp),
        MPLS | MPLS_MULTICAST => mpls::stack(rest),
        PPPOE_SESSION => ppp::session(rest),
        PPPOE_DISCOVERY => Err(Skip::Ppp),
        MACSEC => macsec(rest),
        NSH => service_chain(rest.deeper()?),
        TRANSPARENT_ETHERNET => frame(rest.deeper()?),
        FABRIC_PATH => frame(rest.after(2)?.deeper()?),
        VN_TAG => by_ether_type(rest.be_u16(4)?, rest.after(6)?.deeper()?),
        length if length < MIN_TYPE => {
            let (rest, length) = (rest.deeper()?, usize::from(length));
            llc(if length < rest.wire_len() { rest.limit(length) } else { rest })
        }
        _ => Err(Skip::EtherType),
    }
}

/// The IP packet behind an IEEE 802.2 header.
pub(in crate::decode) fn llc(rest: Packet<'_>) -> Result<Packet<'_>, Skip> {
    /// Service access points of SNAP (RFC 1042) and of IP (RFC 948), each with unnumbered
    /// information.
    const SNAP: [u8; 3] = [0xaa, 0xaa, 3];
    const IP: [u8; 3] = [6, 6, 3];
    match rest.array::<3>(0) {
        Ok(SNAP) => snap(rest.after(3)?),
        Ok(IP) => rest.after(3),
        Ok(_) | Err(Skip::Malformed) => Err(Skip::Llc),
        Err(reason) => Err(reason),
    }
}

/// The IP packet behind SNAP's organisation and number.
pub(in crate::decode) fn snap(rest: Packet<'_>) -> Result<Packet<'_>, Skip> {
    /// Organisations whose numbers are `EtherTypes`: RFC 1042, and bridges to old Ethernet (IEEE
    /// 802.1H).
    const ETHER_TYPES: [u8; 3] = [0, 0, 0];
    const BRIDGE_TUNNEL: [u8; 3] = [0, 0, 0xf8];
    /// Bridged frames (RFC 2427); numbers 1 and 7 are Ethernet with and without its checksum.
    const BRIDGED: [u8; 3] = [0, 0x80, 0xc2];
    let (organisation, number) = (rest.array(0)?, rest.be_u16(3)?);
    let rest = rest.after(5)?;
    match (organisation, number) {
        (ETHER_TYPES | BRIDGE_TUNNEL, MIN_TYPE..) => by_ether_type(number, rest),
        (BRIDGED, 1 | 7) => frame(rest.deeper()?),
        _ => Err(Skip::Llc),
    }
}

/// `MACsec` (IEEE 802.1AE, section 9.3) that authenticates a frame without encrypting it: flags,
/// short length, packet number, optionally the sender; behind the frame an integrity check value of
/// sixteen bytes.
fn macsec(tag: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const SENDER: u8 = 0x20;
    const ENCRYPTED_OR_CHANGED: u8 = 0x0c;
    const VALUE: usize = 16;
    let flags = tag.byte(0)?;
    if flags & ENCRYPTED_OR_CHANGED != 0 {
        return Err(Skip::Macsec);
    }
    let rest = tag.after(if flags & SENDER == 0 { 6 } else { 14 })?;
    let short = usize::from(tag.byte(1)? & 0x3f);
    let len = if short > 0 {
        short
    } else {
        rest.wire_len().checked_sub(VALUE).ok_or(Skip::Malformed)?
    };
    let rest = rest.limit(len.min(rest.wire_len())).deeper()?;
    by_ether_type(rest.be_u16(0)?, rest.after(2)?)
}

/// The header of a service function chain (RFC 8300, section 2.2): its length in words, and the
/// next protocol.
pub(in crate::decode) fn service_chain(header: Packet<'_>) -> Result<Packet<'_>, Skip> {
    let rest = header.after(usize::from(header.byte(1)? & 0x3f).max(2) * 4)?;
    match header.byte(3)? {
        1 | 2 => Ok(rest),
        3 => frame(rest),
        5 => mpls::stack(rest),
        _ => Err(Skip::EtherType),
    }
}
