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
    if bytes.len() < LEAST_TCP {
        return Err(body.short(LEAST_TCP));
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
    let payload_len = body.wire_len().checked_sub(header_len).ok_or(Skip::Malformed)?;
    let flags = TcpFlags(
        u8::from(header.fin()) | u8::from(header.syn()) << 1 | u8::from(header.rst()) << 2 | u8::from(header.ack()) << 4,
    );
    let ports = (header.source_port(), header.destination_port());
    let (seq, ack) = (header.sequence_number(), header.acknowledgment_number());
    let segment = Segment { seq, ack, flags, ..build(frame, datagram, Transport::Tcp, ports, payload_len) };
    // Where the capture cut the TCP options there is nothing behind them.
    Ok((segment, Cow::Borrowed(bytes.get(header_len..).unwrap_or(&[]))))
}

/// Reads a UDP header; gives the payload as what a tunnel may lie in.
#[inline]
pub(super) fn udp<'a>(frame: &Frame<'_>, datagram: &Datagram<'a>) -> Result<(Segment, Packet<'a>), Skip> {
    let body = datagram.body;
    let header = UdpHeaderSlice::from_slice(body.bytes()).map_err(|_| body.short(UDP))?;
    let payload = body.after(UDP)?;
    // Zero: a jumbogram (RFC 2675) or segmentation offload; otherwise the header may say less than IP carried.
    let payload_len = match usize::from(header.length()) {
        0 => payload.wire_len(),
        length => length.checked_sub(UDP).ok_or(Skip::Malformed)?.min(payload.wire_len()),
    };
    let ports = (header.source_port(), header.destination_port());
    Ok((build(frame, datagram, Transport::Udp, ports, payload_len), payload.limit(payload_len)))
}

#[inline]
fn build(frame: &Frame<'_>, datagram: &Datagram<'_>, transport: Transport, ports: (u16, u16), payload_len: usize) -> Segment {
    Segment {
        frame: frame.number,
        time: frame.time,
        five_tuple: FiveTuple {
            source: Endpoint { address: datagram.source, port: ports.0 },
            destination: Endpoint { address: datagram.destination, port: ports.1 },
            transport,
        },
        seq: 0,
        ack: 0,
        flags: TcpFlags::default(),
        tunnel: datagram.body.tunnel(),
        wire_len: frame.wire_len,
        payload_len: payload_len as u32,
        payload: 0..0,
    }
}
