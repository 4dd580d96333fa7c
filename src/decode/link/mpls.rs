//! MPLS label stacks (RFC 3032) and what they carry: IP, or an Ethernet pseudo-wire (RFC 4448).
//!
//! No label states its payload. The first four bits identify IP (RFC 4928); a pseudo-wire, with or
//! without a control word, is recognised only by an Ethernet frame with a plausible IP packet.

use super::ether;
use crate::decode::{Packet, Skip, ip};

/// Maximum number of labels; more are malformed.
const MAX_LABELS: usize = 16;
/// The bit that marks the last label of a stack.
const BOTTOM: u32 = 0x100;
/// Bytes of the control word of a pseudo-wire.
const CONTROL: usize = 4;

/// The IP packet below a stack of labels.
pub(in crate::decode) fn stack(mut packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    for _ in 0..MAX_LABELS {
        let label = packet.be_u32(0)?;
        packet = packet.after(4)?;
        if label & BOTTOM != 0 {
            return labelled(packet);
        }
    }
    Err(Skip::Malformed)
}

fn labelled(packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    let first = packet.byte(0)? >> 4;
    if matches!(first, 4 | 6) && ip::is_plausible(packet) {
        return Ok(packet);
    }
    let wire = packet.deeper()?;
    let mut reason = Skip::Mpls;
    for control in if first == 0 { [CONTROL, 0].as_slice() } else { &[0] } {
        match wire.after(*control).and_then(ether::frame) {
            Ok(inner) if ip::is_plausible(inner) => return Ok(inner),
            Err(Skip::Truncated) => reason = Skip::Truncated,
            Err(Skip::Arp) if reason == Skip::Mpls => reason = Skip::Arp,
            _ => {}
        }
    }
    Err(reason)
}
