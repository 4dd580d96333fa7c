//! BACnet/IP: ANSI/ASHRAE 135, annex J (BVLL), clause 6 (network layer) and 20 (application).
//!
//! A datagram is `81`, a function and its own length, which proves it; of a message follow version
//! 1 of the network layer and the application's kind and service.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const IP: u8 = 0x81;
/// Type, function, length.
const HEADER: usize = 4;
/// Bits of the network layer's control byte: a network message, a destination, a source.
const NETWORK_MESSAGE: u8 = 0x80;
const DESTINATION: u8 = 0x20;
const SOURCE: u8 = 0x08;
const RESERVED: u8 = 0x50;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Bacnet, inspect)
    .udp()
    .prefilter(Prefilter::first_byte(&[IP..=IP]).udp_then(&[0..=0x0b]).udp_at_least(HEADER))
    .first_words()
    .facts(&["bacnet.service", "bacnet.device", "bacnet.function"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x81\x0b\0\x0c\x01\x20\xff\xff\0\xff\x10\x08"],
            responder: &[],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x81\x0b\0\x14\x01\0\x10\0\xc4\x02\0\x04\xd2\x22\x01\xe0\x91\0\x21\x0f"],
            responder: &[],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x81\x0a\0\x11\x01\x04\x02\x75\0\x0c\x0c\0\x80\0\x01\x19\x55"],
            responder: &[
                b"\x81\x0a\0\x17\x01\0\x30\0\x0c\x0c\0\x80\0\x01\x19\x55\x3e\x44\x42\x91\0\0\x3f",
            ],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x81\x05\0\x06\0\x3c"],
            responder: &[b"\x81\0\0\x06\0\0"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Bacnet, opening, depth, |statement| by_datagram(statement, datagram))
}

fn datagram(statement: &mut Statement<'_>, bytes: &[u8], at: usize, cut: bool) -> Side {
    let unfinished = if cut { Side::Perhaps } else { Side::Other };
    if bytes.first() != Some(&IP) || bytes.get(1).is_some_and(|&function| function > 0x0b) {
        return Side::Other;
    }
    let Some((&[_, function, high, low], rest)) = bytes.split_first_chunk::<HEADER>() else {
        return unfinished;
    };
    let len = usize::from(u16::from_be_bytes([high, low]));
    if len != bytes.len() && !(cut && len > bytes.len()) {
        return Side::Other;
    }
    let body = len - HEADER.min(len);
    let (name, role, fits, message) = match function {
        0 => ("result", Some(Role::Server), body == 2, None),
        1 => ("write broadcast table", Some(Role::Client), body % 10 == 0, None),
        2 => ("read broadcast table", Some(Role::Client), body == 0, None),
        3 => ("broadcast table", Some(Role::Server), body % 10 == 0, None),
        // The address of the origin stands before the message.
        4 => ("forwarded", None, body > 8, Some(6)),
        5 => ("register foreign device", Some(Role::Client), body == 2, None),
        6 => ("read foreign devices", Some(Role::Client), body == 0, None),
        7 => ("foreign devices", Some(Role::Server), body % 10 == 0, None),
        8 => ("delete foreign device", Some(Role::Client), body == 6, None),
        9 => ("distribute broadcast", None, body > 2, Some(0)),
        10 => ("unicast", None, body > 2, Some(0)),
        _ => ("broadcast", None, body > 2, Some(0)),
    };
    if !fits {
        return Side::Other;
    }
    let side = match message {
        None => Side::Matches,
        Some(skip) => match rest.get(skip..) {
            None => unfinished,
            Some(message) => network(statement, message, at + HEADER + skip, unfinished),
        },
    };
    if side == Side::Matches {
        statement.fact("bacnet.function", name.as_bytes(), at + 1);
        role.into_iter().for_each(|role| statement.role(role));
    }
    side
}

/// Judges a message of the network layer, clause 6.2.
fn network(statement: &mut Statement<'_>, message: &[u8], at: usize, unfinished: Side) -> Side {
    let (version, control) = match *message {
        [] => return unfinished,
        [version] => (version, 0),
        [version, control, ..] => (version, control),
    };
    if version != 1 || control & RESERVED != 0 {
        return Side::Other;
    }
    let mut place = 2;
    for bit in [DESTINATION, SOURCE] {
        if control & bit != 0 {
            let Some(&len) = message.get(place + 2) else { return unfinished };
            if len > 7 {
                return Side::Other;
            }
            place += 3 + usize::from(len);
        }
    }
    // The hop count follows where there is a destination.
    place += usize::from(control & DESTINATION != 0);
    let Some((&first, rest)) = message.get(place..).and_then(<[u8]>::split_first) else {
        return unfinished;
    };
    if control & NETWORK_MESSAGE != 0 {
        let known = matches!(first, 0..=0x09 | 0x12 | 0x13 | 0x80..);
        return if known { Side::Matches } else { Side::Other };
    }
    application(statement, first, rest, at + place, unfinished)
}

/// Judges a message of the application by its first byte and the rest, clause 20.1.
fn application(
    statement: &mut Statement<'_>,
    first: u8,
    rest: &[u8],
    at: usize,
    unfinished: Side,
) -> Side {
    // Where the service stands, and who sends such a message.
    let (place, role) = match (first >> 4, first & 0x0f) {
        (0, flags) => (if flags & 0x08 == 0 { 2 } else { 4 }, Some(Role::Client)),
        (1, 0) => (0, None),
        (2 | 5, 0) => (1, Some(Role::Server)),
        (3, flags) => (if flags & 0x08 == 0 { 1 } else { 3 }, Some(Role::Server)),
        (4, 0..=3) => {
            statement.fact("bacnet.service", b"segment", at);
            return Side::Matches;
        }
        (6, 0) | (7, 0 | 1) => {
            statement.role(Role::Server);
            let name: &[u8] = if first >> 4 == 6 { b"reject" } else { b"abort" };
            statement.fact("bacnet.service", name, at);
            return Side::Matches;
        }
        _ => return Side::Other,
    };
    let Some(&service) = rest.get(place) else { return unfinished };
    let name = if first >> 4 == 1 { unconfirmed(service) } else { confirmed(service) };
    let Some(name) = name else { return Side::Other };
    let role = role.or(match (first >> 4, service) {
        (1, 0..=3) => Some(Role::Server),
        (1, 6..=9) => Some(Role::Client),
        _ => None,
    });
    role.into_iter().for_each(|role| statement.role(role));
    if role == Some(Role::Client) {
        statement.awaits_answer();
    }
    statement.fact("bacnet.service", name.as_bytes(), at + 1 + place);
    // I-Am begins with the device's object: type 8 and 22 bits of its number.
    if let (0x10, 0, Some(&[0xc4, a, b, c, d])) =
        (first, service, rest.get(1..).and_then(|rest| rest.first_chunk()))
    {
        let number = u32::from_be_bytes([a, b, c, d]) & 0x003f_ffff;
        statement.fact_text("bacnet.device", number.to_string(), at + 3);
    }
    Side::Matches
}

fn unconfirmed(service: u8) -> Option<&'static str> {
    Some(match service {
        0 => "i-am",
        1 => "i-have",
        2 => "cov notification",
        3 => "event notification",
        4 => "private transfer",
        5 => "text message",
        6 => "time synchronization",
        7 => "who-has",
        8 => "who-is",
        9 => "utc time synchronization",
        10 => "write group",
        11 => "cov notification multiple",
        12..=15 => "other",
        _ => return None,
    })
}

