//! Packets: a message, or a bundle of packets.

use super::argument::{argument, string};
use super::{NODE, OscArgument, OscFault, OscFaultReason, OscTimeTag};

/// What a bundle begins with.
pub(crate) const BUNDLE: &[u8] = b"#bundle\0";
/// Depth to which bundles may be nested.
pub(crate) const DEPTH: usize = 8;
/// Bytes of a bundle before its elements: its name and its time tag.
const BUNDLE_HEAD: usize = 16;

/// A packet, or an element of a bundle.
#[derive(Debug, Clone, PartialEq)]
pub enum OscPacket<'a> {
    /// A message.
    Message(OscMessage<'a>),
    /// A bundle.
    Bundle(OscBundle<'a>),
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct OscMessage<'a> {
    /// The address pattern: untrusted bytes, mostly ASCII.
    pub address: &'a [u8],
    /// The type tags without the comma. Old senders leave them out where there are no arguments.
    pub types: Option<&'a [u8]>,
    /// The arguments, brackets of arrays among them: one for each type tag.
    pub arguments: Vec<OscArgument<'a>>,
}

/// A bundle.
#[derive(Debug, Clone, PartialEq)]
pub struct OscBundle<'a> {
    /// When its messages are to take effect.
    pub time: OscTimeTag,
    /// Messages, and bundles in it.
    pub elements: Vec<OscPacket<'a>>,
}

impl<'a> OscPacket<'a> {
    /// Reads a whole packet.
    ///
    /// # Errors
    /// Where the bytes are no packet.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, OscFault<'a>> {
        parse(bytes, 0, 0)
    }

    /// Number of messages.
    #[must_use]
    pub fn messages(&self) -> usize {
        match self {
            Self::Message(_) => 1,
            Self::Bundle(bundle) => bundle.elements.iter().map(Self::messages).sum(),
        }
    }

    /// Whether a message has an address that satisfies `matches`.
    pub fn has_address(&self, matches: &dyn Fn(&[u8]) -> bool) -> bool {
        match self {
            Self::Message(message) => matches(message.address),
            Self::Bundle(bundle) => bundle.elements.iter().any(|e| e.has_address(matches)),
        }
    }
}

/// A fault of no message in particular.
const fn fault<'a>(at: usize, reason: OscFaultReason) -> OscFault<'a> {
    OscFault { at, reason, address: None, types: None }
}

/// Reads the packet that stands at the offset `at` of the whole one.
fn parse(bytes: &[u8], at: usize, depth: usize) -> Result<OscPacket<'_>, OscFault<'_>> {
    match bytes {
        [] => Err(fault(at, OscFaultReason::Empty)),
        [b'#', ..] => bundle(bytes, at, depth).map(OscPacket::Bundle),
        _ => message(bytes, at).map(OscPacket::Message),
    }
}

fn bundle(bytes: &[u8], at: usize, depth: usize) -> Result<OscBundle<'_>, OscFault<'_>> {
    if !bytes.starts_with(BUNDLE) {
        let same = bytes.iter().zip(BUNDLE).take_while(|(a, b)| a == b).count();
        let is_named = same == BUNDLE.len() - 1;
        let reason = if is_named { OscFaultReason::BundleName } else { OscFaultReason::Beginning };
        return Err(fault(at + if is_named { same } else { 0 }, reason));
    }
    if depth == DEPTH {
        return Err(fault(at, OscFaultReason::Depth));
    }
    let time = bytes.get(BUNDLE.len()..).and_then(|rest| rest.first_chunk());
    let Some(time) = time else {
        return Err(fault(at + bytes.len(), OscFaultReason::BundleTime));
    };
    let mut found = OscBundle { time: OscTimeTag(u64::from_be_bytes(*time)), elements: Vec::new() };
    let mut rest = &bytes[BUNDLE_HEAD..];
    while !rest.is_empty() {
        let here = at + bytes.len() - rest.len();
        let (inner, behind) = element(rest).map_err(|reason| fault(here, reason))?;
        found.elements.push(parse(inner, here + 4, depth + 1)?);
        rest = behind;
    }
    Ok(found)
}

