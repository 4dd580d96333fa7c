//! `NetFlow` versions 1, 5, 7 and 9 (RFC 3954) and IPFIX (RFC 7011): exports of flow records over
//! UDP.
//!
//! A version and a count or a length, which must fit the datagram to the byte, and a plausible
//! time.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Bytes of header and record of the versions with fixed records:
/// <https://www.cisco.com/c/en/us/td/docs/net_mgmt/netflow_collection_engine/3-6/user/guide/format.html>.
const FIXED: [(u16, usize, usize); 3] = [(1, 16, 52), (5, 24, 48), (7, 24, 52)];
/// Records of a datagram with fixed records at most.
const RECORDS: usize = 30;
const V9_HEADER: usize = 20;
const IPFIX_HEADER: usize = 16;
/// Seconds since 1970 of 2000 and 2050.
const SANE: std::ops::Range<u32> = 946_684_800..2_524_608_000;
/// The first identifier of a data set; below it only the templates are defined.
const FIRST_DATA: u16 = 256;

pub(crate) const DETECTOR: Detector =
    Detector::new(Protocol::Netflow, |opening, depth| inspect(opening, depth, Protocol::Netflow))
        .udp()
        .prefilter(
            Prefilter::first_byte(&[0..=0])
                .udp_then(&[1..=1, 5..=5, 7..=7, 9..=9])
                .udp_at_least(V9_HEADER + 4),
        )
        .first_words()
        .one_way()
        .facts(&["netflow.version"])
        .samples(&[Sample {
            transport: Transport::Udp,
            initiator: &[b"\0\x09\0\x01\0\0\x10\0\x69\x1f\0\0\0\0\0\x01\0\0\0\0\0\0\0\x10\x01\0\0\x02\0\x08\0\x04\0\x0c\0\x04"],
            responder: &[],
        }]);

pub(crate) const IPFIX: Detector =
    Detector::new(Protocol::Ipfix, |opening, depth| inspect(opening, depth, Protocol::Ipfix))
        .udp()
        .prefilter(
            Prefilter::first_byte(&[0..=0]).udp_then(&[10..=10]).udp_at_least(IPFIX_HEADER + 4),
        )
        .first_words()
        .one_way()
        .facts(&["ipfix.domain"])
        .samples(&[Sample {
            transport: Transport::Udp,
            initiator: &[b"\0\x0a\0\x20\x69\x1f\0\0\0\0\0\x01\0\0\0\x07\0\x02\0\x10\x01\0\0\x02\0\x08\0\x04\0\x0c\0\x04"],
            responder: &[],
        }]);

fn inspect(opening: &Opening, depth: Depth, protocol: Protocol) -> Detection {
    combine(protocol, opening, depth, |statement| {
        by_datagram(statement, |statement, bytes, offset, cut| {
            datagram(statement, bytes, offset, cut, protocol)
        })
    })
}

fn datagram(
    statement: &mut Statement<'_>,
    bytes: &[u8],
    offset: usize,
    cut: bool,
    protocol: Protocol,
) -> Side {
    let word = |at: usize| {
        bytes.get(at..).and_then(|rest| rest.first_chunk()).map(|b| u16::from_be_bytes(*b))
    };
    let long = |at: usize| {
        bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |b| u32::from_be_bytes(*b))
    };
    let unless_cut = if cut { Side::Perhaps } else { Side::Other };
    let Some(version) = word(0) else {
        return if bytes == [0] { unless_cut } else { Side::Other };
    };
    let exported = match version {
        1 | 5 | 7 | 9 => Protocol::Netflow,
        10 => Protocol::Ipfix,
        _ => return Side::Other,
    };
    if exported != protocol {
        return Side::Other;
    }
    let Some(count) = word(2).filter(|_| !cut) else { return unless_cut };
    let fits = match version {
        9 => SANE.contains(&long(8)) && count > 0 && are_sets(bytes, V9_HEADER, &[0, 1]),
        10 => {
            SANE.contains(&long(4))
                && usize::from(count) == bytes.len()
                && are_sets(bytes, IPFIX_HEADER, &[2, 3])
        }
        _ => {
            let layout = FIXED.iter().find(|(known, ..)| *known == version);
            let records = usize::from(count);
            (1..=RECORDS).contains(&records)
                && SANE.contains(&long(8))
                && layout
                    .is_some_and(|(_, header, record)| header + records * record == bytes.len())
        }
    };
    if !fits {
        return Side::Other;
    }
    statement.role(Role::Client);
    match protocol {
        Protocol::Ipfix => statement.fact("ipfix.domain", long(12).to_string().as_bytes(), offset),
        _ => statement.fact("netflow.version", version.to_string().as_bytes(), offset),
    }
    Side::Matches
}

/// Whether the bytes after the header are sets, each with its length, up to the end.
fn are_sets(bytes: &[u8], header: usize, templates: &[u16]) -> bool {
    let Some(mut rest) = bytes.get(header..).filter(|rest| !rest.is_empty()) else { return false };
    while let Some(&[a, b, c, d]) = rest.first_chunk() {
        let (id, len) = (u16::from_be_bytes([a, b]), usize::from(u16::from_be_bytes([c, d])));
        if len < 4 || !(templates.contains(&id) || id >= FIRST_DATA) {
            return false;
        }
        match rest.get(len..) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    rest.is_empty()
}
