//! VNC: the Remote Framebuffer protocol, RFC 6143, section 7.1. Both sides begin with twelve bytes,
//! `RFB 003.008` and a line feed; then the server lists the security types that it offers (section
//! 7.1.2), before version 3.7 the one that it chose.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine_with_client, is_guessed};
use crate::evidence::{Depth, Detection, Direction, Protocol, Role};
use crate::flow::Opening;

const VERSION: &[u8] = b"RFB ddd.ddd\n";

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Vnc, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[b'R'..=b'R']))
    .facts(&["vnc.version", "vnc.security"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"RFB 003.008\n", b"\x02"],
            responder: &[b"RFB 003.008\n", b"\x02\x02\x10", b"0123456789abcdef"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"RFB 003.003\n"],
            responder: &[b"RFB 003.889\n", b"\0\0\0\x01"],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let mut agreed = None;
    // The server sends first, and both sides begin alike.
    let first = |direction| opening.side(direction).first_frame();
    let frames = first(Direction::Initiator).zip(first(Direction::Responder));
    let (client, is_certain) = match frames.filter(|_| is_guessed(opening)) {
        Some((initiator, responder)) if initiator < responder => (Direction::Responder, true),
        Some(_) => (Direction::Initiator, true),
        None => (Direction::Initiator, !is_guessed(opening)),
    };
    combine_with_client(client, Protocol::Vnc, opening, depth, |statement| {
        if is_certain {
            statement.role(statement.read_as);
        }
        version(statement, &mut agreed)
    })
}

fn version(statement: &mut Statement<'_>, agreed: &mut Option<[u8; 7]>) -> Side {
    let stream = statement.stream;
    let bytes = stream.head();
    let fits = |(byte, &form): (&u8, &u8)| {
        if form == b'd' { byte.is_ascii_digit() } else { *byte == form }
    };
    if !bytes.iter().zip(VERSION).all(fits) {
        return Side::Other;
    }
    let Some((line, rest)) = bytes.split_at_checked(VERSION.len()) else { return Side::Perhaps };
    statement.fact("vnc.version", &line[4..11], 4);
    match (statement.read_as, agreed.as_ref()) {
        (Role::Client, _) => *agreed = line[4..11].try_into().ok(),
        // The client may lower the version: with 3.3 the server chooses in four bytes.
        (Role::Server, Some(b"003.003")) => {
            if let Some([0, 0, 0, kind]) = rest.first_chunk() {
                security(statement, *kind, VERSION.len());
            }
        }
        (Role::Server, Some(_)) => {
            if let Some((&count, kinds)) = rest.split_first() {
                for (i, &kind) in kinds.iter().take(usize::from(count)).enumerate() {
                    security(statement, kind, VERSION.len() + 1 + i);
                }
            }
        }
        (Role::Server, None) => {}
    }
    Side::Matches
}

/// States a security type by its name in IANA's registry.
fn security(statement: &mut Statement<'_>, kind: u8, at: usize) {
    let name = match kind {
        1 => "none",
        2 => "vnc",
        5 => "ra2",
        6 => "ra2ne",
        16 => "tight",
        17 => "ultra",
        18 => "tls",
        19 => "vencrypt",
        20 => "sasl",
        22 => "xvp",
        30..=35 => "apple",
        129 => "tight-unix-login",
        _ => return,
    };
    statement.fact("vnc.security", name.as_bytes(), at);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_says_something_else_is_not_vnc() {
        let of = |server: &[u8]| {
            inspect(
                &Opening::from_payloads(Transport::Tcp, &[b"RFB 003.008\n"], &[server]),
                Depth::Facts,
            )
        };
        for other in
            [&b"RFB 3.8\n"[..], b"RFB 003.008\r\n", b"SSH-2.0-x\r\n", b"RFB is not what we speak\n"]
        {
            assert_eq!(of(other), Detection::No);
        }
    }
}
