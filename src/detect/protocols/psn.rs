//! `PosiStageNet` 2.03, <https://posistage.net/>: positions of what moves on a stage, sent to a group
//! about sixty times a second, and once a second their names.
//!
//! A datagram is a chunk: an identifier, a length whose topmost bit says that it has chunks inside,
//! and the bytes. The first chunk inside is a header of twelve bytes. Numbers are little-endian.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const DATA: u16 = 0x6755;
const INFO: u16 = 0x6756;
/// The chunk of the header: its identifier 0, its length, no chunks inside.
const HEADER: [u8; 4] = [0, 0, 12, 0];
/// Chunks of an information packet.
const SYSTEM: u16 = 1;
const TRACKERS: u16 = 2;
/// Bytes before the chunks behind the header.
const BEHIND: usize = 20;
const HAS_CHUNKS: u16 = 0x8000;
/// Chunks of a packet that are read at most, the header apart.
const CHUNKS: usize = 4;
/// Trackers whose names are stated at most.
const STATED: usize = 4;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Psn, inspect)
    .udp()
    .prefilter(Prefilter::first_byte(&[0x55..=0x56]).udp_then(&[0x67..=0x67]).udp_at_least(BEHIND))
    .one_way()
    .facts(&["psn.packet", "psn.system", "psn.tracker", "psn.version"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[
                b"\x55\x67\x28\x80\0\0\x0c\0\x10\x27\0\0\0\0\0\0\x02\x03\x2a\x01\x01\0\x14\x80\x07\0\x10\x80\0\0\x0c\0\0\0\x80\x3f\0\0\0\x40\0\0\0\0",
                b"\x56\x67\x35\x80\0\0\x0c\0\x20\x27\0\0\0\0\0\0\x02\x03\x01\x01\x01\0\x0a\0tide stage\x02\0\x0f\x80\x07\0\x0b\x80\0\0\x07\0lantern",
            ],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Psn, opening, depth, |statement| {
        let first = statement.stream.datagrams().next();
        if first.is_some_and(|(bytes, ..)| bytes.get(1) == Some(&DATA.to_le_bytes()[1])) {
            names(statement);
        }
        by_datagram(statement, packet)
    })
}

/// A chunk's identifier and bytes, as far as they were captured, and what follows it.
fn chunk(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (&[a, b, c, d], rest) = bytes.split_first_chunk()?;
    let len = usize::from(u16::from_le_bytes([c, d]) & !HAS_CHUNKS);
    let (inside, behind) = rest.split_at(len.min(rest.len()));
    Some((u16::from_le_bytes([a, b]), inside, behind))
}

fn packet(statement: &mut Statement<'_>, bytes: &[u8], at: usize, cut: bool) -> Side {
    let &[0x55 | 0x56, ..] = bytes else { return Side::Other };
    let Some(head) = bytes.first_chunk::<BEHIND>() else {
        let may_begin = bytes.len() < 2 || bytes[1] == 0x67;
        return if cut && may_begin { Side::Perhaps } else { Side::Other };
    };
    let (kind, len) =
        (u16::from_le_bytes([head[0], head[1]]), u16::from_le_bytes([head[2], head[3]]));
    let is_long_enough = if cut {
        bytes.len() <= 4 + usize::from(len & !HAS_CHUNKS)
    } else {
        bytes.len() == 4 + usize::from(len & !HAS_CHUNKS)
    };
    if !matches!(kind, DATA | INFO)
        || len & HAS_CHUNKS == 0
        || !is_long_enough
        || head[4..8] != HEADER
    {
        return Side::Other;
    }
    statement.role(Role::Client);
    statement.fact("psn.packet", if kind == DATA { b"data" } else { b"information" }, at);
    statement.fact_text("psn.version", format!("{}.{:02}", head[16], head[17]), at + 16);
    Side::Matches
}

/// States the names in the first information packet, which may come long after the first data: they
/// tell more than that does.
fn names(statement: &mut Statement<'_>) {
    let stream = statement.stream;
    let mut at = 0;
    for (bytes, ..) in stream.datagrams() {
        if bytes.starts_with(&INFO.to_le_bytes()) && bytes.get(4..8) == Some(&HEADER) {
            let mut rest = bytes.get(BEHIND..).unwrap_or(&[]);
            for _ in 0..CHUNKS {
                let Some((kind, inside, behind)) = chunk(rest) else { break };
                let here = at + bytes.len() - rest.len() + 4;
                match kind {
                    SYSTEM if !inside.is_empty() => statement.fact("psn.system", inside, here),
                    TRACKERS => trackers(statement, inside, here),
                    _ => {}
                }
                rest = behind;
            }
            return;
        }
        at += bytes.len();
    }
}

fn trackers(statement: &mut Statement<'_>, list: &[u8], at: usize) {
    let mut rest = list;
    for _ in 0..STATED {
        let Some((_, tracker, behind)) = chunk(rest) else { break };
        if let Some((0, name, _)) = chunk(tracker).filter(|(_, name, _)| !name.is_empty()) {
            statement.fact("psn.tracker", name, at + list.len() - rest.len() + 8);
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(datagrams: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Udp, datagrams, &[]), Depth::Facts)
    }

    #[test]
    fn names_are_read_behind_many_positions() {
        let [data, info] = *DETECTOR.samples[0].initiator else { panic!() };
        let sent = [&[data; 20][..], &[info, info]].concat();
        let Detection::Yes(found) = detect(&sent) else { panic!() };
        let facts: Vec<_> =
            found.facts.iter().map(|f| format!("{}={} {}", f.name, f.value, f.frame)).collect();
        assert_eq!(
            facts,
            [
                "psn.system=tide stage 21",
                "psn.tracker=lantern 21",
                "psn.packet=data 1",
                "psn.version=2.03 1"
            ]
        );
    }

    #[test]
    fn a_length_a_header_or_the_chunks_must_not_be_missing() {
        let good = DETECTOR.samples[0].initiator[0];
        for (at, byte) in [(1, 0x66), (2, 0x27), (3, 0), (4, 1), (6, 13), (7, 0x80)] {
            let mut bytes = good.to_vec();
            bytes[at] = byte;
            assert_eq!(detect(&[&bytes]), Detection::No, "{at}");
        }
        assert_eq!(detect(&[b"Ugh, text\n"]), Detection::No);
    }
}
