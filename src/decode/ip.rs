//! IPv4 and IPv6 with extension headers: to the TCP or UDP header.

use std::net::IpAddr;

use etherparse::{IpAuthHeaderSlice, IpNumber, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice};

use super::{Skip, Transport};

/// Extension headers that are looked through; more is malformed.
const MOST_EXTENSIONS: usize = 16;

/// What an IP packet carries.
pub(super) struct Datagram<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) transport: Transport,
    /// The captured bytes from the transport header on, without link-layer padding.
    pub(super) bytes: &'a [u8],
    /// How many of them there were on the wire.
    pub(super) wire_len: usize,
}

/// Reads an IP packet of either version; `wire_len` is what of it was on the wire, padding included.
pub(super) fn datagram(packet: &[u8], wire_len: usize) -> Result<Datagram<'_>, Skip> {
    match packet.first().ok_or(Skip::Truncated)? >> 4 {
        4 => v4(packet, wire_len),
        6 => v6(packet, wire_len),
        _ => Err(Skip::Malformed),
    }
}

fn v4(packet: &[u8], wire_len: usize) -> Result<Datagram<'_>, Skip> {
    let header = Ipv4HeaderSlice::from_slice(packet).map_err(|error| match error {
        etherparse::err::ipv4::HeaderSliceError::Len(_) => Skip::Truncated,
        etherparse::err::ipv4::HeaderSliceError::Content(_) => Skip::Malformed,
    })?;
    let header_len = header.slice().len();
    // Segmentation offload hands frames to the capture with a total length of zero.
    let total = match usize::from(header.total_len()) {
        0 => wire_len,
        total => total,
    };
    let carried = total.checked_sub(header_len).ok_or(Skip::Malformed)?;
    if header.is_fragmenting_payload() {
        return Err(Skip::Fragment);
    }
    let bytes = captured(packet, header_len, carried);
    finish(header.source_addr().into(), header.destination_addr().into(), header.protocol(), bytes, carried)
}

fn v6(packet: &[u8], wire_len: usize) -> Result<Datagram<'_>, Skip> {
    let header = Ipv6HeaderSlice::from_slice(packet).map_err(|_| Skip::Truncated)?;
    let header_len = header.slice().len();
    // Zero: a jumbogram (RFC 2675), or segmentation offload.
    let mut carried = match usize::from(header.payload_length()) {
        0 => wire_len.saturating_sub(header_len),
        length => length,
    };
    let mut bytes = captured(packet, header_len, carried);
    let mut next = header.next_header();
    for _ in 0..MOST_EXTENSIONS {
        let len = match next {
            IpNumber::IPV6_HEADER_HOP_BY_HOP
            | IpNumber::IPV6_ROUTE_HEADER
            | IpNumber::IPV6_DESTINATION_OPTIONS
            | IpNumber::MOBILITY_HEADER
            | IpNumber::HIP
            | IpNumber::SHIM6 => {
                let extension = Ipv6RawExtHeaderSlice::from_slice(bytes).map_err(|_| Skip::Truncated)?;
                next = extension.next_header();
                extension.slice().len()
            }
            IpNumber::IPV6_FRAGMENTATION_HEADER => {
                let extension = Ipv6FragmentHeaderSlice::from_slice(bytes).map_err(|_| Skip::Truncated)?;
                if extension.is_fragmenting_payload() {
                    return Err(Skip::Fragment);
                }
                next = extension.next_header();
                extension.slice().len()
            }
            IpNumber::AUTHENTICATION_HEADER => {
                let extension = IpAuthHeaderSlice::from_slice(bytes).map_err(|_| Skip::Truncated)?;
                next = extension.next_header();
                extension.slice().len()
            }
            _ => return finish(header.source_addr().into(), header.destination_addr().into(), next, bytes, carried),
        };
        bytes = bytes.get(len..).ok_or(Skip::Truncated)?;
        carried = carried.checked_sub(len).ok_or(Skip::Malformed)?;
    }
    Err(Skip::Malformed)
}

/// What was captured of the `carried` bytes behind a header.
fn captured(packet: &[u8], header_len: usize, carried: usize) -> &[u8] {
    let behind = packet.get(header_len..).unwrap_or(&[]);
    behind.get(..carried).unwrap_or(behind)
}

fn finish(source: IpAddr, destination: IpAddr, protocol: IpNumber, bytes: &[u8], wire_len: usize) -> Result<Datagram<'_>, Skip> {
    let transport = match protocol {
        IpNumber::TCP => Transport::Tcp,
        IpNumber::UDP => Transport::Udp,
        IpNumber::ICMP | IpNumber::IPV6_ICMP => return Err(Skip::Icmp),
        IpNumber::IGMP => return Err(Skip::Igmp),
        _ => return Err(Skip::IpProtocol),
    };
    Ok(Datagram { source, destination, transport, bytes, wire_len })
}
