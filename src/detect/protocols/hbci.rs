//! HBCI and `FinTS`: a message begins with the segment `HNHBK:1:3+` (or `HNHBK:1:2+`), twelve
//! digits of message length, `+`, the three digits of the HBCI version, `+`. `FinTS` 3.0 Formals,
//! section B.5.2.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const HEADS: [&[u8]; 2] = [b"HNHBK:1:3+", b"HNHBK:1:2+"];
const DIGITS: usize = 12;
const VERSION: usize = 3;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Hbci, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[b'H'..=b'H']))
    .first_words()
    .facts(&["hbci.version"])
    .samples(&[Sample {
        transport: Transport::Tcp,
        initiator: &[
            b"HNHBK:1:3+000000000145+220+0+1'HKIDN:2:2+280:10020030+9999999999+0+0'HNHBS:4:1+1'",
        ],
        responder: &[
            b"HNHBK:1:3+000000000110+220+4711+1'HIRMG:2:2+0010::Entgegengenommen.'HNHBS:5:1+1'",
        ],
    }]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Hbci, opening, depth, header)
}

fn header(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let starts = |head: &&[u8]| bytes.iter().zip(head.iter()).all(|(a, b)| a == b);
    let Some(head) = HEADS.iter().find(|head| starts(head)) else { return Side::Other };
    let rest = bytes.get(head.len()..).unwrap_or(&[]);
    let fits = rest.iter().take(DIGITS + VERSION + 2).enumerate().all(|(i, byte)| {
        if i == DIGITS || i == DIGITS + VERSION + 1 { *byte == b'+' } else { byte.is_ascii_digit() }
    });
    if !fits {
        return Side::Other;
    }
    if rest.len() < DIGITS + VERSION + 2 {
        return Side::Perhaps;
    }
    let at = DIGITS + 1;
    if let Some(role) = role(&rest[at + VERSION + 1..]) {
        statement.role(role);
    }
    statement.fact("hbci.version", &rest[at..at + VERSION], head.len() + at);
    Side::Matches
}

/// The role of the sender, by what follows the version: the dialogue, the number of the message and,
/// in messages of the bank, a reference to the message that is answered (section B.5.2); then
/// segments, whose names begin with `HK` in orders and with `HI` in answers to them.
fn role(behind: &[u8]) -> Option<Role> {
    let mut segments = behind.split(|&b| b == b'\'');
    let head = segments.next()?;
    if head.split(|&b| b == b'+').count() > 2 {
        return Some(Role::Server);
    }
    segments.find_map(|segment| match segment {
        [b'H', b'K', ..] => Some(Role::Client),
        [b'H', b'I', ..] => Some(Role::Server),
        _ => None,
    })
}
