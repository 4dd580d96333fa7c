//! VISCA over IP, which controls cameras: Sony, «Technical manual» of the BRC-X400, section «VISCA
//! over IP»,
//! <https://www.sony.net/Products/CameraSystem/CA/BRC_X400_SRG_X400/Technical_Document/E042100111.pdf>.
//! A header of eight bytes: type, length, number; then one message of VISCA, which ends with 0xff.
//!
//! VISCA without this header, over TCP or UDP, has too few bytes of its own to be known by.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const HEADER: usize = 8;
/// Bytes of a message at most.
const LONGEST: usize = 16;
const END: u8 = 0xff;
/// The address of a camera for all of them.
const ALL: u8 = 0x88;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Visca, inspect)
    .udp()
    .prefilter(
        Prefilter::first_byte(&[1..=2])
            .udp_then(&[0..=1, 0x10..=0x11, 0x20..=0x20])
            .udp_then(&[0..=0])
            .udp_at_least(HEADER),
    )
    .facts(&["visca.answer", "visca.camera", "visca.command", "visca.message"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[
                b"\x02\0\0\x01\0\0\0\0\x01",
                b"\x01\0\0\x06\0\0\0\x01\x81\x01\x04\0\x02\xff",
            ],
            responder: &[
                b"\x02\x01\0\x01\0\0\0\0\x01",
                b"\x01\x11\0\x03\0\0\0\x01\x90\x41\xff",
                b"\x01\x11\0\x03\0\0\0\x01\x90\x51\xff",
            ],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x01\x10\0\x05\0\0\0\x02\x81\x09\x04\x47\xff"],
            responder: &[b"\x01\x11\0\x07\0\0\0\x02\x90\x50\x02\x0f\0\x04\xff"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x01\0\0\x06\0\0\0\x07\x81\x01\x04\x3f\x09\xff"],
            responder: &[b"\x01\x11\0\x04\0\0\0\x07\x90\x60\x02\xff"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Visca, opening, depth, |statement| by_datagram(statement, datagram))
}

fn datagram<'a>(statement: &mut Statement<'a>, bytes: &'a [u8], at: usize, cut: bool) -> Side {
    let may_begin = match bytes {
        [1, 0 | 0x10 | 0x11 | 0x20, rest @ ..] | [2, 0 | 1, rest @ ..] => {
            rest.first().is_none_or(|&high| high == 0)
        }
        [1 | 2] => true,
        _ => false,
    };
    let (true, Some((head, message))) = (may_begin, bytes.split_first_chunk::<HEADER>()) else {
        return if may_begin && cut { Side::Perhaps } else { Side::Other };
    };
    let len = usize::from(head[3]);
    let is_whole = message.len() == len;
    if !(1..=LONGEST).contains(&len) || !(is_whole || cut && message.len() < len) {
        return Side::Other;
    }
    let (name, role): (&[u8], _) = match (head[0], head[1]) {
        (1, 0) => (b"command", Role::Client),
        (1, 0x10) => (b"inquiry", Role::Client),
        (1, 0x20) => (b"setting", Role::Client),
        (1, 0x11) => (b"reply", Role::Server),
        // A single byte, which others send too.
        (2, 0) if *message == [1] => return Side::Perhaps,
        (2, 1) if matches!(message, [1] | [0x0f, 1 | 2]) => return Side::Perhaps,
        (2, _) if !is_whole => return Side::Perhaps,
        _ => return Side::Other,
    };
    if !is_message(message, role, is_whole) {
        return Side::Other;
    }
    statement.role(role);
    let ([address, inside @ .., END], true) = (message, is_whole) else {
        statement.fact("visca.message", name, at);
        return Side::Matches;
    };
    if role == Role::Client {
        let camera = if *address == ALL { "all".into() } else { (address & 7).to_string() };
        statement.fact_text("visca.command", hex(inside), at + HEADER + 1);
        statement.fact_text("visca.camera", camera, at + HEADER);
    } else {
        let answer = match inside {
            [kind, error] if kind >> 4 == 6 => error_of(*error).to_owned(),
            [kind, ..] if kind >> 4 == 4 => "acknowledged".to_owned(),
            [kind] if kind >> 4 == 5 => "completed".to_owned(),
            [_, value @ ..] => hex(value),
            [] => String::new(),
        };
        statement.fact_text("visca.answer", answer, at + HEADER + 1);
        statement.fact_text("visca.camera", ((address >> 4) - 8).to_string(), at + HEADER);
    }
    statement.fact("visca.message", name, at);
    Side::Matches
}

/// Whether the bytes are a message of VISCA: from a controller to a camera, or back.
fn is_message(message: &[u8], role: Role, is_whole: bool) -> bool {
    let is_ended = !is_whole
        || message.len() >= 3
            && message.last() == Some(&END)
            && !message[..message.len() - 1].contains(&END);
    is_ended
        && match (role, message) {
            // Some send inquiries as commands.
            (Role::Client, [0x81..=0x88, rest @ ..]) => {
                matches!(rest.first(), None | Some(1 | 2 | 9 | 0x0a | 0x20..=0x2f))
            }
            (Role::Server, [0x90 | 0xa0 | 0xb0 | 0xc0 | 0xd0 | 0xe0 | 0xf0, rest @ ..]) => {
                matches!(rest.first(), None | Some(0x40..=0x6f))
            }
            (_, message) => message.is_empty(),
        }
}

fn error_of(error: u8) -> &'static str {
    match error {
        1 => "error: message length",
        2 => "error: syntax",
        3 => "error: command buffer full",
        4 => "error: command cancelled",
        5 => "error: no socket",
        0x41 => "error: not executable",
        _ => "error",
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Udp, initiator, responder), Depth::Facts)
    }

    #[test]
    fn what_only_has_the_header_is_another_protocol() {
        for bytes in [
            // RADIUS: Access-Request, Access-Accept.
            &b"\x01\0\0\x16\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff\0\x06\x02"
                [..],
            b"\x02\0\0\x14\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff\0",
            b"\x01\0\0\x06\0\0\0\x01\x81\x01\x04\0\x02\xfe",
            b"\x01\0\0\x06\0\0\0\x01\x81\x01\xff\0\x02\xff",
            b"\x01\0\0\x06\0\0\0\x01\x71\x01\x04\0\x02\xff",
            b"\x01\0\0\x05\0\0\0\x01\x81\x01\x04\0\x02\xff",
            b"\x01\x11\0\x03\0\0\0\x01\x91\x41\xff",
            b"\x01\x11\0\x03\0\0\0\x01\x90\x31\xff",
            b"\x02\0\0\x01\0\0\0\0\x02",
            b"\x01\x01\0\0\x21\x12\xa4\x42",
            b"\x01\0",
        ] {
            assert_eq!(detect(&[bytes], &[]), Detection::No, "{bytes:02x?}");
        }
        let reset: &[u8] = b"\x02\0\0\x01\0\0\0\0\x01";
        assert_eq!(detect(&[reset], &[]), Detection::NeedMore);
    }

    #[test]
    fn an_error_is_named() {
        let Detection::Yes(found) = detect(&[], &[b"\x01\x11\0\x04\0\0\0\x07\x90\x61\x41\xff"])
        else {
            panic!()
        };
        assert!(found.facts.iter().any(|f| f.value == "error: not executable"));
        assert_eq!(found.roles, [None, Some(Role::Server)]);
    }
}
