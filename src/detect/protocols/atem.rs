//! The protocol of Blackmagic's ATEM switchers, which its maker does not publish. As others found it:
//! <https://docs.openswitcher.org/udptransport.html>,
//! <https://github.com/FanatiQS/wireless_atem_camera_control_and_tally/blob/main/doc/atem_protocol.md>.
//!
//! A header of twelve bytes: flags and length, session, numbers. A connection is opened and closed by
//! datagrams of twenty bytes; then come commands, each with its length and a name of four letters.
//! What has no more than the header proves nothing.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{DATAGRAMS, Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const HEADER: usize = 12;
/// The flags above the length: a request for an acknowledgement, opening or closing, a repetition,
/// the wish for one, an acknowledgement.
const RELIABLE: u8 = 0x08;
const SYN: u8 = 0x10;
const AGAIN: u8 = 0x20;
const ACK: u8 = 0x80;
/// Bytes of a datagram that opens or closes a session.
const OPENING: usize = 20;
/// The topmost bit of a session that the switcher assigned.
const ASSIGNED: u8 = 0x80;
/// Length, two bytes, name.
const COMMAND: usize = 8;
/// Commands of a datagram that are read at most.
const READ: usize = 64;
/// Bytes of the product's name.
const PRODUCT: usize = 44;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Atem, inspect)
    .udp()
    .prefilter(Prefilter::first_byte(&[
        RELIABLE..=RELIABLE | 5,
        SYN..=SYN,
        RELIABLE | AGAIN..=RELIABLE | AGAIN | 5,
        SYN | AGAIN..=SYN | AGAIN,
        RELIABLE | ACK..=RELIABLE | ACK | 5,
        RELIABLE | AGAIN | ACK..=RELIABLE | AGAIN | ACK | 5,
    ]))
    .facts(&["atem.command", "atem.message", "atem.product", "atem.version"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[
                b"\x10\x14\x74\x40\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0",
                b"\x80\x0c\x74\x40\0\0\0\0\0\0\0\0",
                b"\x88\x18\x80\x01\0\x03\0\0\0\0\0\x01\0\x0c\0\0CPgI\0\0\0\x02",
            ],
            responder: &[
                b"\x10\x14\x74\x40\0\0\0\0\0\0\0\0\x02\0\0\x01\0\0\0\0",
                b"\x08\x4c\x80\x01\0\0\0\0\0\0\0\x01\0\x0c\0\0_ver\0\x02\0\x1e\0\x34\0\0_pinATEM Quay Four\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            ],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x10\x14\x80\x01\0\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0"],
            responder: &[b"\x10\x14\x80\x01\0\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let mut firsts = opening.sides().flat_map(|(_, stream)| stream.datagrams().take(DATAGRAMS));
    let shows = |(bytes, ..): (&[u8], _, _)| {
        bytes.first().is_some_and(|first| first & (SYN | RELIABLE) != 0 && judge_flags(*first))
    };
    if !opening.is_silent() && !firsts.any(shows) {
        return Detection::No;
    }
    combine(Protocol::Atem, opening, depth, |statement| {
        let judgement = by_datagram(statement, datagram);
        if judgement == Side::Matches {
            commands_of_side(statement);
        }
        judgement
    })
}

/// Whether the flags may stand together, and the length below them may begin so.
const fn judge_flags(first: u8) -> bool {
    match first & 0xf8 {
        0x10 | 0x30 => first & 7 < 1,
        0x08 | 0x28 | 0x88 | 0xa8 | 0x80 | 0xc0 | 0x40 | 0 => first & 7 < 6,
        _ => false,
    }
}

fn datagram<'a>(statement: &mut Statement<'a>, bytes: &'a [u8], at: usize, cut: bool) -> Side {
    let &[first, ..] = bytes else { return Side::Other };
    if !judge_flags(first) {
        return Side::Other;
    }
    let Some(head) = bytes.first_chunk::<HEADER>() else {
        return if cut { Side::Perhaps } else { Side::Other };
    };
    let len = usize::from(u16::from_be_bytes([first & 7, head[1]]));
    if len < HEADER || if cut { bytes.len() >= len } else { bytes.len() != len } {
        return Side::Other;
    }
    if first & SYN != 0 {
        return session(statement, bytes, at, len);
    }
    // Before the session has its own number only the acknowledgement of the opening is sent.
    if head[2] & ASSIGNED == 0 && !(first & ACK != 0 && len == HEADER) {
        return Side::Other;
    }
    if len == HEADER {
        return Side::Perhaps;
    }
    let mut commands = Commands { rest: &bytes[HEADER..] };
    let known = commands.by_ref().take(READ).count();
    match commands.rest {
        [] if known > 0 => {}
        _ if known == READ => {}
        rest if cut && (known > 0 || is_begun(rest)) => {
            return if known > 0 { Side::Matches } else { Side::Perhaps };
        }
        _ => return Side::Other,
    }
    statement.fact("atem.message", b"commands", at);
    Side::Matches
}

/// A datagram that opens or closes a session: all but session and opcode is zero.
fn session(statement: &mut Statement<'_>, bytes: &[u8], at: usize, len: usize) -> Side {
    let is_zero = |range: std::ops::Range<usize>| {
        bytes.iter().take(range.end).skip(range.start).all(|&byte| byte == 0)
    };
    // The byte at 9 is not; nobody knows what it is.
    if len != OPENING || !is_zero(4..9) || !is_zero(10..12) {
        return Side::Other;
    }
    let &[opcode, ..] = &bytes[HEADER..] else { return Side::Perhaps };
    let is_assigned = bytes[2] & ASSIGNED != 0;
    let (name, role, zeros): (&[u8], _, _) = match (opcode, is_assigned) {
        (1, false) => (b"open", Some(Role::Client), 13..20),
        (2, false) => (b"accepted", Some(Role::Server), 16..20),
        (3, false) => (b"refused", Some(Role::Server), 16..20),
        (4, true) => (b"close", None, 16..20),
        (5, true) => (b"closed", None, 16..20),
        _ => return Side::Other,
    };
    if !is_zero(zeros) {
        return Side::Other;
    }
    if let Some(role) = role {
        statement.role(role);
    }
    statement.fact("atem.message", name, at);
    Side::Matches
}

/// The commands of a datagram: name and bytes.
struct Commands<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Commands<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let len = usize::from(u16::from_be_bytes(*self.rest.first_chunk()?));
        let (command, rest) = self.rest.split_at_checked(len)?;
        let name = command.get(4..COMMAND).filter(|name| is_name(name))?;
        self.rest = rest;
        Some((name, &command[COMMAND..]))
    }
}

