//! HTTP/1.0 and 1.1: RFC 9112.
//!
//! States the method, target, status, every header field and the readable bodies of all messages in
//! the opening, and the messages of a connection that changed to WebSocket or HTTP/2.
//!
//! Where a body ends follows from the framing alone (RFC 9112, section 6.3): what anybody can write
//! into a body is never read as a message. Where the framing is not known, because the beginning
//! was not captured, bytes are missing, or what follows a message is none, the reading goes on with
//! the next segment that begins with a message. It does not go on in a body that lasts until the
//! connection ends, or in a tunnel.
//!
//! What answers a plain request may be a careless server: a status line that is none, `SHOUTcast`'s
//! `ICY 200 OK`, or a page without a head (RFC 1945, section 4.1). Alone these prove nothing.

mod body;
mod facts;
mod head;
mod inflate;
mod late_websocket;
mod malformed;
mod websocket;

use std::ops::Range;

use httparse::Header;

use self::body::Body;
use self::facts::{state, state_body};
use self::head::{METHOD, START_LINE, Start, VERSION};
use self::inflate::{InflateRoom, InflateRooms};
use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::headers::{FieldRoom, field, start_line_end};
use crate::detect::prefilter::Prefilter;
use crate::detect::protocols::http2;
use crate::detect::statement::{
    PARTLY_PATIENCE, Side, Statement, combine_with_client, is_guessed, lossy,
};
use crate::evidence::{Depth, Detection, Direction, Protocol, Role};
use crate::flow::{Opening, Stream};

/// Messages of each side that are read at most.
const MESSAGES: usize = 32;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Http, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[b'A'..=b'Z', b'-'..=b'-', b'_'..=b'_']).mid_stream())
    .leads_to(&[Protocol::Websocket])
    .facts(&[
        "a2a.agent",
        "a2a.result",
        "a2a.skills",
        "csta.error",
        "csta.monitor",
        "csta.namespace",
        "csta.root",
        "http.event",
        "http.method",
        "http.target",
        "http.status",
        "http.status-line",
        "http.request-header.*",
        "http.response-header.*",
        "http.request-body",
        "http.response-body",
        "http.response-text",
        "grpc.method",
        "grpc.status",
        "http2.preface",
        "http2.settings",
        "jsonrpc.method",
        "mcp.client",
        "mcp.client-version",
        "mcp.protocol",
        "mcp.server",
        "mcp.server-version",
        "mcp.tools",
        "openai.model",
        "openai.object",
        "openai.owner",
        "websocket.binary",
        "websocket.frame",
        "websocket.subprotocol",
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
    // The side with the requests is read first.
    let responds = |direction| opening.side(direction).head().starts_with(VERSION);
    let client =
        if is_guessed(opening) && responds(Direction::Initiator) && !responds(Direction::Responder)
        {
            Direction::Responder
        } else {
            Direction::Initiator
        };
    let mut requested = false;
    let mut detection = combine_with_client(client, Protocol::Http, opening, depth, |statement| {
        let judgement = side(statement, opening, &mut requests);
        if judgement == Side::Other && requested && statement.read_as == Role::Server {
            return malformed::answer(statement);
        }
        requested = judgement == Side::Matches;
        judgement
    });
    if let Detection::Yes(recognition) | Detection::Partly(recognition) = &mut detection
        && requests.upgraded
    {
        recognition.protocol = Protocol::Websocket;
    }
    match detection {
        Detection::No | Detection::NeedMore if !opening.sides().any(|(_, s)| s.from_start()) => {
            late_websocket::inspect(opening, depth).unwrap_or(detection)
        }
        _ => detection,
    }
}

/// The requests of a connection, which its responses answer in their order, and what is known beside
/// them.
#[derive(Default)]
struct RequestLog {
    seen: Vec<Request>,
    /// The number of the first requests, among which none is missing.
    counted: usize,
    /// Responses without a request that was captured.
    unasked: u32,
    /// What may still be decompressed.
    rooms: InflateRooms,
    /// A response turned the connection into a WebSocket (RFC 6455, section 4.2.2).
    upgraded: bool,
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
    /// The request that the `count`-th response answers. After missing bytes, where `count` is
    /// `None`, that is the last request before the response.
    fn answered(&mut self, count: Option<usize>, frame: u64) -> Answered<'_> {
        let by_count = count.filter(|&count| count < self.counted);
        let place =
            by_count.or_else(|| self.seen.iter().rposition(|request| request.frame <= frame));
        let Some(place) = place else {
            self.unasked += 1;
            return Answered {
                exchange: u32::MAX - self.unasked,
                request: None,
                is_certain: false,
            };
        };
        Answered {
            exchange: place as u32 + 1,
            request: self.seen.get(place),
            is_certain: by_count.is_some(),
        }
    }
}

/// What a response answers.
struct Answered<'a> {
    /// The number of the exchange.
    exchange: u32,
    request: Option<&'a Request>,
    /// No request and no response before is missing.
    is_certain: bool,
}

