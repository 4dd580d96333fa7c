//! Plain text: lines for people, or for an unknown program. This detector is called last, where no
//! other protocol was recognised.
//!
//! The bytes of each side from its first one on must be printable UTF-8 with tabs and line ends,
//! and there must be enough of them, with at least one whole line (over UDP, a longer datagram
//! without a line end is enough). A structured protocol that has no detector, or whose detector
//! refused, consists of printable lines too: bytes that begin with a start line with a version
//! (`SIP/2.0`), the number of a reply, JSON, XML or the like are refused. Of such a conversation
//! `unrecognised` states the first lines alone.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::lines::{self, FirstLine, TextLine};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol};
use crate::flow::{Opening, Stream};

/// Bytes of a side that is text at least: fewer may be a coincidence.
const ENOUGH: usize = 12;
/// Bytes of a datagram that counts as a line without a line end.
const DATAGRAM: usize = 16;
/// Bytes of a line that counts at least.
pub(in crate::detect) const LINE: usize = 4;
/// Bytes of a first line at most.
pub(in crate::detect) const LONGEST: usize = 1024;
/// The fact of a side's first line.
pub(in crate::detect) const TEXT_LINE: &str = "text.line";
/// First lines that name a log-in and have no secret: the greeting of `FreeSWITCH`'s event socket.
const PUBLIC: [&[u8]; 1] = [b"Content-Type: auth/request"];
/// First words of line-based protocols: HTTP without a version, IRC, mail, news, key-value stores.
const STRUCTURED: &[&[u8]] = &[
    b"GET",
    b"POST",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"CONNECT",
    b"NICK",
    b"USER",
    b"PASS",
    b"CAP",
    b"EHLO",
    b"HELO",
    b"LHLO",
    b"MODE",
    b"INFO",
    b"PUB",
    b"SUB",
    b"AUTH",
    b"SET",
    b"CAPABILITIES",
];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Text, inspect)
    .tcp()
    .udp()
    .prefilter(
        Prefilter::first_byte(&[b'\t'..=b'\n', b'\r'..=b'\r', b' '..=b'~', 0xc2..=0xf4])
            .then_all(7, &[b'\t'..=b'\n', b'\r'..=b'\r', b' '..=b'~', 0x80..=0xff]),
    )
    .first_words()
    .residual()
    .facts(&["text.encoding", TEXT_LINE])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"good morning\n", b"is anybody there?\n"],
            responder: &["sch\u{f6}n, dich zu h\u{f6}ren\n".as_bytes()],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"lamp 7 on\r\n", b"lamp 8 off"],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    // Any protocol may have lines, so both sides must be text.
    let mut spoiled = false;
    let found = combine(Protocol::Text, opening, depth, |statement| {
        let side = lines(statement, opening.transport());
        spoiled |= side == Side::Other;
        side
    });
    if spoiled { Detection::No } else { found }
}

fn lines(statement: &mut Statement<'_>, transport: Transport) -> Side {
    let stream = statement.stream;
    let bytes = stream.bytes();
    let is_whole = match transport {
        Transport::Tcp => stream.from_start() && stream.runs().nth(1).is_none() && is_text(bytes),
        // Each datagram may end within a character that was cut.
        Transport::Udp => stream.datagrams().all(|(datagram, _, _)| is_text(datagram)),
    };
    if !is_whole {
        return Side::Other;
    }
    let encoding: &[u8] = if bytes.is_ascii() { b"ascii" } else { b"utf-8" };
    let found = match transport {
        Transport::Tcp => counted(bytes),
        Transport::Udp => datagrams(stream),
    };
    let Ok(found) = found else { return Side::Other };
    let Some(line) = found.filter(|_| bytes.len() >= ENOUGH) else {
        return if bytes.len() < LONGEST { Side::Perhaps } else { Side::Other };
    };
    statement.fact("text.encoding", encoding, 0);
    if !may_be_secret(line.text) {
        statement.fact(TEXT_LINE, line.text, line.at);
    }
    Side::Matches
}

/// The bytes begin like a structured protocol.
struct Structured;

