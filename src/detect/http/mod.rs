//! HTTP/1.0 and 1.1: RFC 9112. Start lines are judged here, header fields are read by `httparse`.
//!
//! States the method, target, status, every header field and what is visible of bodies, for as many messages as the opening
//! holds, and the text frames of a WebSocket that the connection turned into. Bodies are not decompressed.

mod body;
mod websocket;

use httparse::{EMPTY_HEADER, Header, Status};

use super::{Detector, Sample, Side, Statement, csta};
use crate::decode::Transport;
use crate::evidence::{FactName, Finding, Protocol};
use crate::flow::Opening;

/// Messages of each side that are read.
const MESSAGES: usize = 32;
/// Header fields of a message.
const FIELDS: usize = 96;
/// Bytes of a method; the longest registered one has 17 (RFC 9110, section 16.1.1).
const METHOD: usize = 24;
/// Bytes of a start line.
const START_LINE: usize = 8000;
const VERSION: &[u8] = b"HTTP/1.";

pub(super) const DETECTOR: Detector = Detector {
    protocol: Protocol::Http,
    leads_to: &[Protocol::Websocket],
    first_words: false,
    residual: false,
    begins: &[b'A'..=b'Z', b'-'..=b'-', b'_'..=b'_'],
    transports: &[Transport::Tcp],
    facts: &[
        "csta.namespace",
        "csta.root",
        "http.method",
        "http.target",
        "http.status",
        "http.request-header.*",
        "http.response-header.*",
        "http.request-body",
        "http.response-body",
        "http.response-text",
        "websocket.text",
    ],
    inspect,
    samples: &[
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
    ],
};

fn inspect(opening: &Opening) -> Finding {
    // Responses to HEAD announce a body that does not come: the requests, which stand first, tell which.
    let mut methods = Vec::new();
    super::combine(Protocol::Http, opening, |statement| messages(statement, &mut methods))
}

/// What a start line says.
enum Start<'a> {
    Request { method: &'a [u8], target: &'a [u8] },
    Response { status: &'a [u8] },
}

fn messages(statement: &mut Statement<'_>, methods: &mut Vec<bool>) -> Side {
    let stream = statement.stream;
    let bytes = stream.head();
    // Most bytes that are not HTTP show it in the first few: no need to look for a line end.
    let few = &bytes[..bytes.len().min(METHOD + 2)];
    if !may_begin(few.split(|&b| b == b'\n').next().unwrap_or(few)) {
        return Side::Other;
    }
    let mut at = 0;
    let mut heads = methods.clone().into_iter();
    let mut exchange = 1;
    for message in 0..MESSAGES {
        let rest = &bytes[at..];
        let Some(end) = rest.iter().take(START_LINE).position(|&b| b == b'\n') else {
            return match message {
                0 if rest.len() < START_LINE && may_begin(rest) => Side::Perhaps,
                0 => Side::Other,
                _ => Side::Speaks,
            };
        };
        let Some(start) = start_line(rest[..end].trim_ascii_end()) else {
            return if message == 0 { Side::Other } else { Side::Speaks };
        };
        let fields_at = at + end + 1;
        let mut room = [EMPTY_HEADER; FIELDS];
        let mut scratch = Vec::new();
        let (head_len, fields) = fields(&bytes[fields_at..], &mut room, &mut scratch);
        // What comes before the answer proper, such as 100 Continue, belongs to its exchange (RFC 9110, section 15.2).
        let interim = matches!(start, Start::Response { status } if status.starts_with(b"1") && status != b"101");
        statement.exchange = exchange;
        exchange += u32::from(!interim);
        let no_body = state(statement, &start, at, fields, fields_at);
        if let Start::Request { method, .. } = start {
            methods.push(method == b"HEAD");
        }
        // Without the head's end there is nothing behind it.
        let Some(head_len) = head_len else { return Side::Speaks };
        at = fields_at + head_len;
        let head_only = matches!(start, Start::Response { .. }) && !interim && heads.next().unwrap_or(false);
        if is_tunnel(&start, fields) {
            websocket::state_texts(statement, at);
            return Side::Speaks;
        }
        let body = &bytes[at..];
        let bare = no_body || head_only || body.starts_with(VERSION);
        let is_request = matches!(start, Start::Request { .. });
        let len = if bare { Some(0) } else { body::length(fields, is_request, body) };
        let seen = len.unwrap_or(body.len()).min(body.len());
        let name = match (body::kind(fields), is_request) {
            (body::Kind::Structured, true) => Some("http.request-body"),
            (body::Kind::Structured, false) => Some("http.response-body"),
            (body::Kind::Plain, false) => Some("http.response-text"),
            (body::Kind::Plain, true) | (body::Kind::Unreadable, _) => None,
        };
        if let Some(name) = name.filter(|_| seen > 0) {
            statement.say_whole(name, &body[..seen], at);
        }
        // CSTA as a web service (ECMA-348), in SOAP or bare.
        if let Some((root, namespace)) = body::is_xml(fields).then(|| csta::carried(&body[..seen])).flatten() {
            statement.say("csta.root", root.as_bytes(), at);
            statement.say("csta.namespace", namespace.as_bytes(), at);
        }
        // A hostile length must not turn the reader back.
        match len.and_then(|len| at.checked_add(len)).filter(|&next| next < bytes.len()) {
            Some(next) => at = next,
            None => return Side::Speaks,
        }
    }
    Side::Speaks
}

