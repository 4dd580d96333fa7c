//! NTP and SNTP, versions 1 to 4: RFC 5905, section 7.3; control messages: RFC 9327, section 2; the
//! private mode of `ntpdc`.
//!
//! 48 bytes have few fixed bits: the times in a server's message must be plausible, and those in a
//! client's too, unless a server answers it.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol};
use crate::flow::Opening;

/// Bytes of a message without extensions and signature, and at most with them.
const MESSAGE: usize = 48;
const LONGEST: usize = 1024;
/// Bytes of the header of a control message and of a private one.
const CONTROL: usize = 12;
const PRIVATE: usize = 8;
/// Seconds since 1900 of 2000 and 2036.
const SANE: std::ops::Range<u32> = 0xbc17_c200..0xffff_ffff;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Ntp, inspect)
    .udp()
    .prefilter(Prefilter::first_byte(&[0x0e..=0xe7]))
    .first_words()
    .facts(&["ntp.mode", "ntp.stratum", "ntp.version"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x23\0\x06\xec\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xed\0\x11\x22\x80\0\0\0"],
            responder: &[b"\x24\x02\x06\xe8\0\0\x01\0\0\0\x02\0\xc0\0\x02\x01\xed\0\x10\0\0\0\0\0\xed\0\x11\x22\x80\0\0\0\xed\0\x11\x22\x90\0\0\0\xed\0\x11\x22\x91\0\0\0"],
        },
        Sample { transport: Transport::Udp, initiator: &[b"\x16\x02\0\x01\0\0\0\0\0\0\0\0"], responder: &[b"\x16\x82\0\x01\x06\x18\0\0\0\0\0\x04ab=1"] },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Ntp, opening, depth, |statement| by_datagram(statement, message))
}

fn message(statement: &mut Statement<'_>, bytes: &[u8], offset: usize, cut: bool) -> Side {
    let Some(&first) = bytes.first() else { return Side::Other };
    let (version, mode) = (first >> 3 & 7, first & 7);
    if !(1..=4).contains(&version) {
        return Side::Other;
    }
    let side = match mode {
        // Older versions are gone, and their first bytes are those of DTLS.
        1..=5 if version >= 3 => time(bytes, mode, cut),
        6 => control(bytes),
        7 => private(bytes, first),
        _ => Side::Other,
    };
    if side == Side::Matches {
        let mode = ["", "active", "passive", "client", "server", "broadcast", "control", "private"]
            [usize::from(mode)];
        statement.fact("ntp.version", version.to_string().as_bytes(), offset);
        statement.fact("ntp.mode", mode.as_bytes(), offset);
        if let (&[_, stratum, ..], true) = (bytes, mode == "server" || mode == "broadcast") {
            statement.fact("ntp.stratum", stratum.to_string().as_bytes(), offset);
        }
    }
    side
}

fn time(bytes: &[u8], mode: u8, cut: bool) -> Side {
    // Extensions and signatures are multiples of four bytes.
    if !(MESSAGE..=LONGEST).contains(&bytes.len()) || !(cut || bytes.len().is_multiple_of(4)) {
        return Side::Other;
    }
    let seconds = |at: usize| {
        bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |b| u32::from_be_bytes(*b))
    };
    let [stratum, poll, precision] = [bytes[1], bytes[2], bytes[3]];
    let is_scale = stratum <= 16
        && poll <= 24
        && (precision == 0 || precision.cast_signed() < 0 && precision.cast_signed() >= -40);
    let [reference, origin, received, sent] = [16, 24, 32, 40].map(seconds);
    let is_time = |seconds: u32| seconds == 0 || SANE.contains(&seconds);
    match mode {
        _ if !is_scale => Side::Other,
        // A client that hides its time sends only a number that the answer must repeat.
        3 if SANE.contains(&sent) && is_time(reference) && is_time(origin) && is_time(received) => {
            Side::Matches
        }
        3 if sent != 0 && [reference, origin, received] == [0; 3] => Side::Perhaps,
        1 | 2 | 4 | 5 if SANE.contains(&sent) && is_time(reference) && is_time(received) => {
            Side::Matches
        }
        _ => Side::Other,
    }
}

/// Judges a message of `ntpq`: operation 1 to 31, and as many bytes of data as its count.
fn control(bytes: &[u8]) -> Side {
    let Some(head) = bytes.first_chunk::<CONTROL>() else { return Side::Other };
    let count = usize::from(u16::from_be_bytes([head[10], head[11]]));
    let is_request = head[1] & 0x80 == 0;
    let operation = head[1] & 0x1f;
    // Padding to a multiple of four bytes, then perhaps a key's number and a signature.
    let fits = (bytes.len() - CONTROL)
        .checked_sub(count)
        .is_some_and(|more| matches!(more, 0..=7 | 20..=31));
    // Requests are text, which an early DTLS with the same first bytes is not.
    let is_text = bytes[CONTROL..]
        .iter()
        .take(count)
        .all(|&b| b == 0 || b.is_ascii_graphic() || b.is_ascii_whitespace());
    let is_quiet =
        is_request && is_text && head[1] >> 5 == 0 && head[4..6] == [0; 2] && head[8..10] == [0; 2];
    let is_known = head[0] >> 6 == 0 && matches!(operation, 1..=12 | 31);
    if fits && is_known && (is_quiet || !is_request) { Side::Matches } else { Side::Other }
}

/// Judges a message of `ntpdc`: implementation 2 or 3, and items whose size and number fill the
/// message.
fn private(bytes: &[u8], first: u8) -> Side {
    let Some(head) = bytes.first_chunk::<PRIVATE>() else { return Side::Other };
    let items = usize::from(u16::from_be_bytes([head[4] & 0x0f, head[5]]));
    let size = usize::from(u16::from_be_bytes([head[6] & 0x0f, head[7]]));
    let is_answer = first & 0x80 != 0;
    let fits = if is_answer {
        items > 0 && bytes.len() == PRIVATE + items * size
    } else {
        items * size <= bytes.len()
    };
    let is_known = matches!(head[2], 2 | 3)
        && head[3] <= 45
        && head[6] >> 4 == 0
        && (is_answer || head[4] >> 4 == 0);
    if fits && is_known && (is_answer || matches!(head[1], 0 | 0x80)) {
        Side::Matches
    } else {
        Side::Other
    }
}
