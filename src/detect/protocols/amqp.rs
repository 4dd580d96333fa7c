//! AMQP 0-8 to 0-9-1 and 1.0: <https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf>, sections
//! 2.3 and 4.2; <https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html>,
//! sections 2.2 and 2.3.
//!
//! The proof is the protocol header of eight bytes, or frames of 0-9-1: a type, a channel, a
//! length, an existing method and the end octet in its place. After a header of 1.0, frames are
//! read for the names of the two containers.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::framing::{Framed, read_messages};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const HEADER: usize = 8;
const FRAME_END: u8 = 0xce;
/// Bytes of a frame before its payload.
const FRAME_HEADER: usize = 7;
/// Methods that are stated of each side.
const STATED: usize = 8;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Amqp, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[1..=3, 8..=8, b'A'..=b'A']))
    .facts(&[
        "amqp.version", "amqp.product", "amqp.product-version", "amqp.name", "amqp.container",
        "amqp.host", "amqp.method",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"AMQP\0\0\x09\x01", b"\x01\0\0\0\0\0\x08\0\x0a\0\x28\x01/\0\0\xce"],
            responder: &[
                b"\x01\0\0\0\0\0\x4d\0\x0a\0\x0a\0\x09\0\0\0\x28\x07productS\0\0\0\x08RabbitMQ\x07versionS\0\0\0\x063.10.8\0\0\0\x0ePLAIN AMQPLAIN\0\0\0\x05en_US\xce",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"AMQP\0\x01\0\0", b"\0\0\0\x18\x02\0\0\0\0\x53\x10\xc0\x0b\x02\xa1\x02me\xa1\x04host"],
            responder: &[b"AMQP\0\x01\0\0", b"\0\0\0\x15\x02\0\0\0\0\x53\x10\xc0\x08\x01\xa1\x05other"],
        },
        Sample { transport: Transport::Tcp, initiator: &[b"AMQP\x03\x01\0\0"], responder: &[b"AMQP\x03\x01\0\0"] },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Amqp, opening, depth, |statement| match statement.stream.head().first() {
        Some(b'A') => {
            let other = opening.side(statement.direction.opposite());
            headers(statement, other.head().starts_with(b"AMQP"))
        }
        Some(1..=3 | 8) => frames(statement, 0),
        _ => Side::Other,
    })
}

/// Reads a protocol header and the frames after it. `both`: the other side begins with a header too.
fn headers(statement: &mut Statement<'_>, both: bool) -> Side {
    let bytes = statement.stream.head();
    let Some((&[a, b, c, d, id, major, minor, revision], rest)) =
        bytes.split_first_chunk::<HEADER>()
    else {
        return if bytes.starts_with(b"AMQP") || b"AMQP".starts_with(bytes) {
            Side::Perhaps
        } else {
            Side::Other
        };
    };
    let version = match [id, major, minor, revision] {
        _ if [a, b, c, d] != *b"AMQP" => return Side::Other,
        [0, 0, 9, 1] => "0-9-1",
        [1, 1, 0, 9] | [1, 1, 9, 1] => "0-9",
        [1, 1, 8, 0] => "0-8",
        [1, 1, 0, 10] => "0-10",
        [0, 1, 0, 0] => "1.0",
        [2, 1, 0, 0] => "1.0 TLS",
        [3, 1, 0, 0] => "1.0 SASL",
        _ => return Side::Other,
    };
    statement.fact("amqp.version", version.as_bytes(), 4);
    // A server sends its header only to refuse the client's, or in 1.0, where both do.
    if !both && !version.starts_with("1.0") {
        statement.role(Role::Client);
    }
    match version {
        "0-9-1" | "0-9" | "0-8" if !rest.is_empty() => drop(frames(statement, HEADER)),
        "1.0" | "1.0 SASL" => containers(statement, HEADER),
        _ => {}
    }
    Side::Matches
}

