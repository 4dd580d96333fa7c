//! Tunnels in UDP, on their registered ports.
//!
//! A port proves nothing. A datagram is decoded as a tunnel only if the whole header is exact, with
//! every reserved bit zero, and a whole IP packet follows it that carries TCP or UDP. Otherwise it
//! is a UDP segment like any other.

use super::Tunnel;
use crate::decode::ip::{is_exact, is_whole};
use crate::decode::link::{ether, mpls, ppp, wifi};
use crate::decode::transport::Ports;
use crate::decode::{Packet, Skip};

const L2TP: u16 = 1_701;
const GTP_U: u16 = 2_152;
const TEREDO: u16 = 3_544;
const VXLAN: u16 = 4_789;
/// Linux used this port before one was registered.
const VXLAN_LINUX: u16 = 8_472;
const VXLAN_GPE: u16 = 4_790;
const GENEVE: u16 = 6_081;
const MPLS: u16 = 6_635;
const TZSP: u16 = 37_008;

/// Whether the ports of a datagram may be those of a tunnel.
#[inline]
pub(in crate::decode) const fn is_known((from, to): Ports) -> bool {
    to_known(to) || matches!(from, L2TP | TEREDO)
}

const fn to_known(port: u16) -> bool {
    matches!(port, L2TP | GTP_U | TEREDO | VXLAN | VXLAN_LINUX | VXLAN_GPE | GENEVE | MPLS | TZSP)
}

/// The IP packet in the datagram of a tunnel; `None` if it is no tunnel, or carries no IP packet.
pub(in crate::decode) fn inner_packet(
    (from, to): Ports,
    payload: Packet<'_>,
) -> Option<Packet<'_>> {
    match if to_known(to) { to } else { from } {
        L2TP => l2tp(payload.through(Tunnel::L2tp).ok()?),
        GTP_U => gtp_u(payload.through(Tunnel::GtpU).ok()?),
        TEREDO => teredo(payload.through(Tunnel::Teredo).ok()?),
        VXLAN | VXLAN_LINUX => vxlan(payload.through(Tunnel::Vxlan).ok()?),
        VXLAN_GPE => vxlan_gpe(payload.through(Tunnel::VxlanGpe).ok()?),
        GENEVE => geneve(payload.through(Tunnel::Geneve).ok()?),
        MPLS => mpls::stack(payload.through(Tunnel::Mpls).ok()?).and_then(exact),
        TZSP => tzsp(payload.through(Tunnel::Tzsp).ok()?),
        _ => return None,
    }
    .ok()
}

/// An IP packet that states itself that it ends with the datagram.
fn exact(packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    if is_exact(packet) { Ok(packet) } else { Err(Skip::Malformed) }
}

