//! TFTP: RFC 1350, with options, RFC 2347.
//!
//! A request is an operation, a file name, a mode and options, each a text that a zero ends, and
//! nothing more. The server answers from another port, so a request is a flow without an answer, and
//! the transfer one of its own: it is recognised by blocks and acknowledgements that follow each
//! other, or by what confirms options.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{DATAGRAMS, Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Direction, Protocol, Role};
use crate::flow::{Opening, Stream};

/// Operations.
const READ: u8 = 1;
const WRITE: u8 = 2;
const DATA: u8 = 3;
const ACK: u8 = 4;
const ERROR: u8 = 5;
const OPTIONS: u8 = 6;
/// Bytes of an operation and a number, and of a request or a text at most.
const HEADER: usize = 4;
const LONGEST: usize = 512;
/// Options that are stated at most.
const OPTIONS_STATED: usize = 8;
/// Blocks that must follow each other where nothing else shows a transfer.
const IN_STEP: usize = 3;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Tftp, inspect)
    .udp()
    .prefilter(Prefilter::first_byte(&[0..=0]).udp_then(&[READ..=OPTIONS]))
    .one_way()
    .facts(&["tftp.operation", "tftp.file", "tftp.mode", "tftp.option", "tftp.error"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\0\x01boot/pier.cfg\0octet\0blksize\x001024\0"],
            responder: &[],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\0\x06blksize\x001024\0", b"\0\x03\0\x01tide\n"],
            responder: &[b"\0\x04\0\0", b"\0\x04\0\x01"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\0\x02log.txt\0netascii\0"],
            responder: &[b"\0\x05\0\x02Only octet mode\0"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let transfer = Transfer::read(opening);
    combine(Protocol::Tftp, opening, depth, |statement| {
        match statement.stream.datagrams().next().map_or(&[][..], |(bytes, ..)| bytes) {
            [0, READ | WRITE, ..] => by_datagram(statement, request),
            [0, DATA..=OPTIONS, ..] => transfer.judge(statement),
            [] | [0] => Side::Perhaps,
            _ => Side::Other,
        }
    })
}

/// Judges a request.
fn request(statement: &mut Statement<'_>, bytes: &[u8], at: usize, cut: bool) -> Side {
    let &[0, operation @ (READ | WRITE), ref rest @ ..] = bytes else { return Side::Other };
    let mut texts = Texts { rest };
    let unfinished = if cut && bytes.len() < LONGEST { Side::Perhaps } else { Side::Other };
    let file = match texts.next() {
        Some(file) if !file.is_empty() => file,
        None if rest.len() < LONGEST && rest.iter().copied().all(is_printable) => {
            return unfinished;
        }
        _ => return Side::Other,
    };
    let Some(mode) = texts.next() else {
        let begun = texts.rest.to_ascii_lowercase();
        let fits = MODES.iter().any(|mode| mode.as_bytes().starts_with(&begun));
        return if fits { unfinished } else { Side::Other };
    };
    if !MODES.iter().any(|known| mode.eq_ignore_ascii_case(known.as_bytes())) {
        return Side::Other;
    }
    let options = texts.rest;
    // Some clients fill the datagram up.
    if !(options.iter().all(|&byte| byte == 0) || are_options(options, cut)) {
        return Side::Other;
    }
    statement.role(Role::Client);
    let name: &[u8] = if operation == READ { b"read" } else { b"write" };
    statement.fact("tftp.operation", name, at);
    statement.fact("tftp.file", file, at + 2);
    statement.fact("tftp.mode", mode, at + 3 + file.len());
    state_options(statement, options, at + bytes.len() - options.len());
    Side::Matches
}

const MODES: [&str; 3] = ["octet", "netascii", "mail"];

fn is_printable(byte: u8) -> bool {
    !byte.is_ascii_control()
}

/// Printable texts that a zero ends, one behind the other.
struct Texts<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Texts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().take(LONGEST).position(|&byte| !is_printable(byte))?;
        if self.rest[end] != 0 {
            return None;
        }
        let (text, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        Some(text)
    }
}

/// Whether the bytes are names and values of options, the last of which may be `cut`.
fn are_options(bytes: &[u8], cut: bool) -> bool {
    let mut texts = Texts { rest: bytes };
    loop {
        let is_ended = |texts: &Texts<'_>| texts.rest.is_empty() || cut;
        let Some(name) = texts.next() else { return is_ended(&texts) };
        let is_name =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || !name.iter().all(is_name) {
            return false;
        }
        if texts.next().is_none() {
            return cut;
        }
    }
}

fn state_options(statement: &mut Statement<'_>, bytes: &[u8], at: usize) {
    let mut texts = Texts { rest: bytes };
    for _ in 0..OPTIONS_STATED {
        let place = at + bytes.len() - texts.rest.len();
        let (Some(name), Some(value)) = (texts.next(), texts.next()) else { return };
        if !name.is_empty() {
            statement.fact("tftp.option", &[name, b" ", value].concat(), place);
        }
    }
}

/// What the datagrams of a side are in a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TransferSide {
    /// No datagram.
    Silent,
    /// A datagram is of no transfer.
    Foreign,
    /// The bytes were cut before they say what they are.
    Cut,
    /// Blocks or acknowledgements in step, from the number `first` on, `len` of them.
    InStep { operation: u8, first: u16, len: usize },
    /// An option that is known is confirmed.
    Confirms,
    /// An error with a text.
    Refuses,
}

impl TransferSide {
    fn read(stream: &Stream) -> Self {
        let mut run: Option<(u8, u16, u16, usize)> = None;
        for (i, (bytes, _, cut)) in stream.datagrams().take(DATAGRAMS).enumerate() {
            let &[0, operation, high, low, ref rest @ ..] = bytes else {
                return if cut && bytes.len() < HEADER { Self::Cut } else { Self::Foreign };
            };
            let number = u16::from_be_bytes([high, low]);
            match operation {
                OPTIONS if i == 0 => {
                    let options = &bytes[2..];
                    let known = [&b"blksize"[..], b"timeout", b"tsize", b"windowsize"];
                    let is_known = Texts { rest: options }
                        .next()
                        .is_some_and(|name| known.iter().any(|k| name.eq_ignore_ascii_case(k)));
                    return match () {
                        () if !are_options(options, cut) => Self::Foreign,
                        () if is_known => Self::Confirms,
                        () if cut => Self::Cut,
                        () => Self::Foreign,
                    };
                }
                ERROR => {
                    let is_text = match rest.split_last() {
                        Some((0, text)) => text.iter().copied().all(is_printable),
                        _ => cut && rest.iter().copied().all(is_printable),
                    };
                    if number > 8 || !is_text || rest.len() > LONGEST {
                        return Self::Foreign;
                    }
                    if i == 0 {
                        return match () {
                            () if rest.len() > HEADER => Self::Refuses,
                            () if cut => Self::Cut,
                            () => Self::Foreign,
                        };
                    }
                    break;
                }
                ACK if !rest.is_empty() || cut => return Self::Foreign,
                DATA | ACK => {}
                _ => return Self::Foreign,
            }
            run = match run {
                None => Some((operation, number, number, 1)),
                // Repeated, or the next.
                Some((known, first, last, len)) if known == operation => {
                    match number.wrapping_sub(last) {
                        0 => Some((known, first, last, len)),
                        1 => Some((known, first, number, len + 1)),
                        _ => return Self::Foreign,
                    }
                }
                Some(_) => return Self::Foreign,
            };
        }
        match run {
            Some((operation, first, _, len)) => Self::InStep { operation, first, len },
            None => Self::Silent,
        }
    }

    /// Whether this alone shows a transfer.
    const fn proves(self) -> bool {
        match self {
            Self::Confirms | Self::Refuses => true,
            Self::InStep { len, .. } => len >= IN_STEP,
            Self::Silent | Self::Foreign | Self::Cut => false,
        }
    }
}

/// Both sides of a transfer.
struct Transfer {
    sides: [TransferSide; 2],
    /// The side that sent first, which is the server's: it answers a request that came to its other
    /// port.
    server: Option<Direction>,
}

impl Transfer {
    fn read(opening: &Opening) -> Self {
        let sides = Direction::BOTH.map(|direction| TransferSide::read(opening.side(direction)));
        let first = opening
            .sides()
            .filter_map(|(direction, stream)| Some((stream.first_frame()?, direction)))
            .min();
        let requests = |direction: &Direction| {
            let mut datagrams = opening.side(*direction).datagrams();
            matches!(datagrams.next(), Some(([0, READ | WRITE, ..], ..)))
        };
        // Only clients request, only servers confirm options. Else the first of the flow begins the transfer.
        let confirms =
            |direction: &Direction| matches!(sides[*direction as usize], TransferSide::Confirms);
        let begins = |direction: &Direction| match sides[*direction as usize] {
            TransferSide::InStep { operation, first, .. } => first == u16::from(operation == DATA),
            side => side.proves(),
        };
        let server = Direction::BOTH
            .into_iter()
            .find(|direction| confirms(direction) || requests(&direction.opposite()))
            .or_else(|| first.map(|(_, direction)| direction).filter(begins));
        Self { sides, server }
    }

    /// Whether each side acknowledges what the other sends, block by block.
    fn is_mutual(&self) -> bool {
        let [
            TransferSide::InStep { operation: a, first: from_a, len: len_a },
            TransferSide::InStep { operation: b, first: from_b, len: len_b },
        ] = self.sides
        else {
            return false;
        };
        let ((blocks, from), (acks, acked)) = if a == DATA {
            ((len_a, from_a), (len_b, from_b))
        } else {
            ((len_b, from_b), (len_a, from_a))
        };
        // Before the first block stands the acknowledgement of a request or of options.
        let follows = acked == from || acked.wrapping_add(1) == from && acks > 1;
        a != b && follows && (from == 1 || blocks.min(acks) > 1)
    }

    fn judge(&self, statement: &mut Statement<'_>) -> Side {
        let side = self.sides[statement.direction as usize];
        let other = self.sides[statement.direction.opposite() as usize];
        let judgement = match (side, other) {
            (TransferSide::Foreign | TransferSide::Silent, _) => return Side::Other,
            (TransferSide::Cut, _) => return Side::Perhaps,
            (_, TransferSide::Foreign) if !side.proves() => Side::Other,
            _ if side.proves() || other.proves() || self.is_mutual() => Side::Matches,
            _ => Side::Perhaps,
        };
        if judgement == Side::Matches {
            if let Some(server) = self.server {
                let is_server = server == statement.direction;
                statement.role(if is_server { Role::Server } else { Role::Client });
            }
            let bytes = statement.stream.datagrams().next().map_or(&[][..], |(bytes, ..)| bytes);
            let name: &[u8] = match side {
                TransferSide::Confirms => b"options",
                TransferSide::Refuses => b"error",
                TransferSide::InStep { operation: DATA, .. } => b"data",
                _ => b"ack",
            };
            statement.fact("tftp.operation", name, 0);
            match side {
                TransferSide::Confirms => {
                    state_options(statement, bytes.get(2..).unwrap_or(&[]), 2);
                }
                TransferSide::Refuses => {
                    let text = bytes.get(HEADER..).unwrap_or(&[]);
                    statement.fact("tftp.error", text.strip_suffix(b"\0").unwrap_or(text), HEADER);
                }
                _ => {}
            }
        }
        judgement
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Udp, initiator, responder), Depth::Facts)
    }

    fn is_tftp(initiator: &[&[u8]], responder: &[&[u8]]) -> bool {
        matches!(detect(initiator, responder), Detection::Yes(_))
    }

    #[test]
    fn a_request_is_a_name_a_mode_and_options_and_no_more() {
        for request in [
            &b"\0\x01a\0octet\0"[..],
            b"\0\x02dir/b c.bin\0NETASCII\0",
            b"\0\x01a\0octet\0tsize\x000\0blksize\x001468\0",
            b"\0\x01a\0octet\0\0\0\0\0",
        ] {
            assert!(is_tftp(&[request], &[]), "{request:?}");
        }
        for other in [
            &b"\0\x01\0octet\0"[..],
            b"\0\x01a\0binary\0",
            b"\0\x01a\0octet",
            b"\0\x01a\0octet\0tsize\0",
            b"\0\x01a\x07b\0octet\0",
            // STUN; an event of PTP version 1.
            b"\0\x01\0\0\x21\x12\xa4\x42abcdefghijkl",
            b"\0\x01\0\x01_DFLT\0\0\0\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(detect(&[other], &[]), Detection::No, "{other:?}");
        }
    }

    #[test]
    fn a_transfer_is_blocks_that_are_acknowledged_in_turn() {
        let block = |n: u8| [&[0, DATA, 0, n][..], &[b'x'; 512]].concat();
        let blocks: Vec<_> = (1..4).map(block).collect();
        let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
        let acks: [&[u8]; 3] = [b"\0\x04\0\x01", b"\0\x04\0\x02", b"\0\x04\0\x03"];
        assert!(is_tftp(&blocks, &acks) && is_tftp(&acks, &blocks));
        assert!(is_tftp(&blocks[..1], &acks[..1]));
        // A write: the server acknowledges the request.
        assert!(is_tftp(&[b"\0\x04\0\0", acks[0]], &blocks[..1]));
        assert!(is_tftp(&blocks[1..], &acks[1..]));
        // One side alone, or one pair from the middle, proves nothing; three in step do.
        assert_eq!(detect(&blocks[..1], &[]), Detection::NeedMore);
        assert_eq!(detect(&blocks[1..2], &acks[1..2]), Detection::NeedMore);
        assert!(is_tftp(&blocks, &[]) && is_tftp(&acks, &[]));
        // Out of step, both blocks, an acknowledgement that is too long.
        assert_eq!(detect(&[blocks[0], blocks[2]], &[]), Detection::No);
        assert!(!is_tftp(&blocks[..2], &blocks[..2]) && !is_tftp(&blocks[..1], &acks[1..2]));
        assert_eq!(detect(&blocks[..1], &[b"\0\x04\0\x01\0"]), Detection::No);
    }
}
