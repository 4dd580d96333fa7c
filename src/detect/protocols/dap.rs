//! DAP, the Debug Adapter Protocol, over TCP:
//! <https://microsoft.github.io/debug-adapter-protocol/specification>, «Base protocol».
//!
//! Header fields with `Content-Length`, an empty line, then JSON with `seq` and `type`. The Language
//! Server Protocol has the same header fields, but its JSON has `jsonrpc` and neither of these.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::framing::decimal;
use crate::detect::formats::lines;
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const LENGTH: &[u8] = b"Content-Length:";
/// Bytes of the header fields at most.
const LONGEST: usize = 256;
/// Bytes of a message that are read at most.
const READ: usize = 2048;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Dap, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[b'C'..=b'C', b'c'..=b'c']))
    .first_words()
    .facts(&["dap.type", "dap.command", "dap.event", "dap.client", "dap.adapter"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"Content-Length: 99\r\n\r\n",
                b"{\"seq\":1,\"type\":\"request\",\"command\":\"initialize\",\"arguments\":{\"clientID\":\"vscode\",\"adapterID\":\"x\"}}",
            ],
            responder: &[
                b"Content-Length: 81\r\n\r\n{\"type\": \"response\", \"seq\": 2, \"request_seq\": 1, \"success\": true, \"command\": \"x\"}",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[],
            responder: &[b"Content-Length: 81\r\n\r\n{\"seq\": 1, \"type\": \"event\", \"event\": \"output\", \"body\": {\"category\": \"telemetry\"}}"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Dap, opening, depth, message)
}

fn message(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    if !lines::may_become(bytes, LENGTH) {
        return Side::Other;
    }
    let head = &bytes[..bytes.len().min(LONGEST)];
    if !head.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' '..)) {
        return Side::Other;
    }
    let Some(end) = head.windows(4).position(|end| end == b"\r\n\r\n") else {
        return if head.len() < LONGEST { Side::Perhaps } else { Side::Other };
    };
    let first = head[..end].split(|&byte| byte == b'\r').next().unwrap_or_default();
    let Some(len) = first.get(LENGTH.len()..).and_then(|value| decimal(value.trim_ascii())) else {
        return Side::Other;
    };
    let at = end + 4;
    let json = bytes.get(at..bytes.len().min(at.saturating_add(len.min(READ)))).unwrap_or_default();
    let is_whole = json.len() >= len.min(READ);
    if json.first().is_some_and(|&byte| byte != b'{') || text_of(json, b"jsonrpc").is_some() {
        return Side::Other;
    }
    let unfinished = if is_whole { Side::Other } else { Side::Perhaps };
    if !json.windows(5).any(|name| name == b"\"seq\"") {
        return unfinished;
    }
    let Some((kind, place)) = text_of(json, b"type") else { return unfinished };
    let other: &[(&str, &[u8])] = match kind {
        b"request" => &[
            ("dap.command", b"command"),
            ("dap.client", b"clientID"),
            ("dap.adapter", b"adapterID"),
        ],
        b"response" => &[("dap.command", b"command")],
        b"event" => &[("dap.event", b"event")],
        _ => return Side::Other,
    };
    if text_of(json, other[0].1).is_none() {
        return unfinished;
    }
    statement.fact("dap.type", kind, at + place);
    for &(name, key) in other {
        if let Some((value, place)) = text_of(json, key) {
            statement.fact(name, value, at + place);
        }
    }
    match kind {
        // An adapter requests a terminal of the client too.
        b"request"
            if !matches!(
                text_of(json, b"command"),
                Some((b"runInTerminal" | b"startDebugging", _))
            ) =>
        {
            statement.role(Role::Client);
        }
        b"event" | b"response" => statement.role(Role::Server),
        _ => {}
    }
    Side::Matches
}

/// The text that JSON has under a name, and its place; of several the first. The name may be a text
/// elsewhere.
fn text_of<'a>(json: &'a [u8], name: &[u8]) -> Option<(&'a [u8], usize)> {
    json.windows(name.len() + 2).enumerate().find_map(|(found, window)| {
        let quoted = window.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        if quoted != Some(name) {
            return None;
        }
        let mut at = found + window.len();
        for byte in [b':', b'"'] {
            at += json.get(at..)?.iter().take_while(|b| b.is_ascii_whitespace()).count();
            if json.get(at) != Some(&byte) {
                return None;
            }
            at += 1;
        }
        let len = json.get(at..)?.iter().position(|&byte| byte == b'"')?;
        Some((json.get(at..at + len)?, at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(body: &str) -> Detection {
        let bytes = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        inspect(&Opening::from_payloads(Transport::Tcp, &[bytes.as_bytes()], &[]), Depth::Facts)
    }

    #[test]
    fn the_language_server_protocol_is_not_dap() {
        for body in [
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#,
            r#"{"jsonrpc":"2.0","method":"x","params":{"seq":1,"type":"event","event":"x"}}"#,
            r#"{"seq":1,"type":"other","command":"x"}"#,
            r#"{"type":"request","command":"x"}"#,
        ] {
            assert_eq!(detect(body), Detection::No, "{body}");
        }
        assert!(matches!(
            detect(r#"{"seq":1,"type":"request","command":"threads"}"#),
            Detection::Yes(_)
        ));
    }
}
