//! DCE/RPC, over connections and over datagrams: The Open Group, DCE 1.1: Remote Procedure Call
//! (C706), chapter 12, with Microsoft's extensions (MS-RPCE, section 2.2.2).
//!
//! A message over a connection begins with version 5, its type, its flags and how numbers are
//! written, and states its length; each that follows must do the same. A datagram has version 4 and
//! says how much body follows its 80 bytes of header. Requests are wrapped by log-ins and
//! encryption, the headers are not.

mod datagram;
mod interface;

use self::interface::{interface_name, syntax};
use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const VERSION: u8 = 5;
/// Bytes of the header that all messages over a connection have.
const HEADER: usize = 16;
/// Messages of each side that are read at most.
const MESSAGES: usize = 8;
/// The flag that nobody has given a meaning.
const RESERVED: u8 = 0x08;
/// The first fragment of a message; the object's identifier follows the header of a request.
const FIRST: u8 = 0x01;
/// Bytes of a context with one transfer syntax, and where the first begins in a bind.
const CONTEXT: usize = 44;
const CONTEXTS_AT: usize = 28;
/// Contexts that are stated at most.
const CONTEXTS: usize = 4;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Dcerpc, inspect)
    .tcp()
    .udp()
    // Over TCP: version 5.0 or 5.1, a type, flags, the order of a number's bytes.
    .prefilter(
        Prefilter::ANY
            .tcp_first_byte(&[VERSION..=VERSION])
            .then(&[0..=1])
            .then(&[0..=0, 2..=3, 11..=19])
            .skip(1)
            .then(&[0..=0, 0x10..=0x10])
            .udp_first_byte(&[datagram::VERSION..=datagram::VERSION])
            .udp_then(&[0..=10])
            .udp_skip(1)
            .udp_then(&[0..=0, 2..=2])
            .udp_skip(1)
            .udp_then(&[0..=3])
            .udp_then(&[0..=0])
            .udp_at_least(64),
    )
    .facts(&[
        "dcerpc.type",
        "dcerpc.interface",
        "dcerpc.interface-name",
        "dcerpc.operation",
        "dcerpc.secondary-address",
        "dcerpc.fault",
        "dcerpc.refusal",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x05\0\x0b\x03\x10\0\0\0\x48\0\0\0\x01\0\0\0\xd0\x16\xd0\x16\0\0\0\0\x01\0\0\0\0\0\x01\0\x08\x83\xaf\xe1\x1f\x5d\xc9\x11\x91\xa4\x08\0\x2b\x14\xa0\xfa\x03\0\0\0\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\0\x2b\x10\x48\x60\x02\0\0\0",
                b"\x05\0\0\x03\x10\0\0\0\x1c\0\0\0\x02\0\0\0\x04\0\0\0\0\0\x02\0\0\0\0\0",
            ],
            responder: &[
                b"\x05\0\x0c\x03\x10\0\0\0\x3c\0\0\0\x01\0\0\0\xd0\x16\xd0\x16\x4a\x1b\0\0\x04\x00135\0\0\0\x01\0\0\0\0\0\0\0\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\0\x2b\x10\x48\x60\x02\0\0\0",
                b"\x05\0\x03\x23\x10\0\0\0\x20\0\0\0\x02\0\0\0\x20\0\0\0\0\0\0\0\x02\0\x01\x1c\0\0\0\0",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[],
            responder: &[b"\x05\0\x0d\x03\0\0\0\0\0\x18\0\0\0\0\0\x07\0\x04\x01\x05\0\0\0\0"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x04\0\x28\0\x10\0\0\0\0\0\xa0\xde\x97\x6c\xd1\x11\x82\x71\0\x01\x03\x4a\x01\x2a\x01\0\xa0\xde\x97\x6c\xd1\x11\x82\x71\0\xa0\x24\x42\xdf\x7d\x8e\x21\x6e\x07\x11\x52\x4d\x40\xb1\x1b\x3c\x5a\x6e\x0d\x21\x90\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\x04\0\0\0\0\0\x01\x02\x03\x04"],
            responder: &[b"\x04\x06\x08\0\x10\0\0\0\0\0\xa0\xde\x97\x6c\xd1\x11\x82\x71\0\x01\x03\x4a\x01\x2a\x01\0\xa0\xde\x97\x6c\xd1\x11\x82\x71\0\xa0\x24\x42\xdf\x7d\x8e\x21\x6e\x07\x11\x52\x4d\x40\xb1\x1b\x3c\x5a\x6e\x0d\x21\x90\x5a\x5a\0\0\x01\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\x04\0\0\0\0\0\x02\0\x01\x1c"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Dcerpc, opening, depth, |statement| match opening.transport() {
        Transport::Tcp => stream(statement),
        Transport::Udp => by_datagram(statement, datagram::read),
    })
}

/// The order of the bytes of numbers, which each message states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DataRepresentation {
    Big,
    Little,
}

impl DataRepresentation {
    /// The order by the first byte of a data representation, whose texts are ASCII.
    const fn read(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Big),
            0x10 => Some(Self::Little),
            _ => None,
        }
    }

    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let two = *bytes.get(at..)?.first_chunk()?;
        Some(if self == Self::Big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let four = *bytes.get(at..)?.first_chunk()?;
        Some(if self == Self::Big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    }
}

