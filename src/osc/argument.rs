//! Arguments of all types of OSC 1.0 and 1.1, and strings.

use super::{OscFaultReason, OscTimeTag};

/// One argument, or a bracket of an array. Numbers keep all bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OscArgument<'a> {
    /// `i`.
    Int(i32),
    /// `f`.
    Float(f32),
    /// `s`: bytes before the first NUL.
    Text(&'a [u8]),
    /// `b`.
    Blob(&'a [u8]),
    /// `h`.
    Long(i64),
    /// `t`.
    TimeTag(OscTimeTag),
    /// `d`.
    Double(f64),
    /// `S`: a symbol, which is written as a string.
    Symbol(&'a [u8]),
    /// `c`: an ASCII character in 32 bits.
    Char(u32),
    /// `r`: red, green, blue, alpha.
    Colour([u8; 4]),
    /// `m`: port, status and two data bytes of a MIDI message.
    Midi([u8; 4]),
    /// `T`.
    True,
    /// `F`.
    False,
    /// `N`.
    Nil,
    /// `I`: infinitum in OSC 1.0, an impulse in OSC 1.1.
    Impulse,
    /// `[`.
    ArrayBegin,
    /// `]`.
    ArrayEnd,
}

impl OscArgument<'_> {
    /// The type tag.
    #[must_use]
    pub const fn tag(&self) -> char {
        match self {
            Self::Int(_) => 'i',
            Self::Float(_) => 'f',
            Self::Text(_) => 's',
            Self::Blob(_) => 'b',
            Self::Long(_) => 'h',
            Self::TimeTag(_) => 't',
            Self::Double(_) => 'd',
            Self::Symbol(_) => 'S',
            Self::Char(_) => 'c',
            Self::Colour(_) => 'r',
            Self::Midi(_) => 'm',
            Self::True => 'T',
            Self::False => 'F',
            Self::Nil => 'N',
            Self::Impulse => 'I',
            Self::ArrayBegin => '[',
            Self::ArrayEnd => ']',
        }
    }
}

/// A value and the bytes behind it; or the offset of what is wrong, and what that is.
type ValueRead<'a, T> = Result<(T, &'a [u8]), (usize, OscFaultReason)>;

/// Whether there is such a type.
pub(crate) fn is_type(tag: u8) -> bool {
    b"ifcrmhtdsSbTFNI[]".contains(&tag)
}

/// A string and the bytes after its padding; or the offset of what is wrong.
pub(crate) fn string(bytes: &[u8]) -> ValueRead<'_, &[u8]> {
    let Some(len) = bytes.iter().position(|&b| b == 0) else {
        return Err((bytes.len(), OscFaultReason::Unterminated));
    };
    Ok((&bytes[..len], padded(bytes, len, (len + 1).next_multiple_of(4))?))
}

/// The bytes behind the first `to`, of which those from `len` on are padding.
fn padded(bytes: &[u8], len: usize, to: usize) -> Result<&[u8], (usize, OscFaultReason)> {
    let Some(padding) = bytes.get(len..to) else {
        return Err((bytes.len(), OscFaultReason::PaddingCut));
    };
    match padding.iter().position(|&b| b != 0) {
        None => Ok(&bytes[to..]),
        Some(at) => Err((len + at, OscFaultReason::Padding)),
    }
}

/// The argument of this type that the bytes begin with, and the bytes behind it; or the offset of
/// what is wrong.
pub(crate) fn argument(tag: u8, bytes: &[u8]) -> ValueRead<'_, OscArgument<'_>> {
    let four = || {
        let missing = OscFaultReason::Argument { tag, needs: 4, left: bytes.len() };
        bytes.split_first_chunk::<4>().ok_or((0, missing))
    };
    let eight = || {
        let missing = OscFaultReason::Argument { tag, needs: 8, left: bytes.len() };
        bytes.split_first_chunk::<8>().ok_or((0, missing))
    };
    let value = match tag {
        b'i' => return four().map(|(b, rest)| (OscArgument::Int(i32::from_be_bytes(*b)), rest)),
        b'f' => return four().map(|(b, rest)| (OscArgument::Float(f32::from_be_bytes(*b)), rest)),
        b'c' => return four().map(|(b, rest)| (OscArgument::Char(u32::from_be_bytes(*b)), rest)),
        b'r' => return four().map(|(b, rest)| (OscArgument::Colour(*b), rest)),
        b'm' => return four().map(|(b, rest)| (OscArgument::Midi(*b), rest)),
        b'h' => return eight().map(|(b, rest)| (OscArgument::Long(i64::from_be_bytes(*b)), rest)),
        b'd' => {
            return eight().map(|(b, rest)| (OscArgument::Double(f64::from_be_bytes(*b)), rest));
        }
        b't' => {
            let tag = |b: &[u8; 8]| OscArgument::TimeTag(OscTimeTag(u64::from_be_bytes(*b)));
            return eight().map(|(b, rest)| (tag(b), rest));
        }
        b's' => return string(bytes).map(|(text, rest)| (OscArgument::Text(text), rest)),
        b'S' => return string(bytes).map(|(text, rest)| (OscArgument::Symbol(text), rest)),
        b'b' => return blob(bytes),
        b'T' => OscArgument::True,
        b'F' => OscArgument::False,
        b'N' => OscArgument::Nil,
        b'I' => OscArgument::Impulse,
        b'[' => OscArgument::ArrayBegin,
        b']' => OscArgument::ArrayEnd,
        _ => return Err((0, OscFaultReason::Type(tag))),
    };
    Ok((value, bytes))
}

fn blob(bytes: &[u8]) -> ValueRead<'_, OscArgument<'_>> {
    let left = bytes.len();
    let Some((size, rest)) = bytes.split_first_chunk::<4>() else {
        return Err((0, OscFaultReason::Argument { tag: b'b', needs: 4, left }));
    };
    let len = u32::from_be_bytes(*size) as usize;
    if len > rest.len() {
        let needs = len.saturating_add(4);
        return Err((0, OscFaultReason::Argument { tag: b'b', needs, left }));
    }
    let behind = padded(rest, len, len.next_multiple_of(4)).map_err(|(at, why)| (4 + at, why))?;
    Ok((OscArgument::Blob(&rest[..len]), behind))
}
