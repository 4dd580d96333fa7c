//! iperf3: <https://github.com/esnet/iperf/wiki/IperfProtocolStates>, `iperf_api.h` and
//! `iperf_udp.c` of its sources.
//!
//! Every TCP connection of a test begins with the test's cookie, 36 characters of base 32 and a
//! zero byte. On the control connection the server then sends states of one byte, and both sides
//! JSON behind a length of four bytes; on a data connection anything follows in either direction. A
//! UDP stream begins with a fixed word of four bytes each way; a stream whose answer was not
//! captured is not recognised.

use serde_json::Value;

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine_by_role, in_either_role};
use crate::evidence::{Depth, Detection, Direction, Protocol, ProvedBy, Recognition, Role};
use crate::flow::Opening;

const COOKIE: usize = 37;
/// States that a server may send first: exchange of parameters, access denied, server error.
const FIRST_STATES: &[u8] = &[9, 0xff, 0xfe];
/// The words that open a UDP stream and their answers, in the byte order of either machine; the
/// second pair is that of releases before 3.10.
const GREETINGS: &[([u8; 4], [u8; 4])] =
    &[(*b"9876", *b"6789"), (123_456_789_u32.to_le_bytes(), 987_654_321_u32.to_le_bytes())];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Iperf3, inspect)
    .tcp()
    .udp()
    .prefilter(
        Prefilter::ANY
            .tcp_first_byte(&[b'a'..=b'z', b'2'..=b'7'])
            .udp_first_byte(&[b'6'..=b'6', b'9'..=b'9', 0x07..=0x07, 0x15..=0x15])
            .initiator_only(),
    )
    .facts(&["iperf3.stream", "iperf3.version", "iperf3.test"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"cw7f7gbzd4qbnp3mpfd3stgfrlrkux4v5ylq\0",
                b"\0\0\0\x33{\"tcp\":true,\"reverse\":true,\"client_version\":\"3.12\"}",
            ],
            responder: &[b"\x09", b"\x0a\x01\x02"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"cw7f7gbzd4qbnp3mpfd3stgfrlrkux4v5ylq\0", b"\x84\x33\xdf\xd2"],
            responder: &[],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"9876", b"\0\0\0\x01\0\0\0\x02\0\0\0\x01data"],
            responder: &[b"6789"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    if opening.transport() == Transport::Udp {
        return in_either_role(opening, |client| datagrams(opening, depth, client));
    }
    combine_by_role(Protocol::Iperf3, opening, depth, |statement, (): &mut ()| {
        let other = opening.side(statement.direction.opposite()).head();
        match statement.read_as {
            Role::Client => client(statement, other),
            // In the middle of a connection only the cookie proves anything.
            Role::Server if !statement.stream.from_start() && other.is_empty() => Side::Other,
            Role::Server => server(statement.stream.head()),
        }
    })
}

fn client(statement: &mut Statement<'_>, answer: &[u8]) -> Side {
    let bytes = statement.stream.head();
    let cookie = &bytes[..bytes.len().min(COOKIE - 1)];
    if !cookie.iter().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')) {
        return Side::Other;
    }
    match bytes.get(COOKIE - 1) {
        None => return Side::Perhaps,
        Some(0) => {}
        Some(_) => return Side::Other,
    }
    // A cookie is random, so it has many different characters.
    let kinds = cookie.iter().fold(0_u128, |seen, &b| seen | 1 << (b & 0x7f)).count_ones();
    if kinds < 8 {
        return Side::Other;
    }
    let rest = bytes.get(COOKIE..).unwrap_or_default();
    let parameters = rest.split_first_chunk::<4>().and_then(|(len, json)| {
        let len = u32::from_be_bytes(*len) as usize;
        json.first()
            .is_none_or(|&b| b == b'{')
            .then(|| json.get(..len.min(json.len())).unwrap_or_default())
    });
    let stream = match (parameters, rest, answer) {
        (Some(_), ..) | (_, [], [9]) => "control",
        (_, [], []) => "opened",
        (_, [], [state, ..]) if FIRST_STATES.contains(state) && answer.len() < 4 => "control",
        _ => "data",
    };
    statement.fact("iperf3.stream", stream.as_bytes(), 0);
    if let Some(Value::Object(test)) = parameters.and_then(|json| serde_json::from_slice(json).ok())
    {
        let set = |key: &&str| test.get(*key).and_then(Value::as_bool) == Some(true);
        let words: Vec<&str> =
            ["tcp", "udp", "sctp", "reverse", "bidirectional"].into_iter().filter(set).collect();
        statement.fact("iperf3.test", words.join(" ").as_bytes(), COOKIE + 4);
        if let Some(version) = test.get("client_version").and_then(Value::as_str) {
            statement.fact("iperf3.version", version.as_bytes(), COOKIE + 4);
        }
    }
    Side::Matches
}