/// A type of message over a connection: its name, who sends it, its bytes at least.
const fn message_type(code: u8) -> Option<(&'static str, Role, usize)> {
    Some(match code {
        0 => ("request", Role::Client, 24),
        2 => ("response", Role::Server, 24),
        3 => ("fault", Role::Server, 32),
        11 => ("bind", Role::Client, CONTEXTS_AT + CONTEXT),
        12 => ("bind ack", Role::Server, 26),
        13 => ("bind nak", Role::Server, 18),
        14 => ("alter context", Role::Client, CONTEXTS_AT + CONTEXT),
        15 => ("alter context response", Role::Server, 26),
        16 => ("auth3", Role::Client, 20),
        17 => ("shutdown", Role::Server, HEADER),
        18 => ("cancel", Role::Client, HEADER),
        19 => ("orphaned", Role::Client, HEADER),
        _ => return None,
    })
}

/// Whether `bytes`, fewer than a header has, may begin a message.
fn may_begin(bytes: &[u8]) -> bool {
    bytes.iter().take(8).enumerate().all(|(i, &byte)| match i {
        0 => byte == VERSION,
        1 => byte <= 1,
        2 => message_type(byte).is_some(),
        3 => byte & RESERVED == 0,
        4 => DataRepresentation::read(byte).is_some(),
        5 => byte <= 3,
        _ => byte == 0,
    })
}

fn stream(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let mut at = 0;
    let mut stated = Stated::default();
    for message in 0..MESSAGES {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(len) = read(statement, rest, at, &mut stated) else { return Side::Other };
        if len == 0 {
            return if message == 0 { Side::Perhaps } else { Side::Matches };
        }
        at += len;
    }
    Side::Matches
}

/// What of a side has been stated.
#[derive(Default)]
struct Stated {
    operation: bool,
    fault: bool,
}