/// An IP packet in an Ethernet frame, which padding may follow.
fn framed(frame: Packet<'_>) -> Result<Packet<'_>, Skip> {
    ether::frame(frame).and_then(whole)
}

fn whole(packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    if is_whole(packet) { Ok(packet) } else { Err(Skip::Malformed) }
}

/// The IP packet behind an `EtherType`.
fn typed(ether_type: u16, rest: Packet<'_>) -> Result<Packet<'_>, Skip> {
    match ether_type {
        0x0800 | 0x86dd => exact(rest),
        0x6558 => framed(rest),
        _ => Err(Skip::Tunnel),
    }
}

/// RFC 2661, section 3.1; version 3 over UDP has a header of its own (RFC 3931, section 4.1.2).
fn l2tp(packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const CONTROL: u16 = 0x8000;
    const LENGTH: u16 = 0x4000;
    const SEQUENCE: u16 = 0x0800;
    const OFFSET: u16 = 0x0200;
    const RESERVED: u16 = 0x34f0;
    let flags = packet.be_u16(0)?;
    if flags == 3 && packet.be_u16(2)? == 0 {
        return super::l2tp_v3(packet.after(4)?);
    }
    if flags & (CONTROL | RESERVED) != 0 || flags & 15 != 2 {
        return Err(Skip::Tunnel);
    }
    let mut len = 6;
    if flags & LENGTH != 0 {
        len += 2;
        if usize::from(packet.be_u16(2)?) != packet.wire_len() {
            return Err(Skip::Malformed);
        }
    }
    if flags & SEQUENCE != 0 {
        len += 4;
    }
    if flags & OFFSET != 0 {
        len += 2 + usize::from(packet.be_u16(len)?);
    }
    ppp::frame(packet.after(len)?).and_then(exact)
}

/// 3GPP TS 29.281, section 5: version 1, user data.
fn gtp_u(packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const VERSION_1: u8 = 0x30;
    const VERSION_AND_SPARE: u8 = 0xf8;
    const OPTIONAL: u8 = 0x07;
    const EXTENSION: u8 = 0x04;
    const USER_DATA: u8 = 0xff;
    const MAX_EXTENSIONS: usize = 8;
    let [flags, message] = packet.array(0)?;
    let is_ours = flags & VERSION_AND_SPARE == VERSION_1 && message == USER_DATA;
    if !is_ours || 8 + usize::from(packet.be_u16(2)?) != packet.wire_len() {
        return Err(Skip::Tunnel);
    }
    if flags & OPTIONAL == 0 {
        return exact(packet.after(8)?);
    }
    let mut rest = packet.after(12)?;
    let mut next = if flags & EXTENSION == 0 { 0 } else { packet.byte(11)? };
    for _ in 0..MAX_EXTENSIONS {
        if next == 0 {
            return exact(rest);
        }
        // Length in words, contents, type of the next extension.
        let len = usize::from(rest.byte(0)?) * 4;
        next = rest.byte(len.checked_sub(1).ok_or(Skip::Malformed)?)?;
        rest = rest.after(len)?;
    }
    Err(Skip::Malformed)
}

/// RFC 4380, section 5.1.1: optionally an authentication, optionally an origin, then IPv6 with a
/// Teredo address, optionally trailers (RFC 6081). A bubble, an empty packet that keeps a mapping
/// open, belongs to the tunnel itself.
fn teredo(mut packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const AUTHENTICATION: [u8; 2] = [0, 1];
    const ORIGIN: [u8; 2] = [0, 0];
    const PREFIX: u32 = 0x2001_0000;
    const LINK_LOCAL: u32 = 0xfe80_0000;
    const NOTHING_FOLLOWS: u8 = 59;
    if packet.array(0)? == AUTHENTICATION {
        // Lengths of the identification and of the value; nonce and confirmation follow them.
        let [identification, value] = packet.array(2)?;
        packet = packet.after(4 + usize::from(identification) + usize::from(value) + 9)?;
    }
    if packet.array(0)? == ORIGIN {
        packet = packet.after(8)?;
    }
    let gives = |at| packet.be_u32(at).map(|word| word == PREFIX || word == LINK_LOCAL);
    let is_ours = packet.byte(0)? >> 4 == 6
        && packet.byte(6)? != NOTHING_FOLLOWS
        && (gives(8)? || gives(24)?);
    if is_ours { whole(packet) } else { Err(Skip::Tunnel) }
}

/// The packet of the virtual network whose number lies in the three bytes at 4.
fn in_network(packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    let vni = packet.be_u32(4)? >> 8;
    Ok(packet.with_tenant(packet.tenant().in_network(vni)))
}

/// RFC 7348, section 5; with a policy group in the reserved bits (draft-smith-vxlan-group-policy).
fn vxlan(packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const PLAIN: u8 = 0x08;
    const GROUP: u8 = 0x88;
    /// Flags beside a group: do not learn, policy applied.
    const POLICY: u8 = 0x48;
    let rest = in_network(packet)?.after(8)?;
    match packet.array(0)? {
        [PLAIN, 0, 0, 0, _, _, _, 0] => framed(rest),
        [GROUP, policy, _, _, _, _, _, 0] if policy & !POLICY == 0 => framed(rest),
        _ => Err(Skip::Tunnel),
    }
}

/// draft-ietf-nvo3-vxlan-gpe-13, section 3: version 0, identifier and next protocol valid.
fn vxlan_gpe(packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const FLAGS: u8 = 0x0c;
    const IPV4: u8 = 1;
    const IPV6: u8 = 2;
    const ETHERNET: u8 = 3;
    let header: [u8; 8] = packet.array(0)?;
    let rest = in_network(packet)?.after(8)?;
    match header {
        [FLAGS, 0, 0, IPV4 | IPV6, _, _, _, 0] => exact(rest),
        [FLAGS, 0, 0, ETHERNET, _, _, _, 0] => framed(rest),
        _ => Err(Skip::Tunnel),
    }
}

/// RFC 8926, section 3.4: version 0, user data, options that fill their length.
fn geneve(packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const VERSION: u8 = 0xc0;
    const CRITICAL: u8 = 0x40;
    let [first, flags, _, _, _, _, _, reserved]: [u8; 8] = packet.array(0)?;
    // Control packets (the flag beside the critical one) belong to the tunnel itself.
    if first & VERSION != 0 || flags & !CRITICAL != 0 || reserved != 0 {
        return Err(Skip::Tunnel);
    }
    let end = 8 + usize::from(first & 0x3f) * 4;
    let mut at = 8;
    while at < end {
        at += 4 + usize::from(packet.byte(at + 3)? & 0x1f) * 4;
    }
    if at != end {
        return Err(Skip::Malformed);
    }
    typed(packet.be_u16(2)?, in_network(packet)?.after(end)?)
}

/// <https://web.archive.org/web/20050404125022/http://www.networkchemistry.com/support/appnotes/an001_tzsp.html>:
/// version 1, a received frame or one to send, then fields up to an end.
fn tzsp(packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const RECEIVED_OR_TO_SEND: std::ops::RangeInclusive<u8> = 0..=1;
    const ETHERNET: u16 = 1;
    const WIFI: u16 = 18;
    const PADDING: u8 = 0;
    const END: u8 = 1;
    const MAX_FIELDS: usize = 64;
    let [version, kind] = packet.array(0)?;
    if version != 1 || !RECEIVED_OR_TO_SEND.contains(&kind) {
        return Err(Skip::Tunnel);
    }
    let mut rest = packet.after(4)?;
    for _ in 0..MAX_FIELDS {
        rest = match rest.byte(0)? {
            PADDING => rest.after(1)?,
            END => {
                let frame = rest.after(1)?;
                return match packet.be_u16(2)? {
                    ETHERNET => framed(frame),
                    WIFI => wifi::frame(frame).and_then(whole),
                    _ => Err(Skip::Tunnel),
                };
            }
            _ => rest.after(2 + usize::from(rest.byte(1)?))?,
        };
    }
    Err(Skip::Malformed)
}
