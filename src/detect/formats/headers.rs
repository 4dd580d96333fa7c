//! Start line and header fields: the head of a message of HTTP/1 (RFC 9112, section 2.1), SIP (RFC
//! 3261, section 7) and the protocols made after them.
//!
//! What a start line must be, and where a head ends, differs between the protocols and is theirs to
//! know. `httparse` reads the fields.

use httparse::{EMPTY_HEADER, Header, Status};

/// Header fields of a message that are read at most.
const FIELDS: usize = 96;

/// Room for the header fields of a message.
pub(crate) struct FieldRoom<'b>([Header<'b>; FIELDS]);

impl FieldRoom<'_> {
    pub(crate) const fn new() -> Self {
        Self([EMPTY_HEADER; FIELDS])
    }
}

/// The offset of the line feed that ends the start line, among the first `longest` bytes.
pub(crate) fn start_line_end(bytes: &[u8], longest: usize) -> Option<usize> {
    memchr::memchr(b'\n', &bytes[..bytes.len().min(longest)])
}

/// The words of a start line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StartWords<'a> {
    pub(crate) first: &'a [u8],
    pub(crate) second: &'a [u8],
    /// All that follows the second word, spaces included; `None` if nothing does.
    pub(crate) rest: Option<&'a [u8]>,
}

/// The words of a start line; `None` if there is only one.
pub(crate) fn start_words(line: &[u8]) -> Option<StartWords<'_>> {
    let mut words = line.splitn(3, |&b| b == b' ');
    Some(StartWords { first: words.next()?, second: words.next()?, rest: words.next() })
}

/// Whether a word is a status code.
pub(crate) fn is_status_code(word: &[u8]) -> bool {
    word.len() == 3 && word.iter().all(u8::is_ascii_digit)
}

/// The names of the header fields in `head` that begin with a byte which is `wanted`, line by line.
/// A line without a colon is all name.
pub(crate) fn field_names(head: &[u8], wanted: impl Fn(u8) -> bool) -> impl Iterator<Item = &[u8]> {
    let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', head).map(|end| end + 1));
    starts.filter_map(move |start| {
        let rest = head.get(start..)?;
        let line = match rest.first()? {
            first if first.is_ascii_whitespace() => {
                let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                rest[..end].trim_ascii_start()
            }
            _ => rest,
        };
        line.first().filter(|first| wanted(**first))?;
        let end = memchr::memchr2(b':', b'\n', line).unwrap_or(line.len());
        Some(line[..end].trim_ascii_end())
    })
}

/// Reads the header fields at the beginning of `bytes`, and how many bytes they take with the empty
/// line behind them. Where the head is not `complete`, the fields of its whole lines are read, out
/// of a copy in `scratch` that ends as a head does. `None` where a field is damaged.
pub(crate) fn read_fields<'a, 'b>(
    bytes: &'b [u8],
    complete: bool,
    room: &'a mut FieldRoom<'b>,
    scratch: &'b mut Vec<u8>,
) -> Option<(usize, &'a [Header<'b>])> {
    let input: &'b [u8] = if complete {
        bytes
    } else {
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        scratch.extend_from_slice(&bytes[..whole]);
        scratch.extend_from_slice(b"\r\n");
        scratch
    };
    match httparse::parse_headers(input, &mut room.0) {
        Ok(Status::Complete(read)) => Some(read),
        _ => None,
    }
}

/// As [`read_fields`], but damage stays in its line, as user agents read heads: control characters in
/// a value are read as `?`, and a line that is not a field is left out. So is white space before a
/// colon if `spaces` says so: in responses it is removed (RFC 9112, section 5.1).
pub(crate) fn read_any_fields<'a, 'b>(
    bytes: &'b [u8],
    complete: bool,
    spaces: bool,
    room: &'a mut FieldRoom<'b>,
    scratch: &'b mut Vec<u8>,
) -> Option<(usize, &'a [Header<'b>])> {
    // The room is lent for the numbers alone, so that it can be lent again.
    let mut counted = |input: &'b [u8]| match httparse::parse_headers(input, &mut room.0) {
        Ok(Status::Complete((len, fields))) => Some((len, fields.len())),
        _ => None,
    };
    let read = if complete { counted(bytes) } else { None };
    let (len, count) = if let Some(read) = read {
        read
    } else {
        let end = memchr::memrchr(b'\n', bytes).map_or(0, |i| i + 1);
        let len = copy_fields(&bytes[..end], spaces, scratch);
        if !complete {
            scratch.extend_from_slice(b"\r\n");
        }
        counted(scratch).map(|(_, count)| (len, count))?
    };
    Some((len, room.0.get(..count)?))
}

