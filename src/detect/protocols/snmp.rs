//! SNMP, versions 1, 2c and 3: RFC 1157, section 4; RFC 3416, section 3; RFC 3412, section 6; over
//! UDP and TCP (RFC 3430).
//!
//! The lengths of the BER must fit to the byte down to the variable bindings. Communities are
//! passwords and are not stated.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::ber::{self, InvalidBer, Tlv};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
/// Operations by their tags from 0xa0 (RFC 3416, section 3); the fifth is version 1's trap.
const OPERATIONS: [&str; 9] =
    ["get", "get-next", "response", "set", "trap-v1", "get-bulk", "inform", "trap", "report"];
const FIRST_OPERATION: u8 = 0xa0;
const TRAP_V1: u8 = 0xa4;
/// The flag of version 3 that is set where an answer is expected (RFC 3412, section 6.4).
const REPORTABLE: u8 = 4;
const RESPONSE: u8 = 0xa2;
const OBJECT: u8 = 0x06;
/// What an agent says of itself: `sysDescr.0`, 1.3.6.1.2.1.1.1.0 (RFC 3418).
const SYS_DESCR: [u8; 8] = [0x2b, 6, 1, 2, 1, 1, 1, 0];
/// Variable bindings in which it is looked for.
const BINDINGS: usize = 32;
/// Bytes of a message over TCP at most.
const LONGEST: usize = 1 << 16;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Snmp, inspect)
    .udp()
    .tcp()
    .prefilter(Prefilter::first_byte(&[SEQUENCE..=SEQUENCE]))
    .first_words()
    .one_way()
    .facts(&["snmp.operation", "snmp.sysdescr", "snmp.version"])
    .facts_at_any_depth(&["snmp.operation", "snmp.sysdescr", "snmp.version"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x07\x02\x01\0\x02\x01\0\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x01\0\x05\0"],
            responder: &[b"\x30\x2a\x02\x01\x01\x04\x06public\xa2\x1d\x02\x01\x07\x02\x01\0\x02\x01\0\x30\x12\x30\x10\x06\x08\x2b\x06\x01\x02\x01\x01\x01\0\x04\x04buoy"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x30\x26\x02\x01\x00\x04\x06public\xa1\x19\x02\x01\x07\x02\x01\0\x02\x01\0\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x01\0\x05\0"],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Snmp, opening, depth, |statement| match opening.transport() {
        Transport::Udp => {
            by_datagram(statement, |statement, bytes, offset, cut| match beginning(bytes) {
                Ok(message) if cut => message.map_or(Side::Perhaps, |message| {
                    state(statement, &message, offset);
                    Side::Matches
                }),
                _ => judge(statement, bytes, offset),
            })
        }
        Transport::Tcp => stream(statement),
    })
}

fn stream(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    match ber::header(bytes) {
        Ok(Some(header)) if header.tag == SEQUENCE && header.len <= LONGEST => {
            // The version comes first and excludes most other BER.
            let version = bytes.get(header.size..).unwrap_or(&[]);
            if version.iter().zip([INTEGER, 1]).any(|(a, b)| *a != b)
                || version.get(2).is_some_and(|&v| !matches!(v, 0 | 1 | 3))
            {
                return Side::Other;
            }
            match bytes.get(..header.size + header.len) {
                Some(whole) => judge(statement, whole, 0),
                None => Side::Perhaps,
            }
        }
        Ok(None) if bytes.first().is_none_or(|&b| b == SEQUENCE) => Side::Perhaps,
        _ => Side::Other,
    }
}

fn judge(statement: &mut Statement<'_>, bytes: &[u8], offset: usize) -> Side {
    match message(bytes) {
        Ok(message) => {
            state(statement, &message, offset);
            Side::Matches
        }
        Err(InvalidBer) => Side::Other,
    }
}

fn state(statement: &mut Statement<'_>, message: &SnmpMessage<'_>, offset: usize) {
    let &SnmpMessage { version, operation, awaits_answer, sys_descr } = message;
    match operation {
        "response" | "report" => statement.role(Role::Server),
        // An answer may be encrypted too, and asks for none.
        "encrypted" if !awaits_answer => {}
        _ => statement.role(Role::Client),
    }
    if awaits_answer {
        statement.awaits_answer();
    }
    statement.fact("snmp.version", version.as_bytes(), offset);
    statement.fact("snmp.operation", operation.as_bytes(), offset);
    if let Some(text) = sys_descr {
        statement.fact("snmp.sysdescr", text, offset);
    }
}

/// Reads a message that the capture cut up to its operation, which comes after the community;
/// `None` where it ends before, or where the order is that of version 3.
fn beginning(bytes: &[u8]) -> Result<Option<SnmpMessage<'_>>, InvalidBer> {
    let begins = |bytes: &[u8], tag: u8| bytes.first().is_none_or(|&first| first == tag);
    let whole = |bytes, tag| match ber::read(bytes)? {
        Some((tlv, rest)) if tlv.tag == tag => Ok(Some((tlv.content, rest))),
        None if begins(bytes, tag) => Ok(None),
        _ => Err(InvalidBer),
    };
    let content = match ber::header(bytes)? {
        Some(header) if header.tag == SEQUENCE => bytes.get(header.size..).unwrap_or(&[]),
        None if begins(bytes, SEQUENCE) => return Ok(None),
        _ => return Err(InvalidBer),
    };
    let Some((version, rest)) = whole(content, INTEGER)? else { return Ok(None) };
    let version = match ber::unsigned(version)? {
        0 => "1",
        1 => "2c",
        3 if begins(rest, SEQUENCE) => return Ok(None),
        _ => return Err(InvalidBer),
    };
    let Some((_, rest)) = whole(rest, OCTETS)? else { return Ok(None) };
    let Some(tag) = rest.first() else { return Ok(None) };
    Ok(Some(SnmpMessage::new(version, (operation_name(*tag).ok_or(InvalidBer)?, None))))
}

