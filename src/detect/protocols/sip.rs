//! SIP: RFC 3261, section 7, over UDP and TCP. A start line of its version, and header fields that
//! every message has.
//!
//! CSTA in bodies (ECMA TR/87) is stated too.

use httparse::Header;
use memchr::memmem::find;

use crate::decode::Transport;
use crate::detect::csta_document;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::headers::{
    FieldRoom, StartWords, field, field_names, is_status_code, read_fields, start_line_end,
    start_words,
};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine, lossy};
use crate::evidence::{Depth, Detection, Direction, Protocol, Recognition, Role};
use crate::flow::Opening;

/// Messages of each side that are read at most.
const MESSAGES: usize = 32;
/// Bytes of a start line at most.
const START_LINE: usize = 2048;
const VERSION: &[u8] = b"SIP/2.0";
/// The fields that every message has, with their short forms (RFC 3261, sections 8.1.1 and 7.3.3).
const REQUIRED: [(&str, &str); 5] =
    [("via", "v"), ("from", "f"), ("to", "t"), ("call-id", "i"), ("cseq", "cseq")];
const METHODS: [&[u8]; 14] = [
    b"INVITE",
    b"ACK",
    b"BYE",
    b"CANCEL",
    b"OPTIONS",
    b"REGISTER",
    b"PRACK",
    b"SUBSCRIBE",
    b"NOTIFY",
    b"PUBLISH",
    b"INFO",
    b"REFER",
    b"MESSAGE",
    b"UPDATE",
];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Sip, inspect)
    .udp()
    .tcp()
    .prefilter(
        Prefilter::first_byte(&[
            b'A'..=b'C', b'I'..=b'I', b'M'..=b'P', b'R'..=b'S', b'U'..=b'U', b'\r'..=b'\r',
            b'\n'..=b'\n', b' '..=b' ', 0..=0,
        ])
        // A zero byte keeps an address translation open: a datagram may begin with it, a stream may
        // not.
        .max_leading_zeros(0)
        .then_all(3, &[b'\r'..=b'\r', b'\n'..=b'\n', b' '..=b'~', 0..=0]),
    )
    .leads_to(&[Protocol::Csta])
    .facts(&[
        "csta.error",
        "csta.monitor",
        "csta.namespace",
        "csta.root",
        "sip.content-type",
        "sip.method",
        "sip.server",
        "sip.status",
        "sip.user-agent",
    ])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nFrom: <sip:b@192.0.2.2>;tag=1\r\nTo: <sip:a@192.0.2.1>\r\nCall-ID: 1@b\r\nCSeq: 1 OPTIONS\r\nUser-Agent: tide/1\r\n\r\n"],
            responder: &[b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nf: <sip:b@192.0.2.2>;tag=1\r\nt: <sip:a@192.0.2.1>;tag=2\r\ni: 1@b\r\nCSeq: 1 OPTIONS\r\nServer: buoy\r\n\r\n"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"INFO sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK1\r\nFrom: <sip:b@192.0.2.2>;tag=1\r\nTo: <sip:a@192.0.2.1>\r\nCall-ID: 1@b\r\nCSeq: 1 INFO\r\nContent-Type: application/csta+xml\r\nContent-Length: 84\r\n\r\n<GetCSTAFeatures xmlns=\"http://www.ecma-international.org/standards/ecma-323/csta/ed3\"/>"],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let mut detection =
        combine(Protocol::Sip, opening, depth, |statement| match opening.transport() {
            Transport::Udp => datagrams(statement),
            Transport::Tcp => stream(statement),
        });
    if let Detection::Yes(recognition) = &mut detection {
        orient(recognition);
    }
    detection
}

/// Sets the roles by the first message of the flow: later, either side may send requests.
fn orient(recognition: &mut Recognition) {
    let is_start = |stem: &str| matches!(stem, "sip.method" | "sip.status");
    let starts = recognition.facts.iter().filter(|fact| is_start(fact.name.stem));
    let Some(first) = starts.min_by_key(|fact| fact.frame) else { return };
    let asked_first = first.name.stem == "sip.method";
    let is_first =
        [first.direction == Direction::Initiator, first.direction == Direction::Responder];
    for (role, is_first) in recognition.roles.iter_mut().zip(is_first) {
        *role = role.map(|_| if is_first == asked_first { Role::Client } else { Role::Server });
    }
}

