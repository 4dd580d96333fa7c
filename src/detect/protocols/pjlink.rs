//! `PJLink`, classes 1 and 2: control of projectors,
//! <https://pjlink.jbmia.or.jp/english/data_cl2/PJLink_5-1.pdf>, section 2.2 (commands) and 5
//! (log-in).
//!
//! The projector greets with `PJLINK 0`, or `PJLINK 1` and a random number, to which the client
//! puts a digest of the password before its command. The digest is not stated. Class 2 looks for
//! projectors over UDP, with `%2SRCH` and `%2ACKN`.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const GREETING: &[u8] = b"PJLINK ";
/// Bytes of a digest: MD5 in hexadecimal digits.
const DIGEST: usize = 32;
/// Bytes of a message at most: `%1`, four letters, a space or `=`, 128 bytes, CR.
const LONGEST: usize = 136;
/// Commands of a side that are stated at most.
const STATED: usize = 8;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Pjlink, inspect)
    .tcp()
    .udp()
    .prefilter(
        Prefilter::ANY
            .tcp_first_byte(&[b'%'..=b'%', b'P'..=b'P', b'0'..=b'9', b'a'..=b'f', b'A'..=b'F'])
            .udp_first_byte(&[b'%'..=b'%']),
    )
    .facts(&["pjlink.authentication", "pjlink.command", "pjlink.answer"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"%1POWR ?\r", b"%1INPT 31\r"],
            responder: &[b"PJLINK 0\r", b"%1POWR=0\r", b"%1INPT=ERR3\r"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"d58a1f2c9b3e4d5f60718293a4b5c6d7%1POWR 1\r"],
            responder: &[b"PJLINK 1 498e4a67\r", b"%1POWR=OK\r"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"0123456789abcdef0123456789abcdef%1POWR ?\r"],
            responder: &[b"PJLINK 1 0f9e4a67\r", b"PJLINK ERRA\r"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"%2SRCH\r"],
            responder: &[b"%2ACKN=02:00:00:00:00:01\r"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Pjlink, opening, depth, |statement| match opening.transport() {
        Transport::Tcp => stream(statement),
        Transport::Udp => {
            by_datagram(statement, |statement, bytes, at, cut| match message(bytes) {
                PjlinkReading::Cut if cut => Side::Perhaps,
                PjlinkReading::Whole(message) if message.len == bytes.len() => {
                    state(statement, &message, at);
                    Side::Matches
                }
                PjlinkReading::Search if bytes.len() == 7 => {
                    statement.role(Role::Client);
                    statement.fact("pjlink.command", b"SRCH", at + 2);
                    Side::Matches
                }
                _ => Side::Other,
            })
        }
    })
}

/// A command or the answer to it.
struct PjlinkMessage<'a> {
    /// The command and its parameter.
    text: &'a [u8],
    is_answer: bool,
    len: usize,
}

enum PjlinkReading<'a> {
    Whole(PjlinkMessage<'a>),
    /// `%2SRCH`, which has no parameter.
    Search,
    Cut,
    Foreign,
}

fn message(bytes: &[u8]) -> PjlinkReading<'_> {
    let fits = bytes.iter().take(7).enumerate().all(|(i, byte)| match i {
        0 => *byte == b'%',
        1 => matches!(byte, b'1' | b'2'),
        2..6 => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        _ => matches!(byte, b' ' | b'=') || bytes.starts_with(b"%2SRCH\r"),
    });
    if !fits {
        return PjlinkReading::Foreign;
    }
    if bytes.starts_with(b"%2SRCH\r") {
        return PjlinkReading::Search;
    }
    match bytes.iter().take(LONGEST).position(|&byte| byte == b'\r') {
        Some(end) if end > 7 => PjlinkReading::Whole(PjlinkMessage {
            text: &bytes[2..end],
            is_answer: bytes[6] == b'=',
            len: end + 1,
        }),
        // A name may be empty.
        Some(7) if bytes[6] == b'=' => {
            PjlinkReading::Whole(PjlinkMessage { text: &bytes[2..7], is_answer: true, len: 8 })
        }
        None if bytes.len() < LONGEST && !bytes.contains(&b'\n') => PjlinkReading::Cut,
        _ => PjlinkReading::Foreign,
    }
}

