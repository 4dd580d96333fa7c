//! Link layers: to the IP packet in a frame.

use etherparse::{EtherType, Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::Skip;
use crate::source::LinkType;

/// `sll_protocol` values below this are not `EtherTypes` (802.3 length, Linux's own numbers).
const LEAST_ETHER_TYPE: u16 = 0x0600;
/// Stacked VLAN tags that are looked through; more is malformed.
const MOST_TAGS: usize = 8;

/// The IP packet of a frame.
pub(super) fn packet(link: LinkType, bytes: &[u8]) -> Result<&[u8], Skip> {
    match link {
        LinkType::ETHERNET => {
            let header = Ethernet2HeaderSlice::from_slice(bytes).map_err(|_| Skip::Truncated)?;
            behind_ether_type(header.ether_type(), after(bytes, header.slice().len())?)
        }
        // https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html: protocol at 14, header of 16 bytes.
        LinkType::LINUX_SLL => behind_ether_type(EtherType(be_u16(bytes, 14)?), after(bytes, 16)?),
        // https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html: protocol at 0, header of 20 bytes.
        LinkType::LINUX_SLL2 => behind_ether_type(EtherType(be_u16(bytes, 0)?), after(bytes, 20)?),
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => Ok(bytes),
        LinkType::NULL | LinkType::LOOP => {
            let family = bytes.first_chunk::<4>().ok_or(Skip::Truncated)?;
            // The family is in the capturing host's order, and its value for IPv6 differs from system to system:
            // https://www.tcpdump.org/linktypes/LINKTYPE_NULL.html. Values are small, so the order shows itself.
            let family = u32::from_le_bytes(*family).min(u32::from_be_bytes(*family));
            match family {
                2 | 10 | 24 | 28 | 30 => after(bytes, 4),
                _ => Err(Skip::EtherType),
            }
        }
        _ => Err(Skip::LinkType),
    }
}

/// Looks through VLAN tags to the IP packet.
fn behind_ether_type(mut ether_type: EtherType, mut rest: &[u8]) -> Result<&[u8], Skip> {
    for _ in 0..MOST_TAGS {
        match ether_type {
            EtherType::IPV4 | EtherType::IPV6 => return Ok(rest),
            EtherType::VLAN_TAGGED_FRAME | EtherType::PROVIDER_BRIDGING | EtherType::VLAN_DOUBLE_TAGGED_FRAME => {
                let tag = SingleVlanHeaderSlice::from_slice(rest).map_err(|_| Skip::Truncated)?;
                ether_type = tag.ether_type();
                rest = after(rest, tag.slice().len())?;
            }
            EtherType::ARP | EtherType(0x8035) => return Err(Skip::Arp),
            EtherType(value) if value < LEAST_ETHER_TYPE => return Err(Skip::Llc),
            _ => return Err(Skip::EtherType),
        }
    }
    Err(Skip::Malformed)
}

fn after(bytes: &[u8], len: usize) -> Result<&[u8], Skip> {
    bytes.get(len..).ok_or(Skip::Truncated)
}

fn be_u16(bytes: &[u8], at: usize) -> Result<u16, Skip> {
    bytes.get(at..).and_then(|b| b.first_chunk()).map(|b| u16::from_be_bytes(*b)).ok_or(Skip::Truncated)
}
