//! HTTP/2 with prior knowledge, in the clear (RFC 9113), and gRPC, which is HTTP/2 with messages of
//! one content type (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>).
//!
//! The client begins with a fixed preface, the server with SETTINGS. Header fields are stated by
//! the names that HTTP/1 has for them, so that marks on fields work with both. A connection that
//! was upgraded from HTTP/1 is reported as HTTP/1, one inside TLS as TLS.

mod frames;

use self::frames::HeaderBlock;
use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::redact::masked;
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine, lossy};
use crate::evidence::{Depth, Detection, FactName, Protocol, Role};
use crate::flow::Opening;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const GRPC: &[u8] = b"application/grpc";
/// Frames with header fields that are read of each side.
const FRAMES: usize = 64;

/// The facts of both detectors.
const FACTS: &[&str] = &[
    "grpc.method",
    "grpc.status",
    "http.method",
    "http.request-header.*",
    "http.response-header.*",
    "http.status",
    "http.target",
    "http2.preface",
    "http2.settings",
];

/// `PRI `, or the length and type of SETTINGS.
const PREFILTER: Prefilter = Prefilter::first_byte(&[b'P'..=b'P', 0..=0])
    .then(&[b'R'..=b'R', 0..=0])
    .skip(1)
    .then(&[b' '..=b' ', 4..=4]);

