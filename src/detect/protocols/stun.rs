//! STUN, and TURN and ICE, which are built on it: RFC 8489, section 5, and its predecessor RFC
//! 3489, section 11, over UDP and TCP.
//!
//! The proof is the magic number and attributes that end with the message. The predecessor has no
//! magic number: its messages must have attributes, all of which it knows.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const HEADER: usize = 20;
/// Bytes of a message over TCP that are awaited at most.
const LONGEST: usize = 2048;
/// Bytes of the length that may precede a message over TCP.
const LENGTH: usize = 2;
const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// The last attribute of RFC 3489, and the first that may be ignored.
const LAST_OLD: u16 = 0x000b;
const FIRST_OPTIONAL: u16 = 0x8000;
/// The first byte of the last method that this detector knows.
const HIGHEST_METHOD: u8 = 0x0f;
const SOFTWARE: u16 = 0x8022;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Stun, inspect)
    .udp()
    .tcp()
    .prefilter(Prefilter::ANY
            .tcp_first_byte(&[0..=0x3f])
            .max_leading_zeros(5)
            .udp_first_byte(&[0..=HIGHEST_METHOD])
            .udp_at_least(HEADER))
    .first_words()
    .facts(&["stun.message", "stun.software"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\0\x01\0\x08\x21\x12\xa4\x420123456789ab\x80\x22\0\x04tide"],
            responder: &[b"\x01\x01\0\x0c\x21\x12\xa4\x420123456789ab\0\x20\0\x08\0\x01\x11\x22\xe1\x12\xa6\x43"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\0\x01\0\0\x11\x22\x33\x440123456789ab"],
            responder: &[b"\x01\x01\0\x0c\x11\x22\x33\x440123456789ab\0\x01\0\x08\0\x01\x11\x22\xc0\0\x02\x01"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\0\x03\0\x08\x21\x12\xa4\x420123456789ab\0\x19\0\x04\x11\0\0\0"],
            responder: &[],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\0\x1c\0\x01\0\x08\x21\x12\xa4\x420123456789ab\x80\x22\0\x04tide"],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Stun, opening, depth, |statement| match opening.transport() {
        Transport::Udp => by_datagram(statement, |statement, bytes, offset, cut| {
            message(statement, bytes, offset, cut)
        }),
        Transport::Tcp => stream(statement),
    })
}

fn message(statement: &mut Statement<'_>, bytes: &[u8], offset: usize, cut: bool) -> Side {
    let Some(head) = bytes.first_chunk::<HEADER>() else {
        let may_begin = bytes.first().is_some_and(|&first| first <= HIGHEST_METHOD);
        return if cut && may_begin { Side::Perhaps } else { Side::Other };
    };
    let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
    if head[0] & 0xc0 != 0 || !len.is_multiple_of(4) || !(cut || bytes.len() == HEADER + len) {
        return Side::Other;
    }
    let magic = head[4..8] == MAGIC;
    let kind = u16::from_be_bytes([head[0], head[1]]);
    let Some((method, class)) = names(kind) else { return Side::Other };
    let mut attributes = bytes.get(HEADER..).unwrap_or(&[]);
    let mut software: Option<&[u8]> = None;
    let mut any = false;
    while !attributes.is_empty() {
        let Some(&[a, b, c, d]) = attributes.first_chunk() else { break };
        let (name, len) = (u16::from_be_bytes([a, b]), usize::from(u16::from_be_bytes([c, d])));
        let Some(value) = attributes[4..].get(..len) else { break };
        // Values are padded to multiples of four bytes; in the predecessor their lengths are such
        // multiples.
        let Some(behind) = attributes[4..].get(len.next_multiple_of(4)..) else { break };
        if !(magic || (1..=LAST_OLD).contains(&name) || name >= FIRST_OPTIONAL) {
            return Side::Other;
        }
        any |= (1..=LAST_OLD).contains(&name);
        if name == SOFTWARE {
            software = Some(value);
        }
        attributes = behind;
    }
    if !attributes.is_empty() && !cut {
        return Side::Other;
    }
    if !magic && !any {
        // Many protocols may begin like a request without attributes, so the answer decides.
        return if len == 0 && kind == 1 || cut { Side::Perhaps } else { Side::Other };
    }
    match class {
        "request" => statement.role(Role::Client),
        "indication" => {}
        _ => statement.role(Role::Server),
    }
    statement.fact("stun.message", format!("{method} {class}").as_bytes(), offset);
    if let Some(software) = software {
        statement.fact("stun.software", software.trim_ascii_end(), offset);
    }
    Side::Matches
}

/// Judges a stream that begins with a message, or with a message after its length, which ICE has
/// over TCP (RFC 6544, section 3; RFC 4571, section 2).
fn stream(statement: &mut Statement<'_>) -> Side {
    match behind(statement, 0) {
        Side::Other => behind(statement, LENGTH),
        side => side,
    }
}

/// Judges the first message, which begins at the offset `start`.
fn behind(statement: &mut Statement<'_>, start: usize) -> Side {
    let stream = statement.stream.head();
    if start > 0 && stream.first().is_some_and(|&high| usize::from(high) > LONGEST >> 8) {
        return Side::Other;
    }
    let Some(bytes) = stream.get(start..) else { return Side::Perhaps };
    let at = |i: usize, is: fn(u8) -> bool| bytes.get(i).is_none_or(|&b| is(b));
    let magic = bytes.iter().skip(4).zip(MAGIC).all(|(byte, magic)| *byte == magic);
    if !at(0, |b| b & 0xc0 == 0) || !at(3, |b| b.is_multiple_of(4)) || !magic {
        return Side::Other;
    }
    let len = match bytes {
        [_, _, high, low, ..] => HEADER + usize::from(u16::from_be_bytes([*high, *low])),
        _ => return Side::Perhaps,
    };
    let announced = stream.iter().take(start).fold(0, |n, &byte| n << 8 | usize::from(byte));
    // Requests over TCP are small, so longer messages are not awaited.
    if len > LONGEST || (start > 0 && announced != len) {
        return Side::Other;
    }
    match bytes.get(..len) {
        Some(whole) => message(statement, whole, start, false),
        None => Side::Perhaps,
    }
}

/// The method and the class of a message's type (RFC 8489, section 5), if the method is registered.
fn names(kind: u16) -> Option<(&'static str, &'static str)> {
    let class = match kind & 0x0110 {
        0 => "request",
        0x0010 => "indication",
        0x0100 => "response",
        _ => "error",
    };
    let method = match kind & !0x0110 {
        0x001 => "binding",
        0x002 => "shared secret",
        0x003 => "allocate",
        0x004 => "refresh",
        0x006 => "send",
        0x007 => "data",
        0x008 => "create permission",
        0x009 => "channel bind",
        0x00a => "connect",
        0x00b => "connection bind",
        0x00c => "connection attempt",
        0x080 => "goog ping",
        0x200..=0xfff => "private method",
        _ => return None,
    };
    Some((method, class))
}
