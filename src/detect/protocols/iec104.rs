//! IEC 60870-5-104: telecontrol over TCP, sections 5 (frames) and 6 (types), with the types and
//! causes of IEC 60870-5-101, section 7.2.
//!
//! A frame is `68`, its length and four control bytes: of a numbered message (I), an acknowledgement
//! (S) or an unnumbered control (U). An unnumbered control proves the protocol, and so do two
//! numbered messages of which the second follows the first.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::framing::{Framed, read_messages};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const START: u8 = 0x68;
/// Start and length.
const HEADER: usize = 2;
const CONTROL: usize = 4;
/// Control, type, number, cause of two bytes, address of two bytes, object of three.
const SHORTEST: usize = CONTROL + 9;
/// Bytes behind the length at most.
const LONGEST: usize = 253;
/// Frames of a side that are read at most.
const FRAMES: usize = 16;
const CAUSE: u8 = 0x3f;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Iec104, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[START..=START]).then(&[4..=253]))
    .facts(&["iec104.control", "iec104.type", "iec104.cause", "iec104.address"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x68\x04\x07\0\0\0", b"\x68\x0e\0\0\0\0\x64\x01\x06\0\x0a\0\0\0\0\x14"],
            responder: &[
                b"\x68\x04\x0b\0\0\0",
                b"\x68\x0e\0\0\x02\0\x64\x01\x07\0\x0a\0\0\0\0\x14",
                b"\x68\x0e\x02\0\x02\0\x01\x01\x14\0\x0a\0\x01\0\0\x01",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x68\x04\x01\0\x04\0"],
            responder: &[
                b"\x68\x12\0\0\0\0\x0d\x01\x03\0\x0a\0\x01\0\0\0\0\x20\x41\0",
                b"\x68\x12\x02\0\0\0\x0d\x01\x03\0\x0a\0\x01\0\0\0\0\x30\x41\0",
            ],
        },
    ]);

/// What the frames of a side showed so far.
struct FramesSeen {
    proved: bool,
    /// The number that the next numbered message must have.
    next: Option<u16>,
    numbered: usize,
}

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Iec104, opening, depth, |statement| {
        let mut seen = FramesSeen { proved: false, next: None, numbered: 0 };
        let mut count = 0;
        let read = read_messages(statement.stream.head(), |rest, at| {
            count += 1;
            if count > FRAMES {
                return Framed::Cut;
            }
            frame(statement, rest, at, &mut seen)
        });
        match read.foreign {
            _ if seen.proved => Side::Matches,
            true => Side::Other,
            false => Side::Perhaps,
        }
    })
}

fn frame(statement: &mut Statement<'_>, rest: &[u8], at: usize, seen: &mut FramesSeen) -> Framed {
    let early = rest[0] != START
        || rest.get(1).is_some_and(|&len| !(CONTROL..=LONGEST).contains(&usize::from(len)));
    if early {
        return Framed::Foreign;
    }
    let Some((&len, body)) = rest.get(1..).and_then(<[u8]>::split_first) else {
        return Framed::Cut;
    };
    let len = usize::from(len);
    let Some((control, message)) = body.split_first_chunk::<CONTROL>() else { return Framed::Cut };
    let is_control = match *control {
        [0x07, 0, 0, 0] => Some("startdt act"),
        [0x0b, 0, 0, 0] => Some("startdt con"),
        [0x13, 0, 0, 0] => Some("stopdt act"),
        [0x23, 0, 0, 0] => Some("stopdt con"),
        [0x43, 0, 0, 0] => Some("testfr act"),
        [0x83, 0, 0, 0] => Some("testfr con"),
        _ => None,
    };
    match (is_control, *control) {
        (Some(name), _) if len == CONTROL => {
            match name {
                "startdt act" | "stopdt act" => statement.role(Role::Client),
                "startdt con" | "stopdt con" => statement.role(Role::Server),
                _ => {}
            }
            if !seen.proved {
                statement.fact("iec104.control", name.as_bytes(), at + HEADER);
            }
            seen.proved = true;
        }
        (None, [1, 0, low, _]) if len == CONTROL && low & 1 == 0 => {}
        (None, [low, high, received, _])
            if len >= SHORTEST && low & 1 == 0 && received & 1 == 0 =>
        {
            let number = u16::from_le_bytes([low, high]) >> 1;
            let in_step = seen.next.is_none_or(|next| next == number);
            let message = &message[..message.len().min(len - CONTROL)];
            if !in_step || !numbered(statement, message, at + HEADER + CONTROL, seen.numbered == 0)
            {
                return Framed::Foreign;
            }
            seen.next = Some(number.wrapping_add(1) & 0x7fff);
            if rest.len() >= HEADER + len {
                seen.numbered += 1;
            }
            seen.proved |= seen.numbered > 1;
        }
        _ => return Framed::Foreign,
    }
    Framed::Whole(HEADER + len)
}

