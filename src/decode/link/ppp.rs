//! PPP (RFC 1661), in HDLC-like framing (RFC 1662) or in a session over Ethernet (RFC 2516).

use super::mpls;
use crate::decode::{Packet, Skip};

/// All stations, unnumbered information.
const ADDRESS_AND_CONTROL: [u8; 2] = [0xff, 3];

/// The IP packet in a PPP frame, behind address and control unless they were left out.
pub(in crate::decode) fn frame(frame: Packet<'_>) -> Result<Packet<'_>, Skip> {
    protocol(if frame.array(0) == Ok(ADDRESS_AND_CONTROL) { frame.after(2)? } else { frame })
}

/// The IP packet behind PPP's protocol field, which lacks its first byte if that would be zero and
/// both ends have agreed on it.
pub(in crate::decode) fn protocol(frame: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const IPV4: u16 = 0x21;
    const IPV6: u16 = 0x57;
    const MPLS: u16 = 0x281;
    const MPLS_MULTICAST: u16 = 0x283;
    let first = frame.byte(0)?;
    // The last byte of a protocol is odd, those before it are even.
    let (protocol, len) = if first & 1 == 0 { (frame.be_u16(0)?, 2) } else { (first.into(), 1) };
    let rest = frame.after(len)?;
    match protocol {
        IPV4 | IPV6 => Ok(rest),
        MPLS | MPLS_MULTICAST => mpls::stack(rest),
        _ => Err(Skip::Ppp),
    }
}

/// The IP packet in a `PPPoE` packet of a session.
pub(in crate::decode) fn session(packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    /// Version 1, type 1.
    const VERSION: u8 = 0x11;
    /// The code of session packets; those of discovery have others.
    const SESSION: u8 = 0;
    match packet.array(0)? {
        [VERSION, SESSION] => protocol(packet.after(6)?.limit(packet.be_u16(4)?.into())),
        [VERSION, _] => Err(Skip::Ppp),
        _ => Err(Skip::Malformed),
    }
}