/// The next element of a bundle, and the bytes behind it.
pub(crate) fn element(bytes: &[u8]) -> Result<(&[u8], &[u8]), OscFaultReason> {
    let Some((size, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(OscFaultReason::ElementSize);
    };
    let stated = u32::from_be_bytes(*size);
    let left = rest.len();
    rest.split_at_checked(stated as usize).ok_or(OscFaultReason::ElementLength { stated, left })
}

fn message(bytes: &[u8], at: usize) -> Result<OscMessage<'_>, OscFault<'_>> {
    let text = bytes.split(|&b| b == 0).next().unwrap_or(bytes);
    if bytes[0] != b'/' && text != NODE {
        return Err(fault(at, OscFaultReason::Beginning));
    }
    let printable = text.iter().take_while(|&&b| is_printable(b)).count();
    let readable =
        OscFault { address: Some(&text[..printable]), ..fault(0, OscFaultReason::Empty) };
    let failed = |at: usize, reason| OscFault { at, reason, ..readable };
    let (address, rest) = string(bytes).map_err(|(here, why)| failed(at + here, why))?;
    if let Some(&byte) = address.get(printable) {
        return Err(failed(at + printable, OscFaultReason::Character(byte)));
    }
    let offset = |rest: &[u8]| at + bytes.len() - rest.len();
    if rest.first() != Some(&b',') {
        if rest.is_empty() {
            return Ok(OscMessage { address, types: None, arguments: Vec::new() });
        }
        return Err(failed(offset(rest), OscFaultReason::Untyped(rest.len())));
    }
    let (tags, arguments) = string(rest).map_err(|(here, why)| failed(offset(rest) + here, why))?;
    let types = &tags[1..];
    let failed = |at: usize, reason| OscFault { types: Some(types), ..failed(at, reason) };
    let mut found =
        OscMessage { address, types: Some(types), arguments: Vec::with_capacity(types.len()) };
    let (mut left, mut open) = (arguments, 0_u32);
    for (&tag, i) in types.iter().zip(1..) {
        let at_tag = offset(rest) + i;
        let (value, behind) = argument(tag, left).map_err(|(here, why)| match why {
            OscFaultReason::Type(_) => failed(at_tag, why),
            _ => failed(offset(left) + here, why),
        })?;
        open = match tag {
            b'[' => open + 1,
            b']' => open.checked_sub(1).ok_or(failed(at_tag, OscFaultReason::Brackets))?,
            _ => open,
        };
        found.arguments.push(value);
        left = behind;
    }
    match left.len() {
        _ if open > 0 => Err(failed(offset(rest) + tags.len(), OscFaultReason::Brackets)),
        0 => Ok(found),
        excess => Err(failed(offset(left), OscFaultReason::Excess(excess))),
    }
}

/// Whether a byte may occur in an address. Eos has blanks and backslashes in addresses and others
/// UTF-8, despite the specification.
pub(crate) const fn is_printable(byte: u8) -> bool {
    byte >= 0x20 && byte != 0x7f
}

/// The length of the packet that the bytes begin with, where nothing else states it: by its type
/// tags, in a bundle by the sizes of its elements. `None` where the bytes end within it.
pub(crate) fn own_len(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(BUNDLE) {
        let mut at = BUNDLE_HEAD;
        // A size begins with a zero, another packet does not.
        while let Some(&[0, a, b, c]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            at += 4 + u32::from_be_bytes([0, a, b, c]) as usize;
        }
        return (at <= bytes.len()).then_some(at);
    }
    let (_, mut rest) = string(bytes).ok()?;
    if rest.first() == Some(&b',') {
        let (tags, arguments) = string(rest).ok()?;
        rest = arguments;
        for tag in &tags[1..] {
            rest = argument(*tag, rest).ok()?.1;
        }
    }
    Some(bytes.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(bytes: &[u8]) -> (usize, OscFaultReason) {
        let fault = OscPacket::parse(bytes).unwrap_err();
        (fault.at, fault.reason)
    }

    #[test]
    fn a_fault_says_its_byte_and_its_reason() {
        use OscFaultReason as Why;
        assert_eq!(place(b""), (0, Why::Empty));
        assert_eq!(place(b"{\"a\":1}"), (0, Why::Beginning));
        assert_eq!(place(b"#bundle please"), (7, Why::BundleName));
        assert_eq!(place(b"#bundle\0\0\0\0"), (11, Why::BundleTime));
        let bundle = |rest: &[u8]| [b"#bundle\0\0\0\0\0\0\0\0\x01", rest].concat();
        assert_eq!(place(&bundle(b"\0\0")), (16, Why::ElementSize));
        let long = Why::ElementLength { stated: 8, left: 4 };
        assert_eq!(place(&bundle(b"\0\0\0\x08/a\0\0")), (16, long));
        assert_eq!(place(&bundle(b"\0\0\0\x04/a\0x")), (23, Why::Padding));
        assert_eq!(place(b"/eos/ping"), (9, Why::Unterminated));
        assert_eq!(place(b"/a\nb\0\0\0\0"), (2, Why::Character(b'\n')));
        assert_eq!(place(b"/a\0"), (3, Why::PaddingCut));
        assert_eq!(place(b"/a\0\0abc\0"), (4, Why::Untyped(4)));
        assert_eq!(place(b"/a\0\0,iq\0\0\0\0\x01"), (6, Why::Type(b'q')));
        let short = Why::Argument { tag: b'f', needs: 4, left: 2 };
        assert_eq!(place(b"/a\0\0,if\0\0\0\0\x01\0\0"), (12, short));
        let blob = Why::Argument { tag: b'b', needs: 9, left: 8 };
        assert_eq!(place(b"/a\0\0,b\0\0\0\0\0\x05abcd"), (8, blob));
        assert_eq!(place(b"/a\0\0,b\0\0\0\0\0\x03abcd"), (15, Why::Padding));
        assert_eq!(place(b"/a\0\0,i\0\0\0\0\0\x01more"), (12, Why::Excess(4)));
        assert_eq!(place(b"/a\0\0,]\0\0"), (5, Why::Brackets));
        assert_eq!(place(b"/a\0\0,[\0\0"), (6, Why::Brackets));
        let fault = OscPacket::parse(b"/a\0\0,q\0\0").unwrap_err();
        assert_eq!((fault.address, fault.types), (Some(&b"/a"[..]), Some(&b"q"[..])));
    }

    #[test]
    fn bundles_are_read_down_to_a_depth() {
        let wrap = |inner: Vec<u8>| {
            let size = (inner.len() as u32).to_be_bytes();
            [&b"#bundle\0\0\0\0\0\0\0\0\x01"[..], &size, &inner].concat()
        };
        let mut packet = b"/a\0\0,T\0\0".to_vec();
        for _ in 0..DEPTH {
            packet = wrap(packet);
        }
        assert_eq!(OscPacket::parse(&packet).unwrap().messages(), 1);
        assert_eq!(place(&wrap(packet)), (8 * 20, OscFaultReason::Depth));
    }

    #[test]
    fn every_type_has_its_value() {
        use OscArgument as A;
        let bytes = b"/a\0\0,ifshtdScrmTFNI[b]\0\0\xff\xff\xff\xff\x3f\x80\0\0x\0\0\0\
            \0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x01\x3f\xf0\0\0\0\0\0\0y\0\0\0\
            \0\0\0A\x01\x02\x03\x04\0\x90\x3c\x7f\0\0\0\x01z\0\0\0";
        let Ok(OscPacket::Message(message)) = OscPacket::parse(bytes) else { panic!() };
        let expected = [
            A::Int(-1),
            A::Float(1.0),
            A::Text(b"x"),
            A::Long(2),
            A::TimeTag(OscTimeTag::IMMEDIATELY),
            A::Double(1.0),
            A::Symbol(b"y"),
            A::Char(65),
            A::Colour([1, 2, 3, 4]),
            A::Midi([0, 0x90, 0x3c, 0x7f]),
            A::True,
            A::False,
            A::Nil,
            A::Impulse,
            A::ArrayBegin,
            A::Blob(b"z"),
            A::ArrayEnd,
        ];
        assert_eq!(message.arguments, expected);
        let tags: String = message.arguments.iter().map(A::tag).collect();
        assert_eq!(Some(tags.as_bytes()), message.types);
    }
}
