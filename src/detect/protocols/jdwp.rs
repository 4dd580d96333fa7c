//! JDWP, the Java Debug Wire Protocol:
//! <https://docs.oracle.com/en/java/javase/21/docs/specs/jdwp/jdwp-spec.html>. Both sides send
//! `JDWP-Handshake`; then packets of a length, a number, flags and a command's set and number, or
//! an error. The virtual machine is the server, also where it connects.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const HANDSHAKE: &[u8] = b"JDWP-Handshake";
const REPLY: u8 = 0x80;
/// The set of commands that the virtual machine sends: events.
const EVENTS: u8 = 64;
/// Packets of a side that are read at most.
const PACKETS: usize = 4;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Jdwp, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[b'J'..=b'J']))
    .facts(&["jdwp.handshake", "jdwp.command"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"JDWP-Handshake", b"\0\0\0\x0b\0\0\0\x01\0\x01\x07"],
            responder: &[b"JDWP-Handshake", b"\0\0\0\x0f\0\0\0\x01\x80\0\0\0\0\0\x08"],
        },
        Sample { transport: Transport::Tcp, initiator: &[b"JDWP-Handshake"], responder: &[] },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Jdwp, opening, depth, handshake)
}

fn handshake(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let known = bytes.len().min(HANDSHAKE.len());
    if bytes[..known] != HANDSHAKE[..known] {
        return Side::Other;
    }
    if known < HANDSHAKE.len() {
        return Side::Perhaps;
    }
    statement.fact("jdwp.handshake", HANDSHAKE, 0);
    let mut at = HANDSHAKE.len();
    for _ in 0..PACKETS {
        let Some(&[a, b, c, d, _, _, _, _, flags, set, command]) =
            bytes.get(at..).and_then(|rest| rest.first_chunk())
        else {
            break;
        };
        match (flags, set) {
            (REPLY, _) | (0, EVENTS) => statement.role(Role::Server),
            (0, 1..EVENTS) => {
                statement.role(Role::Client);
                statement.fact_text("jdwp.command", format!("{set}.{command}"), at + 9);
            }
            _ => break,
        }
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        at = at.saturating_add(len.max(1));
    }
    Side::Matches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_machine_that_connects_is_the_server() {
        let opening = Opening::from_payloads(
            Transport::Tcp,
            &[b"JDWP-Handshake", b"\0\0\0\x0f\0\0\0\x01\x80\0\0\0\0\0\x08"],
            &[b"JDWP-Handshake", b"\0\0\0\x0b\0\0\0\x01\0\x01\x07"],
        );
        let Detection::Yes(found) = inspect(&opening, Depth::Facts) else { panic!() };
        assert_eq!(found.roles, [Some(Role::Server), Some(Role::Client)]);
    }

    #[test]
    fn another_word_is_not_a_handshake() {
        let opening = Opening::from_payloads(Transport::Tcp, &[b"JDWP-Handshook"], &[]);
        assert_eq!(inspect(&opening, Depth::Facts), Detection::No);
    }
}
