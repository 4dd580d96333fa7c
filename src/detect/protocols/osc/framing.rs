//! The framing of packets in a TCP stream.

use memchr::memchr_iter;

use super::packet::{self, Grade};
use crate::osc::{END, LENGTH, first_length, length, own_len, unescape};

/// Packets of a run that are read at most: of tiny ones, a side has thousands.
const PACKETS: usize = 160;

/// How packets stand in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OscFraming {
    /// OSC 1.0: a length before each packet, in 32 bits.
    LengthPrefix,
    /// OSC 1.1: SLIP (RFC 1055).
    Slip,
    /// None: packets follow each other, which no specification allows.
    Unframed,
}

impl OscFraming {
    /// The value of the fact `osc.framing`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LengthPrefix => "length-prefix",
            Self::Slip => "slip",
            Self::Unframed => "none",
        }
    }

    /// The framing of a run of bytes: by its first byte where that is the stream's first
    /// (`in_step`), else by the first place that can be the beginning of a frame.
    #[must_use]
    pub fn detect(bytes: &[u8], in_step: bool) -> Option<Self> {
        match bytes {
            [END, ..] => return Some(Self::Slip),
            [b'/' | b'#', ..] => {
                return Some(if ends_a_packet(bytes) { Self::Slip } else { Self::Unframed });
            }
            [] => return None,
            _ => {}
        }
        if in_step {
            let known = &bytes[..bytes.len().min(LENGTH)];
            // The first byte of a length below 2^17 is zero.
            let plausible = known.len() < LENGTH || length(known).is_some();
            return (known[0] == 0
                && plausible
                && bytes.get(LENGTH).is_none_or(|b| matches!(b, b'/' | b'#')))
            .then_some(Self::LengthPrefix);
        }
        let slip =
            memchr_iter(END, bytes).find(|&at| matches!(bytes.get(at + 1), Some(b'/' | b'#')));
        // The length's four bytes end behind the END that may stand at the same place.
        let before = slip.map_or(bytes, |at| &bytes[..bytes.len().min(at + LENGTH)]);
        match (slip, first_length(before)) {
            (Some(slip), Some(length)) if length < slip => Some(Self::LengthPrefix),
            (Some(_), _) => Some(Self::Slip),
            (None, Some(_)) => Some(Self::LengthPrefix),
            (None, None) => None,
        }
    }

    /// Passes each whole packet and its offset to `each`, [`PACKETS`] of them at most, until `each`
    /// refuses one. False where it did, or where the bytes cannot be in this framing.
    pub(super) fn packets(
        self,
        bytes: &[u8],
        in_step: bool,
        each: &mut impl FnMut(&[u8], usize) -> bool,
    ) -> bool {
        match self {
            Self::LengthPrefix => prefixed(bytes, in_step, each),
            Self::Slip => slip(bytes, in_step, each),
            Self::Unframed => unframed(bytes, each),
        }
    }
}

/// Whether a first packet ends with an END, which its arguments may have too.
fn ends_a_packet(bytes: &[u8]) -> bool {
    let frame = memchr::memchr(END, bytes).and_then(|end| unescape(&bytes[..end]));
    frame.is_some_and(|frame| packet::grade(&frame, &mut Vec::new()) != Grade::Invalid)
}

fn prefixed(bytes: &[u8], in_step: bool, each: &mut impl FnMut(&[u8], usize) -> bool) -> bool {
    let mut at = 0;
    if !in_step {
        match first_length(bytes) {
            Some(first) => at = first,
            None => return false,
        }
    }
    for _ in 0..PACKETS {
        let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= LENGTH) else { break };
        let Some(len) = length(rest) else { return false };
        let Some(packet) = rest.get(LENGTH..LENGTH + len) else {
            return packet::may_begin(&rest[LENGTH..]);
        };
        if !each(packet, at + LENGTH) {
            return false;
        }
        at += LENGTH + len;
    }
    true
}

fn slip(bytes: &[u8], in_step: bool, each: &mut impl FnMut(&[u8], usize) -> bool) -> bool {
    let mut at = 0;
    if !in_step {
        match bytes.iter().position(|&b| b == END) {
            Some(end) => at = end,
            None => return false,
        }
    }
    for _ in 0..PACKETS {
        let Some(len) = memchr::memchr(END, &bytes[at..]) else {
            let rest = &bytes[at..];
            return rest.is_empty() || packet::may_begin(rest);
        };
        let frame = &bytes[at..at + len];
        // ENDs on both sides of a packet leave empty frames between packets.
        if !frame.is_empty() {
            let Some(packet) = unescape(frame) else { return false };
            if !each(&packet, at) {
                return false;
            }
        }
        at += len + 1;
    }
    true
}

fn unframed(bytes: &[u8], each: &mut impl FnMut(&[u8], usize) -> bool) -> bool {
    let mut at = 0;
    for _ in 0..PACKETS {
        let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else { break };
        let Some(packet) = own_len(rest).and_then(|len| rest.get(..len)) else {
            return packet::grade_cut(rest, &mut Vec::new()) != Grade::Invalid;
        };
        if !each(packet, at) {
            return false;
        }
        at += packet.len();
    }
    true
}
