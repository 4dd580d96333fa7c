//! GRE (RFC 2784, RFC 2890), its variant for PPTP (RFC 2637), and the mirrored frames that it
//! carries (draft-foschiano-erspan).

use super::Tunnel;
use crate::decode::link::{ether, ppp, wifi};
use crate::decode::{Packet, Skip};

/// Flags of the first two bytes.
const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// Protocols that are no `EtherTypes`.
const PPP: u16 = 0x880b;
const WCCP: u16 = 0x883e;
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
/// Aruba's access points send 802.11 frames, each radio with its own number.
const ARUBA: std::ops::RangeInclusive<u16> = 0x8200..=0x82f0;

/// The IP packet in a GRE packet.
pub(super) fn inner_packet(packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    let (flags, protocol) = (packet.be_u16(0)?, packet.be_u16(2)?);
    let words = |bits: u16| (flags & bits).count_ones() as usize * 4;
    match flags & VERSION {
        0 if flags & ROUTING == 0 => {
            let rest = packet.after(4 + words(CHECKSUM | KEY | SEQUENCE))?;
            if flags & KEY == 0 {
                return carried(protocol, flags, rest);
            }
            let vni = virtual_network(protocol, packet.be_u32(4 + words(CHECKSUM))?);
            carried(protocol, flags, rest.with_tenant(rest.tenant().in_network(vni)))
        }
        1 if protocol == PPP => {
            // The upper half of the key is the length of the payload; a bare acknowledgement has
            // none.
            let rest = packet.after(4 + words(KEY | SEQUENCE | ACKNOWLEDGEMENT))?;
            match packet.be_u16(4)? {
                0 => Err(Skip::Tunnel),
                length => ppp::frame(rest.limit(length.into()).through(Tunnel::Pptp)?),
            }
        }
        _ => Err(Skip::Tunnel),
    }
}

/// The number of the virtual network in a key. NVGRE's lower eight bits number flows; its virtual
/// subnets begin at 0x1000 (RFC 7637, section 3.2).
const fn virtual_network(protocol: u16, key: u32) -> u32 {
    const FIRST_SUBNET: u32 = 0x1000;
    if protocol == ether::TRANSPARENT_ETHERNET && key >> 8 >= FIRST_SUBNET { key >> 8 } else { key }
}

fn carried(protocol: u16, flags: u16, rest: Packet<'_>) -> Result<Packet<'_>, Skip> {
    match protocol {
        // Keepalives carry nothing.
        _ if rest.wire_len() == 0 => Err(Skip::Tunnel),
        ERSPAN if flags & SEQUENCE == 0 => ether::frame(rest.through(Tunnel::Erspan)?),
        ERSPAN | ERSPAN_III => mirrored(rest.through(Tunnel::Erspan)?),
        aruba if ARUBA.contains(&aruba) => wifi::frame(rest.through(Tunnel::Gre)?),
        PPP => ppp::frame(rest.through(Tunnel::Gre)?),
        // Some versions put four bytes before the packet (draft-wilson-wrec-wccp-v2).
        WCCP => {
            let rest = rest.through(Tunnel::Gre)?;
            if rest.byte(0)? >> 4 == 4 { Ok(rest) } else { rest.after(4) }
        }
        ..ether::MIN_TYPE => Err(Skip::Tunnel),
        ether_type => ether::by_ether_type(ether_type, rest.through(Tunnel::Gre)?),
    }
}

/// The IP packet in a mirrored frame behind a header of type II or III, which the first four bits
/// distinguish.
fn mirrored(packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const II: u8 = 1;
    const III: u8 = 2;
    /// Type III: the flag for a header of the platform, and the kind of frame.
    const PLATFORM: u8 = 1;
    const KIND: u8 = 0x7c;
    const ETHERNET: u8 = 0;
    const IP: u8 = 2 << 2;
    match packet.byte(0)? >> 4 {
        II => ether::frame(packet.after(8)?),
        III => {
            let rest = packet.after(if packet.byte(11)? & PLATFORM != 0 { 20 } else { 12 })?;
            match packet.byte(10)? & KIND {
                ETHERNET => ether::frame(rest),
                IP => Ok(rest),
                _ => Err(Skip::Tunnel),
            }
        }
        _ => Err(Skip::Tunnel),
    }
}
