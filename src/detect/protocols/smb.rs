//! SMB over TCP: MS-CIFS (`ff 53 4d 42`) and MS-SMB2 (`fe 53 4d 42`), each message after the four
//! bytes of a `NetBIOS` session (RFC 1002, section 4.3.1; MS-SMB2, section 2.1), which a session
//! request and its answer may open.
//!
//! The header of SMB2 has its own size, that of SMB1 a command that exists; both must fit the
//! message's length. The negotiation is stated. Encrypted and compressed messages of SMB3 (`fd 53 4d
//! 42`, `fc 53 4d 42`; MS-SMB2, sections 2.2.41 and 2.2.42) are known by the sizes and flags in
//! their headers.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const PREFIX: usize = 4;
const SMB1_HEADER: usize = 32;
const SMB2_HEADER: usize = 64;
const ENCRYPTED_HEADER: usize = 52;
const COMPRESSED_HEADER: usize = 16;
/// Bytes of a message that is compressed at most: the largest transfer, and its header.
const LONGEST_COMPRESSED: usize = (8 << 20) + 4096;
/// A session request: two names of 34 bytes.
const SESSION_REQUEST: usize = 68;
/// Bytes of a first message that is awaited as a whole.
const FIRST: usize = 2048;
const NEGOTIATE_1: u8 = 0x72;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Smb, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[0..=0, 0x81..=0x82]).max_leading_zeros(4))
    .first_words()
    .facts(&["smb.version", "smb.command", "smb.offered", "smb.dialect"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\0\0\0\x2f\xffSMB\x72\0\0\0\0\x18\x01\x28\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\x0c\0\x02NT LM 0.12\0"],
            responder: &[b"\0\0\0\x25\xffSMB\x72\0\0\0\0\x98\x01\x28\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\x01\0\0\0\0"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x81\0\0\x44\x20CKFDENECFDEFFCFGEFFCCACACACACACA\0\x20FHEJEOCACACACACACACACACACACACAAA\0",
                b"\0\0\0\x66\xfeSMB\x40\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x24\0\x02\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\x02\x11\x03",
            ],
            responder: &[
                b"\x82\0\0\0",
                b"\0\0\0\x46\xfeSMB\x40\0\0\0\0\0\0\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x41\0\x01\0\x11\x03",
            ],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Smb, opening, depth, session)
}

fn session(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let at = match bytes.first() {
        Some(0) => 0,
        Some(0x81) => {
            let fits =
                bytes.iter().take(PREFIX + SESSION_REQUEST).enumerate().all(|(i, &byte)| match i {
                    0 => true,
                    1 | 2 | 37 | 71 => byte == 0,
                    3 => usize::from(byte) == SESSION_REQUEST,
                    4 | 38 => byte == 0x20,
                    _ => (b'A'..=b'P').contains(&byte),
                });
            if !fits {
                return Side::Other;
            }
            PREFIX + SESSION_REQUEST
        }
        Some(0x82) if bytes.iter().take(PREFIX).skip(1).all(|&b| b == 0) => PREFIX,
        _ => return Side::Other,
    };
    let rest = bytes.get(at..).unwrap_or_default();
    message(statement, rest, at)
}