pub(crate) const DETECTOR: Detector =
    Detector::new(Protocol::Http2, |opening, depth| inspect(opening, depth, Protocol::Http2))
        .tcp()
        .prefilter(PREFILTER)
        .facts(FACTS)
        .samples(&[
            Sample {
                transport: Transport::Tcp,
                initiator: &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0\0\0\x04\0\0\0\0\0"],
                responder: &[b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64"],
            },
            Sample {
                transport: Transport::Tcp,
                initiator: &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x03\x01\x05\0\0\0\x01\x82\x84\x86"],
                responder: &[b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x01\x88"],
            },
        ]);

pub(crate) const RPC: Detector =
    Detector::new(Protocol::Grpc, |opening, depth| inspect(opening, depth, Protocol::Grpc))
        .tcp()
        .prefilter(PREFILTER)
        .facts(FACTS)
        .samples(&[Sample {
            transport: Transport::Tcp,
            initiator: &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x1d\x01\x04\0\0\0\x01\x83\x86\x04\x07/a.B/Cd\x0f\x10\x10application/grpc"],
            responder: &[b"\0\0\0\x04\0\0\0\0\0\0\0\x14\x01\x04\0\0\0\x01\x88\x0f\x10\x10application/grpc"],
        }]);

/// The kind of messages, by the header fields of a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeaderContent {
    /// No header field was read yet.
    Unknown,
    /// The fields of gRPC calls.
    Calls,
    /// Other fields.
    Other,
}

fn inspect(opening: &Opening, depth: Depth, protocol: Protocol) -> Detection {
    let mut contents = [HeaderContent::Unknown; 2];
    let mut sides = contents.iter_mut();
    let detection = combine(protocol, opening, depth, |statement| match sides.next() {
        Some(content) => side(statement, content),
        None => Side::Other,
    });
    // Where only one side sent anything, its content comes first.
    let is_call = match contents {
        [_, HeaderContent::Calls] | [HeaderContent::Calls, HeaderContent::Unknown] => true,
        [HeaderContent::Unknown, HeaderContent::Unknown] if protocol == Protocol::Grpc => {
            return if matches!(detection, Detection::No) {
                Detection::No
            } else {
                Detection::NeedMore
            };
        }
        _ => false,
    };
    match detection {
        Detection::Yes(..) if is_call != (protocol == Protocol::Grpc) => Detection::No,
        detection => detection,
    }
}

fn side(statement: &mut Statement<'_>, content: &mut HeaderContent) -> Side {
    let bytes = statement.stream.head();
    match begin(statement, bytes, 0) {
        Ok(Some(at)) => {
            state_frames(statement, bytes, at, content);
            Side::Matches
        }
        Ok(None) => Side::Perhaps,
        Err(frames::InvalidFrame) => Side::Other,
    }
}

/// States the messages of a connection that changed to HTTP/2 at the offset `at` (RFC 7540, section
/// 3.2). The request that caused the change has stream 1, so its response belongs to its exchange.
pub(super) fn state_upgraded(statement: &mut Statement<'_>, bytes: &[u8], at: usize) {
    if let Ok(Some(at)) = begin(statement, bytes, at) {
        state_frames(statement, bytes, at, &mut HeaderContent::Unknown);
    }
}

/// Reads the preface of a client or the settings of a server, and returns the offset of the first
/// frame; `None` where more bytes are needed.
fn begin(
    statement: &mut Statement<'_>,
    bytes: &[u8],
    at: usize,
) -> Result<Option<usize>, frames::InvalidFrame> {
    let rest = bytes.get(at..).unwrap_or(&[]);
    let known = rest.len().min(PREFACE.len());
    if rest[..known] == PREFACE[..known] {
        if known < PREFACE.len() {
            return Ok(None);
        }
        statement.role(Role::Client);
        statement.fact("http2.preface", b"PRI * HTTP/2.0", at);
        return Ok(Some(at + PREFACE.len()));
    }
    let Some(ids) = frames::settings(rest)? else { return Ok(None) };
    // In the middle of a connection these may be a client's, after its preface.
    if statement.stream.from_start() {
        statement.role(Role::Server);
    }
    statement.fact("http2.settings", ids.as_bytes(), at);
    Ok(Some(at))
}

/// States the header fields of the frames from the offset `from` on.
fn state_frames(
    statement: &mut Statement<'_>,
    bytes: &[u8],
    from: usize,
    content: &mut HeaderContent,
) {
    let mut streams: Vec<u32> = Vec::new();
    for frame in frames::HeaderBlocks::new(bytes, from).take(FRAMES) {
        let HeaderBlock { at, stream, fields } = frame;
        if !streams.contains(&stream) {
            streams.push(stream);
        }
        // A client numbers its streams in order, and a response has the number of its request.
        statement.exchange = stream.div_ceil(2);
        for (name, value) in &fields {
            match &name[..] {
                b":method" => statement.role(Role::Client),
                b":status" => statement.role(Role::Server),
                _ => {}
            }
            state(statement, name, value, at);
            if name == b"content-type" {
                *content = if value.starts_with(GRPC) {
                    HeaderContent::Calls
                } else {
                    HeaderContent::Other
                };
            }
        }
        if *content == HeaderContent::Unknown {
            *content = HeaderContent::Other;
        }
        count(statement, &fields, *content == HeaderContent::Calls, at);
        if *content == HeaderContent::Calls {
            for (name, value) in &fields {
                match name.as_slice() {
                    b":path" => statement.fact("grpc.method", value, at),
                    b"grpc-status" => statement.fact("grpc.status", value, at),
                    _ => {}
                }
            }
        }
    }
}

/// Counts a response: by its status, or by the status of the call, which stands in its trailer
/// (`grpc/doc/PROTOCOL-HTTP2.md`).
fn count(statement: &mut Statement<'_>, fields: &[(Vec<u8>, Vec<u8>)], is_call: bool, at: usize) {
    let of = |wanted: &[u8]| {
        fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_slice())
    };
    match (of(b":status"), of(b"grpc-status").filter(|_| is_call)) {
        (Some(status @ [b'5', ..]), _) => statement.failed(&format!("HTTP {}", lossy(status)), at),
        (_, Some(b"0")) => statement.answers.succeeded(),
        (_, Some(status)) => statement.failed(&format!("gRPC status {}", lossy(status)), at),
        (Some([b'2'..=b'4', ..]), None) if !is_call => statement.answers.succeeded(),
        _ => {}
    }
}

