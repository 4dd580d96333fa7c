//! CITP, the Controller Interface Transport Protocol, version 1:
//! <http://www.citp-protocol.org/>, sections «CITP, base layer», «PINF», «SDMX» and «MSEX».
//! Lighting consoles, media servers and visualisers announce themselves to a group and talk over TCP.
//!
//! A message begins with a cookie of four letters, its version, size and part, and the cookies of
//! its layer and of its kind. Numbers are little-endian.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, by_datagram, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const COOKIE: &[u8] = b"CITP\x01\0";
/// Bytes up to the cookie of the layer, and with it.
const LAYER: usize = 16;
const HEADER: usize = 20;
/// Bytes of a message at most: a picture of a stream.
const LONGEST: u32 = 1 << 24;
/// Messages of a side that are read at most.
const READ: usize = 8;
/// Bytes of a name at most.
const NAME: usize = 128;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Citp, inspect)
    .tcp()
    .udp()
    .prefilter(
        Prefilter::first_byte(&[b'C'..=b'C'])
            .then(&[b'I'..=b'I'])
            .then(&[b'T'..=b'T'])
            .then(&[b'P'..=b'P'])
            .udp_literal(b"ITP\x01\0"),
    )
    .one_way()
    .facts(&["citp.message", "citp.name", "citp.product", "citp.type", "citp.universe"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[b"CITP\x01\0\0\0\x3d\0\0\0\x01\0\0\0PINFPLoc\x40\x1fMediaServer\0pier screens\0Running\0"],
            responder: &[],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"CITP\x01\0\0\0\x22\0\0\0\x01\0\0\0PINFPNamtide desk\0",
                b"CITP\x01\0\x01\0\x1f\0\0\0\x01\0\0\0MSEX\x01\x02CInf\x02\x01\x02\x01\x01",
            ],
            responder: &[
                b"CITP\x01\0\0\0\x25\0\0\0\x01\0\0\0PINFPNampier screens\0",
                b"CITP\x01\0\0\0\x2c\0\0\0\x01\0\0\0MSEX\x01\x01SInfB\0u\0o\0y\0\0\0\x03\x01\x02\x10\x20\x30\x40",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"CITP\x01\0\0\0\x22\0\0\0\x01\0\0\0SDMXChBk\0\x03\0\0\x04\0\x01\x02\x03\x04"],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Citp, opening, depth, |statement| match opening.transport() {
        Transport::Tcp => stream(statement),
        Transport::Udp => by_datagram(statement, |statement, bytes, at, cut| {
            let side = message(statement, bytes, at).0;
            if side == Side::Perhaps && !cut { Side::Other } else { side }
        }),
    })
}

/// The messages of a stream, as far as they follow each other.
fn stream(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let (first, mut len) = message(statement, bytes, 0);
    let mut at = 0;
    for _ in 1..READ {
        at += len;
        let Some(rest) = bytes.get(at..).filter(|_| len > 0) else { break };
        len = message(statement, rest, at).1;
    }
    first
}

/// Judges the message at the beginning of `bytes`; its length, 0 where that is unknown.
fn message(statement: &mut Statement<'_>, bytes: &[u8], at: usize) -> (Side, usize) {
    let known = bytes.len().min(COOKIE.len());
    if bytes[..known] != COOKIE[..known] {
        return (Side::Other, 0);
    }
    let (Some(layer), Some(head)) = (bytes.get(LAYER..HEADER), bytes.first_chunk::<HEADER>())
    else {
        return (Side::Perhaps, 0);
    };
    let size = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
    if size < HEADER as u32 || size > LONGEST {
        return (Side::Other, 0);
    }
    let end = (size as usize).min(bytes.len());
    let body = bytes.get(HEADER..end).unwrap_or(&[]);
    let behind = match layer {
        b"PINF" | b"SDMX" | b"FPTC" | b"FSEL" | b"FINF" | b"CAEX" => 0,
        // The version of the layer.
        b"MSEX" => 2,
        _ => return (Side::Other, 0),
    };
    let Some(kind) = body.get(behind..behind + 4) else {
        let is_cut = end < size as usize;
        return (if is_cut { Side::Perhaps } else { Side::Other }, 0);
    };
    let is_first = u16::from_le_bytes([head[14], head[15]]) == 0;
    if is_first && !(layer == b"CAEX" || kind.iter().all(u8::is_ascii_alphanumeric)) {
        return (Side::Other, 0);
    }
    let found = CitpMessage {
        layer,
        kind,
        version: body.first_chunk().copied().unwrap_or_default(),
        body: &body[behind + 4..],
        at: at + HEADER + behind + 4,
    };
    if is_first {
        found.state(statement, at + LAYER);
    }
    (Side::Matches, size as usize)
}

struct CitpMessage<'a> {
    layer: &'a [u8],
    kind: &'a [u8],
    /// The version of the layer, where that has one.
    version: [u8; 2],
    body: &'a [u8],
    /// The offset of the body in the stream.
    at: usize,
}

