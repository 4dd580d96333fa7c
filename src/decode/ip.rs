//! IPv4 and IPv6 with extension headers: to the datagram, or the piece of one.

use std::net::IpAddr;

use etherparse::{IpAuthHeaderSlice, IpNumber, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice};

use super::fragments::Piece;
use super::{Packet, Skip};

/// Extension headers that are looked through; more is malformed.
const MOST_EXTENSIONS: usize = 16;
/// An IPv4 header's bytes without options, and an IPv6 header's.
const LEAST_V4: usize = 20;
const V6: usize = 40;

/// What an IP packet carries.
pub(super) struct Datagram<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: IpNumber,
    /// The bytes from the next header on, without link-layer padding.
    pub(super) body: Packet<'a>,
    /// Where `body` is only a part: which.
    pub(super) piece: Option<Piece>,
}

/// Reads an IP packet of either version.
#[inline]
pub(super) fn datagram(packet: Packet<'_>) -> Result<Datagram<'_>, Skip> {
    match packet.byte(0)? >> 4 {
        4 => v4(packet),
        6 => v6(packet),
        _ => Err(Skip::Malformed),
    }
}

#[inline]
fn v4(packet: Packet<'_>) -> Result<Datagram<'_>, Skip> {
    let header = Ipv4HeaderSlice::from_slice(packet.bytes()).map_err(|error| match error {
        etherparse::err::ipv4::HeaderSliceError::Len(len) => packet.short(len.required_len),
        etherparse::err::ipv4::HeaderSliceError::Content(_) => Skip::Malformed,
    })?;
    let header_len = header.slice().len();
    // Segmentation offload hands frames to the capture with a total length of zero.
    let total = match usize::from(header.total_len()) {
        0 => packet.wire_len(),
        total => total,
    };
    let body = packet.after(header_len)?.limit(total.checked_sub(header_len).ok_or(Skip::Malformed)?);
    let (source, destination) = (header.source_addr().into(), header.destination_addr().into());
    if header.is_fragmenting_payload() {
        let piece = Piece {
            id: header.identification().into(),
            start: header.fragments_offset().byte_offset(),
            more: header.more_fragments(),
        };
        return Ok(Datagram { source, destination, protocol: header.protocol(), body, piece: Some(piece) });
    }
    behind_extensions(source, destination, header.protocol(), body)
}

#[inline]
fn v6(packet: Packet<'_>) -> Result<Datagram<'_>, Skip> {
    let header = Ipv6HeaderSlice::from_slice(packet.bytes()).map_err(|_| packet.short(V6))?;
    let body = packet.after(V6)?;
    // Zero: a jumbogram (RFC 2675), or segmentation offload.
    let body = match usize::from(header.payload_length()) {
        0 => body,
        length => body.limit(length),
    };
    behind_extensions(header.source_addr().into(), header.destination_addr().into(), header.next_header(), body)
}

/// What lies behind an IP header, extension headers looked through.
#[inline]
pub(super) fn behind_extensions(
    source: IpAddr,
    destination: IpAddr,
    protocol: IpNumber,
    body: Packet<'_>,
) -> Result<Datagram<'_>, Skip> {
    let datagram = Datagram { source, destination, protocol, body, piece: None };
    if matches!(protocol, IpNumber::TCP | IpNumber::UDP) { Ok(datagram) } else { extensions(datagram) }
}

fn extensions(mut datagram: Datagram<'_>) -> Result<Datagram<'_>, Skip> {
    let v6 = datagram.source.is_ipv6();
    for _ in 0..MOST_EXTENSIONS {
        let body = datagram.body;
        let bytes = body.bytes();
        let len = match datagram.protocol {
            IpNumber::IPV6_HEADER_HOP_BY_HOP
            | IpNumber::IPV6_ROUTE_HEADER
            | IpNumber::IPV6_DESTINATION_OPTIONS
            | IpNumber::MOBILITY_HEADER
            | IpNumber::HIP
            | IpNumber::SHIM6
                if v6 =>
            {
                let extension = Ipv6RawExtHeaderSlice::from_slice(bytes).map_err(|e| body.short(e.required_len))?;
                datagram.protocol = extension.next_header();
                extension.slice().len()
            }
            IpNumber::IPV6_FRAGMENTATION_HEADER if v6 => {
                let extension = Ipv6FragmentHeaderSlice::from_slice(bytes).map_err(|e| body.short(e.required_len))?;
                datagram.protocol = extension.next_header();
                if extension.is_fragmenting_payload() {
                    let start = extension.fragment_offset().byte_offset();
                    datagram.piece = Some(Piece { id: extension.identification(), start, more: extension.more_fragments() });
                }
                extension.slice().len()
            }
            IpNumber::AUTHENTICATION_HEADER => {
                let extension = IpAuthHeaderSlice::from_slice(bytes).map_err(|error| match error {
                    etherparse::err::ip_auth::HeaderSliceError::Len(len) => body.short(len.required_len),
                    etherparse::err::ip_auth::HeaderSliceError::Content(_) => Skip::Malformed,
                })?;
                datagram.protocol = extension.next_header();
                extension.slice().len()
            }
            _ => return Ok(datagram),
        };
        datagram.body = body.after(len)?;
        if datagram.piece.is_some() {
            return Ok(datagram);
        }
    }
    Err(Skip::Malformed)
}

/// How many bytes an IP packet says that it has; `None` where what was captured of its header contradicts itself.
fn stated_len(packet: Packet<'_>) -> Option<usize> {
    let first = packet.byte(0).ok()?;
    let stated = |at: usize| packet.be_u16(at).map_or(packet.wire_len(), usize::from);
    let (least, len) = match first >> 4 {
        4 if first & 15 >= 5 => (usize::from(first & 15) * 4, stated(2)),
        6 => (V6, packet.be_u16(4).map_or(packet.wire_len(), |length| V6 + usize::from(length))),
        _ => return None,
    };
    (least <= len && len <= packet.wire_len()).then_some(len)
}

/// Whether these bytes may be an IP packet, by as much of its header as was captured.
pub(super) fn is_plausible(packet: Packet<'_>) -> bool {
    stated_len(packet).is_some()
}

/// Whether they are one: all of the header was captured and it says that the packet ends with, or before, what carries it.
pub(super) fn is_whole(packet: Packet<'_>) -> bool {
    let header = match packet.byte(0).map(|first| (first >> 4, first & 15)) {
        Ok((4, words)) => usize::from(words) * 4,
        _ => V6,
    };
    packet.bytes().len() >= header.max(LEAST_V4) && is_plausible(packet)
}

/// Whether they are one that ends exactly where what carries it does.
pub(super) fn is_exact(packet: Packet<'_>) -> bool {
    is_whole(packet) && stated_len(packet) == Some(packet.wire_len())
}