fn message(statement: &mut Statement<'_>, bytes: &[u8], at: usize) -> Side {
    let fits = bytes.iter().take(PREFIX + 4).enumerate().all(|(i, &byte)| match i {
        0 => byte == 0,
        4 => matches!(byte, 0xfc..=0xff),
        5 => byte == b'S',
        6 => byte == b'M',
        7 => byte == b'B',
        _ => true,
    });
    if !fits {
        return Side::Other;
    }
    let Some(&[_, high, middle, low, kind]) = bytes.first_chunk() else { return Side::Perhaps };
    let len = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
    let body = &bytes[PREFIX..bytes.len().min(PREFIX + len)];
    if matches!(kind, 0xfc | 0xfd) {
        return transformed(statement, body, len, at);
    }
    let header = if kind == 0xff { SMB1_HEADER } else { SMB2_HEADER };
    if len < header + 3 {
        return Side::Other;
    }
    if body.len() < header || body.len() < len && len <= FIRST {
        return Side::Perhaps;
    }
    let name = if kind == 0xff { command_1(body[4]) } else { command_2(body) };
    let Some(name) = name else { return Side::Other };
    // The flag of an answer: of SMB1 in one byte, of SMB2 in the first of four.
    let answers = if kind == 0xff { body[9] & 0x80 != 0 } else { body[16] & 1 != 0 };
    statement.role(if answers { Role::Server } else { Role::Client });
    let version: &[u8] = if kind == 0xff { b"1" } else { b"2" };
    statement.fact("smb.version", version, at + PREFIX);
    statement.fact("smb.command", name.as_bytes(), at + PREFIX);
    if name == "negotiate" {
        let at = at + PREFIX + header;
        match (kind, answers) {
            (0xff, false) => offer_1(statement, &body[header..], at),
            (0xff, true) => {
                let index = body
                    .get(header + 1..header + 3)
                    .map_or(usize::MAX, |index| usize::from(index[1]) << 8 | usize::from(index[0]));
                let offered = statement
                    .facts
                    .iter()
                    .filter(|fact| fact.name.stem == "smb.offered")
                    .nth(index);
                if let Some(dialect) = offered.map(|fact| fact.value.clone()) {
                    statement.fact("smb.dialect", dialect.as_bytes(), at);
                }
            }
            (_, false) => {
                let count = body.get(header + 2).map_or(0, |&count| usize::from(count));
                for dialect in
                    body.get(header + 36..).unwrap_or_default().chunks_exact(2).take(count)
                {
                    statement.fact("smb.offered", dialect_2(dialect).as_bytes(), at);
                }
            }
            (_, true) => {
                if let Some(dialect) = body.get(header + 4..header + 6) {
                    statement.fact("smb.dialect", dialect_2(dialect).as_bytes(), at);
                }
            }
        }
    }
    Side::Matches
}

/// Judges an encrypted or a compressed message of `len` bytes, whose header must fit it.
fn transformed(statement: &mut Statement<'_>, body: &[u8], len: usize, at: usize) -> Side {
    let word = |at: usize| body.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b));
    let size = |at: usize| body.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b) as usize);
    let is_encrypted = body.first() == Some(&0xfd);
    let header = if is_encrypted { ENCRYPTED_HEADER } else { COMPRESSED_HEADER };
    if body.len() < header {
        return if body.len() < len { Side::Perhaps } else { Side::Other };
    }
    let fits = if is_encrypted {
        // Size of the message, a reserved word, the flag that it is encrypted.
        size(36) == len.checked_sub(header)
            && len >= header + SMB2_HEADER
            && word(40) == Some(0)
            && word(42) == Some(1)
    } else {
        // Size of the compressed part, algorithm, chained or not, and the offset of that part.
        size(4).is_some_and(|size| (1..=LONGEST_COMPRESSED).contains(&size))
            && word(8).is_some_and(|algorithm| algorithm <= 5)
            && match word(10) {
                Some(0) => {
                    size(12).is_some_and(|offset| header + offset < len) && word(8) != Some(0)
                }
                Some(1) => len > header,
                _ => false,
            }
    };
    if !fits {
        return Side::Other;
    }
    let name: &[u8] = if is_encrypted { b"encrypted" } else { b"compressed" };
    statement.fact("smb.version", b"3", at + PREFIX);
    statement.fact("smb.command", name, at + PREFIX);
    Side::Matches
}

/// States the dialects of SMB1's NEGOTIATE: each is a 2, a name and a zero.
fn offer_1(statement: &mut Statement<'_>, body: &[u8], at: usize) {
    let names = body.get(3..).unwrap_or_default().split(|&b| b == 0);
    for name in names.filter_map(|name| name.strip_prefix(b"\x02")) {
        statement.fact("smb.offered", name, at);
    }
}

