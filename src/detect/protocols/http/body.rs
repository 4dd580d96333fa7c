//! Message bodies: their length (RFC 9112, section 6.3), and their content without chunks and
//! compression (RFC 9112, section 7.1; RFC 9110, section 8.4.1).

use std::borrow::Cow;

use httparse::Header;

use super::inflate::{BodyCompression, InflateRoom};
use crate::detect::formats::headers::field;

/// Bytes of the line before a chunk at most.
const CHUNK_HEAD: usize = 64;

/// A body, as far as it was captured.
pub(super) struct Body<'a> {
    captured: Cow<'a, [u8]>,
    /// The same, decompressed.
    pub(super) text: Option<String>,
    /// The offset of each part in the content and in the body; one part where the body was
    /// decompressed.
    pub(super) parts: Vec<(usize, usize)>,
    /// Bytes of the stream that the body takes; `None` where the body lasts until the connection
    /// ends, or where its end was not captured.
    pub(super) len: Option<usize>,
    /// The body lasts until the connection ends, or its framing is damaged, so that nothing after
    /// it can be read.
    pub(super) is_last: bool,
    /// Bytes of the body that follow the last captured one, as far as the framing shows.
    pub(super) missing: usize,
    pub(super) kind: BodyKind,
}

/// What the content of a body is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyKind {
    /// A page, a script or data, which show what the server does.
    Structured,
    /// Plain text, which may be about anything.
    Plain,
    /// Server-Sent Events.
    Events,
    /// A picture and the like, or a compression that is not supported.
    Unreadable,
}

impl<'a> Body<'a> {
    /// No body.
    pub(super) const fn none() -> Self {
        Self {
            captured: Cow::Borrowed(&[]),
            text: None,
            parts: Vec::new(),
            len: Some(0),
            is_last: false,
            missing: 0,
            kind: BodyKind::Unreadable,
        }
    }

