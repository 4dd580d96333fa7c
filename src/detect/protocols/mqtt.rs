//! MQTT 3.1, 3.1.1 and 5: <https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html>,
//! sections 2.1, 3.1 and 3.2.
//!
//! The proof is a CONNECT packet, whose protocol name, level, flags and fields must fit its length
//! exactly. The answer must be a CONNACK, which is four bytes and proves nothing alone. In the
//! middle of a conversation two whole packets are required, one of them with a topic.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::framing::{Framed, read_messages};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Direction, FailureScope, Protocol, Role};
use crate::flow::Opening;

/// Bytes of a CONNECT packet that are awaited at most.
const LONGEST: usize = 4096;
/// Topics of each side that are stated at most.
const STATED: usize = 8;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Mqtt, inspect)
    .tcp()
    .prefilter(
        Prefilter::first_byte(&[0x10..=0x10, 0x20..=0x20, 0xe0..=0xe0, 0xf0..=0xf0]).mid_stream(),
    )
    .facts(&["mqtt.version", "mqtt.client", "mqtt.result", "mqtt.topic"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x10\x12\0\x04MQTT\x04\x02\0\x3c\0\x06sensor",
                b"\x32\x09\0\x03a/b\0\x01hi\xe0\0",
            ],
            responder: &[b"\x20\x02\0\0", b"\x40\x02\0\x01"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x10\x1c\0\x04MQTT\x05\xc2\0\x3c\x05\x11\0\0\0\x0a\0\0\0\x03ann\0\x03xyz",
                b"\x82\x09\0\x01\0\0\x03a/#\0",
            ],
            responder: &[b"\x20\x06\0\0\x03\x21\0\x14", b"\x90\x04\0\x01\0\0"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x10\x14\0\x06MQIsdp\x03\x02\0\x05\0\x06paho/3"],
            responder: &[b"\x20\x02\0\x05"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Mqtt, opening, depth, packets)
}

/// An MQTT control packet.
struct ControlPacket<'a> {
    kind: u8,
    flags: u8,
    body: &'a [u8],
    cut: bool,
    header: usize,
    len: usize,
}

impl<'a> ControlPacket<'a> {
    /// The packet at the beginning of `bytes`; `None` where more bytes are needed, `Err` where no
    /// packet begins so.
    fn read(bytes: &'a [u8]) -> Result<Option<Self>, ()> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let (kind, flags) = (first >> 4, first & 15);
        let allowed = match kind {
            3 => flags & 0b0110 != 0b0110 && (flags & 0b1000 == 0 || flags & 0b0110 != 0),
            6 | 8 | 10 => flags == 2,
            1..=15 => flags == 0,
            _ => false,
        };
        if !allowed {
            return Err(());
        }
        let Some((remaining, digits)) = variable(bytes.get(1..).unwrap_or_default())? else {
            return Ok(None);
        };
        let header = 1 + digits;
        let rest = bytes.get(header..).unwrap_or_default();
        let body = rest.get(..remaining);
        Ok(Some(Self {
            kind,
            flags,
            cut: body.is_none(),
            body: body.unwrap_or(rest),
            header,
            len: header + remaining,
        }))
    }
}

/// A variable byte integer of up to four bytes, and its length in bytes.
fn variable(bytes: &[u8]) -> Result<Option<(usize, usize)>, ()> {
    let mut value = 0;
    for (at, &byte) in bytes.iter().enumerate().take(4) {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            // Only the shortest encoding is valid.
            return if at > 0 && byte == 0 { Err(()) } else { Ok(Some((value, at + 1))) };
        }
    }
    if bytes.len() < 4 { Ok(None) } else { Err(()) }
}

/// A text after its length of two bytes, and the bytes after it.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

