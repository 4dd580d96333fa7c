//! HTTP/1.0 and 1.1: RFC 9112.
//!
//! States the method, target, status, every header field and the readable bodies of all messages in
//! the opening, and the messages of a connection that changed to WebSocket or HTTP/2. Where the
//! beginning was not captured, or bytes are missing, the reading goes on with the next segment that
//! begins with a message.

mod body;
mod head;
mod websocket;

use std::ops::Range;

use httparse::Header;

use self::body::Body;
use self::head::{METHOD, START_LINE, Start, VERSION};
use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::csta_xml;
use crate::detect::formats::headers::{FieldRoom, field, start_line_end};
use crate::detect::formats::redact::masked;
use crate::detect::prefilter::Prefilter;
use crate::detect::protocols::http2;
use crate::detect::statement::{PARTLY_PATIENCE, Side, Statement, combine};
use crate::evidence::{Depth, Detection, FactName, Protocol};
use crate::flow::Opening;

/// Messages of each side that are read at most.
const MESSAGES: usize = 32;
/// Server-Sent Events of a response that are stated at most.
const EVENTS: usize = 8;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Http, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[b'A'..=b'Z', b'-'..=b'-', b'_'..=b'_']).mid_stream())
    .leads_to(&[Protocol::Websocket])
    .facts(&[
        "csta.namespace",
        "csta.root",
        "http.event",
        "http.method",
        "http.target",
        "http.status",
        "http.request-header.*",
        "http.response-header.*",
        "http.request-body",
        "http.response-body",
        "http.response-text",
        "grpc.method",
        "grpc.status",
        "http2.preface",
        "http2.settings",
        "websocket.binary",
        "websocket.text",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"GET /api HTTP/1.1\r\nHost: a\r\n\r\n", b"HEAD /x HTTP/1.1\r\n\r\n"],
            responder: &[
                b"HTTP/1.1 200 OK\r\nX-Powered-By: Express\r\nContent-Length: 2\r\n\r\n{}",
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 50\r\n\r\n",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: vite-hmr\r\n\r\n"],
            responder: &[b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x14{\"type\":\"connected\"}"],
        },
        Sample { transport: Transport::Tcp, initiator: &[], responder: &[b"HTTP/1.0 204 No Content\r\n\r\n"] },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let mut requests = RequestLog::default();
    combine(Protocol::Http, opening, depth, |statement| side(statement, opening, &mut requests))
}

/// The requests of a connection, which its responses answer in their order.
#[derive(Default)]
struct RequestLog {
    seen: Vec<Request>,
    /// The number of the first requests, among which none is missing.
    counted: usize,
    /// Responses without a request that was captured.
    unasked: u32,
}

struct Request {
    frame: u64,
    /// The method is HEAD: the response announces a body that does not follow (RFC 9112, section
    /// 6.3).
    head: bool,
    /// The method is CONNECT: a tunnel follows a successful response.
    connect: bool,
}

impl RequestLog {
    /// The number of the exchange that the `count`-th response belongs to, and its request. After
    /// missing bytes, where `count` is `None`, that is the last request before the response.
    fn answered(&mut self, count: Option<usize>, frame: u64) -> (u32, Option<&Request>) {
        let by_count = count.filter(|&count| count < self.counted);
        let place =
            by_count.or_else(|| self.seen.iter().rposition(|request| request.frame <= frame));
        let Some(place) = place else {
            self.unasked += 1;
            return (u32::MAX - self.unasked, None);
        };
        (place as u32 + 1, self.seen.get(place))
    }
}