/// The first line that counts.
fn counted(bytes: &[u8]) -> Result<Option<TextLine<'_>>, Structured> {
    let head = match lines::first_line(bytes.trim_ascii_start(), LONGEST) {
        FirstLine::Whole(first) => first.text,
        FirstLine::Begun(begun) => begun,
        FirstLine::No => return Err(Structured),
    };
    if is_structured(head) {
        return Err(Structured);
    }
    Ok(lines::whole_lines(bytes).find(counts))
}

/// Whether a line is long enough to say something.
pub(in crate::detect) fn counts(line: &TextLine<'_>) -> bool {
    line.text.len() >= LINE && line.text.iter().any(u8::is_ascii_alphabetic)
}

/// The first line that counts in datagrams, none of which may begin like a structured protocol. The
/// end of a datagram that is long enough is a line end too; phones keep bindings of address
/// translation alive with shorter ones.
fn datagrams(stream: &Stream) -> Result<Option<TextLine<'_>>, Structured> {
    let (mut at, mut found) = (0, None);
    for (datagram, _, cut) in stream.datagrams() {
        let ended = || {
            Some(TextLine { text: datagram, at: 0 }).filter(|_| {
                !cut && datagram.len() >= DATAGRAM
                    && datagram.iter().any(u8::is_ascii_alphabetic)
                    && !datagram.contains(&b'\n')
            })
        };
        if let Some(line) = counted(datagram)?.or_else(ended) {
            found.get_or_insert(TextLine { at: at + line.at, ..line });
        }
        at += datagram.len();
    }
    Ok(found)
}

/// Whether the bytes are printable UTF-8; the last character may have been cut.
pub(in crate::detect) fn is_text(bytes: &[u8]) -> bool {
    let is_character =
        // Text has no C1 controls and no noncharacters.
        |c| !matches!(c, '\u{80}'..='\u{9f}' | '\u{fffd}' | '\u{fffe}' | '\u{ffff}');
    if bytes.is_ascii() {
        return bytes.iter().all(|&b| is_printable(b));
    }
    let is_utf8 = match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().all(is_character),
        Err(error) => error.error_len().is_none(),
    };
    is_utf8 && bytes.iter().all(|&b| is_printable(b))
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..)
}

/// Whether a first line, as far as it was captured, is like that of a structured protocol.
fn is_structured(line: &[u8]) -> bool {
    let (word, rest) = lines::first_word(line);
    let marked = match line {
        // JSON, XML and syslog's priority; the marks of RESP, IMAP and NMEA; IRC's prefix; a
        // meter's.
        [
            b'{' | b'[' | b'<' | b'*' | b'$' | b'+' | b':' | b'%' | b'@' | b'|' | b'~' | b','
            | b'=' | b'!',
            ..,
        ] => true,
        _ => line.starts_with(b"-ERR") || line.starts_with(b"/?"),
    };
    marked
        || lines::reply(line).is_some()
        || !rest.is_empty() && lines::is_one_of(word, STRUCTURED)
        // A header or a setting: `Action: login`, `method=broadcast`; what syslog over TCP counts:
        // `34 <13>`.
        || word.len() > 1 && !rest.is_empty() && word.ends_with(b":")
        || word.contains(&b'=')
        || rest.starts_with(b"<") && word.iter().all(u8::is_ascii_digit)
        || line.split(u8::is_ascii_whitespace).any(is_versioned)
}

/// Whether a token is `NAME/1.0` or `NAME-1.0`: a name before a version with a dot.
fn is_versioned(token: &[u8]) -> bool {
    let Some(at) = token.iter().position(|b| matches!(b, b'/' | b'-')) else { return false };
    let (name, version) = (&token[..at], &token[at + 1..]);
    let digits = version.iter().take_while(|b| b.is_ascii_digit()).count();
    let dotted = digits > 0
        && version.get(digits) == Some(&b'.')
        && version.get(digits + 1).is_some_and(u8::is_ascii_digit);
    !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_') && dotted
}

/// Words beside which a secret may stand, in lower case.
const SECRETS: [&[u8]; 7] = [b"pass", b"pwd", b"secret", b"token", b"key", b"auth", b"login"];

