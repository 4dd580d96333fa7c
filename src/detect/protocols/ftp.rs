//! FTP, the control connection: RFC 959. The server greets with 220; the client logs in (USER) or
//! requests the server's features (FEAT, SYST; AUTH TLS of RFC 4217); the server requests a
//! password with 331.
//!
//! SMTP greets with 220 too. The greeting alone proves FTP where it names FTP (`FTP`, `vsFTPd`, in
//! a word that is no host name); otherwise the client's command or the server's 331 does. Replies
//! to PASV and EPSV prove FTP anywhere.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::lines::{self, FirstLine};
use crate::detect::prefilter::Prefilter;
use crate::detect::replies::count_replies;
use crate::detect::starttls::{self, ClientLine};
use crate::detect::statement::{Side, Statement, combine_by_role};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Bytes of a first line at most; greetings may be long.
const LONGEST: usize = 1024;
/// Commands that only a client of FTP sends first to a server that greets with 220.
const OWN: &[&[u8]] =
    &[b"USER", b"FEAT", b"SYST", b"OPTS", b"CLNT", b"HOST", b"PASV", b"EPSV", b"PBSZ"];
/// Commands that clients of other protocols send too.
const OTHERS: &[&[u8]] = &[
    b"AUTH", b"QUIT", b"NOOP", b"HELP", b"PWD", b"TYPE", b"CWD", b"LIST", b"PORT", b"EPRT",
    b"MODE", b"STAT",
];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Ftp, inspect)
    .tcp()
    .prefilter(Prefilter::ANY.tcp_words(&[OWN, OTHERS], &lines::REPLY))
    .facts(&[
        "ftp.greeting",
        "ftp.command",
        "ftp.error",
        "ftp.user",
        "ftp.reply",
        "ftp.starttls",
        "tls.sni",
        "tls.alpn",
        "tls.ja4",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"USER anonymous\r\n", b"PASS guest\r\n"],
            responder: &[
                b"220 Welcome to the archive\r\n",
                b"331 Please specify the password.\r\n",
                b"230 Login successful.\r\n",
            ],
        },
        Sample { transport: Transport::Tcp, initiator: &[], responder: &[b"220 (vsFTPd 3.0.3)\r\n"] },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"AUTH TLS\r\n"],
            responder: &[
                b"220-FileZilla Server 1.8.1\r\n220-Please visit https://filezilla-project.org/\r\n220 ready\r\n",
                b"234 Using authentication type TLS.\r\n",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"PASV\r\n"],
            responder: &[b"227 Entering Passive Mode (192,0,2,1,200,13).\r\n"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine_by_role(
        Protocol::Ftp,
        opening,
        depth,
        |statement, requested: &mut bool| match statement.read_as {
            Role::Client => command(statement, requested),
            Role::Server => greeting(statement, *requested),
        },
    )
}

/// A command alone proves nothing: POP3 has USER too.
fn command(statement: &mut Statement<'_>, requested: &mut bool) -> Side {
    let bytes = statement.stream.head();
    if !lines::may_become_one_of(bytes, OWN) && !lines::may_become_one_of(bytes, OTHERS) {
        return Side::Other;
    }
    match lines::first_line(bytes, LONGEST) {
        FirstLine::Begun(_) => Side::Perhaps,
        FirstLine::Whole(first) => {
            let (verb, argument) = lines::first_word(first.text);
            let own = lines::is_one_of(verb, OWN);
            if !own && !lines::is_one_of(verb, OTHERS) {
                return Side::Other;
            }
            statement.fact("ftp.command", verb, 0);
            if lines::is_one_of(verb, &[b"USER"]) {
                statement.fact("ftp.user", argument, verb.len() + 1);
            }
            *requested = own || is_port(verb, argument) || is_auth_tls(verb, argument);
            starttls::state_lines(statement, "ftp.starttls", |line| {
                match lines::first_word(line) {
                    (verb, argument) if is_auth_tls(verb, argument) => ClientLine::Upgrade,
                    (verb, _)
                        if lines::is_one_of(
                            verb,
                            &[b"FEAT", b"HOST", b"CLNT", b"OPTS", b"SYST"],
                        ) =>
                    {
                        ClientLine::Before
                    }
                    _ => ClientLine::Other,
                }
            });
            Side::Perhaps
        }
        FirstLine::No => Side::Other,
    }
}

fn greeting(statement: &mut Statement<'_>, requested: bool) -> Side {
    let side = judge_greeting(statement, requested);
    if side == Side::Matches {
        let succeeds = |code| matches!(code, 226 | 230 | 232 | 250 | 257);
        count_replies(statement, "FTP", "ftp.error", succeeds);
    }
    side
}