/// Reads frames of 0-9-1 from the offset `from` on.
fn frames(statement: &mut Statement<'_>, from: usize) -> Side {
    let bytes = statement.stream.head().get(from..).unwrap_or_default();
    let mut stated: Vec<&str> = Vec::new();
    let mut certain = false;
    let messages = read_messages(bytes, |rest, at| {
        let kind = rest.first().copied().unwrap_or_default();
        if !matches!(kind, 1..=3 | 8) || rest.get(3).is_some_and(|&high| high != 0) {
            return Framed::Foreign;
        }
        let Some(len) =
            rest.get(3..).and_then(|b| b.first_chunk()).map(|b| u32::from_be_bytes(*b) as usize)
        else {
            return Framed::Cut;
        };
        let payload = rest.get(FRAME_HEADER..).unwrap_or_default();
        if rest.get(FRAME_HEADER + len).is_some_and(|&end| end != FRAME_END)
            || kind == 8 && len != 0
        {
            return Framed::Foreign;
        }
        let whole = payload.len() > len;
        let word = |at: usize| {
            payload.get(at..).and_then(|b| b.first_chunk()).map(|b| u16::from_be_bytes(*b))
        };
        let name = match (kind, word(0), word(2)) {
            (8, ..) => Some("Heartbeat"),
            (1, Some(class), Some(number)) => {
                let Some(name) = method(class, number).filter(|_| len >= 4) else {
                    return Framed::Foreign;
                };
                Some(name)
            }
            _ => None,
        };
        if let Some(name) = name.filter(|_| whole) {
            certain = true;
            if let Some(role) =
                word(0).zip(word(2)).and_then(|(class, number)| sender(class, number))
            {
                statement.role(role);
            }
            if let (1, Some(10), Some(number @ (10 | 11)), Some(arguments)) =
                (kind, word(0), word(2), payload.get(4..len))
            {
                let skipped = if number == 10 { 2 } else { 0 };
                properties(statement, arguments.get(skipped..).unwrap_or_default());
            }
            if stated.len() < STATED && !stated.contains(&name) {
                stated.push(name);
                statement.fact("amqp.method", name.as_bytes(), from + at + FRAME_HEADER);
            }
        }
        if whole { Framed::Whole(FRAME_HEADER + len + 1) } else { Framed::Cut }
    });
    match (certain, messages.foreign) {
        (true, false) => Side::Matches,
        (false, false) => Side::Perhaps,
        (_, true) => Side::Other,
    }
}

/// The name of a method; `None` where the method does not exist.
fn method(class: u16, number: u16) -> Option<&'static str> {
    Some(match (class, number) {
        (10, 10) => "Connection.Start",
        (10, 11) => "Connection.StartOk",
        (10, 20) => "Connection.Secure",
        (10, 21) => "Connection.SecureOk",
        (10, 30) => "Connection.Tune",
        (10, 31) => "Connection.TuneOk",
        (10, 40) => "Connection.Open",
        (10, 41) => "Connection.OpenOk",
        (10, 50 | 60) => "Connection.Close",
        (10, 51 | 61) => "Connection.CloseOk",
        (20, 10) => "Channel.Open",
        (20, 11) => "Channel.OpenOk",
        (20, 20 | 21) => "Channel.Flow",
        (20, 40) => "Channel.Close",
        (20, 41) => "Channel.CloseOk",
        (40, 10) => "Exchange.Declare",
        (40, 11) => "Exchange.DeclareOk",
        (40, 20..=51) => "Exchange.Other",
        (50, 10) => "Queue.Declare",
        (50, 11) => "Queue.DeclareOk",
        (50, 20) => "Queue.Bind",
        (50, 21) => "Queue.BindOk",
        (50, 30..=51) => "Queue.Other",
        (60, 10 | 11) => "Basic.Qos",
        (60, 20) => "Basic.Consume",
        (60, 21) => "Basic.ConsumeOk",
        (60, 30 | 31) => "Basic.Cancel",
        (60, 40) => "Basic.Publish",
        (60, 50) => "Basic.Return",
        (60, 60) => "Basic.Deliver",
        (60, 70..=72) => "Basic.Get",
        (60, 80) => "Basic.Ack",
        (60, 90..=120) => "Basic.Reject",
        (85, 10 | 11) => "Confirm.Select",
        (90, 10..=31) => "Tx",
        _ => return None,
    })
}

/// The side that sends a method; `None` where either does.
fn sender(class: u16, number: u16) -> Option<Role> {
    let (server, client): (&[u16], &[u16]) = match class {
        10 => (&[10, 20, 30, 41], &[11, 21, 31, 40]),
        20 | 85 => (&[11], &[10]),
        40 | 50 => (&[11, 21, 31, 41, 51], &[10, 20, 30, 40, 50]),
        60 => (&[11, 21, 50, 60, 71, 72, 111], &[10, 20, 40, 70, 90, 100, 110]),
        90 => (&[11, 21, 31], &[10, 20, 30]),
        _ => return None,
    };
    if server.contains(&number) {
        Some(Role::Server)
    } else {
        client.contains(&number).then_some(Role::Client)
    }
}

/// States the properties that name the product.
fn properties(statement: &mut Statement<'_>, table: &[u8]) {
    let Some((len, rest)) = table.split_first_chunk::<4>() else { return };
    let mut rest = rest.get(..u32::from_be_bytes(*len) as usize).unwrap_or(rest);
    while let Some(field) = TableField::read(rest) {
        rest = field.rest;
        let value = field.value;
        let fact = match (field.name, field.kind) {
            (b"product", b'S') => "amqp.product",
            (b"version", b'S') => "amqp.product-version",
            (b"connection_name", b'S') => "amqp.name",
            _ => continue,
        };
        let offset = value.as_ptr().addr().wrapping_sub(statement.stream.head().as_ptr().addr());
        statement.fact(fact, value, offset);
    }
}

