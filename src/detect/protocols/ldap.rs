//! LDAP: RFC 4511, section 4 and the BER of section 5.1; over UDP the connectionless LDAP of Active
//! Directory (MS-ADTS, section 6.3.3).
//!
//! A message is a SEQUENCE of an identifier, an operation and perhaps controls. The lengths must
//! nest exactly and the operation must have the parts that the RFC gives it: neither SNMP nor
//! Kerberos nor CSTA has an identifier before a tag of the application class. Where only the
//! beginning of an entry was captured, the headers down to its attributes must fit.

mod results;

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::ber::{self, InvalidBer, Tlv, TlvHeader};
use crate::detect::prefilter::Prefilter;
use crate::detect::starttls::{self, AfterRequest};
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, FailureScope, Protocol, Role};
use crate::flow::Opening;
use results::result_name;

const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const INTEGER: u8 = 0x02;
const ENUMERATED: u8 = 0x0a;
const CONTROLS: u8 = 0xa0;
/// Results that are neither success nor error: the bind goes on; the client shall ask elsewhere.
const SASL_IN_PROGRESS: u32 = 14;
const REFERRAL: u32 = 10;
/// Messages of each side that are read at most.
const MESSAGES: usize = 16;
/// Attributes of the root entry that identify a server, and their facts.
const SERVER_ATTRIBUTES: [(&[u8], &str); 3] = [
    (b"vendorName", "ldap.vendor-name"),
    (b"vendorVersion", "ldap.vendor-version"),
    (b"defaultNamingContext", "ldap.naming-context"),
];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Ldap, inspect)
    .tcp()
    .udp()
    .prefilter(Prefilter::first_byte(&[0x30..=0x30]))
    .facts(&[
        "ldap.operation",
        "ldap.bind-name",
        "ldap.mechanism",
        "ldap.base",
        "ldap.error",
        "ldap.extension",
        "ldap.starttls",
        "ldap.vendor-name",
        "ldap.vendor-version",
        "ldap.naming-context",
        "tls.sni",
        "tls.alpn",
        "tls.ja4",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x30\x29\x02\x01\x01\x60\x24\x02\x01\x03\x04\x1acn=admin,dc=example,dc=org\x80\x03abc"],
            responder: &[b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x30\x1d\x02\x01\x02\x77\x18\x80\x161.3.6.1.4.1.1466.20037"],
            responder: &[b"\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x02\x04\x00\x04\x00"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x30\x84\x00\x00\x00\x25\x02\x01\x01\x63\x20\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\x87\x0bobjectclass\x30\x00"],
            responder: &[b"\x30\x2a\x02\x01\x01\x64\x25\x04\x00\x30\x21\x30\x1f\x04\x0avendorName\x31\x11\x04\x0fExample Project\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Ldap, opening, depth, |statement| match opening.transport() {
        Transport::Tcp => stream(statement),
        Transport::Udp => datagrams(statement),
    })
}

/// The extended operation that requests TLS (RFC 4511, section 4.14.1).
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

fn stream(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let (mut at, mut proved) = (0, false);
    for _ in 0..MESSAGES {
        let rest = bytes.get(at..).unwrap_or_default();
        match message(rest) {
            Ok(LdapMessage::Whole { size, tag, operation }) => {
                proved |= operation.proves;
                operation.state(statement, tag, at);
                at += size;
                if tag == 0x77 && operation.facts.iter().any(|fact| fact.1 == START_TLS) {
                    let outcome: &[u8] = match starttls::state_hello(statement, at) {
                        AfterRequest::Nothing => b"requested",
                        AfterRequest::Tls => b"yes",
                        AfterRequest::Other => b"refused",
                    };
                    statement.fact("ldap.starttls", outcome, at - size);
                }
            }
            Ok(LdapMessage::Begun { tag: Some(tag) }) => {
                Operation::default().state(statement, tag, at);
                return Side::Matches;
            }
            Ok(LdapMessage::Begun { tag: None }) => break,
            // The messages after a bind may be wrapped by its mechanism.
            Err(InvalidBer) => return if proved { Side::Matches } else { Side::Other },
        }
    }
    if proved { Side::Matches } else { Side::Perhaps }
}

fn datagrams(statement: &mut Statement<'_>) -> Side {
    let stream = statement.stream;
    let (mut at, mut proved) = (0, false);
    for (datagram, _, cut) in stream.datagrams().take(MESSAGES) {
        let mut rest = datagram;
        while !rest.is_empty() {
            match message(rest) {
                Ok(LdapMessage::Whole { size, tag, operation }) => {
                    proved |= operation.proves;
                    operation.state(statement, tag, at);
                    rest = rest.get(size..).unwrap_or_default();
                    at += size;
                }
                Ok(LdapMessage::Begun { .. }) if cut => break,
                _ => return Side::Other,
            }
        }
        at += rest.len();
    }
    if proved { Side::Matches } else { Side::Perhaps }
}

enum LdapMessage<'a> {
    Whole {
        size: usize,
        tag: u8,
        operation: Operation<'a>,
    },
    /// The message was not captured whole. The tag, where the operation is proved already.
    Begun {
        tag: Option<u8>,
    },
}

/// An operation.
#[derive(Default)]
struct Operation<'a> {
    /// The form of the operation occurs in LDAP only.
    proves: bool,
    facts: Vec<(&'static str, &'a [u8])>,
    /// The code of a result (RFC 4511, section 4.1.9).
    result: Option<u32>,
}

