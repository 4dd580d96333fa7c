//! NATS client protocol: <https://docs.nats.io/reference/reference-protocols/nats-protocol>.
//!
//! The server begins with `INFO` and a JSON object that names the server and its version. The
//! client answers `CONNECT` and a JSON object. Either is proof; `PING`, `PONG`, `+OK` and `-ERR`
//! are not. In the middle of a conversation a message whose payload fits its length exactly is
//! proof.

use serde_json::Value;

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::framing::{Framed, crlf_line, decimal, read_messages};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::{Opening, SIDE_BYTES};

/// Bytes of an `INFO` or `CONNECT` line that are awaited at most.
const LONGEST: usize = SIDE_BYTES / 2;
/// Subjects of each side that are stated at most.
const STATED: usize = 8;
/// Greetings of a side that are read at most: a server may change what it said.
const GREETINGS: usize = 4;
const INFO: &[u8] = b"INFO {\"";
const CONNECT: &[u8] = b"CONNECT {\"";

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Nats, inspect)
    .tcp()
    .prefilter(
        Prefilter::first_byte(&[
            b'+'..=b'+', b'-'..=b'-', b'C'..=b'C', b'H'..=b'I', b'M'..=b'M', b'P'..=b'P',
            b'S'..=b'S', b'U'..=b'U',
        ])
    )
    .facts(&[
        "nats.version", "nats.server", "nats.client", "nats.language", "nats.client-version",
        "nats.operation", "nats.subject",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"go\",\"version\":\"1.28.0\",\"name\":\"cli\"}\r\nPING\r\n",
                b"SUB time.* 1\r\nPUB time.us 5\r\n12:00\r\n",
            ],
            responder: &[
                b"INFO {\"server_id\":\"NALGS\",\"server_name\":\"one\",\"version\":\"2.9.10\",\"proto\":1,\"max_payload\":1048576} \r\n",
                b"PONG\r\nMSG time.us 1 5\r\n12:00\r\n",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[],
            responder: &[b"INFO {\"server_id\":\"x\",\"version\":\"0.9.6\"}\r\n"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Nats, opening, depth, |statement| match statement.stream.head().first() {
        Some(b'I' | b'C' | b'P' | b'S' | b'M' | b'H' | b'U' | b'+' | b'-') => lines(statement),
        _ => Side::Other,
    })
}

fn lines(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let (mut certain, mut exact, mut greetings) = (false, false, 0);
    let mut stated: Vec<&[u8]> = Vec::new();
    let messages = read_messages(bytes, |rest, at| {
        let begins = |word: &[u8]| rest.starts_with(word) || word.starts_with(rest);
        let greeting = begins(INFO) || begins(CONNECT);
        let Some(line) = crlf_line(rest, LONGEST) else {
            let words: [&[u8]; 11] = [
                b"INFO ",
                b"CONNECT ",
                b"PING\r",
                b"PONG\r",
                b"PUB ",
                b"SUB ",
                b"UNSUB ",
                b"MSG ",
                b"HPUB ",
                b"HMSG ",
                b"+OK\r",
            ];
            let known = words.iter().any(|word| begins(word)) || begins(b"-ERR ");
            let limit = if greeting { LONGEST } else { 1024 };
            // Of the lines that can come first, only the two greetings are long.
            let fits = known
                && rest.len() < limit
                && (greeting || at > 0 || !begins(b"INFO ") && !begins(b"CONNECT "));
            return if fits { Framed::Cut } else { Framed::Foreign };
        };
        if greeting {
            greetings += 1;
            if greetings > GREETINGS {
                return Framed::Whole(line.len() + 2);
            }
            let Some(open) = line.iter().position(|&b| b == b'{') else { return Framed::Foreign };
            if !greet(
                statement,
                line.get(open..).unwrap_or_default(),
                at + open,
                line.starts_with(b"INFO"),
            ) {
                return Framed::Foreign;
            }
            certain = true;
            statement.role(if line.starts_with(b"INFO") { Role::Server } else { Role::Client });
            return Framed::Whole(line.len() + 2);
        }
        let mut words = line.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !word.is_empty());
        let operation = words.next().unwrap_or_default();
        let count = words.clone().count();
        let subject = words.next().unwrap_or_default();
        match operation {
            b"PUB" | b"HPUB" | b"SUB" | b"UNSUB" => statement.role(Role::Client),
            b"MSG" | b"HMSG" | b"+OK" | b"-ERR" => statement.role(Role::Server),
            _ => {}
        }
        let payload = match (operation, count) {
            (b"PING" | b"PONG" | b"+OK", 0) | (b"-ERR", 1..) | (b"UNSUB", 1..=2) => {
                return Framed::Whole(line.len() + 2);
            }
            (b"PUB", 2..=3) | (b"MSG" | b"HPUB", 3..=4) | (b"HMSG", 4..=5) => {
                words.next_back().and_then(decimal)
            }
            (b"SUB", 2..=3) => Some(0),
            _ => None,
        };
        let Some(payload) = payload.filter(|_| is_subject(subject)) else { return Framed::Foreign };
        if stated.len() < STATED && !stated.contains(&subject) {
            stated.push(subject);
            let offset = at + subject.as_ptr().addr().wrapping_sub(rest.as_ptr().addr());
            statement.fact("nats.operation", operation, at);
            statement.fact("nats.subject", subject, offset);
        }
        let mut len = line.len() + 2;
        if operation != b"SUB" {
            let tail = rest.get(len.saturating_add(payload)..).unwrap_or_default();
            if !b"\r\n".starts_with(&tail[..tail.len().min(2)]) {
                return Framed::Foreign;
            }
            exact |= tail.len() >= 2;
            len = len.saturating_add(payload).saturating_add(2);
        }
        if len > rest.len() { Framed::Cut } else { Framed::Whole(len) }
    });
    match (certain, messages.foreign) {
        (true, _) => Side::Matches,
        (false, true) => Side::Other,
        (false, false) if exact => Side::Matches,
        // Greetings come first.
        (false, false) if statement.stream.from_start() && messages.whole > 4 => Side::Other,
        (false, false) => Side::Perhaps,
    }
}

