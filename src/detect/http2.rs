//! HTTP/2 with prior knowledge, in the clear: RFC 9113, section 3.4. The client begins with a fixed preface, the server with a
//! SETTINGS frame. What was upgraded from HTTP/1 is named by that; what runs inside TLS by TLS.

use super::{Detector, Sample, Side, Statement, combine};
use crate::decode::Transport;
use crate::evidence::{Finding, Protocol};
use crate::flow::Opening;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Length, type, flags, stream.
const FRAME_HEADER: usize = 9;
const SETTINGS: u8 = 4;
/// Bytes of a parameter: identifier and value.
const PARAMETER: usize = 6;
/// Parameters that a server may send at once; there are about ten (RFC 9113, section 6.5.2).
const PARAMETERS: usize = 32;

pub(super) const DETECTOR: Detector = Detector {
    protocol: Protocol::Http2,
    leads_to: &[Protocol::Grpc],
    first_words: true,
    residual: false,
    begins: &[b'P'..=b'P', 0..=0],
    transports: &[Transport::Tcp],
    facts: &["http2.preface", "http2.settings"],
    inspect,
    samples: &[Sample {
        transport: Transport::Tcp,
        initiator: &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0\0\0\x04\0\0\0\0\0"],
        responder: &[b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64"],
    }],
};

fn inspect(opening: &Opening) -> Finding {
    combine(Protocol::Http2, opening, beginning)
}

fn beginning(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let known = bytes.len().min(PREFACE.len());
    if bytes[..known] == PREFACE[..known] {
        if known < PREFACE.len() {
            return Side::Perhaps;
        }
        statement.say("http2.preface", b"PRI * HTTP/2.0", 0);
        return Side::Speaks;
    }
    settings(statement, bytes)
}

/// Judges a SETTINGS frame on stream 0 that is no acknowledgement.
fn settings(statement: &mut Statement<'_>, bytes: &[u8]) -> Side {
    let fixed = [None, None, None, Some(SETTINGS), Some(0), Some(0), Some(0), Some(0), Some(0)];
    if bytes.iter().zip(fixed).any(|(byte, wanted)| wanted.is_some_and(|wanted| *byte != wanted)) {
        return Side::Other;
    }
    let Some([high, middle, low]) = bytes.first_chunk::<3>() else {
        return if bytes.iter().all(|&b| b == 0) { Side::Perhaps } else { Side::Other };
    };
    let len = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
    if !len.is_multiple_of(PARAMETER) || len > PARAMETERS * PARAMETER {
        return Side::Other;
    }
    let Some(parameters) = bytes.get(FRAME_HEADER..FRAME_HEADER + len) else { return Side::Perhaps };
    let ids: Vec<String> = parameters.chunks_exact(PARAMETER).map(|p| u16::from_be_bytes([p[0], p[1]]).to_string()).collect();
    statement.say("http2.settings", ids.join(" ").as_bytes(), 0);
    Side::Speaks
}
