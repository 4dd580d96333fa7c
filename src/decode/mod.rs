//! From a frame to the TCP or UDP unit in it.
//!
//! Takes a [`Frame`], gives a [`Segment`] and its payload, or a [`Skip`] with its reason. Knows
//! nothing of files or the time of day. The only place that names etherparse. Nothing here panics
//! on any input: headers are read through checked slices. Checksums are not looked at: loopback and
//! offloading leave them wrong by design.
//!
//! The layers, outermost first: `link` finds the IP packet in a frame, `ip` its datagram,
//! `fragments` joins those that came in pieces, `tunnel` finds the IP packet in a datagram that is
//! a tunnel's, `transport` reads TCP and UDP.

mod fast_path;
mod fragments;
mod ip;
mod link;
mod packet;
mod segment;
mod skip;
mod transport;
mod tunnel;

use std::borrow::Cow;

use etherparse::IpNumber;

pub use self::segment::{Endpoint, FiveTuple, Segment, TcpFlags, Transport};
pub use self::skip::Skip;
pub use self::tunnel::Tunnel;

use self::fragments::Fragments;
use self::ip::{Datagram, FragmentInfo};
use self::packet::Packet;
use self::transport::Ports;
use crate::source::Frame;

/// A segment and what was captured of its payload: a part of the frame, or of the datagram that the
/// frame completed.
pub type Decoded<'a> = (Segment, Cow<'a, [u8]>);

/// Decodes the frames of one capture, in its order: fragments wait here for the rest of their
/// datagrams.
#[derive(Debug)]
pub struct Decoder {
    tunnels: bool,
    fragments: Fragments,
}

impl Decoder {
    /// Looks into tunnels, or shows their outer packets instead.
    #[must_use]
    pub fn new(tunnels: bool) -> Self {
        Self { tunnels, fragments: Fragments::default() }
    }

    /// Decodes one frame.
    ///
    /// # Errors
    /// The reason why it holds no TCP or UDP that we can read.
    #[inline]
    pub fn decode<'a>(&mut self, frame: &Frame<'a>) -> Result<Decoded<'a>, Skip> {
        match self.fast_path(frame) {
            Some((segment, payload)) => Ok((segment, Cow::Borrowed(payload))),
            None => self.slow_path(frame),
        }
    }

    /// Decodes the frame if it is as nearly every frame is: a caller that goes on with each of the
    /// two ways apart keeps the segment in registers. Values that two ways hand to a third go
    /// through memory, in pieces, which takes longer than all of the decoding.
    #[must_use]
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "measured: benches/README.md")]
    pub fn fast_path<'a>(&self, frame: &Frame<'a>) -> Option<(Segment, &'a [u8])> {
        fast_path::segment(frame, self.tunnels)
    }

    /// Decodes any frame, layer by layer.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    #[inline(never)]
    pub fn slow_path<'a>(&mut self, frame: &Frame<'a>) -> Result<Decoded<'a>, Skip> {
        match link::fast_path(frame.link, Packet::from_frame(frame)) {
            Some(packet) => self.packet(frame, packet?),
            None => self.uncommon_link(frame),
        }
    }

    #[inline(never)]
    fn uncommon_link<'a>(&mut self, frame: &Frame<'a>) -> Result<Decoded<'a>, Skip> {
        self.packet(frame, link::packet(frame.link, Packet::from_frame(frame))?)
    }

    /// Decodes an IP packet.
    #[inline]
    fn packet<'a>(&mut self, frame: &Frame<'_>, packet: Packet<'a>) -> Result<Decoded<'a>, Skip> {
        let datagram = ip::datagram(packet)?;
        match (datagram.protocol, datagram.fragment) {
            (IpNumber::TCP, None) => transport::tcp(frame, &datagram),
            (IpNumber::UDP, None) => self.udp(frame, &datagram),
            _ => self.uncommon(frame, &datagram),
        }
    }

    #[inline]
    fn udp<'a>(&mut self, frame: &Frame<'_>, datagram: &Datagram<'a>) -> Result<Decoded<'a>, Skip> {
        let (ports, payload) = transport::udp(datagram)?;
        if self.tunnels
            && tunnel::udp::is_known(ports)
            && let Some(result) = self.udp_tunnel(frame, ports, payload)
        {
            return result;
        }
        Ok((
            transport::udp_segment(frame, datagram, ports, payload),
            Cow::Borrowed(payload.bytes()),
        ))
    }

    /// Decodes a datagram that has extension headers, is a piece or a tunnel's, or is of no use.
    #[inline(never)]
    fn uncommon<'a>(
        &mut self,
        frame: &Frame<'_>,
        datagram: &Datagram<'a>,
    ) -> Result<Decoded<'a>, Skip> {
        let datagram =
            if datagram.fragment.is_none() { ip::skip_extensions(*datagram)? } else { *datagram };
        match (datagram.protocol, datagram.fragment) {
            (_, Some(fragment)) => self.fragment(frame, &datagram, fragment),
            (IpNumber::TCP, None) => transport::tcp(frame, &datagram),
            (IpNumber::UDP, None) => self.udp(frame, &datagram),
            _ => self.tunnel(frame, &datagram),
        }
    }

    /// Decodes what a tunnel's datagram carries.
    fn tunnel<'a>(
        &mut self,
        frame: &Frame<'_>,
        datagram: &Datagram<'a>,
    ) -> Result<Decoded<'a>, Skip> {
        let inside = tunnel::inner_packet(datagram)?;
        if self.tunnels { self.packet(frame, inside) } else { Err(Skip::Tunnel) }
    }

    /// The same of UDP, where nothing but the header says that it is a tunnel; `None` where it is
    /// none, and where what it carries is neither TCP nor UDP: then the datagram stands for itself.
    #[cold]
    fn udp_tunnel<'a>(
        &mut self,
        frame: &Frame<'_>,
        ports: Ports,
        payload: Packet<'a>,
    ) -> Option<Result<Decoded<'a>, Skip>> {
        match self.packet(frame, tunnel::udp::inner_packet(ports, payload)?) {
            // Its other pieces come, or the rest of it was not captured.
            Err(waits @ (Skip::Fragment | Skip::FragmentOverlap | Skip::Truncated)) => {
                Some(Err(waits))
            }
            Err(_) => None,
            found => Some(found),
        }
    }

    /// Decodes a datagram that this piece completes.
    #[cold]
    fn fragment<'a>(
        &mut self,
        frame: &Frame<'_>,
        datagram: &Datagram<'_>,
        fragment: FragmentInfo,
    ) -> Result<Decoded<'a>, Skip> {
        if fragment.start == 0 && datagram.body.is_cut() {
            // Joined with the others it would hold no more than it does alone.
            return self.uncommon(frame, &Datagram { fragment: None, ..*datagram }).map(owned);
        }
        let whole = self.fragments.join(datagram, fragment, frame.time)?;
        let body = datagram.body.replaced(&whole.bytes, whole.wire_len);
        let datagram = Datagram { protocol: whole.protocol, body, fragment: None, ..*datagram };
        self.uncommon(frame, &datagram).map(owned)
    }
}

/// The same with a payload of its own.
fn owned<'a>((segment, payload): Decoded<'_>) -> Decoded<'a> {
    (segment, Cow::Owned(payload.into_owned()))
}

#[cfg(test)]
mod tests;