impl Operation<'_> {
    fn state(&self, statement: &mut Statement<'_>, tag: u8, at: usize) {
        statement.role(match tag {
            0x60 | 0x42 | 0x63 | 0x66 | 0x68 | 0x4a | 0x6c | 0x6e | 0x50 | 0x77 => Role::Client,
            _ => Role::Server,
        });
        let name = name(tag).unwrap_or_default();
        match self.result {
            None | Some(SASL_IN_PROGRESS | REFERRAL) => {}
            Some(0 | 5 | 6) => statement.answers.succeeded(),
            Some(code) => {
                let text = result_name(code)
                    .map_or_else(|| code.to_string(), |name| format!("{name} ({code})"));
                let scope = match code {
                    // Busy, unavailable, unwilling to perform (RFC 4511, appendix A.2).
                    51..=53 => FailureScope::Service,
                    _ => FailureScope::Request,
                };
                statement.failed_in_scope(&format!("LDAP {text}"), scope, at);
                statement.fact_text("ldap.error", text, at);
            }
        }
        let is_stated = |s: &Statement<'_>, fact: &str, value: &[u8]| {
            s.facts.iter().any(|f| {
                f.direction == s.direction && f.name.stem == fact && f.value.as_bytes() == value
            })
        };
        for (fact, value) in
            std::iter::once(&("ldap.operation", name.as_bytes())).chain(&self.facts)
        {
            if !value.is_empty() && !is_stated(statement, fact, value) {
                statement.fact(*fact, value, at);
            }
        }
    }
}

/// The operation of an application tag.
fn name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        0x60 => "bind",
        0x61 => "bind-response",
        0x42 => "unbind",
        0x63 => "search",
        0x64 => "search-entry",
        0x65 => "search-done",
        0x73 => "search-reference",
        0x66 => "modify",
        0x67 => "modify-response",
        0x68 => "add",
        0x69 => "add-response",
        0x4a => "delete",
        0x6b => "delete-response",
        0x6c => "modify-dn",
        0x6d => "modify-dn-response",
        0x6e => "compare",
        0x6f => "compare-response",
        0x50 => "abandon",
        0x77 => "extended",
        0x78 => "extended-response",
        0x79 => "intermediate-response",
        _ => return None,
    })
}

fn message(bytes: &[u8]) -> Result<LdapMessage<'_>, InvalidBer> {
    const BEGUN: LdapMessage<'_> = LdapMessage::Begun { tag: None };
    let Some(whole) = ber::header(bytes)? else {
        return if matches!(bytes.first(), None | Some(&SEQUENCE)) {
            Ok(BEGUN)
        } else {
            Err(InvalidBer)
        };
    };
    if whole.tag != SEQUENCE || !(5..1 << 24).contains(&whole.len) {
        return Err(InvalidBer);
    }
    let size = whole.size + whole.len;
    let body = bytes.get(whole.size..bytes.len().min(size)).unwrap_or_default();
    let Some((id, rest)) = ber::read(body)? else {
        return if matches!(body, [] | [INTEGER] | [INTEGER, 1..=5, ..]) && bytes.len() < size {
            Ok(BEGUN)
        } else {
            Err(InvalidBer)
        };
    };
    if id.tag != INTEGER || ber::unsigned(id.content)? > i32::MAX as u32 {
        return Err(InvalidBer);
    }
    let Some(TlvHeader { tag, size: head, len }) = ber::header(rest)? else {
        return if rest.first().is_none_or(|&tag| name(tag).is_some()) && bytes.len() < size {
            Ok(BEGUN)
        } else {
            Err(InvalidBer)
        };
    };
    let behind = whole
        .len
        .checked_sub(body.len() - rest.len() + head)
        .and_then(|n| n.checked_sub(len))
        .ok_or(InvalidBer)?;
    if name(tag).is_none() || behind == 1 {
        return Err(InvalidBer);
    }
    let content = &rest[head..];
    if bytes.len() < size {
        let proved = tag == 0x64 && entry_begins(content, len)?;
        return Ok(LdapMessage::Begun { tag: proved.then_some(tag) });
    }
    let (content, controls) = content.split_at_checked(len).ok_or(InvalidBer)?;
    if !controls.is_empty() {
        let (_, nothing) = ber::expect(controls, CONTROLS)?;
        ends(nothing)?;
    }
    Ok(LdapMessage::Whole { size, tag, operation: operation(tag, content)? })
}

