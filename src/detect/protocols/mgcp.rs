//! MGCP: RFC 3435, section 3, over UDP. A command is a verb, the number of a transaction, an endpoint
//! and the version, `AUEP 1200 aaln/1@gw.example MGCP 1.0`; a response is a code and that number,
//! `200 1200 OK`. Call agents and gateways send both.
//!
//! A response looks like the replies of other protocols, so it counts only beside the command that it
//! answers.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::lines::{FirstLine, first_line, may_become};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{DATAGRAMS, Side, Statement, by_datagram, combine, lossy};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Bytes of a first line at most.
const LONGEST: usize = 256;
/// Bytes of an endpoint's name at most: 255 before the `@`, 255 behind it.
const NAME: usize = 511;
const VERSION: &[u8] = b"MGCP";
/// The verbs of RFC 3435, section 2.3, and MESG of RFC 3149.
const VERBS: [&[u8]; 10] =
    [b"AUCX", b"AUEP", b"CRCX", b"DLCX", b"EPCF", b"MDCX", b"MESG", b"NTFY", b"RQNT", b"RSIP"];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Mgcp, inspect)
    .udp()
    .prefilter(
        Prefilter::first_byte(&[
            b'0'..=b'5',
            b'8'..=b'8',
            b'A'..=b'A',
            b'C'..=b'E',
            b'M'..=b'N',
            b'R'..=b'R',
            b'a'..=b'a',
            b'c'..=b'e',
            b'm'..=b'n',
            b'r'..=b'r',
        ])
        .udp_then(&[b'0'..=b'9', b'A'..=b'Z', b'a'..=b'z'])
        .udp_then(&[b'0'..=b'9', b'A'..=b'Z', b'a'..=b'z'])
        .udp_then(&[b' '..=b' ', b'\t'..=b'\t', b'A'..=b'Z', b'a'..=b'z'])
        .udp_then(&[b' '..=b' ', b'\t'..=b'\t', b'0'..=b'9']),
    )
    .facts(&["mgcp.endpoint", "mgcp.status", "mgcp.verb", "mgcp.version"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[
                b"AUEP 1200 aaln/1@gw.example MGCP 1.0\r\nF: A\r\n",
                b"RQNT 1201 aaln/1@gw.example MGCP 1.0 NCS 1.0\r\nX: 7\r\n",
            ],
            responder: &[b"200 1200 OK\r\nA: nt:IN, v:L\r\n", b"200 1201 OK\r\n"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"rsip 31 *@gw.example mgcp 1.0\nrm: restart\n"],
            responder: &[],
        },
    ]);

/// The first line of a datagram.
enum MgcpMessage<'a> {
    Command { verb: &'a [u8], number: u32, endpoint: &'a [u8], version: &'a [u8] },
    Response { code: &'a [u8], number: u32 },
}

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let mut asked = [None; 2 * DATAGRAMS];
    let datagrams = opening.sides().flat_map(|(_, stream)| stream.datagrams().take(DATAGRAMS));
    for (place, (bytes, ..)) in asked.iter_mut().zip(datagrams) {
        if let Some(MgcpMessage::Command { number, .. }) = read(bytes) {
            *place = Some(number);
        }
    }
    combine(Protocol::Mgcp, opening, depth, |statement| {
        by_datagram(statement, |statement, bytes, at, cut| match read(bytes) {
            Some(found) => message(statement, &found, at, &asked),
            None if cut && may_begin(bytes) => Side::Perhaps,
            None => Side::Other,
        })
    })
}

/// Whether bytes, whose end was not captured, may begin a message.
fn may_begin(bytes: &[u8]) -> bool {
    let mut words = bytes.splitn(2, |byte| matches!(byte, b' ' | b'\t'));
    let (first, rest) = (words.next().unwrap_or(&[]), words.next());
    let is_whole = rest.is_some();
    let number = rest.unwrap_or(&[]).trim_ascii_start();
    if number.first().is_some_and(|byte| !byte.is_ascii_digit()) {
        return false;
    }
    let fits = |len: usize| if is_whole { first.len() == len } else { first.len() <= len };
    let is_verb = |verb: &[u8]| fits(verb.len()) && may_become(first, verb);
    (fits(3) && begins_code(first) || VERBS.into_iter().any(is_verb))
        && matches!(first_line(bytes, LONGEST + NAME), FirstLine::Begun(_))
}

/// Judges a message; `asked` has the numbers of the commands of both sides.
fn message(
    statement: &mut Statement<'_>,
    message: &MgcpMessage<'_>,
    at: usize,
    asked: &[Option<u32>],
) -> Side {
    match *message {
        MgcpMessage::Command { verb, endpoint, version, .. } => {
            statement.role(Role::Client);
            statement.fact("mgcp.verb", &verb.to_ascii_uppercase(), at);
            statement.fact("mgcp.endpoint", endpoint, at);
            statement.fact("mgcp.version", version, at);
            Side::Matches
        }
        MgcpMessage::Response { code, number } if asked.contains(&Some(number)) => {
            statement.role(Role::Server);
            statement.fact("mgcp.status", code, at);
            match code.first() {
                Some(b'4' | b'5') => statement.failed(&format!("MGCP {}", lossy(code)), at),
                Some(b'2') => statement.answers.succeeded(),
                _ => {}
            }
            Side::Matches
        }
        MgcpMessage::Response { .. } => Side::Perhaps,
    }
}