/// Reads the header of a message and states what its body says. The length of the message; 0 where
/// the header is not there, `None` where it is none.
fn read(
    statement: &mut Statement<'_>,
    bytes: &[u8],
    at: usize,
    stated: &mut Stated,
) -> Option<usize> {
    if !may_begin(bytes) {
        return None;
    }
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Some(0) };
    let (name, role, least) = message_type(header[2])?;
    let order = DataRepresentation::read(header[4])?;
    let len = usize::from(order.u16(header, 8)?);
    let auth = usize::from(order.u16(header, 10)?);
    // The log-in's data stands at the end, behind eight bytes of its own.
    if len < least || auth > 0 && len < least + auth {
        return None;
    }
    statement.role(role);
    if at == 0 {
        statement.fact("dcerpc.type", name.as_bytes(), at);
    }
    if statement.wants_facts() {
        let body = bytes.get(..len).unwrap_or(bytes);
        match header[2] {
            11 | 14 => state_contexts(statement, body, at, order),
            12 | 15 => state_results(statement, body, at, order),
            13 => {
                let reason = order.u16(body, HEADER);
                reason.into_iter().for_each(|reason| state_refusal(statement, reason, at + HEADER));
            }
            0 if header[3] & FIRST != 0 && !stated.operation => {
                stated.operation = true;
                if let Some(number) = order.u16(body, 22) {
                    statement.fact_text("dcerpc.operation", number.to_string(), at + 22);
                }
            }
            3 if !stated.fault => {
                stated.fault = true;
                if let Some(status) = order.u32(body, 24) {
                    statement.fact_text("dcerpc.fault", fault_name(status), at + 24);
                }
            }
            _ => {}
        }
    }
    Some(len)
}

/// States the interfaces that a bind asks for.
fn state_contexts(
    statement: &mut Statement<'_>,
    body: &[u8],
    at: usize,
    order: DataRepresentation,
) {
    let count = body.get(24).map_or(0, |&count| usize::from(count).min(CONTEXTS));
    let mut place = CONTEXTS_AT;
    for _ in 0..count {
        let (Some(&transfers), Some(wanted)) = (body.get(place + 2), body.get(place + 4..)) else {
            return;
        };
        state_interface(statement, wanted, at + place + 4, order);
        place += 24 + 20 * usize::from(transfers);
    }
}

/// States the interface whose identifier and version begin `bytes`.
fn state_interface(
    statement: &mut Statement<'_>,
    bytes: &[u8],
    at: usize,
    order: DataRepresentation,
) {
    let Some(text) = syntax(bytes, order) else { return };
    let name = interface_name(&text);
    statement.fact_text("dcerpc.interface", text, at);
    if let Some(name) = name {
        statement.fact("dcerpc.interface-name", name.as_bytes(), at);
    }
}

/// States the server's second address, and why it refuses a context.
fn state_results(statement: &mut Statement<'_>, body: &[u8], at: usize, order: DataRepresentation) {
    let Some(len) = order.u16(body, 24).map(usize::from) else { return };
    let Some(address) = body.get(26..26 + len) else { return };
    if let [address @ .., 0] = address
        && !address.is_empty()
    {
        statement.fact("dcerpc.secondary-address", address, at + 26);
    }
    // The results are aligned to four bytes.
    let place = (26 + len).next_multiple_of(4);
    let result = |of: usize| order.u16(body, of);
    for of in (0..CONTEXTS).map(|n| place + 4 + 24 * n).take_while(|&of| of + 4 <= body.len()) {
        if body.get(place).is_none_or(|&count| usize::from(count) * 24 <= of - place - 4) {
            return;
        }
        // Refused by the provider, for a reason; a negotiation of features is no refusal.
        if let (Some(2), Some(reason)) = (result(of), result(of + 2)) {
            let text: &[u8] = match reason {
                1 => b"interface not supported",
                2 => b"transfer syntax not supported",
                3 => b"local limit exceeded",
                _ => b"no reason",
            };
            statement.fact("dcerpc.refusal", text, at + of);
        }
    }
}

/// States why a bind is refused as a whole (C706, `p_reject_reason_t`; MS-RPCE, section 2.2.2.5).
fn state_refusal(statement: &mut Statement<'_>, reason: u16, at: usize) {
    let text = match reason {
        0 => "no reason",
        1 => "temporary congestion",
        2 => "local limit exceeded",
        4 => "protocol version not supported",
        8 => "authentication type not recognised",
        9 => "invalid checksum",
        other => return statement.fact_text("dcerpc.refusal", other.to_string(), at),
    };
    statement.fact("dcerpc.refusal", text.as_bytes(), at);
}

