//! SCCP (Skinny), Cisco's control of telephones over TCP. Cisco has published no specification; the
//! header and messages are as Wireshark's `packet-skinny.c` and Asterisk's `chan_skinny.c` read them:
//! the bytes after the first eight, a version and a message, each a 32-bit number in little-endian
//! order. Telephones number their messages below 0x81, the exchange from there on.
//!
//! Most messages are numbers without a form of their own. A side is recognised by a registration, the
//! answer to it, or by several headers that follow each other exactly.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Bytes before those that the length counts, and the length of a message without a body.
const HEADER: usize = 8;
const SHORTEST: u32 = 4;
const LONGEST: u32 = 2047;
/// Messages of a side that are read at most, and that are proof without one of the forms.
const READ: usize = 8;
const ENOUGH: usize = 4;
/// Versions of the header: that of all, and those of exchanges from 7.0 on.
const BASIC: u32 = 0;
const VERSIONS: std::ops::RangeInclusive<u32> = 10..=22;

const REGISTER: u32 = 0x01;
const REGISTER_TOKEN: u32 = 0x29;
const REGISTER_ACK: u32 = 0x81;
const REGISTER_REJECT: u32 = 0x9d;
/// The messages of telephones, and of the exchange.
const LAST_OF_PHONES: u32 = 0x80;
const LAST: u32 = 0x1ff;
/// Bytes of a device's name, of a reason and of a form of dates.
const NAME: usize = 16;
const REASON: usize = 32;
const DATE: usize = 6;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Sccp, inspect)
    .tcp()
    .prefilter(
        Prefilter::first_byte(&[0..=255])
            .then(&[0..=7])
            .then(&[0..=0])
            .then(&[0..=0])
            .then(&[0..=0, 10..=22])
            .then(&[0..=0])
            .then(&[0..=0])
            .then(&[0..=0]),
    )
    .facts(&["sccp.device", "sccp.message", "sccp.reason"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x2c\0\0\0\0\0\0\0\x01\0\0\0SEP001122334455\0\0\0\0\0\x01\0\0\0\xc0\0\x02\x07\x07\0\0\0\0\0\0\0\0\0\0\0"],
            responder: &[b"\x18\0\0\0\0\0\0\0\x81\0\0\0\x78\0\0\0D-M-Y\0\0\0\x78\0\0\0\0\0\0\0", b"\x04\0\0\0\0\0\0\0\x9b\0\0\0"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x2c\0\0\0\x12\0\0\0\x01\0\0\0SEP00AABBCCDDEE\0\0\0\0\0\x01\0\0\0\xc0\0\x02\x07\x07\0\0\0\0\0\0\0\0\0\0\0"],
            responder: &[b"\x25\0\0\0\x12\0\0\0\x9d\0\0\0No such telephone\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x06\0\0\0", b"\x0c\0\0\0\0\0\0\0\x03\0\0\0\x01\0\0\0\x01\0\0\0\x04\0\0\0\0\0\0\0\x07\0\0\0"],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Sccp, opening, depth, messages)
}

/// A message, as far as it was captured.
struct SccpMessage<'a> {
    number: u32,
    body: &'a [u8],
    /// Bytes of the message with its header.
    len: usize,
}

fn messages(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let (mut at, mut valid, mut is_proved, mut is_phone) = (0, 0, false, None);
    for _ in 0..READ {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let message = match read(rest) {
            Ok(Some(message)) => message,
            Ok(None) => break,
            // Behind a proof, bytes may be lost.
            Err(()) if is_proved => break,
            Err(()) => return Side::Other,
        };
        let of_phone = message.number <= LAST_OF_PHONES;
        if *is_phone.get_or_insert(of_phone) != of_phone {
            return Side::Other;
        }
        statement.role(if of_phone { Role::Client } else { Role::Server });
        statement.fact_text("sccp.message", format!("{:#06x}", message.number), at + HEADER);
        match has_form(&message) {
            Some(true) => {
                is_proved = true;
                state(statement, &message, at);
            }
            Some(false) => return Side::Other,
            None => {}
        }
        at += message.len;
        // A header alone may be a chance, one behind a message's end is none.
        valid += 1;
        if at > bytes.len() {
            break;
        }
    }
    match () {
        () if is_proved || valid >= ENOUGH => Side::Matches,
        () => Side::Perhaps,
    }
}