/// Whether a word is a subject: tokens between dots; `*` and `>` are wildcards.
fn is_subject(subject: &[u8]) -> bool {
    !subject.is_empty()
        && subject.split(|&b| b == b'.').all(|token| !token.is_empty())
        && subject.iter().all(|b| !b.is_ascii_control())
}

/// Whether a JSON object is that of a server's or a client's greeting, whose facts are stated.
fn greet(statement: &mut Statement<'_>, json: &[u8], at: usize, server: bool) -> bool {
    let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(json) else { return false };
    let facts: &[(&str, &'static str)] = if server {
        &[("version", "nats.version"), ("server_name", "nats.server")]
    } else {
        &[("name", "nats.client"), ("lang", "nats.language"), ("version", "nats.client-version")]
    };
    let known = if server {
        object.contains_key("server_id") && object.contains_key("version")
    } else {
        ["verbose", "pedantic", "lang", "protocol"]
            .iter()
            .filter(|key| object.contains_key(**key))
            .count()
            >= 2
    };
    if !known {
        return false;
    }
    for (key, fact) in facts {
        if let Some(value) =
            object.get(*key).and_then(Value::as_str).filter(|value| !value.is_empty())
        {
            statement.fact(*fact, value.as_bytes(), at);
        }
    }
    statement.fact("nats.operation", if server { b"INFO" } else { b"CONNECT" }, at);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Recognition;

    fn on_tcp(initiator: &[u8], responder: &[u8]) -> bool {
        matches!(
            inspect(
                &Opening::from_payloads(Transport::Tcp, &[initiator], &[responder]),
                Depth::Facts
            ),
            Detection::Yes(..)
        )
    }

    #[test]
    fn what_http_redis_and_a_log_say_is_not_nats() {
        assert!(!on_tcp(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n", b""));
        assert!(!on_tcp(b"PING\r\n", b"+PONG\r\n"));
        assert!(!on_tcp(b"", b"INFO {\"message\":\"started\",\"version\":\"1\"}\r\n"));
        assert!(!on_tcp(b"INFO\r\n", b""));
    }

    #[test]
    fn a_message_whose_payload_does_not_fit_is_refused() {
        let midstream = |bytes| {
            let mut opening = Opening::new(Transport::Tcp);
            opening.push_for_test(bytes);
            inspect(&opening, Depth::Facts)
        };
        assert!(matches!(midstream(b"MSG time.us 1 5\r\n12:00\r\n"), Detection::Yes(..)));
        assert_eq!(midstream(b"MSG time.us 1 5\r\n12:00:01\r\n"), Detection::No);
        assert_eq!(midstream(b"PING\r\n"), Detection::NeedMore);
    }

    #[test]
    fn no_password_or_token_is_stated() {
        let connect =
            b"CONNECT {\"verbose\":false,\"pedantic\":false,\"user\":\"ann\",\"pass\":\"secret\",\"auth_token\":\"token\"}\r\n";
        let Detection::Yes(Recognition { facts, .. }) =
            inspect(&Opening::from_payloads(Transport::Tcp, &[connect], &[]), Depth::Facts)
        else {
            panic!("not recognised")
        };
        assert!(
            facts
                .iter()
                .all(|fact| !fact.value.contains("secret") && !fact.value.contains("token"))
        );
    }
}
