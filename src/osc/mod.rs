//! Open Sound Control on the wire: packets, messages, bundles, arguments, SLIP, address patterns.
//!
//! Takes the bytes of one packet, gives an [`OscPacket`] that borrows them, or an [`OscFault`] with
//! the place and the reason. Knows nothing of flows: the detector and `osc_trace` use it.
//! Specifications: <https://opensoundcontrol.stanford.edu/spec-1_0.html> and
//! <https://opensoundcontrol.stanford.edu/spec-1_1.html>.
//!
//! No library reads packets here, because real senders use type tags, encodings and missing tags
//! that parsers refuse, and because both users need to know where exactly a packet fails. What is
//! read can be written again to the byte: paddings that are not zero are faults.

mod argument;
mod fault;
mod packet;
mod pattern;
mod slip;
mod time_tag;

use memchr::memchr2_iter;

pub use argument::OscArgument;
pub use fault::{OscFault, OscFaultReason};
pub use packet::{OscBundle, OscMessage, OscPacket};
pub use pattern::AddressPattern;
pub use time_tag::OscTimeTag;

pub(crate) use argument::{argument, is_type, string};
pub(crate) use packet::{BUNDLE, DEPTH, element, is_printable, own_len};
pub(crate) use slip::{END, unescape};

/// The address with which X32 and M32 answer `/node`, which lacks the slash.
pub(crate) const NODE: &[u8] = b"node";
/// Bytes of the length before each packet in a stream of OSC 1.0.
pub(crate) const LENGTH: usize = 4;

/// The length before a packet, if it is plausible.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    const SHORTEST: usize = 8;
    const LONGEST: usize = 1 << 16;
    let length = u32::from_be_bytes(*bytes.first_chunk()?) as usize;
    ((SHORTEST..=LONGEST).contains(&length) && length.is_multiple_of(4)).then_some(length)
}

/// The offset of the first plausible length that the first byte of a packet follows.
pub(crate) fn first_length(bytes: &[u8]) -> Option<usize> {
    let behind = bytes.get(LENGTH..)?;
    memchr2_iter(b'/', b'#', behind).find(|&at| length(&bytes[at..]).is_some())
}
