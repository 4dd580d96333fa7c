//! BSON documents, as `MongoDB` sends them: <https://bsonspec.org/spec.html>. Documents are read
//! without copying; one that the capture cut gives the elements that were captured.

/// A value. Types that no detector reads are [`BsonValue::Other`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum BsonValue<'a> {
    Text(&'a [u8]),
    Document(BsonDocument<'a>),
    Int(i32),
    Other,
}

/// A document that begins with a plausible length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BsonDocument<'a> {
    bytes: &'a [u8],
    len: usize,
}

impl<'a> BsonDocument<'a> {
    /// The document at the beginning of `bytes`; `None` where there cannot be one.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let len = usize::try_from(i32_at(bytes, 0)?).ok()?;
        if !(5..=48 << 20).contains(&len) || bytes.get(len - 1).is_some_and(|&end| end != 0) {
            return None;
        }
        Some(Self {
            bytes: bytes.get(4..len - 1).unwrap_or_else(|| bytes.get(4..).unwrap_or_default()),
            len,
        })
    }

    /// The document's length on the wire, in bytes, its length field and final zero included.
    pub(crate) const fn len(self) -> usize {
        self.len
    }

    /// Whether the capture cut the document.
    pub(crate) const fn is_cut(self) -> bool {
        self.bytes.len() + 5 < self.len
    }

    /// Whether every element that was captured has a known type, a name and a value that fits.
    pub(crate) fn is_sound(self) -> bool {
        let mut elements = self.elements();
        elements.by_ref().for_each(drop);
        elements.rest.is_empty() || self.is_cut() && elements.may_go_on()
    }

    /// The elements up to the first that was not captured whole.
    pub(crate) const fn elements(self) -> Elements<'a> {
        Elements { rest: self.bytes }
    }

    /// The value of the element `name`.
    pub(crate) fn get(self, name: &[u8]) -> Option<BsonValue<'a>> {
        self.elements().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The text of the element `name`.
    pub(crate) fn text(self, name: &[u8]) -> Option<&'a [u8]> {
        if let Some(BsonValue::Text(text)) = self.get(name) { Some(text) } else { None }
    }

    /// The document of the element `name`.
    pub(crate) fn document(self, name: &[u8]) -> Option<Self> {
        if let Some(BsonValue::Document(document)) = self.get(name) { Some(document) } else { None }
    }
}

/// The elements of a document.
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
}

impl Elements<'_> {
    /// Whether the bytes at which the reading stopped can be the beginning of an element.
    fn may_go_on(&self) -> bool {
        let known = |kind: u8| matches!(kind, 0x01..=0x13 | 0x7f | 0xff);
        let Some((&kind, rest)) = self.rest.split_first() else { return true };
        known(kind) && rest.iter().take_while(|&&b| b != 0).all(|&b| b >= b' ')
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (&'a [u8], BsonValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (&kind, rest) = self.rest.split_first()?;
        let end = rest.iter().take(256).position(|&b| b == 0)?;
        let (name, body) = (rest.get(..end)?, rest.get(end + 1..)?);
        if name.iter().any(|&b| b < b' ') {
            return None;
        }
        let counted = || i32_at(body, 0).and_then(|len| usize::try_from(len).ok());
        let (len, value) = match kind {
            0x01 | 0x09 | 0x11 | 0x12 => (8, BsonValue::Other),
            0x02 | 0x0d | 0x0e => {
                let len = counted().filter(|&len| len > 0)?;
                (len.checked_add(4)?, BsonValue::Text(body.get(4..len.checked_add(3)?)?))
            }
            0x03 | 0x04 | 0x0f => {
                let inner = BsonDocument::read(body)?;
                (inner.len(), BsonValue::Document(inner))
            }
            0x05 => (counted()?.checked_add(5)?, BsonValue::Other),
            0x07 => (12, BsonValue::Other),
            0x08 => (1, BsonValue::Other),
            0x06 | 0x0a | 0x7f | 0xff => (0, BsonValue::Other),
            0x0b => {
                let mut ends =
                    body.iter().enumerate().filter(|(_, b)| **b == 0).map(|(at, _)| at + 1);
                (ends.nth(1)?, BsonValue::Other)
            }
            0x0c => (counted()?.checked_add(16)?, BsonValue::Other),
            0x10 => (4, BsonValue::Int(i32_at(body, 0)?)),
            0x13 => (16, BsonValue::Other),
            _ => return None,
        };
        // The elements of an inner document that was cut are still of use.
        match body.get(len..) {
            Some(after) => self.rest = after,
            None if matches!(value, BsonValue::Document(_)) => self.rest = &[],
            None => return None,
        }
        Some((name, value))
    }
}

/// The little-endian number at the offset `at`.
pub(crate) fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..)?.first_chunk().map(|b| i32::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: &[u8] = b"\x2a\0\0\0\x10ping\0\x01\0\0\0\x02$db\0\x03\0\0\0db\0\x03a\0\x0c\0\0\0\x10b\0\x07\0\0\0\0\0";

    #[test]
    fn elements_are_found_by_their_names() {
        let document = BsonDocument::read(BYTES).unwrap();
        assert!(document.is_sound() && !document.is_cut());
        assert_eq!(document.get(b"ping"), Some(BsonValue::Int(1)));
        assert_eq!(document.text(b"$db"), Some(&b"db"[..]));
        assert_eq!(document.document(b"a").unwrap().get(b"b"), Some(BsonValue::Int(7)));
    }

    #[test]
    fn every_beginning_of_a_document_is_sound() {
        for len in 4..BYTES.len() {
            assert!(BsonDocument::read(&BYTES[..len]).unwrap().is_sound(), "{len}");
        }
    }

    #[test]
    fn a_wrong_length_or_type_is_refused() {
        assert!(BsonDocument::read(b"\x04\0\0\0\0").is_none());
        assert!(BsonDocument::read(b"\x06\0\0\0\0\x01").is_none());
        assert!(!BsonDocument::read(b"\x08\0\0\0\x44a\0\0").unwrap().is_sound());
    }
}
