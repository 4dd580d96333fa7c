//! OSC packets: a message or a bundle. No library reads them here, because real senders use type
//! tags, encodings and missing tags that parsers refuse, and because a detector needs to know how
//! exactly the bytes fit, not what they mean.

/// Bytes of a packet; a message needs at least an address of four bytes and, with tags, four more.
const SHORTEST: usize = 4;
const LONGEST: usize = 65_507;
/// Depth to which bundles may be nested.
const DEPTH: usize = 8;
const BUNDLE: &[u8] = b"#bundle\0";
/// Seconds since 1900 of 1970 and 2036. A time tag outside, and not zero or «immediately», is not
/// valid. Senders whose clock is not set, or that schedule by a counter, begin at 1970.
const SANE_SECONDS: std::ops::Range<u32> = 0x83aa_7e80..0xffff_ffff;

/// How much a packet proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grade {
    /// The bytes are no packet.
    Invalid,
    /// An address without type tags, which the specification requires receivers to accept from old
    /// senders.
    Untyped,
    /// Address, type tags and arguments fit to the byte.
    Typed,
}

/// A message's address and its type tags without the comma.
pub(super) type OscMessage<'a> = (&'a [u8], Option<&'a [u8]>);

/// Whether the bytes can be the beginning of a packet.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    let known = bytes.len().min(BUNDLE.len());
    bytes[..known] == BUNDLE[..known]
        || (bytes[0] == b'/' && bytes.iter().take_while(|&&b| b != 0).all(|&b| is_printable(b)))
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
    // X32 and M32 answer `/node` with an address that lacks the slash.
    let is_address = (address.first() == Some(&b'/') && address.len() >= 2) || address == b"node";
    if !is_address || !address.iter().copied().all(is_printable) {
        return None;
    }
    if rest.first() != Some(&b',') {
        messages.push((address, None));
        return (rest.is_empty() && address != b"node").then_some(Grade::Untyped);
    }
    let (tags, mut arguments) = string(rest)?;
    for tag in &tags[1..] {
        arguments = argument(*tag, arguments)?;
    }
    messages.push((address, Some(&tags[1..])));
    arguments.is_empty().then_some(Grade::Typed)
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
        if element(inner, depth + 1, messages)? == Grade::Typed {
            grade = Grade::Typed;
        }
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

/// Whether a byte may occur in an address. Eos has blanks and backslashes in addresses and others
/// UTF-8, despite the specification.
const fn is_printable(byte: u8) -> bool {
    byte >= 0x20 && byte != 0x7f
}
