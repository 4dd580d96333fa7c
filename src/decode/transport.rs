//! TCP and UDP headers: to the segment.

use std::borrow::Cow;

use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

use super::ip::Datagram;
use super::{Decoded, Endpoint, FiveTuple, Packet, Segment, Skip, TcpFlags, Transport};
use crate::source::Frame;

/// A TCP header's bytes without options, and with all that it can have (RFC 9293, section 3.1).
const LEAST_TCP: usize = 20;
const MOST_TCP: usize = 60;
/// A UDP header's bytes.
const UDP: usize = 8;

/// Reads a TCP header.
#[inline]
pub(super) fn tcp<'a>(frame: &Frame<'_>, datagram: &Datagram<'a>) -> Result<Decoded<'a>, Skip> {
    let body = datagram.body;
    let bytes = body.bytes();
    let fixed = bytes.first_chunk::<LEAST_TCP>().ok_or_else(|| body.short(LEAST_TCP))?;
    // A snap length often cuts the options, which are of no use here: read the header out of a
    // padded copy then.
    let mut padded = [0; MOST_TCP];
    let header = TcpHeaderSlice::from_slice(bytes).or_else(|_| {
        let known = bytes.len().min(MOST_TCP);
        padded[..known].copy_from_slice(&bytes[..known]);
        TcpHeaderSlice::from_slice(&padded)
    });
    let header = header.map_err(|_| Skip::Malformed)?;
    let header_len = header.slice().len();
    let payload_len = body.wire_len().checked_sub(header_len).ok_or(Skip::Malformed)?;
    let read = Read {
        transport: Transport::Tcp,
        ports: (header.source_port(), header.destination_port()),
        seq: header.sequence_number(),
        ack: header.acknowledgment_number(),
        flags: TcpFlags::from_header(fixed),
        payload_len: payload_len as u32,
    };
    // Where the capture cut the TCP options there is nothing behind them.
    Ok((build(frame, datagram, &read), Cow::Borrowed(bytes.get(header_len..).unwrap_or(&[]))))
}

/// The ports of the sender and of the receiver.
pub(super) type Ports = (u16, u16);

/// Reads a UDP header; gives the payload as what a tunnel may lie in.
#[inline]
pub(super) fn udp<'a>(datagram: &Datagram<'a>) -> Result<(Ports, Packet<'a>), Skip> {
    let body = datagram.body;
    let header = UdpHeaderSlice::from_slice(body.bytes()).map_err(|_| body.short(UDP))?;
    let payload = body.after(UDP)?;
    // Zero: a jumbogram (RFC 2675) or segmentation offload; otherwise the header may say less than
    // IP carried.
    let payload_len = match usize::from(header.length()) {
        0 => payload.wire_len(),
        length => length.checked_sub(UDP).ok_or(Skip::Malformed)?.min(payload.wire_len()),
    };
    Ok(((header.source_port(), header.destination_port()), payload.limit(payload_len)))
}

/// The segment of a UDP header that was read.
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
        &Read {
            transport: Transport::Udp,
            ports,
            seq: 0,
            ack: 0,
            flags: TcpFlags::default(),
            payload_len,
        },
    )
}

/// What a transport header says.
struct Read {
    transport: Transport,
    ports: Ports,
    seq: u32,
    ack: u32,
    flags: TcpFlags,
    payload_len: u32,
}

#[inline]
fn build(frame: &Frame<'_>, datagram: &Datagram<'_>, read: &Read) -> Segment {
    Segment {
        frame: frame.number,
        time: frame.time,
        five_tuple: FiveTuple {
            source: Endpoint { address: datagram.ends.source(), port: read.ports.0 },
            destination: Endpoint { address: datagram.ends.destination(), port: read.ports.1 },
            transport: read.transport,
        },
        seq: read.seq,
        ack: read.ack,
        flags: read.flags,
        tunnel: datagram.body.tunnel(),
        wire_len: frame.wire_len,
        payload_len: read.payload_len,
    }
}