/// Whether bytes may be a message: type, number of objects, cause, originator, common address.
fn numbered(statement: &mut Statement<'_>, message: &[u8], at: usize, first: bool) -> bool {
    let fits = message.iter().take(3).enumerate().all(|(i, &byte)| match i {
        0 => type_name(byte).is_some(),
        1 => byte & 0x7f > 0,
        _ => (1..48).contains(&(byte & CAUSE)),
    });
    let [kind, _, cause, _, low, high, ..] = *message else { return fits };
    if !fits {
        return false;
    }
    // Monitoring comes of the outstation, and so does every cause but those that ask for something.
    match (kind, cause & CAUSE) {
        (..45 | 70, _) | (_, 7 | 9 | 10 | 44..) => statement.role(Role::Server),
        (45.., 6 | 8) => statement.role(Role::Client),
        _ => {}
    }
    if first {
        let name = type_name(kind).unwrap_or_default();
        statement.fact("iec104.type", name.as_bytes(), at);
        statement.fact("iec104.cause", cause_name(cause & CAUSE).as_bytes(), at + 2);
        let address = u16::from_le_bytes([low, high]).to_string();
        statement.fact_text("iec104.address", address, at + 4);
    }
    true
}

/// The name of a type; `None` where there is no such type.
fn type_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "M_SP_NA_1",
        3 => "M_DP_NA_1",
        5 => "M_ST_NA_1",
        7 => "M_BO_NA_1",
        9 => "M_ME_NA_1",
        11 => "M_ME_NB_1",
        13 => "M_ME_NC_1",
        15 => "M_IT_NA_1",
        20 => "M_PS_NA_1",
        21 => "M_ME_ND_1",
        30 => "M_SP_TB_1",
        31 => "M_DP_TB_1",
        32 => "M_ST_TB_1",
        33 => "M_BO_TB_1",
        34 => "M_ME_TD_1",
        35 => "M_ME_TE_1",
        36 => "M_ME_TF_1",
        37 => "M_IT_TB_1",
        38 => "M_EP_TD_1",
        39 => "M_EP_TE_1",
        40 => "M_EP_TF_1",
        45 => "C_SC_NA_1",
        46 => "C_DC_NA_1",
        47 => "C_RC_NA_1",
        48 => "C_SE_NA_1",
        49 => "C_SE_NB_1",
        50 => "C_SE_NC_1",
        51 => "C_BO_NA_1",
        58 => "C_SC_TA_1",
        59 => "C_DC_TA_1",
        60 => "C_RC_TA_1",
        61 => "C_SE_TA_1",
        62 => "C_SE_TB_1",
        63 => "C_SE_TC_1",
        64 => "C_BO_TA_1",
        70 => "M_EI_NA_1",
        100 => "C_IC_NA_1",
        101 => "C_CI_NA_1",
        102 => "C_RD_NA_1",
        103 => "C_CS_NA_1",
        104 => "C_TS_NA_1",
        105 => "C_RP_NA_1",
        106 => "C_CD_NA_1",
        107 => "C_TS_TA_1",
        110 => "P_ME_NA_1",
        111 => "P_ME_NB_1",
        112 => "P_ME_NC_1",
        113 => "P_AC_NA_1",
        120 => "F_FR_NA_1",
        121 => "F_SR_NA_1",
        122 => "F_SC_NA_1",
        123 => "F_LS_NA_1",
        124 => "F_AF_NA_1",
        125 => "F_SG_NA_1",
        126 => "F_DR_TA_1",
        2 | 4 | 6 | 8 | 10 | 12 | 14 | 16..=19 => "with time tag",
        41..=44 | 52..=57 | 65..=69 | 127 => "reserved",
        _ => return None,
    })
}

fn cause_name(cause: u8) -> String {
    let known = match cause {
        1 => "periodic",
        2 => "background",
        3 => "spontaneous",
        4 => "initialized",
        5 => "requested",
        6 => "activation",
        7 => "activation confirmed",
        8 => "deactivation",
        9 => "deactivation confirmed",
        10 => "terminated",
        11 => "return remote",
        12 => "return local",
        13 => "file transfer",
        20 => "interrogated",
        44 => "unknown type",
        45 => "unknown cause",
        46 => "unknown common address",
        47 => "unknown object",
        other => return other.to_string(),
    };
    known.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(bytes: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, bytes, &[]), Depth::Facts)
    }

    const MESSAGE: &[u8] = b"\x68\x0e\x02\0\x02\0\x01\x01\x14\0\x0a\0\x01\0\0\x01";

    #[test]
    fn one_numbered_message_or_acknowledgement_proves_nothing() {
        assert_eq!(detect(&[MESSAGE]), Detection::NeedMore);
        assert_eq!(detect(&[b"\x68\x04\x01\0\x04\0"]), Detection::NeedMore);
        // The number does not follow.
        assert_eq!(detect(&[MESSAGE, MESSAGE]), Detection::No);
    }

    #[test]
    fn text_and_unknown_controls_are_not_iec_104() {
        for bytes in [
            &b"hello\r\n"[..],
            b"h\x04\x03\0\0\0",
            b"\x68\x05\x07\0\0\0\0",
            b"\x68\x0e\0\0\0\0\xff\x01\x06\0\x0a\0\0\0\0\x14",
        ] {
            assert_eq!(detect(&[bytes]), Detection::No, "{bytes:?}");
        }
    }
}
