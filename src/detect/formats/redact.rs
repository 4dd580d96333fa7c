//! Redaction of credentials: only their shape is stated, by which a service may be recognised.

use std::borrow::Cow;

/// Bytes among which the first hyphen ends the kind of a key.
const PREFIX: usize = 12;

/// The value of a header field, in which secret parts are replaced by their shape: `0` for digits,
/// `a` for letters that are hexadecimal digits, `x` for other letters, in either case.
pub(crate) fn masked<'a>(name: &str, value: &'a [u8]) -> Cow<'a, [u8]> {
    let is = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    if is(&["authorization", "proxy-authorization"]) {
        // The scheme, then the kind of key that services put first: `Bearer private-…`.
        let scheme = value.iter().position(|&b| b == b' ').map_or(0, |space| space + 1);
        let key = &value[scheme..];
        let kind = key
            .iter()
            .take(PREFIX)
            .position(|&b| b == b'-')
            .filter(|&at| key[..at].iter().all(u8::is_ascii_lowercase));
        shaped(value, scheme + kind.map_or(0, |at| at + 1)..value.len())
    } else if is(&["x-api-key"]) {
        shaped(value, 0..value.len())
    } else if is(&["cookie"]) {
        let pairs: Vec<_> = value.split(|&b| b == b';').map(pair).collect();
        Cow::Owned(pairs.join(&b';'))
    } else if is(&["set-cookie"]) {
        let end = value.iter().position(|&b| b == b';').unwrap_or(value.len());
        Cow::Owned([pair(&value[..end]), value[end..].to_vec()].concat())
    } else {
        Cow::Borrowed(value)
    }
}

/// A name and its value, which is secret, with `=` between them.
fn pair(pair: &[u8]) -> Vec<u8> {
    let begin = pair.iter().position(|&b| b == b'=').map_or(pair.len(), |at| at + 1);
    shaped(pair, begin..pair.len()).into_owned()
}

/// `value` with the bytes in `secret` replaced by their shape.
fn shaped(value: &[u8], secret: std::ops::Range<usize>) -> Cow<'_, [u8]> {
    let mut shown = value.to_vec();
    for byte in &mut shown[secret] {
        *byte = match *byte {
            b'0'..=b'9' => b'0',
            b'a'..=b'f' => b'a',
            b'g'..=b'z' => b'x',
            b'A'..=b'F' => b'A',
            b'G'..=b'Z' => b'X',
            other => other,
        };
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_keep_their_shape_and_nothing_else() {
        for (name, value, shown) in [
            ("Authorization", "Bearer private-ab9zQ", "Bearer private-aa0xX"),
            ("authorization", "Basic dXNlcjpwYXNz", "Basic aXXxaxxxXXXx"),
            ("Proxy-Authorization", "secret", "xaaxax"),
            ("Set-Cookie", "sid=9f-Zz; Path=/; HttpOnly", "sid=0a-Xx; Path=/; HttpOnly"),
            ("Cookie", "sid=9f; theme=dark", "sid=0a; theme=aaxx"),
            ("Accept", "secret", "secret"),
        ] {
            assert_eq!(masked(name, value.as_bytes()), shown.as_bytes(), "{name}");
        }
    }
}
