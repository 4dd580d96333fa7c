//! Open Sound Control 1.0 and 1.1: <https://opensoundcontrol.stanford.edu/spec-1_0.html>.
//!
//! Framings: one packet per datagram; over TCP a big-endian length before each packet (OSC 1.0), or
//! SLIP with END before and after a packet or only after it (OSC 1.1, RFC 1055). The first byte
//! shows which. A stream whose beginning was not captured, or that lost bytes, is read from the
//! next valid frame on. Where the two sides use different framings, neither understands the other,
//! and only an observer sees why: that is stated, and so is a stream without any framing.
//!
//! Type tags prove a packet. Old and sloppy senders leave them out: then the address must be that of
//! a known product, or packets must agree, two of a side or one of each, and none may fail.

mod framing;
mod packet;
mod product;

pub use self::framing::OscFraming;

use self::packet::{Grade, StatedMessage};
use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Direction, Fact, Protocol, Recognition, Role};
use crate::flow::Opening;

/// Distinct addresses of each side that are stated at most.
const ADDRESSES: usize = 64;
/// Bytes of a run without a beginning in which the first packet is looked for.
const SEARCHED: usize = 2048;
const FRAMING: &str = "osc.framing";
const ADDRESS: &str = "osc.address";
const TYPES: &str = "osc.types";
const ERROR: &str = "osc.error";
/// Packets of a side without type tags that prove as much as one with tags.
const UNTYPED: usize = 2;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Osc, inspect)
    .tcp()
    .udp()
    .prefilter(
        Prefilter::ANY
            .tcp_first_byte(&[0..=0, b'#'..=b'#', b'/'..=b'/', b'n'..=b'n', 0xc0..=0xc0])
            .max_leading_zeros(3)
            .udp_first_byte(&[b'#'..=b'#', b'/'..=b'/', b'n'..=b'n'])
            .udp_then(&[b' '..=b'~', 0x80..=0xff])
            .udp_at_least(packet::SHORTEST)
            .mid_stream(),
    )
    .one_way()
    .facts(&["osc.address", "osc.error", "osc.framing", "osc.mismatch", "osc.types"])
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
        Sample { transport: Transport::Udp, initiator: &[b"/eos/key/go_0\0\0\0"], responder: &[] },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\0\0\0\x08/ping\0\0\0"],
            responder: &[b"\0\0\0\x08/pong\0\0\0"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"/eos/newcmd\0,s\0\0Go\0\0", b"/eos/newcmd\0,s\0\0Go\0\0"],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let mut agreeing = 0;
    let mut detection = judge(opening, depth, UNTYPED, &mut agreeing);
    if agreeing == 2 && detection == Detection::NeedMore {
        detection = judge(opening, depth, 1, &mut agreeing);
    }
    if let Detection::Yes(recognition) = &mut detection {
        orient(recognition);
        let found = mismatch(&recognition.facts);
        recognition.facts.extend(found);
    }
    detection
}

/// Judges both sides, of which one needs so many packets where they have no type tags, and counts
/// the sides all of whose packets are valid.
fn judge(opening: &Opening, depth: Depth, untyped: usize, agreeing: &mut usize) -> Detection {
    let (mut typed, mut foreign) = (0, false);
    let found = combine(Protocol::Osc, opening, depth, |statement| {
        let mut packets = Packets::new(statement);
        let side = match opening.transport() {
            Transport::Udp => datagrams(&mut packets, untyped),
            Transport::Tcp => stream(&mut packets, untyped),
        };
        *agreeing += usize::from(packets.untyped > 0 && packets.foreign == 0);
        typed += packets.typed;
        foreign |= side == Side::Other;
        side
    });
    if foreign && typed == 0 { Detection::No } else { found }
}

/// The addresses of a side and their type tags, if they have any.
fn messages(facts: &[Fact], side: Direction) -> impl Iterator<Item = (&str, Option<&str>)> {
    let behind = |at: usize| facts.get(at + 1).filter(|fact| fact.name.stem == TYPES);
    let addresses = facts
        .iter()
        .enumerate()
        .filter(move |(_, fact)| fact.direction == side && fact.name.stem == ADDRESS);
    addresses.map(move |(at, fact)| (fact.value.as_str(), behind(at).map(|f| f.value.as_str())))
}