/// Whether the headers of an entry that was not captured whole fit: a name, then attributes up to
/// its end.
fn entry_begins(content: &[u8], len: usize) -> Result<bool, InvalidBer> {
    let Some((object, rest)) = ber::read(content)? else { return Ok(false) };
    let Some(attributes) = ber::header(rest)? else { return Ok(false) };
    let exact = content.len() - rest.len() + attributes.size + attributes.len == len;
    if object.tag != OCTETS || attributes.tag != SEQUENCE || !exact {
        return Err(InvalidBer);
    }
    Ok(true)
}

fn ends(rest: &[u8]) -> Result<(), InvalidBer> {
    if rest.is_empty() { Ok(()) } else { Err(InvalidBer) }
}

/// Reads the parts of an operation, which must be exactly those of RFC 4511.
fn operation(tag: u8, content: &[u8]) -> Result<Operation<'_>, InvalidBer> {
    let mut facts = Vec::new();
    let (mut proves, mut result) = (true, None);
    match tag {
        0x60 => bind(content, &mut facts)?,
        0x63 => search(content, &mut facts)?,
        0x64 => entry(content, &mut facts)?,
        0x61 | 0x65 | 0x67 | 0x69 | 0x6b | 0x6d | 0x6f | 0x78 => {
            let (code, rest) = ber::expect(content, ENUMERATED)?;
            result = Some(ber::unsigned(code)?);
            let (_, rest) = ber::expect(rest, OCTETS)?;
            let (_, rest) = ber::expect(rest, OCTETS)?;
            options(rest)?;
        }
        0x77 => {
            let (oid, rest) = ber::expect(content, 0x80)?;
            if oid.is_empty() || !oid.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
                return Err(InvalidBer);
            }
            facts.push(("ldap.extension", oid));
            options(rest)?;
        }
        0x79 => options(content)?,
        0x42 => {
            ends(content)?;
            proves = false;
        }
        0x50 => {
            ber::unsigned(content)?;
            proves = false;
        }
        0x4a => proves = content.contains(&b'='),
        0x73 => {
            let mut rest = content;
            while !rest.is_empty() {
                (_, rest) = ber::expect(rest, OCTETS)?;
            }
            proves = !content.is_empty();
        }
        0x6c => {
            let (_, rest) = ber::expect(content, OCTETS)?;
            let (_, rest) = ber::expect(rest, OCTETS)?;
            let (_, rest) = ber::expect(rest, 0x01)?;
            options(rest)?;
        }
        // Modify, add, compare: a name and the change or assertion.
        _ => {
            let (_, rest) = ber::expect(content, OCTETS)?;
            let (_, rest) = ber::expect(rest, SEQUENCE)?;
            ends(rest)?;
        }
    }
    Ok(Operation { proves, facts, result })
}

/// Checks that the bytes are values of the context class up to their end.
fn options(mut rest: &[u8]) -> Result<(), InvalidBer> {
    while !rest.is_empty() {
        let (Tlv { tag, .. }, behind) = ber::read(rest)?.ok_or(InvalidBer)?;
        if tag & 0xc0 != 0x80 {
            return Err(InvalidBer);
        }
        rest = behind;
    }
    Ok(())
}

fn bind<'a>(
    content: &'a [u8],
    facts: &mut Vec<(&'static str, &'a [u8])>,
) -> Result<(), InvalidBer> {
    let (version, rest) = ber::expect(content, INTEGER)?;
    let (name, rest) = ber::expect(rest, OCTETS)?;
    let (Tlv { tag, content: how }, nothing) = ber::read(rest)?.ok_or(InvalidBer)?;
    ends(nothing)?;
    if !matches!(ber::unsigned(version)?, 1..=3) {
        return Err(InvalidBer);
    }
    facts.push(("ldap.bind-name", name));
    match tag {
        0x80 => facts.push(("ldap.mechanism", if how.is_empty() { b"none" } else { b"simple" })),
        // Sicily, MS-ADTS, section 5.1.1.1.3.
        0x89..=0x8b => facts.push(("ldap.mechanism", b"sicily")),
        0xa3 => {
            let (mechanism, rest) = ber::expect(how, OCTETS)?;
            if !mechanism.iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b)) {
                return Err(InvalidBer);
            }
            facts.push(("ldap.mechanism", mechanism));
            if !rest.is_empty() {
                ends(ber::expect(rest, OCTETS)?.1)?;
            }
        }
        _ => return Err(InvalidBer),
    }
    Ok(())
}