fn side(statement: &mut Statement<'_>, opening: &Opening, requests: &mut RequestLog) -> Side {
    let stream = statement.stream;
    let mut judgement = Side::Other;
    // Bytes of the last body that follow the run before.
    let mut body_left = 0_usize;
    for (i, run) in stream.runs().enumerate() {
        if i == 0 && stream.from_start() {
            let ended = messages(statement, opening, run, requests, true);
            match ended {
                Ended { side: Side::Matches, is_last: false, .. } => judgement = Side::Matches,
                // The rest of the line was not captured, but later messages may be.
                Ended { side: Side::Perhaps, .. } if !stream.head_may_grow() => {
                    judgement = Side::Perhaps;
                }
                Ended { side, .. } => return side,
            }
            body_left = ended.body_left;
            continue;
        }
        // Where it is not known how much is missing, the body may be over.
        body_left = body_left.saturating_sub(stream.missing_before(run.start).unwrap_or(body_left));
        let mut from = run.start.saturating_add(body_left);
        body_left = body_left.saturating_sub(run.len());
        for start in stream.starts(run.clone()) {
            if start >= from && head::begins(&stream.bytes()[start..run.end]) {
                judgement = Side::Matches;
                let ended = messages(statement, opening, start..run.end, requests, false);
                if ended.is_last {
                    return Side::Matches;
                }
                (from, body_left) = (ended.at, ended.body_left);
            }
        }
    }
    if judgement == Side::Other && !stream.from_start() && opening.pushes() < PARTLY_PATIENCE {
        Side::Perhaps
    } else {
        judgement
    }
}

/// How the reading of a run ended.
struct Ended {
    side: Side,
    /// The offset of the first byte that belongs to no message that was read.
    at: usize,
    /// All that follows until the connection ends belongs to the last body, or to a tunnel.
    is_last: bool,
    /// Bytes of the last body that follow the run.
    body_left: usize,
}

impl Ended {
    const fn at(side: Side, at: usize) -> Self {
        Self { side, at, is_last: false, body_left: 0 }
    }

    const fn last(at: usize) -> Self {
        Self { is_last: true, ..Self::at(Side::Matches, at) }
    }

    /// In a body whose end is not in the run.
    const fn in_body(body: &Body<'_>, at: usize) -> Self {
        let (is_last, body_left) = (body.is_last, body.missing);
        Self { is_last, body_left, ..Self::at(Side::Matches, at) }
    }
}

