//! What a trace tells.

use std::fmt;

use crate::decode::FiveTuple;
use crate::detect::OscFraming;
use crate::osc::{OscFault, OscPacket};
use crate::time::Time;

/// One thing that a side sent, or that is missing of it.
#[derive(Debug, Clone)]
pub struct OscEntry<'a> {
    /// When its first byte was captured.
    pub time: Time,
    /// The frame with its first byte.
    pub frame: u64,
    /// The frame with its last byte.
    pub last_frame: u64,
    /// The sender, the receiver and the transport.
    pub five_tuple: FiveTuple,
    /// Whether the sender opened the connection: it sent the first segment that was captured, or in
    /// a connection without its beginning has the higher port.
    pub from_initiator: bool,
    /// Whether the connection was recognised as OSC. One that was not begins as OSC does, or is on
    /// a port that was asked for.
    pub recognised: bool,
    /// What it is.
    pub content: OscContent<'a>,
}

/// What an entry is.
#[derive(Debug, Clone)]
pub enum OscContent<'a> {
    /// A packet with its bytes, or bytes in the place of one that fail to be one.
    Packet {
        /// The packet, or why it is none.
        packet: Result<OscPacket<'a>, OscFault<'a>>,
        /// The bytes without their framing.
        bytes: &'a [u8],
        /// The framing.
        framing: PacketFraming,
    },
    /// Bytes of a stream that stand in no packet, as they were sent.
    Unread {
        /// The bytes with whatever framing they have.
        bytes: &'a [u8],
        /// Why no packet is found in them.
        reason: UnreadReason,
    },
    /// Bytes of a stream that were not captured. `None` where their number is not known.
    Gap(Option<u64>),
    /// The sides use different framings: neither understands the other.
    Mismatch {
        /// The framing of the sender.
        own: OscFraming,
        /// The framing of the other side.
        other: OscFraming,
    },
}

/// How a packet was framed: what to write around it to have the bytes that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketFraming {
    /// A UDP datagram.
    Datagram,
    /// In a stream, behind its length in 32 bits.
    LengthPrefix,
    /// In a stream, SLIP with this number of END bytes.
    Slip {
        /// Before the packet.
        before: usize,
        /// After it.
        after: usize,
    },
    /// In a stream, without any framing.
    Unframed,
}

impl PacketFraming {
    /// The name in machine output, as the fact `osc.framing` has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Datagram => "datagram",
            Self::LengthPrefix => OscFraming::LengthPrefix.as_str(),
            Self::Slip { .. } => OscFraming::Slip.as_str(),
            Self::Unframed => OscFraming::Unframed.as_str(),
        }
    }
}

/// Why no packet is found in bytes of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnreadReason {
    /// The stream, or what was captured of it without a gap, ends within the packet.
    Cut,
    /// What stands before the first packet, in a stream that was joined in the middle or behind a
    /// gap.
    Resync,
    /// The length before a packet cannot be one.
    Length(u32),
    /// An escape that SLIP does not define.
    Escape,
    /// More bytes than a packet has, without an end of a packet.
    Endless,
    /// ENDs of SLIP with nothing behind them.
    Ends,
}

impl fmt::Display for UnreadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("incomplete packet"),
            Self::Resync => f.write_str("no packet begins here"),
            Self::Length(length) => {
                write!(f, "{length} (0x{length:08x}) cannot be the length of a packet")
            }
            Self::Escape => f.write_str("undefined SLIP escape"),
            Self::Endless => f.write_str("no end of packet found"),
            Self::Ends => f.write_str("empty SLIP packet"),
        }
    }
}
