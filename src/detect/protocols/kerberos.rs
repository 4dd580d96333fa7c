//! Kerberos 5: RFC 4120, section 5 (messages) and 7.2 (transports).
//!
//! A message has a tag of its own, a SEQUENCE that fills it, version 5 and its type once more. Over
//! UDP it fills the datagram, over TCP the length before it. Realm, principals and errors are
//! stated, nothing of tickets.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::ber::{self, InvalidBer};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const GENERAL_STRING: u8 = 0x1b;
/// The class and form of a message's tag, and of a field's.
const APPLICATION: u8 = 0x60;
const FIELD: u8 = 0xa0;
const VERSION: u8 = 5;
const ERROR: u8 = 30;
/// Bytes of the length before a message over TCP, and messages of each side that are read at most.
const LENGTH: usize = 4;
const MESSAGES: usize = 4;
/// Parts of a principal's name that are stated at most.
const PARTS: usize = 4;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Kerberos, inspect)
    .tcp()
    .udp()
    // Over TCP: a length below 16 MiB.
    .prefilter(
        Prefilter::ANY
            .tcp_first_byte(&[0..=0])
            .skip(3)
            .then(&[0x6a..=0x6d, 0x7e..=0x7e])
            .max_leading_zeros(3)
            .udp_first_byte(&[0x6a..=0x6d, 0x7e..=0x7e]),
    )
    .facts(&[
        "kerberos.message",
        "kerberos.realm",
        "kerberos.client",
        "kerberos.service",
        "kerberos.error",
    ])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"je0c\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\xa4W0U\xa0\x07\x03\x05\0\0\0\0\x10\xa1\x110\x0f\xa0\x03\x02\x01\x01\xa1\x080\x06\x1b\x04anna\xa2\x0b\x1b\x09PIER.TEST\xa3\x1e0\x1c\xa0\x03\x02\x01\x02\xa1\x150\x13\x1b\x06krbtgt\x1b\x09PIER.TEST\xa7\x03\x02\x01\x07\xa8\x050\x03\x02\x01\x12"],
            responder: &[b"~V0T\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x1e\xa4\x11\x18\x0f20260301120000Z\xa5\x03\x02\x01\x09\xa6\x03\x02\x01\x19\xa9\x0b\x1b\x09PIER.TEST\xaa\x1e0\x1c\xa0\x03\x02\x01\x02\xa1\x150\x13\x1b\x06krbtgt\x1b\x09PIER.TEST"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\0\0\0FlD0B\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0c\xa4604\xa0\x07\x03\x05\0\0\0\0\x10\xa2\x0b\x1b\x09PIER.TEST\xa3\x170\x15\xa0\x03\x02\x01\x02\xa1\x0e0\x0c\x1b\x04host\x1b\x04pier\xa7\x03\x02\x01\x07"],
            responder: &[b"\0\0\0MmK0I\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0d\xa3\x0b\x1b\x09PIER.TEST\xa4\x110\x0f\xa0\x03\x02\x01\x01\xa1\x080\x06\x1b\x04anna\xa5\x0fa\x0d0\x0b\xa0\x03\x02\x01\x05\xa1\x04\x1b\x02XY\xa6\x0c0\x0a\xa0\x03\x02\x01\x12\xa2\x03\x04\x01x"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Kerberos, opening, depth, |statement| match opening.transport() {
        Transport::Tcp => stream(statement),
        Transport::Udp => by_datagram(statement, |statement, bytes, at, cut| {
            match KerberosMessage::read(bytes, None) {
                Ok(Some(message))
                    if message.len == bytes.len() || cut && message.len > bytes.len() =>
                {
                    message.state(statement, bytes, at);
                    Side::Matches
                }
                Ok(None) if cut => Side::Perhaps,
                _ => Side::Other,
            }
        }),
    })
}

fn stream(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let mut at = 0;
    for message in 0..MESSAGES {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some((length, body)) = rest.split_first_chunk::<LENGTH>() else {
            let is_length = rest.first().is_none_or(|&byte| byte == 0);
            return match message {
                _ if !is_length => Side::Other,
                0 => Side::Perhaps,
                _ => Side::Matches,
            };
        };
        let length = u32::from_be_bytes(*length) as usize;
        if length == 0 || length >> 24 != 0 {
            return Side::Other;
        }
        match KerberosMessage::read(body, Some(length)) {
            Ok(Some(found)) => {
                found.state(statement, &body[..body.len().min(length)], at + LENGTH);
            }
            Ok(None) => return if message == 0 { Side::Perhaps } else { Side::Matches },
            Err(InvalidBer) => return Side::Other,
        }
        at += LENGTH + length;
    }
    Side::Matches
}

