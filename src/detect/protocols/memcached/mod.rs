//! Memcached, text and binary, on TCP and on UDP behind its 8-byte frame header:
//! <https://github.com/memcached/memcached/blob/master/doc/protocol.txt>,
//! <https://github.com/memcached/memcached/wiki/BinaryProtocolRevamped>.
//!
//! The proof in text is a storage command with its four numbers and its data, or a `VALUE`, `STAT`
//! or `VERSION` reply. A retrieval or `stats` alone occurs in many text protocols and needs such a
//! reply. Over UDP the frame header and a command are proof enough. Binary messages are proved by
//! the lengths that each operation must have.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::framing::{Framed, crlf_line, decimal, read_messages};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine_by_role};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::{Opening, Stream};

/// Bytes of a command's or a reply's line at most.
const LONGEST_LINE: usize = 2048;
/// Bytes of a key at most.
const LONGEST_KEY: usize = 250;
/// Bytes of a binary message's header.
const HEADER: usize = 24;
const UDP_HEADER: usize = 8;
/// Datagrams of a message at most.
const PARTS: u16 = 1024;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Memcached, inspect)
    .tcp()
    .udp()
    .prefilter(
        Prefilter::ANY
            .tcp_first_byte(&[b'0'..=b'9', b'A'..=b'Z', b'a'..=b'z', 0x80..=0x81])
            .udp_skip(6)
            .udp_literal(&[0; 2])
            .udp_at_least(UDP_HEADER + 1),
    )
    .first_words()
    .facts(&["memcached.command", "memcached.reply", "memcached.version", "memcached.client"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"set a 0 0 3\r\nabc\r\nget a\r\nstats\r\nquit\r\n"],
            responder: &[b"STORED\r\nVALUE a 0 3\r\nabc\r\nEND\r\n"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"stats\r\n"],
            responder: &[b"STAT pid 8837\r\nSTAT uptime 193\r\nSTAT version 1.4.15\r\nEND\r\n"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"get nothing\r\n"],
            responder: &[b"END\r\n"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"version\r\n"],
            responder: &[b"VERSION 1.6.18\r\n"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x80\x01\0\x01\x08\0\0\0\0\0\0\x0c\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0aabc",
            ],
            responder: &[b"\x81\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x09"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x12\x34\0\0\0\x01\0\0version\r\n"],
            responder: &[b"\x12\x34\0\0\0\x01\0\0VERSION 1.6.18\r\n"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let udp = opening.transport() == Transport::Udp;
    // Most datagrams are of something else, and need not be read in either role.
    if udp && !opening.is_silent() && !opening.sides().any(|(_, stream)| may_be_framed(stream)) {
        return Detection::No;
    }
    combine_by_role(Protocol::Memcached, opening, depth, |statement, requested: &mut bool| {
        let stream = statement.stream;
        let (bytes, at) = if udp {
            let Some((datagram, _, cut)) = stream.datagrams().next() else { return Side::Perhaps };
            if cut && datagram.len() <= UDP_HEADER {
                return Side::Perhaps;
            }
            // Request, part, number of parts, reserved.
            let Some(&[_, _, part_high, part, parts_high, parts, 0, 0]) =
                datagram.first_chunk::<UDP_HEADER>()
            else {
                return Side::Other;
            };
            let part = u16::from_be_bytes([part_high, part]);
            let parts = u16::from_be_bytes([parts_high, parts]);
            if part >= parts || parts > PARTS || statement.read_as == Role::Client && parts != 1 {
                return Side::Other;
            }
            (datagram.get(UDP_HEADER..).unwrap_or_default(), UDP_HEADER)
        } else {
            (stream.head(), 0)
        };
        match (bytes.first(), statement.read_as) {
            (Some(0x80 | 0x81), _) => binary(statement, bytes, at),
            (Some(b'a'..=b'z'), Role::Client) => {
                let side = commands(statement, bytes, at);
                // beanstalkd too deletes by number, and replies the same.
                let deletes = bytes.strip_prefix(b"delete ").and_then(<[u8]>::first);
                *requested = matches!(side, Side::Perhaps | Side::Matches)
                    && !deletes.is_some_and(u8::is_ascii_digit);
                // A whole command after a frame header is no coincidence.
                if udp && side == Side::Perhaps && bytes.ends_with(b"\r\n") {
                    Side::Matches
                } else {
                    side
                }
            }
            (Some(b'0'..=b'9' | b'A'..=b'Z'), Role::Server) => {
                replies(statement, bytes, at, *requested)
            }
            (None, _) if !udp => Side::Perhaps,
            _ => Side::Other,
        }
    })
}

/// Whether the first datagram of a side may have the header of UDP.
fn may_be_framed(stream: &Stream) -> bool {
    stream.datagrams().next().is_some_and(|(bytes, _, cut)| {
        match bytes.first_chunk::<UDP_HEADER>() {
            _ if cut && bytes.len() <= UDP_HEADER => bytes.iter().skip(6).all(|&byte| byte == 0),
            Some(&[_, _, part_high, part, parts_high, parts, 0, 0]) => {
                let parts = u16::from_be_bytes([parts_high, parts]);
                parts <= PARTS && u16::from_be_bytes([part_high, part]) < parts
            }
            _ => false,
        }
    })
}

/// The words of a line.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    line.split(|&b| b == b' ').filter(|word| !word.is_empty())
}

fn is_key(word: &[u8]) -> bool {
    word.len() <= LONGEST_KEY && word.iter().all(|&b| b > b' ' && b != 0x7f)
}

fn is_signed(word: &[u8]) -> bool {
    decimal(word.strip_prefix(b"-").unwrap_or(word)).is_some()
}

/// The least and the greatest number of words after a command of the text protocol.
fn arity(command: &[u8]) -> Option<(usize, usize)> {
    Some(match command {
        b"get" | b"gets" => (1, 512),
        b"gat" | b"gats" => (2, 512),
        b"set" | b"add" | b"replace" | b"append" | b"prepend" => (4, 5),
        b"cas" => (5, 6),
        b"incr" | b"decr" | b"touch" => (2, 3),
        b"delete" => (1, 3),
        b"stats" => (0, 3),
        b"flush_all" => (0, 2),
        b"version" | b"quit" | b"mn" => (0, 0),
        b"verbosity" => (1, 2),
        b"mg" | b"ms" | b"md" | b"ma" | b"me" => (1, 16),
        _ => return None,
    })
}

fn commands(statement: &mut Statement<'_>, bytes: &[u8], offset: usize) -> Side {
    const NAMES: &[&[u8]] = &[
        b"get",
        b"gets",
        b"gat",
        b"gats",
        b"set",
        b"add",
        b"replace",
        b"append",
        b"prepend",
        b"cas",
        b"incr",
        b"decr",
        b"touch",
        b"delete",
        b"stats",
        b"flush_all",
        b"version",
        b"quit",
        b"verbosity",
        b"mg",
        b"ms",
        b"md",
        b"ma",
        b"me",
        b"mn",
    ];
    let mut certain = false;
    let mut stated: Vec<&[u8]> = Vec::new();
    let messages = read_messages(bytes, |rest, at| {
        let Some(line) = crlf_line(rest, LONGEST_LINE) else {
            let end = rest.iter().position(|b| matches!(b, b' ' | b'\r'));
            let name = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            let known = NAMES
                .iter()
                .any(|known| if end.is_some() { *known == name } else { known.starts_with(name) });
            let text = rest.len() < LONGEST_LINE && rest.iter().all(|&b| b >= b' ' || b == b'\r');
            return if known && text { Framed::Cut } else { Framed::Foreign };
        };
        let mut parts = words(line);
        let name = parts.next().unwrap_or_default();
        let Some((least, most)) = arity(name) else { return Framed::Foreign };
        let count = parts.clone().count();
        if !(least..=most).contains(&count) || !parts.clone().all(is_key) {
            return Framed::Foreign;
        }
        let mut len = line.len() + 2;
        let storage = matches!(least, 4 | 5);
        if storage || name == b"ms" {
            let mut numbers = parts.skip(1);
            let size = if storage {
                let (flags, expiry, size) =
                    (numbers.next(), numbers.next(), numbers.next().and_then(decimal));
                if flags.and_then(decimal).is_none() || !expiry.is_some_and(is_signed) {
                    None
                } else {
                    size
                }
            } else {
                numbers.next().and_then(decimal)
            };
            let Some(size) = size else { return Framed::Foreign };
            let tail = rest.get(len.saturating_add(size)..).unwrap_or_default();
            if !b"\r\n".starts_with(&tail[..tail.len().min(2)]) {
                return Framed::Foreign;
            }
            // The data distinguishes the command from any text with three numbers.
            certain |= storage && (tail.len() >= 2 || rest.len() - len > LONGEST_LINE / 2);
            len = len.saturating_add(size).saturating_add(2);
        }
        if !stated.contains(&name) {
            stated.push(name);
            statement.fact("memcached.command", name, offset + at);
        }
        if len > rest.len() { Framed::Cut } else { Framed::Whole(len) }
    });
    if messages.foreign {
        // `get` occurs in many protocols, so one line of another protocol refutes all.
        return Side::Other;
    }
    if certain { Side::Matches } else { Side::Perhaps }
}

/// Replies of one word, or of a word and a message.
const REPLIES: &[&[u8]] = &[
    b"STORED",
    b"NOT_STORED",
    b"EXISTS",
    b"NOT_FOUND",
    b"DELETED",
    b"TOUCHED",
    b"END",
    b"ERROR",
    b"OK",
    b"RESET",
    b"HD",
    b"EN",
    b"NF",
    b"NS",
    b"EX",
    b"MN",
    b"CLIENT_ERROR",
    b"SERVER_ERROR",
    b"VALUE",
    b"STAT",
    b"VERSION",
    b"VA",
];

fn replies(statement: &mut Statement<'_>, bytes: &[u8], offset: usize, requested: bool) -> Side {
    let mut certain = false;
    let mut stats = 0;
    let mut fits = false;
    let messages = read_messages(bytes, |rest, at| {
        let Some(line) = crlf_line(rest, LONGEST_LINE) else {
            let end = rest.iter().position(|b| matches!(b, b' ' | b'\r'));
            let name = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            let known = REPLIES
                .iter()
                .any(|known| if end.is_some() { *known == name } else { known.starts_with(name) });
            let text = rest.len() < LONGEST_LINE && rest.iter().all(|&b| b >= b' ' || b == b'\r');
            return if known && text || decimal(name).is_some() && rest.len() < 22 {
                Framed::Cut
            } else {
                Framed::Foreign
            };
        };
        let mut parts = words(line);
        let name = parts.next().unwrap_or_default();
        let count = parts.clone().count();
        let mut len = line.len() + 2;
        match name {
            b"VALUE" | b"VA" => {
                let (key, flags) = if name == b"VALUE" {
                    (parts.next(), parts.next())
                } else {
                    (Some(&b""[..]), Some(&b"0"[..]))
                };
                let size = parts.next().and_then(decimal);
                let (Some(size), true) =
                    (size, key.is_some_and(is_key) && flags.and_then(decimal).is_some())
                else {
                    return Framed::Foreign;
                };
                let tail = rest.get(len.saturating_add(size)..).unwrap_or_default();
                if !b"\r\n".starts_with(&tail[..tail.len().min(2)]) {
                    return Framed::Foreign;
                }
                certain |= name == b"VALUE";
                fits = true;
                len = len.saturating_add(size).saturating_add(2);
            }
            b"STAT" => {
                let (Some(key), true) = (parts.next(), count >= 1) else { return Framed::Foreign };
                stats += 1;
                if key == b"version" {
                    statement.fact(
                        "memcached.version",
                        parts.next().unwrap_or_default(),
                        offset + at + b"STAT version ".len(),
                    );
                }
                fits = true;
            }
            b"VERSION" if count >= 1 => {
                let version = parts.next().unwrap_or_default();
                if !version.first().is_some_and(u8::is_ascii_digit) {
                    return Framed::Foreign;
                }
                statement.fact("memcached.version", version, offset + at + b"VERSION ".len());
                fits = true;
            }
            b"CLIENT_ERROR" | b"SERVER_ERROR" if count >= 1 => fits = true,
            b"HD" | b"EN" | b"NF" | b"NS" | b"EX" | b"MN" => {}
            b"STORED" | b"NOT_STORED" | b"NOT_FOUND" | b"DELETED" | b"TOUCHED" | b"EXISTS"
            | b"END" | b"RESET"
                if count == 0 =>
            {
                fits = true;
            }
            b"OK" | b"ERROR" if count == 0 => {}
            _ if count == 0 && decimal(name).is_some() => {}
            _ => return Framed::Foreign,
        }
        if at == 0 {
            statement.fact("memcached.reply", name, offset);
        }
        if len > rest.len() { Framed::Cut } else { Framed::Whole(len) }
    });
    if certain || stats >= 2 || requested && fits && !messages.foreign {
        return Side::Matches;
    }
    if messages.foreign || messages.whole > 16 { Side::Other } else { Side::Perhaps }
}

/// The name of a binary operation and the bytes of extras that its request has.
fn operation(code: u8) -> Option<(&'static str, &'static [u8])> {
    Some(match code {
        0x00 => ("get", &[0]),
        0x01 => ("set", &[8]),
        0x02 => ("add", &[8]),
        0x03 => ("replace", &[8]),
        0x04 => ("delete", &[0]),
        0x05 => ("increment", &[20]),
        0x06 => ("decrement", &[20]),
        0x07 => ("quit", &[0]),
        0x08 => ("flush", &[0, 4]),
        0x09 => ("getq", &[0]),
        0x0a => ("noop", &[0]),
        0x0b => ("version", &[0]),
        0x0c => ("getk", &[0]),
        0x0d => ("getkq", &[0]),
        0x0e => ("append", &[0]),
        0x0f => ("prepend", &[0]),
        0x10 => ("stat", &[0]),
        0x11 => ("setq", &[8]),
        0x1c => ("touch", &[4]),
        0x1d => ("gat", &[4]),
        0x1f => ("hello", &[0]),
        0x20 => ("sasl-list-mechanisms", &[0]),
        0x21 => ("sasl-auth", &[0]),
        0x22 => ("sasl-step", &[0]),
        _ => return None,
    })
}

/// Judges a side of binary messages.
fn binary(statement: &mut Statement<'_>, bytes: &[u8], offset: usize) -> Side {
    let mut stated = None;
    let messages = read_messages(bytes, |rest, at| {
        let field = |from: usize| {
            rest.get(from..)
                .and_then(|field| field.first_chunk::<2>())
                .map(|b| u16::from_be_bytes(*b))
        };
        let magic = rest.first().copied().unwrap_or_default();
        let Some((name, extras)) = operation(rest.get(1).copied().unwrap_or_default()) else {
            return Framed::Foreign;
        };
        let request = match magic {
            0x80 => true,
            0x81 => false,
            _ => return Framed::Foreign,
        };
        statement.role(if request { Role::Client } else { Role::Server });
        if rest.get(5).is_some_and(|&kind| kind != 0) || rest.get(8).is_some_and(|&high| high != 0)
        {
            return Framed::Foreign;
        }
        let (Some(key), Some(&extra), Some(status)) = (field(2), rest.get(4), field(6)) else {
            return Framed::Cut;
        };
        let Some(body) =
            rest.get(8..).and_then(|b| b.first_chunk()).map(|b| u32::from_be_bytes(*b) as usize)
        else {
            return Framed::Cut;
        };
        let used = usize::from(key) + usize::from(extra);
        let plain = matches!(
            name,
            "get"
                | "getq"
                | "getk"
                | "getkq"
                | "delete"
                | "noop"
                | "quit"
                | "version"
                | "stat"
                | "touch"
                | "gat"
        );
        let fits = if request {
            let keyless =
                matches!(name, "noop" | "quit" | "version" | "flush" | "sasl-list-mechanisms");
            extras.contains(&extra)
                && usize::from(key) <= LONGEST_KEY
                && used <= body
                && (!plain || used == body)
                && (keyless && key == 0
                    || !keyless && (key > 0 || matches!(name, "stat" | "hello")))
        } else {
            let known = matches!(status, 0..=0x09 | 0x20..=0x25 | 0x81..=0x86);
            known
                && matches!(extra, 0 | 4)
                && used <= body
                && (status == 0 || key == 0 || status == 1)
        };
        if !fits {
            return Framed::Foreign;
        }
        if rest.len() < HEADER {
            return Framed::Cut;
        }
        if name == "hello" && request {
            statement.fact(
                "memcached.client",
                rest.get(HEADER..HEADER + usize::from(key)).unwrap_or_default(),
                offset + at + HEADER,
            );
        }
        if name == "version" && !request && status == 0 {
            statement.fact(
                "memcached.version",
                rest.get(HEADER..HEADER + body).unwrap_or_default(),
                offset + at + HEADER,
            );
        }
        if stated != Some(name) {
            stated = Some(name);
            statement.fact(
                if request { "memcached.command" } else { "memcached.reply" },
                name.as_bytes(),
                offset + at + 1,
            );
        }
        Framed::Whole(HEADER + body)
    });
    match (messages.foreign, stated) {
        (true, _) => Side::Other,
        (false, Some(_)) if messages.whole > 0 => Side::Matches,
        _ => Side::Perhaps,
    }
}

#[cfg(test)]
mod tests;
