//! S7 of Siemens controllers: S7comm, as Wireshark documents it
//! (<https://wiki.wireshark.org/S7comm>, `epan/dissectors/packet-s7comm.c`), and S7comm-plus.
//! There is no public specification.
//!
//! A TPKT (RFC 1006) holds an X.224 header (ISO 8073): a connection request or confirm first, then
//! data, which begin with `32` (S7comm) or `72` (S7comm-plus). RDP, MMS and H.323 use TPKT too, so
//! only the data prove S7.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::framing::{Framed, read_messages};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Version 3, a reserved zero, the length.
const TPKT: usize = 4;
/// TPKT and the shortest X.224 header, that of data.
const DATA: usize = TPKT + 3;
const REQUEST: u8 = 0xe0;
const CONFIRM: u8 = 0xd0;
const CLASSIC: u8 = 0x32;
const PLUS: u8 = 0x72;
/// The parameter of X.224 that names the called end: kind of connection, rack and slot.
const CALLED: u8 = 0xc2;
/// Messages of a side that are read at most.
const MESSAGES: usize = 8;
/// Kinds of messages.
const JOB: u8 = 1;
const ACKNOWLEDGEMENT: u8 = 2;
const ANSWER: u8 = 3;
const USER_DATA: u8 = 7;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::S7, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[3..=3]).then(&[0..=0]))
    .facts(&["s7.version", "s7.function", "s7.called"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02",
                b"\x03\0\0\x19\x02\xf0\x80\x32\x01\0\0\x04\0\0\x08\0\0\xf0\0\0\x01\0\x01\x01\xe0",
            ],
            responder: &[
                b"\x03\0\0\x16\x11\xd0\0\x01\0\x02\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02",
                b"\x03\0\0\x1b\x02\xf0\x80\x32\x03\0\0\x04\0\0\x08\0\0\0\0\xf0\0\0\x01\0\x01\0\xf0",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x03\0\0\x1f\x02\xf0\x80\x32\x01\0\0\x05\0\0\x0e\0\0\x04\x01\x12\x0a\x10\x02\0\x01\0\x01\x84\0\0\0"],
            responder: &[b"\x03\0\0\x1a\x02\xf0\x80\x32\x03\0\0\x05\0\0\x02\0\x05\0\0\x04\x01\xff\x03\0\x01\x01"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::S7, opening, depth, |statement| {
        let mut judgement = Side::Perhaps;
        let mut count = 0;
        let read = read_messages(statement.stream.head(), |rest, at| {
            count += 1;
            if count > MESSAGES {
                return Framed::Cut;
            }
            message(statement, rest, at, &mut judgement)
        });
        if read.foreign && judgement != Side::Matches { Side::Other } else { judgement }
    })
}

fn message(statement: &mut Statement<'_>, rest: &[u8], at: usize, side: &mut Side) -> Framed {
    if rest[0] != 3 || rest.get(1).is_some_and(|&reserved| reserved != 0) {
        return Framed::Foreign;
    }
    let Some([high, low]) = rest.get(2..).and_then(|rest| rest.first_chunk()) else {
        return Framed::Cut;
    };
    let len = usize::from(u16::from_be_bytes([*high, *low]));
    if len < DATA {
        return Framed::Foreign;
    }
    let body = &rest[TPKT..rest.len().min(len).max(TPKT)];
    match *body {
        [] | [_] | [2, 0xf0] => Framed::Cut,
        // The header fills the message.
        [x224, code @ (REQUEST | CONFIRM), ref parameters @ ..] => {
            if usize::from(x224) + TPKT + 1 != len || at > 0 && statement.stream.from_start() {
                return Framed::Foreign;
            }
            connection(statement, code, parameters, at)
                .map_or(Framed::Foreign, |()| Framed::Whole(len))
        }
        // Data: the header's length, the code, the number with the flag of the last part.
        [2, 0xf0, 0 | 0x80, ref data @ ..] => {
            match data.first() {
                // Parts of a message before its last may be empty.
                None if len == DATA => return Framed::Whole(len),
                None => return Framed::Cut,
                Some(_) => {}
            }
            match classic_or_plus(statement, data, len - DATA, at + DATA, *side == Side::Matches) {
                Some(true) => {
                    *side = Side::Matches;
                    Framed::Whole(len)
                }
                Some(false) => Framed::Foreign,
                None => Framed::Cut,
            }
        }
        _ => Framed::Foreign,
    }
}

/// Reads a connection request or confirm: references, class, parameters. `None` where it is none
/// of S7's.
fn connection(statement: &mut Statement<'_>, code: u8, bytes: &[u8], at: usize) -> Option<()> {
    statement.role(if code == REQUEST { Role::Client } else { Role::Server });
    let mut rest = bytes.get(5..).unwrap_or_default();
    let mut place = at + TPKT + 2 + 5;
    while let [kind, len, more @ ..] = rest {
        let len = usize::from(*len);
        if !matches!(kind, 0xc0..=0xcf) {
            return None;
        }
        let Some((value, behind)) = more.split_at_checked(len) else { break };
        if let (&CALLED, &[_, end]) = (kind, value)
            && code == REQUEST
        {
            let text = format!("rack {} slot {}", end >> 5, end & 0x1f);
            statement.fact_text("s7.called", text, place);
        }
        place += 2 + len;
        rest = behind;
    }
    Some(())
}

/// Whether data are a message of S7comm or S7comm-plus of `len` bytes; `None` where too few were
/// captured. `known`: the facts were stated.
fn classic_or_plus(
    statement: &mut Statement<'_>,
    data: &[u8],
    len: usize,
    at: usize,
    known: bool,
) -> Option<bool> {
    match *data {
        [] => None,
        [PLUS, ref rest @ ..] => {
            let [version, high, low, ..] = *rest else {
                return if rest.first().is_none_or(|v| is_plus_version(*v)) {
                    None
                } else {
                    Some(false)
                };
            };
            let size = usize::from(u16::from_be_bytes([high, low]));
            if !is_plus_version(version) || size + 4 > len {
                return Some(false);
            }
            if let Some(0x31..=0x33) = data.get(4)
                && !known
            {
                let role = if data[4] == 0x31 { Role::Client } else { Role::Server };
                statement.role(role);
            }
            if !known {
                statement.fact("s7.version", b"plus", at);
            }
            Some(true)
        }
        [CLASSIC, ref rest @ ..] => {
            let fits = rest.iter().take(3).enumerate().all(|(i, &byte)| match i {
                0 => matches!(byte, JOB | ACKNOWLEDGEMENT | ANSWER | USER_DATA),
                _ => byte == 0,
            });
            if !fits {
                return Some(false);
            }
            // Kind, reserved, number, length of parameters and of data.
            let [kind, _, _, _, _, a, b, c, d, ref rest @ ..] = *rest else { return None };
            let header = if matches!(kind, ACKNOWLEDGEMENT | ANSWER) { 12 } else { 10 };
            let sizes = [[a, b], [c, d]].map(|size| usize::from(u16::from_be_bytes(size)));
            if header + sizes[0] + sizes[1] != len {
                return Some(false);
            }
            let parameters = rest.get(header - 10..).unwrap_or_default();
            state(statement, kind, parameters, at, known);
            Some(true)
        }
        _ => Some(false),
    }
}

const fn is_plus_version(version: u8) -> bool {
    matches!(version, 1..=3 | 0xfe)
}

fn state(statement: &mut Statement<'_>, kind: u8, parameters: &[u8], at: usize, known: bool) {
    match kind {
        JOB => statement.role(Role::Client),
        USER_DATA => match parameters.get(5).map(|kind| kind >> 4) {
            Some(4) => statement.role(Role::Client),
            Some(8) => statement.role(Role::Server),
            _ => {}
        },
        _ => statement.role(Role::Server),
    }
    if !known {
        statement.fact("s7.version", b"classic", at);
    }
    let name: String = match (kind, parameters.first()) {
        (USER_DATA, _) => "user data".into(),
        (_, Some(function)) => match function {
            0 => "services of the cpu".into(),
            4 => "read".into(),
            5 => "write".into(),
            0x1a => "request download".into(),
            0x1b => "download block".into(),
            0x1c => "download ended".into(),
            0x1d => "start upload".into(),
            0x1e => "upload".into(),
            0x1f => "end upload".into(),
            0x28 => "control".into(),
            0x29 => "stop".into(),
            0xf0 => "set up communication".into(),
            other => format!("{other:#04x}"),
        },
        (_, None) => return,
    };
    let is_stated = statement.facts.iter().any(|fact| {
        fact.name.stem == "s7.function"
            && fact.direction == statement.direction
            && fact.value == name
    });
    if !is_stated {
        statement.fact_text("s7.function", name, at + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, initiator, &[]), Depth::Facts)
    }

    #[test]
    fn other_users_of_tpkt_are_not_s7() {
        let request: &[u8] =
            b"\x03\0\0\x16\x11\xe0\0\0\0\x02\0\xc0\x01\x0d\xc2\x02\0\x01\xc1\x02\0\x01";
        // A connection request alone may be that of MMS.
        assert_eq!(detect(&[request]), Detection::NeedMore);
        let mms: &[u8] = b"\x03\0\0\x0f\x02\xf0\x80\x0d\x06\x05\x06\x13\x01\0\x16";
        assert_eq!(detect(&[request, mms]), Detection::No);
        for bytes in [
            &b"\x03\0\0\x2b\x26\xe0\0\0\0\0\0Cookie: mstshash=admin\r\n\x01\0\x08\0\x0b\0\0\0"[..],
            b"\x03\0\0\x10\x08\x02\x12\x34\x05\x04\x03\x88\x90\xa5\x7e\0",
            b"\x03\0\0\x17\x02\xf0\x80\x7f\x65\x82\x01\x94\0\x05\0\x14\x7c\0\x01Duca",
        ] {
            assert_eq!(detect(&[bytes]), Detection::No, "{bytes:?}");
        }
    }

    #[test]
    fn lengths_must_agree() {
        assert_eq!(
            detect(&[
                b"\x03\0\0\x19\x02\xf0\x80\x32\x01\0\0\x04\0\0\x09\0\0\xf0\0\0\x01\0\x01\x01\xe0"
            ]),
            Detection::No
        );
    }
}