/// States a header field by the name that HTTP/1 has for it.
fn state(statement: &mut Statement<'_>, name: &[u8], value: &[u8], at: usize) {
    let is_request = statement.direction == crate::evidence::Direction::Initiator;
    match name {
        b":method" => statement.fact("http.method", value, at),
        b":path" => statement.fact("http.target", value, at),
        b":status" => statement.fact("http.status", value, at),
        // Other pseudo-header fields add nothing, nor does a field without a name, which HPACK can
        // encode.
        [b':', ..] | [] => {}
        name => {
            let stem = if is_request { "http.request-header" } else { "http.response-header" };
            let leaf = String::from_utf8_lossy(name).into_owned();
            let value = masked(&leaf, value);
            statement.fact(FactName { stem, leaf: Some(leaf) }, &value, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Recognition;

    fn stated(detection: &Detection) -> Vec<(String, &str, u32)> {
        let Detection::Yes(Recognition { facts, .. }) = detection else { panic!("{detection:?}") };
        facts.iter().map(|f| (f.name.to_string(), f.value.as_str(), f.exchange)).collect()
    }

    #[test]
    fn header_fields_are_stated_by_the_names_of_http_1_with_their_exchange() {
        let request = [
            PREFACE,
            b"\0\0\0\x04\0\0\0\0\0",
            b"\0\0\x03\x01\x05\0\0\0\x01\x82\x84\x86",
            b"\0\0\x02\x01\x05\0\0\0\x03\x82\x85",
        ]
        .concat();
        let response = b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x01\x88\0\0\x0b\x01\x05\0\0\0\x03\x8d\x40\x06server\x01x";
        let opening = Opening::from_payloads(Transport::Tcp, &[&request], &[response]);
        let detection = inspect(&opening, Depth::Facts, Protocol::Http2);
        let stated = stated(&detection);
        for fact in [
            ("http.target", "/", 1),
            ("http.target", "/index.html", 2),
            ("http.status", "200", 1),
            ("http.status", "404", 2),
            ("http.response-header.server", "x", 2),
        ] {
            assert!(
                stated.contains(&(fact.0.to_owned(), fact.1, fact.2)),
                "{fact:?} in {stated:?}"
            );
        }
        assert_eq!(inspect(&opening, Depth::Facts, Protocol::Grpc), Detection::No);
    }

    #[test]
    fn a_field_without_a_name_is_no_fact() {
        let request =
            [PREFACE, b"\0\0\0\x04\0\0\0\0\0", b"\0\0\x05\x01\x05\0\0\0\x01\x82\0\0\x01x"].concat();
        let detection = inspect(
            &Opening::from_payloads(Transport::Tcp, &[&request], &[]),
            Depth::Facts,
            Protocol::Http2,
        );
        assert_eq!(
            stated(&detection).last(),
            Some(&("http.method".to_owned(), "GET", 1)),
            "{detection:?}"
        );
    }

    #[test]
    fn a_server_that_answers_a_call_with_a_page_is_no_rpc() {
        let sample = &RPC.samples[0];
        let page = b"\0\0\0\x04\0\0\0\0\0\0\0\x0d\x01\x04\0\0\0\x01\x88\x0f\x10\x09text/html";
        let opening = Opening::from_payloads(Transport::Tcp, sample.initiator, &[page]);
        assert_eq!(inspect(&opening, Depth::Facts, Protocol::Grpc), Detection::No);
        assert!(matches!(inspect(&opening, Depth::Facts, Protocol::Http2), Detection::Yes(..)));
    }

    #[test]
    fn a_header_block_in_pieces_with_padding_and_priority_is_read_whole() {
        let mut request = [PREFACE, b"\0\0\0\x04\0\0\0\0\0"].concat();
        // Padded by two bytes, with five of priority, without its end; then the rest.
        request.extend(b"\0\0\x09\x01\x28\0\0\0\x01\x02\0\0\0\0\x10\x82\0\0");
        request.extend(b"\0\0\x01\x09\x04\0\0\0\x01\x84");
        let opening = Opening::from_payloads(Transport::Tcp, &[&request], &[]);
        let detection = inspect(&opening, Depth::Facts, Protocol::Http2);
        assert!(stated(&detection).contains(&("http.target".to_owned(), "/", 1)), "{detection:?}");
    }

    #[test]
    fn settings_of_something_else_are_refused() {
        for bytes in [
            &b"\0\0\x05\x04\0\0\0\0\0\0\x03\0\0\0"[..],
            b"\0\0\0\x04\x01\0\0\0\0",
            b"\0\0\0\x04\0\0\0\0\x01",
        ] {
            assert_eq!(
                inspect(
                    &Opening::from_payloads(Transport::Tcp, &[], &[bytes]),
                    Depth::Facts,
                    Protocol::Http2
                ),
                Detection::No,
                "{bytes:x?}"
            );
        }
    }
}