fn is_name(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Whether a command begins whose end was not captured.
fn is_begun(rest: &[u8]) -> bool {
    is_name(rest.get(4..rest.len().min(COMMAND)).unwrap_or(&[]))
}

/// States what the switcher says of itself, or the first command of the client.
fn commands_of_side(statement: &mut Statement<'_>) {
    let (stream, mut at, mut is_first) = (statement.stream, 0, true);
    for (bytes, ..) in stream.datagrams().take(DATAGRAMS) {
        let (here, has_commands) = (at, bytes.len() > HEADER && bytes[0] & SYN == 0);
        at += bytes.len();
        if !has_commands {
            continue;
        }
        let mut place = here + HEADER;
        for (name, body) in (Commands { rest: &bytes[HEADER..] }).take(READ) {
            match name {
                b"_ver" => {
                    statement.role(Role::Server);
                    if let [a, b, c, d, ..] = *body {
                        let number = |high, low| u16::from_be_bytes([high, low]);
                        let version = format!("{}.{}", number(a, b), number(c, d));
                        statement.fact_text("atem.version", version, place + COMMAND);
                    }
                }
                b"_pin" => {
                    statement.role(Role::Server);
                    let name = &body[..body.len().min(PRODUCT)];
                    let name = name.split(|&byte| byte == 0).next().unwrap_or(name);
                    if !name.is_empty() {
                        statement.fact("atem.product", name, place + COMMAND);
                    }
                }
                b"_top" | b"InCm" | b"PrgI" | b"PrvI" | b"TlIn" => statement.role(Role::Server),
                b"CPgI" | b"CPvI" | b"DCut" | b"DAut" => statement.role(Role::Client),
                _ => {}
            }
            if is_first {
                statement.fact("atem.command", name, place + 4);
                is_first = false;
            }
            place += COMMAND + body.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(datagrams: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Udp, datagrams, &[]), Depth::Facts)
    }

    #[test]
    fn headers_alone_prove_nothing() {
        for bytes in
            [&b"\x80\x0c\x74\x40\0\0\0\0\0\0\0\0"[..], b"\x80\x0c\x80\x01\0\x05\0\0\0\0\0\0"]
        {
            assert_eq!(detect(&[bytes; 6]), Detection::No);
        }
        assert_eq!(detect(&[&b"\x88\x0c\x80\x01\0\x05\0\0\0\0\0\x09"[..]; 6]), Detection::NeedMore);
    }

    #[test]
    fn lengths_sessions_and_names_that_do_not_fit_are_of_others() {
        for bytes in [
            &b"\x10\x14\x74\x40\0\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0"[..],
            b"\x10\x14\x74\x40\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x01",
            b"\x10\x14\x74\x40\0\x01\0\0\0\0\0\0\x01\0\0\0\0\0\0\0",
            b"\x10\x14\xf4\x40\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0",
            b"\x10\x13\x74\x40\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0",
            b"\x08\x18\x80\x01\0\0\0\0\0\0\0\x01\0\x0c\0\0Pr I\0\0\0\x02",
            b"\x08\x18\x80\x01\0\0\0\0\0\0\0\x01\0\x0b\0\0PrgI\0\0\0\x02",
            b"\x08\x18\0\x01\0\0\0\0\0\0\0\x01\0\x0c\0\0PrgI\0\0\0\x02",
            b"\x08\x19\x80\x01\0\0\0\0\0\0\0\x01\0\x0c\0\0PrgI\0\0\0\x02",
        ] {
            assert_eq!(detect(&[bytes]), Detection::No, "{bytes:02x?}");
        }
    }

    #[test]
    fn a_connection_is_found_in_the_middle_by_its_commands() {
        let Detection::Yes(found) =
            detect(&[b"\x08\x18\x80\x01\0\0\0\0\0\0\0\x09\0\x0c\0\0PrgI\0\0\0\x02"])
        else {
            panic!()
        };
        assert_eq!(found.roles, [Some(Role::Server), None]);
        assert!(found.facts.iter().any(|f| f.name.is("atem.command") && f.value == "PrgI"));
    }
}