fn state(statement: &mut Statement<'_>, message: &PjlinkMessage<'_>, at: usize) {
    statement.role(if message.is_answer { Role::Server } else { Role::Client });
    let name = if message.is_answer { "pjlink.answer" } else { "pjlink.command" };
    statement.fact(name, message.text, at + 2);
}

fn stream(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let known = bytes.len().min(GREETING.len());
    if bytes[..known] == GREETING[..known] {
        return greeting(statement, bytes);
    }
    // A digest before the first command.
    let digits = bytes.iter().take(DIGEST).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let at = if digits == DIGEST { DIGEST } else { 0 };
    if digits > 0 && digits == bytes.len() {
        return Side::Perhaps;
    }
    commands(statement, bytes, at).unwrap_or(Side::Perhaps)
}

/// The greeting of a projector, and the answers behind it.
fn greeting(statement: &mut Statement<'_>, bytes: &[u8]) -> Side {
    let rest = &bytes[bytes.len().min(GREETING.len())..];
    let Some(end) = rest.iter().take(LONGEST).position(|&byte| byte == b'\r') else {
        let may_become = matches!(rest.first(), None | Some(b'0'..=b'2' | b'E'));
        return if may_become && rest.len() < LONGEST { Side::Perhaps } else { Side::Other };
    };
    let value: &[u8] = match &rest[..end] {
        b"0" => b"none",
        b"ERRA" => b"failed",
        [b'1' | b'2', b' ', random @ ..]
            if random.len() >= 8 && random.iter().all(u8::is_ascii_hexdigit) =>
        {
            b"required"
        }
        _ => return Side::Other,
    };
    statement.role(Role::Server);
    statement.fact("pjlink.authentication", value, GREETING.len());
    let at = GREETING.len() + end + 1;
    if bytes.get(at..).is_some_and(|rest| rest.starts_with(b"PJLINK ERRA\r")) {
        statement.fact("pjlink.authentication", b"failed", at + GREETING.len());
    } else {
        commands(statement, bytes, at);
    }
    Side::Matches
}

/// States the messages from `at` on; the judgement on the first one, `None` where there is none.
fn commands(statement: &mut Statement<'_>, bytes: &[u8], mut at: usize) -> Option<Side> {
    let mut judgement = None;
    for _ in 0..STATED {
        let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else { break };
        let side = match message(rest) {
            PjlinkReading::Whole(message) => {
                state(statement, &message, at);
                at += message.len;
                // Some clients end a line with LF too.
                at += usize::from(bytes.get(at) == Some(&b'\n'));
                Side::Matches
            }
            PjlinkReading::Cut => Side::Perhaps,
            PjlinkReading::Search | PjlinkReading::Foreign => Side::Other,
        };
        judgement.get_or_insert(side);
        if side != Side::Matches {
            break;
        }
    }
    judgement
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, initiator, responder), Depth::Facts)
    }

    #[test]
    fn the_digest_of_the_password_is_not_stated() {
        let digest = "d58a1f2c9b3e4d5f60718293a4b5c6d7";
        let command = format!("{digest}%1POWR 1\r");
        let Detection::Yes(found) = detect(&[command.as_bytes()], &[b"PJLINK 1 498e4a67\r"]) else {
            panic!()
        };
        assert!(found.facts.iter().any(|fact| fact.value == "POWR 1"));
        assert!(!found.facts.iter().any(|f| f.value.contains(digest) || f.value.contains("498e")));
    }

    #[test]
    fn percent_signs_and_digits_of_others_are_not_pjlink() {
        for bytes in [
            &b"%1powr ?\r"[..],
            b"%1POWR\r",
            b"%3POWR ?\r",
            b"%PDF-1.7\n",
            b"PJLINK 3\r",
            b"PJLINK 1 xyz\r",
            b"0123456789abcdef0123456789abcdef\r\n",
            b"deadbeef GET\r\n",
        ] {
            assert_eq!(detect(&[bytes], &[]), Detection::No, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