/// Copies the fields among whole lines, to the end of the head, and returns the length of what was
/// read.
fn copy_fields(lines: &[u8], spaces: bool, copy: &mut Vec<u8>) -> usize {
    let mut len = 0;
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        len += line.len();
        let text = line.trim_ascii_end();
        if text.is_empty() {
            copy.extend_from_slice(b"\r\n");
            break;
        }
        let Some(colon) = memchr::memchr(b':', text) else { continue };
        let (name, value) = text.split_at(colon);
        let name = if spaces { name.trim_ascii_end() } else { name };
        if name.is_empty() || !name.iter().copied().all(is_of_name) {
            continue;
        }
        copy.extend_from_slice(name);
        let is_text = |byte: u8| byte == b'\t' || !byte.is_ascii_control();
        copy.extend(value.iter().map(|&byte| if is_text(byte) { byte } else { b'?' }));
        copy.extend_from_slice(b"\r\n");
    }
    len
}

/// Whether a byte may occur in the name of a field (RFC 9110, section 5.6.2).
pub(crate) fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The value of the first field of this name, in letters of either case, without the white space
/// around it.
pub(crate) fn field<'a>(fields: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fields = Vec<(String, Vec<u8>)>;

    fn read(bytes: &[u8], complete: bool) -> Option<(usize, Fields)> {
        let (mut room, mut scratch) = (FieldRoom::new(), Vec::new());
        let (len, fields) = read_fields(bytes, complete, &mut room, &mut scratch)?;
        Some((len, fields.iter().map(|f| (f.name.to_owned(), f.value.to_vec())).collect()))
    }

    #[test]
    fn a_cut_head_gives_the_fields_of_its_whole_lines() {
        let fields = vec![("A".to_owned(), b"1".to_vec())];
        assert_eq!(read(b"A: 1\r\n\r\nbody", true), Some((8, fields.clone())));
        assert_eq!(read(b"A: 1\r\nB: no end", false).map(|read| read.1), Some(fields));
        assert_eq!(read(b"no end", false), Some((2, vec![])));
        assert_eq!(read(b"A b: damaged\r\n\r\n", true), None);
    }

    /// The values of the fields of a request.
    fn read_any(bytes: &[u8], complete: bool) -> Option<(usize, Vec<Vec<u8>>)> {
        let (mut room, mut scratch) = (FieldRoom::new(), Vec::new());
        let read = read_any_fields(bytes, complete, false, &mut room, &mut scratch);
        read.map(|(len, fields)| (len, fields.iter().map(|f| f.value.to_vec()).collect()))
    }

    #[test]
    fn a_line_that_is_not_a_field_hides_no_other() {
        for line in ["A b: damaged", "no colon", " folded: x", ": no name", "B : spaced", "a\rb: x"]
        {
            let head = format!("{line}\r\nServer: x\r\n\r\n");
            let expected = Some((head.len(), vec![b"x".to_vec()]));
            assert_eq!(read_any(format!("{head}body: y\r\n").as_bytes(), true), expected, "{line}");
        }
    }

    #[test]
    fn a_line_end_within_a_line_begins_no_field() {
        let values = vec![b"a?Server: x".to_vec()];
        assert_eq!(read_any(b"X: a\rServer: x\r\n\r\n", true), Some((18, values)));
    }

    #[test]
    fn white_space_before_a_colon_is_left_out_of_a_response() {
        let (mut room, mut scratch) = (FieldRoom::new(), Vec::new());
        let read = read_any_fields(b"Server : x\r\n\r\n", true, true, &mut room, &mut scratch);
        let (len, fields) = read.unwrap();
        assert_eq!((len, fields[0].name, fields[0].value), (14, "Server", &b"x"[..]));
    }

    #[test]
    fn a_control_character_in_a_value_damages_no_other_field_where_any_field_is_read() {
        let values: Vec<Vec<u8>> = vec![b"tide?[31m/1".to_vec(), b"2".to_vec()];
        let head = b"Server: tide\x1b[31m/1\r\nB: 2\r\n\r\n";
        assert_eq!(read(head, true), None);
        assert_eq!(read_any(head, true), Some((head.len(), values.clone())));
        let begun = &head[..head.len() - 2];
        assert_eq!(read_any(begun, false), Some((begun.len(), values)));
        assert_eq!(read_any(b"A: 1\r\n\r\nbody", true), Some((8, vec![b"1".to_vec()])));
    }

    #[test]
    fn a_start_line_has_two_words_and_a_rest() {
        let words = start_words(b"GET /a b SIP/2.0");
        assert_eq!(
            words,
            Some(StartWords { first: b"GET", second: b"/a", rest: Some(b"b SIP/2.0") })
        );
        assert_eq!(
            start_words(b"GET "),
            Some(StartWords { first: b"GET", second: b"", rest: None })
        );
        assert_eq!(start_words(b"GET"), None);
        assert_eq!(start_line_end(b"GET /\r\n", 6), None);
        assert_eq!(start_line_end(b"GET /\r\n", 7), Some(6));
    }

    #[test]
    fn fields_are_found_in_any_case() {
        let names: Vec<_> = field_names(b"Via: x\r\nCSeq : 1\r\n\r\n", |_| true).collect();
        assert_eq!(names, [&b"Via"[..], b"CSeq"]);
        let fields = [Header { name: "Content-Type", value: b" text/plain " }];
        assert_eq!(field(&fields, "content-type"), Some(&b"text/plain"[..]));
    }
}