fn datagrams(statement: &mut Statement<'_>) -> Side {
    let stream = statement.stream;
    let (mut ours, mut foreign, mut offset) = (0, 0, 0);
    for (bytes, _, cut) in stream.datagrams().take(MESSAGES) {
        // Empty lines and single zero bytes keep bindings of address translation alive.
        if !bytes.iter().all(|b| matches!(b, b'\r' | b'\n' | 0 | b' ')) {
            match message(statement, bytes, offset) {
                (Side::Matches, _) => ours += 1,
                (Side::Perhaps, _) if cut => {}
                _ => foreign += 1,
            }
        }
        offset += bytes.len();
    }
    match (ours, foreign) {
        (0, 0) => Side::Perhaps,
        (ours, foreign) if ours > 0 && ours >= foreign => Side::Matches,
        _ => Side::Other,
    }
}

fn stream(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let mut at = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let mut judgement = Side::Perhaps;
    for _ in 0..MESSAGES {
        let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else { break };
        match message(statement, rest, at) {
            (Side::Matches, None) => return Side::Matches,
            (Side::Matches, Some(len)) => {
                judgement = Side::Matches;
                at += len;
            }
            // A later message does not undo a proof.
            (side, _) => return if judgement == Side::Matches { judgement } else { side },
        }
        at += bytes
            .get(at..)
            .unwrap_or(&[])
            .iter()
            .take_while(|b| matches!(b, b'\r' | b'\n'))
            .count();
    }
    judgement
}

/// Judges a message and states its facts; returns its length where that is known.
fn message(statement: &mut Statement<'_>, bytes: &[u8], offset: usize) -> (Side, Option<usize>) {
    if !bytes.first().is_some_and(u8::is_ascii_uppercase) {
        return (Side::Other, None);
    }
    let Some(end) = start_line_end(bytes, START_LINE) else {
        let side =
            if bytes.len() < START_LINE && may_begin(bytes) { Side::Perhaps } else { Side::Other };
        return (side, None);
    };
    let line = bytes[..end].trim_ascii_end();
    let Some(StartWords { first, second, rest }) = start_words(line) else {
        return (Side::Other, None);
    };
    let is_status = first == VERSION && is_status_code(second);
    let is_request = rest == Some(VERSION) && METHODS.contains(&first);
    if !is_status && !is_request {
        return (Side::Other, None);
    }
    let behind = &bytes[end + 1..];
    let head_end =
        find(behind, b"\r\n\r\n").map(|i| i + 4).or_else(|| find(behind, b"\n\n").map(|i| i + 2));
    // After an exact start line, one of the required fields is proof enough: a message may be cut
    // or damaged.
    let is_required = |name: &[u8]| {
        REQUIRED.iter().any(|(long, short)| {
            [long, short].iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        })
    };
    let head = &behind[..head_end.unwrap_or(behind.len())];
    if !field_names(head, may_be_required).any(is_required) {
        return (if head_end.is_some() { Side::Other } else { Side::Perhaps }, None);
    }
    let (mut room, mut scratch) = (FieldRoom::new(), Vec::new());
    // A field that is damaged takes the facts with it, not the protocol.
    let fields = read_fields(head, head_end.is_some(), &mut room, &mut scratch)
        .map_or(&[][..], |(_, fields)| fields);
    let body_at = head_end.map(|len| end + 1 + len);
    state(
        statement,
        if is_status { ("sip.status", second) } else { ("sip.method", first) },
        fields,
        offset,
    );
    let body = body_at.and_then(|at| bytes.get(at..)).unwrap_or(&[]);
    let length = field(fields, "content-length").or_else(|| field(fields, "l"));
    let length = length.and_then(|value| std::str::from_utf8(value).ok()?.parse::<usize>().ok());
    let kind = field(fields, "content-type").or_else(|| field(fields, "c")).unwrap_or(&[]);
    let is_csta = kind.to_ascii_lowercase().windows(4).any(|word| word == b"csta");
    let document = &body[..body.len().min(length.unwrap_or(body.len()))];
    let at = offset + body_at.unwrap_or(0);
    if is_csta && let Some(root) = csta_document::state_carried(statement, document, at) {
        csta_document::count_answer(statement, &root, at);
    }
    if is_status {
        count(statement, second, field(fields, "cseq").unwrap_or(&[]), offset);
    }
    (Side::Matches, body_at.and_then(|at| at.checked_add(length.unwrap_or(0))))
}

/// Whether a name that begins with this byte may be one of [`REQUIRED`].
const fn may_be_required(first: u8) -> bool {
    matches!(first.to_ascii_lowercase(), b'v' | b'f' | b't' | b'i' | b'c')
}

