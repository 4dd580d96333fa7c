//! `BitTorrent`. Over TCP the peers' handshake, BEP 3: the byte 19, `BitTorrent protocol`, eight
//! reserved bytes, an info hash and the peer's id, 20 bytes each. Over UDP the distributed hash
//! table, BEP 5, whose messages are bencoded dictionaries; a tracker's first message, BEP 15, which
//! has a fixed number of 64 bits; local discovery, BEP 14; and uTP, BEP 29, where it carries the
//! handshake.
//!
//! uTP's header alone proves nothing, and peers that encrypt the handshake are not recognised.

mod bencode;

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::lines::{self, FirstLine};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol};
use crate::flow::Opening;

const HANDSHAKE: &[u8] = b"\x13BitTorrent protocol";
const RESERVED: usize = 8;
/// Bytes of an info hash or an id.
const HASH: usize = 20;
const UTP: usize = 20;
/// A connection request to a tracker: the protocol's number and the action 0. A number of the
/// client's follows.
const TRACKER: &[u8] = b"\0\0\x04\x17\x27\x10\x19\x80\0\0\0\0";
const SEARCH: &[u8] = b"BT-SEARCH * HTTP/1.1\r\n";
/// Datagrams of each side that are read at most.
const DATAGRAMS: usize = 4;
const QUERIES: &[&[u8]] = &[
    b"ping",
    b"find_node",
    b"get_peers",
    b"announce_peer",
    b"get",
    b"put",
    b"sample_infohashes",
    b"vote",
];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Bittorrent, inspect)
    .tcp()
    .udp()
    .prefilter(
        Prefilter::ANY
            .tcp_first_byte(&[0x13..=0x13])
            .then(&[b'B'..=b'B'])
            .udp_first_byte(&[
                0..=1, 0x11..=0x11, 0x21..=0x21, 0x31..=0x31, 0x41..=0x41, b'B'..=b'B', b'd'..=b'd',
            ])
            .udp_then(&[0..=2, b'T'..=b'T', b'1'..=b'9'])
            .udp_at_least(TRACKER.len() + 4),
    )
    .first_words()
    .facts(&["bittorrent.message", "bittorrent.info-hash", "bittorrent.client"])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14-TR3000-abcdefghijkl"],
            responder: &[b"\x13BitTorrent protocol\0\0\0\0\0\x18\0\x05\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14-qB4500-abcdefghijkl"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:v4:LT\x01\x021:y1:qe"],
            responder: &[b"d1:rd2:id20:0123456789abcdefghij5:token8:aoeusnthe1:t2:aa1:y1:re"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\0\0\x04\x17\x27\x10\x19\x80\0\0\0\0\x12\x34\x56\x78"],
            responder: &[b"\0\0\0\0\x12\x34\x56\x78\x01\x02\x03\x04\x05\x06\x07\x08"],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 51413\r\nInfohash: 0123456789abcdef0123456789abcdef01234567\r\n\r\n\r\n"],
            responder: &[],
        },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine(Protocol::Bittorrent, opening, depth, |statement| match opening.transport() {
        Transport::Tcp => handshake(statement, statement.stream.head(), 0),
        Transport::Udp => datagrams(statement),
    })
}

fn handshake(statement: &mut Statement<'_>, bytes: &[u8], at: usize) -> Side {
    if !bytes.iter().zip(HANDSHAKE).all(|(a, b)| a == b) {
        return Side::Other;
    }
    let from = HANDSHAKE.len() + RESERVED;
    let Some(hash) = bytes.get(from..from + HASH) else { return Side::Perhaps };
    statement.fact("bittorrent.message", b"handshake", at);
    statement.fact("bittorrent.info-hash", hex(hash).as_bytes(), at + from);
    if let Some(peer) = bytes.get(from + HASH..from + 2 * HASH) {
        // Most clients begin their id with letters and version, as in `-TR3000-` (BEP 20); the rest
        // is random.
        if let [b'-', name @ .., b'-'] = &peer[..8]
            && name.iter().all(u8::is_ascii_graphic)
        {
            statement.fact("bittorrent.client", name, at + from + HASH);
        }
    }
    Side::Matches
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0x0f])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn datagrams(statement: &mut Statement<'_>) -> Side {
    let stream = statement.stream;
    let (mut at, mut unclear) = (0, 0);
    for (datagram, _, cut) in stream.datagrams().take(DATAGRAMS) {
        let side = match datagram {
            [b'd', b'1'..=b'9', ..] if !cut => table(statement, datagram, at),
            [0x01, 0..=2, ..]
                if datagram.get(UTP..).is_some_and(|rest| rest.starts_with(HANDSHAKE)) =>
            {
                handshake(statement, &datagram[UTP..], at + UTP)
            }
            // Other packets of uTP: type and version in one byte, then the type of an extension.
            [0x01 | 0x11 | 0x21 | 0x31 | 0x41, 0..=2, ..] if datagram.len() >= UTP => Side::Perhaps,
            _ if datagram.len() == TRACKER.len() + 4 && datagram.starts_with(TRACKER) => {
                statement.fact("bittorrent.message", b"tracker connect", at);
                Side::Matches
            }
            // The tracker's answer, by its size and its zeros, which prove nothing alone.
            [0, 0, 0, 0, ..] if datagram.len() == 16 => Side::Perhaps,
            [b'B', ..] => search(statement, datagram, at, cut),
            _ if cut && may_begin(datagram) => Side::Perhaps,
            _ => Side::Other,
        };
        if side != Side::Perhaps {
            return side;
        }
        at += datagram.len();
        unclear += 1;
    }
    if unclear < DATAGRAMS { Side::Perhaps } else { Side::Other }
}

