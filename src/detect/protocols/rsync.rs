//! rsync's daemon: `csprotocol.txt` and `clientserver.c` of rsync,
//! <https://github.com/RsyncProject/rsync>. Both sides greet with `@RSYNCD:`, the version and perhaps
//! digests; then the client names a module, and the server says OK, asks for a password, refuses, or
//! lists its modules. What answers the request for a password is not stated.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::lines::{self, FirstLine};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const GREETING: &[u8] = b"@RSYNCD: ";
const ERROR: &[u8] = b"@ERROR: ";
/// Bytes of a line at most.
const LONGEST: usize = 1024;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Rsync, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[b'@'..=b'@']))
    .facts(&["rsync.version", "rsync.module", "rsync.answer"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"@RSYNCD: 31.0 sha512 sha256 sha1 md5 md4\n", b"backup\n"],
            responder: &[b"@RSYNCD: 31.0 sha512 sha256 sha1 md5 md4\n", b"@RSYNCD: OK\n"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"@RSYNCD: 30.0\n", b"attic\n"],
            responder: &[b"@RSYNCD: 31.14\n", b"@ERROR: Unknown module 'attic'\n"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Rsync, opening, depth, greeting)
}

fn greeting(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let known = bytes.len().min(GREETING.len());
    if bytes[..known] != GREETING[..known] {
        return Side::Other;
    }
    let text = match lines::first_line(bytes, LONGEST) {
        FirstLine::Whole(first) => first.text,
        FirstLine::Begun(_) => return Side::Perhaps,
        FirstLine::No => return Side::Other,
    };
    let (version, _) = lines::first_word(&text[GREETING.len()..]);
    let is_version = version.first().is_some_and(u8::is_ascii_digit)
        && version.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    if !is_version {
        return Side::Other;
    }
    statement.fact("rsync.version", version, GREETING.len());
    if let Some(second) = lines::whole_lines(bytes).nth(1) {
        second_line(statement, second.text, second.at, bytes.len());
    }
    Side::Matches
}

/// Reads what follows the greeting: only the server's lines have a mark, so a line without one is
/// the name of a module if nothing but that name, or a message of the day.
fn second_line(statement: &mut Statement<'_>, text: &[u8], at: usize, len: usize) {
    if let Some(answer) = text.strip_prefix(GREETING) {
        statement.role(Role::Server);
        // `AUTHREQD` has a challenge behind it.
        let (answer, _) = lines::first_word(answer);
        statement.fact("rsync.answer", answer, at + GREETING.len());
    } else if text.starts_with(ERROR) {
        statement.role(Role::Server);
        statement.fact("rsync.answer", text, at);
    } else if statement.read_as == Role::Client && (len == at + text.len() + 1 || is_module(text)) {
        statement.role(Role::Client);
        statement.fact("rsync.module", text, at);
    }
}

fn is_module(text: &[u8]) -> bool {
    !text.is_empty() && !text.iter().any(u8::is_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_needs_a_version() {
        for bytes in [&b"@RSYNCD: OK\n"[..], b"@RSYNCD 31.0\n", b"@ERROR: no\n", b"@here\n"] {
            let opening = Opening::from_payloads(Transport::Tcp, &[bytes], &[]);
            assert_eq!(inspect(&opening, Depth::Facts), Detection::No, "{bytes:?}");
        }
    }

    #[test]
    fn the_answer_to_the_request_for_a_password_is_not_stated() {
        let opening = Opening::from_payloads(
            Transport::Tcp,
            &[b"@RSYNCD: 31.0\n", b"backup\n", b"keeper 8f3kQ2examplehash\n"],
            &[b"@RSYNCD: 31.0\n", b"@RSYNCD: AUTHREQD 5Xexamplechallenge\n"],
        );
        let Detection::Yes(found) = inspect(&opening, Depth::Facts) else { panic!() };
        assert!(found.facts.iter().any(|fact| fact.value == "AUTHREQD"));
        assert!(!found.facts.iter().any(|fact| fact.value.contains("example")));
    }
}