/// The first field of a table.
struct TableField<'a> {
    name: &'a [u8],
    kind: u8,
    value: &'a [u8],
    rest: &'a [u8],
}

impl<'a> TableField<'a> {
    fn read(table: &'a [u8]) -> Option<Self> {
        let (&len, rest) = table.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(len))?;
        let (&kind, mut rest) = rest.split_first()?;
        let size = match kind {
            b't' | b'b' | b'B' => 1,
            b's' | b'u' | b'U' => 2,
            b'I' | b'i' | b'f' => 4,
            b'D' => 5,
            b'L' | b'l' | b'd' | b'T' => 8,
            b'V' => 0,
            b'S' | b'F' | b'A' | b'x' => {
                let (len, after) = rest.split_first_chunk::<4>()?;
                rest = after;
                u32::from_be_bytes(*len) as usize
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(size)?;
        Some(Self { name, kind, value, rest })
    }
}

/// Reads frames of 1.0 and the headers between them: an `open` names the container and the host.
fn containers(statement: &mut Statement<'_>, from: usize) {
    let bytes = statement.stream.head().get(from..).unwrap_or_default();
    read_messages(bytes, |rest, at| {
        if rest.starts_with(b"AMQP") {
            return Framed::Whole(HEADER);
        }
        let Some((len, body)) = rest.split_first_chunk::<4>() else { return Framed::Cut };
        let len = u32::from_be_bytes(*len) as usize;
        if !(HEADER..1 << 24).contains(&len) || body.first().is_some_and(|&offset| offset != 2) {
            return Framed::Foreign;
        }
        // The exchange of SASL (section 5.3.3): mechanisms, init, challenge, response, outcome.
        match body.get(1..) {
            Some([1, _, _, 0, 0x53, 0x40 | 0x42 | 0x44, ..]) => statement.role(Role::Server),
            Some([1, _, _, 0, 0x53, 0x41 | 0x43, ..]) => statement.role(Role::Client),
            _ => {}
        }
        // A described list: the descriptor of `open`, then a short or a long list of values.
        let values = match body.get(4..) {
            Some([0, 0x53, 0x10, 0xc0, values @ ..]) => values.get(2..),
            Some([0, 0x53, 0x10, 0xd0, values @ ..]) => values.get(8..),
            _ => None,
        };
        let base = rest.as_ptr().addr();
        if let Some((container, after)) = values.and_then(short_text) {
            statement.fact(
                "amqp.container",
                container,
                from + at + container.as_ptr().addr().wrapping_sub(base),
            );
            if let Some((host, _)) = short_text(after) {
                statement.fact(
                    "amqp.host",
                    host,
                    from + at + host.as_ptr().addr().wrapping_sub(base),
                );
            }
        }
        Framed::Whole(len)
    });
}

/// A text of 1.0 after its length of one byte, and the bytes after it.
fn short_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&len, rest) = bytes.strip_prefix(&[0xa1])?.split_first()?;
    rest.split_at_checked(usize::from(len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Recognition;

    #[test]
    fn a_frame_without_its_end_octet_or_with_an_unknown_method_is_refused() {
        let server_says = |bytes: &[u8]| {
            inspect(&Opening::from_payloads(Transport::Tcp, &[], &[bytes]), Depth::Facts)
        };
        assert!(matches!(server_says(b"\x01\0\0\0\0\0\x04\0\x0a\0\x33\xce"), Detection::Yes(..)));
        assert_eq!(server_says(b"\x01\0\0\0\0\0\x04\0\x0a\0\x33\xcf"), Detection::No);
        assert_eq!(server_says(b"\x01\0\0\0\0\0\x04\0\x0b\0\x33\xce"), Detection::No);
    }

    #[test]
    fn an_unknown_version_is_refused() {
        assert_eq!(
            inspect(
                &Opening::from_payloads(Transport::Tcp, &[b"AMQP\0\x09\x09\x09"], &[]),
                Depth::Facts
            ),
            Detection::No
        );
    }

    #[test]
    fn the_servers_product_is_stated() {
        let Detection::Yes(Recognition { facts, .. }) =
            inspect(&DETECTOR.samples[0].opening(), Depth::Facts)
        else {
            panic!("not recognised")
        };
        let stated =
            |name| facts.iter().find(|fact| fact.name.stem == name).map(|fact| fact.value.as_str());
        assert_eq!(
            (stated("amqp.product"), stated("amqp.product-version")),
            (Some("RabbitMQ"), Some("3.10.8"))
        );
    }
}