/// Whether a line may have a secret, which no report should show.
#[must_use]
pub fn may_be_secret(line: &[u8]) -> bool {
    !PUBLIC.contains(&line)
        && line.iter().enumerate().any(|(at, first)| {
            // The first letters of the words: most letters end here.
            matches!(first.to_ascii_lowercase(), b'p' | b's' | b't' | b'k' | b'a' | b'l')
                && SECRETS.iter().any(|word| {
                    let found = line.get(at..at + word.len());
                    found.is_some_and(|found| found.eq_ignore_ascii_case(word))
                })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Recognition;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, initiator, responder), Depth::Facts)
    }

    #[test]
    fn every_word_beside_a_secret_is_found_in_either_case() {
        for word in SECRETS {
            assert!(may_be_secret(&[b"my ", word].concat()), "{word:?}");
            assert!(may_be_secret(&word.to_ascii_uppercase()), "{word:?}");
        }
    }

    #[test]
    fn a_start_line_with_a_version_is_not_plain() {
        for first in [
            &b"INVITE sip:alice@example.org SIP/2.0\r\n"[..],
            b"DESCRIBE rtsp://example.org/x RTSP/1.0\r\n",
            b"HTTP/1.1 200 OK\r\n",
            b"SSH-2.0-something\r\n",
            b"Asterisk Call Manager/5.0.1\r\n",
            b"220 mail.example.org ready\r\n",
            b"{\"cmd\": \"hello\"}\r\n",
            b"<?xml version=\"1.0\"?>\r\n",
            b"*1\r\n$4\r\nPING\r\n",
            b"NICK somebody\r\n",
            b":irc.example.org NOTICE * :hello\r\n",
            b"Action: Login\r\nUsername: x\r\n",
            b"TiVoConnect=1\nmethod=broadcast\n",
            b"57 <13>1 2026-01-01T00:00:00Z host app - - - hello\n",
        ] {
            assert_eq!(detect(&[first], &[]), Detection::No, "{}", first.escape_ascii());
            assert_eq!(detect(&[b"good morning\r\n"], &[first]), Detection::No);
        }
    }

    #[test]
    fn one_byte_that_is_no_text_spoils_either_side() {
        for other in [
            &b"good\0morning all\n"[..],
            b"good morning\x07\n",
            b"\xff\xfb\x01login: \n",
            b"caf\xe9 au lait\n",
            b"\xc2\x85good morning\n",
        ] {
            assert_eq!(detect(&[other], &[]), Detection::No);
            assert_eq!(detect(&[b"good morning\n"], &[other]), Detection::No);
            assert_eq!(detect(&[other], &[b"good morning\n"]), Detection::No);
        }
    }

    #[test]
    fn datagrams_are_lines_but_what_keeps_a_way_open_is_not() {
        let detect = |datagrams: &[&[u8]]| {
            inspect(&Opening::from_payloads(Transport::Udp, datagrams, &[]), Depth::Facts)
        };
        assert!(matches!(detect(&[b"/cue/selected/start"]), Detection::Yes(..)));
        assert_eq!(detect(&[b"hello", b"hello", b"hello"]), Detection::NeedMore);
        assert_eq!(
            detect(&[b"good morning\r\n", b"REGISTER sip:192.0.2.1 SIP/2.0\r\n"]),
            Detection::No
        );
    }

    #[test]
    fn a_few_letters_and_a_line_without_end_wait() {
        assert_eq!(detect(&[b"hi\n"], &[]), Detection::NeedMore);
        assert_eq!(detect(&[b"a line that has not ended"], &[]), Detection::NeedMore);
        assert_eq!(detect(&[&[b'x'; LONGEST]], &[]), Detection::No);
    }

    #[test]
    fn what_is_picked_up_in_the_middle_is_not_claimed() {
        let mut opening = Opening::new(Transport::Tcp);
        opening.push_for_test(b"good morning everybody\n");
        assert_eq!(inspect(&opening, Depth::Facts), Detection::No);
    }

    #[test]
    fn no_password_is_stated() {
        let Detection::Yes(Recognition { facts, .. }) = detect(&[b"my Password is hunter2\n"], &[])
        else {
            panic!()
        };
        assert!(facts.iter().all(|fact| !fact.value.contains("hunter2")));
    }
}
