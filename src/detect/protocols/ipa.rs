//! ip.access multiplex (Abis over IP): a big-endian length of the payload, a stream number, the
//! payload; repeated. Streams and the control messages (CCM) as in Osmocom's Abis interface manual,
//! section «IPA multiplex», and Wireshark's `gsm_ipa`.
//!
//! A header of three bytes proves little, so a side is accepted only for a control message that is
//! complete and exact.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const HEADER: usize = 3;
/// Bytes of a payload at most; implementations allocate 1,200 for a message.
const LONGEST: usize = 4096;
const CCM: u8 = 0xfe;
const OML: u8 = 0xff;
const IDENTITY_REQUEST: u8 = 4;
const IDENTITY_RESPONSE: u8 = 5;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Ipa, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[0..=(LONGEST >> 8) as u8]).max_leading_zeros(2))
    .facts(&["ipa.stream"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x00\x13\xfe\x05\x00\x0b\x0800/00/00\x00\x00\x04\x01hi\x00",
                b"\x00\x01\xfe\x06",
            ],
            responder: &[
                b"\x00\x11\xfe\x04\x01\x08\x01\x07\x01\x02\x01\x03\x01\x04\x01\x05\x01\x01\x01\x00",
                b"\x00\x01\xfe\x06",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x00\x01\xfe\x00"],
            responder: &[b"\x00\x01\xfe\x01"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Ipa, opening, depth, messages)
}

fn messages(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let mut at = 0;
    let mut certain = false;
    let mut known: Vec<u8> = Vec::new();
    while let Some(header) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        // The first byte of the length is small.
        if usize::from(header[0]) > LONGEST >> 8 {
            return if certain { Side::Matches } else { Side::Other };
        }
        let Some(&stream) = header.get(2) else { break };
        let len = usize::from(u16::from_be_bytes([header[0], header[1]]));
        let payload = &header[HEADER..];
        let named = stream_name(stream).filter(|_| {
            (1..=LONGEST).contains(&len) && (stream != CCM || is_control(payload, len))
        });
        // An unknown message does not undo a proof.
        let Some(name) = named else { return if certain { Side::Matches } else { Side::Other } };
        if payload.len() < len {
            break;
        }
        certain |= stream == CCM;
        // The server asks for the identity; either side may ask whether the other is alive.
        match payload.first().filter(|_| stream == CCM) {
            Some(&IDENTITY_REQUEST) => statement.role(Role::Server),
            Some(&IDENTITY_RESPONSE) => statement.role(Role::Client),
            _ => {}
        }
        if !known.contains(&stream) {
            known.push(stream);
            statement.fact("ipa.stream", name.as_bytes(), at + 2);
        }
        at += HEADER + len;
    }
    // Two bytes of length occur in many protocols; control messages are few and short.
    if certain { Side::Matches } else { Side::Perhaps }
}

/// The name of a stream; `None` for an unused number.
fn stream_name(stream: u8) -> Option<&'static str> {
    Some(match stream {
        0x00..=0x1f => "rsl",
        0xdd => "hsl",
        0xee => "osmo",
        0xfc => "mgcp",
        0xfd => "sccp",
        CCM => "ccm",
        OML => "oml",
        _ => return None,
    })
}

/// Whether a control message of `len` bytes, as far as it was captured, is one that exists: PING,
/// PONG and ACK have no body; identity requests and responses carry length-prefixed tags.
fn is_control(payload: &[u8], len: usize) -> bool {
    match payload.first() {
        None => true,
        Some(0x00 | 0x01 | 0x06 | 0x07) => len == 1,
        Some(&(IDENTITY_REQUEST | IDENTITY_RESPONSE)) => (3..512).contains(&len),
        Some(_) => false,
    }
}