/// Sets the roles of sides both of which seem to be clients: who states a value at an address where
/// the other has asked without one answers it.
fn orient(recognition: &mut Recognition) {
    if recognition.roles != [Some(Role::Client); 2] {
        return;
    }
    let [initiator, responder] = Direction::BOTH;
    let answers = |asking: Direction, answering: Direction| {
        messages(&recognition.facts, answering).any(|(address, types)| {
            let has_value = types.is_some_and(|types| !types.is_empty());
            let is_asked = |(asked, types): (&str, Option<&str>)| {
                asked == address && types.is_none_or(str::is_empty)
            };
            has_value && messages(&recognition.facts, asking).any(is_asked)
        })
    };
    match [answers(initiator, responder), answers(responder, initiator)] {
        [true, false] => recognition.roles[1] = Some(Role::Server),
        [false, true] => recognition.roles[0] = Some(Role::Server),
        _ => {}
    }
}

/// The fact that the sides use different framings, of the side that sent last, or that a stream has
/// none.
fn mismatch(facts: &[Fact]) -> Option<Fact> {
    let mut framings = facts.iter().filter(|fact| fact.name.stem == FRAMING);
    let (one, other) = (framings.next()?, framings.next());
    let stated =
        |value: String, of: &Fact| Fact { name: "osc.mismatch".into(), value, ..of.clone() };
    if let Some(other) = other.filter(|other| other.value != one.value) {
        let (first, last) = if one.frame <= other.frame { (one, other) } else { (other, one) };
        let value = format!("{}, the other side {}", last.value, first.value);
        return Some(stated(value, last));
    }
    let is_unframed = one.value == OscFraming::Unframed.as_str();
    is_unframed.then(|| stated("neither a length nor SLIP".into(), one))
}

/// What the packets of a side have shown so far.
struct Packets<'a, 'b> {
    statement: &'a mut Statement<'b>,
    typed: usize,
    untyped: usize,
    /// Packets that fail.
    foreign: usize,
    /// The most that a packet proves.
    best: Grade,
    /// The number of facts before those of this side, which are the other side's.
    stated: usize,
}

impl<'a, 'b> Packets<'a, 'b> {
    fn new(statement: &'a mut Statement<'b>) -> Self {
        let stated = statement.facts.len();
        Self { statement, typed: 0, untyped: 0, foreign: 0, best: Grade::Invalid, stated }
    }

    /// Adds a whole packet at the offset `offset`; false where the bytes are no packet.
    fn add(&mut self, bytes: &[u8], offset: usize) -> bool {
        let mut messages = Vec::new();
        let grade = packet::grade(bytes, &mut messages);
        let reports = messages.iter().any(|(address, _)| product::reports_command(address));
        let is_valid = self.count(grade, messages, offset);
        if reports && is_valid {
            self.count_report(bytes, offset);
        }
        is_valid
    }

    /// Counts what Eos reports of a command line, and states its first error.
    fn count_report(&mut self, report: &[u8], offset: usize) {
        if !product::is_syntax_error(report) {
            self.statement.answers.succeeded();
            return;
        }
        if self.statement.answers.is_flawless() {
            self.statement.fact(ERROR, product::SYNTAX_ERROR, offset);
        }
        self.statement.service_failed("Eos Syntax Error", offset);
    }

    /// Adds a packet whose end the capture cut.
    fn add_cut(&mut self, bytes: &[u8], offset: usize) -> bool {
        let mut messages = Vec::new();
        let grade = packet::grade_cut(bytes, &mut messages);
        self.count(grade, messages, offset)
    }

    fn count(&mut self, grade: Grade, messages: Vec<StatedMessage<'_>>, offset: usize) -> bool {
        self.best = self.best.max(grade);
        match grade {
            Grade::Invalid => {
                self.foreign += 1;
                return false;
            }
            Grade::Typed => self.typed += 1,
            Grade::Untyped | Grade::Word | Grade::Product => self.untyped += 1,
        }
        for (address, types) in messages {
            self.state(address, types, offset);
        }
        true
    }

