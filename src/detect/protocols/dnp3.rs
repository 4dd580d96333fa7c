//! DNP3: IEEE 1815, clause 9 (data link) and 4 (application). A frame begins with `05 64`, its
//! length, a control byte and two addresses, and a CRC of these eight bytes, which proves it.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const START: [u8; 2] = [0x05, 0x64];
/// Start, length, control, addresses.
const HEADER: usize = 8;
/// Header, CRC, transport byte, application control.
const FUNCTION: usize = HEADER + 2 + 2;
/// Control, addresses: the length of a frame without data.
const SHORTEST: u8 = 5;
/// The bit of frames that a master sends.
const FROM_MASTER: u8 = 0x80;
const FROM_PRIMARY: u8 = 0x40;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Dnp3, inspect)
    .tcp()
    .udp()
    .prefilter(Prefilter::first_byte(&[START[0]..=START[0]]).then(&[START[1]..=START[1]]))
    .first_words()
    .facts(&["dnp3.source", "dnp3.destination", "dnp3.function"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x05\x64\x0b\xc4\x0a\0\x01\0\xac\xd1\xc0\xc0\x01\x3c\x02\x06\x54\xe0"],
            responder: &[b"\x05\x64\x0a\x44\x01\0\x0a\0\x6e\x25\xc0\xc0\x81\x80\0\xb3\xf3"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x05\x64\x0b\xc4\x0a\0\x01\0\xac\xd1\xc0\xc0\x01\x3c\x02\x06\x54\xe0"],
            responder: &[b"\x05\x64\x0a\x44\x01\0\x0a\0\x6e\x25\xc0\xc0\x81\x80\0\xb3\xf3"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Dnp3, opening, depth, |statement| match opening.transport() {
        Transport::Tcp => frame(statement, statement.stream.head(), 0, true),
        Transport::Udp => by_datagram(statement, frame),
    })
}

/// CRC-16/DNP: polynomial 0x3d65, reflected, inverted (IEEE 1815, clause 9.2.4.3).
fn crc(bytes: &[u8]) -> u16 {
    const REFLECTED: u16 = 0xa6bc;
    !bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ REFLECTED } else { crc >> 1 }
        })
    })
}

fn frame(statement: &mut Statement<'_>, bytes: &[u8], at: usize, may_grow: bool) -> Side {
    let fits = bytes.iter().zip(START).all(|(&byte, start)| byte == start)
        && bytes.get(2).is_none_or(|&len| len >= SHORTEST);
    if !fits {
        return Side::Other;
    }
    let Some((header, sum)) = bytes
        .split_first_chunk::<HEADER>()
        .and_then(|(header, rest)| Some((header, rest.first_chunk::<2>()?)))
    else {
        return if may_grow { Side::Perhaps } else { Side::Other };
    };
    if crc(header) != u16::from_le_bytes(*sum) {
        return Side::Other;
    }
    let [_, _, len, control, to_low, to_high, from_low, from_high] = *header;
    statement.role(if control & FROM_MASTER == 0 { Role::Server } else { Role::Client });
    if let (Some(&function), SHORTEST.., true) =
        (bytes.get(FUNCTION), len.saturating_sub(3), control & FROM_PRIMARY != 0)
    {
        statement.fact("dnp3.function", name(function).as_bytes(), at + FUNCTION);
    }
    let address = |low, high| u16::from_le_bytes([low, high]).to_string();
    statement.fact_text("dnp3.destination", address(to_low, to_high), at + 4);
    statement.fact_text("dnp3.source", address(from_low, from_high), at + 6);
    Side::Matches
}

/// The name of an application's function (IEEE 1815, clause 4.2.2.5).
fn name(function: u8) -> String {
    let known = match function {
        0 => "confirm",
        1 => "read",
        2 => "write",
        3 => "select",
        4 => "operate",
        5 => "direct operate",
        6 => "direct operate without answer",
        13 => "cold restart",
        14 => "warm restart",
        20 => "enable unsolicited",
        21 => "disable unsolicited",
        23 => "delay measurement",
        24 => "record time",
        25 => "open file",
        26 => "close file",
        27 => "delete file",
        32 => "authenticate",
        129 => "response",
        130 => "unsolicited response",
        131 => "authentication response",
        other => return other.to_string(),
    };
    known.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_that_of_the_standard() {
        assert_eq!(crc(b"123456789"), 0xea82);
    }

    #[test]
    fn a_wrong_crc_or_length_is_not_dnp3() {
        for bytes in [
            &b"\x05\x64\x0b\xc4\x0a\0\x01\0\xac\xd2\xc0\xc0"[..],
            b"\x05\x64\x04\xc4\x0a\0\x01\0\xac\xd1",
            b"\x05\x01\0\x01\xc0\0\x02\x07\0\x50",
        ] {
            let opening = Opening::from_payloads(Transport::Tcp, &[bytes], &[]);
            assert_eq!(inspect(&opening, Depth::Facts), Detection::No, "{bytes:?}");
        }
    }
}