/// The message with which bytes begin; `None` if too few were captured, an error if they are none.
fn read(bytes: &[u8]) -> Result<Option<SccpMessage<'_>>, ()> {
    let number = |at: usize| -> Option<u32> {
        bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
    };
    // Of numbers this small the upper bytes are zero, also where the last is still to come.
    let may_be = |at: usize, greatest: u8| {
        let part = bytes.get(at + 1..bytes.len().min(at + 4)).unwrap_or(&[]);
        part.iter().enumerate().all(|(i, &byte)| byte <= if i == 0 { greatest } else { 0 })
    };
    if !may_be(0, (LONGEST >> 8) as u8) || !may_be(4, 0) || !may_be(8, (LAST >> 8) as u8) {
        return Err(());
    }
    let Some(len) = number(0) else { return Ok(None) };
    if !(SHORTEST..=LONGEST).contains(&len) {
        return Err(());
    }
    let Some(version) = bytes.get(4).map(|&byte| u32::from(byte)) else { return Ok(None) };
    if version != BASIC && !VERSIONS.contains(&version) {
        return Err(());
    }
    let Some(message) = number(8) else { return Ok(None) };
    // What keeps a connection alive has no body.
    if message > LAST || message == 0 && len != SHORTEST {
        return Err(());
    }
    let len = HEADER + len as usize;
    let body = bytes.get(HEADER + 4..len.min(bytes.len())).unwrap_or(&[]);
    Ok(Some(SccpMessage { number: message, body, len }))
}

/// Whether a message has the form that its number calls for; `None` if its form is not known, or
/// too little of it was captured.
fn has_form(message: &SccpMessage<'_>) -> Option<bool> {
    let (skipped, len) = match message.number {
        REGISTER | REGISTER_TOKEN => (0, NAME),
        REGISTER_ACK => (4, DATE),
        REGISTER_REJECT => (0, REASON),
        _ => return None,
    };
    if message.len < HEADER + 4 + skipped + len {
        return Some(false);
    }
    Some(is_padded(message.body.get(skipped..skipped + len)?))
}

/// Whether a field is text, and zero bytes behind it.
fn is_padded(field: &[u8]) -> bool {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    let (text, padding) = field.split_at(end);
    !text.is_empty()
        && text.iter().all(|byte| matches!(byte, b' '..=b'~'))
        && padding.iter().all(|&byte| byte == 0)
}

fn state(statement: &mut Statement<'_>, message: &SccpMessage<'_>, at: usize) {
    let text = |len: usize| {
        let field = message.body.get(..len).unwrap_or(&[]);
        field.split(|&byte| byte == 0).next().unwrap_or(&[])
    };
    let at = at + HEADER + 4;
    match message.number {
        REGISTER | REGISTER_TOKEN => statement.fact("sccp.device", text(NAME), at),
        REGISTER_REJECT => {
            statement.fact("sccp.reason", text(REASON), at);
            statement.failed("SCCP registration refused", at);
        }
        REGISTER_ACK => statement.answers.succeeded(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, initiator, responder), Depth::Facts)
    }

    #[test]
    fn lengths_and_small_numbers_alone_are_no_telephone() {
        let keep_alive = b"\x04\0\0\0\0\0\0\0\0\0\0\0";
        let keep_alive_ack = b"\x04\0\0\0\0\0\0\0\0\x01\0\0";
        assert_eq!(detect(&[keep_alive], &[]), Detection::NeedMore);
        assert_eq!(detect(&[keep_alive], &[keep_alive_ack]), Detection::NeedMore);
        for other in [
            // MongoDB's header, a length that nothing follows, a name that is none, a body where none is.
            &b"\x3a\0\0\0\x01\0\0\0\0\0\0\0\xd4\x07\0\0"[..],
            b"\x04\0\0\0\0\0\0\0\x05\0\0\0\xff\xff\xff\xff",
            b"\x2c\0\0\0\0\0\0\0\x01\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10",
            b"\x08\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0",
            b"\x08\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0",
            // Both sides' messages from one.
            b"\x04\0\0\0\0\0\0\0\x06\0\0\0\x04\0\0\0\0\0\0\0\x9b\0\0\0",
        ] {
            assert_eq!(detect(&[other], &[]), Detection::No, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn a_refused_telephone_is_a_failure() {
        let Detection::Yes(found) =
            detect(DETECTOR.samples[1].initiator, DETECTOR.samples[1].responder)
        else {
            panic!()
        };
        assert_eq!(
            found.failure.map(|failure| failure.cause).unwrap(),
            "SCCP registration refused"
        );
        assert!(found.facts.iter().any(|fact| fact.value == "SEP00AABBCCDDEE"));
    }
}