    fn state(&mut self, address: &[u8], types: Option<&[u8]>, offset: usize) {
        let is_answer = product::is_answer(address, types);
        self.statement.role(if is_answer { Role::Server } else { Role::Client });
        if !is_answer && product::is_answered(address) {
            self.statement.awaits_answer();
        }
        let known = &self.statement.facts[self.stated..];
        let is_new = !known.iter().any(|f| f.name.stem == ADDRESS && f.value.as_bytes() == address);
        if is_new && known.len() < 2 * ADDRESSES {
            self.statement.fact(ADDRESS, address, offset);
            if let Some(types) = types {
                self.statement.fact(TYPES, types, offset);
            }
        }
    }

    /// The judgement, where packets without type tags prove the protocol from `least` on, and the
    /// address of a known product from `product` on.
    fn side(&mut self, framing: &str, least: usize, product: Grade, otherwise: Side) -> Side {
        let is_consistent = self.foreign == 0 && (self.untyped >= least || self.best >= product);
        if self.typed > 0 || is_consistent && self.untyped > 0 {
            let at = self.statement.facts.get(self.stated).map(|f| f.frame);
            self.statement.fact(FRAMING, framing.as_bytes(), 0);
            if let (Some(frame), Some(fact)) = (at, self.statement.facts.last_mut()) {
                fact.frame = frame;
            }
            return Side::Matches;
        }
        if self.untyped > 0 && self.foreign == 0 { Side::Perhaps } else { otherwise }
    }
}

fn datagrams(packets: &mut Packets<'_, '_>, untyped: usize) -> Side {
    let stream = packets.statement.stream;
    let start = stream.bytes().as_ptr() as usize;
    for (bytes, _, cut) in stream.datagrams() {
        let offset = bytes.as_ptr() as usize - start;
        // A port for strings answers packets as commands that it cannot read.
        if bytes.is_ascii() && !bytes.contains(&0) && product::is_syntax_error(bytes) {
            packets.count_report(bytes, offset);
            continue;
        }
        // Of a datagram that the capture cut, only the beginning can be judged.
        let _ = if cut { packets.add_cut(bytes, offset) } else { packets.add(bytes, offset) };
    }
    // Senders make mistakes, but most of their packets are valid.
    if packets.foreign > 0 && packets.foreign >= packets.typed {
        return Side::Other;
    }
    packets.side("datagram", untyped, Grade::Word, Side::Perhaps)
}

fn stream(packets: &mut Packets<'_, '_>, untyped: usize) -> Side {
    let stream = packets.statement.stream;
    let bytes = stream.bytes();
    let mut framing = None;
    let mut otherwise = Side::Perhaps;
    for (i, run) in stream.runs().enumerate() {
        let in_step = i == 0 && stream.from_start();
        // A stream without its beginning is searched again whenever it has grown.
        let end = if in_step { run.end } else { run.end.min(run.start + SEARCHED) };
        let detected = || OscFraming::detect(&bytes[run.start..end], in_step);
        let Some(kind) = framing.or_else(detected) else {
            if in_step {
                return Side::Other;
            }
            continue;
        };
        framing = Some(kind);
        let valid = kind.packets(&bytes[run.clone()], in_step, &mut |packet, at| {
            packets.add(packet, run.start + at)
        });
        packets.foreign += usize::from(!valid && packets.foreign == 0);
        if in_step && !valid && packets.typed + packets.untyped == 0 {
            otherwise = Side::Other;
        }
    }
    match framing {
        // Without a framing nothing but the packets themselves can agree.
        Some(OscFraming::Unframed) => {
            packets.side(OscFraming::Unframed.as_str(), usize::MAX, Grade::Product, otherwise)
        }
        Some(framing) => packets.side(framing.as_str(), untyped, Grade::Word, otherwise),
        None => Side::Other,
    }
}

#[cfg(test)]
mod tests;
