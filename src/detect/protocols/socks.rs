//! SOCKS: version 5, RFC 1928 (log-in: RFC 1929); version 4,
//! <https://www.openssh.com/txt/socks4.protocol>, and 4a, <https://www.openssh.com/txt/socks4a.protocol>.
//!
//! The messages are short and have few fixed bytes, so a side alone proves nothing: SOCKS 5 is a
//! list of methods and the choice of one of them, or the list and a whole request; SOCKS 4 is a
//! request and its reply, or a request with a host name (4a). Names and passwords are not stated.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine_by_role};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const FIVE: u8 = 5;
const FOUR: u8 = 4;
/// The method that none was accepted.
const NONE_ACCEPTED: u8 = 0xff;
/// The method of a name and password.
const PASSWORD: u8 = 2;
/// Bytes of a name at most.
const LONGEST: usize = 255;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Socks, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[FOUR..=FIVE]))
    .facts(&["socks.version", "socks.method", "socks.command", "socks.target", "socks.reply"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x05\x02\0\x02", b"\x05\x01\0\x03\x0fwww.example.org\x01\xbb"],
            responder: &[b"\x05\0", b"\x05\0\0\x01\xc0\0\x02\x07\x9c\x40"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x05\x01\x02",
                b"\x01\x04user\x06secret",
                b"\x05\x01\0\x01\xc0\0\x02\x07\0\x50",
            ],
            responder: &[b"\x05\x02", b"\x01\0", b"\x05\x05\0\x01\0\0\0\0\0\0"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x04\x01\0\x50\xc0\0\x02\x07user\0"],
            responder: &[b"\0\x5a\0\x50\xc0\0\x02\x07"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x04\x01\x01\xbb\0\0\0\x01\0www.example.org\0"],
            responder: &[],
        },
    ]);

/// What the client requested.
#[derive(Default)]
enum SocksClient {
    /// Nothing, or no SOCKS.
    #[default]
    Silent,
    /// A request of version 4 that may be cut.
    Four,
    /// Methods of version 5.
    Five(Vec<u8>),
}

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine_by_role(Protocol::Socks, opening, depth, |statement, client| match statement.read_as {
        Role::Client => request(statement, client),
        Role::Server => response(statement, client),
    })
}

fn request(statement: &mut Statement<'_>, client: &mut SocksClient) -> Side {
    let stream = statement.stream;
    match stream.head() {
        [] => Side::Perhaps,
        [FOUR, rest @ ..] => {
            let side = request_of_four(statement, rest);
            if side != Side::Other {
                *client = SocksClient::Four;
            }
            side
        }
        [FIVE] => {
            *client = SocksClient::Five(Vec::new());
            Side::Perhaps
        }
        [FIVE, count @ 1..=255, rest @ ..] => {
            let count = usize::from(*count);
            let methods = &rest[..rest.len().min(count)];
            let is_list = methods.iter().enumerate().all(|(i, method)| {
                matches!(method, 0..=9 | 0x80..=0xfe) && !methods[..i].contains(method)
            });
            if !is_list {
                return Side::Other;
            }
            *client = SocksClient::Five(methods.to_vec());
            let Some(rest) = rest.get(count..) else { return Side::Perhaps };
            if !rest.is_empty() || methods.len() == count {
                statement.fact("socks.version", b"5", 0);
            }
            behind_methods(statement, rest, 2 + count, methods)
        }
        _ => Side::Other,
    }
}

/// What a client sends behind its methods: perhaps its name and password, then a request. Other
/// methods have messages of their own, of any form.
fn behind_methods(statement: &mut Statement<'_>, rest: &[u8], at: usize, methods: &[u8]) -> Side {
    let mut at = at;
    let mut rest = rest;
    if let [1, name_len, more @ ..] = rest
        && methods.contains(&PASSWORD)
    {
        let name_len = usize::from(*name_len);
        let Some(&password_len) = more.get(name_len) else { return Side::Perhaps };
        let len = 3 + name_len + usize::from(password_len);
        let Some(behind) = rest.get(len..) else { return Side::Perhaps };
        at += len;
        rest = behind;
    }
    match rest {
        [] | [FIVE] | [FIVE, 1..=3] | [FIVE, 1..=3, 0] => Side::Perhaps,
        [1] if methods.contains(&PASSWORD) => Side::Perhaps,
        [FIVE, command @ 1..=3, 0, address @ ..] => match target(address) {
            Err(()) => Side::Other,
            Ok(None) => Side::Perhaps,
            Ok(Some(target)) => {
                statement.fact("socks.command", command_name(*command), at + 1);
                statement.fact_text("socks.target", target, at + 3);
                Side::Matches
            }
        },
        _ if methods.iter().all(|method| matches!(*method, 0 | PASSWORD)) => Side::Other,
        _ => Side::Perhaps,
    }
}