fn packets(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let from_start = statement.stream.from_start();
    let client = statement.direction == Direction::Initiator;
    let (mut connected, mut greeted, mut topics) = (false, false, Vec::new());
    let mut version = 0;
    let messages = read_messages(bytes, |rest, at| {
        let Ok(packet) = ControlPacket::read(rest) else { return Framed::Foreign };
        let first = match rest.first() {
            // The first packet of a client is CONNECT, that of a server its answer.
            Some(byte) if at == 0 && from_start => {
                byte >> 4 == 1 && client || matches!(byte >> 4, 2 | 14 | 15) && !client
            }
            Some(byte) => at == 0 || byte >> 4 != 1,
            None => false,
        };
        if !first {
            return Framed::Foreign;
        }
        let Some(packet) = packet else { return Framed::Cut };
        let sound = match packet.kind {
            1 => connect(statement, &packet, &mut version),
            2 => connack(statement, &packet, at, greeted),
            3 | 8 => topic(statement, &packet, at, version, &mut topics),
            4..=7 | 11 => (2..512).contains(&(packet.len - packet.header)),
            9 | 10 => (3..4096).contains(&(packet.len - packet.header)),
            12 | 13 => packet.len == 2,
            14 | 15 => packet.len < 512,
            _ => false,
        };
        if !sound {
            return Framed::Foreign;
        }
        match packet.kind {
            1 | 8 | 10 | 12 => statement.role(Role::Client),
            2 | 9 | 11 | 13 => statement.role(Role::Server),
            // Either side publishes and disconnects.
            _ => {}
        }
        connected |= packet.kind == 1 && !packet.cut;
        greeted |= packet.kind == 2;
        if packet.cut { Framed::Cut } else { Framed::Whole(packet.len) }
    });
    // Later packets do not undo the proof of a CONNECT.
    let proved = connected
        || !messages.foreign
            && !topics.is_empty()
            && messages.whole >= 2
            && (!from_start || greeted);
    match (proved, messages.foreign) {
        (true, _) => Side::Matches,
        (false, true) => Side::Other,
        (false, false) => Side::Perhaps,
    }
}

fn connect(statement: &mut Statement<'_>, packet: &ControlPacket<'_>, version: &mut u8) -> bool {
    let names: [&[u8]; 2] = [b"\0\x04MQTT", b"\0\x06MQIsdp"];
    let known =
        |name: &&[u8]| packet.body.starts_with(name) || packet.cut && name.starts_with(packet.body);
    let Some(name) = names.into_iter().find(known) else { return false };
    if packet.cut {
        return packet.len <= LONGEST;
    }
    let Some((&[level, flags, _, _], rest)) =
        packet.body.get(name.len()..).and_then(<[u8]>::split_first_chunk)
    else {
        return false;
    };
    // Bridges set the highest bit.
    let word: &[u8] = match (level & 0x7f, name.len()) {
        (3, 8) => b"3.1",
        (4, 6) => b"3.1.1",
        (5, 6) => b"5",
        _ => return false,
    };
    *version = level & 0x7f;
    let read = || {
        let mut rest = rest;
        if *version == 5 {
            rest = properties(rest)?;
        }
        let (client, mut rest) = text(rest)?;
        if flags & 0b100 != 0 {
            if *version == 5 {
                rest = properties(rest)?;
            }
            rest = text(text(rest)?.1)?.1;
        }
        for flag in [0x80, 0x40] {
            if flags & flag != 0 {
                rest = text(rest)?.1;
            }
        }
        rest.is_empty().then_some(client)
    };
    let Some(client) = read().filter(|_| flags & 1 == 0) else { return false };
    let offset = client.as_ptr().addr().wrapping_sub(statement.stream.head().as_ptr().addr());
    statement.fact("mqtt.version", word, packet.header + name.len());
    if !client.is_empty() {
        statement.fact("mqtt.client", client, offset);
    }
    true
}

/// The bytes after the properties.
fn properties(bytes: &[u8]) -> Option<&[u8]> {
    let (len, digits) = variable(bytes).ok()??;
    bytes.get(digits + len..)
}

/// Checks and states the answer to a CONNECT: a return code (3.1.1, section 3.2.2.3) or a reason
/// (5.0, section 3.2.2.2). A `repeated` one states nothing.
fn connack(
    statement: &mut Statement<'_>,
    packet: &ControlPacket<'_>,
    at: usize,
    repeated: bool,
) -> bool {
    let &[flags, code, ..] = packet.body else {
        return packet.cut && packet.len < 512 && packet.body.iter().all(|&b| b < 2);
    };
    let old = packet.len == 4;
    if flags > 1 || (if old { code > 5 } else { code != 0 && code < 0x80 || packet.len > 512 }) {
        return false;
    }
    let fits = old
        || packet.cut
        || properties(packet.body.get(2..).unwrap_or_default()).is_some_and(<[u8]>::is_empty);
    let result = match code {
        0 => "accepted",
        1 | 0x84 => "refused: protocol version",
        2 | 0x85 => "refused: client identifier",
        3 | 0x88 => "refused: server unavailable",
        4 | 0x86 => "refused: bad user name or password",
        5 | 0x87 => "refused: not authorized",
        0x80 => "refused: unspecified error",
        0x81 => "refused: malformed packet",
        0x82 => "refused: protocol error",
        0x83 => "refused: implementation specific error",
        0x89 => "refused: server busy",
        0x8a => "refused: banned",
        0x8c => "refused: bad authentication method",
        0x95 => "refused: packet too large",
        0x97 => "refused: quota exceeded",
        0x9c => "refused: use another server",
        0x9d => "refused: server moved",
        0x9f => "refused: connection rate exceeded",
        _ => "refused",
    };
    if fits && !repeated {
        if code == 0 {
            statement.answers.succeeded();
        } else {
            let scope = match code {
                // A name or a password may be mistyped.
                2 | 4 | 0x85 | 0x86 => FailureScope::Request,
                _ => FailureScope::Service,
            };
            statement.failed_in_scope(&format!("MQTT {result}"), scope, at);
        }
        statement.fact("mqtt.result", result.as_bytes(), at + packet.header);
    }
    fits
}