/// Whether a datagram that the capture cut may be any of these messages, by its first two bytes.
fn may_begin(datagram: &[u8]) -> bool {
    let second = datagram.get(1);
    match datagram.first() {
        Some(b'd') => second.is_none_or(|byte| matches!(byte, b'1'..=b'9')),
        Some(0) => second.is_none_or(|&byte| byte == 0),
        Some(0x01 | 0x11 | 0x21 | 0x31 | 0x41) => second.is_none_or(|byte| *byte <= 2),
        _ => false,
    }
}

/// Reads a message of the hash table: a dictionary with `t`, `y` and the values that the type in
/// `y` has.
fn table(statement: &mut Statement<'_>, datagram: &[u8], at: usize) -> Side {
    let Some(message) = bencode::dictionary(datagram) else { return Side::Other };
    if message.text(b"t").is_none() {
        return Side::Other;
    }
    let is_node = |part: &[u8]| {
        message.get(part).and_then(|part| part.text(b"id")).is_some_and(|id| id.len() == HASH)
    };
    let named: &[u8] = match message.text(b"y") {
        Some(b"q") => match message.text(b"q").filter(|query| QUERIES.contains(query)) {
            Some(query) if is_node(b"a") => query,
            _ => return Side::Other,
        },
        Some(b"r") if is_node(b"r") => b"response",
        Some(b"e")
            if matches!(message.get(b"e"), Some(bencode::BencodeValue::List([b'i', ..]))) =>
        {
            b"error"
        }
        _ => return Side::Other,
    };
    statement.fact("bittorrent.message", named, at);
    if let Some(hash) =
        message.get(b"a").and_then(|a| a.text(b"info_hash")).filter(|hash| hash.len() == HASH)
    {
        statement.fact("bittorrent.info-hash", hex(hash).as_bytes(), at);
    }
    if let Some([first @ b'A'..=b'z', second @ b'A'..=b'z', ..]) = message.text(b"v") {
        statement.fact("bittorrent.client", &[*first, *second], at);
    }
    Side::Matches
}

fn search(statement: &mut Statement<'_>, datagram: &[u8], at: usize, cut: bool) -> Side {
    let unless_cut = if cut { Side::Perhaps } else { Side::Other };
    let Some(rest) = datagram.strip_prefix(SEARCH) else {
        return if SEARCH.starts_with(datagram) { unless_cut } else { Side::Other };
    };
    if let FirstLine::No = lines::first_line(rest, 512) {
        return Side::Other;
    }
    for line in lines::whole_lines(rest) {
        let (name, value) = lines::first_word(line.text);
        if name.eq_ignore_ascii_case(b"Infohash:")
            && value.len() == 2 * HASH
            && value.iter().all(u8::is_ascii_hexdigit)
        {
            statement.fact("bittorrent.message", b"search", at);
            statement.fact("bittorrent.info-hash", value, at);
            return Side::Matches;
        }
    }
    unless_cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(datagrams: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Udp, datagrams, &[]), Depth::Facts)
    }

    #[test]
    fn a_dictionary_of_something_else_is_not_a_node_of_the_table() {
        assert_eq!(detect(&[b"d4:name3:you5:valuei3ee"]), Detection::No);
        assert_eq!(detect(&[b"d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe"]), Detection::No);
        assert_eq!(
            detect(&[b"d1:ad2:id20:abcdefghij0123456789e1:q4:pong1:t2:aa1:y1:qe"]),
            Detection::No
        );
        assert_eq!(
            detect(&[b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qex"]),
            Detection::No
        );
    }

    #[test]
    fn a_header_of_utp_alone_proves_nothing_and_is_not_waited_for_long() {
        let packet: &[u8] = &[&b"\x41\0"[..], &[7; 18]].concat();
        assert_eq!(detect(&[packet; 3]), Detection::NeedMore);
        assert_eq!(detect(&[packet; 4]), Detection::No);
        let data: &[u8] = &[&b"\x01\0"[..], &[7; 18], HANDSHAKE, &[0; 48]].concat();
        assert!(matches!(detect(&[packet, data]), Detection::Yes(..)));
    }
}