fn side(statement: &mut Statement<'_>, opening: &Opening, requests: &mut RequestLog) -> Side {
    let stream = statement.stream;
    let mut judgement = Side::Other;
    for (i, run) in stream.runs().enumerate() {
        if i == 0 && stream.from_start() {
            match messages(statement, run, requests, true) {
                (Side::Matches, _) => judgement = Side::Matches,
                (side, _) => return side,
            }
            continue;
        }
        let mut from = run.start;
        for start in stream.starts(run.clone()) {
            if start >= from && head::begins(&stream.bytes()[start..run.end]) {
                judgement = Side::Matches;
                from = messages(statement, start..run.end, requests, false).1;
            }
        }
    }
    if judgement == Side::Other && !stream.from_start() && opening.pushes() < PARTLY_PATIENCE {
        Side::Perhaps
    } else {
        judgement
    }
}

/// Reads the messages of a run, in which no bytes are missing, and returns the offset at which the
/// reading ended. `whole`: the run begins with the connection's first byte.
fn messages(
    statement: &mut Statement<'_>,
    run: Range<usize>,
    requests: &mut RequestLog,
    whole: bool,
) -> (Side, usize) {
    let bytes = &statement.stream.bytes()[..run.end];
    let mut at = run.start;
    // The first few bytes exclude most other protocols, without a search for the line end.
    let few = &bytes[at..run.end.min(at + METHOD + 2)];
    if !head::may_begin(few.split(|&b| b == b'\n').next().unwrap_or(few)) {
        return (Side::Other, at);
    }
    let mut responses = 0;
    for message in 0..MESSAGES {
        let rest = &bytes[at..];
        let Some(end) = start_line_end(rest, START_LINE) else {
            return match message {
                0 if rest.len() < START_LINE && head::may_begin(rest) => (Side::Perhaps, at),
                0 => (Side::Other, at),
                _ => (Side::Matches, at),
            };
        };
        let Some(start) = Start::read(rest[..end].trim_ascii_end()) else {
            return (if message == 0 { Side::Other } else { Side::Matches }, at);
        };
        let fields_at = at + end + 1;
        let mut room = FieldRoom::new();
        let mut scratch = Vec::new();
        let (head_len, fields) = head::fields(&bytes[fields_at..], &mut room, &mut scratch);
        let bare = match start {
            Start::Request { method, .. } => {
                let frame = statement.stream.frame_at(at);
                requests.seen.push(Request {
                    frame,
                    head: method == b"HEAD",
                    connect: method == b"CONNECT",
                });
                requests.counted = if whole { requests.seen.len() } else { requests.counted };
                statement.exchange = requests.seen.len() as u32;
                false
            }
            Start::Response { status } => {
                let (exchange, request) =
                    requests.answered(whole.then_some(responses), statement.stream.frame_at(at));
                statement.exchange = exchange;
                // An interim response, such as 100 Continue, belongs to the exchange of the final
                // one (RFC 9110, section 15.2).
                let interim = status.starts_with(b"1") && status != b"101";
                responses += usize::from(!interim);
                interim
                    || matches!(status, b"204" | b"304")
                    || request.is_some_and(|r| r.head || r.connect)
            }
        };
        if statement.wants_facts() {
            state(statement, &start, at, fields, fields_at);
        }
        // The end of the head was not captured, so nothing after it was.
        let Some(head_len) = head_len else { return (Side::Matches, run.end) };
        at = fields_at + head_len;
        if let Some(upgrade) = upgrade(&start, fields, &bytes[at..]) {
            match upgrade {
                Upgrade::Http2 => http2::state_upgraded(statement, bytes, at),
                Upgrade::Other if statement.wants_facts() => {
                    websocket::state_frames(statement, bytes, at);
                }
                Upgrade::Other => {}
            }
            return (Side::Matches, run.end);
        }
        // Some servers state the length of a body that does not follow.
        let bare = bare || bytes[at..].starts_with(VERSION);
        let is_request = matches!(start, Start::Request { .. });
        let mut body =
            if bare { Body::none() } else { Body::read(fields, is_request, &bytes[at..]) };
        if statement.wants_facts() {
            body.decode(fields);
            state_body(statement, &body, is_request, body::is_xml(fields), at);
        }
        // A hostile length must not move the reader back.
        match body.len.and_then(|len| at.checked_add(len)).filter(|&next| next < bytes.len()) {
            Some(next) => at = next,
            None => return (Side::Matches, run.end),
        }
    }
    (Side::Matches, at)
}

