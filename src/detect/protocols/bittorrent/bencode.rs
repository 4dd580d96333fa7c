//! Bencoding, BEP 3: whole numbers, byte strings, lists and dictionaries, read strictly.

/// Depth to which lists and dictionaries may be nested.
const DEEPEST: usize = 8;

/// A value. A list or a dictionary is the checked bytes between its letter and its `e`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BencodeValue<'a> {
    Number,
    Text(&'a [u8]),
    List(&'a [u8]),
    Dictionary(&'a [u8]),
}

/// The bytes as a dictionary with nothing after it.
pub(super) fn dictionary(bytes: &[u8]) -> Option<BencodeValue<'_>> {
    match value(bytes, DEEPEST)? {
        (found @ BencodeValue::Dictionary(_), []) => Some(found),
        _ => None,
    }
}

impl<'a> BencodeValue<'a> {
    /// The value of a dictionary's key.
    pub(super) fn get(&self, key: &[u8]) -> Option<BencodeValue<'a>> {
        let Self::Dictionary(mut rest) = *self else { return None };
        while !rest.is_empty() {
            let (name, behind) = text(rest)?;
            let (found, behind) = value(behind, DEEPEST)?;
            if name == key {
                return Some(found);
            }
            rest = behind;
        }
        None
    }

    /// The string of a dictionary's key.
    pub(super) fn text(&self, key: &[u8]) -> Option<&'a [u8]> {
        match self.get(key)? {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The first value and the bytes after it.
fn value(bytes: &[u8], depth: usize) -> Option<(BencodeValue<'_>, &[u8])> {
    match bytes.split_first()? {
        (b'i', rest) => {
            let end = rest.iter().take(21).position(|&b| b == b'e')?;
            let digits = rest[..end].strip_prefix(b"-").unwrap_or(&rest[..end]);
            (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
                .then(|| (BencodeValue::Number, &rest[end + 1..]))
        }
        (b'0'..=b'9', _) => text(bytes).map(|(text, rest)| (BencodeValue::Text(text), rest)),
        (&kind @ (b'l' | b'd'), inside) => {
            let depth = depth.checked_sub(1)?;
            let mut rest = inside;
            while *rest.first()? != b'e' {
                if kind == b'd' {
                    rest = text(rest)?.1;
                }
                rest = value(rest, depth)?.1;
            }
            let content = &inside[..inside.len() - rest.len()];
            Some((
                if kind == b'd' {
                    BencodeValue::Dictionary(content)
                } else {
                    BencodeValue::List(content)
                },
                &rest[1..],
            ))
        }
        _ => None,
    }
}

fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = bytes.iter().take(6).position(|&b| b == b':')?;
    let digits = &bytes[..colon];
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let len = digits.iter().fold(0, |len, &digit| len * 10 + usize::from(digit - b'0'));
    bytes[colon + 1..].split_at_checked(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_is_read_whole_or_not_at_all() {
        let found = dictionary(b"d1:ai-3e1:bl1:xe1:cd2:id2:yyee").unwrap();
        assert_eq!(found.get(b"a"), Some(BencodeValue::Number));
        assert_eq!(found.get(b"b"), Some(BencodeValue::List(b"1:x")));
        assert_eq!(found.get(b"c").unwrap().text(b"id"), Some(&b"yy"[..]));
        assert_eq!(found.get(b"d"), None);
        for bytes in [
            &b"d1:ai3e"[..],
            b"d1:ai3eex",
            b"d1:ae",
            b"d1:a9:xe",
            b"di1ei2ee",
            b"le",
            b"ddddddddddeeeeeeeeee",
            b"d1:aiee",
        ] {
            assert_eq!(dictionary(bytes), None, "{}", bytes.escape_ascii());
        }
    }
}
