//! DIS, distributed interactive simulation: IEEE 1278.1-2012, section 6.2.66 (the header), over
//! UDP.
//!
//! The length in the header of twelve bytes must be that of the datagram, and the kind must belong
//! to its family.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const HEADER: usize = 12;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Dis, inspect)
    .udp()
    .prefilter(
        Prefilter::first_byte(&[4..=7])
            .udp_skip(1)
            .udp_then(&[1..=32, 67..=67])
            .udp_then(&[1..=6])
            .udp_at_least(2 * HEADER),
    )
    .first_words()
    .one_way()
    .facts(&["dis.exercise", "dis.kind", "dis.version"])
    .samples(&[Sample {
        transport: Transport::Udp,
        initiator: &[b"\x06\x01\x0d\x05\0\0\x10\0\0\x2c\0\0\0\x01\0\x02\0\x03\0\x01\0\x02\0\x04\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05"],
        responder: &[],
    }]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Dis, opening, depth, |statement| by_datagram(statement, message))
}

fn message(statement: &mut Statement<'_>, bytes: &[u8], offset: usize, cut: bool) -> Side {
    let Some(head) = bytes.first_chunk::<HEADER>() else {
        return if cut && may_begin(bytes) { Side::Perhaps } else { Side::Other };
    };
    let [version, exercise, kind, family, ..] = *head;
    let len = usize::from(u16::from_be_bytes([head[8], head[9]]));
    // The last byte is padding in every version; the one before it became a status in version 7.
    let padded = head[11] == 0 && (version == 7 || head[10] == 0);
    let Some((name, of_family)) = known(kind) else { return Side::Other };
    if !(4..=7).contains(&version)
        || family != of_family
        || !(len == bytes.len() || cut && len > bytes.len())
        || len < 2 * HEADER
        || !padded
    {
        return Side::Other;
    }
    if cut {
        return Side::Perhaps;
    }
    statement.role(Role::Client);
    statement.fact("dis.version", version.to_string().as_bytes(), offset);
    statement.fact("dis.exercise", exercise.to_string().as_bytes(), offset);
    statement.fact("dis.kind", name.as_bytes(), offset);
    Side::Matches
}

/// Whether the bytes may be the beginning of a header.
fn may_begin(bytes: &[u8]) -> bool {
    bytes.first().is_none_or(|version| (4..=7).contains(version))
        && bytes.get(2).is_none_or(|&kind| {
            known(kind).is_some_and(|(_, family)| bytes.get(3).is_none_or(|&b| b == family))
        })
}

/// The name of a kind in one of the commoner families of the standard, and its family.
const fn known(kind: u8) -> Option<(&'static str, u8)> {
    Some(match kind {
        1 => ("entity state", 1),
        4 => ("collision", 1),
        67 => ("entity state update", 1),
        2 => ("fire", 2),
        3 => ("detonation", 2),
        5..=10 => ("logistics", 3),
        25 => ("transmitter", 4),
        26 => ("signal", 4),
        27 => ("receiver", 4),
        31 | 32 => ("intercom", 4),
        11..=22 => ("simulation management", 5),
        23 => ("electromagnetic emission", 6),
        24 => ("designator", 6),
        28 => ("identification friend or foe", 6),
        29 | 30 => ("emission", 6),
        _ => return None,
    })
}
