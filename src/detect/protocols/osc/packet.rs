//! OSC packets: a message or a bundle. No library reads them here, because real senders use type
//! tags, encodings and missing tags that parsers refuse, and because a detector needs to know how
//! exactly the bytes fit, not what they mean.

use super::product::{self, AddressOrigin};

/// Bytes of a packet; a message needs at least an address of four bytes and, with tags, four more.
pub(super) const SHORTEST: usize = 4;
const LONGEST: usize = 65_507;
/// Depth to which bundles may be nested.
const DEPTH: usize = 8;
const BUNDLE: &[u8] = b"#bundle\0";
/// X32 and M32 answer `/node` with an address that lacks the slash.
const NODE: &[u8] = b"node";
/// Seconds since 1900 of 1970 and 2036. A time tag outside, and not zero or «immediately», is not
/// valid. Senders whose clock is not set, or that schedule by a counter, begin at 1970.
const SANE_SECONDS: std::ops::Range<u32> = 0x83aa_7e80..0xffff_ffff;

/// How much a packet proves, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// The bytes are no packet.
    Invalid,
    /// An address without type tags, which the specification requires receivers to accept from old
    /// senders.
    Untyped,
    /// An address without type tags and arguments that a known product defines, as far as a word
    /// shows it.
    Word,
    /// The same, in a name space of the product's own.
    Product,
    /// Address, type tags and arguments fit to the byte.
    Typed,
}

/// A message's address and its type tags without the comma.
pub(super) type OscMessage<'a> = (&'a [u8], Option<&'a [u8]>);

/// Whether the bytes can be the beginning of a packet.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    let known = bytes.len().min(BUNDLE.len());
    bytes[..known] == BUNDLE[..known]
        || bytes.iter().zip(NODE).all(|(a, b)| a == b)
        || (bytes[0] == b'/'
            && bytes.get(1) != Some(&0)
            && bytes.iter().take_while(|&&b| b != 0).all(|&b| is_printable(b)))
}

/// Judges a packet whose end the capture cut and collects its first message: the address, and the
/// type tags, prove as much as in a whole packet, its arguments are missing.
pub(super) fn grade_cut<'a>(bytes: &'a [u8], messages: &mut Vec<OscMessage<'a>>) -> Grade {
    let is_begun = |bytes: &[u8]| !bytes.is_empty() && may_begin(bytes);
    if bytes.starts_with(BUNDLE) {
        // The time, the size of the first element, and the element.
        return match bytes.get(BUNDLE.len() + 12..) {
            Some(inner) if is_begun(inner) => grade_cut(inner, messages),
            Some([_, ..]) => Grade::Invalid,
            _ => Grade::Untyped,
        };
    }
    if !is_begun(bytes) {
        return Grade::Invalid;
    }
    let Some((address, rest)) = string(bytes) else { return Grade::Untyped };
    if !is_address(address) {
        return Grade::Invalid;
    }
    let Some((tags, mut arguments)) = string(rest).filter(|_| rest[0] == b',') else {
        messages.push((address, None));
        return Grade::Untyped;
    };
    for tag in &tags[1..] {
        match argument(*tag, arguments) {
            Some(behind) => arguments = behind,
            None if argument_begins(*tag) => break,
            None => return Grade::Invalid,
        }
    }
    messages.push((address, Some(&tags[1..])));
    Grade::Typed
}

/// The length of the packet that the bytes begin with, where nothing else states it: by its type
/// tags, in a bundle by the sizes of its elements. `None` where the bytes end within it.
pub(super) fn own_len(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(BUNDLE) {
        let mut at = 2 * BUNDLE.len();
        // A size begins with a zero, another packet does not.
        while let Some(&[0, a, b, c]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            at += 4 + u32::from_be_bytes([0, a, b, c]) as usize;
        }
        return (at <= bytes.len()).then_some(at);
    }
    let (_, mut rest) = string(bytes)?;
    if rest.first() == Some(&b',') {
        let (tags, arguments) = string(rest)?;
        rest = arguments;
        for tag in &tags[1..] {
            rest = argument(*tag, rest)?;
        }
    }
    Some(bytes.len() - rest.len())
}