const fn command_name(command: u8) -> &'static [u8] {
    match command {
        1 => b"connect",
        2 => b"bind",
        _ => b"udp-associate",
    }
}

/// An address with its port; `Ok(None)` where it is cut.
fn target(address: &[u8]) -> Result<Option<String>, ()> {
    let Some((&kind, rest)) = address.split_first() else { return Ok(None) };
    let len = match (kind, rest.first()) {
        (1, _) => 4,
        (4, _) => 16,
        (3, None) => return Ok(None),
        (3, Some(&len @ 1..)) => usize::from(len),
        _ => return Err(()),
    };
    let rest = if kind == 3 { rest.get(1..).unwrap_or_default() } else { rest };
    let host = &rest[..rest.len().min(len)];
    if kind == 3 && !is_host(host) {
        return Err(());
    }
    let Some(port) = rest.get(len..).and_then(|rest| rest.first_chunk()) else { return Ok(None) };
    let port = u16::from_be_bytes(*port);
    Ok(Some(if let Some(v4) = host.first_chunk::<4>().filter(|_| kind == 1) {
        format!("{}:{port}", std::net::Ipv4Addr::from(*v4))
    } else if let Some(v6) = host.first_chunk::<16>().filter(|_| kind == 4) {
        format!("[{}]:{port}", std::net::Ipv6Addr::from(*v6))
    } else {
        format!("{}:{port}", String::from_utf8_lossy(host))
    }))
}

fn is_host(host: &[u8]) -> bool {
    host.iter().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(b))
}

/// A request of version 4: command, port, address, the user's name and a zero; in 4a the address is
/// 0.0.0.x, and the name of the host and a zero follow.
fn request_of_four(statement: &mut Statement<'_>, rest: &[u8]) -> Side {
    if rest.first().is_some_and(|command| !matches!(command, 1 | 2)) {
        return Side::Other;
    }
    let [command, high, low, a, b, c, d, text @ ..] = rest else { return Side::Perhaps };
    let port = u16::from_be_bytes([*high, *low]);
    let mut parts = text.splitn(2, |&byte| byte == 0);
    let (user, behind) = (parts.next().unwrap_or_default(), parts.next());
    if port == 0 && *command == 1
        || user.len() > LONGEST
        || !user.iter().all(|byte| (b' '..0x7f).contains(byte))
    {
        return Side::Other;
    }
    let Some(behind) = behind else { return Side::Perhaps };
    let (host, side) = match ([a, b, c, d], behind) {
        ([0, 0, 0, 1..=255], _) => {
            let mut parts = behind.splitn(2, |&byte| byte == 0);
            let host = parts.next().unwrap_or_default();
            if host.len() > LONGEST || !is_host(host) {
                return Side::Other;
            }
            if parts.next().is_none() {
                return Side::Perhaps;
            }
            if host.is_empty() {
                return Side::Other;
            }
            let named = host.contains(&b'.') && host.len() >= ENOUGH;
            let side = if named { Side::Matches } else { Side::Perhaps };
            (String::from_utf8_lossy(host).into_owned(), side)
        }
        ([0, ..], _) => return Side::Other,
        _ => (format!("{a}.{b}.{c}.{d}"), Side::Perhaps),
    };
    statement.fact("socks.version", b"4", 0);
    statement.fact("socks.command", command_name(*command), 1);
    statement.fact_text("socks.target", format!("{host}:{port}"), 2);
    side
}

/// Bytes of a host's name that prove version 4a.
const ENOUGH: usize = 4;

