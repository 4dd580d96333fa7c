//! RTP and its control, RTCP: RFC 3550, sections 5.1 and 6, over UDP.
//!
//! Two bits of version prove nothing: several datagrams of one source must follow each other in
//! number and time, or reports must have lengths that fit to the byte and name one source twice.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const HEADER: usize = 12;
/// Datagrams of one source that must follow each other.
const ENOUGH: usize = 5;
/// Datagrams of each side that are read at most.
const DATAGRAMS: usize = 16;
/// The greatest step in number between two datagrams, and ticks of the clock for each: a second of
/// video.
const GAP: u16 = 8;
const TICKS: u32 = 90_000;
/// Types of reports (RFC 3550, section 12.1, and RFC 4585).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const LAST_REPORT: u8 = 207;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Rtp, inspect)
    .udp()
    .prefilter(Prefilter::first_byte(&[0x80..=0xbf]))
    .first_words()
    .one_way()
    .facts(&["rtp.payload-type", "rtp.report", "rtp.source"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[
                b"\x80\x08\0\x01\0\0\0\xa0\x11\x22\x33\x44\xd5\xd5",
                b"\x80\x08\0\x02\0\0\x01\x40\x11\x22\x33\x44\xd5\xd5",
                b"\x80\x08\0\x03\0\0\x01\xe0\x11\x22\x33\x44\xd5\xd5",
                b"\x80\x08\0\x04\0\0\x02\x80\x11\x22\x33\x44\xd5\xd5",
                b"\x80\x08\0\x05\0\0\x03\x20\x11\x22\x33\x44\xd5\xd5",
            ],
            responder: &[],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[
                b"\x80\xc9\0\x01\x11\x22\x33\x44\x81\xca\0\x03\x11\x22\x33\x44\x01\x04buoy\0\0",
            ],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Rtp, opening, depth, side)
}

/// Number, time and source of a media datagram.
struct RtpPacket {
    number: u16,
    time: u32,
    source: u32,
}

fn side(statement: &mut Statement<'_>) -> Side {
    let stream = statement.stream;
    let mut last: Option<RtpPacket> = None;
    let (mut following, mut reports, mut offset) = (0, 0, 0);
    for (bytes, _, cut) in stream.datagrams().take(DATAGRAMS) {
        if let Some((kind, source)) = report(bytes, cut) {
            if reports == 0 {
                statement.fact("rtp.report", kind.to_string().as_bytes(), offset);
                statement.fact("rtp.source", format!("{source:#010x}").as_bytes(), offset);
            }
            reports += 1;
        } else if let Some((kind, packet)) = packet(bytes) {
            match &last {
                Some(before) if !follows(before, &packet) => return Side::Other,
                _ => following += 1,
            }
            if following == ENOUGH {
                statement.fact("rtp.payload-type", kind.to_string().as_bytes(), offset);
                statement.fact("rtp.source", format!("{:#010x}", packet.source).as_bytes(), offset);
            }
            last = Some(packet);
        } else {
            return Side::Other;
        }
        offset += bytes.len();
    }
    statement.role(Role::Client);
    if reports > 0 || following >= ENOUGH { Side::Matches } else { Side::Perhaps }
}

fn follows(before: &RtpPacket, packet: &RtpPacket) -> bool {
    let steps = packet.number.wrapping_sub(before.number);
    packet.source == before.source
        && (1..=GAP).contains(&steps)
        && packet.time.wrapping_sub(before.time) <= TICKS * u32::from(steps)
}

/// Reads a media datagram, and the type of its payload.
fn packet(bytes: &[u8]) -> Option<(u8, RtpPacket)> {
    let head: &[u8; HEADER] = bytes.first_chunk()?;
    let contributors = usize::from(head[0] & 15);
    let kind = head[1] & 0x7f;
    // 72 to 79 with the marker set would be reports.
    let fits =
        head[0] >> 6 == 2 && !(72..=79).contains(&kind) && bytes.len() > HEADER + 4 * contributors;
    let long = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let packet = RtpPacket {
        number: u16::from_be_bytes([head[2], head[3]]),
        time: long(4),
        source: long(8),
    };
    (fits && packet.source != 0).then_some((kind, packet))
}

/// Reads a compound of reports that ends with the datagram and names one source throughout: the
/// type of the first and the source.
fn report(bytes: &[u8], cut: bool) -> Option<(u8, u32)> {
    let mut rest = bytes;
    let mut sources = Vec::new();
    let mut first = None;
    while !rest.is_empty() {
        let head: &[u8; 8] = rest.first_chunk()?;
        let len = 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
        let kinds = if first.is_none() {
            SENDER_REPORT..=RECEIVER_REPORT
        } else {
            SENDER_REPORT..=LAST_REPORT
        };
        if head[0] >> 6 != 2 || !kinds.contains(&head[1]) || cut {
            return None;
        }
        let blocks = usize::from(head[0] & 31);
        let least = match head[1] {
            SENDER_REPORT => 28 + 24 * blocks,
            RECEIVER_REPORT => 8 + 24 * blocks,
            _ => 8,
        };
        if len < least {
            return None;
        }
        first.get_or_insert(head[1]);
        sources.push(u32::from_be_bytes([head[4], head[5], head[6], head[7]]));
        rest = rest.get(len..)?;
    }
    let source = *sources.first()?;
    (source != 0 && sources.len() > 1 && sources[1..].iter().all(|&other| other == source))
        .then_some((first?, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(number: u16, source: u8) -> Vec<u8> {
        let time = u32::from(number) * 160;
        [&[0x80, 8][..], &number.to_be_bytes(), &time.to_be_bytes(), &[source; 4], b"sound"]
            .concat()
    }

    fn detect(datagrams: &[Vec<u8>]) -> Detection {
        let datagrams: Vec<&[u8]> = datagrams.iter().map(Vec::as_slice).collect();
        inspect(&Opening::from_payloads(Transport::Udp, &datagrams, &[]), Depth::Facts)
    }

    #[test]
    fn only_datagrams_that_follow_each_other_are_media() {
        let stream: Vec<_> = (1..=5).map(|n| media(n, 7)).collect();
        assert!(matches!(detect(&stream), Detection::Yes(..)));
        assert_eq!(detect(&stream[..4]), Detection::NeedMore, "four are too few");
        assert_eq!(
            detect(&[media(1, 7), media(2, 7), media(3, 8)]),
            Detection::No,
            "another source"
        );
        assert_eq!(detect(&[media(1, 7), media(900, 7)]), Detection::No, "a leap");
    }

    #[test]
    fn a_report_alone_or_of_another_length_is_none() {
        assert_eq!(detect(&[b"\x80\xc9\0\x01\x11\x22\x33\x44".to_vec()]), Detection::No);
        assert_eq!(
            detect(&[
                b"\x80\xc9\0\x01\x11\x22\x33\x44\x81\xca\0\x04\x11\x22\x33\x44\x01\x04buoy\0\0"
                    .to_vec()
            ]),
            Detection::No
        );
    }
}