/// Judges a whole packet and collects its messages.
pub(super) fn grade<'a>(bytes: &'a [u8], messages: &mut Vec<OscMessage<'a>>) -> Grade {
    if !(SHORTEST..=LONGEST).contains(&bytes.len()) || !bytes.len().is_multiple_of(4) {
        return Grade::Invalid;
    }
    element(bytes, 0, messages).unwrap_or(Grade::Invalid)
}

fn element<'a>(bytes: &'a [u8], depth: usize, messages: &mut Vec<OscMessage<'a>>) -> Option<Grade> {
    if bytes.starts_with(BUNDLE) {
        return bundle(&bytes[BUNDLE.len()..], depth, messages);
    }
    let (address, rest) = string(bytes)?;
    if !is_address(address) {
        return None;
    }
    if rest.first() != Some(&b',') {
        messages.push((address, None));
        return untyped(address, rest);
    }
    let (tags, mut arguments) = string(rest)?;
    for tag in &tags[1..] {
        arguments = argument(*tag, arguments)?;
    }
    messages.push((address, Some(&tags[1..])));
    arguments.is_empty().then_some(Grade::Typed)
}

/// The grade of a message without type tags. Without an address that names a product, arguments of
/// unknown types would be anything.
fn untyped(address: &[u8], arguments: &[u8]) -> Option<Grade> {
    if !address.iter().all(|b| (0x20..0x7f).contains(b)) || address == NODE {
        return None;
    }
    match product::origin(address) {
        AddressOrigin::Space if arguments.is_empty() => Some(Grade::Product),
        AddressOrigin::Word if arguments.is_empty() => Some(Grade::Word),
        AddressOrigin::Any | AddressOrigin::Word if !arguments.is_empty() => None,
        _ => Some(Grade::Untyped),
    }
}

/// Whether these bytes are an address.
fn is_address(address: &[u8]) -> bool {
    let is_begun = (address.first() == Some(&b'/') && address.len() >= 2) || address == NODE;
    is_begun && address.iter().copied().all(is_printable)
}

fn bundle<'a>(bytes: &'a [u8], depth: usize, messages: &mut Vec<OscMessage<'a>>) -> Option<Grade> {
    let seconds = u32::from_be_bytes(*bytes.first_chunk()?);
    let fraction = u32::from_be_bytes(*bytes.get(4..)?.first_chunk()?);
    let is_time = SANE_SECONDS.contains(&seconds) || (seconds == 0 && fraction <= 1);
    if depth == DEPTH || !is_time {
        return None;
    }
    let mut rest = &bytes[8..];
    // An empty bundle is valid and proves little.
    let mut grade = Grade::Untyped;
    while !rest.is_empty() {
        let len = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        if len == 0 || !len.is_multiple_of(4) {
            return None;
        }
        let inner = rest.get(4..)?.get(..len)?;
        grade = grade.max(element(inner, depth + 1, messages)?);
        rest = &rest[4 + len..];
    }
    Some(grade)
}

/// An OSC string and the bytes after its padding.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = bytes.iter().position(|&b| b == 0)?;
    let padded = (len + 1).next_multiple_of(4);
    let padding = bytes.get(len..padded)?;
    padding.iter().all(|&b| b == 0).then(|| (&bytes[..len], &bytes[padded..]))
}

/// The bytes after an argument of this type.
fn argument(tag: u8, bytes: &[u8]) -> Option<&[u8]> {
    match tag {
        b'T' | b'F' | b'N' | b'I' | b'[' | b']' => Some(bytes),
        b'i' | b'f' | b'c' | b'r' | b'm' => bytes.get(4..),
        b'h' | b't' | b'd' => bytes.get(8..),
        b's' | b'S' => string(bytes).map(|(_, rest)| rest),
        b'b' => {
            let len = u32::from_be_bytes(*bytes.first_chunk()?) as usize;
            let padded = len.checked_next_multiple_of(4)?;
            let blob = bytes.get(4..)?.get(..padded)?;
            blob[len..].iter().all(|&b| b == 0).then(|| &bytes[4 + padded..])
        }
        _ => None,
    }
}

/// Whether there is such a type.
fn argument_begins(tag: u8) -> bool {
    b"ifcrmhtdsSbTFNI[]".contains(&tag)
}

/// Whether a byte may occur in an address. Eos has blanks and backslashes in addresses and others
/// UTF-8, despite the specification.
const fn is_printable(byte: u8) -> bool {
    byte >= 0x20 && byte != 0x7f
}
