//! Redaction of credentials: only their shape is stated, by which a service may be recognised.

use std::borrow::Cow;

/// Bytes among which the first hyphen ends the kind of a key.
const PREFIX: usize = 12;

/// Ends of the names of fields that hold a key or a token, and nothing else. Each ends with a letter
/// of [`LAST`], so that most fields are passed by at once.
const KEYS: [&str; 8] = [
    "token",
    "api-key",
    "apikey",
    "auth-key",
    "access-key",
    "functions-key",
    "subscription-key",
    "secret",
];
const LAST: [u8; 3] = *b"nyt";

/// The value of a header field, in which secret parts are replaced by their shape: `0` for digits,
/// `a` for letters that are hexadecimal digits, `x` for other letters, in either case.
pub(crate) fn masked<'a>(name: &str, value: &'a [u8]) -> Cow<'a, [u8]> {
    let is = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    if is(&["authorization", "proxy-authorization", "x-mcp-proxy-auth"]) {
        // The scheme, then the kind of key that services put first: `Bearer private-…`.
        let scheme = value.iter().position(|&b| b == b' ').map_or(0, |space| space + 1);
        let key = &value[scheme..];
        let kind = key
            .iter()
            .take(PREFIX)
            .position(|&b| b == b'-')
            .filter(|&at| key[..at].iter().all(u8::is_ascii_lowercase));
        shaped(value, scheme + kind.map_or(0, |at| at + 1)..value.len())
    } else if is(&["cookie"]) {
        let pairs: Vec<_> = value.split(|&b| b == b';').map(pair).collect();
        Cow::Owned(pairs.join(&b';'))
    } else if is(&["set-cookie"]) {
        let end = value.iter().position(|&b| b == b';').unwrap_or(value.len());
        Cow::Owned([pair(&value[..end]), value[end..].to_vec()].concat())
    } else if holds_key(name.as_bytes()) {
        shaped(value, 0..value.len())
    } else {
        Cow::Borrowed(value)
    }
}

/// Whether a field holds a key or a token, by the end of its name.
fn holds_key(name: &[u8]) -> bool {
    let ends = |end: &&str| {
        let at = name.len().checked_sub(end.len());
        at.is_some_and(|at| name[at..].eq_ignore_ascii_case(end.as_bytes()))
    };
    name.last().is_some_and(|last| LAST.contains(&last.to_ascii_lowercase()))
        && KEYS.iter().any(ends)
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
            ("X-Api-Key", "k-9", "x-0"),
            ("x-amz-security-token", "k9", "x0"),
            ("Private-Token", "k9", "x0"),
            ("X-MCP-Proxy-Auth", "Bearer k9", "Bearer x0"),
            ("Sec-WebSocket-Key", "k9", "k9"),
            ("Accept", "secret", "secret"),
        ] {
            assert_eq!(masked(name, value.as_bytes()), shown.as_bytes(), "{name}");
        }
    }
}
