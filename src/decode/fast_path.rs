//! The fast path, which nearly every frame takes: Ethernet, IPv4 without options or IPv6 without
//! extensions, TCP or UDP, all headers captured and none of them unusual. Any other frame gives
//! `None` and takes the slow path, which decodes these frames to the same result:
//! `tests/fast_path.rs` compares the two on every capture of the repository.

use std::net::IpAddr;

use super::link::ether;
use super::{Endpoint, FiveTuple, Segment, TcpFlags, Tenant, Transport, tunnel};
use crate::source::{Frame, LinkType};

const ETHERNET: usize = 14;
const V4: usize = 20;
const V6: usize = 40;
const TCP: usize = 20;
const UDP: usize = 8;

/// The segment of such a frame, and the captured part of its payload.
#[inline(always)]
#[allow(clippy::inline_always, reason = "measured: benches/README.md")]
pub(super) fn segment<'a>(frame: &Frame<'a>, tunnels: bool) -> Option<(Segment, &'a [u8])> {
    if frame.link != LinkType::ETHERNET {
        return None;
    }
    let (ethernet, packet) = frame.bytes.split_first_chunk::<ETHERNET>()?;
    match [ethernet[12], ethernet[13]] {
        [0x08, 0x00] => {
            let (ip, behind) = packet.split_first_chunk::<V4>()?;
            let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
            // Version 4 with five words; no more fragments, no offset; a plausible length.
            if ip[0] != 0x45 || (ip[6] & 0x3f, ip[7]) != (0, 0) || total < V4 {
                return None;
            }
            let (source, destination) =
                ([ip[12], ip[13], ip[14], ip[15]], [ip[16], ip[17], ip[18], ip[19]]);
            transport(
                frame,
                ip[9],
                [source.into(), destination.into()],
                behind,
                total - V4,
                tunnels,
            )
        }
        [0x86, 0xdd] => {
            let (ip, behind) = packet.split_first_chunk::<V6>()?;
            let length = usize::from(u16::from_be_bytes([ip[4], ip[5]]));
            if ip[0] >> 4 != 6 || length == 0 {
                return None;
            }
            let (_, ends) = ip.split_first_chunk::<8>()?;
            let (source, rest) = ends.split_first_chunk::<16>()?;
            let destination = rest.first_chunk::<16>()?;
            transport(
                frame,
                ip[6],
                [(*source).into(), (*destination).into()],
                behind,
                length,
                tunnels,
            )
        }
        _ => None,
    }
}

/// Reads the transport header; it and its payload have `wire_len` bytes on the wire.
#[inline(always)]
#[allow(clippy::inline_always, reason = "measured: benches/README.md")]
fn transport<'a>(
    frame: &Frame<'a>,
    protocol: u8,
    [source, destination]: [IpAddr; 2],
    behind: &'a [u8],
    wire_len: usize,
    tunnels: bool,
) -> Option<(Segment, &'a [u8])> {
    let bytes = behind.get(..wire_len).unwrap_or(behind);
    let port = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let ports = (port(0)?, port(2)?);
    let (transport, header, payload_len, seq, ack, flags) = match protocol {
        6 => {
            let header = bytes.first_chunk::<TCP>()?;
            let len = usize::from(header[12] >> 4) * 4;
            if len < TCP || len > bytes.len() {
                return None;
            }
            let [_, _, _, _, s0, s1, s2, s3, a0, a1, a2, a3, ..] = *header;
            let numbers =
                (u32::from_be_bytes([s0, s1, s2, s3]), u32::from_be_bytes([a0, a1, a2, a3]));
            (
                Transport::Tcp,
                len,
                wire_len - len,
                numbers.0,
                numbers.1,
                TcpFlags::from_header(header),
            )
        }
        17 => {
            let header = bytes.first_chunk::<UDP>()?;
            let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
            if length < UDP || (tunnels && tunnel::udp::is_known(ports)) {
                return None;
            }
            (Transport::Udp, UDP, (length - UDP).min(wire_len - UDP), 0, 0, TcpFlags::default())
        }
        _ => return None,
    };
    let payload = &bytes[header..];
    let five_tuple = FiveTuple {
        source: Endpoint { address: source, port: ports.0 },
        destination: Endpoint { address: destination, port: ports.1 },
        transport,
    };
    let segment = Segment {
        frame: frame.number,
        time: frame.time,
        five_tuple,
        seq,
        ack,
        flags,
        tunnel: None,
        tenant: Tenant::NONE,
        link_broadcast: transport == Transport::Udp && ether::is_broadcast(frame.bytes),
        wire_len: frame.wire_len,
        payload_len: payload_len as u32,
    };
    Some((segment, payload.get(..payload_len).unwrap_or(payload)))
}