/// A command of SMB1 (MS-CIFS, section 2.2.2.1), by name where current clients send it.
fn command_1(code: u8) -> Option<&'static str> {
    Some(match code {
        NEGOTIATE_1 => "negotiate",
        0x73 => "session-setup",
        0x74 => "logoff",
        0x70 | 0x75 => "tree-connect",
        0x71 => "tree-disconnect",
        0x25 | 0x26 => "transaction",
        0x32 | 0x33 => "transaction2",
        0xa0 | 0xa1 => "nt-transaction",
        0x02 | 0x2d | 0xa2 => "open",
        0x04 => "close",
        0x0a | 0x2e => "read",
        0x0b | 0x2f => "write",
        0x2b => "echo",
        0x00..=0x36 | 0x72..=0x7f | 0x80..=0x84 | 0xa3..=0xa5 | 0xc0..=0xc3 => "other",
        _ => return None,
    })
}

/// A command of SMB2 (MS-SMB2, section 2.2.1), whose header has the size 64.
fn command_2(header: &[u8]) -> Option<&'static str> {
    const COMMANDS: [&str; 20] = [
        "negotiate",
        "session-setup",
        "logoff",
        "tree-connect",
        "tree-disconnect",
        "create",
        "close",
        "flush",
        "read",
        "write",
        "lock",
        "ioctl",
        "cancel",
        "echo",
        "query-directory",
        "change-notify",
        "query-info",
        "set-info",
        "oplock-break",
        "notification",
    ];
    match header {
        [0xfe, _, _, _, 64, 0, _, _, _, _, _, _, command, 0, ..] => {
            COMMANDS.get(usize::from(*command)).copied()
        }
        _ => None,
    }
}

fn dialect_2(dialect: &[u8]) -> String {
    match dialect {
        [0xff, 0x02] => "2.???".to_owned(),
        [low, high] => format!("{high}.{}.{}", low >> 4, low & 0x0f),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(bytes: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, &[bytes], &[]), Depth::Facts)
    }

    #[test]
    fn the_four_letters_alone_are_not_smb() {
        assert_eq!(detect(b"\0\0\0\x04\xffSMB"), Detection::No);
        assert_eq!(detect(&[&b"\0\0\0\x44\xfeSMB\x41\0"[..], &[0; 64]].concat()), Detection::No);
        assert_eq!(detect(&[&b"\0\0\0\x24\xffSMB\xee"[..], &[0; 31]].concat()), Detection::No);
        assert_eq!(detect(&[&b"\0\0\0\x44\xfdSMB\x40\0"[..], &[0; 64]].concat()), Detection::No);
    }

    #[test]
    fn encrypted_and_compressed_messages_fit_their_headers() {
        let mut encrypted = [&b"\0\0\0\x88\xfdSMB"[..], &[7; 32]].concat();
        encrypted.extend(b"\x54\0\0\0\0\0\x01\0sessions");
        encrypted.extend([9; 84]);
        let compressed =
            [&b"\0\0\0\x60\xfcSMB\0\x10\0\0\x03\0\0\0\x10\0\0\0"[..], &[9; 80]].concat();
        for (message, name, damage) in
            [(&encrypted, "encrypted", 40), (&compressed, "compressed", 12)]
        {
            for (len, wanted) in [(message.len(), true), (60, true), (19, false)] {
                let detection = detect(&message[..len]);
                assert_eq!(matches!(detection, Detection::Yes(..)), wanted, "{name} {len}");
                assert_ne!(detection, Detection::No);
            }
            let Detection::Yes(found) = detect(message) else { panic!("{name}") };
            assert_eq!((found.facts[1].value.as_str(), found.roles), (name, [None; 2]));
            let mut other = message.clone();
            other[damage] = 0xee;
            assert_eq!(detect(&other), Detection::No, "{name}");
        }
    }

    #[test]
    fn a_netbios_session_alone_is_not_smb() {
        let request = DETECTOR.samples[1].initiator[0];
        assert_eq!(
            inspect(
                &Opening::from_payloads(Transport::Tcp, &[request], &[b"\x82\0\0\0"]),
                Depth::Facts
            ),
            Detection::NeedMore
        );
        assert_eq!(
            inspect(
                &Opening::from_payloads(Transport::Tcp, &[request], &[b"\x83\0\0\x01\x82"]),
                Depth::Facts
            ),
            Detection::No
        );
    }
}
