//! The noun that decoding gives, and the nouns in it.

use std::fmt;
use std::net::IpAddr;

use super::Tunnel;
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
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
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
    /// What was sent so far is to be delivered.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement number is valid.
    pub const ACK: Self = Self(0x10);

    /// The flags of a header, of which these are the bytes before the options (RFC 9293, section
    /// 3.1). Flags that do not matter here are left out.
    #[must_use]
    #[inline]
    pub const fn from_header(header: &[u8; 20]) -> Self {
        const KNOWN: u8 =
            TcpFlags::FIN.0 | TcpFlags::SYN.0 | TcpFlags::RST.0 | TcpFlags::PSH.0 | TcpFlags::ACK.0;
        Self(header[13] & KNOWN)
    }

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
    /// The innermost tunnel that it came through.
    pub tunnel: Option<Tunnel>,
    /// Bytes of the frame on the wire; where fragments were joined, of the last one.
    pub wire_len: u32,
    /// Bytes of the payload on the wire.
    pub payload_len: u32,
}