/// Whether a start line may still come of these bytes, which have no line end.
fn may_begin(bytes: &[u8]) -> bool {
    let known = bytes.len().min(VERSION.len());
    if bytes[..known] == VERSION[..known] {
        return true;
    }
    let method = bytes.iter().take_while(|&&b| is_method(b)).count();
    match bytes.get(method) {
        None => method <= METHOD,
        Some(b' ') => (1..=METHOD).contains(&method) && bytes[method + 1..].iter().all(|&b| b >= b' ' || b == b'\r'),
        Some(_) => false,
    }
}

/// Methods are upper-case by convention (RFC 9110, section 9.1); hyphen and underscore occur.
const fn is_method(byte: u8) -> bool {
    byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_')
}

fn start_line(line: &[u8]) -> Option<Start<'_>> {
    let mut words = line.splitn(3, |&b| b == b' ');
    let (first, second, third) = (words.next()?, words.next()?, words.next());
    if is_version(first) {
        let status = second.len() == 3 && second.iter().all(u8::is_ascii_digit);
        return status.then_some(Start::Response { status: second });
    }
    let request = !first.is_empty()
        && first.len() <= METHOD
        && first.iter().copied().all(is_method)
        && !second.is_empty()
        && third.is_some_and(is_version);
    request.then_some(Start::Request { method: first, target: second })
}

fn is_version(word: &[u8]) -> bool {
    matches!(word.strip_prefix(VERSION), Some(b"0" | b"1"))
}

/// The header fields, and the bytes up to the end of the head where it is there. A head that was cut gives the fields of its
/// whole lines, out of a copy that ends as a head does.
fn fields<'a, 'b>(
    bytes: &'b [u8],
    room: &'a mut [Header<'b>; FIELDS],
    scratch: &'b mut Vec<u8>,
) -> (Option<usize>, &'a [Header<'b>]) {
    // Looked for first: the parser's room can be lent only once.
    let ends =
        bytes.starts_with(b"\r\n") || bytes.starts_with(b"\n") || find(bytes, b"\n\r\n").or(find(bytes, b"\n\n")).is_some();
    let input: &'b [u8] = if ends {
        bytes
    } else {
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        scratch.extend_from_slice(&bytes[..whole]);
        scratch.extend_from_slice(b"\r\n");
        scratch
    };
    match httparse::parse_headers(input, room) {
        Ok(Status::Complete((len, fields))) => (ends.then_some(len), fields),
        _ => (None, &[]),
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// States what a head says; whether its status forbids a body (RFC 9112, section 6.3).
fn state(statement: &mut Statement<'_>, start: &Start<'_>, at: usize, fields: &[Header<'_>], fields_at: usize) -> bool {
    let (stem, no_body) = match start {
        Start::Request { method, target } => {
            statement.say("http.method", method, at);
            statement.say("http.target", target, at);
            ("http.request-header", false)
        }
        Start::Response { status } => {
            statement.say("http.status", status, at);
            ("http.response-header", status.starts_with(b"1") || matches!(*status, b"204" | b"304"))
        }
    };
    // Fields follow each other, so each begins behind the one before it.
    let mut offset = fields_at;
    for field in fields {
        let name = FactName { stem, leaf: Some(field.name.to_ascii_lowercase()) };
        statement.say(name, field.value.trim_ascii(), offset);
        offset += field.name.len() + field.value.len() + 4;
    }
    no_body
}

/// Whether what follows the head is no longer HTTP.
fn is_tunnel(start: &Start<'_>, fields: &[Header<'_>]) -> bool {
    match start {
        Start::Request { method, .. } => *method == b"CONNECT" || body::field(fields, "upgrade").is_some(),
        Start::Response { status } => *status == b"101",
    }
}

#[cfg(test)]
mod tests;