/// A message whose beginning is sound.
struct KerberosMessage {
    number: u8,
    /// Bytes of the whole message.
    len: usize,
    /// Where the fields behind version and type begin.
    fields: usize,
}

impl KerberosMessage {
    /// Reads the beginning of a message, `of` so many bytes if that is known; `Ok(None)` where more
    /// bytes are needed.
    fn read(bytes: &[u8], of: Option<usize>) -> Result<Option<Self>, InvalidBer> {
        let Some(&tag) = bytes.first() else { return Ok(None) };
        let number = tag ^ APPLICATION;
        if !matches!(number, 10..=13 | ERROR) {
            return Err(InvalidBer);
        }
        let Some(outer) = ber::header(bytes)? else { return Ok(None) };
        let len = outer.size.saturating_add(outer.len);
        if of.is_some_and(|of| of != len) {
            return Err(InvalidBer);
        }
        let rest = bytes.get(outer.size..).unwrap_or_default();
        if rest.first().is_some_and(|&tag| tag != SEQUENCE) {
            return Err(InvalidBer);
        }
        let Some(inner) = ber::header(rest)? else { return Ok(None) };
        if inner.size.saturating_add(inner.len) != outer.len {
            return Err(InvalidBer);
        }
        // Of a request the fields are counted from 1, of all others from 0.
        let first = FIELD + u8::from(matches!(number, 10 | 12));
        let expected = [first, 3, INTEGER, 1, VERSION, first + 1, 3, INTEGER, 1, number];
        let begin = outer.size + inner.size;
        let fields = bytes.get(begin..).unwrap_or_default();
        if !fields.iter().zip(&expected).all(|(byte, wanted)| byte == wanted)
            || inner.len < expected.len()
        {
            return Err(InvalidBer);
        }
        let is_read = fields.len() >= expected.len();
        Ok(is_read.then_some(Self { number, len, fields: begin + expected.len() }))
    }

