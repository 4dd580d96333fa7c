//! BER, ITU-T X.690: a strict reader of tag, length and value.
//!
//! It reads tags of one byte and definite lengths of at most four bytes, which LDAP (RFC 4511,
//! section 5.1), SNMP and CSTA use. A length may take more bytes than necessary: Microsoft's always
//! take four.

/// A value and its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tlv<'a> {
    /// Class, constructed bit and number in one byte.
    pub tag: u8,
    /// The whole value.
    pub content: &'a [u8],
}

/// The bytes are not BER, or not of the kind that this module reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidBer;

/// A tag and a length. The value may not have been captured yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TlvHeader {
    /// Class, constructed bit and number in one byte.
    pub tag: u8,
    /// Bytes of tag and length.
    pub size: usize,
    /// Bytes of the value.
    pub len: usize,
}

/// The tag and length at the beginning of `bytes`; `None` where more bytes are needed.
pub(crate) fn header(bytes: &[u8]) -> Result<Option<TlvHeader>, InvalidBer> {
    let Some((&tag, rest)) = bytes.split_first() else { return Ok(None) };
    // Two zero bytes end an indefinite length; the number 31 marks a longer tag.
    if tag == 0 || tag & 0x1f == 0x1f {
        return Err(InvalidBer);
    }
    let Some((&first, rest)) = rest.split_first() else { return Ok(None) };
    let more = match first {
        0..=0x7f => return Ok(Some(TlvHeader { tag, size: 2, len: usize::from(first) })),
        0x81..=0x84 => usize::from(first & 0x7f),
        _ => return Err(InvalidBer),
    };
    let Some(digits) = rest.get(..more) else { return Ok(None) };
    let len = digits.iter().fold(0_u32, |len, &digit| len << 8 | u32::from(digit));
    let len = usize::try_from(len)
        .ok()
        .filter(|&len| len <= isize::MAX as usize - 6)
        .ok_or(InvalidBer)?;
    Ok(Some(TlvHeader { tag, size: 2 + more, len }))
}

/// The first value and the bytes after it; `None` where more bytes are needed.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<(Tlv<'_>, &[u8])>, InvalidBer> {
    let Some(TlvHeader { tag, size, len }) = header(bytes)? else { return Ok(None) };
    let value = bytes.get(size..).and_then(|rest| rest.split_at_checked(len));
    Ok(value.map(|(content, rest)| (Tlv { tag, content }, rest)))
}

/// The first value, which must have this tag and be there whole, and the bytes after it.
pub(crate) fn expect(bytes: &[u8], tag: u8) -> Result<(&[u8], &[u8]), InvalidBer> {
    match read(bytes)? {
        Some((tlv, rest)) if tlv.tag == tag => Ok((tlv.content, rest)),
        _ => Err(InvalidBer),
    }
}

/// The value of an INTEGER or ENUMERATED, if it is not negative and fits a `u32`.
pub(crate) fn unsigned(content: &[u8]) -> Result<u32, InvalidBer> {
    match content {
        [0..=0x7f, rest @ ..] if rest.len() <= 3 => {}
        [0, rest @ ..] if rest.len() == 4 => {}
        _ => return Err(InvalidBer),
    }
    Ok(content.iter().fold(0, |value, &digit| value << 8 | u32::from(digit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_when_all_of_it_is_there() {
        assert_eq!(
            read(b"\x02\x01\x07rest"),
            Ok(Some((Tlv { tag: 2, content: b"\x07" }, &b"rest"[..])))
        );
        assert_eq!(
            read(b"\x30\x84\x00\x00\x00\x01x"),
            Ok(Some((Tlv { tag: 0x30, content: b"x" }, &b""[..])))
        );
        for cut in [&b""[..], b"\x30", b"\x30\x82\x01", b"\x30\x03ab", b"\x04\x84\xff\xff\xff\xffx"]
        {
            assert_eq!(read(cut), Ok(None), "{cut:x?}");
        }
    }

    #[test]
    fn indefinite_and_huge_lengths_and_long_tags_are_refused() {
        for bytes in [
            &b"\x30\x80\x00\x00"[..],
            b"\x1f\x20\x01x",
            b"\x00\x00",
            b"\x30\x85\x00\x00\x00\x00\x01x",
        ] {
            assert_eq!(read(bytes), Err(InvalidBer), "{bytes:x?}");
        }
    }

    #[test]
    fn numbers_are_not_negative_and_fit() {
        assert_eq!(unsigned(b"\x00\xff\xff\xff\xff"), Ok(u32::MAX));
        assert_eq!(unsigned(b"\x01\x00"), Ok(256));
        for content in [&b""[..], b"\x80", b"\x01\x00\x00\x00\x00"] {
            assert_eq!(unsigned(content), Err(InvalidBer), "{content:x?}");
        }
    }
}
