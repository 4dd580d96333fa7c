//! Open Sound Control 1.0 and 1.1: <https://opensoundcontrol.stanford.edu/spec-1_0.html>.
//!
//! Framings: one packet per datagram; over TCP a big-endian length before each packet (OSC 1.0), or
//! SLIP with END before and after a packet or only after it (OSC 1.1, RFC 1055). The first byte
//! shows which. A stream whose beginning was not captured, or that lost bytes, is read from the
//! next valid frame on. Where the two sides use different framings, neither understands the other,
//! and only an observer sees why: that is stated.

mod framing;
mod packet;

use self::framing::Framing;
use self::packet::Grade;
use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Fact, Protocol, Recognition};
use crate::flow::Opening;

/// Distinct addresses of each side that are stated at most.
const ADDRESSES: usize = 64;
const FRAMING: &str = "osc.framing";
/// Packets without type tags that prove as much as one with tags: old senders leave them out.
const UNTYPED: usize = 3;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Osc, inspect)
    .tcp()
    .udp()
    .prefilter(
        Prefilter::first_byte(&[0..=0, b'#'..=b'#', b'/'..=b'/', b'n'..=b'n', 0xc0..=0xc0])
            .max_leading_zeros(3)
            .mid_stream(),
    )
    .facts(&["osc.address", "osc.framing", "osc.mismatch", "osc.types"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"/eos/ping\0\0\0,\0\0\0"],
            responder: &[],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[
                b"#bundle\0\0\0\0\0\0\0\0\x01\0\0\0\x18/eos/out/user\0\0\0,i\0\0\0\0\0\x01",
            ],
            responder: &[b"/a\0\0,TFNI[i]\0\0\0\0\0\0\0\x07"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\0\0\0\x10", b"/eos/ping\0\0\0,\0\0\0"],
            responder: &[b"\0\0\0\x14/eos/out/ping\0\0\0,\0\0\0"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\xc0/eos/sub/1\0\0,f\0\0\xdb\xdc\xdb\xdc\0\0\xc0"],
            responder: &[b"\xc0\xc0/a\0\0,b\0\0\0\0\0\x01\xdb\xdd\0\0\0\xc0"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"/xremote\0\0\0\0", b"/xremote\0\0\0\0"],
            responder: &[b"/info\0\0\0,ss\0a\0\0\0b\0\0\0"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let mut detection =
        combine(Protocol::Osc, opening, depth, |statement| match opening.transport() {
            Transport::Udp => datagrams(statement),
            Transport::Tcp => stream(statement),
        });
    if let Detection::Yes(Recognition { facts, .. }) = &mut detection {
        let found = mismatch(facts);
        facts.extend(found);
    }
    detection
}

/// The fact that the sides use different framings, of the side that sent last.
fn mismatch(facts: &[Fact]) -> Option<Fact> {
    let mut framings = facts.iter().filter(|fact| fact.name.stem == FRAMING);
    let (one, other) = (framings.next()?, framings.next()?);
    let (first, last) = if one.frame <= other.frame { (one, other) } else { (other, one) };
    let value = format!("{} after {} from the other side", last.value, first.value);
    (first.value != last.value).then(|| Fact { name: "osc.mismatch".into(), value, ..last.clone() })
}

/// What the packets of a side have shown so far.
struct Packets<'a, 'b> {
    statement: &'a mut Statement<'b>,
    typed: usize,
    untyped: usize,
    /// The number of facts before those of this side, which are the other side's.
    stated: usize,
}

impl<'a, 'b> Packets<'a, 'b> {
    fn new(statement: &'a mut Statement<'b>) -> Self {
        let stated = statement.facts.len();
        Self { statement, typed: 0, untyped: 0, stated }
    }

    /// Adds a whole packet at the offset `offset`; false where the bytes are no packet.
    fn add(&mut self, bytes: &[u8], offset: usize) -> bool {
        let mut messages = Vec::new();
        let grade = packet::grade(bytes, &mut messages);
        match grade {
            Grade::Invalid => return false,
            Grade::Typed => self.typed += 1,
            Grade::Untyped => self.untyped += 1,
        }
        for (address, types) in messages {
            let known = &self.statement.facts[self.stated..];
            let is_new = !known
                .iter()
                .any(|f| f.name.stem == "osc.address" && f.value.as_bytes() == address);
            if is_new && known.len() < 2 * ADDRESSES {
                self.statement.fact("osc.address", address, offset);
                if let Some(types) = types {
                    self.statement.fact("osc.types", types, offset);
                }
            }
        }
        true
    }

    fn side(&mut self, framing: &str, otherwise: Side) -> Side {
        if self.typed > 0 || self.untyped >= UNTYPED {
            let at = self.statement.facts.get(self.stated).map(|f| f.frame);
            self.statement.fact(FRAMING, framing.as_bytes(), 0);
            if let (Some(frame), Some(fact)) = (at, self.statement.facts.last_mut()) {
                fact.frame = frame;
            }
            return Side::Matches;
        }
        if self.untyped > 0 { Side::Perhaps } else { otherwise }
    }
}

fn datagrams(statement: &mut Statement<'_>) -> Side {
    let stream = statement.stream;
    let start = stream.bytes().as_ptr() as usize;
    let mut packets = Packets::new(statement);
    let mut foreign = 0;
    for (bytes, _, cut) in stream.datagrams() {
        let offset = bytes.as_ptr() as usize - start;
        // Of a datagram that the capture cut, only the beginning can be judged.
        let fits = if cut { packet::may_begin(bytes) } else { packets.add(bytes, offset) };
        foreign += usize::from(!fits);
    }
    // Senders make mistakes, but most of their packets are valid.
    if foreign > 0 && foreign >= packets.typed {
        return Side::Other;
    }
    packets.side("datagram", Side::Perhaps)
}

fn stream(statement: &mut Statement<'_>) -> Side {
    let stream = statement.stream;
    let bytes = stream.bytes();
    let mut packets = Packets::new(statement);
    let mut framing = None;
    let mut otherwise = Side::Perhaps;
    for (i, run) in stream.runs().enumerate() {
        let in_step = i == 0 && stream.from_start();
        let Some(kind) = framing.or_else(|| Framing::detect(&bytes[run.clone()], in_step)) else {
            if in_step {
                return Side::Other;
            }
            continue;
        };
        framing = Some(kind);
        let valid = kind.packets(&bytes[run.clone()], in_step, &mut |packet, at| {
            packets.add(packet, run.start + at)
        });
        if in_step && !valid && packets.typed + packets.untyped == 0 {
            otherwise = Side::Other;
        }
    }
    match framing {
        Some(framing) => packets.side(framing.as_str(), otherwise),
        None => Side::Other,
    }
}

#[cfg(test)]
mod tests;
