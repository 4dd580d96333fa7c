//! `WireGuard`: <https://www.wireguard.com/protocol/>, section «Protocol». Four kinds of datagrams,
//! each with a type, three zero bytes and a length of its own.
//!
//! Handshakes are recognised by type and length. Data alone counts only if several datagrams go to
//! one receiver and their counters rise.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const INITIATION: (u8, usize) = (1, 148);
const RESPONSE: (u8, usize) = (2, 92);
const COOKIE: (u8, usize) = (3, 64);
const DATA: u8 = 4;
/// Bytes of a data message without contents, which are padded to multiples of 16 bytes.
const EMPTY: usize = 32;
/// Data messages that prove as much as a handshake.
const ENOUGH: usize = 3;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Wireguard, inspect)
    .udp()
    .prefilter(Prefilter::first_byte(&[1..=4]).udp_literal(&[0; 3]).udp_at_least(EMPTY))
    .first_words()
    .facts(&["wireguard.message"])
    .samples(&[Sample {
        transport: Transport::Udp,
        initiator: &[&INITIATION_SAMPLE],
        responder: &[&RESPONSE_SAMPLE],
    }]);

const INITIATION_SAMPLE: [u8; 148] = {
    let mut bytes = [0x5a; 148];
    (bytes[0], bytes[1], bytes[2], bytes[3]) = (1, 0, 0, 0);
    bytes
};
const RESPONSE_SAMPLE: [u8; 92] = {
    let mut bytes = [0xa5; 92];
    (bytes[0], bytes[1], bytes[2], bytes[3]) = (2, 0, 0, 0);
    bytes
};

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Wireguard, opening, depth, side)
}

fn side(statement: &mut Statement<'_>) -> Side {
    let stream = statement.stream;
    let (mut handshakes, mut data, mut offset) = (0, 0, 0);
    let mut last: Option<(u32, u64)> = None;
    for (bytes, _, cut) in stream.datagrams() {
        let [kind, 0, 0, 0, rest @ ..] = bytes else {
            let may_begin = matches!(bytes, [1..=DATA] | [1..=DATA, 0] | [1..=DATA, 0, 0]);
            if cut && may_begin {
                offset += bytes.len();
                continue;
            }
            return Side::Other;
        };
        let whole = match *kind {
            1 => INITIATION.1,
            2 => RESPONSE.1,
            3 => COOKIE.1,
            _ => EMPTY,
        };
        match (*kind, bytes.len()) {
            (1..=DATA, len) if cut && len < whole => {}
            INITIATION | RESPONSE | COOKIE => {
                statement.role(if *kind == INITIATION.0 { Role::Client } else { Role::Server });
                if handshakes == 0 {
                    let name = ["initiation", "response", "cookie reply"][usize::from(*kind) - 1];
                    statement.fact("wireguard.message", name.as_bytes(), offset);
                }
                handshakes += 1;
            }
            (DATA, len) if len >= EMPTY && (cut || len.is_multiple_of(16)) => {
                let Some((receiver, counter)) = rest
                    .first_chunk::<4>()
                    .zip(rest.get(4..).and_then(|rest| rest.first_chunk::<8>()))
                else {
                    return Side::Other;
                };
                let this = (u32::from_le_bytes(*receiver), u64::from_le_bytes(*counter));
                if last.is_some_and(|(receiver, counter)| this.0 != receiver || this.1 <= counter)
                    && handshakes == 0
                {
                    return Side::Other;
                }
                last = Some(this);
                data += 1;
                if data == ENOUGH && handshakes == 0 {
                    statement.fact("wireguard.message", b"data", offset);
                }
            }
            _ => return Side::Other,
        }
        offset += bytes.len();
    }
    if handshakes > 0 || data >= ENOUGH { Side::Matches } else { Side::Perhaps }
}