fn confirmed(service: u8) -> Option<&'static str> {
    Some(match service {
        0 => "acknowledge alarm",
        1 => "cov notification",
        2 => "event notification",
        3 => "get alarm summary",
        4 => "get enrollment summary",
        5 => "subscribe cov",
        6 => "atomic read file",
        7 => "atomic write file",
        8 => "add list element",
        9 => "remove list element",
        10 => "create object",
        11 => "delete object",
        12 => "read property",
        13 => "read property conditional",
        14 => "read property multiple",
        15 => "write property",
        16 => "write property multiple",
        17 => "device communication control",
        18 => "private transfer",
        19 => "text message",
        20 => "reinitialize device",
        21..=25 => "terminal or log-in",
        26 => "read range",
        27 => "life safety operation",
        28 => "subscribe cov property",
        29 => "get event information",
        30..=34 => "other",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_length_version_or_service_is_not_bacnet() {
        for bytes in [
            &b"\x81\x0b\0\x0d\x01\x20\xff\xff\0\xff\x10\x08"[..],
            b"\x81\x0b\0\x0c\x02\x20\xff\xff\0\xff\x10\x08",
            b"\x81\x0b\0\x08\x01\0\x10\x40",
            b"\x81\x0c\0\x08\x01\0\x10\x08",
            // RTCP, a report of a receiver.
            b"\x81\xc9\0\x07\0\0\0\x01",
        ] {
            let opening = Opening::from_payloads(Transport::Udp, &[bytes], &[]);
            assert_eq!(inspect(&opening, Depth::Facts), Detection::No, "{bytes:?}");
        }
    }
}