/// Reads the messages of a run, in which no bytes are missing. `whole`: the run begins with the
/// connection's first byte.
fn messages(
    statement: &mut Statement<'_>,
    opening: &Opening,
    run: Range<usize>,
    requests: &mut RequestLog,
    whole: bool,
) -> Ended {
    let bytes = &statement.stream.bytes()[..run.end];
    let mut at = run.start;
    // The first few bytes exclude most other protocols, without a search for the line end.
    let few = &bytes[at..run.end.min(at + METHOD + 2)];
    if !head::may_begin(few.split(|&b| b == b'\n').next().unwrap_or(few)) {
        return Ended::at(Side::Other, at);
    }
    let mut responses = 0;
    for message in 0..MESSAGES {
        let rest = &bytes[at..];
        let Some(end) = start_line_end(rest, START_LINE) else {
            let side = match message {
                0 if rest.len() < START_LINE && head::may_begin(rest) => Side::Perhaps,
                0 => Side::Other,
                _ => Side::Matches,
            };
            return Ended::at(side, at);
        };
        let Some(start) = Start::read(rest[..end].trim_ascii_end()) else {
            return Ended::at(if message == 0 { Side::Other } else { Side::Matches }, at);
        };
        let fields_at = at + end + 1;
        let mut room = FieldRoom::new();
        let mut scratch = Vec::new();
        let is_response = matches!(start, Start::Response { .. });
        let (head_len, fields) =
            head::fields(&bytes[fields_at..], is_response, &mut room, &mut scratch);
        let body_at = head_len.map(|head_len| fields_at + head_len);
        let framing = match start {
            Start::Request { method, .. } => {
                statement.role(Role::Client);
                let frame = statement.stream.frame_at(at);
                requests.seen.push(Request {
                    frame,
                    head: method == b"HEAD",
                    connect: method == b"CONNECT",
                });
                requests.counted = if whole { requests.seen.len() } else { requests.counted };
                statement.exchange = requests.seen.len() as u32;
                if method == b"CONNECT" { BodyFraming::Switch } else { BodyFraming::Fields }
            }
            Start::Response { status } => {
                statement.role(Role::Server);
                let answered =
                    requests.answered(whole.then_some(responses), statement.stream.frame_at(at));
                statement.exchange = answered.exchange;
                // An interim response, such as 100 Continue, belongs to the exchange of the final
                // one (RFC 9110, section 15.2).
                let interim = status.starts_with(b"1") && status != b"101";
                responses += usize::from(!interim);
                if status.starts_with(b"5") {
                    statement.failed(&format!("HTTP {}", lossy(status)), at);
                } else if !interim {
                    statement.answers.succeeded();
                }
                let next_begins =
                    body_at.is_some_and(|at| begins_at(statement.stream, at, run.end));
                BodyFraming::of_response(status, &answered, next_begins)
            }
        };
        if statement.wants_facts() {
            state(statement, &start, at, fields, fields_at);
        }
        // The end of the head was not captured, so nothing after it was.
        let Some(body_at) = body_at else { return Ended::at(Side::Matches, run.end) };
        at = body_at;
        let is_request = !is_response;
        match framing {
            BodyFraming::Switch => {
                let is_websocket = field(fields, "upgrade")
                    .is_some_and(|wanted| wanted.eq_ignore_ascii_case(b"websocket"));
                requests.upgraded |= !is_request && is_websocket;
                if let Some(chosen) = field(fields, "sec-websocket-protocol")
                    && !is_request
                    && is_websocket
                {
                    statement.fact("websocket.subprotocol", chosen.trim_ascii(), fields_at);
                }
                state_switched(statement, fields, bytes, at, requests.rooms.of(statement.read_as));
                return Ended::last(run.end);
            }
            BodyFraming::Tunnel => return Ended::last(run.end),
            BodyFraming::NoBody => continue,
            BodyFraming::Fields => {}
        }
        let mut body = Body::read(fields, is_request, &bytes[at..]);
        if statement.wants_facts() {
            let role = if is_request { Role::Client } else { Role::Server };
            body.decode(fields, requests.rooms.of(role));
            state_body(statement, &body, is_request, body::is_xml(fields), at);
        }
        // A hostile length must not move the reader back.
        match body.len.and_then(|len| at.checked_add(len)).filter(|&next| next <= bytes.len()) {
            Some(next) => at = next,
            None => return Ended::in_body(&body, run.end),
        }
        let is_first = whole && message == 0;
        if is_request && is_switched(opening, fields, &bytes[at..], is_first) {
            state_switched(statement, fields, bytes, at, requests.rooms.of(statement.read_as));
            return Ended::last(run.end);
        }
    }
    // Behind the last message that is read, the framing is not followed any more.
    Ended::at(Side::Matches, run.end)
}

/// Whether a segment begins at `at`, with a message.
fn begins_at(stream: &Stream, at: usize, end: usize) -> bool {
    at < end && stream.starts(at..at + 1).next().is_some() && head::begins(&stream.bytes()[at..end])
}

/// What follows a head (RFC 9112, section 6.3).
enum BodyFraming {
    /// The next head.
    NoBody,
    /// A body, whose length the header fields determine.
    Fields,
    /// Another protocol, which the header fields name, until the connection ends.
    Switch,
    /// The bytes of a tunnel, until the connection ends.
    Tunnel,
}

impl BodyFraming {
    /// What follows the head of a response. `next_begins`: a segment that begins with a message.
    fn of_response(status: &[u8], answered: &Answered<'_>, next_begins: bool) -> Self {
        let Answered { request, is_certain, .. } = answered;
        match status {
            b"101" => Self::Switch,
            b"204" | b"304" | [b'1', ..] => Self::NoBody,
            [b'2', ..] if request.is_some_and(|request| request.connect) => Self::Tunnel,
            // Which request is answered is not always known.
            _ if request.is_some_and(|request| request.head) && (*is_certain || next_begins) => {
                Self::NoBody
            }
            _ => Self::Fields,
        }
    }
}

/// Whether another protocol follows a request. A server may refuse the change, and the client goes
/// on as before.
fn is_switched(opening: &Opening, fields: &[Header<'_>], rest: &[u8], is_first: bool) -> bool {
    if field(fields, "upgrade").is_none() {
        return false;
    }
    let answer = opening.side(Direction::Responder);
    let is_accepted = || {
        let version_and_status =
            answer.head().strip_prefix(VERSION).and_then(|rest| rest.get(1..5));
        answer.from_start() && version_and_status == Some(b" 101")
    };
    is_first && is_accepted() || !rest.is_empty() && !head::begins(rest)
}

/// States what follows where the connection has changed to another protocol: HTTP/2, WebSocket, or
/// a tunnel.
fn state_switched(
    statement: &mut Statement<'_>,
    fields: &[Header<'_>],
    bytes: &[u8],
    at: usize,
    room: &mut InflateRoom,
) {
    if field(fields, "upgrade").is_some_and(|wanted| wanted.eq_ignore_ascii_case(b"h2c")) {
        http2::state_upgraded(statement, bytes, at);
    } else if statement.wants_facts() {
        websocket::state_frames(statement, bytes, at, room);
    }
}

#[cfg(test)]
mod tests;
