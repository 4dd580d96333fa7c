//! The segment that decoding gives, and the types of its fields.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::{Tenant, Tunnel};
use crate::time::Time;

/// The supported transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// IPv4 or IPv6.
    pub address: IpAddr,
    /// TCP or UDP port.
    pub port: u16,
}

/// As a socket address: `192.0.2.1:80`, `[2001:db8::1]:80`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// Sender, receiver and transport of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FiveTuple {
    /// The sender.
    pub source: Endpoint,
    /// The receiver.
    pub destination: Endpoint,
    /// TCP or UDP.
    pub transport: Transport,
}

/// The TCP flags that matter here, by their bits in the header (RFC 9293, section 3.1). The bits
/// 0x20, 0x40 and 0x80 (URG, ECE, CWR) are left out and free for other uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// The sender has no more data.
    pub const FIN: Self = Self(0x01);
    /// Opens the connection.
    pub const SYN: Self = Self(0x02);
    /// Refuses or aborts the connection.
    pub const RST: Self = Self(0x04);
    /// Data sent so far is to be delivered.
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

/// A decoded TCP segment or UDP datagram; the bytes of the payload lie elsewhere.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Number of the frame.
    pub frame: u64,
    /// When the frame was captured.
    pub time: Time,
    /// Sender and receiver.
    pub five_tuple: FiveTuple,
    /// TCP: sequence number of the first payload byte, or of SYN. Zero for UDP.
    pub seq: u32,
    /// TCP: acknowledgement number. Zero for UDP.
    pub ack: u32,
    /// Empty for UDP.
    pub flags: TcpFlags,
    /// The innermost tunnel of the frame.
    pub tunnel: Option<Tunnel>,
    /// The VLANs and the virtual network of the packet.
    pub tenant: Tenant,
    /// UDP: the frame went to every host of its link. So do datagrams to a subnet's broadcast
    /// address, which cannot be told from the address of a host.
    pub link_broadcast: bool,
    /// Bytes of the frame on the wire; of the last frame, if fragments were reassembled.
    pub wire_len: u32,
    /// Bytes of the payload on the wire.
    pub payload_len: u32,
}

/// A port of one transport, such as `3037/tcp`. Sorts by port, then by transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServicePort {
    /// The port number.
    pub port: u16,
    /// TCP or UDP.
    pub transport: Transport,
}

impl ServicePort {
    /// The port `port` of `transport`.
    #[must_use]
    pub const fn new(port: u16, transport: Transport) -> Self {
        Self { port, transport }
    }
}

impl fmt::Display for ServicePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.port, self.transport))
    }
}