/// Reads the first line of a message.
fn read(bytes: &[u8]) -> Option<MgcpMessage<'_>> {
    let first = bytes.first()?;
    if !first.is_ascii_alphanumeric() {
        return None;
    }
    let line = match first_line(bytes, LONGEST + NAME) {
        FirstLine::Whole(line) => line.text,
        // The end of a datagram ends a line.
        FirstLine::Begun(text) => text,
        FirstLine::No => return None,
    };
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    let (first, number) = (words.next()?, transaction(words.next()?)?);
    if first.len() == 3 && begins_code(first) {
        return Some(MgcpMessage::Response { code: first, number });
    }
    if !VERBS.iter().any(|verb| verb.eq_ignore_ascii_case(first)) {
        return None;
    }
    let (endpoint, name, version) = (words.next()?, words.next()?, words.next()?);
    let is_version = name.eq_ignore_ascii_case(VERSION)
        && matches!(version, [b'0'..=b'9', b'.', rest @ ..] if rest.iter().all(u8::is_ascii_digit));
    let is_endpoint = endpoint.len() <= NAME && endpoint.contains(&b'@');
    (is_version && is_endpoint).then_some(MgcpMessage::Command {
        verb: first,
        number,
        endpoint,
        version,
    })
}

/// Whether these are the first digits of a return code (RFC 3435, section 2.4).
fn begins_code(digits: &[u8]) -> bool {
    matches!(digits, [b'0' | b'1' | b'2' | b'4' | b'5' | b'8', rest @ ..]
        if rest.iter().all(u8::is_ascii_digit))
}

/// The number of a transaction: one to nine digits.
fn transaction(word: &[u8]) -> Option<u32> {
    let is_number = (1..=9).contains(&word.len()) && word.iter().all(u8::is_ascii_digit);
    is_number.then(|| word.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Udp, initiator, responder), Depth::Facts)
    }

    #[test]
    fn a_datagram_that_was_cut_begins_with_a_code_that_there_is() {
        let cut = |bytes: &[u8]| {
            let opening = Opening::from_datagrams(&[(0, bytes, bytes.len() as u32 + 40)]);
            inspect(&opening, Depth::Facts)
        };
        assert_eq!([cut(b"20"), cut(b"200 12")], [Detection::NeedMore, Detection::NeedMore]);
        assert_eq!([cut(b"6"), cut(b"3001")], [Detection::No, Detection::No]);
    }

    #[test]
    fn a_response_counts_only_beside_its_command() {
        let command = &b"AUEP 1200 aaln/1@gw.example MGCP 1.0\r\n"[..];
        assert_eq!(detect(&[b"200 1200 OK\r\n"], &[]), Detection::NeedMore);
        let proved = |answer: &[u8]| match detect(&[command], &[answer]) {
            Detection::Yes(found) => found.proved_by,
            _ => panic!("{}", answer.escape_ascii()),
        };
        assert_eq!(proved(b"200 1200 OK\r\n"), Some(crate::evidence::ProvedBy::Both));
        assert_eq!(proved(b"200 1201 OK\r\n"), Some(crate::evidence::ProvedBy::Initiator));
    }

    #[test]
    fn who_commands_first_is_the_client_whatever_comes_back_later() {
        let gateway = [&b"RSIP 31 *@tides MGCP 1.0\r\n"[..], b"200 1 OK\r\n"];
        let agent = [&b"200 31 OK\r\n"[..], b"AUEP 1 aaln/1@tides MGCP 1.0\r\n"];
        let Detection::Yes(found) = detect(&gateway, &agent) else { panic!() };
        assert_eq!(found.roles, [Some(Role::Client), Some(Role::Server)]);
        let Detection::Yes(found) = detect(&agent, &gateway) else { panic!() };
        assert_eq!(found.roles, [Some(Role::Server), Some(Role::Client)]);
    }

    #[test]
    fn other_commands_and_talk_of_mgcp_are_not_mgcp() {
        for other in [
            &b"AUEP 1200 aaln/1@gw.example SIP/2.0\r\n"[..],
            b"AUEP 1200 aaln/1 MGCP 1.0\r\n",
            b"AUEP 1234567890 a@b MGCP 1.0\r\n",
            b"AUEP is a verb of MGCP 1.0\r\n",
            b"NOTE 1200 a@b MGCP 1.0\r\n",
            b"AUEP 1200 a@b MGCP x.0\r\n",
            b"300 1200 OK\r\n",
            b"200 OK\r\n",
        ] {
            assert_eq!(detect(&[other], &[]), Detection::No, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn errors_in_answer_are_counted() {
        let commands = [&b"RQNT 9 x@tides MGCP 1.0\r\n"[..], b"DLCX 10 x@tides MGCP 1.0\r\n"];
        let Detection::Yes(found) = detect(&commands, &[b"500 9 FAIL\r\n", b"500 10 FAIL\r\n"])
        else {
            panic!()
        };
        assert_eq!(found.failure.map(|failure| failure.cause).unwrap(), "MGCP 500");
    }
}
