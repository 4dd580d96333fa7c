//! From a frame to the TCP or UDP unit in it.
//!
//! Takes a [`Frame`], gives a [`Segment`] or a [`Skip`] with its reason. Knows nothing of files or the time of day. The only
//! place that names etherparse. Nothing here panics on any input: headers are read through checked slices. Checksums are not
//! looked at: loopback and offloading leave them wrong by design.

mod ip;
mod link;
mod transport;

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use crate::source::Frame;
use crate::time::Time;

/// The transports whose ports we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
}

impl Transport {
    /// The name in catalogue files and output.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// An address and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// IPv4 or IPv6.
    pub address: IpAddr,
    /// TCP or UDP port.
    pub port: u16,
}

/// Who sent to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FiveTuple {
    /// The sender.
    pub source: Endpoint,
    /// The receiver.
    pub destination: Endpoint,
    /// TCP or UDP.
    pub transport: Transport,
}

/// TCP flags that matter here, by their bits in the header (RFC 9293, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Opens the connection.
    pub const SYN: Self = Self(0x02);
    /// Refuses or aborts it.
    pub const RST: Self = Self(0x04);
    /// The acknowledgement number is valid.
    pub const ACK: Self = Self(0x10);

    /// Whether all of `flags` are set.
    #[must_use]
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// A decoded TCP or UDP unit; the payload's bytes lie elsewhere.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Number of its frame.
    pub frame: u64,
    /// When the frame was captured.
    pub time: Time,
    /// Who sent to whom.
    pub five_tuple: FiveTuple,
    /// Sequence number of the first payload byte, or of SYN; zero in UDP.
    pub seq: u32,
    /// Acknowledgement number; zero in UDP.
    pub ack: u32,
    /// Empty in UDP.
    pub flags: TcpFlags,
    /// Bytes of the frame on the wire.
    pub wire_len: u32,
    /// Bytes of the payload on the wire.
    pub payload_len: u32,
    /// Where the captured part of the payload lies: in the frame's bytes, later in the batch's.
    pub payload: Range<u32>,
}

macro_rules! skips {
    ($($variant:ident $id:literal $doc:literal,)*) => {
        /// Why a frame is of no use.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Skip { $(#[doc = $doc] $variant,)* }

        impl Skip {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in output.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }
        }
    };
}

skips! {
    Filtered "filtered" "The user's filter left it out.",
    LinkType "link-type" "A link type that is not decoded: the input was not understood.",
    Arp "arp" "ARP, RARP.",
    Llc "802.3" "An IEEE 802.3 frame with a length instead of an EtherType: spanning tree and the like.",
    EtherType "ethertype" "Another EtherType than IP.",
    Icmp "icmp" "ICMP and ICMPv6.",
    Igmp "igmp" "IGMP.",
    IpProtocol "ip-protocol" "Another IP protocol than TCP and UDP.",
    Fragment "fragment" "A fragment of an IP packet.",
    Truncated "truncated" "The capture cut the headers.",
    Malformed "malformed" "The headers contradict themselves.",
}

/// Decodes one frame. The segment's payload range counts from the start of the frame's bytes.
///
/// # Errors
/// The reason why it holds no TCP or UDP that we can read.
pub fn decode(frame: &Frame<'_>) -> Result<Segment, Skip> {
    let packet = link::packet(frame.link, frame.bytes)?;
    let datagram = ip::datagram(packet, frame.wire_len as usize - offset_of(frame, packet).min(frame.wire_len as usize))?;
    transport::segment(frame, &datagram)
}

/// Where a part of the frame begins.
fn offset_of(frame: &Frame<'_>, part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(frame.bytes.as_ptr() as usize)
}

#[cfg(test)]
mod tests;
