//! RTP: RFC 3550, section 5.1, over UDP.
//!
//! Two bits of version prove nothing: many datagrams of one source and one type of payload must
//! follow each other in number. Others may come between them, as RFC 7983 tells them apart: STUN,
//! DTLS, the control protocol RTCP, what keeps an address translation alive. RTCP alone is not RTP.
//! A flow that begins with the commands of a session of MIDI is told apart in [`applemidi`].

pub(crate) mod applemidi;
mod media;

use self::media::{HEADER, Media, RtpHeader};
use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Datagrams of one source and type that prove the protocol, and where no more came.
const ENOUGH: usize = 8;
const FEW: usize = 5;
/// The longest datagram that only keeps an address translation alive.
const KEEP_ALIVE: usize = 4;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Rtp, inspect)
    .udp()
    .prefilter(Prefilter::first_byte(&[0x80..=0xbf]))
    .first_words()
    .one_way()
    .facts(&["rtp.payload-type", "rtp.source"])
    .samples(&[Sample {
        transport: Transport::Udp,
        initiator: &[
            b"\x80\x08\0\x01\0\0\0\xa0\x11\x22\x33\x44\xd5\xd5",
            b"\x80\x08\0\x02\0\0\x01\x40\x11\x22\x33\x44\xd5\xd5",
            b"\x80\x08\0\x03\0\0\x01\xe0\x11\x22\x33\x44\xd5\xd5",
            b"\x80\x08\0\x04\0\0\x02\x80\x11\x22\x33\x44\xd5\xd5",
            b"\x80\x08\0\x05\0\0\x03\x20\x11\x22\x33\x44\xd5\xd5",
        ],
        responder: &[],
    }]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let mut datagrams = opening.sides().flat_map(|(_, stream)| stream.datagrams());
    if !opening.is_silent() && !datagrams.any(|(bytes, _, _)| is_version_2(bytes)) {
        return Detection::No;
    }
    // The port of a session for its data carries RTP too.
    if applemidi::has_command(opening) {
        return Detection::No;
    }
    let mut most = 0;
    match combine(Protocol::Rtp, opening, depth, |statement| side(statement, &mut most)) {
        // A few may be a coincidence, if others come.
        Detection::Yes(recognition) if most < ENOUGH => Detection::Partly(recognition),
        other => other,
    }
}

fn side(statement: &mut Statement<'_>, most: &mut usize) -> Side {
    let stream = statement.stream;
    let (mut media, mut offset) = (Media::default(), 0);
    let (mut events, mut foreign): (usize, Vec<&[u8]>) = (0, Vec::new());
    for ((bytes, _, cut), len) in stream.datagrams().zip(stream.datagram_lens()) {
        match kind(bytes, cut) {
            RtpDatagram::Media(header) => media.add(header, offset, len),
            RtpDatagram::Event => events += 1,
            RtpDatagram::Beside => {}
            // The same again and again keeps an address translation alive.
            RtpDatagram::Foreign if foreign.contains(&bytes) => {}
            RtpDatagram::Foreign => foreign.push(bytes),
        }
        offset += bytes.len();
    }
    let foreign = foreign.len();
    let Some(stream) = media.greatest() else {
        return if foreign > 1 { Side::Other } else { Side::Perhaps };
    };
    let (count, all) = (stream.len(), media.len());
    let least = if all + foreign < ENOUGH { FEW } else { ENOUGH };
    if count >= least && 2 * count >= all && 4 * foreign <= count && stream.is_in_step() {
        let (header, offset) = stream.first();
        statement.role(Role::Client);
        statement.fact("rtp.payload-type", header.kind.to_string().as_bytes(), offset);
        statement.fact("rtp.source", format!("{:#010x}", header.source).as_bytes(), offset);
        *most = count.max(*most);
        return Side::Matches;
    }
    // Several streams may share a flow; as many as there are datagrams are none.
    let may_follow = all < 2 * ENOUGH && all - count <= 2.max(all / 2) && foreign <= 2;
    if may_follow || events > all { Side::Perhaps } else { Side::Other }
}

fn is_version_2(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first >> 6 == 2)
}

/// What a datagram is in a flow of media.
enum RtpDatagram {
    Media(RtpHeader),
    /// Comfort noise or a telephone's key in the stream: of another type than the sound.
    Event,
    /// Of a protocol that shares the flow.
    Beside,
    Foreign,
}

fn kind(bytes: &[u8], cut: bool) -> RtpDatagram {
    match bytes {
        // AppleMIDI's commands share the port, but its sessions are no streams.
        [0xff, ..] if !cut && bytes.len() > KEEP_ALIVE => RtpDatagram::Foreign,
        _ if bytes.len() <= KEEP_ALIVE
            || bytes.iter().all(|&b| b == bytes[0])
            || bytes.iter().all(u8::is_ascii_whitespace) =>
        {
            RtpDatagram::Beside
        }
        // STUN with its magic number, DTLS.
        [0..=3, _, _, _, 0x21, 0x12, 0xa4, 0x42, ..] | [20..=26, 0xfe, 0xfd | 0xff, ..] => {
            RtpDatagram::Beside
        }
        _ if cut && is_version_2(bytes) && bytes.len() < HEADER => RtpDatagram::Beside,
        [0x80..=0xbf, kind, ..] => match kind & 0x7f {
            72..=76 => RtpDatagram::Beside,
            // Reports on feedback have the marker set.
            77..=79 if kind & 0x80 != 0 => RtpDatagram::Beside,
            13 | 101 => RtpDatagram::Event,
            _ => RtpHeader::read(bytes, cut).map_or(RtpDatagram::Foreign, RtpDatagram::Media),
        },
        _ => RtpDatagram::Foreign,
    }
}

#[cfg(test)]
mod tests;
