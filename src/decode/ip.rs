//! IPv4 and IPv6 with extension headers: from the packet to the datagram, or to a fragment of one.

use std::net::IpAddr;

use etherparse::{
    IpAuthHeaderSlice, IpNumber, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice,
};

use super::{Packet, Skip};

/// Maximum number of extension headers; more are malformed.
const MAX_EXTENSIONS: usize = 16;
/// Bytes of an IPv4 header without options, and of an IPv6 header.
const MIN_V4: usize = 20;
const V6: usize = 40;

/// Source and destination of an IP packet, as references into its header. They are copied only
/// once, into the segment: a value that is passed from layer to layer costs as much as all the
/// rest.
#[derive(Debug, Clone, Copy)]
pub(super) enum AddressPair<'a> {
    V4(&'a [u8; 8]),
    V6(&'a [u8; 32]),
    /// IPv6 addresses of which extension headers replace at least one.
    V6Rewritten(&'a [u8; 16], &'a [u8; 16]),
}

impl AddressPair<'_> {
    #[inline]
    pub(super) fn source(self) -> IpAddr {
        match self {
            Self::V4(&[a, b, c, d, ..]) => [a, b, c, d].into(),
            Self::V6(both) => half(both, 0).into(),
            Self::V6Rewritten(source, _) => (*source).into(),
        }
    }

    #[inline]
    pub(super) fn destination(self) -> IpAddr {
        match self {
            Self::V4(&[.., a, b, c, d]) => [a, b, c, d].into(),
            Self::V6(both) => half(both, 16).into(),
            Self::V6Rewritten(_, destination) => (*destination).into(),
        }
    }

    const fn is_v6(self) -> bool {
        !matches!(self, Self::V4(_))
    }
}

impl<'a> AddressPair<'a> {
    /// The same addresses with another source or destination; IPv6 only.
    fn elsewhere(self, source: Option<&'a [u8; 16]>, destination: Option<&'a [u8; 16]>) -> Self {
        let (from, to) = match self {
            Self::V4(_) => return self,
            Self::V6(both) => match both.split_first_chunk() {
                Some((from, rest)) => (Some(from), rest.first_chunk()),
                None => (None, None),
            },
            Self::V6Rewritten(from, to) => (Some(from), Some(to)),
        };
        match (source.or(from), destination.or(to)) {
            (Some(source), Some(destination)) => Self::V6Rewritten(source, destination),
            _ => self,
        }
    }
}

#[inline]
fn half(both: &[u8; 32], at: usize) -> [u8; 16] {
    both.get(at..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or_default()
}

/// The position of a fragment in its datagram, as the IP header states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FragmentInfo {
    /// Identification, shared by the fragments of one datagram.
    pub(super) id: u32,
    /// Offset of the first byte in the datagram, in bytes.
    pub(super) start: u16,
    /// Whether more fragments follow.
    pub(super) more: bool,
}

/// An IP packet behind its header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Datagram<'a> {
    pub(super) addresses: AddressPair<'a>,
    pub(super) protocol: IpNumber,
    /// The bytes from the next header on, without link-layer padding.
    pub(super) body: Packet<'a>,
    /// Position of `body` in its datagram, if it is only a fragment.
    pub(super) fragment: Option<FragmentInfo>,
}

/// Reads the header of an IP packet of either version.
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
    let body =
        packet.after(header_len)?.limit(total.checked_sub(header_len).ok_or(Skip::Malformed)?);
    let addresses = AddressPair::V4(
        header.slice().get(12..).and_then(|bytes| bytes.first_chunk()).ok_or(Skip::Malformed)?,
    );
    let fragment = header.is_fragmenting_payload().then(|| FragmentInfo {
        id: header.identification().into(),
        start: header.fragments_offset().byte_offset(),
        more: header.more_fragments(),
    });
    Ok(Datagram { addresses, protocol: header.protocol(), body, fragment })
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
    let addresses = AddressPair::V6(
        header.slice().get(8..).and_then(|bytes| bytes.first_chunk()).ok_or(Skip::Malformed)?,
    );
    Ok(Datagram { addresses, protocol: header.next_header(), body, fragment: None })
}

