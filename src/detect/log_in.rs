//! Log-ins that anybody on the way can read: a name or a password without TLS around it.

use crate::detect::formats::lines::{first_word, is_one_of, whole_lines};
use crate::evidence::{Direction, Evidence, Protocol};
use crate::flow::{Opening, Stream};

/// Lines of a client that are searched.
const LINES: usize = 8;
/// Mechanisms of SASL that show the password (RFC 4616, and LOGIN, which has no RFC).
const CLEAR: &[&[u8]] = &[b"PLAIN", b"LOGIN"];

/// The frame of the first log-in in clear text in the opening of a flow whose protocol is known:
/// over FTP, IMAP, POP3, SMTP and Telnet.
#[must_use]
pub fn clear_log_in(opening: &Opening, evidence: &Evidence) -> Option<u64> {
    let stream = opening.side(Direction::Initiator);
    match evidence.protocol? {
        Protocol::Telnet => {
            evidence.facts.iter().find(|fact| fact.name.is("telnet.prompt")).map(|fact| fact.frame)
        }
        Protocol::Ftp => command(stream, |line| match first_word(line) {
            // Anonymous users have no secret (RFC 1635).
            (verb, user) if is_one_of(verb, &[b"USER"]) => {
                Some(!user.is_empty() && !is_one_of(user.trim_ascii(), &[b"anonymous", b"ftp"]))
            }
            (verb, _) if is_one_of(verb, &[b"AUTH"]) => None,
            _ => Some(false),
        }),
        Protocol::Pop3 => command(stream, |line| match first_word(line) {
            (verb, user) if is_one_of(verb, &[b"USER", b"PASS"]) => Some(!user.is_empty()),
            (verb, rest) if is_one_of(verb, &[b"AUTH"]) => Some(is_clear(rest)),
            (verb, _) if is_one_of(verb, &[b"STLS"]) => None,
            _ => Some(false),
        }),
        Protocol::Imap => command(stream, |line| match first_word(first_word(line).1) {
            (verb, user) if is_one_of(verb, &[b"LOGIN"]) => Some(!user.is_empty()),
            (verb, rest) if is_one_of(verb, &[b"AUTHENTICATE"]) => Some(is_clear(rest)),
            (verb, _) if is_one_of(verb, &[b"STARTTLS"]) => None,
            _ => Some(false),
        }),
        Protocol::Smtp => command(stream, |line| match first_word(line) {
            (verb, rest) if is_one_of(verb, &[b"AUTH"]) => Some(is_clear(rest)),
            (verb, _) if is_one_of(verb, &[b"STARTTLS"]) => None,
            _ => Some(false),
        }),
        _ => None,
    }
}

fn is_clear(mechanism: &[u8]) -> bool {
    is_one_of(first_word(mechanism).0.trim_ascii(), CLEAR)
}

/// The frame of the first line that logs in. `logs_in` returns `None` for what asks for TLS.
fn command(stream: &Stream, logs_in: impl Fn(&[u8]) -> Option<bool>) -> Option<u64> {
    for line in whole_lines(stream.head()).take(LINES) {
        if logs_in(line.text)? {
            return Some(stream.frame_at(line.at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Transport;

    fn logs_in(protocol: Protocol, lines: &[&[u8]]) -> bool {
        let opening = Opening::from_payloads(Transport::Tcp, lines, &[]);
        let evidence = Evidence { protocol: Some(protocol), ..Evidence::default() };
        clear_log_in(&opening, &evidence).is_some()
    }

    #[test]
    fn a_name_or_a_clear_mechanism_without_tls_is_a_log_in() {
        for (protocol, lines) in [
            (Protocol::Ftp, &[&b"USER alice\r\n"[..]][..]),
            (Protocol::Pop3, &[b"CAPA\r\n", b"USER alice\r\n"]),
            (Protocol::Pop3, &[b"AUTH PLAIN\r\n"]),
            (Protocol::Imap, &[b"a1 LOGIN alice secret\r\n"]),
            (Protocol::Imap, &[b"a1 CAPABILITY\r\n", b"a2 AUTHENTICATE PLAIN AGEA\r\n"]),
            (Protocol::Smtp, &[b"EHLO me\r\n", b"AUTH LOGIN\r\n"]),
        ] {
            assert!(logs_in(protocol, lines), "{protocol:?} {lines:?}");
        }
    }

    #[test]
    fn what_asks_for_tls_hides_the_password_or_has_none_is_not() {
        for (protocol, lines) in [
            (Protocol::Ftp, &[&b"USER anonymous\r\n"[..]][..]),
            (Protocol::Ftp, &[b"AUTH TLS\r\n", b"USER alice\r\n"]),
            (Protocol::Pop3, &[b"STLS\r\n", b"USER alice\r\n"]),
            (Protocol::Pop3, &[b"APOP alice c4c9334bac560ecc979e58001b3e22fb\r\n"]),
            (Protocol::Imap, &[b"a1 STARTTLS\r\n", b"a2 LOGIN a b\r\n"]),
            (Protocol::Imap, &[b"a2 AUTHENTICATE SCRAM-SHA-256\r\n"]),
            (Protocol::Smtp, &[b"EHLO me\r\n", b"AUTH CRAM-MD5\r\n"]),
            (Protocol::Smtp, &[b"EHLO me\r\n", b"MAIL FROM:<a@b>\r\n"]),
            (Protocol::Http, &[b"USER alice\r\n"]),
        ] {
            assert!(!logs_in(protocol, lines), "{protocol:?} {lines:?}");
        }
    }
}