/// Checks and states a topic. PUBLISH begins with its topic, SUBSCRIBE with a number, properties in
/// version 5, and then the first filter.
fn topic<'a>(
    statement: &mut Statement<'_>,
    packet: &ControlPacket<'a>,
    at: usize,
    version: u8,
    topics: &mut Vec<&'a [u8]>,
) -> bool {
    let mut body = packet.body;
    if packet.kind == 8 {
        let Some(rest) = body.get(2..) else { return packet.cut };
        body = rest;
        // Where the version is unknown, an empty list of properties could be the first half of a
        // long text's length.
        if version == 5 {
            let Some(rest) = properties(body) else { return packet.cut };
            body = rest;
        }
    }
    let Some((name, rest)) = text(body) else {
        let len = body.first_chunk().map_or(0, |b| usize::from(u16::from_be_bytes(*b)));
        return packet.cut && len < 1024;
    };
    let needed = if packet.kind == 8 || packet.flags & 0b0110 != 0 {
        1 + usize::from(packet.kind == 3)
    } else {
        0
    };
    let printable = std::str::from_utf8(name).is_ok_and(|name| !name.chars().any(char::is_control));
    if !printable || name.is_empty() && version != 5 || rest.len() < needed && !packet.cut {
        return false;
    }
    // Short names may be a coincidence in the middle of a conversation.
    if name.len() >= 3 && topics.len() < STATED && !topics.contains(&name) {
        topics.push(name);
        let offset =
            packet.header + (name.as_ptr().addr().wrapping_sub(packet.body.as_ptr().addr()));
        statement.fact("mqtt.topic", name, at + offset);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Recognition;

    fn on_tcp(initiator: &[u8], responder: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, &[initiator], &[responder]), Depth::Facts)
    }

    #[test]
    fn a_connect_that_does_not_fit_its_length_is_refused() {
        assert_eq!(on_tcp(b"\x10\x13\0\x04MQTT\x04\x02\0\x3c\0\x06sensorx", b""), Detection::No);
        assert_eq!(on_tcp(b"\x10\x12\0\x04MQTT\x06\x02\0\x3c\0\x06sensor", b""), Detection::No);
        assert_eq!(on_tcp(b"\x10\x12\0\x04MQTT\x04\x03\0\x3c\0\x06sensor", b""), Detection::No);
    }

    #[test]
    fn a_server_that_answers_otherwise_is_not_mqtt() {
        let connect = DETECTOR.samples[0].initiator[0];
        assert_eq!(on_tcp(connect, b"HTTP/1.1 400 Bad Request\r\n"), Detection::No);
        assert_eq!(on_tcp(b"", b"\x20\x02\0\0"), Detection::NeedMore);
    }

    #[test]
    fn no_user_name_or_password_is_stated() {
        let Detection::Yes(Recognition { facts, .. }) =
            on_tcp(DETECTOR.samples[1].initiator[0], b"")
        else {
            panic!("not recognised")
        };
        assert!(facts.iter().all(|fact| fact.value != "ann" && fact.value != "xyz"));
    }

    #[test]
    fn in_the_middle_of_a_conversation_two_packets_and_a_topic_are_wanted() {
        let midstream = |bytes| {
            let mut opening = Opening::new(Transport::Tcp);
            opening.push_for_test(bytes);
            inspect(&opening, Depth::Facts)
        };
        assert!(matches!(midstream(b"\x30\x09\0\x05a/b/chi\xc0\0"), Detection::Yes(..)));
        assert_eq!(midstream(b"\x30\x09\0\x05a/b/chi"), Detection::NeedMore);
        // An LDAP search, BER as well.
        assert_eq!(
            midstream(b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0"),
            Detection::No
        );
    }
}
