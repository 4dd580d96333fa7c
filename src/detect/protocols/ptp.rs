//! PTP over UDP: IEEE 1588-2019 and 2008 (version 2), clause 13 and annexes C and D; IEEE 1588-2002
//! (version 1), which Dante uses, annex D.
//!
//! A message of version 2 states its length, which is that of the datagram but for padding; its
//! type, control and times must agree. A message of version 1 has the name of its subdomain and the
//! length of its type. Clocks announce themselves to a group, and expect no answer.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Bytes of the header of version 2.
const HEADER: usize = 34;
/// Bytes of padding at most: two over IPv6, up to 124 bytes in all for old hardware.
const PADDED: usize = 128;
const NANOSECONDS: u32 = 1_000_000_000;
/// The interval of a message that is not sent at intervals.
const NO_INTERVAL: i8 = 0x7f;
/// Bytes of the header of version 1, and where its subdomain, its type and control stand.
const HEADER_1: usize = 40;
const SUBDOMAIN: std::ops::Range<usize> = 4..20;
const TYPE_1: usize = 20;
const CONTROL_1: usize = 32;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Ptp, inspect)
    .udp()
    .prefilter(
        Prefilter::first_byte(&[0..=3, 0x08..=0x0d, 0x10..=0x13, 0x18..=0x1d])
            .udp_then(&[1..=2, 0x12..=0x12])
            .udp_at_least(HEADER),
    )
    .one_way()
    .facts(&["ptp.version", "ptp.message", "ptp.domain", "ptp.clock", "ptp.grandmaster"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x0b\x02\0\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x1d\xc1\xff\xfe\x50\0\x01\0\x01\0\x07\x05\x01\0\0\0\0\0\0\0\0\0\0\0\x25\0\x80\xf8\xfe\xff\xff\x80\0\x1d\xc1\xff\xfe\x50\0\x01\0\0\xa0"],
            responder: &[],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\0\x02\0\x2c\x01\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x1d\xc1\xff\xfe\x50\0\x01\0\x01\0\x09\0\xfd\0\0\x69\xf0\x11\x22\x1a\x2b\x3c\x4d"],
            responder: &[b"\x01\x02\0\x2c\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x1d\xc1\xff\xfe\x60\0\x02\0\x01\0\x03\x01\x7f\0\0\0\0\0\0\0\0\0\0"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\0\x01\0\x01_DFLT\0\0\0\0\0\0\0\0\0\0\0\x02\x01\0\x1d\xc1\x50\0\x01\0\x01\0\x09\x02\0\0\x08\0\0\0\0\0\0\0\x09\x69\xf0\x11\x22\x1a\x2b\x3c\x4d"],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Ptp, opening, depth, |statement| by_datagram(statement, message))
}

fn message(statement: &mut Statement<'_>, bytes: &[u8], at: usize, cut: bool) -> Side {
    match bytes.get(1) {
        Some(1) if bytes[0] == 0 => version_1(statement, bytes, at, cut),
        Some(2 | 0x12) => version_2(statement, bytes, at, cut),
        None if cut && bytes.first().is_some_and(|&first| is_first(first)) => Side::Perhaps,
        _ => Side::Other,
    }
}

/// Whether a message may begin with the byte: the low half is the type, the high one the number of
/// the profile; 0 is the default, 1 marks old hardware, or a network of its own.
const fn is_first(byte: u8) -> bool {
    byte <= 0x1f && message_type(byte & 15).is_some()
}

/// A type of version 2: its name, who sends it, its bytes at least, its control, and whether a time
/// follows the header.
const fn message_type(code: u8) -> Option<(&'static str, Option<Role>, usize, u8, bool)> {
    Some(match code {
        0 => ("sync", Some(Role::Server), 44, 0, true),
        1 => ("delay request", Some(Role::Client), 44, 1, true),
        2 => ("peer delay request", None, 54, 5, true),
        3 => ("peer delay response", None, 54, 5, true),
        8 => ("follow-up", Some(Role::Server), 44, 2, true),
        9 => ("delay response", Some(Role::Server), 54, 3, true),
        10 => ("peer delay response follow-up", None, 54, 5, true),
        11 => ("announce", Some(Role::Server), 64, 5, true),
        12 => ("signaling", None, 44, 5, false),
        13 => ("management", None, 48, 4, false),
        _ => return None,
    })
}

fn version_2(statement: &mut Statement<'_>, bytes: &[u8], at: usize, cut: bool) -> Side {
    if !is_first(bytes[0]) {
        return Side::Other;
    }
    let Some((name, role, least, control, has_time)) = message_type(bytes[0] & 15) else {
        return Side::Other;
    };
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        return if cut { Side::Perhaps } else { Side::Other };
    };
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let len = usize::from(word(2));
    let padding = bytes.get(len..).unwrap_or_default();
    let is_interval = |interval: i8| interval == NO_INTERVAL || (-10..=22).contains(&interval);
    let fits = len >= least
        && (len <= bytes.len() || cut)
        && (padding.len() <= 2 || bytes.len() <= PADDED)
        && padding.iter().all(|&byte| byte == 0)
        && word(16) == 0 && word(18) == 0
        // The number of the port, which counts from 1.
        && word(28) != 0 && word(28) != u16::MAX
        && (header[32] == control || header[32] == 0)
        && is_interval(header[33].cast_signed());
    let is_time = |nanoseconds: &[u8; 4]| u32::from_be_bytes(*nanoseconds) < NANOSECONDS;
    let nanoseconds = bytes.get(HEADER + 6..).and_then(|rest| rest.first_chunk());
    if !fits || has_time && !nanoseconds.is_none_or(is_time) {
        return Side::Other;
    }
    role.into_iter().for_each(|role| statement.role(role));
    statement.fact("ptp.version", if bytes[1] == 2 { b"2" } else { b"2.1" }, at + 1);
    statement.fact("ptp.message", name.as_bytes(), at);
    statement.fact_text("ptp.domain", header[4].to_string(), at + 4);
    statement.fact_text("ptp.clock", hexadecimal(&header[20..28]), at + 20);
    if let (11, Some(grandmaster)) = (bytes[0] & 15, bytes.get(53..61)) {
        statement.fact_text("ptp.grandmaster", hexadecimal(grandmaster), at + 53);
    }
    Side::Matches
}

fn version_1(statement: &mut Statement<'_>, bytes: &[u8], at: usize, cut: bool) -> Side {
    // The version of the network, then a name that zeros follow.
    let network = bytes.get(2..4.min(bytes.len())).unwrap_or_default();
    let Some(subdomain) = bytes.get(SUBDOMAIN) else {
        return if cut && b"\0\x01".starts_with(network) { Side::Perhaps } else { Side::Other };
    };
    let len = subdomain.iter().take_while(|byte| byte.is_ascii_graphic()).count();
    if network != b"\0\x01" || len == 0 || subdomain[len..].iter().any(|&byte| byte != 0) {
        return Side::Other;
    }
    let Some(header) = bytes.first_chunk::<HEADER_1>() else {
        return if cut { Side::Perhaps } else { Side::Other };
    };
    let (name, role, kind, least) = match header[CONTROL_1] {
        0 => ("sync", Some(Role::Server), 1, 124),
        1 => ("delay request", Some(Role::Client), 1, 124),
        2 => ("follow-up", Some(Role::Server), 2, 52),
        3 => ("delay response", Some(Role::Server), 2, 60),
        4 => ("management", None, 2, 60),
        _ => return Side::Other,
    };
    let is_whole = cut || bytes.len() >= least && bytes.len() <= 2 * PADDED;
    // Ethernet, and a reserved byte.
    if header[TYPE_1] != kind || header[TYPE_1 + 1] != 1 || header[CONTROL_1 + 1] != 0 || !is_whole
    {
        return Side::Other;
    }
    role.into_iter().for_each(|role| statement.role(role));
    statement.fact("ptp.version", b"1", at + 1);
    statement.fact("ptp.message", name.as_bytes(), at + CONTROL_1);
    statement.fact("ptp.domain", &subdomain[..len], at + SUBDOMAIN.start);
    statement.fact_text("ptp.clock", hexadecimal(&header[22..28]), at + 22);
    Side::Matches
}

/// The digits of at most eight bytes.
fn hexadecimal(bytes: &[u8]) -> String {
    let number = bytes.iter().fold(0, |number: u64, &byte| number << 8 | u64::from(byte));
    format!("{number:0width$x}", width = 2 * bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(bytes: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Udp, &[bytes], &[]), Depth::Facts)
    }

    #[test]
    fn length_control_time_and_port_must_fit() {
        let sync = DETECTOR.samples[1].initiator[0];
        assert!(matches!(detect(sync), Detection::Yes(_)));
        // Profile, type, version, length, reserved, port, control, interval, nanoseconds.
        for (at, value) in [
            (0, 0x20),
            (0, 5),
            (1, 3),
            (3, 0x2d),
            (3, 0x20),
            (17, 1),
            (29, 0),
            (32, 4),
            (33, 0x40),
            (40, 0x7f),
        ] {
            let mut changed = sync.to_vec();
            changed[at] = value;
            assert_eq!(detect(&changed), Detection::No, "{at}");
        }
        // Over IPv6 two bytes follow, and for old hardware zeros.
        for padding in [2, 80] {
            let padded = [sync, &vec![0; padding]].concat();
            assert!(matches!(detect(&padded), Detection::Yes(_)), "{padding}");
        }
        assert_eq!(detect(&[sync, b"\0\x01"].concat()), Detection::No);
    }

    #[test]
    fn version_1_has_a_subdomain_and_the_length_of_its_type() {
        let follow_up = DETECTOR.samples[2].initiator[0];
        assert!(matches!(detect(follow_up), Detection::Yes(_)));
        for (at, value) in [(3, 2), (4, 0), (12, 1), (20, 1), (21, 0), (32, 0), (32, 5), (33, 1)] {
            let mut changed = follow_up.to_vec();
            changed[at] = value;
            assert_eq!(detect(&changed), Detection::No, "{at}");
        }
    }
}