/// Counts a final response. A 401 or 407 asks for credentials (RFC 3261, section 22.1), also again
/// for the next request or where a nonce is stale, which is no failure; 487 answers a request that
/// the caller cancelled; that of INFO says only that the message arrived, which is a request of its
/// own.
fn count(statement: &mut Statement<'_>, status: &[u8], cseq: &[u8], offset: usize) {
    match status {
        [b'1' | b'3', ..] | b"401" | b"407" | b"487" => {}
        [b'2', ..] if cseq.ends_with(b"INFO") => {}
        [b'2', ..] => statement.answers.succeeded(),
        _ => statement.failed(&format!("SIP {}", lossy(status)), offset),
    }
}

fn state(
    statement: &mut Statement<'_>,
    (name, value): (&'static str, &[u8]),
    fields: &[Header<'_>],
    offset: usize,
) {
    statement.role(if name == "sip.method" { Role::Client } else { Role::Server });
    statement.fact(name, value, offset);
    for (name, long, short) in [
        ("sip.user-agent", "user-agent", "user-agent"),
        ("sip.server", "server", "server"),
        ("sip.content-type", "content-type", "c"),
    ] {
        if let Some(value) = field(fields, long).or_else(|| field(fields, short)) {
            statement.fact(name, value, offset);
        }
    }
}

/// Whether the bytes, which have no line end, can be the beginning of a start line.
fn may_begin(bytes: &[u8]) -> bool {
    let begins = |word: &[u8]| bytes.iter().zip(word).all(|(a, b)| a == b);
    let is_begun = begins(VERSION)
        || METHODS.iter().any(|method| {
            let rest = bytes.get(method.len()..).unwrap_or(&[]);
            begins(method)
                && [b" sip", b" tel"]
                    .iter()
                    .any(|scheme| rest.iter().zip(*scheme).all(|(a, b)| a == b))
        });
    is_begun && bytes.iter().all(|&b| b >= b' ' || b == b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Recognition;

    #[test]
    fn the_first_letters_are_those_of_the_required_fields() {
        let names = REQUIRED.iter().flat_map(|(long, short)| [long, short]);
        let firsts: Vec<u8> = names.filter_map(|name| name.bytes().next()).collect();
        for byte in 0..=u8::MAX {
            let is_first = firsts.contains(&byte.to_ascii_lowercase());
            assert_eq!(may_be_required(byte), is_first, "{byte}");
        }
    }

    #[test]
    fn every_message_of_a_dialogue_is_stated_with_its_frame() {
        let message = |method: &str, body: &str| {
            format!(
                "{method} sip:a SIP/2.0\r\nVia: x\r\nFrom: b\r\nTo: a\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\nContent-Type: application/csta+xml\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let csta =
            "<MonitorStart xmlns='http://www.ecma-international.org/standards/ecma-323/csta/ed3'/>";
        let (first, second) = (message("INVITE", ""), message("INFO", csta));
        let opening =
            Opening::from_payloads(Transport::Udp, &[first.as_bytes(), second.as_bytes()], &[]);
        let Detection::Yes(Recognition { facts, .. }) = inspect(&opening, Depth::Facts) else {
            panic!()
        };
        let stated: Vec<_> = facts
            .iter()
            .filter(|f| f.name.stem != "sip.content-type")
            .map(|f| (f.value.as_str(), f.frame))
            .collect();
        let ed3 = "http://www.ecma-international.org/standards/ecma-323/csta/ed3";
        assert_eq!(stated, [("INVITE", 1), ("INFO", 2), ("MonitorStart", 2), (ed3, 2)]);
    }

    #[test]
    fn http_rtsp_and_talk_about_sip_are_not_sip() {
        for text in [
            "OPTIONS / HTTP/1.1\r\nVia: x\r\nFrom: b\r\nTo: a\r\n\r\n",
            "OPTIONS rtsp://a RTSP/1.0\r\nCSeq: 1\r\n\r\n",
            "INVITE sip:a SIP/2.0\r\nSubject: nothing else\r\n\r\n",
            "INVITE people to sip tea\r\n",
        ] {
            assert_eq!(
                inspect(
                    &Opening::from_payloads(Transport::Tcp, &[text.as_bytes()], &[]),
                    Depth::Facts
                ),
                Detection::No,
                "{text}"
            );
            assert_eq!(
                inspect(
                    &Opening::from_payloads(Transport::Udp, &[text.as_bytes()], &[]),
                    Depth::Facts
                ),
                Detection::No,
                "{text}"
            );
        }
    }
}
