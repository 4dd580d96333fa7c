//! TCP and UDP headers: from the datagram to the segment.

use std::borrow::Cow;

use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

use super::ip::Datagram;
use super::{Decoded, Endpoint, FiveTuple, Packet, Segment, Skip, TcpFlags, Transport, link};
use crate::source::Frame;

/// Minimum and maximum bytes of a TCP header (RFC 9293, section 3.1).
const MIN_TCP: usize = 20;
const MAX_TCP: usize = 60;
/// Bytes of a UDP header.
const UDP: usize = 8;

/// Reads a TCP header.
#[inline]
pub(super) fn tcp<'a>(frame: &Frame<'_>, datagram: &Datagram<'a>) -> Result<Decoded<'a>, Skip> {
    let body = datagram.body;
    let bytes = body.bytes();
    let fixed = bytes.first_chunk::<MIN_TCP>().ok_or_else(|| body.short(MIN_TCP))?;
    // A snap length often cuts the options, which are of no use here: the header is then read from
    // a padded copy.
    let mut padded = [0; MAX_TCP];
    let header = TcpHeaderSlice::from_slice(bytes).or_else(|_| {
        let known = bytes.len().min(MAX_TCP);
        padded[..known].copy_from_slice(&bytes[..known]);
        TcpHeaderSlice::from_slice(&padded)
    });
    let header = header.map_err(|_| Skip::Malformed)?;
    let header_len = header.slice().len();
    let payload_len = body.wire_len().checked_sub(header_len).ok_or(Skip::Malformed)?;
    let fields = TransportHeader {
        transport: Transport::Tcp,
        ports: (header.source_port(), header.destination_port()),
        seq: header.sequence_number(),
        ack: header.acknowledgment_number(),
        flags: TcpFlags::from_header(fixed),
        payload_len: payload_len as u32,
    };
    // If the capture cut the TCP options, no payload was captured.
    Ok((build(frame, datagram, &fields), Cow::Borrowed(bytes.get(header_len..).unwrap_or(&[]))))
}

/// Source and destination port.
pub(super) type Ports = (u16, u16);

/// Reads a UDP header; returns the payload as a packet in which a tunnel may lie.
#[inline]
pub(super) fn udp<'a>(datagram: &Datagram<'a>) -> Result<(Ports, Packet<'a>), Skip> {
    let body = datagram.body;
    let header = UdpHeaderSlice::from_slice(body.bytes()).map_err(|_| body.short(UDP))?;
    let payload = body.after(UDP)?;
    // Zero: a jumbogram (RFC 2675) or segmentation offload. Otherwise the header may state fewer
    // bytes than IP carried.
    let payload_len = match usize::from(header.length()) {
        0 => payload.wire_len(),
        length => length.checked_sub(UDP).ok_or(Skip::Malformed)?.min(payload.wire_len()),
    };
    Ok(((header.source_port(), header.destination_port()), payload.limit(payload_len)))
}

/// The segment of a UDP datagram.
#[inline]
pub(super) fn udp_segment(
    frame: &Frame<'_>,
    datagram: &Datagram<'_>,
    ports: Ports,
    payload: Packet<'_>,
) -> Segment {
    let payload_len = payload.wire_len() as u32;
    build(
        frame,
        datagram,
        &TransportHeader {
            transport: Transport::Udp,
            ports,
            seq: 0,
            ack: 0,
            flags: TcpFlags::default(),
            payload_len,
        },
    )
}

/// The fields of a transport header.
struct TransportHeader {
    transport: Transport,
    ports: Ports,
    seq: u32,
    ack: u32,
    flags: TcpFlags,
    payload_len: u32,
}

#[inline]
fn build(frame: &Frame<'_>, datagram: &Datagram<'_>, header: &TransportHeader) -> Segment {
    Segment {
        frame: frame.number,
        time: frame.time,
        five_tuple: FiveTuple {
            source: Endpoint { address: datagram.addresses.source(), port: header.ports.0 },
            destination: Endpoint {
                address: datagram.addresses.destination(),
                port: header.ports.1,
            },
            transport: header.transport,
        },
        seq: header.seq,
        ack: header.ack,
        flags: header.flags,
        tunnel: datagram.body.tunnel(),
        tenant: datagram.body.tenant(),
        link_broadcast: header.transport == Transport::Udp
            && datagram.body.tunnel().is_none()
            && link::is_broadcast(frame.link, frame.bytes),
        wire_len: frame.wire_len,
        payload_len: header.payload_len,
    }
}
