//! OPC UA over TCP: OPC 10000-6, section 7.1 (connection protocol) and section 6.7 (secure
//! conversation), <https://reference.opcfoundation.org/Core/Part6/v105/docs/7>.
//!
//! A message has a type of three letters, `F`, `C` or `A` for final, intermediate or aborted, and
//! its length. The client greets with HEL, the server acknowledges with ACK or refuses with ERR; a
//! server that connects by itself begins with RHE. OPN opens a secure channel and names the
//! security policy.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::framing::{Framed, read_messages};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Type, chunk and length.
const HEADER: usize = 8;
/// Bytes of a message at most.
const LONGEST: u32 = 64 << 20;
/// Bytes of an endpoint's URL or of an error's reason at most (OPC 10000-6, section 7.1.2.3).
const LONGEST_TEXT: usize = 4096;
const KINDS: [&[u8; 3]; 7] = [b"HEL", b"ACK", b"ERR", b"RHE", b"OPN", b"MSG", b"CLO"];
const POLICY: &[u8] = b"http://opcfoundation.org/UA/SecurityPolicy#";
/// Messages of a side that are read at most.
const MESSAGES: usize = 8;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Opcua, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[
        b'A'..=b'A',
        b'C'..=b'C',
        b'E'..=b'E',
        b'H'..=b'H',
        b'M'..=b'M',
        b'O'..=b'O',
        b'R'..=b'R',
    ]))
    .facts(&["opcua.message", "opcua.endpoint-url", "opcua.security-policy", "opcua.error"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"HELF\x38\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\x18\0\0\0opc.tcp://192.0.2.20:4840",
                b"OPNF\x84\0\0\0\0\0\0\0\x2f\0\0\0http://opcfoundation.org/UA/SecurityPolicy#None\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0\x01\0\0\0\x01\0\xbe\x01rest of the request",
            ],
            responder: &[b"ACKF\x1c\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"HELF\x20\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff"],
            responder: &[b"ERRF\x19\0\0\0\0\0\x83\x80\x09\0\0\0not found"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Opcua, opening, depth, |statement| {
        let bytes = statement.stream.head();
        let mut judgement = Side::Perhaps;
        let mut count = 0;
        let read = read_messages(bytes, |rest, at| {
            count += 1;
            if count > MESSAGES {
                return Framed::Cut;
            }
            message(statement, rest, at, &mut judgement)
        });
        // Later bytes that are no message are left to whoever reads further.
        if read.foreign && judgement != Side::Matches { Side::Other } else { judgement }
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

fn message(statement: &mut Statement<'_>, rest: &[u8], at: usize, side: &mut Side) -> Framed {
    let known = &rest[..rest.len().min(3)];
    if !KINDS.iter().any(|kind| kind.starts_with(known))
        || rest.get(3).is_some_and(|chunk| !b"FCA".contains(chunk))
    {
        return Framed::Foreign;
    }
    let Some(len) = u32_at(rest, 4) else { return Framed::Cut };
    if !(16..=LONGEST).contains(&len) {
        return Framed::Foreign;
    }
    let len = len as usize;
    let body = rest.get(HEADER..rest.len().min(len)).unwrap_or_default();
    let fits = match known {
        b"HEL" => hello(statement, body, at + HEADER, len - HEADER),
        b"ACK" => {
            statement.role(Role::Server);
            Some(len == 28)
        }
        b"ERR" => refusal(statement, body, at + HEADER, len - HEADER),
        b"RHE" => reverse_hello(statement, body, at + HEADER, len - HEADER),
        b"OPN" => open(statement, body, at + HEADER),
        // A connection begins with none of these.
        _ => Some(at > 0 || !statement.stream.from_start()),
    };
    match fits {
        Some(true) => {
            if *side != Side::Matches {
                statement.fact("opcua.message", known, at);
            }
            *side = Side::Matches;
            Framed::Whole(len)
        }
        Some(false) => Framed::Foreign,
        None => Framed::Cut,
    }
}

/// A text: its length, or all ones where there is none. Reads the text with the bytes behind it;
/// `Some(None)` where `room` is too small for it.
#[expect(clippy::option_option, reason = "cut, foreign and read are three answers")]
fn text(bytes: &[u8], room: usize) -> Option<Option<(&[u8], &[u8])>> {
    let len = match u32_at(bytes, 0)? {
        u32::MAX => 0,
        len => len as usize,
    };
    if len > LONGEST_TEXT || len + 4 > room {
        return Some(None);
    }
    Some(Some((bytes.get(4..4 + len)?, bytes.get(4 + len..)?)))
}

fn hello(statement: &mut Statement<'_>, body: &[u8], at: usize, len: usize) -> Option<bool> {
    let Some(room) = len.checked_sub(20) else { return Some(false) };
    let Some((url, _)) = text(body.get(20..)?, room)? else { return Some(false) };
    if url.len() + 4 != room || !url.iter().all(|b| (b' '..0x7f).contains(b) || *b > 0x7f) {
        return Some(false);
    }
    statement.role(Role::Client);
    if !url.is_empty() {
        statement.fact("opcua.endpoint-url", url, at + 24);
    }
    Some(true)
}

fn refusal(statement: &mut Statement<'_>, body: &[u8], at: usize, len: usize) -> Option<bool> {
    let Some(room) = len.checked_sub(4) else { return Some(false) };
    let code = u32_at(body, 0)?;
    let Some((reason, _)) = text(body.get(4..)?, room)? else { return Some(false) };
    // The two highest bits say that a status is bad (OPC 10000-4, section 7.39.1).
    if reason.len() + 4 != room || code >> 30 != 2 {
        return Some(false);
    }
    statement.role(Role::Server);
    let value = format!("{code:#010x} {}", String::from_utf8_lossy(reason));
    statement.fact_text("opcua.error", value.trim_end().into(), at);
    Some(true)
}

fn reverse_hello(
    statement: &mut Statement<'_>,
    body: &[u8],
    at: usize,
    len: usize,
) -> Option<bool> {
    let Some((server, rest)) = text(body, len)? else { return Some(false) };
    let room = len.saturating_sub(4 + server.len());
    let Some((url, _)) = text(rest, room)? else { return Some(false) };
    if url.len() + 4 != room {
        return Some(false);
    }
    statement.role(Role::Server);
    statement.fact("opcua.endpoint-url", url, at + 8 + server.len());
    Some(true)
}

fn open(statement: &mut Statement<'_>, body: &[u8], at: usize) -> Option<bool> {
    let Some((policy, rest)) = text(body.get(4..)?, LONGEST_TEXT)? else { return Some(false) };
    let Some(name) = policy.strip_prefix(POLICY) else { return Some(false) };
    statement.fact("opcua.security-policy", name, at + 8 + POLICY.len());
    // Without a policy the request can be told from the response by its type.
    match rest.get(16..20) {
        Some([1, 0, 0xbe, 1]) => statement.role(Role::Client),
        Some([1, 0, 0xc1, 1]) => statement.role(Role::Server),
        _ => {}
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(bytes: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, &[bytes], &[]), Depth::Facts)
    }

    #[test]
    fn lengths_must_fit() {
        for bytes in [
            &b"HELF\x21\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\xff\xff\xff\xffx"[..],
            b"HELLO WORLD and more",
            b"ACKF\x1d\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0x",
            b"ERRORS are many here",
            b"MSGF\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(detect(bytes), Detection::No, "{bytes:?}");
        }
    }

    #[test]
    fn a_server_that_connects_is_the_server() {
        let reverse: &[u8] = b"RHEF\x22\0\0\0\x05\0\0\0urn:a\x0d\0\0\0opc.tcp://a:1";
        let hello: &[u8] =
            b"HELF\x2d\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\x0d\0\0\0opc.tcp://a:1";
        let opening = Opening::from_payloads(Transport::Tcp, &[reverse], &[hello]);
        let Detection::Yes(found) = inspect(&opening, Depth::Facts) else { panic!() };
        assert_eq!(found.roles, [Some(Role::Server), Some(Role::Client)]);
    }

    #[test]
    fn a_message_in_the_middle_of_a_connection_is_recognised() {
        let mut opening = Opening::new(Transport::Tcp);
        opening
            .push_for_test(b"MSGF\x20\0\0\0\x01\0\0\0\x01\0\0\0\x34\0\0\0\x02\0\0\0\x01\0\x77\x02");
        assert!(matches!(inspect(&opening, Depth::Facts), Detection::Yes(_)));
    }
}
