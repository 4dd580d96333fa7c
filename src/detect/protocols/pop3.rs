//! POP3: RFC 1939. The server greets with `+OK` and some text (section 4); the client logs in
//! (USER, APOP, AUTH) or requests the server's features (CAPA of RFC 2449, STLS of RFC 2595).
//!
//! Redis and NATS send `+OK` too, but not as a greeting: the text must name POP3, or the client's
//! first command must be one that only POP3 has.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::lines::{self, FirstLine};
use crate::detect::prefilter::Prefilter;
use crate::detect::starttls::{self, ClientLine};
use crate::detect::statement::{Side, Statement, combine_by_role};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Bytes of a line at most: 512 for a reply, and more for a greeting.
const LONGEST: usize = 1024;
const OK: &[u8] = b"+OK";
const ERROR: &[u8] = b"-ERR";
/// Lines of the client that are read at most to pair them with replies.
const COUNTED: usize = 32;
const COMMANDS: &[&[u8]] =
    &[b"USER", b"CAPA", b"STLS", b"APOP", b"AUTH", b"QUIT", b"NOOP", b"LIST", b"STAT"];
const MECHANISMS: &[&[u8]] = &[
    b"PLAIN",
    b"LOGIN",
    b"CRAM-MD5",
    b"DIGEST-MD5",
    b"NTLM",
    b"GSSAPI",
    b"XOAUTH2",
    b"OAUTHBEARER",
    b"SCRAM-SHA-1",
    b"SCRAM-SHA-256",
];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Pop3, inspect)
    .tcp()
    .prefilter(Prefilter::ANY.tcp_words(
        &[COMMANDS],
        &[&[b'+'..=b'+'], &[b'O'..=b'O', b'o'..=b'o'], &[b'K'..=b'K', b'k'..=b'k']],
    ))
    .facts(&[
        "pop3.greeting",
        "pop3.command",
        "pop3.error",
        "pop3.user",
        "pop3.starttls",
        "tls.sni",
        "tls.alpn",
        "tls.ja4",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"CAPA\r\n", b"STLS\r\n"],
            responder: &[
                b"+OK Dovecot (Debian) ready.\r\n",
                b"+OK\r\nCAPA\r\nTOP\r\nUIDL\r\n.\r\n",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"USER someone@example.org\r\n", b"PASS x\r\n"],
            responder: &[b"+OK <1896.697170952@example.org>\r\n", b"+OK\r\n", b"-ERR no\r\n"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[],
            responder: &[b"+OK Microsoft Exchange POP3 server ready\r\n"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine_by_role(Protocol::Pop3, opening, depth, |statement, requested: &mut bool| {
        match statement.read_as {
            // Whether its first command is of POP3 alone.
            Role::Client => command(statement, requested),
            Role::Server => {
                let side = greeting(statement, *requested);
                if side == Side::Matches {
                    let client = opening.side(statement.direction.opposite());
                    count_replies(statement, &steps(client.head()));
                }
                side
            }
        }
    })
}

/// What a command is for a log-in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LogInStep {
    /// It names the user, which proves nothing.
    Name,
    /// It proves who the user is.
    Proof,
    /// It is none.
    Other,
}

/// What each command is; lines that continue AUTH are no commands.
fn steps(bytes: &[u8]) -> Vec<LogInStep> {
    const PROOF: &[&[u8]] = &[b"PASS", b"APOP", b"AUTH"];
    const OTHER: &[&[u8]] =
        &[b"CAPA", b"STLS", b"QUIT", b"NOOP", b"LIST", b"STAT", b"RETR", b"DELE", b"UIDL", b"TOP"];
    let verb = |line: lines::TextLine<'_>| {
        let verb = lines::first_word(line.text).0.to_ascii_uppercase();
        let is_one_of = |of: &[&[u8]]| of.contains(&&*verb);
        match () {
            () if is_one_of(&[b"USER"]) => Some(LogInStep::Name),
            () if is_one_of(PROOF) => Some(LogInStep::Proof),
            () => is_one_of(OTHER).then_some(LogInStep::Other),
        }
    };
    lines::whole_lines(bytes).take(COUNTED).filter_map(verb).collect()
}

