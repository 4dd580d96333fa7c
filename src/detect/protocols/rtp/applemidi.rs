//! The session protocol of RTP-MIDI, Apple MIDI:
//! <https://developer.apple.com/library/archive/documentation/Audio/Conceptual/MIDINetworkDriverProtocol/MIDI/MIDI.html>.
//! Two bytes 0xff, a command of two letters and its numbers.
//!
//! A session has a port for control and the next one for data, which carries commands and RTP
//! (RFC 6295): RTP without a command among the first datagrams of its side is not of this protocol.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{DATAGRAMS, Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Signature, command, version, token, source.
const INVITATION: usize = 16;
const SYNC: usize = 36;
const REPORT: usize = 12;
/// Bytes of a session's name at most.
const NAME: usize = 256;
/// The version of every session so far.
const VERSION: [u8; 4] = [0, 0, 0, 2];
/// The first bytes of RTP with MIDI: version 2, payload type 97.
const RTP: u8 = 2;
const MIDI: u8 = 97;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Applemidi, inspect)
    .udp()
    .prefilter(Prefilter::first_byte(&[0xff..=0xff]).udp_then(&[0xff..=0xff]))
    .facts(&["applemidi.command", "applemidi.session"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\xff\xffIN\0\0\0\x02\x13\x7e\x20\x41\x0a\x55\x01\x02tide desk\0"],
            responder: &[b"\xff\xffOK\0\0\0\x02\x13\x7e\x20\x41\x77\x04\x19\xc3organ loft\0"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[
                b"\xff\xffCK\x0a\x55\x01\x02\0\0\0\0\0\0\0\0\0\0\x10\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                b"\x80\x61\0\x01\0\0\x12\x34\x0a\x55\x01\x02\x03\x90\x40\x7f",
            ],
            responder: &[
                b"\xff\xffCK\x77\x04\x19\xc3\x01\0\0\0\0\0\0\0\0\0\x10\x01\0\0\0\0\0\0\x2a\x09\0\0\0\0\0\0\0\0",
            ],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\xff\xffIN\0\0\0\x02\x13\x7e\x20\x41\x0a\x55\x01\x02"],
            responder: &[b"\xff\xffNO\0\0\0\x02\x13\x7e\x20\x41\x77\x04\x19\xc3"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[],
            responder: &[b"\xff\xffRS\x77\x04\x19\xc3\0\x2a\0\0"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    if !opening.is_silent() && !has_command(opening) {
        return Detection::No;
    }
    combine(Protocol::Applemidi, opening, depth, |statement| by_datagram(statement, datagram))
}

/// Whether the first datagrams of a side have a command of a session, or the beginning of one.
pub(super) fn has_command(opening: &Opening) -> bool {
    opening.sides().any(|(_, stream)| {
        let mut datagrams = stream.datagrams().take(DATAGRAMS);
        datagrams.any(|(bytes, _, cut)| {
            bytes.first() == Some(&0xff) && !matches!(command(bytes, cut), SessionCommand::Foreign)
        })
    })
}

/// What a datagram is in a session.
enum SessionCommand<'a> {
    /// A command, the role that it shows, and the name behind it.
    Whole(&'static str, Option<Role>, &'a [u8]),
    /// The capture cut it.
    Cut,
    Foreign,
}

fn command(bytes: &[u8], cut: bool) -> SessionCommand<'_> {
    let ([0xff, 0xff, a, b, ..], rest) = (bytes, bytes.get(4..).unwrap_or(&[])) else {
        let may_become = cut && bytes.len() < 4 && bytes.iter().take(2).all(|&byte| byte == 0xff);
        return if may_become { SessionCommand::Cut } else { SessionCommand::Foreign };
    };
    let named = |name, role| match rest.strip_prefix(&VERSION) {
        Some(behind) if behind.len() >= INVITATION - 8 => match name_of(&behind[8..], cut) {
            Some(text) => SessionCommand::Whole(name, role, text),
            None => SessionCommand::Foreign,
        },
        _ if cut && rest.iter().zip(VERSION).all(|(&a, b)| a == b) => SessionCommand::Cut,
        _ => SessionCommand::Foreign,
    };
    let fixed = |len, name, role| match bytes.len() {
        known if known == len => SessionCommand::Whole(name, role, &[]),
        known if cut && known < len => SessionCommand::Cut,
        _ => SessionCommand::Foreign,
    };
    match [*a, *b] {
        [b'I', b'N'] => named("invitation", Some(Role::Client)),
        [b'O', b'K'] => named("accepted", Some(Role::Server)),
        [b'N', b'O'] => named("refused", Some(Role::Server)),
        [b'B', b'Y'] => named("end", None),
        // Who invited begins and ends an exchange of clocks.
        [b'C', b'K'] => match rest.get(4) {
            Some(0 | 2) => fixed(SYNC, "synchronisation", Some(Role::Client)),
            Some(1) => fixed(SYNC, "synchronisation", Some(Role::Server)),
            Some(_) => SessionCommand::Foreign,
            None => fixed(SYNC, "synchronisation", None),
        },
        [b'R', b'S'] => fixed(REPORT, "feedback", None),
        [b'R', b'L'] => fixed(REPORT, "bitrate", None),
        _ => SessionCommand::Foreign,
    }
}

/// The name of a session, which ends with a zero: text without control characters, or none.
fn name_of(bytes: &[u8], cut: bool) -> Option<&[u8]> {
    let end = bytes.iter().take(NAME).position(|&byte| byte < 0x20);
    let name = &bytes[..end.unwrap_or(bytes.len().min(NAME))];
    let is_ended = match end {
        Some(at) => bytes[at] == 0,
        // Some leave the zero out.
        None => bytes.len() < NAME,
    };
    (is_ended && (cut || std::str::from_utf8(name).is_ok())).then_some(name)
}

fn datagram<'a>(statement: &mut Statement<'a>, bytes: &'a [u8], at: usize, cut: bool) -> Side {
    match command(bytes, cut) {
        SessionCommand::Whole(name, role, session) => {
            if let Some(role) = role {
                statement.role(role);
            }
            if !session.is_empty() {
                statement.fact("applemidi.session", session, at + INVITATION);
            }
            statement.fact("applemidi.command", name.as_bytes(), at);
            Side::Matches
        }
        SessionCommand::Cut => Side::Perhaps,
        SessionCommand::Foreign => match bytes {
            [first, kind, ..] if first >> 6 == RTP && kind & 0x7f == MIDI => Side::Perhaps,
            [first] if cut && first >> 6 == RTP => Side::Perhaps,
            _ => Side::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Udp, initiator, responder), Depth::Facts)
    }

    #[test]
    fn what_only_begins_like_a_command_is_none() {
        for bytes in [
            &b"\xff\xffIN\0\0\0\x03\x13\x7e\x20\x41\x0a\x55\x01\x02"[..],
            b"\xff\xffIN\0\0\0\x02\x13\x7e\x20\x41",
            b"\xff\xffIN\0\0\0\x02\x13\x7e\x20\x41\x0a\x55\x01\x02a\x07b\0",
            b"\xff\xffCK\x0a\x55\x01\x02\0\0\0\0\0\0\0\0",
            b"\xff\xffRS\x0a\x55\x01\x02\0\x2a\0\0\0",
            b"\xff\xff\xff\xffgetstatus",
            b"\xff\xff\xff\xffTSource Engine Query\0",
            b"\xff\xffIX\0\0\0\x02\x13\x7e\x20\x41\x0a\x55\x01\x02",
            b"\xff",
        ] {
            assert_eq!(detect(&[bytes], &[]), Detection::No, "{bytes:02x?}");
        }
    }

    #[test]
    fn rtp_alone_is_no_session() {
        let rtp: &[u8] = b"\x80\x61\0\x01\0\0\x12\x34\x0a\x55\x01\x02\x03\x90\x40\x7f";
        assert_eq!(detect(&[rtp; 8], &[rtp; 8]), Detection::No);
        let end: &[u8] = b"\xff\xffBY\0\0\0\x02\x13\x7e\x20\x41\x0a\x55\x01\x02";
        assert_eq!(detect(&[rtp, rtp, rtp, rtp, end], &[]), Detection::No);
        assert!(matches!(detect(&[rtp, rtp, rtp, end], &[rtp]), Detection::Yes(_)));
    }

    #[test]
    fn the_count_of_a_synchronisation_tells_who_invited() {
        let sync = |count: u8| [&b"\xff\xffCK\x0a\x55\x01\x02"[..], &[count], &[0; 27]].concat();
        for (count, role) in [(0, Role::Client), (1, Role::Server), (2, Role::Client)] {
            let Detection::Yes(found) = detect(&[&sync(count)], &[]) else { panic!() };
            assert_eq!(found.roles, [Some(role), None]);
        }
        assert_eq!(detect(&[&sync(3)], &[]), Detection::No);
    }
}
