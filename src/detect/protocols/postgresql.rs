//! `PostgreSQL` frontend/backend protocol 3:
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
//!
//! The client opens with a length and a magic code (`SSLRequest`, `GSSENCRequest`, `CancelRequest`)
//! or with a startup message whose parameters fit it exactly and name a user; the server with an
//! authentication request or an error whose fields fit exactly, after the one byte that answers a
//! request for encryption. In the middle of a conversation `ReadyForQuery` proves the server; a
//! client's query alone proves nothing. Protocol 2 (before 2003) is not read, and passwords are
//! never stated.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::framing::{Framed, read_messages};
use crate::detect::prefilter::Prefilter;
use crate::detect::starttls;
use crate::detect::statement::{Side, Statement, combine, lossy};
use crate::evidence::{Depth, Detection, FailureScope, Protocol, Role};
use crate::flow::Opening;

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;
/// Bytes of a startup message at most; the server accepts 10,000, clients send a few hundred.
const LONGEST_STARTUP: usize = 4096;
/// Types of the server's messages.
const SERVER_TYPES: &[u8] = b"RKSZTDCENvVAnt123sIGHWdc";

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Postgresql, inspect)
    .tcp()
    .prefilter(
        Prefilter::first_byte(&[
            0..=0, b'E'..=b'E', b'G'..=b'G', b'N'..=b'N', b'R'..=b'S', b'v'..=b'v',
        ])
        .max_leading_zeros(7)
        .mid_stream(),
    )
    .facts(&[
        "postgresql.request",
        "postgresql.protocol",
        "postgresql.user",
        "postgresql.database",
        "postgresql.application",
        "postgresql.encryption",
        "postgresql.auth",
        "postgresql.version",
        "postgresql.cockroachdb",
        "postgresql.error",
        "postgresql.command",
        "postgresql.transaction",
        "tls.sni",
        "tls.alpn",
        "tls.ja4",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\0\0\0\x08\x04\xd2\x16\x2f",
                b"\0\0\0\x28\0\x03\0\0user\0ann\0database\0app\0application_name\0psql\0\0",
                b"p\0\0\0\x28md59fee8a17e68d7e3a0c8bb0d5a51a4e4f\0Q\0\0\0\x0dselect 1\0",
            ],
            responder: &[
                b"N",
                b"R\0\0\0\x0c\0\0\0\x05\xd3\xe1\xc7\xf3",
                b"R\0\0\0\x08\0\0\0\0S\0\0\0\x18server_version\x0015.9\0K\0\0\0\x0c\0\0\0\x07abcdZ\0\0\0\x05I",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\0\0\0\x08\x04\xd2\x16\x2f", b"\x16\x03\x01\0\x05\x01\0\0\x01\0"],
            responder: &[b"S", b"\x16\x03\x03\0\x05\x02\0\0\x01\0"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\0\0\0\x13\0\x03\0\0user\0zeek\0\0"],
            responder: &[b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\0\0\0\x13\0\x03\0\0user\0zeek\0\0"],
            responder: &[b"E\0\0\0\x2aSFATAL\0VFATAL\0C28000\0Mno pg_hba.conf\0\0"],
        },
        Sample { transport: Transport::Tcp, initiator: &[b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x07abcd"], responder: &[] },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Postgresql, opening, depth, |statement| {
        match statement.stream.head().first() {
            Some(0) => {
                statement.role(Role::Client);
                client(statement)
            }
            Some(first) if SERVER_TYPES.contains(first) => {
                statement.role(Role::Server);
                server(statement)
            }
            Some(_) => Side::Other,
            None => Side::Perhaps,
        }
    })
}

fn client(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let (mut at, mut certain) = (0, false);
    loop {
        let unproved = if certain { Side::Matches } else { Side::Perhaps };
        let rest = bytes.get(at..).unwrap_or_default();
        let (Some(len), Some(code)) = (u32_at(rest, 0), u32_at(rest, 4)) else {
            let begins = rest.iter().take(2).all(|&b| b == 0)
                && rest.get(4).is_none_or(|&b| b == 0 || b == 4);
            return if certain || begins { unproved } else { Side::Other };
        };
        let request = match (code, len) {
            (SSL_REQUEST, 8) => "SSLRequest",
            (GSS_REQUEST, 8) => "GSSENCRequest",
            (CANCEL_REQUEST, 16..=268) if rest.len() <= len as usize => "CancelRequest",
            (0x0003_0000..=0x0003_0002 | 0x0003_270f, 9..) if len as usize <= LONGEST_STARTUP => {
                let startup = startup(statement, at, len as usize);
                return if certain { Side::Matches } else { startup };
            }
            // TLS or GSSAPI tokens, after the server's consent.
            _ if certain => {
                starttls::state_hello(statement, at);
                return Side::Matches;
            }
            _ => return Side::Other,
        };
        statement.fact("postgresql.request", request.as_bytes(), at);
        (at, certain) = (at + 8, true);
        if code == CANCEL_REQUEST {
            return Side::Matches;
        }
    }
}

fn startup(statement: &mut Statement<'_>, at: usize, len: usize) -> Side {
    let rest = statement.stream.head().get(at..).unwrap_or_default();
    let Some(parameters) = rest.get(8..len) else {
        let text = rest.iter().skip(8).all(|&b| b == 0 || b >= b' ');
        return if text { Side::Perhaps } else { Side::Other };
    };
    let Some(parameters) = parameters.strip_suffix(b"\0\0") else { return Side::Other };
    let mut words = parameters.split(|&b| b == 0);
    let mut stated = Vec::new();
    let mut offset = at + 8;
    while let Some(name) = words.next() {
        let Some(value) = words
            .next()
            .filter(|_| !name.is_empty() && name.iter().all(|b| (b' '..0x7f).contains(b)))
        else {
            return Side::Other;
        };
        let fact = match name {
            b"user" => Some("postgresql.user"),
            b"database" => Some("postgresql.database"),
            b"application_name" => Some("postgresql.application"),
            _ => None,
        };
        stated.extend(fact.map(|fact| (fact, value, offset + name.len() + 1)));
        offset += name.len() + value.len() + 2;
    }
    if !stated.iter().any(|(fact, ..)| *fact == "postgresql.user") {
        return Side::Other;
    }
    let version = format!("3.{}", u32_at(rest, 4).unwrap_or_default() & 0xffff);
    statement.fact("postgresql.protocol", version.as_bytes(), at + 4);
    for (fact, value, offset) in stated {
        statement.fact(fact, value, offset);
    }
    Side::Matches
}

fn server(statement: &mut Statement<'_>) -> Side {
    let whole = statement.stream.head();
    let from_start = statement.stream.from_start();
    // One byte answers each request for encryption, before any message.
    let refusals =
        if from_start { whole.iter().take(2).take_while(|&&b| b == b'N').count() } else { 0 };
    let bytes = whole.get(refusals..).unwrap_or_default();
    let encryption = match bytes {
        [] => Some("refused"),
        [b'S'] | [b'S', 0x16] | [b'S', 0x16, 0x03, ..] if from_start => Some("tls"),
        [b'G'] | [b'G', 0, 0, ..] if from_start => Some("gss"),
        [b'R' | b'E' | b'v', ..] if from_start => None,
        _ if from_start => return Side::Other,
        _ => None,
    };
    if let Some(answer) = encryption {
        statement.fact("postgresql.encryption", answer.as_bytes(), 0);
        return Side::Perhaps;
    }
    let (mut certain, mut first) = (false, true);
    let messages = read_messages(bytes, |message, at| {
        let Some((&kind, rest)) = message.split_first() else { return Framed::Foreign };
        let Some(len) = u32_at(rest, 0).map(|len| len as usize) else {
            return if rest.first().is_none_or(|&b| b == 0) {
                Framed::Cut
            } else {
                Framed::Foreign
            };
        };
        if !SERVER_TYPES.contains(&kind) || !(4..1 << 30).contains(&len) {
            return Framed::Foreign;
        }
        let Some(body) = rest.get(4..len) else {
            // The first message of a conversation is short.
            return if first && from_start && len > 4096 { Framed::Foreign } else { Framed::Cut };
        };
        first = false;
        if !known(statement, kind, body, refusals + at + 5) {
            return Framed::Foreign;
        }
        certain |= matches!(kind, b'R' | b'E' | b'Z');
        Framed::Whole(1 + len)
    });
    if certain && refusals > 0 {
        statement.fact("postgresql.encryption", b"refused", 0);
    }
    match (certain, messages.foreign) {
        (true, _) => Side::Matches,
        (false, true) => Side::Other,
        (false, false) => Side::Perhaps,
    }
}

/// Whether this type of message can have this body, whose facts are stated.
fn known(statement: &mut Statement<'_>, kind: u8, body: &[u8], at: usize) -> bool {
    match kind {
        b'R' => {
            let method = match (u32_at(body, 0), body.len()) {
                (Some(0), _) => {
                    statement.answers.succeeded();
                    return true;
                }
                (Some(12), _) | (Some(8 | 11), 4..) => return true,
                (Some(3), 4) => &b"password"[..],
                (Some(5), 8) => b"md5",
                (Some(2), 4) => b"kerberos",
                (Some(7), 4) => b"gss",
                (Some(9), 4) => b"sspi",
                (Some(10), _) if body.ends_with(b"\0\0") => {
                    body.get(4..).and_then(text).unwrap_or_default()
                }
                _ => return false,
            };
            statement.fact("postgresql.auth", method, at);
        }
        b'S' => {
            let mut words = body.split(|&b| b == 0);
            let (Some(name), Some(value), Some([])) = (words.next(), words.next(), words.next())
            else {
                return false;
            };
            match name {
                b"server_version" => {
                    statement.fact("postgresql.version", value, at + name.len() + 1);
                }
                b"crdb_version" => {
                    statement.fact("postgresql.cockroachdb", value, at + name.len() + 1);
                }
                _ => {}
            }
        }
        b'E' => {
            let Some(fields) = body.strip_suffix(b"\0\0") else { return false };
            let field = |tag| fields.split(|&b| b == 0).find_map(|f: &[u8]| f.strip_prefix(&[tag]));
            let (Some(_), Some(code), Some(message)) = (field(b'S'), field(b'C'), field(b'M'))
            else {
                return false;
            };
            if code.len() != 5 || !code.iter().all(u8::is_ascii_alphanumeric) {
                return false;
            }
            statement.fact("postgresql.error", &[code, b" ", message].concat(), at);
            let scope = match code {
                // No resources, shut down, broken (PostgreSQL, appendix A).
                [b'5', b'3' | b'7' | b'8', ..] | [b'X', b'X', ..] => FailureScope::Service,
                _ => FailureScope::Request,
            };
            statement.failed_in_scope(&format!("PostgreSQL {}", lossy(code)), scope, at);
        }
        b'Z' => {
            let status = match body {
                b"I" => "idle",
                b"T" => "open",
                b"E" => "failed",
                _ => return false,
            };
            if !statement.facts.iter().any(|fact| fact.name.stem == "postgresql.transaction") {
                statement.fact("postgresql.transaction", status.as_bytes(), at);
            }
        }
        b'C' => {
            let Some(tag) = text(body).filter(|tag| tag.len() + 1 == body.len()) else {
                return false;
            };
            statement.answers.succeeded();
            if !statement.facts.iter().any(|fact| fact.name.stem == "postgresql.command") {
                statement.fact("postgresql.command", tag, at);
            }
        }
        _ => {}
    }
    true
}

/// The printable text before the first zero byte.
fn text(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|&b| b == 0)?;
    bytes
        .get(..end)
        .filter(|text| !text.is_empty() && text.iter().all(|b| (b' '..0x7f).contains(b)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_tcp(initiator: &[u8], responder: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, &[initiator], &[responder]), Depth::Facts)
    }

    #[test]
    fn a_server_that_answers_otherwise_is_not_postgresql() {
        let request = b"\0\0\0\x08\x04\xd2\x16\x2f";
        for answer in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"SSH-2.0-x\r\n",
            b"\x49\0\0\0\x0a8.4.2\0",
            b"Z\0\0\0\x01\0\0",
            b"NO\r\n",
        ] {
            assert_eq!(on_tcp(request, answer), Detection::No, "{answer:?}");
        }
    }

    #[test]
    fn a_startup_that_names_no_user_or_does_not_fit_is_refused() {
        assert_eq!(on_tcp(b"\0\0\0\x13\0\x03\0\0usex\0zeek\0\0", b""), Detection::No);
        assert_eq!(on_tcp(b"\0\0\0\x12\0\x03\0\0user\0zeek\0\0", b""), Detection::No);
    }

    #[test]
    fn ready_for_query_proves_a_server_in_the_middle_of_a_conversation() {
        let mut opening = Opening::new(Transport::Tcp);
        opening.push_for_test(b"C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I");
        assert!(matches!(inspect(&opening, Depth::Facts), Detection::Yes(..)));
        let mut opening = Opening::new(Transport::Tcp);
        opening.push_for_test(b"D\0\0\0\x04D\0\0\0\x04");
        assert_eq!(inspect(&opening, Depth::Facts), Detection::NeedMore);
    }
}
