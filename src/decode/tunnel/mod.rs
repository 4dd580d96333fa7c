//! Tunnels: from the datagram of a tunnel to the IP packet in it.

mod gre;
pub(super) mod udp;

use etherparse::IpNumber;

use super::ip::{self, Datagram};
use super::link::{ether, mpls};
use super::{Packet, Skip};
use crate::saved::by_name;

macro_rules! tunnels {
    ($($variant:ident $id:literal $doc:literal,)*) => {
        /// What carries IP or Ethernet in IP.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Tunnel { $(#[doc = $doc] $variant,)* }

        impl Tunnel {
            /// Every tunnel.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in output.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }
        }
    };
}

tunnels! {
    IpIp "ipip" "IP in IP: RFC 2003, RFC 2473.",
    SixInFour "6in4" "IPv6 in IPv4: RFC 4213.",
    Gre "gre" "GRE: RFC 2784, RFC 2890; with Ethernet inside also NVGRE, RFC 7637.",
    Pptp "pptp" "PPTP's GRE with PPP inside: RFC 2637.",
    Erspan "erspan" "A mirrored port's frames, types I, II and III: draft-foschiano-erspan.",
    EtherIp "etherip" "Ethernet in IP: RFC 3378.",
    L2tp "l2tp" "L2TP, version 2 (RFC 2661) and 3 (RFC 3931).",
    Mpls "mpls" "MPLS in IP (RFC 4023) and in UDP (RFC 7510).",
    Vxlan "vxlan" "VXLAN: RFC 7348.",
    VxlanGpe "vxlan-gpe" "VXLAN with its generic extension: draft-ietf-nvo3-vxlan-gpe.",
    Geneve "geneve" "Geneve: RFC 8926.",
    GtpU "gtp-u" "GTP, user plane: 3GPP TS 29.281.",
    Teredo "teredo" "Teredo: RFC 4380.",
    Tzsp "tzsp" "`TaZmen` sniffer protocol: a sniffer's frames.",
}

by_name!(Tunnel);

/// IP protocols for which etherparse has no name, or a long one.
const ESP: IpNumber = IpNumber(50);
const ETHER_IP: IpNumber = IpNumber(97);
const L2TP: IpNumber = IpNumber(115);

/// The IP packet in a datagram that is neither TCP nor UDP.
pub(super) fn inner_packet<'a>(datagram: &Datagram<'a>) -> Result<Packet<'a>, Skip> {
    let body = datagram.body;
    match datagram.protocol {
        IpNumber::IPV6 if matches!(datagram.addresses, ip::AddressPair::V4(_)) => {
            body.through(Tunnel::SixInFour)
        }
        IpNumber::IPV4 | IpNumber::IPV6 => body.through(Tunnel::IpIp),
        IpNumber::GRE => gre::inner_packet(body),
        ETHER_IP => ether_ip(body),
        IpNumber::MPLS_IN_IP => mpls::stack(body.through(Tunnel::Mpls)?),
        L2TP => l2tp_v3(body),
        IpNumber::ICMP | IpNumber::IPV6_ICMP => Err(Skip::Icmp),
        IpNumber::IGMP => Err(Skip::Igmp),
        ESP => Err(Skip::Esp),
        IpNumber::SCTP => Err(Skip::Sctp),
        IpNumber::UDP_LITE => Err(Skip::UdpLite),
        IpNumber::DCCP => Err(Skip::Dccp),
        _ => Err(Skip::IpProtocol),
    }
}

/// The IP packet in `EtherIP`: version 3 in the first four bits, the other twelve zero, then a
/// frame.
fn ether_ip(body: Packet<'_>) -> Result<Packet<'_>, Skip> {
    match body.be_u16(0)? {
        0x3000 => ether::frame(body.after(2)?.through(Tunnel::EtherIp)?),
        _ => Err(Skip::Tunnel),
    }
}

/// The IP packet in L2TP version 3: a session, then a cookie of none, four or eight bytes and
/// perhaps a sublayer of four. Which of them is negotiated elsewhere; only the frame behind shows
/// it.
fn l2tp_v3(body: Packet<'_>) -> Result<Packet<'_>, Skip> {
    // Session zero is control.
    if body.be_u32(0)? == 0 {
        return Err(Skip::Tunnel);
    }
    let body = body.through(Tunnel::L2tp)?;
    let frame = |behind: usize| {
        body.after(4 + behind).and_then(ether::frame).ok().filter(|packet| ip::is_whole(*packet))
    };
    [4, 0, 8, 12].into_iter().find_map(frame).ok_or(Skip::Tunnel)
}

#[cfg(test)]
mod tests;
