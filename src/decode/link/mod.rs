//! Link layers: from a frame to the IP packet in it. Numbers and layouts:
//! <https://www.tcpdump.org/linktypes.html>.
//!
//! `ether`, `mpls` and `ppp` call each other because the wire formats nest: Ethernet carries MPLS,
//! MPLS carries Ethernet. [`Packet::deeper`] bounds the depth.

pub(super) mod ether;
pub(super) mod mpls;
pub(super) mod ppp;
mod serial;
pub(super) mod wifi;

use super::{Packet, Skip};
use crate::source::LinkType;

/// USB: FreeBSD, Linux in two forms, Windows (`USBPcap`), Darwin; 2.0, `OpenVizsla`, 2.0 at each
/// speed.
const USB: [u16; 10] = [186, 189, 220, 249, 266, 278, 288, 293, 294, 295];
/// Bluetooth: HCI, HCI with a header, LE, Linux monitor, BR/EDR, LE with a header, Nordic's.
const BLUETOOTH: [u16; 7] = [187, 201, 251, 254, 255, 256, 272];
const NETLINK: u16 = 253;
/// Plain CAN, `SocketCAN`.
const CAN: [u16; 2] = [190, 227];

/// Other link types of buses and of telephony, which carry no TCP or UDP as such.
#[rustfmt::skip]
const WITHOUT_IP: &[u16] = &[
    // Telephony: MTP2 with a header and without, MTP3, SCCP; LAPD as Linux has it, LAPD, LAPB;
    // SCTP.
    139, 140, 141, 142, 177, 203, 207, 248,
    // Vehicles, buildings, industry: BACnet, FlexRay, MOST, LIN, X2E, RTAC, PROFIBUS, Z-Wave, SDLC,
    // LoRa.
    165, 210, 211, 212, 213, 250, 257, 261, 262, 268, 270,
    // Within a machine: infrared, IPMB, D-Bus, IPMI, vsock. Others: MPEG transport, NFC,
    // contactless cards.
    144, 199, 209, 231, 260, 271, 243, 245, 264,
];

/// `ARPHRD_` numbers in cooked captures whose protocol field is not an `EtherType`.
const HARDWARE_CAN: u16 = 280;
const HARDWARE_WIFI: u16 = 801;
const HARDWARE_WIFI_PRISM: u16 = 802;
const HARDWARE_WIFI_RADIOTAP: u16 = 803;
const HARDWARE_NETLINK: u16 = 824;
/// Protocol fields of cooked captures that are not `EtherTypes`: 802.2, and CAN in its three forms.
const COOKED_LLC: u16 = 4;
const COOKED_CAN: std::ops::RangeInclusive<u16> = 0x0c..=0x0e;