    /// Reads the body at the beginning of `bytes`, without decompressing it.
    pub(super) fn read(fields: &[Header<'_>], is_request: bool, bytes: &'a [u8]) -> Self {
        let mut body = Self { kind: kind(fields), ..Self::none() };
        // The last field counts: codings are listed in the order in which they were applied.
        if let Some(codings) = all(fields, "transfer-encoding").last() {
            let last = codings.rsplit(|&b| b == b',').next().unwrap_or_default().trim_ascii();
            if last.eq_ignore_ascii_case(b"chunked") {
                body.unchunk(bytes);
            } else {
                // A server that compresses the transfer closes the connection after it.
                (body.len, body.is_last, body.kind) = (None, true, BodyKind::Unreadable);
            }
        } else {
            body.len = content_length(fields, is_request.then_some(0));
            body.is_last = body.len.is_none();
            body.missing = body.len.unwrap_or(0).saturating_sub(bytes.len());
            body.captured =
                Cow::Borrowed(&bytes[..body.len.unwrap_or(bytes.len()).min(bytes.len())]);
            body.parts = vec![(0, 0)];
        }
        body
    }

    /// Decompresses the content, as far as there is room for it.
    pub(super) fn decode(&mut self, fields: &[Header<'_>], room: &mut InflateRoom) {
        let coding = field(fields, "content-encoding").map(<[u8]>::to_ascii_lowercase);
        let compression = match coding.as_deref() {
            None | Some(b"identity") => return,
            Some(b"gzip" | b"x-gzip") => BodyCompression::Gzip,
            Some(b"deflate") => BodyCompression::Deflate,
            Some(_) => {
                self.kind = BodyKind::Unreadable;
                return;
            }
        };
        // Other kinds of bodies are not used.
        if self.kind != BodyKind::Unreadable {
            self.text = Some(room.decompress(compression, &self.captured));
            self.parts.truncate(1);
        }
    }

    /// Joins the chunks that were captured.
    fn unchunk(&mut self, bytes: &'a [u8]) {
        self.len = None;
        let mut content = Vec::new();
        let mut at = 0_usize;
        loop {
            let (len, start) = match chunk(bytes, at) {
                ChunkHead::Data { len, start } => (len, start),
                ChunkHead::Cut => break,
                ChunkHead::Damaged => {
                    self.is_last = true;
                    break;
                }
            };
            if len == 0 {
                self.len = trailer_end(bytes, start);
                break;
            }
            let Some(end) = start.checked_add(len).and_then(|end| end.checked_add(2)) else {
                break;
            };
            self.parts.push((content.len(), start));
            content.extend_from_slice(&bytes[start.min(bytes.len())..(end - 2).min(bytes.len())]);
            self.missing = end.saturating_sub(bytes.len());
            at = end;
        }
        self.captured = Cow::Owned(content);
    }

    /// The content, without compression if that was removed.
    pub(super) fn content(&self) -> &[u8] {
        self.text.as_deref().map_or(&self.captured, str::as_bytes)
    }
}

/// The kind of a body by its header fields.
fn kind(fields: &[Header<'_>]) -> BodyKind {
    const TEXT: [&str; 5] = ["html", "javascript", "json", "xml", "form"];
    // The figures of an exporter are `text/plain` for some clients, and this for Prometheus itself.
    const PLAIN: [&str; 2] = ["text/plain", "application/openmetrics-text"];
    let kind = field(fields, "content-type")
        .map(|kind| String::from_utf8_lossy(kind).to_ascii_lowercase());
    match kind {
        Some(kind) if kind.starts_with("text/event-stream") => BodyKind::Events,
        Some(kind) if PLAIN.iter().any(|plain| kind.starts_with(plain)) => BodyKind::Plain,
        Some(kind) if !TEXT.iter().any(|text| kind.contains(text)) => BodyKind::Unreadable,
        _ => BodyKind::Structured,
    }
}

/// Whether a body is XML.
pub(super) fn is_xml(fields: &[Header<'_>]) -> bool {
    field(fields, "content-type")
        .is_some_and(|kind| kind.to_ascii_lowercase().windows(3).any(|word| word == b"xml"))
}

/// The values of all fields of this name, without the white space around them.
fn all<'a>(fields: &[Header<'a>], name: &str) -> impl Iterator<Item = &'a [u8]> {
    fields.iter().filter(move |f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value.trim_ascii())
}

/// The stated length, or `absent` where none is stated; `None` where it is no number, or where
/// several contradict each other (RFC 9112, section 6.3, item 5).
fn content_length(fields: &[Header<'_>], absent: Option<usize>) -> Option<usize> {
    let mut lengths = all(fields, "content-length")
        .flat_map(|value| value.split(|&b| b == b','))
        .map(|value| decimal(value.trim_ascii()));
    let Some(first) = lengths.next() else { return absent };
    first.filter(|_| lengths.all(|length| length == first))
}

fn decimal(digits: &[u8]) -> Option<usize> {
    // The parser takes a sign, too.
    let digits = std::str::from_utf8(digits).ok()?;
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(digits)?.parse().ok()
}

/// The line before the data of a chunk.
enum ChunkHead {
    /// The length of the data and the offset where they begin.
    Data { len: usize, start: usize },
    /// The rest was not captured.
    Cut,
    /// This is none.
    Damaged,
}

/// Reads the head of the chunk at the offset `at`.
fn chunk(bytes: &[u8], at: usize) -> ChunkHead {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(line) = rest.iter().take(CHUNK_HEAD).position(|&b| b == b'\n') else {
        return if rest.len() < CHUNK_HEAD { ChunkHead::Cut } else { ChunkHead::Damaged };
    };
    let digits = rest[..line].split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
    match std::str::from_utf8(digits).map(|digits| usize::from_str_radix(digits, 16)) {
        Ok(Ok(len)) if digits[0] != b'+' => ChunkHead::Data { len, start: at + line + 1 },
        _ => ChunkHead::Damaged,
    }
}

/// The end of the trailer fields, which an empty line ends.
fn trailer_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let line = bytes.get(at..)?.iter().position(|&b| b == b'\n')?;
        let empty = bytes[at..at + line].trim_ascii().is_empty();
        at += line + 1;
        if empty {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_that_lie_about_their_length_give_what_is_there() {
        let fields = [Header { name: "Transfer-Encoding", value: b"chunked" }];
        for (bytes, content, len) in [
            (&b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nA: b\r\n\r\nrest"[..], &b"abcde"[..], Some(30)),
            (b"9\r\nabc", b"abc", None),
            (b"ffffffffffffffff\r\nabc", b"", None),
            (b"zz\r\nabc", b"", None),
        ] {
            let body = Body::read(&fields, false, bytes);
            assert_eq!((body.content(), body.len), (content, len));
        }
    }
}
