//! The control protocol of Blackmagic's Videohub routers: «Videohub Developer Information»,
//! <https://documents.blackmagicdesign.com/DeveloperManuals/VideohubDeveloperInformation.pdf>. Text over
//! TCP, in blocks: a name in capitals and a colon, lines, an empty line.
//!
//! The router greets with its state. Other devices of the maker greet alike, but are no Videohub.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::lines;
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const PREAMBLE: &[u8] = b"PROTOCOL PREAMBLE:";
const DEVICE: &[u8] = b"VIDEOHUB DEVICE:";
/// Lines of a side that are read at most.
const READ: usize = 64;
/// Blocks of a side that are stated at most.
const STATED: usize = 8;

/// Blocks that a client sends, or a router behind its greeting.
const BLOCKS: [&[u8]; 5] = [
    b"VIDEO OUTPUT ROUTING:",
    b"VIDEO OUTPUT LOCKS:",
    b"VIDEO MONITORING OUTPUT ROUTING:",
    b"VIDEO MONITORING OUTPUT LOCKS:",
    DEVICE,
];
/// Blocks with names that others use too: they prove nothing without a greeting.
const COMMON: [&[u8]; 4] = [b"PING:", b"INPUT LABELS:", b"OUTPUT LABELS:", b"CONFIGURATION:"];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Videohub, inspect)
    .tcp()
    .prefilter(
        Prefilter::ANY
            .tcp_first_byte(&[b'P'..=b'P', b'V'..=b'V', b'I'..=b'I', b'O'..=b'O', b'C'..=b'C'])
            .then(&[b'R'..=b'R', b'I'..=b'I', b'N'..=b'O', b'U'..=b'U'])
            .then(&[b'O'..=b'O', b'D'..=b'D', b'N'..=b'N', b'P'..=b'P', b'T'..=b'T'])
            .then(&[b'T'..=b'U', b'E'..=b'G', b'P'..=b'P'])
            .then(&[b'O'..=b'O', b':'..=b':', b'T'..=b'U', b'I'..=b'I']),
    )
    .facts(&["videohub.block", "videohub.model", "videohub.name", "videohub.version"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"PING:\n\n", b"VIDEO OUTPUT ROUTING:\n3 1\n\n"],
            responder: &[
                b"PROTOCOL PREAMBLE:\nVersion: 2.8\n\nVIDEOHUB DEVICE:\nDevice present: true\nModel name: Quay Router 10x10\nFriendly name: Loft\nVideo inputs: 10\n\n",
                b"END PRELUDE:\n\n",
                b"ACK\n\n",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"VIDEO OUTPUT LOCKS:\n\n"],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let greets = opening.sides().any(|(_, stream)| stream.head().starts_with(PREAMBLE));
    combine(Protocol::Videohub, opening, depth, |statement| {
        let bytes = statement.stream.head();
        match bytes {
            [b'P'] => Side::Perhaps,
            [b'P', b'R', ..] => router(statement, bytes),
            [b'P' | b'V' | b'I' | b'O' | b'C', ..] => blocks(statement, bytes, greets),
            _ => Side::Other,
        }
    })
}

/// Reads the greeting: its version, then the block of the device.
fn router(statement: &mut Statement<'_>, bytes: &[u8]) -> Side {
    let known = bytes.len().min(PREAMBLE.len());
    if bytes[..known] != PREAMBLE[..known] {
        return Side::Other;
    }
    let mut judgement = Side::Perhaps;
    for (i, line) in lines::whole_lines(bytes).take(READ).enumerate() {
        match i {
            0 if line.text == PREAMBLE => continue,
            0 => return Side::Other,
            _ => {}
        }
        let is_name = line.text.ends_with(b":") && !line.text.contains(&b' ')
            || line.text.ends_with(b" DEVICE:");
        if line.text == DEVICE {
            statement.role(Role::Server);
            judgement = Side::Matches;
        } else if is_name && judgement == Side::Perhaps {
            return Side::Other;
        } else if line.text.is_empty() && statement.facts.iter().any(|f| f.name.is("videohub.name"))
        {
            break;
        }
        for (name, fact) in [
            (&b"Version: "[..], "videohub.version"),
            (b"Model name: ", "videohub.model"),
            (b"Friendly name: ", "videohub.name"),
        ] {
            if let Some(value) = line.text.strip_prefix(name).filter(|value| !value.is_empty()) {
                statement.fact(fact, value, line.at + name.len());
            }
        }
    }
    if judgement == Side::Perhaps && lines::whole_lines(bytes).nth(READ).is_some() {
        return Side::Other;
    }
    judgement
}

/// Judges blocks without a greeting before them; `greets`: the other side has sent one.
fn blocks(statement: &mut Statement<'_>, bytes: &[u8], greets: bool) -> Side {
    let begins = |block: &&[u8]| bytes.iter().zip(*block).all(|(a, b)| a == b);
    if !BLOCKS.iter().chain(&COMMON).any(begins) {
        return Side::Other;
    }
    let mut lines = lines::whole_lines(bytes).take(READ);
    let Some(first) = lines.next() else { return Side::Perhaps };
    let is_own = BLOCKS.contains(&first.text);
    if !is_own && !COMMON.contains(&first.text) {
        return Side::Other;
    }
    let Some(second) = lines.next() else { return Side::Perhaps };
    let is_row = second.text.first().is_none_or(u8::is_ascii_digit)
        || second.text.starts_with(b"Device present: ")
        || second.text.starts_with(b"Take Mode: ");
    if !is_row {
        return Side::Other;
    }
    if !is_own && !greets {
        return Side::Perhaps;
    }
    if greets || first.text == b"PING:" || second.text.is_empty() {
        statement.role(Role::Client);
    }
    let is_name = |text: &[u8]| BLOCKS.contains(&text) || COMMON.contains(&text);
    let names = lines::whole_lines(bytes).take(READ).filter(|line| is_name(line.text));
    for line in names.take(STATED) {
        statement.fact("videohub.block", &line.text[..line.text.len() - 1], line.at);
    }
    Side::Matches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, initiator, responder), Depth::Facts)
    }

    #[test]
    fn other_devices_and_headings_are_no_videohub() {
        for bytes in [
            &b"PROTOCOL PREAMBLE:\nVersion: 1.3\n\nSMARTVIEW DEVICE:\nModel: SmartView\n\n"[..],
            b"PROTOCOL:\n",
            b"PROPFIND / HTTP/1.1\r\n",
            b"VIDEO OUTPUT ROUTING: see page 4\n\n",
            b"VIDEO OUTPUT ROUTING:\nsee page 4\n",
            b"PING\r\n",
        ] {
            assert_eq!(detect(&[], &[bytes]), Detection::No, "{}", bytes.escape_ascii());
        }
        assert_eq!(detect(&[b"PING:\n\n"], &[]), Detection::NeedMore);
    }

    #[test]
    fn a_preamble_alone_waits_for_the_device() {
        let begun = b"PROTOCOL PREAMBLE:\nVersion: 2.8\n\n";
        assert_eq!(detect(&[], &[begun]), Detection::NeedMore);
        let long = [&begun[..], &b"Note: x\n".repeat(80)].concat();
        assert_eq!(detect(&[], &[&long]), Detection::No);
    }
}
