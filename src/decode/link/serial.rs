//! Serial lines other than PPP: Cisco's HDLC (RFC 4349, section 2), Frame Relay (RFC 2427).

use super::{ether, ppp};
use crate::decode::{Packet, Skip};

/// Addresses of Cisco's HDLC: unicast, broadcast.
const UNICAST: u8 = 0x0f;
const BROADCAST: u8 = 0x8f;
/// Cisco's own address resolution and keepalive.
const SLARP: u16 = 0x8035;

/// PPP or Cisco's HDLC: the first byte distinguishes them.
pub(super) fn ppp_or_cisco(frame: Packet<'_>) -> Result<Packet<'_>, Skip> {
    match frame.byte(0)? {
        UNICAST | BROADCAST => cisco(frame),
        _ => ppp::frame(frame),
    }
}

/// The IP packet behind Cisco's HDLC: address, control, `EtherType`.
pub(super) fn cisco(frame: Packet<'_>) -> Result<Packet<'_>, Skip> {
    match frame.be_u16(2)? {
        SLARP | ..ether::MIN_TYPE => Err(Skip::EtherType),
        ether_type => ether::by_ether_type(ether_type, frame.after(4)?),
    }
}

/// The IP packet behind Frame Relay's address, in the encapsulation of the standard or of Cisco.
pub(super) fn frame_relay(frame: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const UNNUMBERED: u8 = 3;
    const PADDING: u8 = 0;
    /// Network layer protocols (ISO/IEC TR 9577).
    const SNAP: u8 = 0x80;
    const IPV6: u8 = 0x8e;
    const IPV4: u8 = 0xcc;
    // Two to four bytes; the lowest bit marks the last.
    let len = if frame.byte(0)? & 1 != 0 {
        return Err(Skip::Malformed);
    } else if frame.byte(1)? & 1 != 0 {
        2
    } else if frame.byte(2)? & 1 != 0 {
        3
    } else {
        4
    };
    let rest = frame.after(len)?;
    if rest.byte(0)? != UNNUMBERED {
        return match rest.be_u16(0)? {
            ..ether::MIN_TYPE => Err(Skip::EtherType),
            ether_type => ether::by_ether_type(ether_type, rest.after(2)?),
        };
    }
    let rest = rest.after(if rest.byte(1)? == PADDING { 2 } else { 1 })?;
    match rest.byte(0)? {
        IPV4 | IPV6 => rest.after(1),
        SNAP => ether::snap(rest.after(1)?),
        _ => Err(Skip::EtherType),
    }
}