impl CitpMessage<'_> {
    fn state(&self, statement: &mut Statement<'_>, at: usize) {
        match (self.layer, self.kind) {
            (b"PINF", b"PLoc") => {
                // It says where its sender listens, which is another port; it asks for nothing.
                statement.role(Role::Client);
                let mut texts = self.body.get(2..).unwrap_or(&[]).splitn(3, |&byte| byte == 0);
                let (kind, name) = (texts.next().unwrap_or(&[]), texts.next().unwrap_or(&[]));
                state_text(statement, "citp.name", name, self.at + 3 + kind.len());
                state_text(statement, "citp.type", kind, self.at + 2);
            }
            (b"PINF", b"PNam") => {
                let name = self.body.split(|&byte| byte == 0).next().unwrap_or(&[]);
                state_text(statement, "citp.name", name, self.at);
            }
            (b"SDMX", b"ChBk") => {
                if let Some(universe) = self.body.get(1) {
                    let universe = universe.to_string();
                    statement.fact("citp.universe", universe.as_bytes(), self.at + 1);
                }
            }
            (b"MSEX", b"SInf") => self.product(statement),
            (b"MSEX", b"CInf" | b"GELI" | b"GEIn" | b"GELT" | b"GETh" | b"GVSr" | b"RqSt") => {
                statement.role(Role::Client);
                statement.awaits_answer();
            }
            (b"MSEX", b"Nack" | b"LSta" | b"ELIn" | b"EThn" | b"ELTh" | b"VSrc" | b"ELUp") => {
                statement.role(Role::Server);
            }
            _ => {}
        }
        if self.layer == b"CAEX" {
            statement.fact("citp.message", self.layer, at);
        } else {
            let name = [self.layer, b"/", self.kind].concat();
            statement.fact("citp.message", &name, at);
        }
    }

    /// States the product of a media server, in UTF-16; before it, from version 1.2 on, stands an
    /// identifier.
    fn product(&self, statement: &mut Statement<'_>) {
        statement.role(Role::Server);
        let skipped = match self.version {
            [1, 0 | 1] => 0,
            _ => match self.body.iter().take(NAME).position(|&byte| byte == 0) {
                Some(end) => end + 1,
                None => return,
            },
        };
        let units = self.body[skipped..].chunks_exact(2).take(NAME);
        let units = units.map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        let name: Vec<u16> = units.take_while(|&unit| unit != 0).collect();
        if !name.is_empty() {
            let name = String::from_utf16_lossy(&name);
            statement.fact_text("citp.product", name, self.at + skipped);
        }
    }
}

fn state_text(statement: &mut Statement<'_>, fact: &'static str, text: &[u8], at: usize) {
    if !text.is_empty() {
        statement.fact(fact, &text[..text.len().min(NAME)], at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(bytes: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, &[], &[bytes]), Depth::Facts)
    }

    fn facts(detection: Detection) -> Vec<(String, String)> {
        let Detection::Yes(found) = detection else { panic!("{detection:?}") };
        found.facts.into_iter().map(|fact| (fact.name.to_string(), fact.value)).collect()
    }

    #[test]
    fn a_cookie_without_a_known_layer_or_size_is_another_protocol() {
        for bytes in [
            &b"CITP/1.0 200 OK\r\n\r\n_________"[..],
            b"CITP\x02\0\0\0\x22\0\0\0\x01\0\0\0PINFPNamtide desk\0",
            b"CITP\x01\0\0\0\x12\0\0\0\x01\0\0\0PINFPNamtide desk\0",
            b"CITP\x01\0\0\0\x22\0\0\0\x01\0\0\0PINGPNamtide desk\0",
            b"CITP\x01\0\0\0\x22\0\0\0\x01\0\0\0PINF\0\0\0\0tide desk\0",
            b"CITP\x01\0\0\0\x22\0\0\x7f\x01\0\0\0PINFPNamtide desk\0",
            b"CITIZEN",
        ] {
            assert_eq!(detect(bytes), Detection::No, "{bytes:02x?}");
        }
    }

    #[test]
    fn the_product_stands_behind_the_identifier_from_version_1_2_on() {
        let info =
            b"MSEX\x01\x02SInf0f0e0d0c-0000-4000-8000-0000000000aa\0B\0u\0o\0y\0\0\0\x01\x02\0\0";
        let size = (LAYER + info.len()) as u8;
        let head = [&b"CITP\x01\0\0\0"[..], &[size], b"\0\0\0\x01\0\0\0"].concat();
        let facts = facts(detect(&[&head[..], info].concat()));
        assert!(facts.contains(&("citp.product".into(), "Buoy".into())), "{facts:?}");
    }

    #[test]
    fn a_later_part_of_a_message_has_no_kind() {
        let part = b"CITP\x01\0\0\0\x1c\0\0\0\x02\0\x01\0MSEX\x01\x02\0\xff\0\xff\0\0";
        assert!(facts(detect(&part[..])).is_empty());
    }
}