/// A status of a fault, with its name (C706, appendix E; MS-ERREF, section 2.2).
fn fault_name(status: u32) -> String {
    let name = match status {
        0x0000_0005 => "access denied",
        0x0000_06f7 => "bad stub data",
        0x1c01_0002 => "operation out of range",
        0x1c01_0003 => "unknown interface",
        0x1c01_0006 => "wrong boot time",
        0x1c01_000b => "protocol error",
        0x1c01_0014 => "server too busy",
        0x1c00_001a => "context mismatch",
        _ => return format!("{status:#010x}"),
    };
    format!("{status:#010x} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIND: &[u8] = DETECTOR.samples[0].initiator[0];

    fn detect(stream: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, &[stream], &[]), Depth::Facts)
    }

    fn facts(stream: &[u8]) -> Vec<(String, String)> {
        let Detection::Yes(found) = detect(stream) else { panic!("{:?}", detect(stream)) };
        found.facts.into_iter().map(|fact| (fact.name.to_string(), fact.value)).collect()
    }

    #[test]
    fn a_bind_states_the_interface_in_either_order_of_bytes() {
        let of = |name: &str, stream| {
            facts(stream).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
        };
        let interface = "e1af8308-5d1f-11c9-91a4-08002b14a0fa v3.0";
        assert_eq!(of("dcerpc.interface", BIND).unwrap(), interface);
        assert_eq!(of("dcerpc.interface-name", BIND).unwrap(), "epmapper");
        let big: &[u8] = b"\x05\0\x0b\x03\0\0\0\0\0\x48\0\0\0\0\0\x01\x16\xd0\x16\xd0\0\0\0\0\x01\0\0\0\0\0\x01\0\xe1\xaf\x83\x08\x5d\x1f\x11\xc9\x91\xa4\x08\0\x2b\x14\xa0\xfa\0\0\0\x03\x8a\x88\x5d\x04\x1c\xeb\x11\xc9\x9f\xe8\x08\0\x2b\x10\x48\x60\0\0\0\x02";
        assert_eq!(of("dcerpc.interface", big).unwrap(), interface);
    }

    #[test]
    fn what_refuses_is_stated() {
        let server = |bytes| {
            let Detection::Yes(found) =
                inspect(&Opening::from_payloads(Transport::Tcp, &[], &[bytes]), Depth::Facts)
            else {
                panic!()
            };
            found.facts.last().map(|fact| format!("{} {}", fact.name, fact.value)).unwrap()
        };
        let refused = DETECTOR.samples[1].responder[0];
        assert_eq!(server(refused), "dcerpc.refusal protocol version not supported");
        let mut provider = DETECTOR.samples[0].responder[0].to_vec();
        (provider[36], provider[38]) = (2, 1);
        assert_eq!(server(&provider), "dcerpc.refusal interface not supported");
        let fault = DETECTOR.samples[0].responder[1];
        assert_eq!(server(fault), "dcerpc.fault 0x1c010002 operation out of range");
    }

    #[test]
    fn one_wrong_byte_of_a_header_is_not_dcerpc() {
        // Version, type, flags, order of bytes, floating point, padding, length.
        for (at, value) in [(0, 6), (1, 2), (2, 1), (3, 8), (4, 1), (5, 4), (6, 1), (7, 9), (8, 71)]
        {
            let mut changed = BIND.to_vec();
            changed[at] = value;
            assert_eq!(detect(&changed), Detection::No, "{at}");
        }
        // The second message.
        assert_eq!(detect(&[BIND, b"GET / HTTP/1.1\r\n\r\n"].concat()), Detection::No);
        assert!(matches!(detect(&[BIND, &BIND[..3]].concat()), Detection::Yes(_)));
    }
}
