//! What a packet proves: how exactly its bytes fit, not what they mean.

use super::product::{self, AddressOrigin};
use crate::osc::{self, BUNDLE, DEPTH, NODE, argument, is_printable, is_type, string};

/// Bytes of a packet; a message needs at least an address of four bytes and, with tags, four more.
pub(super) const SHORTEST: usize = 4;
const LONGEST: usize = 65_507;
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
pub(super) type StatedMessage<'a> = (&'a [u8], Option<&'a [u8]>);

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
pub(super) fn grade_cut<'a>(bytes: &'a [u8], messages: &mut Vec<StatedMessage<'a>>) -> Grade {
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
    let Ok((address, rest)) = string(bytes) else { return Grade::Untyped };
    if !is_address(address) {
        return Grade::Invalid;
    }
    let Some((tags, mut arguments)) = string(rest).ok().filter(|_| rest[0] == b',') else {
        messages.push((address, None));
        return Grade::Untyped;
    };
    for tag in &tags[1..] {
        match argument(*tag, arguments) {
            Ok((_, behind)) => arguments = behind,
            Err(_) if is_type(*tag) => break,
            Err(_) => return Grade::Invalid,
        }
    }
    messages.push((address, Some(&tags[1..])));
    Grade::Typed
}

/// Judges a whole packet and collects its messages.
pub(super) fn grade<'a>(bytes: &'a [u8], messages: &mut Vec<StatedMessage<'a>>) -> Grade {
    if !(SHORTEST..=LONGEST).contains(&bytes.len()) || !bytes.len().is_multiple_of(4) {
        return Grade::Invalid;
    }
    element(bytes, 0, messages).unwrap_or(Grade::Invalid)
}

fn element<'a>(
    bytes: &'a [u8],
    depth: usize,
    messages: &mut Vec<StatedMessage<'a>>,
) -> Option<Grade> {
    if bytes.starts_with(BUNDLE) {
        return bundle(&bytes[BUNDLE.len()..], depth, messages);
    }
    let (address, rest) = string(bytes).ok()?;
    if !is_address(address) {
        return None;
    }
    if rest.first() != Some(&b',') {
        messages.push((address, None));
        return untyped(address, rest);
    }
    let (tags, mut arguments) = string(rest).ok()?;
    for tag in &tags[1..] {
        arguments = argument(*tag, arguments).ok()?.1;
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

fn bundle<'a>(
    bytes: &'a [u8],
    depth: usize,
    messages: &mut Vec<StatedMessage<'a>>,
) -> Option<Grade> {
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
        let (inner, behind) = osc::element(rest).ok()?;
        if inner.is_empty() || !inner.len().is_multiple_of(4) {
            return None;
        }
        grade = grade.max(element(inner, depth + 1, messages)?);
        rest = behind;
    }
    Some(grade)
}
