//! Modbus over TCP: «MODBUS Messaging on TCP/IP Implementation Guide», V1.0b, section 3.1 (header),
//! and «MODBUS Application Protocol Specification», V1.1b3, section 6 (functions),
//! <https://www.modbus.org/specs.php>.
//!
//! A message is a transaction's number, a zero for the protocol, the length, a unit and a function.
//! Only the zero is fixed, so the proof is a response with the number, unit and function of a
//! request, or three messages of one side whose lengths are those of their functions.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::framing::{Framed, MessagesRead, read_messages};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine_with_client, in_either_role};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

/// Transaction, protocol, length, unit.
const HEADER: usize = 7;
/// Bytes behind the length at most: the unit and a PDU of 253 bytes.
const LONGEST: usize = 254;
/// Requests whose numbers are kept, and messages of a side that are read at most.
const REMEMBERED: usize = 32;
/// Messages of a side that prove Modbus without the other side.
const ENOUGH: usize = 3;
/// Functions of a side that are stated at most.
const STATED: usize = 4;
const EXCEPTION: u8 = 0x80;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Modbus, inspect)
    .tcp()
    .prefilter(Prefilter::ANY.skip(2).then(&[0..=0]).then(&[0..=0]).then(&[0..=0]).then(&[2..=254]))
    .facts(&["modbus.unit", "modbus.function", "modbus.exception"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\0\x01\0\0\0\x06\x01\x03\0\0\0\x02",
                b"\0\x02\0\0\0\x06\x01\x06\0\x01\0\x07",
            ],
            responder: &[
                b"\0\x01\0\0\0\x07\x01\x03\x04\0\x2a\0\x07",
                b"\0\x02\0\0\0\x06\x01\x06\0\x01\0\x07",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\0\0\0\0\0\x06\xff\x01\x10\0\0\x08"],
            responder: &[b"\0\0\0\0\0\x03\xff\x81\x02"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x12\x01\0\0\0\x06\x01\x04\0\0\0\x02",
                b"\x12\x02\0\0\0\x06\x01\x04\0\x08\0\x02",
                b"\x12\x03\0\0\0\x06\x01\x04\0\x10\0\x02",
            ],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    // Zeros pass the prefilter in many protocols; they need not be read in either role.
    if !opening.sides().all(|(_, stream)| may_begin(stream.head())) {
        return Detection::No;
    }
    in_either_role(opening, |client| {
        let requests = ModbusSide::read(opening.side(client).head(), Role::Client);
        let responses = ModbusSide::read(opening.side(client.opposite()).head(), Role::Server);
        let paired = responses.messages.iter().any(|response| {
            requests.messages.iter().any(|request| {
                request.transaction == response.transaction
                    && request.unit == response.unit
                    && request.function == response.function & !EXCEPTION
            })
        });
        combine_with_client(client, Protocol::Modbus, opening, depth, |statement| {
            let (side, other) = match statement.read_as {
                Role::Client => (&requests, &responses),
                Role::Server => (&responses, &requests),
            };
            let judgement = side.judge(paired, other.is_silent);
            if judgement == Side::Matches {
                side.state(statement);
            }
            judgement
        })
    })
}

/// Whether the length, as far as it was captured, is one that occurs.
fn may_begin(bytes: &[u8]) -> bool {
    bytes.get(5).is_none_or(|length| (2..=254).contains(length))
}

/// A request or response.
struct ModbusMessage {
    transaction: u16,
    unit: u8,
    function: u8,
    /// The first byte behind the function.
    first: Option<u8>,
    at: usize,
}

/// The messages of one side.
struct ModbusSide {
    messages: Vec<ModbusMessage>,
    is_silent: bool,
    foreign: bool,
    /// Every length is that of a message with this function in this role.
    exact: bool,
    /// A message differs between the roles.
    role: Option<Role>,
}

impl ModbusSide {
    fn read(bytes: &[u8], role: Role) -> Self {
        let mut messages = Vec::new();
        let (mut exact, mut shown) = (true, false);
        let MessagesRead { foreign, .. } = read_messages(bytes, |rest, at| {
            let early = rest.iter().skip(2).take(3).any(|&byte| byte != 0)
                || rest.get(5).is_some_and(|&len| !(2..=LONGEST).contains(&usize::from(len)))
                || rest.get(7).is_some_and(|&function| !is_function(function, role));
            if early {
                return Framed::Foreign;
            }
            let [a, b, _, _, _, len, unit, function, ref body @ ..] = *rest else {
                return Framed::Cut;
            };
            if messages.len() >= REMEMBERED {
                return Framed::Cut;
            }
            let whole = HEADER - 1 + usize::from(len);
            // Unit and function are counted by the length.
            let room = usize::from(len) - 2;
            if rest.len() >= whole {
                let body = body.get(..room).unwrap_or_default();
                match fits(function, body, role) {
                    Some(false) => return Framed::Foreign,
                    Some(true) => shown |= fits(function, body, other(role)) == Some(false),
                    None => exact = false,
                }
                messages.push(ModbusMessage {
                    transaction: u16::from_be_bytes([a, b]),
                    unit,
                    function,
                    first: body.first().copied(),
                    at,
                });
            }
            Framed::Whole(whole)
        });
        let role = shown.then_some(role);
        Self { messages, is_silent: bytes.is_empty(), foreign, exact, role }
    }

    fn judge(&self, paired: bool, alone: bool) -> Side {
        // The transactions of one side must not all be the same, as zeros would be.
        let differ = self.messages.iter().any(|m| m.transaction != self.messages[0].transaction);
        if paired {
            Side::Matches
        } else if self.foreign {
            Side::Other
        } else if alone && self.exact && differ && self.messages.len() >= ENOUGH {
            Side::Matches
        } else {
            Side::Perhaps
        }
    }

    fn state(&self, statement: &mut Statement<'_>) {
        let role = self.role.or_else(|| (!self.messages.is_empty()).then_some(statement.read_as));
        role.into_iter().for_each(|role| statement.role(role));
        let mut stated = Vec::new();
        for message in &self.messages {
            let key = (message.unit, message.function);
            if stated.len() >= STATED || stated.contains(&key) {
                continue;
            }
            stated.push(key);
            let name = function_name(message.function & !EXCEPTION);
            statement.fact("modbus.function", name.as_bytes(), message.at + 7);
            statement.fact_text("modbus.unit", message.unit.to_string(), message.at + 6);
            if let (EXCEPTION.., Some(code)) = (message.function, message.first) {
                statement.fact("modbus.exception", exception(code).as_bytes(), message.at + 8);
            }
        }
    }
}

const fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

fn is_function(function: u8, role: Role) -> bool {
    match role {
        // There is no function 0, but scanners request it, and a server refuses it.
        Role::Client => function < EXCEPTION,
        Role::Server => function > 0,
    }
}

/// Whether what follows a function has the length that it should have; `None` where the function is
/// not one of the specification's, or of no fixed form.
fn fits(function: u8, body: &[u8], role: Role) -> Option<bool> {
    let len = body.len();
    let counted = |at: usize| body.get(at).is_some_and(|&count| len == at + 1 + usize::from(count));
    Some(match (function, role) {
        (EXCEPTION.., _) | (7, Role::Server) => len == 1,
        (1..=4, Role::Client) | (5 | 6, _) | (11 | 15 | 16, Role::Server) => len == 4,
        (1..=4 | 12 | 17 | 20 | 21 | 23, Role::Server) | (20 | 21, Role::Client) => counted(0),
        (7 | 11 | 12 | 17, Role::Client) => len == 0,
        (8, _) | (24, Role::Server) => len >= 4,
        (15 | 16, Role::Client) => counted(4),
        (22, _) => len == 6,
        (23, Role::Client) => counted(8),
        (24, Role::Client) => len == 2,
        (43, _) => len >= 2 && matches!(body[0], 13 | 14),
        _ => return None,
    })
}

fn function_name(function: u8) -> String {
    let known = match function {
        1 => "read coils",
        2 => "read discrete inputs",
        3 => "read holding registers",
        4 => "read input registers",
        5 => "write single coil",
        6 => "write single register",
        7 => "read exception status",
        8 => "diagnostics",
        11 => "get event counter",
        12 => "get event log",
        15 => "write multiple coils",
        16 => "write multiple registers",
        17 => "report server id",
        20 => "read file record",
        21 => "write file record",
        22 => "mask write register",
        23 => "read and write multiple registers",
        24 => "read fifo queue",
        43 => "encapsulated interface",
        other => return other.to_string(),
    };
    known.into()
}

fn exception(code: u8) -> String {
    let known = match code {
        1 => "illegal function",
        2 => "illegal data address",
        3 => "illegal data value",
        4 => "server device failure",
        5 => "acknowledge",
        6 => "server device busy",
        8 => "memory parity error",
        10 => "gateway path unavailable",
        11 => "gateway target failed to respond",
        other => return other.to_string(),
    };
    known.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, initiator, responder), Depth::Facts)
    }

    const READ: &[u8] = b"\0\x01\0\0\0\x06\x01\x03\0\0\0\x02";

    #[test]
    fn the_response_must_have_the_number_unit_and_function_of_a_request() {
        assert_eq!(detect(&[READ], &[]), Detection::NeedMore);
        for response in [
            &b"\0\x02\0\0\0\x07\x01\x03\x04\0\x2a\0\x07"[..],
            b"\0\x01\0\0\0\x07\x02\x03\x04\0\x2a\0\x07",
            b"\0\x01\0\0\0\x07\x01\x04\x04\0\x2a\0\x07",
            b"\0\x01\0\0\0\x07\x01\x03\x05\0\x2a\0\x07",
            b"HTTP/1.1 400 Bad Request\r\n",
        ] {
            assert!(!matches!(detect(&[READ], &[response]), Detection::Yes(_)), "{response:?}");
        }
    }

    #[test]
    fn a_refused_function_0_is_modbus() {
        let request: &[u8] = b"\0\0\0\0\0\x06\x01\0\0\0\0\0";
        assert!(matches!(detect(&[request], &[b"\0\0\0\0\0\x03\x01\x80\x01"]), Detection::Yes(_)));
        assert_eq!(detect(&[request], &[request]), Detection::No);
    }

    #[test]
    fn zeros_and_lengths_of_others_are_not_modbus() {
        let zeros: &[u8] = &[0; 64];
        assert_eq!(detect(&[zeros], &[zeros]), Detection::No);
        // Kafka's ApiVersions, and a TDS packet.
        for bytes in [
            &b"\0\0\0\x14\0\x12\0\0\0\0\0\x01\0\x0aconsumer-1"[..],
            b"\x12\x01\0\x2f\0\0\0\0\0\0\x1a\0",
        ] {
            assert_eq!(detect(&[bytes], &[]), Detection::No);
        }
        // One message again and again.
        assert_eq!(detect(&[READ, READ, READ], &[]), Detection::NeedMore);
    }
}
