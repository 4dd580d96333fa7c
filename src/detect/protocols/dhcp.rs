//! DHCP: RFC 2131, section 2, with its options (RFC 2132); plain BOOTP (RFC 951); DHCPv6: RFC 8415,
//! section 8.
//!
//! Version 4 has a magic number after its fixed fields. Version 6 has none: its options must end
//! with the message, and one of them must be an identifier of a client or a server.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Bytes of the fixed fields, and the magic number after them (RFC 1497).
const FIXED: usize = 236;
const MAGIC: [u8; 4] = [99, 130, 83, 99];
/// The operation of a client's message of version 4; that of a server's is 2.
const REQUEST: u8 = 1;
const END: u8 = 255;
const HOST_NAME: u8 = 12;
const MESSAGE_TYPE: u8 = 53;
const VENDOR_CLASS: u8 = 60;
/// Message types of version 4 from 1 (RFC 2132, section 9.6), and of version 6 (RFC 8415, section
/// 7.3).
const V4: [&str; 8] =
    ["DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"];
const V6: [&str; 13] = [
    "SOLICIT",
    "ADVERTISE",
    "REQUEST",
    "CONFIRM",
    "RENEW",
    "REBIND",
    "REPLY",
    "RELEASE",
    "DECLINE",
    "RECONFIGURE",
    "INFORMATION-REQUEST",
    "RELAY-FORWARD",
    "RELAY-REPLY",
];
/// The first of the two message types whose header has addresses.
const RELAY: u8 = 12;
const CLIENT_ID: u16 = 1;
const SERVER_ID: u16 = 2;
const RELAYED: u16 = 9;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Dhcp, inspect)
    .udp()
    .prefilter(Prefilter::first_byte(&[1..=13]))
    .first_words()
    .facts(&["dhcp.host", "dhcp.message", "dhcp.vendor", "dhcp.version"])
    .samples(&[
        Sample { transport: Transport::Udp, initiator: &[&V4_SAMPLE], responder: &[] },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x01\x10\x20\x30\0\x01\0\x0a\0\x03\0\x01\x02\0\0\0\0\x01\0\x06\0\x04\0\x17\0\x18\0\x08\0\x02\0\0"],
            responder: &[],
        },
    ]);

/// DISCOVER of a host named `buoy`.
const V4_SAMPLE: [u8; FIXED + 4 + 10] = {
    let mut bytes = [0; FIXED + 14];
    let head = [1, 1, 6, 0, 0x3d, 0x1d, 0, 0];
    let tail = [99, 130, 83, 99, MESSAGE_TYPE, 1, 1, HOST_NAME, 4, b'b', b'u', b'o', b'y', END];
    let mut i = 0;
    while i < head.len() {
        bytes[i] = head[i];
        i += 1;
    }
    i = 0;
    while i < tail.len() {
        bytes[FIXED + i] = tail[i];
        i += 1;
    }
    bytes
};

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Dhcp, opening, depth, |statement| by_datagram(statement, message))
}

fn message(statement: &mut Statement<'_>, bytes: &[u8], offset: usize, cut: bool) -> Side {
    if bytes.get(FIXED..).is_some_and(|rest| rest.starts_with(&MAGIC))
        && matches!(bytes[0], 1 | 2)
        && bytes[2] <= 16
    {
        statement.role(if bytes[0] == REQUEST { Role::Client } else { Role::Server });
        v4(statement, bytes.get(FIXED + 4..).unwrap_or(&[]), offset);
        return Side::Matches;
    }
    match v6(statement, bytes, offset, cut) {
        Side::Other if cut && may_begin_v4(bytes) => Side::Perhaps,
        side => side,
    }
}

/// Whether the bytes may be the beginning of a message of version 4, as far as its fixed fields go:
/// operation, length of an address, hops, flags of which there is one.
fn may_begin_v4(bytes: &[u8]) -> bool {
    let is = |at: usize, fits: fn(u8) -> bool| bytes.get(at).is_none_or(|&byte| fits(byte));
    is(0, |operation| matches!(operation, 1 | 2))
        && is(2, |len| len <= 16)
        && is(3, |hops| hops <= 16)
        && is(10, |flags| matches!(flags, 0 | 0x80))
        && is(11, |flags| flags == 0)
        && bytes.iter().skip(FIXED).zip(MAGIC).all(|(byte, magic)| *byte == magic)
}

fn v4(statement: &mut Statement<'_>, mut options: &[u8], offset: usize) {
    statement.fact("dhcp.version", b"4", offset);
    while let [code, rest @ ..] = options {
        let [len, rest @ ..] = rest else { return };
        if *code == END {
            return;
        }
        // Padding has no length.
        if *code == 0 {
            options = &options[1..];
            continue;
        }
        let Some((value, behind)) = rest.split_at_checked(usize::from(*len)) else { return };
        match (*code, value) {
            (MESSAGE_TYPE, [kind]) => {
                if let Some(name) = usize::from(*kind).checked_sub(1).and_then(|i| V4.get(i)) {
                    statement.fact("dhcp.message", name.as_bytes(), offset);
                }
            }
            (HOST_NAME, name) => statement.fact("dhcp.host", name, offset),
            (VENDOR_CLASS, name) => statement.fact("dhcp.vendor", name, offset),
            _ => {}
        }
        options = behind;
    }
}

fn v6(statement: &mut Statement<'_>, bytes: &[u8], offset: usize, cut: bool) -> Side {
    let unless_cut = if cut { Side::Perhaps } else { Side::Other };
    let Some((&kind, rest)) = bytes.split_first() else { return Side::Other };
    let Some(name) = usize::from(kind).checked_sub(1).and_then(|i| V6.get(i)) else {
        return Side::Other;
    };
    // A transaction's number, or a hop count and two addresses.
    let Some(mut options) = rest.get(if kind >= RELAY { 33 } else { 3 }..) else {
        return unless_cut;
    };
    let mut identified = false;
    while !options.is_empty() {
        let Some(&[a, b, c, d]) = options.first_chunk() else {
            if cut {
                break;
            }
            return Side::Other;
        };
        let (code, len) = (u16::from_be_bytes([a, b]), usize::from(u16::from_be_bytes([c, d])));
        let Some((value, behind)) = options[4..].split_at_checked(len) else {
            if cut && (1..=256).contains(&code) {
                break;
            }
            return Side::Other;
        };
        // An identifier begins with its type, of which there are four (RFC 8415, section 11).
        identified |=
            matches!(code, CLIENT_ID | SERVER_ID) && len > 4 && matches!(value, [0, 1..=4, ..]);
        identified |= kind >= RELAY
            && code == RELAYED
            && value.first().is_some_and(|&inner| (1..=13).contains(&inner));
        if code == 0 || code > 256 {
            return Side::Other;
        }
        options = behind;
    }
    if !identified {
        return unless_cut;
    }
    let is_answer = matches!(*name, "ADVERTISE" | "REPLY" | "RECONFIGURE" | "RELAY-REPLY");
    statement.role(if is_answer { Role::Server } else { Role::Client });
    statement.fact("dhcp.version", b"6", offset);
    statement.fact("dhcp.message", name.as_bytes(), offset);
    Side::Matches
}
