//! IMAP: RFC 9051 and RFC 3501. The server greets with `* OK`, `* PREAUTH` or `* BYE` (section
//! 7.1), the client's commands begin with a tag (section 2.2.1) that the server repeats in its
//! answer.
//!
//! A greeting proves IMAP where it names IMAP (`IMAP4rev1` among the capabilities or in the text)
//! or where the client answers with a tagged command. A tagged command proves IMAP where the
//! server's first line completes it with the same tag.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::lines::{self, FirstLine};
use crate::detect::prefilter::Prefilter;
use crate::detect::starttls::{self, ClientLine};
use crate::detect::statement::{Side, Statement, combine_by_role};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Bytes of a first line at most; there may be many capabilities.
const LONGEST: usize = 2048;
/// Lines of the client that are read at most to find its log-ins.
const COUNTED: usize = 32;
/// Characters of a tag at most.
const TAG: usize = 32;
const GREETINGS: &[&[u8]] = &[b"OK", b"PREAUTH", b"BYE"];
const COMMANDS: &[&[u8]] = &[
    b"CAPABILITY",
    b"NOOP",
    b"LOGOUT",
    b"STARTTLS",
    b"AUTHENTICATE",
    b"LOGIN",
    b"ID",
    b"ENABLE",
    b"NAMESPACE",
    b"SELECT",
    b"EXAMINE",
    b"LIST",
    b"LSUB",
    b"XLIST",
    b"STATUS",
    b"UID",
    b"FETCH",
    b"IDLE",
    b"COMPRESS",
];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Imap, inspect)
    .tcp()
    .prefilter(
        Prefilter::ANY
            .tcp_first_byte(&[
                b'*'..=b'*', b'-'..=b'.', b'0'..=b'9', b'A'..=b'Z', b'_'..=b'_', b'a'..=b'z',
                b'$'..=b'$',
            ])
            .then(&[
                b' '..=b' ', b'-'..=b'.', b'0'..=b'9', b'A'..=b'Z', b'_'..=b'_', b'a'..=b'z',
                b'$'..=b'$',
            ]),
    )
    .facts(&[
        "imap.greeting",
        "imap.command",
        "imap.error",
        "imap.starttls",
        "tls.sni",
        "tls.alpn",
        "tls.ja4",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"a001 CAPABILITY\r\n"],
            responder: &[b"* OK Dovecot ready.\r\n", b"* CAPABILITY IMAP4rev1 IDLE\r\na001 OK done\r\n"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[],
            responder: &[b"* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS] ready\r\n"],
        },
        Sample { transport: Transport::Tcp, initiator: &[b"7 NOOP\r\n"], responder: &[b"7 OK NOOP completed\r\n"] },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine_by_role(Protocol::Imap, opening, depth, |statement, tag: &mut Vec<u8>| match statement
        .read_as
    {
        Role::Client => command(statement, tag),
        Role::Server => {
            let side = greeting(statement, tag);
            if side == Side::Matches {
                let client = opening.side(statement.direction.opposite());
                count_answers(statement, &log_ins(client.head()));
            }
            side
        }
    })
}

/// The tags of the commands that log in.
fn log_ins(bytes: &[u8]) -> Vec<Vec<u8>> {
    let tag = |line: lines::TextLine<'_>| {
        let (tag, rest) = lines::first_word(line.text);
        lines::is_one_of(lines::first_word(rest).0, &[b"LOGIN", b"AUTHENTICATE"])
            .then(|| tag.to_vec())
    };
    lines::whole_lines(bytes).take(COUNTED).filter_map(tag).collect()
}

/// Counts the answers to log-ins and a refusal to greet, and states the first error (RFC 9051,
/// section 7.1).
fn count_answers(statement: &mut Statement<'_>, log_ins: &[Vec<u8>]) {
    for line in lines::whole_lines(statement.stream.head()) {
        let (tag, rest) = lines::first_word(line.text);
        let (status, _) = lines::first_word(rest);
        let is = |of: &[&[u8]]| lines::is_one_of(status, of);
        let refuses = tag == b"*" && line.at == 0 && is(&[b"BYE"]);
        let answers = log_ins.iter().any(|log_in| log_in == tag);
        if refuses || answers && is(&[b"NO", b"BAD"]) {
            if statement.answers.is_flawless() {
                statement.fact("imap.error", rest, line.at + tag.len() + 1);
            }
            let cause = if refuses { "IMAP refused with BYE" } else { "IMAP log-in refused" };
            statement.failed(cause, line.at);
        } else if answers && is(&[b"OK"]) {
            statement.answers.succeeded();
        }
    }
}