/// The IP packet of a frame with nothing but VLAN tags before it: the fast path of nearly every
/// frame. `None` leads to [`packet`], which gives the same result layer by layer.
#[inline]
pub(super) fn fast_path(link: LinkType, frame: Packet<'_>) -> Option<Result<Packet<'_>, Skip>> {
    let (type_at, len) = match link {
        LinkType::ETHERNET => (12, 14),
        LinkType::LINUX_SLL => (14, 16),
        LinkType::LINUX_SLL2 => (0, 20),
        LinkType::RAW
        | LinkType::RAW_BSD
        | LinkType::RAW_OPENBSD
        | LinkType::IPV4
        | LinkType::IPV6 => return Some(Ok(frame)),
        _ => return None,
    };
    let (ether_type, rest) =
        ether::untagged(frame.be_u16(type_at).ok()?, frame.after(len).ok()?).ok()?;
    match ether_type {
        ether::IPV4 | ether::IPV6 => Some(Ok(rest)),
        // What a cooked frame's protocol means depends on its hardware type.
        ether::ARP if link == LinkType::ETHERNET => Some(Err(Skip::Arp)),
        _ => None,
    }
}

/// Whether a frame went to the broadcast address of its link, as far as its outermost header says.
pub(super) fn is_broadcast(link: LinkType, frame: &[u8]) -> bool {
    // Cooked captures have the kind of packet: 1 is broadcast.
    match link {
        LinkType::ETHERNET => ether::is_broadcast(frame),
        LinkType::LINUX_SLL => frame.starts_with(&[0, 1]),
        LinkType::LINUX_SLL2 => frame.get(10) == Some(&1),
        _ => false,
    }
}

/// The IP packet of a frame.
pub(super) fn packet(link: LinkType, frame: Packet<'_>) -> Result<Packet<'_>, Skip> {
    match link {
        LinkType::ETHERNET => ether::frame(frame),
        // Hardware type at 2, protocol at 14, header of 16 bytes.
        LinkType::LINUX_SLL => cooked(frame.be_u16(2)?, frame.be_u16(14)?, frame.after(16)?),
        // Protocol at 0, hardware type at 8, header of 20 bytes.
        LinkType::LINUX_SLL2 => cooked(frame.be_u16(8)?, frame.be_u16(0)?, frame.after(20)?),
        LinkType::RAW
        | LinkType::RAW_BSD
        | LinkType::RAW_OPENBSD
        | LinkType::IPV4
        | LinkType::IPV6 => Ok(frame),
        LinkType::NULL | LinkType::LOOP => {
            // The family is in the byte order of the capturing host, and its value for IPv6 differs
            // between systems. Values are small, so the smaller reading is the right one.
            match frame.le_u32(0)?.min(frame.be_u32(0)?) {
                2 | 10 | 24 | 28 | 30 => frame.after(4),
                _ => Err(Skip::EtherType),
            }
        }
        LinkType::PPP | LinkType::PPP_HDLC => serial::ppp_or_cisco(frame),
        LinkType::PPP_ETHER => ppp::session(frame),
        LinkType::PPP_PPPD => ppp::protocol(frame.after(2)?),
        LinkType::PPP_WITH_DIR => ppp::frame(frame.after(1)?),
        LinkType::C_HDLC => serial::cisco(frame),
        LinkType::C_HDLC_WITH_DIR => serial::cisco(frame.after(1)?),
        LinkType::ATM_RFC1483 => ether::llc(frame),
        // Frame control and two addresses.
        LinkType::FDDI => ether::llc(frame.after(13)?),
        LinkType::FRELAY => serial::frame_relay(frame),
        LinkType::FRELAY_WITH_DIR => serial::frame_relay(frame.after(1)?),
        LinkType::IEEE802_11 => wifi::frame(frame),
        LinkType::IEEE802_11_PRISM => wifi::prism(frame),
        LinkType::IEEE802_11_RADIOTAP => wifi::radiotap(frame),
        LinkType::IEEE802_11_AVS => wifi::avs(frame),
        LinkType::PPI => {
            // Version, flags, length of all headers, link type of what follows them; little-endian.
            let inner = LinkType(u16::try_from(frame.le_u32(4)?).map_err(|_| Skip::LinkType)?);
            packet(inner, frame.after(usize::from(frame.le_u16(2)?))?.deeper()?)
        }
        LinkType::PKTAP => {
            // Length of the header, what follows it (1: a frame), its link type; in the order of
            // the host, which is little-endian.
            let inner = LinkType(u16::try_from(frame.le_u32(8)?).map_err(|_| Skip::LinkType)?);
            packet(inner, frame.after(frame.le_u32(0)? as usize)?.deeper()?)
        }
        // Version, family, type, lengths, interfaces, zones.
        LinkType::IPNET => frame.after(24),
        LinkType::NFLOG => nflog(frame),
        LinkType::NO_PACKET => Err(Skip::NoPacket),
        LinkType(NETLINK) => Err(Skip::Netlink),
        LinkType(number) if USB.contains(&number) => Err(Skip::Usb),
        LinkType(number) if BLUETOOTH.contains(&number) => Err(Skip::Bluetooth),
        LinkType(number) if CAN.contains(&number) => Err(Skip::Can),
        LinkType(number) if WITHOUT_IP.contains(&number) => Err(Skip::WithoutIp),
        _ => Err(Skip::LinkType),
    }
}

/// A Linux cooked frame behind its header.
fn cooked(hardware: u16, protocol: u16, rest: Packet<'_>) -> Result<Packet<'_>, Skip> {
    match (hardware, protocol) {
        (_, ether::IPV4 | ether::IPV6) => Ok(rest),
        (HARDWARE_WIFI, _) => wifi::frame(rest),
        (HARDWARE_WIFI_PRISM, _) => wifi::prism(rest),
        (HARDWARE_WIFI_RADIOTAP, _) => wifi::radiotap(rest),
        (HARDWARE_NETLINK, _) => Err(Skip::Netlink),
        (HARDWARE_CAN, _) => Err(Skip::Can),
        (_, protocol) if COOKED_CAN.contains(&protocol) => Err(Skip::Can),
        (_, COOKED_LLC) => ether::llc(rest),
        (_, protocol) if protocol < ether::MIN_TYPE => Err(Skip::Llc),
        (_, protocol) => ether::by_ether_type(protocol, rest),
    }
}

/// A netfilter log message: family, version and resource identification, then attributes with
/// length and type in the byte order of the host, each padded to four bytes.
fn nflog(frame: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const PAYLOAD: u16 = 9;
    // The two upper bits of a type are flags.
    const TYPE: u16 = 0x3fff;
    if frame.byte(1)? != 0 {
        return Err(Skip::Malformed);
    }
    let mut rest = frame.after(4)?;
    // Attributes are short: the order that gives the smaller length is that of the host.
    let little = rest.le_u16(0)? < rest.be_u16(0)?;
    loop {
        let field = |at| if little { rest.le_u16(at) } else { rest.be_u16(at) };
        let (len, kind) = (usize::from(field(0)?), field(2)? & TYPE);
        if len < 4 || len > rest.wire_len() {
            return Err(Skip::Malformed);
        }
        if kind == PAYLOAD {
            return rest.limit(len).after(4);
        }
        rest = rest.after(len.next_multiple_of(4))?;
    }
}

#[cfg(test)]
mod tests;