fn response(statement: &mut Statement<'_>, client: &SocksClient) -> Side {
    let stream = statement.stream;
    let bytes = stream.head();
    match client {
        // An answer alone has too few fixed bytes.
        SocksClient::Silent if bytes.first().is_none_or(|&b| b == FIVE) => Side::Perhaps,
        SocksClient::Silent => Side::Other,
        SocksClient::Four => match bytes {
            [] | [0] => Side::Perhaps,
            [0, code @ 0x5a..=0x5d, ..] => {
                if bytes.len() < 8 {
                    return Side::Perhaps;
                }
                statement.fact(
                    "socks.reply",
                    if *code == 0x5a { b"granted" } else { b"refused" },
                    1,
                );
                Side::Matches
            }
            _ => Side::Other,
        },
        SocksClient::Five(methods) => choice(statement, bytes, methods),
    }
}

/// The server's choice of a method and its reply to a request.
fn choice(statement: &mut Statement<'_>, bytes: &[u8], methods: &[u8]) -> Side {
    let (method, rest) = match bytes {
        [] | [FIVE] => return Side::Perhaps,
        [FIVE, method, rest @ ..] if methods.contains(method) || *method == NONE_ACCEPTED => {
            (*method, rest)
        }
        _ => return Side::Other,
    };
    let name: &[u8] = match method {
        0 => b"none",
        1 => b"gssapi",
        PASSWORD => b"password",
        NONE_ACCEPTED => b"refused",
        _ => b"other",
    };
    // The status of a log-in, RFC 1929, section 2.
    let (at, reply) = match rest {
        [1, _, reply @ ..] if method == PASSWORD => (4, reply),
        [1] if method == PASSWORD => (4, &[][..]),
        _ => (2, rest),
    };
    match reply {
        [] | [FIVE] => {}
        [FIVE, code @ 0..=8, more @ ..]
            if more.first().is_none_or(|&reserved| reserved == 0)
                && more.get(1).is_none_or(|kind| matches!(kind, 1 | 3 | 4)) =>
        {
            let text: &[u8] = match code {
                0 => b"succeeded",
                1 => b"general failure",
                2 => b"not allowed",
                3 => b"network unreachable",
                4 => b"host unreachable",
                5 => b"connection refused",
                6 => b"time to live expired",
                7 => b"command not supported",
                _ => b"address type not supported",
            };
            statement.fact("socks.reply", text, at + 1);
        }
        _ if matches!(method, 0 | PASSWORD | NONE_ACCEPTED) => return Side::Other,
        _ => {}
    }
    statement.fact("socks.method", name, 1);
    Side::Matches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, initiator, responder), Depth::Facts)
    }

    #[test]
    fn one_greeting_or_one_request_of_version_4_proves_nothing() {
        assert_eq!(detect(&[b"\x05\x01\0"], &[]), Detection::NeedMore);
        assert_eq!(detect(&[], &[b"\x05\0"]), Detection::NeedMore);
        assert_eq!(detect(&[b"\x04\x01\0\x50\xc0\0\x02\x07\0"], &[]), Detection::NeedMore);
    }

    #[test]
    fn the_server_must_choose_what_was_offered() {
        assert_eq!(detect(&[b"\x05\x01\0"], &[b"\x05\x02"]), Detection::No);
        assert_eq!(detect(&[b"\x05\x01\0"], &[b"\x05\0HTTP/1.1 200 OK\r\n"]), Detection::No);
        assert!(matches!(detect(&[b"\x05\x01\x02"], &[b"\x05\xff"]), Detection::Yes(_)));
    }

    #[test]
    fn other_messages_that_begin_with_4_or_5_are_not_socks() {
        for bytes in [
            &b"\x05\0\x0b\x03\x10\0\0\0\x48\0\0\0\x01\0\0\0"[..], // DCE/RPC
            b"\x05\x64\x05\xc0\x01\0\0\x04\xe9\x21",              // DNP3
            b"\x04\x01\0\0\0\0\0\0\0",
            b"\x04\x03\0\x50\xc0\0\x02\x07\0",
            b"\x05\x02\0\0\0\0\0\0",
        ] {
            assert_eq!(detect(&[bytes], &[]), Detection::No, "{bytes:?}");
        }
    }

    #[test]
    fn no_name_or_password_is_stated() {
        let Detection::Yes(found) = detect(
            &[b"\x05\x01\x02", b"\x01\x04user\x06secret", b"\x05\x01\0\x01\xc0\0\x02\x07\0\x50"],
            &[b"\x05\x02\x01\0"],
        ) else {
            panic!()
        };
        assert!(found.facts.iter().any(|fact| fact.value == "192.0.2.7:80"));
        assert!(
            !found.facts.iter().any(|f| f.value.contains("user") || f.value.contains("secret"))
        );
    }
}
