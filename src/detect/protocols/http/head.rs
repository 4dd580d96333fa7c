//! Message heads: the start line (RFC 9112, sections 3 and 4), judged here, and the header fields,
//! which `httparse` reads.

use httparse::Header;
use memchr::memchr_iter;

use crate::detect::formats::headers::{
    FieldRoom, StartWords, is_of_name, is_status_code, read_any_fields, start_line_end, start_words,
};

/// Bytes of a method at most; the longest registered one has 17 (RFC 9110, section 16.1.1).
pub(super) const METHOD: usize = 24;
/// Bytes of a start line at most.
pub(super) const START_LINE: usize = 8000;
pub(super) const VERSION: &[u8] = b"HTTP/1.";
/// Methods that are common enough to find a request by (RFC 9110, section 9; RFC 5789; RFC 4918).
const COMMON: [&[u8]; 15] = [
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"DELETE",
    b"CONNECT",
    b"OPTIONS",
    b"TRACE",
    b"PATCH",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"REPORT",
    b"SEARCH",
    b"NOTIFY",
];

/// A start line.
pub(super) enum Start<'a> {
    Request { method: &'a [u8], target: &'a [u8] },
    Response { status: &'a [u8] },
}

impl<'a> Start<'a> {
    /// Reads a line without its end.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let StartWords { first, second, .. } = start_words(line)?;
        if is_version(first) {
            return is_status_code(second).then_some(Self::Response { status: second });
        }
        let space = line
            .iter()
            .rposition(|&b| b == b' ')
            .filter(|&space| is_version(&line[space + 1..]))?;
        let target = line.get(first.len() + 1..space)?;
        // Attacks and careless clients put spaces into targets.
        let may_be_target =
            !target.is_empty() && (COMMON.contains(&first) || !target.contains(&b' '));
        let request = !first.is_empty()
            && first.len() <= METHOD
            && first.iter().copied().all(is_method)
            && may_be_target;
        request.then_some(Self::Request { method: first, target })
    }
}

/// Whether the bytes begin with a message beyond doubt, wherever in a stream they are: a start
/// line, then a header field or the end of the head.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let is_begun = bytes.starts_with(VERSION)
        || COMMON.iter().any(|method| {
            bytes.first() == method.first()
                && bytes.starts_with(method)
                && bytes.get(method.len()) == Some(&b' ')
        });
    if !is_begun {
        return false;
    }
    let Some(end) = start_line_end(bytes, START_LINE) else { return false };
    let is_start = Start::read(bytes[..end].trim_ascii_end()).is_some();
    let next = bytes[end + 1..].split(|&b| b == b'\n').next().unwrap_or(&[]).trim_ascii_end();
    let name = next.iter().position(|&b| b == b':').unwrap_or(next.len());
    is_start && next[..name].iter().copied().all(is_of_name) && (name > 0 || next.is_empty())
}

/// Whether the bytes, which have no line end, can be the beginning of a start line.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    let known = bytes.len().min(VERSION.len());
    if bytes[..known] == VERSION[..known] {
        return true;
    }
    let method = bytes.iter().take_while(|&&b| is_method(b)).count();
    match bytes.get(method) {
        None => method <= METHOD,
        Some(b' ') => {
            (1..=METHOD).contains(&method)
                && bytes[method + 1..].iter().all(|&b| b >= b' ' || b == b'\r')
        }
        Some(_) => false,
    }
}

/// Methods are upper-case by convention (RFC 9110, section 9.1); hyphen and underscore occur.
const fn is_method(byte: u8) -> bool {
    byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_')
}

fn is_version(word: &[u8]) -> bool {
    matches!(word.strip_prefix(VERSION), Some(b"0" | b"1"))
}

/// The header fields, and the length of the head from its first field to its end where the end is
/// there. `is_response` tells whose head it is.
pub(super) fn fields<'a, 'b>(
    bytes: &'b [u8],
    is_response: bool,
    room: &'a mut FieldRoom<'b>,
    scratch: &'b mut Vec<u8>,
) -> (Option<usize>, &'a [Header<'b>]) {
    let is_empty_line = |at: usize| {
        let line = bytes.get(at..).unwrap_or_default();
        line.starts_with(b"\r\n") || line.starts_with(b"\n")
    };
    // Searched first: the room can be lent to the parser only once. Heads are short: to prepare the
    // search of two bytes would take longer than the search.
    let complete = is_empty_line(0) || memchr_iter(b'\n', bytes).any(|end| is_empty_line(end + 1));
    match read_any_fields(bytes, complete, is_response, room, scratch) {
        Some((len, fields)) => (complete.then_some(len), fields),
        None => (None, &[]),
    }
}