/// Judges the server: a state, or the data of a test in which the server sends. Only the text with
/// which servers of other protocols answer is refused.
fn server(answer: &[u8]) -> Side {
    let begin = &answer[..answer.len().min(16)];
    // `--repeating-payload`.
    let pattern = b"0123456789012345".starts_with(begin);
    let text =
        begin.len() >= 4 && begin.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace());
    if text && !pattern { Side::Other } else { Side::Perhaps }
}

fn datagrams(opening: &Opening, depth: Depth, client: Direction) -> Detection {
    let first = |direction| opening.side(direction).datagrams().next();
    let (Some((greeting, _, is_cut)), answered) = (first(client), first(client.opposite())) else {
        return if first(client.opposite()).is_some() {
            Detection::No
        } else {
            Detection::NeedMore
        };
    };
    // The capture may have cut the word, which is the whole datagram.
    let begins =
        |word: &[u8; 4]| word.starts_with(greeting) || reversed(*word).starts_with(greeting);
    if greeting.len() < 4 && is_cut && GREETINGS.iter().any(|(word, _)| begins(word)) {
        return Detection::NeedMore;
    }
    let swapped = |word: &[u8; 4]| word.iter().rev().eq(greeting);
    let same = GREETINGS.iter().find(|(word, _)| word == greeting).map(|(_, reply)| *reply);
    let other =
        || GREETINGS.iter().find(|(word, _)| swapped(word)).map(|(_, reply)| reversed(*reply));
    let Some(reply) = same.or_else(other) else { return Detection::No };
    match answered {
        Some((answer, ..)) if answer == reply => {
            let mut facts = Vec::new();
            Statement::new(opening, depth, client, &mut facts).fact("iperf3.stream", b"data", 0);
            let mut recognition = Recognition::new(Protocol::Iperf3, facts);
            recognition.proved_by = Some(ProvedBy::Both);
            recognition.roles[client as usize] = Some(Role::Client);
            recognition.roles[client.opposite() as usize] = Some(Role::Server);
            Detection::Yes(recognition)
        }
        Some(_) => Detection::No,
        None if opening.pushes() > 4 => Detection::No,
        None => Detection::NeedMore,
    }
}

const fn reversed([a, b, c, d]: [u8; 4]) -> [u8; 4] {
    [d, c, b, a]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: &[u8] = b"cw7f7gbzd4qbnp3mpfd3stgfrlrkux4v5ylq\0";

    fn on(transport: Transport, initiator: &[u8], responder: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(transport, &[initiator], &[responder]), Depth::Facts)
    }

    #[test]
    fn what_follows_the_cookie_tells_control_from_data() {
        let stream = |initiator: &[&[u8]], responder: &[&[u8]]| {
            let Detection::Yes(Recognition { facts, .. }) = inspect(
                &Opening::from_payloads(Transport::Tcp, initiator, responder),
                Depth::Facts,
            ) else {
                panic!("not recognised")
            };
            facts[0].value.clone()
        };
        assert_eq!(stream(&[TEST], &[b"\x09"]), "control");
        assert_eq!(stream(&[TEST, b"\x84\x33\xdf\xd2\x94"], &[]), "data");
        assert_eq!(stream(&[TEST], &[b"\x84\x33\xdf\xd2\x94"]), "data");
        assert_eq!(stream(&[TEST], &[]), "opened");
    }

    #[test]
    fn a_server_that_answers_in_text_is_another() {
        assert_eq!(on(Transport::Tcp, TEST, b"HTTP/1.1 400 Bad Request\r\n"), Detection::No);
        assert_eq!(on(Transport::Tcp, TEST, b"SSH-2.0-x\r\n"), Detection::No);
    }

    #[test]
    fn a_cookie_that_is_too_long_or_too_plain_is_refused() {
        assert_eq!(
            on(Transport::Tcp, b"cw7f7gbzd4qbnp3mpfd3stgfrlrkux4v5ylqx\0", b""),
            Detection::No
        );
        assert_eq!(
            on(Transport::Tcp, b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0", b""),
            Detection::No
        );
    }

    #[test]
    fn a_stream_over_udp_needs_its_answer() {
        assert_eq!(on(Transport::Udp, b"9876", b""), Detection::NeedMore);
        assert_eq!(on(Transport::Udp, b"9876", b"9876"), Detection::No);
        assert!(matches!(
            on(Transport::Udp, b"\x15\xcd\x5b\x07", b"\xb1\x68\xde\x3a"),
            Detection::Yes(..)
        ));
    }
}
