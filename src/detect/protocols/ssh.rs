//! SSH: the identification string, RFC 4253, section 4.2. Lines that a server may send before it
//! are not supported: no server is known to send any, and any text would have to be awaited.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{PATIENCE, Side, Statement, combine, is_guessed};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const PREFIX: &[u8] = b"SSH-";
/// The message with which a key exchange begins (RFC 4253, section 7.1).
const KEXINIT: u8 = 20;
/// Bytes of the identification string with its line end at most.
const LONGEST: usize = 255;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Ssh, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[b'S'..=b'S']))
    .first_words()
    .facts(&["ssh.version", "ssh.software"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"],
            responder: &[
                b"SSH-2.0-dropbear_2022.83\r\n",
                b"\x00\x00\x01\x4c\x0a\x14rest of the key exchange",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[],
            responder: &[b"SSH-1.99-Cisco-1.25\n"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    match combine(Protocol::Ssh, opening, depth, identification) {
        // Both sides begin alike; the key exchange tells who is the client.
        Detection::Yes(recognition)
            if recognition.roles == [None; 2]
                && is_guessed(opening)
                && opening.pushes() < PATIENCE =>
        {
            Detection::Partly(recognition)
        }
        detection => detection,
    }
}

/// The role of a side by the first message after its KEXINIT: RFC 4253, section 8; RFC 5656, section
/// 7.1; RFC 4419, section 5. `packets`: what follows the identification string.
fn key_exchange(packets: &[u8]) -> Option<Role> {
    let mut rest = packets;
    loop {
        let [a, b, c, d, _, message, ..] = *rest else { return None };
        match message {
            KEXINIT => {}
            30 | 32 | 34 => return Some(Role::Client),
            31 | 33 => return Some(Role::Server),
            _ => return None,
        }
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        rest = rest.get(len.checked_add(4)?..)?;
    }
}

fn identification(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let known = bytes.len().min(PREFIX.len());
    if bytes[..known] != PREFIX[..known] {
        return Side::Other;
    }
    let Some(end) = bytes.iter().take(LONGEST).position(|&b| b == b'\n') else {
        return if bytes.len() < LONGEST
            && bytes.iter().all(|b| (0x20..0x7f).contains(b) || *b == b'\r')
        {
            Side::Perhaps
        } else {
            Side::Other
        };
    };
    let line = bytes[PREFIX.len()..end].trim_ascii_end();
    let mut parts = line.splitn(2, |&b| b == b'-');
    let (Some(version), Some(software)) = (parts.next(), parts.next()) else { return Side::Other };
    if version.is_empty() || !version.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
        return Side::Other;
    }
    if version.starts_with(b"2") || version == b"1.99" {
        let role = key_exchange(bytes.get(end + 1..).unwrap_or_default());
        role.into_iter().for_each(|role| statement.role(role));
    }
    // A comment may follow after a space.
    let software_only = software.split(|&b| b == b' ').next().unwrap_or(software);
    statement.fact("ssh.version", version, PREFIX.len());
    statement.fact("ssh.software", software_only, PREFIX.len() + version.len() + 1);
    Side::Matches
}