const fn is_of_tag(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'$')
}

/// Judges the client, whose first command has the tag `tag`. A tagged command alone proves nothing:
/// lines of two words occur in many protocols.
fn command(statement: &mut Statement<'_>, tag: &mut Vec<u8>) -> Side {
    let stream = statement.stream;
    let bytes = stream.head();
    let end = bytes.iter().take(TAG).position(|&b| !is_of_tag(b));
    match end {
        None if bytes.len() < TAG => return Side::Perhaps,
        Some(end @ 1..) if bytes[end] == b' ' => {
            if !lines::may_become_one_of(&bytes[end + 1..], COMMANDS) {
                return Side::Other;
            }
        }
        _ => return Side::Other,
    }
    match lines::first_line(bytes, LONGEST) {
        FirstLine::No => Side::Other,
        FirstLine::Begun(_) => Side::Perhaps,
        FirstLine::Whole(first) => {
            let (word, rest) = lines::first_word(first.text);
            let (verb, _) = lines::first_word(rest);
            if !lines::is_one_of(verb, COMMANDS) {
                return Side::Other;
            }
            tag.extend_from_slice(word);
            statement.fact("imap.command", verb, word.len() + 1);
            starttls::state_lines(statement, "imap.starttls", |line| {
                match lines::first_word(lines::first_word(line).1).0 {
                    verb if lines::is_one_of(verb, &[b"STARTTLS"]) => ClientLine::Upgrade,
                    verb if lines::is_one_of(verb, &[b"CAPABILITY", b"ID", b"NOOP"]) => {
                        ClientLine::Before
                    }
                    _ => ClientLine::Other,
                }
            });
            Side::Perhaps
        }
    }
}

fn greeting(statement: &mut Statement<'_>, tag: &[u8]) -> Side {
    let stream = statement.stream;
    let bytes = stream.head();
    let untagged = bytes.iter().zip(b"* ").all(|(a, b)| a == b);
    let answered = !tag.is_empty() && bytes.iter().zip(tag.iter().chain(b" ")).all(|(a, b)| a == b);
    if !untagged && !answered {
        return Side::Other;
    }
    match lines::first_line(bytes, LONGEST) {
        FirstLine::No => Side::Other,
        FirstLine::Begun(begun) if untagged => {
            let rest = begun.get(2..).unwrap_or_default();
            if GREETINGS.iter().any(|word| lines::may_become(rest, word)) {
                Side::Perhaps
            } else {
                Side::Other
            }
        }
        FirstLine::Begun(_) => Side::Perhaps,
        FirstLine::Whole(first) => {
            let (word, rest) = lines::first_word(first.text);
            let (status, text) = lines::first_word(rest);
            if answered {
                let completes = word == tag && lines::is_one_of(status, &[b"OK", b"NO", b"BAD"]);
                return if completes { Side::Matches } else { Side::Other };
            }
            if !lines::is_one_of(status, GREETINGS) {
                return Side::Other;
            }
            statement.fact("imap.greeting", text, word.len() + status.len() + 2);
            let named = lines::words(text).any(|word| {
                lines::is_one_of(
                    word,
                    &[b"IMAP", b"IMAP4", b"IMAP4rev1", b"IMAP4rev2", b"IMAPrev1"],
                )
            });
            if named || !tag.is_empty() { Side::Matches } else { Side::Perhaps }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, initiator, responder), Depth::Facts)
    }

    #[test]
    fn a_greeting_that_names_nothing_waits_for_the_client() {
        assert_eq!(detect(&[], &[b"* OK ready\r\n"]), Detection::NeedMore);
        assert_eq!(detect(&[b"hello there\r\n"], &[b"* OK ready\r\n"]), Detection::No);
    }

    #[test]
    fn two_words_that_nobody_answers_with_their_tag_are_not_imap() {
        assert_eq!(detect(&[b"please LIST\r\n"], &[]), Detection::NeedMore);
        assert_eq!(detect(&[b"please LIST\r\n"], &[b"ok\r\n"]), Detection::No);
        assert_eq!(detect(&[b"please LIST\r\n"], &[b"pleased OK\r\n"]), Detection::No);
        assert_eq!(detect(&[], &[b"* item one\r\n* item two\r\n"]), Detection::No);
    }
}