/// Counts the replies to log-ins, which follow the greeting in the order of the commands, and states
/// the first error. `+OK` to a user's name promises nothing yet.
fn count_replies(statement: &mut Statement<'_>, steps: &[LogInStep]) {
    let is_reply = |line: &lines::TextLine<'_>| {
        [OK, ERROR].iter().any(|status| lines::first_word(line.text).0.eq_ignore_ascii_case(status))
    };
    let replies = lines::whole_lines(statement.stream.head()).filter(is_reply).skip(1);
    for (line, step) in replies.zip(steps) {
        match (lines::may_become(line.text, ERROR), step) {
            (_, LogInStep::Other) | (false, LogInStep::Name) => {}
            (false, LogInStep::Proof) => statement.answers.succeeded(),
            (true, _) => {
                if statement.answers.is_flawless() {
                    statement.fact("pop3.error", line.text, line.at);
                }
                statement.failed("POP3 log-in refused", line.at);
            }
        }
    }
}

/// A command alone proves nothing: FTP has USER too.
fn command(statement: &mut Statement<'_>, requested: &mut bool) -> Side {
    let bytes = statement.stream.head();
    if !lines::may_become_one_of(bytes, COMMANDS) {
        return Side::Other;
    }
    match lines::first_line(bytes, LONGEST) {
        FirstLine::Begun(_) => Side::Perhaps,
        FirstLine::Whole(first) => {
            let (verb, argument) = lines::first_word(first.text);
            if !lines::is_one_of(verb, COMMANDS) {
                return Side::Other;
            }
            let is = |of: &[u8]| verb.eq_ignore_ascii_case(of);
            let (first_argument, second) = lines::first_word(argument);
            *requested = is(b"USER") && !argument.is_empty()
                || (is(b"CAPA") || is(b"STLS")) && argument.is_empty()
                || is(b"APOP") && second.len() == 32 && second.iter().all(u8::is_ascii_hexdigit)
                || is(b"AUTH")
                    && (argument.is_empty() || lines::is_one_of(first_argument, MECHANISMS));
            statement.fact("pop3.command", verb, 0);
            if is(b"USER") {
                statement.fact("pop3.user", argument, verb.len() + 1);
            }
            starttls::state_lines(statement, "pop3.starttls", |line| {
                match lines::first_word(line).0 {
                    verb if lines::is_one_of(verb, &[b"STLS"]) => ClientLine::Upgrade,
                    verb if lines::is_one_of(verb, &[b"CAPA"]) => ClientLine::Before,
                    _ => ClientLine::Other,
                }
            });
            Side::Perhaps
        }
        FirstLine::No => Side::Other,
    }
}

fn greeting(statement: &mut Statement<'_>, requested: bool) -> Side {
    let stream = statement.stream;
    let bytes = stream.head();
    if !lines::may_become(bytes, OK)
        || bytes.get(OK.len()).is_some_and(|b| !matches!(b, b' ' | b'\r' | b'\n'))
    {
        return Side::Other;
    }
    match lines::first_line(bytes, LONGEST) {
        FirstLine::No => Side::Other,
        FirstLine::Begun(_) => Side::Perhaps,
        FirstLine::Whole(first) => {
            let text = first.text.get(OK.len() + 1..).unwrap_or_default();
            let named = lines::words(text)
                .any(|word| lines::is_one_of(word, &[b"POP3", b"POP", b"QPOP", b"QPOPPER"]));
            if text.is_empty() {
                // Redis answers AUTH so; a greeting of POP3 without text is rare.
                return Side::Other;
            }
            statement.fact("pop3.greeting", text, OK.len() + 1);
            if named || requested { Side::Matches } else { Side::Perhaps }
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
    fn the_answers_of_redis_and_nats_are_not_pop3() {
        assert_eq!(detect(&[b"AUTH PLAIN\r\n"], &[b"+OK\r\n"]), Detection::No);
        assert_eq!(detect(&[b"PING\r\n"], &[b"+PONG\r\n"]), Detection::No);
        assert_eq!(detect(&[b"QUIT\r\n"], &[b"+OK\r\n"]), Detection::No);
        assert_eq!(detect(&[b"CONNECT {}\r\n"], &[b"+OK\r\n"]), Detection::No);
    }

    #[test]
    fn a_greeting_that_names_nothing_waits_for_the_client() {
        assert_eq!(detect(&[], &[b"+OK ready\r\n"]), Detection::NeedMore);
        assert_eq!(detect(&[b"hello\r\n"], &[b"+OK ready\r\n"]), Detection::No);
    }
}