fn judge_greeting(statement: &mut Statement<'_>, requested: bool) -> Side {
    let stream = statement.stream;
    let bytes = stream.head();
    if !lines::may_become_reply(bytes) {
        return Side::Other;
    }
    match lines::first_line(bytes, LONGEST) {
        FirstLine::No => return Side::Other,
        FirstLine::Begun(_) => return Side::Perhaps,
        FirstLine::Whole(_) => {}
    }
    let mut greets = false;
    for (i, line) in lines::whole_lines(bytes).enumerate() {
        // The inner lines of a reply of several lines may be anything.
        let Some((code, _, text)) = lines::reply(line.text) else {
            if i == 0 {
                return Side::Other;
            }
            continue;
        };
        let at = line.at + line.text.len() - text.len();
        if is_passive(code, text) {
            statement.fact("ftp.reply", text, at);
            return Side::Matches;
        }
        if i == 0 {
            if !matches!(code, 220 | 120 | 421) {
                return if statement.stream.from_start() { Side::Other } else { Side::Perhaps };
            }
            greets = true;
            statement.fact("ftp.greeting", text, at);
        }
        if !greets {
            continue;
        }
        let mentions = |fits: fn(&[u8]) -> bool| lines::words(text).any(fits);
        let smtp = mentions(|word| lines::is_one_of(word, &[b"ESMTP", b"SMTP", b"LMTP"]));
        if code == 331 || requested && !smtp || !smtp && mentions(is_ftp) {
            return Side::Matches;
        }
        if i == 0 && smtp && !mentions(is_ftp) {
            return Side::Other;
        }
    }
    Side::Perhaps
}

/// Whether a word is `FTP` or the name of a server that ends in it, such as `vsFTPd`.
fn is_ftp(word: &[u8]) -> bool {
    let stem = match word {
        [stem @ .., b'd' | b'D'] => stem,
        _ => word,
    };
    word.eq_ignore_ascii_case(b"FTP")
        || word.eq_ignore_ascii_case(b"FileZilla")
        || stem.len() < word.len()
            && stem
                .len()
                .checked_sub(3)
                .is_some_and(|from| stem[from..].eq_ignore_ascii_case(b"FTP"))
}

/// Whether a command requests TLS (RFC 4217, section 4).
fn is_auth_tls(verb: &[u8], argument: &[u8]) -> bool {
    lines::is_one_of(verb, &[b"AUTH"])
        && lines::is_one_of(argument, &[b"TLS", b"SSL", b"TLS-C", b"TLS-P"])
}

/// Whether a command is `PORT h1,h2,h3,h4,p1,p2` or `EPRT |1|host|port|`.
fn is_port(verb: &[u8], argument: &[u8]) -> bool {
    let of = |form: &[u8]| verb.eq_ignore_ascii_case(form);
    of(b"PORT") && is_address(argument)
        || of(b"EPRT") && argument.starts_with(b"|") && argument.split(|&b| b == b'|').count() == 5
}

/// Whether a text is six numbers with commas between them: the address and the port of a data
/// connection.
fn is_address(text: &[u8]) -> bool {
    let number = |part: &[u8]| (1..=3).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
    text.split(|&b| b == b',').count() == 6 && text.split(|&b| b == b',').all(number)
}

/// Whether a reply is `227 Entering Passive Mode (h1,h2,h3,h4,p1,p2)` or `229 Entering Extended
/// Passive Mode (|||port|)` (RFC 2428).
fn is_passive(code: u16, text: &[u8]) -> bool {
    let Some(open) = text.iter().position(|&b| b == b'(') else { return false };
    let inside = text[open + 1..].split(|&b| b == b')').next().unwrap_or_default();
    let number = |part: &[u8]| (1..=5).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
    match code {
        227 => is_address(inside),
        229 => {
            inside.strip_prefix(b"|||").and_then(|rest| rest.strip_suffix(b"|")).is_some_and(number)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Recognition;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, initiator, responder), Depth::Facts)
    }

    #[test]
    fn a_greeting_that_names_nothing_waits_for_the_client() {
        assert_eq!(detect(&[], &[b"220 ftp.example.org ready\r\n"]), Detection::NeedMore);
        assert_eq!(detect(&[b"QUIT\r\n"], &[b"220 ready\r\n"]), Detection::NeedMore);
        assert_eq!(detect(&[b"USER x\r\n"], &[]), Detection::NeedMore);
    }

    #[test]
    fn another_protocol_is_not_ftp() {
        assert_eq!(detect(&[b"USER x\r\n"], &[b"+OK\r\n"]), Detection::No);
        assert_eq!(detect(&[b"EHLO x\r\n"], &[b"220 ready\r\n"]), Detection::No);
        assert_eq!(detect(&[], &[b"220 x ESMTP Postfix\r\n"]), Detection::No);
        assert_eq!(
            detect(&[b"CLIENT dict\r\n"], &[b"220 dict.example.org dictd 1.12\r\n"]),
            Detection::No
        );
        assert_eq!(detect(&[], &[b"200 news server ready\r\n"]), Detection::No);
    }

    #[test]
    fn the_address_of_a_data_connection_is_of_ftp_alone() {
        assert!(matches!(
            detect(&[b"PORT 192,0,2,1,78,33\r\n"], &[b"220 ready\r\n"]),
            Detection::Yes(..)
        ));
        assert_eq!(detect(&[b"PORT 80\r\n"], &[b"220 ready\r\n"]), Detection::NeedMore);
    }

    #[test]
    fn no_password_is_stated() {
        let Detection::Yes(Recognition { facts, .. }) =
            detect(&[b"USER x\r\nPASS secret\r\n"], &[b"220 ready\r\n331 go on\r\n"])
        else {
            panic!()
        };
        assert!(facts.iter().all(|fact| !fact.value.contains("secret")));
    }
}
