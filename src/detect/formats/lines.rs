//! Lines of text that end with LF or CR LF, for the detectors of line-based protocols.

use std::ops::RangeInclusive;

/// The bytes with which a reply may begin, place by place.
pub(crate) const REPLY: [&[RangeInclusive<u8>]; 4] =
    [&[b'1'..=b'5'], &[b'0'..=b'5'], &[b'0'..=b'9'], &[b' '..=b' ', b'-'..=b'-', b'\r'..=b'\r']];

/// A line without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextLine<'a> {
    /// The bytes of the line.
    pub text: &'a [u8],
    /// The offset of the line in the bytes that were read.
    pub at: usize,
}

/// The first line, as far as it was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstLine<'a> {
    /// The whole line.
    Whole(TextLine<'a>),
    /// The beginning of the line, whose end is still to come.
    Begun(&'a [u8]),
    /// The bytes are not text, or the line is too long.
    No,
}

/// The first line, if it is text of at most `longest` bytes.
pub(crate) fn first_line(bytes: &[u8], longest: usize) -> FirstLine<'_> {
    for (i, &byte) in bytes.iter().take(longest).enumerate() {
        match byte {
            b'\n' => {
                return FirstLine::Whole(TextLine { text: without_return(&bytes[..i]), at: 0 });
            }
            b'\r' | b'\t' | 0x20..=0x7e | 0x80.. => {}
            _ => return FirstLine::No,
        }
    }
    if bytes.len() < longest { FirstLine::Begun(bytes) } else { FirstLine::No }
}

/// All lines whose end was captured.
pub(crate) fn whole_lines(bytes: &[u8]) -> impl Iterator<Item = TextLine<'_>> {
    let mut at = 0;
    bytes.split_inclusive(|&b| b == b'\n').map_while(move |line| {
        let text = without_return(line.strip_suffix(b"\n")?);
        let here = at;
        at += line.len();
        Some(TextLine { text, at: here })
    })
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Whether one of `bytes` and `text` begins with the other, in letters of either case.
pub(crate) fn may_become(bytes: &[u8], text: &[u8]) -> bool {
    bytes.iter().zip(text).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// Whether `bytes` may become one of the words in `of`, as [`may_become`] has it.
pub(crate) fn may_become_one_of(bytes: &[u8], of: &[&[u8]]) -> bool {
    let first = bytes.first().map(u8::to_ascii_uppercase);
    of.iter().any(|word| {
        let begins = first.is_none() || word.first().map(u8::to_ascii_uppercase) == first;
        begins && may_become(bytes, word)
    })
}

/// The first word of a line, and the bytes after the space that ends it.
pub(crate) fn first_word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|&b| b == b' ').unwrap_or(line.len());
    (&line[..end], line.get(end + 1..).unwrap_or(&[]))
}

/// Whether `word` is one of the words in `of`, in letters of either case.
pub(crate) fn is_one_of(word: &[u8], of: &[&[u8]]) -> bool {
    of.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// The words of a greeting, of letters and digits, without host names, which have a dot within.
pub(crate) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace)
        .filter(|token| !bare(token).contains(&b'.'))
        .flat_map(|token| token.split(|b| !b.is_ascii_alphanumeric()))
        .filter(|word| !word.is_empty())
}

/// The three digits of a reply (RFC 959, section 4.2; RFC 5321, section 4.2), whether the line is
/// the last of the reply, and its text.
pub(crate) fn reply(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (code, rest) = line.split_at_checked(3)?;
    if !may_become_reply(code) {
        return None;
    }
    let code = code.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest {
        [] => Some((code, true, rest)),
        [b' ', text @ ..] => Some((code, true, text)),
        [b'-', text @ ..] => Some((code, false, text)),
        _ => None,
    }
}

/// Whether `bytes` can be the beginning of a reply.
pub(crate) fn may_become_reply(bytes: &[u8]) -> bool {
    bytes.iter().zip(REPLY).all(|(byte, may_be)| may_be.iter().any(|range| range.contains(byte)))
}

/// `token` without the punctuation around it.
fn bare(mut token: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = token
        && first.is_ascii_punctuation()
    {
        token = rest;
    }
    while let [rest @ .., last] = token
        && last.is_ascii_punctuation()
    {
        token = rest;
    }
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ended_lines_are_whole() {
        let lines: Vec<_> = whole_lines(b"one\r\n\ntw\ro\nrest").map(|l| (l.text, l.at)).collect();
        assert_eq!(lines, [(&b"one"[..], 0), (b"", 5), (b"tw\ro", 6)]);
        assert_eq!(first_line(b"one\r\nx", 9), FirstLine::Whole(TextLine { text: b"one", at: 0 }));
        assert_eq!(first_line(b"on", 9), FirstLine::Begun(b"on"));
        assert_eq!(first_line(b"on\x01\n", 9), FirstLine::No);
        assert_eq!(first_line(b"one line that is too long\n", 9), FirstLine::No);
    }

    #[test]
    fn a_host_name_is_no_word_of_a_greeting() {
        let of = |text| words(text).collect::<Vec<&[u8]>>();
        assert_eq!(of(b"smtp.example.net (vsFTPd 3.0.3) ready."), [&b"vsFTPd"[..], b"ready"]);
    }

    #[test]
    fn a_reply_is_three_digits_and_a_space_or_hyphen() {
        assert_eq!(reply(b"220-hello"), Some((220, false, &b"hello"[..])));
        assert_eq!(reply(b"250"), Some((250, true, &b""[..])));
        for line in [&b"2200 x"[..], b"990 x", b"22", b"2 0 x", b"220\tx"] {
            assert_eq!(reply(line), None);
        }
    }
}
