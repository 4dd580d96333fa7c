//! One finished flow, immutable: the unit of output.

use serde::{Deserialize, Serialize};

use super::tcp::TcpCounters;
use super::{IcmpError, Orientation, Sizes};
use crate::decode::{Endpoint, ServicePort, Tenant, Transport, Tunnel};
use crate::evidence::Direction;
use crate::time::Time;

/// A number for each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// For what the initiator sent.
    pub initiator: u64,
    /// For what the responder sent.
    pub responder: u64,
}

impl Counts {
    /// The sum of both sides.
    #[must_use]
    pub const fn sum(self) -> u64 {
        self.initiator + self.responder
    }

    /// The number of one side.
    #[must_use]
    pub const fn side(self, direction: Direction) -> u64 {
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

/// The state of a TCP connection when its record was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TcpState {
    /// SYN was seen, no answer yet.
    SynSent,
    /// SYN-ACK was seen, not yet acknowledged.
    SynReceived,
    /// The handshake was seen.
    Established,
    /// One side has finished.
    Closing,
    /// Both sides have finished.
    Closed,
    /// Aborted or refused.
    Reset,
    /// The beginning is not in the capture.
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

/// How an attempt to reach a service went. Each flow has exactly one outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Outcome {
    /// TCP: the handshake was answered. UDP has no such outcome.
    Established,
    /// TCP: answered with RST. UDP: answered with the ICMP error that the port is closed.
    Refused,
    /// An ICMP error said that the responder cannot be reached.
    Unreachable,
    /// No answer.
    NoAnswer,
    /// TCP: established, then aborted.
    Reset,
    /// TCP: the beginning is not in the capture.
    Midstream,
    /// UDP: the responder sent.
    Answered,
    /// UDP: nothing came back, and none was expected: to a group, or one-way by design.
    Sent,
}

impl Outcome {
    /// Every outcome, in the order of output.
    pub const ALL: [Self; 8] = [
        Self::Established,
        Self::Refused,
        Self::Unreachable,
        Self::NoAnswer,
        Self::Reset,
        Self::Midstream,
        Self::Answered,
        Self::Sent,
    ];

    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::NoAnswer => "no_answer",
            Self::Reset => "reset",
            Self::Midstream => "midstream",
            Self::Answered => "answered",
            Self::Sent => "sent",
        }
    }
}

/// Which sides sent payload, and why, if neither did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PayloadSides {
    /// Both sides sent payload.
    Both,
    /// Only the initiator sent payload.
    Initiator,
    /// Only the responder sent payload.
    Responder,
    /// Neither side sent payload, although nothing prevented it.
    Nobody,
    /// None: the responder refused.
    Refused,
    /// None: the responder cannot be reached.
    Unreachable,
    /// None: the responder did not answer.
    NoAnswer,
}

impl PayloadSides {
    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Initiator => "initiator",
            Self::Responder => "responder",
            Self::Nobody => "silent",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::NoAnswer => "no_answer",
        }
    }
}

/// A finished flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FlowRecord {
    /// TCP or UDP.
    pub transport: Transport,
    /// The side that opened the flow.
    pub initiator: Endpoint,
    /// The side whose port is that of the service.
    pub responder: Endpoint,
    /// How initiator and responder are known.
    pub orientation: Orientation,
    /// The innermost tunnel of the first segment.
    pub tunnel: Option<Tunnel>,
    /// The VLANs and the virtual network, as far as they belong to the key of flows.
    pub tenant: Tenant,
    /// Time of the earliest frame.
    pub first: Time,
    /// Time of the latest frame.
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
    /// TCP: the side that finished or aborted first.
    pub ended_by: Option<Direction>,
    /// How the flow went.
    pub outcome: Outcome,
    /// The ICMP error that met the initiator's packets, where nothing came from the responder.
    pub icmp: Option<IcmpError>,
    /// The initiator sent to a group or a broadcast address, also to that of one network
    /// (`192.0.2.255`), which the link layer shows.
    pub to_group: bool,
    /// The capture holds only a part of some payload.
    pub cut: bool,
    /// Nanoseconds from SYN to the end of the handshake, if each of its segments was seen exactly
    /// once.
    pub handshake_ns: Option<u64>,
    /// Nanoseconds from the initiator's first payload to the responder's first payload after it.
    pub first_response_ns: Option<u64>,
    /// Frame sizes of both sides.
    pub sizes: Sizes,
}

impl FlowRecord {
    /// The port that the responder serves.
    #[must_use]
    pub const fn service_port(&self) -> ServicePort {
        ServicePort { port: self.responder.port, transport: self.transport }
    }

    /// Moves the numbers of its frames behind `by` others.
    pub(crate) fn move_frames(&mut self, by: u64) {
        let error = self.icmp.iter_mut().map(|error| &mut error.frame);
        for frame in error.chain([&mut self.first_frame, &mut self.last_frame]) {
            *frame = frame.saturating_add(by);
        }
    }

    /// Whether the flow has ended: both sides have finished, one aborted, or the attempt was turned
    /// down. What is merely idle has not.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self.tcp, Some(TcpState::Closed | TcpState::Reset))
            || matches!(self.outcome, Outcome::Refused | Outcome::Unreachable)
    }

    /// A UDP flow of one frame, number and time `n`, without payload.
    #[cfg(test)]
    pub(crate) fn silent(n: u64) -> Self {
        let end = Endpoint { address: [10, 0, 0, 1].into(), port: 3001 };
        Self {
            transport: Transport::Udp,
            initiator: end,
            responder: end,
            orientation: Orientation::Guessed,
            tunnel: None,
            tenant: Tenant::NONE,
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
            icmp: None,
            to_group: false,
            cut: false,
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

    /// Why the flow has no payload; `None` if it has some.
    #[must_use]
    pub fn without_payload(&self) -> Option<PayloadSides> {
        Some(self.payload_sides()).filter(|_| self.payload_bytes.sum() == 0)
    }

    /// Which sides sent payload, and why, if neither did.
    #[must_use]
    pub const fn payload_sides(&self) -> PayloadSides {
        match (self.payload_bytes.initiator > 0, self.payload_bytes.responder > 0, self.outcome) {
            (true, true, _) => PayloadSides::Both,
            (true, false, _) => PayloadSides::Initiator,
            (false, true, _) => PayloadSides::Responder,
            (false, false, Outcome::Refused) => PayloadSides::Refused,
            (false, false, Outcome::Unreachable) => PayloadSides::Unreachable,
            (false, false, Outcome::NoAnswer) => PayloadSides::NoAnswer,
            (false, false, _) => PayloadSides::Nobody,
        }
    }
}