/// Skips the extension headers of a datagram.
pub(super) fn skip_extensions(mut datagram: Datagram<'_>) -> Result<Datagram<'_>, Skip> {
    let v6 = datagram.addresses.is_v6();
    for _ in 0..MAX_EXTENSIONS {
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
                let extension = Ipv6RawExtHeaderSlice::from_slice(bytes)
                    .map_err(|e| body.short(e.required_len))?;
                datagram.addresses = match datagram.protocol {
                    IpNumber::IPV6_ROUTE_HEADER => {
                        datagram.addresses.elsewhere(None, last_stop(extension.slice()))
                    }
                    IpNumber::IPV6_DESTINATION_OPTIONS => {
                        datagram.addresses.elsewhere(home_address(extension.slice()), None)
                    }
                    _ => datagram.addresses,
                };
                datagram.protocol = extension.next_header();
                extension.slice().len()
            }
            IpNumber::IPV6_FRAGMENTATION_HEADER if v6 => {
                let extension = Ipv6FragmentHeaderSlice::from_slice(bytes)
                    .map_err(|e| body.short(e.required_len))?;
                datagram.protocol = extension.next_header();
                if extension.is_fragmenting_payload() {
                    let start = extension.fragment_offset().byte_offset();
                    datagram.fragment = Some(FragmentInfo {
                        id: extension.identification(),
                        start,
                        more: extension.more_fragments(),
                    });
                }
                extension.slice().len()
            }
            IpNumber::AUTHENTICATION_HEADER => {
                let extension =
                    IpAuthHeaderSlice::from_slice(bytes).map_err(|error| match error {
                        etherparse::err::ip_auth::HeaderSliceError::Len(len) => {
                            body.short(len.required_len)
                        }
                        etherparse::err::ip_auth::HeaderSliceError::Content(_) => Skip::Malformed,
                    })?;
                datagram.protocol = extension.next_header();
                extension.slice().len()
            }
            _ => return Ok(datagram),
        };
        datagram.body = body.after(len)?;
        if datagram.fragment.is_some() {
            return Ok(datagram);
        }
    }
    Err(Skip::Malformed)
}

/// The final destination of a routing header that has segments left: it, and not the next stop, is
/// the other end of the conversation.
fn last_stop(header: &[u8]) -> Option<&[u8; 16]> {
    // Next header, length, type, segments left, four bytes of the type's own, then addresses.
    let (kind, left, stops) = (header.get(2)?, header.get(3)?, header.get(8..)?);
    match (kind, left) {
        (_, 0) => None,
        // Source route (RFC 2460, section 4.4) and Mobile IPv6 (RFC 6275, section 6.4): in the
        // order of the route.
        (0 | 2, _) => stops.get(..stops.len() / 16 * 16)?.last_chunk(),
        // Segment routing (RFC 8754, section 2): in reverse order.
        (4, _) => stops.first_chunk(),
        _ => None,
    }
}

/// The home address of a mobile node that sends from elsewhere (RFC 6275, section 6.3).
fn home_address(header: &[u8]) -> Option<&[u8; 16]> {
    const PAD: u8 = 0;
    const HOME: u8 = 0xc9;
    let mut options = header.get(2..)?;
    loop {
        options = match options {
            [PAD, rest @ ..] => rest,
            [HOME, 16, rest @ ..] => return rest.first_chunk(),
            [_, len, rest @ ..] => rest.get(usize::from(*len)..)?,
            _ => return None,
        };
    }
}

/// The length of an IP packet that its header states; `None` if the captured part of the header
/// contradicts itself.
fn stated_len(packet: Packet<'_>) -> Option<usize> {
    let first = packet.byte(0).ok()?;
    // The length field is zero when the length does not fit; the layer below states it then.
    let is_jumbo = packet.wire_len() > usize::from(u16::MAX);
    let stated = |at, before| match packet.be_u16(at).map(usize::from) {
        Ok(0) if is_jumbo => packet.wire_len(),
        Ok(length) => before + length,
        Err(_) => packet.wire_len(),
    };
    let (least, len) = match first >> 4 {
        4 if first & 15 >= 5 => (usize::from(first & 15) * 4, stated(2, 0)),
        6 => (V6, stated(4, V6)),
        _ => return None,
    };
    (least <= len && len <= packet.wire_len()).then_some(len)
}

/// Whether the bytes may be an IP packet, as far as the header was captured.
pub(super) fn is_plausible(packet: Packet<'_>) -> bool {
    stated_len(packet).is_some()
}

/// Whether the bytes are an IP packet: all of the header was captured, and it states that the
/// packet ends with, or before, what carries it.
pub(super) fn is_whole(packet: Packet<'_>) -> bool {
    let header = match packet.byte(0).map(|first| (first >> 4, first & 15)) {
        Ok((4, words)) => usize::from(words) * 4,
        _ => V6,
    };
    packet.bytes().len() >= header.max(MIN_V4) && is_plausible(packet)
}

/// Whether the bytes are an IP packet that ends exactly where what carries it ends.
pub(super) fn is_exact(packet: Packet<'_>) -> bool {
    is_whole(packet) && stated_len(packet) == Some(packet.wire_len())
}
