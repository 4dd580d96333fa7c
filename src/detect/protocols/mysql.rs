//! `MySQL` client/server protocol, which `MariaDB` and many others use too: the server's greeting
//! of protocol 10 (3.21 and later) or 9, or an error in its place, and the client's login of protocol
//! 4.1.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_v10.html>,
//! <https://mariadb.com/kb/en/connection/>.
//!
//! Every packet begins with its length (3 bytes, little-endian) and its number. Greeting and login
//! have runs of zero bytes and must fit their length. Later packets have no fixed bytes, so a
//! conversation without its beginning is not recognised.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::starttls;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const HEADER: usize = 4;
/// Packets of the server behind its greeting that are read at most.
const ANSWERS: usize = 64;
/// Bytes of a greeting's, an error's or a login's payload that are awaited at most.
const LONGEST: usize = 2048;
/// Bytes of a greeting behind its version before 4.1.
const BEFORE_41: usize = 31;
/// Capabilities of client and server.
const CONNECT_WITH_DB: u32 = 1 << 3;
const PROTOCOL_41: u32 = 1 << 9;
const SSL: u32 = 1 << 11;
const SECURE_CONNECTION: u32 = 1 << 15;
const PLUGIN_AUTH_LENENC: u32 = 1 << 21;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Mysql, inspect)
    .tcp()
    .prefilter(
        Prefilter::ANY
            .skip(1)
            .then(&[0..=(LONGEST >> 8) as u8])
            .then(&[0..=0])
            .then(&[0..=1])
            .max_leading_zeros(3),
    )
    .facts(&[
        "mysql.version",
        "mysql.auth",
        "mysql.error",
        "mysql.request",
        "mysql.user",
        "mysql.database",
        "mysql.client",
        "mysql.program",
        "tls.sni",
        "tls.alpn",
        "tls.ja4",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x40\0\0\x01\x8d\xa6\xff\x01\0\0\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0ann\0\0app\0mysql_native_password\0\0",
            ],
            responder: &[
                b"\x64\0\0\0\x0a5.5.5-10.11.19-MariaDB-0+deb12u1\0\x03\0\0\0wfdB-wR7\0\xfe\xf7\x08\x02\0\xff\x81\x15\0\0\0\0\0\0\x1d\0\0\0\\KAFzSpYMVJM\0mysql_native_password\0",
                b"\x07\0\0\x02\0\0\0\x02\0\0\0",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x20\0\0\x01\x8f\xaa\x3a\0\xff\xff\xff\0\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                b"\x16\x03\x02\0\x97\x01\0\0\x93\x03\x02",
            ],
            responder: &[
                b"\x4a\0\0\0\x0a8.0.28\0\x1e\0\0\0P8RY=+\x14C\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0RH>wR\x05'\x09\x0c\x1b8@\0caching_sha2_password\0",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[],
            responder: &[b"\x3b\0\0\0\xff\x6a\x04Host '10.0.0.9' is not allowed to connect to this server"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[],
            responder: &[b"\x1d\0\0\0\xff\x10\x04#08004Too many connections"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Mysql, opening, depth, |statement| {
        let bytes = statement.stream.head();
        let len = bytes.iter().take(3).rev().fold(0, |len, &b| len << 8 | usize::from(b));
        // Four bytes are a header; fewer bytes must be the beginning of one.
        let possible = bytes.get(2).is_none_or(|&b| b == 0)
            && bytes.get(1).is_none_or(|&b| usize::from(b) <= LONGEST >> 8);
        match bytes.get(3) {
            _ if !possible => Side::Other,
            None => Side::Perhaps,
            Some(_) if !(9..=LONGEST).contains(&len) => Side::Other,
            Some(0) => match bytes.get(HEADER) {
                None => Side::Perhaps,
                Some(0x09 | 0x0a) => {
                    statement.role(Role::Server);
                    let side = greeting(statement, len).unwrap_or(Side::Other);
                    if side == Side::Matches {
                        count_answers(statement, HEADER + len);
                    }
                    side
                }
                Some(0xff) => {
                    statement.role(Role::Server);
                    error(statement, len).unwrap_or(Side::Other)
                }
                Some(_) => Side::Other,
            },
            Some(1) => {
                statement.role(Role::Client);
                login(statement, len).unwrap_or(Side::Other)
            }
            Some(_) => Side::Other,
        }
    })
}

/// Whether bytes are text without control characters whose first byte `first` accepts.
fn is_text(bytes: &[u8], first: impl Fn(u8) -> bool) -> bool {
    bytes.first().is_none_or(|&b| first(b)) && bytes.iter().all(|b| !b.is_ascii_control())
}

/// Judges a greeting of protocol 10; `None` where there is none.
fn greeting(statement: &mut Statement<'_>, len: usize) -> Option<Side> {
    let bytes = statement.stream.head();
    let version_at = HEADER + 1;
    let rest = bytes.get(version_at..)?;
    let version = &rest[..rest.iter().take(len).position(|&b| b == 0).unwrap_or(rest.len())];
    if version.len() > 200 || !is_text(version, |b| b.is_ascii_digit()) {
        return None;
    }
    let is_old = bytes.get(HEADER) == Some(&9);
    let Some(fixed) =
        bytes.get(..HEADER + len).and_then(|packet| packet.get(version_at + version.len() + 1..))
    else {
        return (bytes.len() < HEADER + len).then_some(Side::Perhaps);
    };
    if version.is_empty() {
        return None;
    }
    if is_old || fixed.len() <= BEFORE_41 {
        let fits = if is_old { is_greeting_9(fixed) } else { is_greeting_323(fixed) };
        fits.then(|| statement.fact("mysql.version", version, version_at));
        return fits.then_some(Side::Matches);
    }
    // Thread, 8 bytes of salt, zero, capabilities, character set, status, capabilities, length of
    // the salt, 6 zeros, and 4 bytes that MariaDB uses.
    let low = u16::from_le_bytes(*fixed.get(13..)?.first_chunk()?);
    let high = u16::from_le_bytes(*fixed.get(18..)?.first_chunk()?);
    let zeros = fixed.get(12) == Some(&0) && fixed.get(21..27)?.iter().all(|&b| b == 0);
    let capabilities = u32::from(high) << 16 | u32::from(low);
    if !zeros || capabilities & PROTOCOL_41 == 0 {
        return None;
    }
    let salt = usize::from(*fixed.get(20)?);
    let plugin = fixed.get(31 + salt.saturating_sub(8).max(13)..).filter(|rest| !rest.is_empty());
    let plugin = plugin.map(|name| name.strip_suffix(b"\0").unwrap_or(name));
    if plugin.is_some_and(|name| {
        name.is_empty() || !name.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'_')
    }) {
        return None;
    }
    statement.fact("mysql.version", version, version_at);
    if let Some(name) = plugin {
        statement.fact("mysql.auth", name, HEADER + len - name.len() - 1);
    }
    Some(Side::Matches)
}

/// Whether the part of a greeting behind its version is that of 3.21 to 4.0: thread, 8 bytes of salt,
/// zero, capabilities without those of 4.1, character set, status, 13 zeros. The oldest end with the
/// capabilities.
fn is_greeting_323(fixed: &[u8]) -> bool {
    let [salt @ .., 0, low, high] = fixed.get(4..15).unwrap_or_default() else { return false };
    let capabilities = u32::from(u16::from_le_bytes([*low, *high]));
    is_salt(salt)
        && capabilities & PROTOCOL_41 == 0
        && matches!(fixed.len(), 15 | BEFORE_41)
        && fixed.get(18..).unwrap_or_default().iter().all(|&b| b == 0)
}

/// Whether the part of a greeting behind its version is that of protocol 9: thread, a salt of eight
/// characters, zero.
fn is_greeting_9(fixed: &[u8]) -> bool {
    fixed.len() == 13 && fixed.last() == Some(&0) && fixed.get(4..12).is_some_and(is_salt)
}

/// Servers before 4.1 make their salts of printable characters.
fn is_salt(salt: &[u8]) -> bool {
    salt.iter().all(|b| (b' '..0x7f).contains(b))
}

/// Counts the answers behind the greeting, which ends at `at`: to the log-in and to commands, whose
/// answers begin with the number 1. States the first error.
fn count_answers(statement: &mut Statement<'_>, mut at: usize) {
    let bytes = statement.stream.head();
    let mut logged_in = false;
    for _ in 0..ANSWERS {
        let Some([a, b, c, number, payload @ ..]) = bytes.get(at..) else { return };
        let len = usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16;
        let Some(payload) = payload.get(..len) else { return };
        match payload {
            [0xff, low, high, text @ ..] => {
                let code = u16::from_le_bytes([*low, *high]);
                if !(1000..5000).contains(&code) || !is_text(text, |_| true) {
                    return;
                }
                if statement.answers.is_flawless() {
                    statement.fact("mysql.error", text, at + HEADER + 3);
                }
                statement.failed(&format!("MySQL {code}"), at);
            }
            [0, ..] if !logged_in => {
                logged_in = true;
                statement.answers.succeeded();
            }
            [_, ..] if *number == 1 => statement.answers.succeeded(),
            _ => {}
        }
        at += HEADER + len;
    }
}

/// Judges an error in place of the greeting, after which the server sends nothing.
fn error(statement: &mut Statement<'_>, len: usize) -> Option<Side> {
    let bytes = statement.stream.head();
    let text = bytes.get(HEADER + 3..).unwrap_or_default();
    let code = bytes
        .get(HEADER + 1..)
        .and_then(|rest| rest.first_chunk())
        .map(|code| u16::from_le_bytes(*code));
    let known = code.is_none_or(|code| (1000..5000).contains(&code));
    if !known
        || bytes.len() > HEADER + len
        || !is_text(text, |b| b.is_ascii_uppercase() || b == b'#')
    {
        return None;
    }
    if bytes.len() < HEADER + len {
        return Some(Side::Perhaps);
    }
    if text.len() < 12 || !text.contains(&b' ') {
        return None;
    }
    statement.fact("mysql.error", text, HEADER + 3);
    // Too many connections, or hosts that may not log in.
    statement.service_failed(&format!("MySQL {}", code.unwrap_or_default()), 0);
    Some(Side::Matches)
}

/// Judges the client's login of protocol 4.1, or the request for TLS that has its first 32 bytes.
fn login(statement: &mut Statement<'_>, len: usize) -> Option<Side> {
    let bytes = statement.stream.head();
    let payload = bytes.get(HEADER..).unwrap_or_default();
    let Some(capabilities) = payload.first_chunk().map(|b| u32::from_le_bytes(*b)) else {
        return Some(Side::Perhaps);
    };
    let filler = payload.get(9..payload.len().min(28)).unwrap_or_default();
    if len < 32 || capabilities & PROTOCOL_41 == 0 || !filler.iter().all(|&b| b == 0) {
        return None;
    }
    let Some(body) = payload.get(32..len) else { return Some(Side::Perhaps) };
    if body.is_empty() {
        statement.fact("mysql.request", b"SSLRequest", HEADER);
        starttls::state_hello(statement, HEADER + len);
        return (capabilities & SSL != 0).then_some(Side::Matches);
    }
    // A client waits for the server's answer to its login.
    if payload.len() > len {
        return None;
    }
    let user = word(body)?;
    let mut rest = body.get(user.len() + 1..)?;
    let answer = if capabilities & (SECURE_CONNECTION | PLUGIN_AUTH_LENENC) != 0 {
        1 + usize::from(*rest.first()?)
    } else {
        word(rest)?.len() + 1
    };
    rest = rest.get(answer..)?;
    let database = if capabilities & CONNECT_WITH_DB != 0 { word(rest)? } else { b"" };
    let offset = |part: &[u8]| part.as_ptr().addr().wrapping_sub(bytes.as_ptr().addr());
    statement.fact("mysql.user", user, offset(user));
    if !database.is_empty() {
        statement.fact("mysql.database", database, offset(database));
    }
    // Attributes are pairs of texts, each after a byte of length.
    for (name, fact) in
        [(&b"\x0c_client_name"[..], "mysql.client"), (b"\x0cprogram_name", "mysql.program")]
    {
        let value = rest.windows(name.len()).position(|window| window == name).and_then(|at| {
            let (&len, value) = rest.get(at + name.len()..)?.split_first()?;
            value.get(..usize::from(len))
        });
        if let Some(value) = value.filter(|value| !value.is_empty() && is_text(value, |_| true)) {
            statement.fact(fact, value, offset(value));
        }
    }
    Some(Side::Matches)
}

/// The text before a zero byte.
fn word(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(..bytes.iter().position(|&b| b == 0)?).filter(|word| is_text(word, |_| true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_says(bytes: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, &[], &[bytes]), Depth::Facts)
    }

    #[test]
    fn a_greeting_whose_fixed_bytes_are_not_zero_is_refused() {
        let mut greeting = DETECTOR.samples[1].responder[0].to_vec();
        assert!(matches!(server_says(&greeting), Detection::Yes(..)));
        let filler = HEADER + 1 + b"8.0.28\0".len() + 12;
        greeting[filler] = 1;
        assert_eq!(server_says(&greeting), Detection::No);
    }

    #[test]
    fn greetings_from_before_4_1_fit_their_length() {
        let v323 = b"\x2c\0\0\0\x0a3.23.58\0\x01\0\0\0aB3$eF6h\0\x2c\0\x08\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let mut v323 = v323.to_vec();
        v323[0] = (v323.len() - HEADER) as u8;
        let v9 = b"\x16\0\0\0\x093.20.32\0\x07\0\0\0aB3$eF6h\0";
        for (greeting, version) in [(&v323[..], "3.23.58"), (v9, "3.20.32")] {
            let Detection::Yes(found) = server_says(greeting) else { panic!("{version}") };
            assert_eq!(found.facts[0].value, version);
            for len in 1..greeting.len() {
                assert_eq!(server_says(&greeting[..len]), Detection::NeedMore, "{version} {len}");
            }
            let mut other = greeting.to_vec();
            other[0] += 1;
            other.push(0);
            assert_eq!(server_says(&other), Detection::No, "{version}");
            other.truncate(greeting.len());
            other[0] -= 1;
            other[18] = 0x80;
            assert_eq!(server_says(&other), Detection::No, "{version}");
        }
    }

    #[test]
    fn an_error_that_does_not_fit_its_length_is_refused() {
        assert_eq!(server_says(b"\x1c\0\0\0\xff\x10\x04#08004Too many connections"), Detection::No);
        assert_eq!(server_says(b"\x1d\0\0\0\xff\x10\x00#08004Too many connections"), Detection::No);
    }

    #[test]
    fn a_query_in_the_middle_of_a_conversation_proves_nothing() {
        let mut opening = Opening::new(Transport::Tcp);
        opening.push_for_test(b"\x11\0\0\0\x03select version()");
        assert_eq!(inspect(&opening, Depth::Facts), Detection::No);
    }
}