    /// States what `bytes`, the message as far as it was captured, says.
    fn state(&self, statement: &mut Statement<'_>, bytes: &[u8], at: usize) {
        let (name, role) = match self.number {
            10 => ("AS-REQ", Role::Client),
            11 => ("AS-REP", Role::Server),
            12 => ("TGS-REQ", Role::Client),
            13 => ("TGS-REP", Role::Server),
            _ => ("error", Role::Server),
        };
        statement.role(role);
        statement.fact("kerberos.message", name.as_bytes(), at);
        if !statement.wants_facts() {
            return;
        }
        let mut rest = bytes.get(self.fields..).unwrap_or_default();
        if matches!(self.number, 10 | 12) {
            // The body behind what the client proves itself with.
            rest = match ber::read(rest) {
                Ok(Some((data, behind))) if data.tag == FIELD + 3 => behind,
                _ => rest,
            };
            let body = ber::header(rest).ok().flatten().filter(|body| body.tag == FIELD + 4);
            let inner = body.and_then(|body| rest.get(body.size..)).unwrap_or_default();
            rest = match ber::header(inner) {
                Ok(Some(sequence)) if sequence.tag == SEQUENCE => {
                    inner.get(sequence.size..).unwrap_or_default()
                }
                _ => return,
            };
        }
        let facts: &[(u8, &'static str)] = match self.number {
            10 | 12 => &[(1, "kerberos.client"), (2, "kerberos.realm"), (3, "kerberos.service")],
            11 | 13 => &[(3, "kerberos.realm"), (4, "kerberos.client")],
            _ => &[(6, "kerberos.error"), (9, "kerberos.realm"), (10, "kerberos.service")],
        };
        let mut last = 0;
        // Fields come in the order of their numbers, each once.
        while let Ok(Some((field, behind))) = ber::read(rest)
            && field.tag > last
        {
            last = field.tag;
            let place = at + bytes.len() - behind.len() - field.content.len();
            let name = facts.iter().find(|(number, _)| field.tag == FIELD + number);
            if let Some(&(_, name)) = name
                && let Some(text) = text(name, field.content)
            {
                statement.fact_text(name, text, place);
            }
            rest = behind;
        }
    }
}

/// The text of a field: a realm, a principal or the code of an error.
fn text(name: &str, content: &[u8]) -> Option<String> {
    match name {
        "kerberos.realm" => string(content).map(|(realm, _)| realm),
        "kerberos.error" => {
            let (code, _) = ber::expect(content, INTEGER).ok()?;
            Some(error_name(ber::unsigned(code).ok()?))
        }
        _ => principal(content),
    }
}

/// A text and the bytes behind it.
fn string(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (text, rest) = ber::expect(bytes, GENERAL_STRING).ok()?;
    Some((String::from_utf8_lossy(text).into_owned(), rest))
}

/// A principal's name: a SEQUENCE of its kind and of its parts, which `/` joins.
fn principal(content: &[u8]) -> Option<String> {
    let (name, _) = ber::expect(content, SEQUENCE).ok()?;
    let (_, rest) = ber::expect(name, FIELD).ok()?;
    let (parts, _) = ber::expect(rest, FIELD + 1).ok()?;
    let (mut parts, _) = ber::expect(parts, SEQUENCE).ok()?;
    let mut texts = Vec::new();
    while let Some((part, rest)) = string(parts).filter(|_| texts.len() < PARTS) {
        texts.push(part);
        parts = rest;
    }
    Some(texts.join("/"))
}

/// An error's code and its name (RFC 4120, section 7.5.9).
fn error_name(code: u32) -> String {
    let name = match code {
        6 => "client unknown",
        7 => "service unknown",
        12 => "policy rejects request",
        14 => "encryption type not supported",
        18 => "client revoked",
        23 => "password expired",
        24 => "pre-authentication failed",
        25 => "pre-authentication required",
        29 => "service unavailable",
        31 => "integrity check failed",
        32 => "ticket expired",
        33 => "ticket not yet valid",
        34 => "replay",
        36 => "ticket does not match",
        37 => "clock skew too great",
        41 => "message modified",
        50 => "inappropriate checksum",
        52 => "response too big for UDP",
        60 => "generic error",
        68 => "wrong realm",
        _ => return code.to_string(),
    };
    format!("{code} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = DETECTOR.samples[0].initiator[0];
    const REFUSAL: &[u8] = DETECTOR.samples[0].responder[0];

    fn detect(transport: Transport, bytes: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(transport, &[bytes], &[]), Depth::Facts)
    }

    #[test]
    fn realm_principals_and_errors_are_stated() {
        let Detection::Yes(found) = inspect(&DETECTOR.samples[0].opening(), Depth::Facts) else {
            panic!()
        };
        let facts: Vec<_> =
            found.facts.iter().map(|fact| format!("{} {}", fact.name, fact.value)).collect();
        let expected = [
            "kerberos.message AS-REQ",
            "kerberos.client anna",
            "kerberos.realm PIER.TEST",
            "kerberos.service krbtgt/PIER.TEST",
            "kerberos.message error",
            "kerberos.error 25 pre-authentication required",
            "kerberos.realm PIER.TEST",
            "kerberos.service krbtgt/PIER.TEST",
        ];
        assert_eq!(facts, expected);
    }

    #[test]
    fn lengths_that_do_not_nest_another_version_or_type_are_not_kerberos() {
        // Tag, length, length of the sequence, version, type.
        for (at, value) in [(0, 0x6b), (0, 0x6f), (1, 0x66), (3, 0x64), (8, 4), (13, 12)] {
            let mut changed = REQUEST.to_vec();
            changed[at] = value;
            assert_eq!(detect(Transport::Udp, &changed), Detection::No, "{at}");
            let framed = [&[0, 0, 0, changed.len() as u8], &changed[..]].concat();
            assert_eq!(detect(Transport::Tcp, &framed), Detection::No, "{at}");
        }
        assert_eq!(detect(Transport::Udp, &[REQUEST, b"\0"].concat()), Detection::No);
        let framed = [&[0, 0, 0, REQUEST.len() as u8 + 1], REQUEST].concat();
        assert_eq!(detect(Transport::Tcp, &framed), Detection::No);
        assert_eq!(detect(Transport::Tcp, b"\0\0\0\0"), Detection::No);
        assert_eq!(detect(Transport::Udp, b"knock knock, who is there?"), Detection::No);
    }

    #[test]
    fn over_tcp_messages_follow_each_other() {
        let framed = |bytes: &[u8]| [&[0, 0, 0, bytes.len() as u8], bytes].concat();
        let both = [framed(REQUEST), framed(REFUSAL)].concat();
        assert!(matches!(detect(Transport::Tcp, &both), Detection::Yes(_)));
        let broken = [framed(REQUEST), b"HTTP/1.1".to_vec()].concat();
        assert_eq!(detect(Transport::Tcp, &broken), Detection::No);
    }
}
