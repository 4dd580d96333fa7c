//! RDP: MS-RDPBCGR, sections 2.2.1.1 to 2.2.1.4. A TPKT (RFC 1006: version 3, a zero, the length)
//! holds an X.224 connection request or confirm with a negotiation of RDP's own or a cookie of it,
//! and they fill it exactly.
//!
//! S7, MMS and every other OSI application begin with the same TPKT and X.224, but with X.224's own
//! parameters (`c0`, `c1`, `c2`) in that place; H.323 has no X.224 there. A bare request, as
//! clients before 2003 send, proves nothing: then the next TPKT must be an MCS connection with
//! Microsoft's H.221 key, `Duca` of the client, `McDn` of the server (section 2.2.1.3 and .4).

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::prefilter::Prefilter;
use crate::detect::starttls;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const TPKT: usize = 4;
/// TPKT, the length of X.224's header, its code, two references and the class.
const HEADER: usize = 11;
const REQUEST: u8 = 0xe0;
const CONFIRM: u8 = 0xd0;
const NEGOTIATION: usize = 8;
const COOKIES: [&[u8]; 2] = [b"Cookie: mstshash=", b"Cookie: msts="];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Rdp, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[3..=3]))
    .facts(&["rdp.message", "rdp.user", "rdp.security", "tls.sni", "tls.alpn", "tls.ja4"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x03\0\0\x2b\x26\xe0\0\0\0\0\0Cookie: mstshash=admin\r\n\x01\0\x08\0\x0b\0\0\0",
            ],
            responder: &[b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x02\0\0\0"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\0\0\0\0"],
            responder: &[b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x03\0\x08\0\x05\0\0\0"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\x03\0\0\x0b\x06\xe0\0\0\0\0\0",
                b"\x03\0\0\x17\x02\xf0\x80\x7f\x65\x82\x01\x94\0\x05\0\x14\x7c\0\x01Duca",
            ],
            responder: &[
                b"\x03\0\0\x0b\x06\xd0\0\0\x12\x34\0",
                b"\x03\0\0\x17\x02\xf0\x80\x7f\x66\x82\x01\x45\0\x05\0\x14\x7c\0\x01McDn",
            ],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Rdp, opening, depth, connection)
}

/// The length of a TPKT, as far as it was captured; `None` where the bytes are no TPKT.
fn tpkt(bytes: &[u8]) -> Option<usize> {
    if !bytes.iter().zip([3, 0]).all(|(&a, b)| a == b) {
        return None;
    }
    match bytes {
        [_, _, high, low, ..] => {
            Some(usize::from(u16::from_be_bytes([*high, *low]))).filter(|&len| len >= 7)
        }
        _ => Some(HEADER),
    }
}

fn connection(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let Some(len) = tpkt(bytes) else { return Side::Other };
    let header = &bytes[..bytes.len().min(HEADER)];
    let fits = header.iter().enumerate().skip(TPKT).all(|(i, &byte)| match i {
        4 => usize::from(byte) + TPKT + 1 == len,
        5 => byte == REQUEST || byte == CONFIRM,
        6 | 7 | 10 => byte == 0,
        _ => true,
    });
    if !fits || len < HEADER {
        return Side::Other;
    }
    let Some(&code) = header.get(5) else { return Side::Perhaps };
    statement.role(if code == REQUEST { Role::Client } else { Role::Server });
    let body = bytes.get(HEADER..bytes.len().min(len)).unwrap_or_default();
    let whole = bytes.len() >= len;
    let message: &[u8] =
        if code == REQUEST { b"connection-request" } else { b"connection-confirm" };
    if len == HEADER {
        let side = bytes.get(len..).map_or(Side::Perhaps, |rest| mcs(rest, code));
        if side == Side::Matches {
            statement.fact("rdp.message", message, 5);
            statement.fact("rdp.security", b"rdp", 5);
        }
        return side;
    }
    let (cookie, negotiation) = match body.iter().position(|&b| b == b'\n') {
        _ if body.first() != Some(&b'C') => (None, body),
        Some(end) => (body.get(..=end), &body[end + 1..]),
        None => (Some(body), &[][..]),
    };
    if let Some(cookie) = cookie
        && (code != REQUEST
            || !COOKIES.iter().any(|start| cookie.iter().zip(*start).all(|(a, b)| a == b)))
    {
        return Side::Other;
    }
    if !may_negotiate(negotiation, code) {
        return Side::Other;
    }
    if !whole {
        return Side::Perhaps;
    }
    let ended = cookie.is_none_or(|cookie| cookie.ends_with(b"\r\n"));
    // A request may have correlation info of 36 bytes (section 2.2.1.1.2).
    let complete = match negotiation {
        [] => cookie.is_some(),
        [1, flags, ..] if flags & 0x08 != 0 => matches!(negotiation.len(), NEGOTIATION | 44),
        _ => negotiation.len() == NEGOTIATION,
    };
    if !ended || !complete {
        return Side::Other;
    }
    statement.fact("rdp.message", message, 5);
    if let Some(user) = cookie.and_then(|cookie| cookie.strip_prefix(COOKIES[0])) {
        statement.fact("rdp.user", user.trim_ascii_end(), HEADER + COOKIES[0].len());
    }
    if let [kind, _, _, _, protocols, ..] = negotiation {
        statement.fact(
            "rdp.security",
            security(*kind, *protocols).as_bytes(),
            len - negotiation.len(),
        );
        // All but RDP's own security begins with TLS (section 5.4.5).
        if code == REQUEST && *protocols != 0 {
            starttls::state_hello(statement, len);
        }
    }
    Side::Matches
}

