//! Lines of text, as the detectors of languages made of lines read them: ended by LF or CR LF. What
//! a line means is theirs to know.

/// One line without its end, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextLine<'a> {
    /// The line.
    pub text: &'a [u8],
    /// Where it begins in the bytes that were read.
    pub at: usize,
}

/// What the first line looks like so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstLine<'a> {
    /// All of it is there.
    Whole(TextLine<'a>),
    /// Its end has not come; this is text that may become it.
    Begun(&'a [u8]),
    /// It is no text, or longer than such lines are.
    No,
}

/// The first line, if it has at most `longest` bytes and none that is no text.
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

/// Every line whose end is there.
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

/// Whether bytes and text agree as far as both go, letters of either case.
pub(crate) fn may_become(bytes: &[u8], text: &[u8]) -> bool {
    bytes.iter().zip(text).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// A line's first word and what follows the space behind it.
pub(crate) fn first_word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|&b| b == b' ').unwrap_or(line.len());
    (&line[..end], line.get(end + 1..).unwrap_or(&[]))
}

/// Whether a word is one of these, letters of either case.
pub(crate) fn is_one_of(word: &[u8], of: &[&[u8]]) -> bool {
    of.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// The words of a greeting that are no host names: letters and digits, with no dot within.
pub(crate) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace)
        .filter(|token| !bare(token).contains(&b'.'))
        .flat_map(|token| token.split(|b| !b.is_ascii_alphanumeric()))
        .filter(|word| !word.is_empty())
}

/// The three digits of a reply (RFC 959, section 4.2; RFC 5321, section 4.2), whether it is its
/// last line, and its text.
pub(crate) fn reply(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (code, rest) = line.split_at_checked(3)?;
    if !matches!(code, [b'1'..=b'5', b'0'..=b'5', b'0'..=b'9']) {
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

/// Whether bytes may become a reply.
pub(crate) fn may_become_reply(bytes: &[u8]) -> bool {
    bytes.iter().take(4).enumerate().all(|(i, &byte)| match i {
        0 => matches!(byte, b'1'..=b'5'),
        1 => matches!(byte, b'0'..=b'5'),
        2 => byte.is_ascii_digit(),
        _ => matches!(byte, b' ' | b'-' | b'\r'),
    })
}

/// A word without the brackets and the punctuation around it.
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