/// States the start line and the header fields.
fn state(
    statement: &mut Statement<'_>,
    start: &Start<'_>,
    at: usize,
    fields: &[Header<'_>],
    fields_at: usize,
) {
    let stem = match start {
        Start::Request { method, target } => {
            statement.fact("http.method", method, at);
            statement.fact("http.target", target, at);
            "http.request-header"
        }
        Start::Response { status } => {
            statement.fact("http.status", status, at);
            "http.response-header"
        }
    };
    // Each field begins after the one before it.
    let mut offset = fields_at;
    for field in fields {
        let name = FactName { stem, leaf: Some(field.name.to_ascii_lowercase()) };
        statement.fact(name, &masked(field.name, field.value.trim_ascii()), offset);
        offset += field.name.len() + field.value.len() + 4;
    }
}

/// States the readable content of the body at the offset `at`.
fn state_body(
    statement: &mut Statement<'_>,
    body: &Body<'_>,
    is_request: bool,
    is_xml: bool,
    at: usize,
) {
    if body.content.is_empty() {
        return;
    }
    let parts: Vec<_> = body.parts.iter().map(|&(content, place)| (content, at + place)).collect();
    match (body.kind, is_request) {
        (body::BodyKind::Structured, true) => {
            statement.fact_in_parts("http.request-body", &body.content, &parts);
        }
        (body::BodyKind::Structured, false) => {
            statement.fact_in_parts("http.response-body", &body.content, &parts);
        }
        (body::BodyKind::Plain, false) => {
            statement.fact_in_parts("http.response-text", &body.content, &parts);
        }
        (body::BodyKind::Events, false) => {
            let place = |offset: usize| {
                let part = parts
                    .partition_point(|&(content, _)| content <= offset)
                    .checked_sub(1)
                    .and_then(|i| parts.get(i));
                part.map_or(at, |&(content, place)| place + (offset - content))
            };
            let mut offset = 0;
            // An empty line ends an event (HTML, section 9.2.6).
            for event in body.content.split_inclusive(|&b| b == b'\n').take(EVENTS) {
                if !event.trim_ascii().is_empty() {
                    statement.fact("http.event", event.trim_ascii(), place(offset));
                }
                offset += event.len();
            }
        }
        (body::BodyKind::Plain | body::BodyKind::Events, true)
        | (body::BodyKind::Unreadable, _) => {}
    }
    // CSTA as a web service (ECMA-348), in SOAP or bare.
    if let Some((root, namespace)) =
        is_xml.then(|| csta_xml::carried_element(&body.content)).flatten()
    {
        statement.fact("csta.root", root.as_bytes(), at);
        statement.fact("csta.namespace", namespace.as_bytes(), at);
    }
}

/// The protocol that a connection changes to.
enum Upgrade {
    Http2,
    /// WebSocket, or a tunnel.
    Other,
}

/// The protocol that follows a head, where it is no longer HTTP/1. A server may refuse the change,
/// and the client goes on as before.
fn upgrade(start: &Start<'_>, fields: &[Header<'_>], rest: &[u8]) -> Option<Upgrade> {
    let turns = match start {
        Start::Request { method, .. } => {
            *method == b"CONNECT"
                || field(fields, "upgrade").is_some() && !rest.is_empty() && !head::begins(rest)
        }
        Start::Response { status } => *status == b"101",
    };
    let wanted = field(fields, "upgrade").unwrap_or(&[]);
    turns.then(|| if wanted.eq_ignore_ascii_case(b"h2c") { Upgrade::Http2 } else { Upgrade::Other })
}

#[cfg(test)]
mod tests;