/// Whether the bytes can be the beginning of a negotiation's request, response or failure: type,
/// flags, length 8, a small number.
fn may_negotiate(bytes: &[u8], code: u8) -> bool {
    bytes.iter().take(NEGOTIATION).enumerate().all(|(i, &byte)| match i {
        0 => {
            if code == REQUEST {
                byte == 1
            } else {
                matches!(byte, 2 | 3)
            }
        }
        2 => byte == NEGOTIATION as u8,
        4 => byte < 0x20,
        3 | 5..8 => byte == 0,
        _ => true,
    })
}

fn security(kind: u8, protocols: u8) -> &'static str {
    match (kind, protocols) {
        (3, 1) => "tls required",
        (3, 2) => "tls not allowed",
        (3, 5) => "network level authentication required",
        (3, _) => "refused",
        (_, 0) => "rdp",
        (_, 1) => "tls",
        (_, p) if p & 0x10 != 0 => "azure-ad",
        (_, p) if p & 0x04 != 0 => "rdstls",
        _ => "credssp",
    }
}

/// Judges whether bytes are an MCS Connect-Initial or Connect-Response with Microsoft's H.221 key,
/// which proves that a bare X.224 connection is RDP.
fn mcs(bytes: &[u8], code: u8) -> Side {
    let Some(len) = tpkt(bytes) else { return Side::Other };
    let (kind, key): (u8, &[u8]) = if code == REQUEST { (0x65, b"Duca") } else { (0x66, b"McDn") };
    if !bytes.iter().skip(TPKT).zip([0x02, 0xf0, 0x80, 0x7f, kind]).all(|(&a, b)| a == b) {
        return Side::Other;
    }
    let body = &bytes[..bytes.len().min(len)];
    if body.windows(key.len()).any(|window| window == key)
        && body.windows(7).any(|window| window == b"\0\x05\0\x14\x7c\0\x01")
    {
        Side::Matches
    } else if bytes.len() < len {
        Side::Perhaps
    } else {
        Side::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(initiator: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, initiator, &[]), Depth::Facts)
    }

    #[test]
    fn other_users_of_tpkt_are_not_rdp() {
        let s7 = b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02";
        let h323 = b"\x03\0\0\x10\x08\x02\x12\x34\x05\x04\x03\x88\x90\xa5\x7e\0";
        let mms = b"\x03\0\0\x16\x11\xe0\0\0\0\x02\0\xc0\x01\x0d\xc2\x02\0\x01\xc1\x02\0\x01";
        for bytes in [&s7[..], h323, mms] {
            assert_eq!(detect(&[bytes]), Detection::No);
        }
        assert_eq!(detect(&[b"\x03\0\0\x0b\x06\xe0\0\0\0\0\0"]), Detection::NeedMore);
        assert_eq!(
            detect(&[
                b"\x03\0\0\x0b\x06\xe0\0\0\0\0\0",
                b"\x03\0\0\x19\x02\xf0\x80\x32\x01\0\0\x04\0\0\x08"
            ]),
            Detection::No
        );
    }

    #[test]
    fn lengths_must_agree() {
        assert_eq!(detect(&[b"\x03\0\0\x13\x0f\xe0\0\0\0\0\0\x01\0\x08\0\0\0\0\0"]), Detection::No);
        assert_eq!(
            detect(&[b"\x03\0\0\x14\x0f\xe0\0\0\0\0\0\x01\0\x08\0\0\0\0\0x"]),
            Detection::No
        );
    }
}
