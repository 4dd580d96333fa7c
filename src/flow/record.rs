//! The unit of output: one finished flow, immutable.

use super::tcp::TcpCounters;
use super::{Orientation, Sizes};
use crate::decode::{Endpoint, Transport, Tunnel};
use crate::evidence::Direction;
use crate::time::Time;

/// One number for each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Of what the initiator sent.
    pub initiator: u64,
    /// Of what the responder sent.
    pub responder: u64,
}

impl Counts {
    /// Both.
    #[must_use]
    pub const fn sum(self) -> u64 {
        self.initiator + self.responder
    }

    /// One side's.
    #[must_use]
    pub const fn of(self, direction: Direction) -> u64 {
        match direction {
            Direction::Initiator => self.initiator,
            Direction::Responder => self.responder,
        }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.initiator += other.initiator;
        self.responder += other.responder;
    }
}

/// Where a TCP connection stood when its record was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TcpState {
    /// SYN, no answer yet.
    SynSent,
    /// SYN-ACK, not yet acknowledged.
    SynReceived,
    /// The handshake was seen.
    Established,
    /// One side has finished.
    Closing,
    /// Both have.
    Closed,
    /// Aborted or refused.
    Reset,
    /// Its beginning is not in the capture.
    Midstream,
}

impl TcpState {
    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SynSent => "syn-sent",
            Self::SynReceived => "syn-received",
            Self::Established => "established",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Midstream => "midstream",
        }
    }
}

/// How an attempt to reach a service went. Each flow has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// TCP: the handshake was answered. UDP has no such thing.
    Established,
    /// TCP: answered with RST.
    Refused,
    /// Nothing came back.
    NoAnswer,
    /// TCP: established, then aborted.
    Reset,
    /// TCP: the beginning is not in the capture.
    Midstream,
    /// UDP: both sides sent.
    Answered,
}

impl Outcome {
    /// Every outcome, in the order of output.
    pub const ALL: [Self; 6] = [
        Self::Established,
        Self::Refused,
        Self::NoAnswer,
        Self::Reset,
        Self::Midstream,
        Self::Answered,
    ];

    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::Refused => "refused",
            Self::NoAnswer => "no_answer",
            Self::Reset => "reset",
            Self::Midstream => "midstream",
            Self::Answered => "answered",
        }
    }
}

/// Who said something in a flow, and where nobody did, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Heard {
    /// Both sides sent payload.
    Both,
    /// Only the initiator did.
    Initiator,
    /// Only the responder did.
    Responder,
    /// Nobody did, though nothing hindered them.
    Nobody,
    /// The responder refused.
    Refused,
    /// The responder gave no sign of life.
    NoAnswer,
}

impl Heard {
    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Initiator => "initiator",
            Self::Responder => "responder",
            Self::Nobody => "silent",
            Self::Refused => "refused",
            Self::NoAnswer => "no_answer",
        }
    }
}

/// A finished flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRecord {
    /// TCP or UDP.
    pub transport: Transport,
    /// Who opened it.
    pub initiator: Endpoint,
    /// Whose port is the service's.
    pub responder: Endpoint,
    /// How the two are known.
    pub orientation: Orientation,
    /// The innermost tunnel that its first segment came through.
    pub tunnel: Option<Tunnel>,
    /// Time of the first frame.
    pub first: Time,
    /// Time of the last frame.
    pub last: Time,
    /// Number of the first frame.
    pub first_frame: u64,
    /// Number of the last frame.
    pub last_frame: u64,
    /// Frames.
    pub packets: Counts,
    /// Bytes of these frames on the wire, all headers included.
    pub bytes: Counts,
    /// Bytes of payload on the wire, repeated ones included.
    pub payload_bytes: Counts,
    /// What was counted of TCP segments; zero for UDP.
    pub tcp_counters: TcpCounters,
    /// `None` for UDP.
    pub tcp: Option<TcpState>,
    /// TCP: who finished or aborted first.
    pub ended_by: Option<Direction>,
    /// How it went.
    pub outcome: Outcome,
    /// Nanoseconds from SYN to the end of the handshake, where it was seen once and whole.
    pub handshake_ns: Option<u64>,
    /// Nanoseconds from the initiator's first payload to the responder's first after it.
    pub first_response_ns: Option<u64>,
    /// Frame sizes of both sides.
    pub sizes: Sizes,
}

impl FlowRecord {
    /// A UDP flow of one frame, number and time `n`, in which nobody said anything.
    #[cfg(test)]
    pub(crate) fn silent(n: u64) -> Self {
        let end = Endpoint { address: [10, 0, 0, 1].into(), port: 3001 };
        Self {
            transport: Transport::Udp,
            initiator: end,
            responder: end,
            orientation: Orientation::Guessed,
            tunnel: None,
            first: Time(n as i64),
            last: Time(n as i64),
            first_frame: n,
            last_frame: n,
            packets: Counts::default(),
            bytes: Counts::default(),
            payload_bytes: Counts::default(),
            tcp_counters: TcpCounters::default(),
            tcp: None,
            ended_by: None,
            outcome: Outcome::NoAnswer,
            handshake_ns: None,
            first_response_ns: None,
            sizes: Sizes::default(),
        }
    }

    /// Nanoseconds from the first to the last frame.
    #[must_use]
    pub const fn duration_ns(&self) -> u64 {
        self.last.since(self.first)
    }

    /// Why nothing was said, where nothing was.
    #[must_use]
    pub fn quiet(&self) -> Option<Heard> {
        Some(self.heard()).filter(|_| self.payload_bytes.sum() == 0)
    }

    /// Who said something.
    #[must_use]
    pub const fn heard(&self) -> Heard {
        match (self.payload_bytes.initiator > 0, self.payload_bytes.responder > 0, self.outcome) {
            (true, true, _) => Heard::Both,
            (true, false, _) => Heard::Initiator,
            (false, true, _) => Heard::Responder,
            (false, false, Outcome::Refused) => Heard::Refused,
            (false, false, Outcome::NoAnswer) => Heard::NoAnswer,
            (false, false, _) => Heard::Nobody,
        }
    }
}