/// The name of an operation by its tag.
fn operation_name(tag: u8) -> Option<&'static str> {
    OPERATIONS.get(usize::from(tag.checked_sub(FIRST_OPERATION)?)).copied()
}

/// What a message is.
struct SnmpMessage<'b> {
    version: &'static str,
    operation: &'static str,
    awaits_answer: bool,
    /// What an agent that answers calls itself.
    sys_descr: Option<&'b [u8]>,
}

/// The name of an operation, and what an agent that answers calls itself.
type NamedOperation<'b> = (&'static str, Option<&'b [u8]>);

impl<'b> SnmpMessage<'b> {
    /// A message whose operation can be read: all but answers and traps are answered.
    fn new(version: &'static str, (operation, sys_descr): NamedOperation<'b>) -> Self {
        let awaits_answer = !matches!(operation, "response" | "report" | "trap-v1" | "trap");
        Self { version, operation, awaits_answer, sys_descr }
    }
}

/// Reads a whole message.
fn message(bytes: &[u8]) -> Result<SnmpMessage<'_>, InvalidBer> {
    let (content, behind) = ber::expect(bytes, SEQUENCE)?;
    let (version, rest) = ber::expect(content, INTEGER)?;
    if !behind.is_empty() {
        return Err(InvalidBer);
    }
    match ber::unsigned(version)? {
        0 => Ok(SnmpMessage::new("1", community(rest)?)),
        1 => Ok(SnmpMessage::new("2c", community(rest)?)),
        3 => secured(rest),
        _ => Err(InvalidBer),
    }
}

fn community(bytes: &[u8]) -> Result<NamedOperation<'_>, InvalidBer> {
    let (_, rest) = ber::expect(bytes, OCTETS)?;
    operation(rest)
}

/// The operation of version 3: global data, security parameters, then the scoped message, in the
/// clear or encrypted.
fn secured(bytes: &[u8]) -> Result<SnmpMessage<'_>, InvalidBer> {
    let (global, rest) = ber::expect(bytes, SEQUENCE)?;
    let (_, more) = ber::expect(global, INTEGER)?;
    let (_, more) = ber::expect(more, INTEGER)?;
    let (flags, more) = ber::expect(more, OCTETS)?;
    let (_, end) = ber::expect(more, INTEGER)?;
    let (_, rest) = ber::expect(rest, OCTETS)?;
    let ([flags], []) = (flags, end) else { return Err(InvalidBer) };
    match ber::read(rest)? {
        Some((Tlv { tag: OCTETS, .. }, [])) => Ok(SnmpMessage {
            version: "3",
            operation: "encrypted",
            awaits_answer: flags & REPORTABLE != 0,
            sys_descr: None,
        }),
        Some((Tlv { tag: SEQUENCE, content }, [])) => {
            let (_, rest) = ber::expect(content, OCTETS)?;
            let (_, rest) = ber::expect(rest, OCTETS)?;
            Ok(SnmpMessage::new("3", operation(rest)?))
        }
        _ => Err(InvalidBer),
    }
}

fn operation(bytes: &[u8]) -> Result<NamedOperation<'_>, InvalidBer> {
    let Some((Tlv { tag, content }, [])) = ber::read(bytes)? else { return Err(InvalidBer) };
    let name = operation_name(tag).ok_or(InvalidBer)?;
    let mut rest = content;
    if tag == TRAP_V1 {
        // Enterprise, address, two kinds of trap, time.
        for tag in [0x06, 0x40, INTEGER, INTEGER, 0x43] {
            rest = ber::expect(rest, tag)?.1;
        }
    } else {
        for _ in 0..3 {
            rest = ber::expect(rest, INTEGER)?.1;
        }
    }
    let (bindings, end) = ber::expect(rest, SEQUENCE)?;
    let sys_descr = (tag == RESPONSE).then(|| sys_descr(bindings)).flatten();
    if end.is_empty() { Ok((name, sys_descr)) } else { Err(InvalidBer) }
}

/// The description of the system among the variable bindings of an answer.
fn sys_descr(mut bindings: &[u8]) -> Option<&[u8]> {
    for _ in 0..BINDINGS {
        let (binding, rest) = ber::expect(bindings, SEQUENCE).ok()?;
        let (object, value) = ber::expect(binding, OBJECT).ok()?;
        if object == SYS_DESCR {
            let (text, _) = ber::expect(value, OCTETS).ok()?;
            return (!text.is_empty()).then_some(text);
        }
        bindings = rest;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_calls_itself_what_it_answers_for_the_description_of_its_system() {
        let of_sample = DETECTOR.samples[0].responder[0];
        let described = |bytes: &[u8]| message(bytes).ok().unwrap().sys_descr.map(<[u8]>::to_vec);
        assert_eq!(described(of_sample), Some(b"buoy".to_vec()));
        // The name of the system is not its description.
        let mut name = of_sample.to_vec();
        name[36] = 5;
        assert_eq!(described(&name), None);
        // A request has no answer.
        assert_eq!(described(DETECTOR.samples[0].initiator[0]), None);
    }
}
