//! SMTP: RFC 5321. The server greets with 220 (section 3.1), the client answers EHLO or HELO and
//! its domain (section 4.1.1.1).
//!
//! FTP greets with 220 too. The greeting alone proves SMTP where it names SMTP (`ESMTP`, `SMTP`, in
//! a word that is no host name); otherwise the client's EHLO does. LMTP, whose client sends LHLO,
//! is refused.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::lines::{self, FirstLine};
use crate::detect::prefilter::Prefilter;
use crate::detect::replies::count_replies;
use crate::detect::starttls::{self, ClientLine};
use crate::detect::statement::{Side, Statement, combine_by_role};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Bytes of a line at most (section 4.5.3.1.5).
const LONGEST: usize = 512;
/// The greeting, without the domain.
const HELLO: usize = b"EHLO ".len();
/// Commands that a client may begin with.
const OTHERS: &[&[u8]] = &[
    b"QUIT",
    b"NOOP",
    b"HELP",
    b"RSET",
    b"STARTTLS",
    b"VRFY",
    b"EXPN",
    b"MAIL",
    b"AUTH",
    b"EHLO",
    b"HELO",
];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Smtp, inspect)
    .tcp()
    .prefilter(Prefilter::ANY.tcp_words(&[OTHERS], &lines::REPLY))
    .facts(&[
        "smtp.greeting",
        "smtp.client",
        "smtp.error",
        "smtp.starttls",
        "tls.sni",
        "tls.alpn",
        "tls.ja4",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"EHLO client.example.org\r\n", b"STARTTLS\r\n"],
            responder: &[
                b"220 mail.example.org ESMTP Postfix (Debian/GNU)\r\n",
                b"250-mail.example.org\r\n250-STARTTLS\r\n250 8BITMIME\r\n",
                b"220 2.0.0 Ready to start TLS\r\n",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"helo [192.0.2.7]\r\n"],
            responder: &[
                b"220-mx1.example.net at your service\r\n220 No spam, please\r\n",
                b"250 hello\r\n",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[],
            responder: &[b"220 ESMTP service ready\n"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"QUIT\r\n"],
            responder: &[b"554 mx.example.com SMTP: no service for you\r\n"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine_by_role(Protocol::Smtp, opening, depth, |statement, (): &mut ()| {
        match statement.read_as {
            Role::Client => hello(statement),
            Role::Server => greeting(statement),
        }
    })
}

fn hello(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    if !lines::may_become_one_of(bytes, OTHERS) {
        return Side::Other;
    }
    match lines::first_line(bytes, LONGEST) {
        FirstLine::Begun(_) => Side::Perhaps,
        FirstLine::Whole(first) => match lines::first_word(first.text) {
            (verb, domain) if lines::is_one_of(verb, &[b"EHLO", b"HELO"]) && is_domain(domain) => {
                statement.fact("smtp.client", domain.trim_ascii_end(), HELLO);
                starttls::state_lines(statement, "smtp.starttls", |line| match lines::first_word(
                    line,
                )
                .0
                {
                    verb if lines::is_one_of(verb, &[b"STARTTLS"]) => ClientLine::Upgrade,
                    verb if lines::is_one_of(verb, &[b"EHLO", b"HELO"]) => ClientLine::Before,
                    _ => ClientLine::Other,
                });
                Side::Matches
            }
            (verb, _) if lines::is_one_of(verb, OTHERS) => Side::Perhaps,
            _ => Side::Other,
        },
        FirstLine::No => Side::Other,
    }
}

/// Whether a text is a host name or an address in brackets; clients write underscores too.
fn is_domain(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    !text.is_empty()
        && text.iter().all(|b| b.is_ascii_alphanumeric() || b"._-[]:%".contains(b) || *b >= 0x80)
}

fn greeting(statement: &mut Statement<'_>) -> Side {
    let side = judge_greeting(statement);
    if side != Side::Other {
        // Login (RFC 4954), mail (RFC 5321, section 4.2.3).
        let succeeds = |code| matches!(code, 235 | 354);
        count_replies(statement, "SMTP", "smtp.error", succeeds);
    }
    side
}

fn judge_greeting(statement: &mut Statement<'_>) -> Side {
    let stream = statement.stream;
    let bytes = stream.head();
    if !lines::may_become_reply(bytes) {
        return Side::Other;
    }
    if let FirstLine::No = lines::first_line(bytes, LONGEST) {
        return Side::Other;
    }
    let mut side = Side::Perhaps;
    for (i, line) in lines::whole_lines(bytes).enumerate() {
        let Some((code @ (220 | 421 | 554), last, text)) = lines::reply(line.text) else {
            return if i == 0 { Side::Other } else { side };
        };
        let mentions = |of: &[&[u8]]| lines::words(text).any(|word| lines::is_one_of(word, of));
        let (smtp, other) = (mentions(&[b"ESMTP", b"SMTP"]), mentions(&[b"FTP", b"LMTP"]));
        if i == 0 {
            if other && !smtp {
                return Side::Other;
            }
            statement.fact("smtp.greeting", text, line.at + line.text.len() - text.len());
        }
        if smtp && !other {
            side = Side::Matches;
        }
        // Without a client's command, a refusal must name the protocol.
        if last || side == Side::Matches {
            return if code == 220 || side == Side::Matches { side } else { Side::Other };
        }
    }
    side
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, initiator, responder), Depth::Facts)
    }

    #[test]
    fn a_greeting_that_names_nothing_waits_for_the_client() {
        assert_eq!(detect(&[], &[b"220 mail.example.org ready\r\n"]), Detection::NeedMore);
        assert_eq!(detect(&[], &[b"220 smtp.example.org ready\r\n"]), Detection::NeedMore);
        assert_eq!(
            detect(&[b"USER anonymous\r\n"], &[b"220 mail.example.org ready\r\n"]),
            Detection::No
        );
    }

    #[test]
    fn another_protocol_is_not_smtp() {
        for greeting in [
            &b"220 (vsFTPd 3.0.3)\r\n331 password\r\n"[..],
            b"220 ftp server, FTP only\r\n",
            b"HTTP/1.1 400 Bad\r\n",
            b"+OK\r\n",
        ] {
            assert_ne!(detect(&[b"EHLO x\r\n"], &[greeting]), Detection::NeedMore);
        }
        assert_eq!(detect(&[b"EHLO x\r\n"], &[b"HTTP/1.1 400 Bad Request\r\n"]), Detection::No);
        assert_eq!(detect(&[], &[b"220 x FTP server ready\r\n"]), Detection::No);
        assert_eq!(detect(&[b"LHLO x\r\n"], &[b"220 x LMTP ready\r\n"]), Detection::No);
        assert_eq!(detect(&[], &[b"200 news ready\r\n"]), Detection::No);
    }
}
