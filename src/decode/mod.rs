//! From a frame to the TCP or UDP segment in it.
//!
//! Takes a [`Frame`], gives a [`Segment`] and its payload, or a [`Skip`] with the reason. Knows
//! nothing of files or the time of day. This is the only module that names etherparse. Nothing here
//! panics on any input: headers are read through checked slices. Checksums are not verified:
//! loopback and offloading leave them wrong by design.
//!
//! The layers, outermost first: `link` finds the IP packet in a frame, `ip` its datagram,
//! `fragments` reassembles, `tunnel` finds the IP packet in a tunnel's datagram, `transport` reads
//! TCP and UDP. `fast_path` does all of this at once for common frames.

mod fast_path;
mod fragments;
mod icmp;
mod ip;
mod link;
mod packet;
mod segment;
mod skip;
mod tenant;
mod transport;
mod tunnel;

use std::borrow::Cow;

use etherparse::IpNumber;

pub use self::icmp::{IcmpKind, IcmpQuote};
pub use self::segment::{Endpoint, FiveTuple, Segment, ServicePort, TcpFlags, Transport};
pub use self::skip::Skip;
pub use self::tenant::{Tenant, TenantParts};
pub use self::tunnel::Tunnel;

use self::fragments::Fragments;
use self::ip::{Datagram, FragmentInfo};
use self::packet::Packet;
use self::transport::Ports;
use crate::saved::{BadState, StateReader, StateWriter};
use crate::source::Frame;

/// A segment and the captured part of its payload: a slice of the frame, or of the datagram that
/// the frame completed.
pub type Decoded<'a> = (Segment, Cow<'a, [u8]>);

/// Decodes the frames of one capture, in its order: fragments wait here for the rest of their
/// datagrams.
#[derive(Debug)]
pub struct Decoder {
    tunnels: bool,
    fragments: Fragments,
    /// The ICMP error in the last frame that took the slow path.
    quote: Option<IcmpQuote>,
    /// The frames of the fragments of which the datagram was made that was decoded last; `None` where
    /// nobody wants them.
    noted: Option<Vec<u64>>,
}

impl Decoder {
    /// A decoder that decodes what tunnels carry, or with `tunnels` false, their outer packets.
    #[must_use]
    pub fn new(tunnels: bool) -> Self {
        Self { tunnels, fragments: Fragments::default(), quote: None, noted: None }
    }

    /// Notes in which frames the fragments of a datagram came, for
    /// [`take_fragments`](Self::take_fragments).
    #[must_use]
    pub fn noting_fragments(self) -> Self {
        Self { noted: Some(Vec::new()), ..self }
    }

    /// Takes the frames of the fragments that made the datagram which was decoded last; none if it
    /// was whole. To be called after each frame.
    pub fn take_fragments(&mut self) -> Vec<u64> {
        self.noted.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Writes the fragments that wait.
    pub(crate) fn write_state(&self, writer: &mut StateWriter) {
        writer.put(&self.fragments);
    }

    /// Reads the fragments that waited.
    ///
    /// # Errors
    /// The state cannot be.
    pub(crate) fn read_state(self, reader: &mut StateReader<'_>) -> Result<Self, BadState> {
        let fragments: Fragments = reader.take()?;
        fragments.check()?;
        Ok(Self { fragments, ..self })
    }

    /// Decodes one frame.
    ///
    /// # Errors
    /// The reason why the frame holds no TCP or UDP that can be decoded.
    #[inline]
    pub fn decode<'a>(&mut self, frame: &Frame<'a>) -> Result<Decoded<'a>, Skip> {
        match self.fast_path(frame) {
            Some((segment, payload)) => Ok((segment, Cow::Borrowed(payload))),
            None => self.slow_path(frame),
        }
    }

    /// Decodes a common frame; `None` for any other.
    ///
    /// A caller that continues separately after the fast and the slow path keeps the segment in
    /// registers. Values that two paths hand to a third go through memory, field by field, which
    /// takes longer than all of the decoding.
    #[must_use]
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "measured: benches/README.md")]
    #[doc(hidden)]
    pub fn fast_path<'a>(&self, frame: &Frame<'a>) -> Option<(Segment, &'a [u8])> {
        fast_path::segment(frame, self.tunnels)
    }

    /// Takes the ICMP error that was in the frame decoded last, by itself or in a tunnel.
    #[inline]
    pub fn take_quote(&mut self) -> Option<IcmpQuote> {
        self.quote.take()
    }

    /// Decodes any frame, layer by layer.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    #[inline(never)]
    #[doc(hidden)]
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

    /// Decodes a datagram that has extension headers, is a fragment or a tunnel's, or carries
    /// neither TCP nor UDP.
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

    /// Decodes what the datagram of a tunnel carries.
    fn tunnel<'a>(
        &mut self,
        frame: &Frame<'_>,
        datagram: &Datagram<'a>,
    ) -> Result<Decoded<'a>, Skip> {
        if matches!(datagram.protocol, IpNumber::ICMP | IpNumber::IPV6_ICMP) {
            self.quote = icmp::quote(frame, datagram);
        }
        let inside = tunnel::inner_packet(datagram)?;
        if self.tunnels { self.packet(frame, inside) } else { Err(Skip::Tunnel) }
    }

    /// Decodes what a UDP datagram carries if its header is exactly that of a tunnel. `None` if it
    /// is no tunnel, or if what it carries is neither TCP nor UDP: then the datagram is a segment
    /// itself.
    #[cold]
    fn udp_tunnel<'a>(
        &mut self,
        frame: &Frame<'_>,
        ports: Ports,
        payload: Packet<'a>,
    ) -> Option<Result<Decoded<'a>, Skip>> {
        match self.packet(frame, tunnel::udp::inner_packet(ports, payload)?) {
            // The other fragments follow, or the rest was not captured.
            Err(waits @ (Skip::Fragment | Skip::FragmentOverlap | Skip::Truncated)) => {
                Some(Err(waits))
            }
            Err(_) => None,
            found => Some(found),
        }
    }

    /// Decodes the datagram that this fragment completes.
    #[cold]
    fn fragment<'a>(
        &mut self,
        frame: &Frame<'_>,
        datagram: &Datagram<'_>,
        fragment: FragmentInfo,
    ) -> Result<Decoded<'a>, Skip> {
        if fragment.start == 0 && datagram.body.is_cut() {
            // Reassembled, the datagram would hold no more bytes than this fragment alone.
            return self.uncommon(frame, &Datagram { fragment: None, ..*datagram }).map(owned);
        }
        let frames = self.noted.as_mut().map(|noted| {
            noted.push(frame.number);
            std::mem::take(noted)
        });
        let whole =
            self.fragments.join(datagram, fragment, frame.time, frames.unwrap_or_default())?;
        if let Some(noted) = &mut self.noted {
            *noted = whole.frames;
        }
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
