//! TLS: a record that holds a `ClientHello` or a `ServerHello` (RFC 8446, section 4.1; RFC 5246, section 7.4.1).
//!
//! `tls-parser` reads the messages; here only the record header is judged first, so that foreign bytes are refused early.

use tls_parser::{
    SNIType, TlsExtension, TlsMessage, TlsMessageHandshake, TlsVersion, parse_tls_extensions, parse_tls_message_handshake,
};

use super::{Detector, Sample, Side, Statement, combine};
use crate::decode::Transport;
use crate::evidence::{Finding, Protocol};
use crate::flow::Opening;

const RECORD_HEADER: usize = 5;
const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
/// Bytes of a record's plaintext (RFC 8446, section 5.1).
const LONGEST_RECORD: usize = 1 << 14;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

pub(super) const DETECTOR: Detector = Detector {
    protocol: Protocol::Tls,
    leads_to: &[],
    first_words: true,
    residual: false,
    begins: &[21..=22],
    transports: &[Transport::Tcp],
    facts: &["tls.version", "tls.sni", "tls.alpn", "tls.alert"],
    inspect,
    samples: &[Sample { transport: Transport::Tcp, initiator: &[CLIENT_SAMPLE], responder: &[SERVER_SAMPLE] }],
};

/// `ClientHello` with SNI `a.test` and ALPN `h2`.
const CLIENT_SAMPLE: &[u8] = b"\x16\x03\x01\x00\x4b\x01\x00\x00\x47\x03\x03\
    0123456789abcdef0123456789abcdef\x00\x00\x04\x13\x01\xc0\x2f\x01\x00\x00\x1a\
    \x00\x00\x00\x0b\x00\x09\x00\x00\x06a.test\x00\x10\x00\x05\x00\x03\x02h2\x00\x17\x00";
/// `ServerHello` of TLS 1.2 without extensions.
const SERVER_SAMPLE: &[u8] = b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03fedcba9876543210fedcba9876543210\x00\xc0\x2f\x00";

fn inspect(opening: &Opening) -> Finding {
    combine(Protocol::Tls, opening, hello)
}

fn hello(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    if !is_record(bytes) {
        return Side::Other;
    }
    let Some(header) = bytes.first_chunk::<RECORD_HEADER>() else { return Side::Perhaps };
    let record = usize::from(u16::from_be_bytes([header[3], header[4]]));
    let content = &bytes[RECORD_HEADER..];
    if header[0] == ALERT {
        // A refusal: level and description in the clear (RFC 8446, section 6).
        return match content {
            [level @ 1..=2, description, ..] if record == 2 => {
                statement.say("tls.alert", format!("level {level}, description {description}").as_bytes(), RECORD_HEADER);
                Side::Perhaps
            }
            _ if record == 2 && content.len() < 2 => Side::Perhaps,
            _ => Side::Other,
        };
    }
    let Some(head) = content.first_chunk::<4>() else { return Side::Perhaps };
    let message = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
    if !matches!(head[0], CLIENT_HELLO | SERVER_HELLO) || message < 38 {
        return Side::Other;
    }
    // Behind the head: two bytes of version, which are 3 and at most 3 in every TLS.
    if content.get(4).is_some_and(|&major| major != 3) {
        return Side::Other;
    }
    // A hello may be longer than its record or than what was kept: enough of it proves it, the parser wants it whole.
    let whole = (record >= message + 4).then(|| content.get(..message + 4)).flatten();
    match whole.map(parse_tls_message_handshake) {
        Some(Ok((_, TlsMessage::Handshake(message)))) => {
            state(statement, &message);
            Side::Speaks
        }
        Some(_) => Side::Other,
        None if content.len() >= 4 + 2 + 32 => Side::Speaks,
        None => Side::Perhaps,
    }
}

/// Whether the bytes, as many as there are, begin a handshake or alert record.
fn is_record(bytes: &[u8]) -> bool {
    let at = |i: usize, is: fn(u8) -> bool| bytes.get(i).is_none_or(|&b| is(b));
    let len = match bytes {
        [_, _, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 4,
    };
    at(0, |b| matches!(b, HANDSHAKE | ALERT)) && at(1, |b| b == 3) && at(2, |b| b <= 4) && (2..=LONGEST_RECORD).contains(&len)
}

fn state(statement: &mut Statement<'_>, message: &TlsMessageHandshake<'_>) {
    let (mut version, extensions) = match message {
        TlsMessageHandshake::ClientHello(hello) => (hello.version, hello.ext),
        TlsMessageHandshake::ServerHello(hello) => (hello.version, hello.ext),
        _ => return,
    };
    let extensions = extensions.and_then(|ext| parse_tls_extensions(ext).ok()).map(|(_, list)| list).unwrap_or_default();
    for extension in &extensions {
        match extension {
            TlsExtension::SNI(names) => {
                for (kind, name) in names {
                    if *kind == SNIType::HostName {
                        statement.say("tls.sni", name, RECORD_HEADER);
                    }
                }
            }
            TlsExtension::ALPN(protocols) => {
                for protocol in protocols {
                    statement.say("tls.alpn", protocol, RECORD_HEADER);
                }
            }
            // The highest that is no reserved value to test tolerance (RFC 8701).
            TlsExtension::SupportedVersions(versions) => {
                version = versions.iter().copied().filter(|v| v.0 >> 8 == 3).max_by_key(|v| v.0).unwrap_or(version);
            }
            _ => {}
        }
    }
    statement.say("tls.version", version_name(version).as_bytes(), RECORD_HEADER);
}

fn version_name(version: TlsVersion) -> String {
    match version.0 {
        0x0300 => "SSL 3.0".into(),
        0x0301..=0x0304 => format!("1.{}", (version.0 & 0xff) - 1),
        other => format!("{other:#06x}"),
    }
}
