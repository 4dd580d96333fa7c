//! TCP and UDP headers: to the segment.

use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

use super::ip::Datagram;
use super::{Endpoint, FiveTuple, Segment, Skip, TcpFlags, Transport, offset_of};
use crate::source::Frame;

/// A TCP header's bytes without options, and with all that it can have (RFC 9293, section 3.1).
const LEAST_TCP: usize = 20;
const MOST_TCP: usize = 60;
/// A UDP header's bytes.
const UDP: usize = 8;

/// Reads the transport header of a datagram.
pub(super) fn segment(frame: &Frame<'_>, datagram: &Datagram<'_>) -> Result<Segment, Skip> {
    match datagram.transport {
        Transport::Tcp => tcp(frame, datagram),
        Transport::Udp => udp(frame, datagram),
    }
}

fn tcp(frame: &Frame<'_>, datagram: &Datagram<'_>) -> Result<Segment, Skip> {
    let bytes = datagram.bytes;
    if bytes.len() < LEAST_TCP {
        return Err(if datagram.wire_len < LEAST_TCP { Skip::Malformed } else { Skip::Truncated });
    }
    // A snap length often cuts the options, which are of no use here: read the header out of a padded copy then.
    let mut padded = [0; MOST_TCP];
    let header = TcpHeaderSlice::from_slice(bytes).or_else(|_| {
        let known = bytes.len().min(MOST_TCP);
        padded[..known].copy_from_slice(&bytes[..known]);
        TcpHeaderSlice::from_slice(&padded)
    });
    let header = header.map_err(|_| Skip::Malformed)?;
    let header_len = header.slice().len();
    let payload_len = datagram.wire_len.checked_sub(header_len).ok_or(Skip::Malformed)?;
    let flags = TcpFlags(
        u8::from(header.fin()) | u8::from(header.syn()) << 1 | u8::from(header.rst()) << 2 | u8::from(header.ack()) << 4,
    );
    let ports = (header.source_port(), header.destination_port());
    let (seq, ack) = (header.sequence_number(), header.acknowledgment_number());
    Ok(Segment { seq, ack, flags, ..build(frame, datagram, ports, header_len, payload_len) })
}

fn udp(frame: &Frame<'_>, datagram: &Datagram<'_>) -> Result<Segment, Skip> {
    let header = UdpHeaderSlice::from_slice(datagram.bytes)
        .map_err(|_| if datagram.wire_len < UDP { Skip::Malformed } else { Skip::Truncated })?;
    // Zero: a jumbogram (RFC 2675) or segmentation offload; otherwise the header may say less than IP carried.
    let payload_len = match usize::from(header.length()) {
        0 => datagram.wire_len - UDP,
        length => length.checked_sub(UDP).ok_or(Skip::Malformed)?.min(datagram.wire_len - UDP),
    };
    let ports = (header.source_port(), header.destination_port());
    Ok(build(frame, datagram, ports, UDP, payload_len))
}

fn build(frame: &Frame<'_>, datagram: &Datagram<'_>, ports: (u16, u16), header_len: usize, payload_len: usize) -> Segment {
    let captured = datagram.bytes.len().saturating_sub(header_len).min(payload_len);
    // Where the capture cut the TCP options there is nothing behind them.
    let from = (offset_of(frame, datagram.bytes) + header_len).min(frame.bytes.len()) as u32;
    Segment {
        frame: frame.number,
        time: frame.time,
        five_tuple: FiveTuple {
            source: Endpoint { address: datagram.source, port: ports.0 },
            destination: Endpoint { address: datagram.destination, port: ports.1 },
            transport: datagram.transport,
        },
        seq: 0,
        ack: 0,
        flags: TcpFlags::default(),
        wire_len: frame.wire_len,
        payload_len: payload_len as u32,
        payload: from..from + captured as u32,
    }
}