fn search<'a>(
    content: &'a [u8],
    facts: &mut Vec<(&'static str, &'a [u8])>,
) -> Result<(), InvalidBer> {
    let (base, mut rest) = ber::expect(content, OCTETS)?;
    for (tag, most) in
        [(ENUMERATED, 3), (ENUMERATED, 3), (INTEGER, i32::MAX as u32), (INTEGER, i32::MAX as u32)]
    {
        let (value, behind) = ber::expect(rest, tag)?;
        if ber::unsigned(value)? > most {
            return Err(InvalidBer);
        }
        rest = behind;
    }
    let (types_only, rest) = ber::expect(rest, 0x01)?;
    let (filter, rest) = ber::read(rest)?.ok_or(InvalidBer)?;
    let (_, nothing) = ber::expect(rest, SEQUENCE)?;
    if types_only.len() != 1 || !matches!(filter.tag, 0xa0..=0xa9 | 0x87) {
        return Err(InvalidBer);
    }
    facts.push(("ldap.base", base));
    ends(nothing)
}

fn entry<'a>(
    content: &'a [u8],
    facts: &mut Vec<(&'static str, &'a [u8])>,
) -> Result<(), InvalidBer> {
    let (_, rest) = ber::expect(content, OCTETS)?;
    let (mut attributes, nothing) = ber::expect(rest, SEQUENCE)?;
    ends(nothing)?;
    while !attributes.is_empty() {
        let (attribute, behind) = ber::expect(attributes, SEQUENCE)?;
        let (kind, values) = ber::expect(attribute, OCTETS)?;
        let (values, nothing) = ber::expect(values, 0x31)?;
        ends(nothing)?;
        if let Some((_, fact)) =
            SERVER_ATTRIBUTES.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind))
        {
            facts.push((fact, ber::expect(values, OCTETS)?.0));
        }
        attributes = behind;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Recognition;

    fn detect(transport: Transport, initiator: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(transport, &[initiator], &[]), Depth::Facts)
    }

    #[test]
    fn snmp_kerberos_and_csta_are_not_ldap() {
        let snmp = b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x01\x02\x01\x00\x02\x01\x00\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x01\x00\x05\x00";
        let kerberos =
            b"\x6a\x12\x30\x10\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\xa4\x04\x30\x02\x05\x00";
        let csta = b"\xa1\x0b\x02\x01\x01\x02\x01\x0a\x04\x0312\x33";
        for bytes in [&snmp[..], kerberos, csta] {
            assert_eq!(detect(Transport::Udp, bytes), Detection::No);
            assert_eq!(detect(Transport::Tcp, bytes), Detection::No);
        }
    }

    #[test]
    fn lengths_that_do_not_nest_are_not_ldap() {
        let search = |op: u8, filter: u8| {
            let mut bytes = b"\x30\x24\x02\x01\x01\x63\x1f\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\x87\x0aobjectclas\x30\x00".to_vec();
            (bytes[6], bytes[25]) = (op, filter);
            detect(Transport::Tcp, &bytes)
        };
        assert!(matches!(search(0x1f, 0x0a), Detection::Yes(..)));
        for (op, filter) in [(0x1e, 0x0a), (0x20, 0x0a), (0x1f, 0x09), (0x1f, 0x0b)] {
            assert_eq!(search(op, filter), Detection::No);
        }
    }

    #[test]
    fn the_begin_of_a_long_entry_is_enough() {
        let begun = b"\x30\x82\x20\x00\x02\x01\x02\x64\x82\x1f\xf9\x04\x02ab\x30\x82\x1f\xf1\x30";
        assert!(matches!(detect(Transport::Tcp, begun), Detection::Yes(..)));
        assert_eq!(
            detect(
                Transport::Tcp,
                b"\x30\x82\x20\x00\x02\x01\x02\x64\x82\x1f\xf9\x04\x02ab\x30\x82\x1f\xf2\x30"
            ),
            Detection::No
        );
    }

    #[test]
    fn no_password_is_stated() {
        let bind = b"\x30\x15\x02\x01\x01\x60\x10\x02\x01\x03\x04\x03me@\x80\x06secret";
        let Detection::Yes(Recognition { facts, .. }) = detect(Transport::Tcp, bind) else {
            panic!()
        };
        assert!(facts.iter().all(|fact| fact.value != "secret"));
    }
}
