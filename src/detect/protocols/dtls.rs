//! DTLS 1.0 to 1.3 over UDP: RFC 6347, section 4, and RFC 9147, section 4.
//!
//! The proof is a datagram that records fill to its last byte, each with a version that only DTLS
//! has; handshake messages and alerts in the clear must fit too. That also proves a connection whose
//! beginning was not captured, except in 1.3, whose sealed records show next to nothing. Where a
//! flow has as much of STUN, which comes first in WebRTC (RFC 7983), it is STUN's.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::tls_alert::{FATAL, alert_name};
use crate::detect::formats::tls_hello::{
    CLIENT_HELLO, Hello, HelloError, HelloKind, SERVER_HELLO, is_dtls, version_name,
};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{DATAGRAMS, Side, Statement, combine};
use crate::evidence::{Depth, Detection, Protocol, Role};
use crate::flow::Opening;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
/// Heartbeats (RFC 6520), and records with an identifier of the connection (RFC 9146).
const HEARTBEAT: u8 = 24;
const WITH_CONNECTION_ID: u8 = 25;
/// Type, version, epoch, sequence number, length.
const HEADER: usize = 13;
/// Type, length, sequence number, and the offset and the length of the fragment.
const MESSAGE_HEADER: usize = 12;
/// Bytes of a record's content at most (RFC 6347, section 4.1; RFC 5246, section 6.2.3).
const LONGEST: usize = (1 << 14) + 2048;
/// Bytes of an encrypted record at least: a tag or a hash.
const SHORTEST_SEALED: usize = 16;
const LONGEST_MESSAGE: usize = 1 << 17;
const HELLO_REQUEST: u8 = 0;
const HELLO_VERIFY_REQUEST: u8 = 3;
const FINISHED: u8 = 20;

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Dtls, inspect)
    .udp()
    .prefilter(
        Prefilter::first_byte(&[CHANGE_CIPHER_SPEC..=WITH_CONNECTION_ID])
            .udp_then(&[0xfe..=0xfe, 1..=1])
            .udp_then(&[0xff..=0xff, 0xfd..=0xfd, 0..=0])
            .udp_at_least(HEADER),
    )
    .first_words()
    .facts(&["dtls.alert", "dtls.alpn", "dtls.cipher", "dtls.record", "dtls.sni", "dtls.version"])
    .samples(&[
        Sample {
            transport: Transport::Udp,
            initiator: &[CLIENT_SAMPLE],
            responder: &[VERIFY_SAMPLE, SERVER_SAMPLE],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[b"\x17\xfe\xfd\0\x01\0\0\0\0\0\x07\0\x180123456789abcdef01234567"],
            responder: &[],
        },
        Sample {
            transport: Transport::Udp,
            initiator: &[CLIENT_SAMPLE],
            responder: &[b"\x15\xfe\xfd\0\0\0\0\0\0\0\0\0\x02\x02\x28"],
        },
    ]);

/// `ClientHello` with SNI `a.test` and ALPN `webrtc`.
const CLIENT_SAMPLE: &[u8] =
    b"\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x54\x01\0\0\x48\0\0\0\0\0\0\0\x48\xfe\xfd\
    0123456789abcdef0123456789abcdef\0\0\0\x02\xc0\x2f\x01\0\0\x1c\
    \0\0\0\x0b\0\x09\0\0\x06a.test\0\x10\0\x09\0\x07\x06webrtc";
/// `HelloVerifyRequest` with a cookie of four bytes.
const VERIFY_SAMPLE: &[u8] =
    b"\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x13\x03\0\0\x07\0\0\0\0\0\0\0\x07\xfe\xff\x04abcd";
/// `ServerHello` of DTLS 1.2 without extensions, and `ServerHelloDone` in a record of its own.
const SERVER_SAMPLE: &[u8] =
    b"\x16\xfe\xfd\0\0\0\0\0\0\0\x01\0\x32\x02\0\0\x26\0\x01\0\0\0\0\0\x26\xfe\xfd\
    fedcba9876543210fedcba9876543210\0\xc0\x2f\0\
    \x16\xfe\xfd\0\0\0\0\0\0\0\x02\0\x0c\x0e\0\0\0\0\x02\0\0\0\0\0\0";

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    let (mut chosen, mut mixed) = (None, false);
    let mut detection = combine(Protocol::Dtls, opening, depth, |statement| {
        let seen = datagrams(statement);
        if seen.hello == Some(HelloKind::Server) {
            chosen = Some(statement.direction);
        }
        // The hello follows its client's second one.
        if seen.verifies && seen.hello.is_none() {
            statement.awaits_fact();
        }
        // The responder, which is read last, decides.
        mixed = seen.mixed;
        seen.side
    });
    let (Detection::Yes(recognition) | Detection::Partly(recognition)) = &mut detection else {
        return detection;
    };
    if mixed {
        return Detection::No;
    }
    // The version is the one that the server chose; the client's offer counts while there is no
    // answer.
    if let Some(server) = chosen {
        recognition
            .facts
            .retain(|fact| fact.name.stem != "dtls.version" || fact.direction == server);
    }
    detection
}

/// What the datagrams of a side were found to be.
struct DtlsSide {
    side: Side,
    /// The kind of the first hello.
    hello: Option<HelloKind>,
    /// The server asked the client to say hello once more.
    verifies: bool,
    /// A fact of a record was stated.
    stated: bool,
    /// As many datagrams are STUN's as all others.
    mixed: bool,
}

fn datagrams(statement: &mut Statement<'_>) -> DtlsSide {
    let mut seen =
        DtlsSide { side: Side::Other, hello: None, verifies: false, stated: false, mixed: false };
    let (mut matching, mut unclear, mut foreign, mut offset) = (0, 0, 0, 0);
    let mut stun = 0;
    for (bytes, _, cut) in statement.stream.datagrams().take(DATAGRAMS) {
        match datagram(statement, &mut seen, bytes, offset, cut) {
            Side::Matches => matching += 1,
            Side::Perhaps | Side::Silent => unclear += 1,
            // Records of 1.3 that are sealed.
            Side::Other if matching > 0 && is_sealed(bytes) => unclear += 1,
            Side::Other => foreign += 1,
        }
        stun += usize::from(is_stun(bytes));
        offset += bytes.len();
    }
    seen.mixed = stun > 0 && 2 * stun >= matching + unclear + foreign;
    seen.side = match () {
        () if matching > 0 && matching >= foreign => Side::Matches,
        () if foreign == 0 && unclear > 0 => Side::Perhaps,
        () => Side::Other,
    };
    seen
}

/// Judges a datagram and states the facts of its first records.
fn datagram(
    statement: &mut Statement<'_>,
    seen: &mut DtlsSide,
    bytes: &[u8],
    offset: usize,
    cut: bool,
) -> Side {
    let (mut at, mut in_clear) = (0, false);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        // Records of 1.3 that are sealed follow those in the clear.
        if in_clear && is_sealed(rest) {
            break;
        }
        let record = match DtlsRecord::read(rest) {
            Ok(record) => record,
            // One that is whole is proof enough where the capture cut the next.
            Err(HelloError::Cut) if cut => {
                return if at > 0 { Side::Matches } else { Side::Perhaps };
            }
            Err(_) => return Side::Other,
        };
        let is_cut = record.content.len() < record.len;
        if is_cut && !cut || !record.fits() {
            return Side::Other;
        }
        if record.epoch == 0 && record.kind == HANDSHAKE && record.content.len() < MESSAGE_HEADER {
            return Side::Perhaps;
        }
        state(statement, seen, &record, offset + at);
        in_clear = record.epoch == 0;
        at += HEADER + record.len;
    }
    Side::Matches
}

/// A record, as far as it was captured.
struct DtlsRecord<'a> {
    kind: u8,
    version: u16,
    epoch: u16,
    /// The length of the whole content; fewer bytes may have been captured.
    len: usize,
    content: &'a [u8],
}

impl<'a> DtlsRecord<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, HelloError> {
        let at = |i: usize, is: &dyn Fn(u8) -> bool| bytes.get(i).is_none_or(|&b| is(b));
        let may_begin = at(0, &|b| (CHANGE_CIPHER_SPEC..=WITH_CONNECTION_ID).contains(&b))
            && at(1, &|b| matches!(b, 0xfe | 1))
            && at(2, &|b| matches!(b, 0xff | 0xfd | 0));
        if !may_begin {
            return Err(HelloError::Foreign);
        }
        let (header, content) = bytes.split_at_checked(HEADER).ok_or(HelloError::Cut)?;
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let (version, len) = (word(1), usize::from(word(11)));
        if !is_dtls(version) || !(1..=LONGEST).contains(&len) {
            return Err(HelloError::Foreign);
        }
        let content = &content[..len.min(content.len())];
        Ok(Self { kind: header[0], version, epoch: word(3), len, content })
    }

    /// Whether content and length are such as this type of record has in this epoch: the first is in
    /// the clear.
    fn fits(&self) -> bool {
        match (self.kind, self.epoch) {
            (CHANGE_CIPHER_SPEC, _) => self.len == 1 || self.version == 0x0100 && self.len == 3,
            (ALERT, 0) => {
                self.len == 2 && self.content.first().is_none_or(|level| matches!(level, 1 | 2))
            }
            (HANDSHAKE, 0) => self.fits_message(),
            (_, 0) => false,
            (HEARTBEAT | WITH_CONNECTION_ID | ALERT | HANDSHAKE | APPLICATION_DATA, _) => {
                self.len >= SHORTEST_SEALED
            }
            _ => false,
        }
    }

    /// Whether the first fragment lies within its message and its record.
    fn fits_message(&self) -> bool {
        let Some(message) = self.message() else {
            return self.len >= MESSAGE_HEADER
                && self.content.first().is_none_or(|&kind| kind <= FINISHED);
        };
        message.kind <= FINISHED
            && message.len <= LONGEST_MESSAGE
            && message.offset + message.fragment <= message.len
            && MESSAGE_HEADER + message.fragment <= self.len
    }

    fn message(&self) -> Option<DtlsMessage> {
        let header: &[u8; MESSAGE_HEADER] = self.content.first_chunk()?;
        let number = |at: usize| {
            header[at..at + 3].iter().fold(0, |number, &byte| number << 8 | usize::from(byte))
        };
        let (len, offset, fragment) = (number(1), number(6), number(9));
        Some(DtlsMessage { kind: header[0], len, offset, fragment })
    }
}

/// The header of a handshake message's fragment.
struct DtlsMessage {
    kind: u8,
    len: usize,
    offset: usize,
    fragment: usize,
}

/// States what a record shows that begins at `at` of the stream.
fn state(statement: &mut Statement<'_>, seen: &mut DtlsSide, record: &DtlsRecord<'_>, at: usize) {
    match (record.kind, record.epoch) {
        (HANDSHAKE, 0) => {
            let Some(message) = record.message() else { return };
            let kind = match message.kind {
                CLIENT_HELLO => Some(HelloKind::Client),
                SERVER_HELLO => Some(HelloKind::Server),
                _ => None,
            };
            seen.verifies |= message.kind == HELLO_VERIFY_REQUEST;
            if let Some(role) = role(message.kind) {
                statement.role(role);
            }
            let Some(kind) = kind.filter(|_| seen.hello.is_none() && message.offset == 0) else {
                return;
            };
            let fragment = &record.content[MESSAGE_HEADER..];
            let fragment = &fragment[..message.fragment.min(fragment.len())];
            if let Ok(hello) = Hello::read_dtls(kind, fragment, message.len) {
                seen.hello = Some(kind);
                state_hello(statement, &hello, at + HEADER + MESSAGE_HEADER);
            }
        }
        (ALERT, 0) if !seen.stated => {
            if let [level, description] = *record.content
                && let Some(name) = alert_name(description)
            {
                seen.stated = true;
                if level == FATAL {
                    statement.service_failed(&format!("DTLS alert: {name}"), at);
                }
                statement.fact_text("dtls.alert", name, at + HEADER);
            }
        }
        (CHANGE_CIPHER_SPEC | ALERT | HANDSHAKE, _) | (_, 0) => {}
        _ if !seen.stated && seen.hello.is_none() => {
            seen.stated = true;
            statement.fact("dtls.record", b"application data", at);
        }
        _ => {}
    }
}

/// States the facts of a hello whose body begins at `at` of the stream.
fn state_hello(statement: &mut Statement<'_>, hello: &Hello<'_>, at: usize) {
    if let Some(version) = hello.version() {
        statement.fact("dtls.version", version_name(version).as_bytes(), at);
    }
    if let Some((name, place)) = hello.server_name().filter(|_| hello.kind == HelloKind::Client) {
        statement.fact("dtls.sni", name, at + place);
    }
    if !statement.wants_facts() {
        return;
    }
    if let Some(cipher) = hello.cipher() {
        statement.fact("dtls.cipher", cipher.as_bytes(), at);
    }
    for (protocol, place) in hello.protocols() {
        statement.fact("dtls.alpn", protocol, at + place);
    }
}

/// The side that sends a handshake message, where only one does (RFC 5246, section 7.4).
const fn role(message: u8) -> Option<Role> {
    match message {
        CLIENT_HELLO | 16 => Some(Role::Client),
        HELLO_REQUEST | SERVER_HELLO | HELLO_VERIFY_REQUEST | 12..=14 => Some(Role::Server),
        _ => None,
    }
}

/// Whether the bytes may be a sealed record of 1.3, which shows three bits (RFC 9147, section 4).
const fn is_sealed(bytes: &[u8]) -> bool {
    matches!(bytes, [0x20..=0x3f, ..])
}

/// Whether the bytes begin as a message of STUN with its magic number (RFC 8489, section 5).
const fn is_stun(bytes: &[u8]) -> bool {
    matches!(bytes, [0..=0x3f, _, _, _, 0x21, 0x12, 0xa4, 0x42, ..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Fact, Recognition};

    const STUN: &[u8] = b"\0\x01\0\x08\x21\x12\xa4\x420123456789ab\x80\x22\0\x04tide";
    const DATA: &[u8] = DETECTOR.samples[1].initiator[0];

    fn detect(initiator: &[&[u8]], responder: &[&[u8]]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Udp, initiator, responder), Depth::Facts)
    }

    fn facts(detection: Detection) -> Vec<Fact> {
        match detection {
            Detection::Yes(Recognition { facts, .. }) => facts,
            other => panic!("{other:?}"),
        }
    }

    fn stated(facts: &[Fact]) -> Vec<(&str, &str)> {
        facts.iter().map(|fact| (fact.name.stem, fact.value.as_str())).collect()
    }

    #[test]
    fn the_version_is_the_servers_and_the_name_the_clients() {
        let sample = &DETECTOR.samples[0];
        let found = facts(detect(sample.initiator, sample.responder));
        assert_eq!(
            stated(&found),
            [
                ("dtls.sni", "a.test"),
                ("dtls.alpn", "webrtc"),
                ("dtls.version", "1.2"),
                ("dtls.cipher", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
            ]
        );
        assert_eq!(found[2].frame, 3);
    }

    #[test]
    fn the_server_hello_is_awaited_behind_a_request_to_verify() {
        let detection = detect(&[CLIENT_SAMPLE], &[VERIFY_SAMPLE]);
        let Detection::Partly(found) = detection else { panic!("{detection:?}") };
        assert_eq!(found.roles, [Some(Role::Client), Some(Role::Server)]);
    }

    #[test]
    fn a_client_that_offers_1_3_offers_the_lowest_number() {
        let mut hello = CLIENT_SAMPLE.to_vec();
        hello.extend(b"\0\x2b\0\x05\x04\xfe\xfd\xfe\xfc");
        for at in [12, 16, 24] {
            hello[at] += 9;
        }
        let list = CLIENT_SAMPLE.len() - 0x1c - 1;
        hello[list] += 9;
        assert!(stated(&facts(detect(&[&hello], &[]))).contains(&("dtls.version", "1.3")));
        // What is sealed behind the hello of a server, and in later datagrams, shows nothing.
        let sealed: &[u8] = b"\x2f\x01\x02\0\x100123456789abcdef";
        let server = [SERVER_SAMPLE, sealed].concat();
        assert!(matches!(detect(&[&hello, sealed, sealed], &[&server]), Detection::Yes(_)));
        assert_eq!(detect(&[sealed], &[]), Detection::No);
    }

    #[test]
    fn records_that_fill_a_datagram_prove_a_running_connection() {
        assert_eq!(stated(&facts(detect(&[DATA], &[]))), [("dtls.record", "application data")]);
        let two = [DATA, DATA].concat();
        assert_eq!(facts(detect(&[&two, &two], &[])).len(), 1);
        for (at, value) in [(0, 30), (1, 3), (2, 3), (4, 0), (12, 0x17), (12, 0x19)] {
            let mut wrong = DATA.to_vec();
            wrong[at] = value;
            assert_eq!(detect(&[&wrong], &[]), Detection::No, "byte {at}");
        }
    }

    #[test]
    fn stun_and_media_beside_dtls_leave_the_flow_to_stun() {
        let channel_data: &[u8] = b"\x40\0\0\x04\x16\xfe\xff\0";
        let media: &[u8] = b"\x80\x60\0\x01\0\0\0\x01\0\0\0\x07media";
        let quic: &[u8] = b"\x16\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f";
        for other in [STUN, channel_data, media, quic] {
            assert_eq!(detect(&[other], &[]), Detection::No);
        }
        let [client, server] = [CLIENT_SAMPLE, SERVER_SAMPLE];
        assert_eq!(detect(&[STUN, client, client], &[STUN, server]), Detection::No);
        // A keep-alive after the handshake changes nothing, nor does media.
        assert!(matches!(detect(&[client, DATA, STUN], &[server]), Detection::Yes(_)));
        assert!(matches!(detect(&[client, DATA, media, media], &[server]), Detection::Yes(_)));
    }

    #[test]
    fn a_fragment_that_leaves_its_message_or_record_is_foreign() {
        for at in [21, 24] {
            let mut wrong = CLIENT_SAMPLE.to_vec();
            wrong[at] += 1;
            assert_eq!(detect(&[&wrong], &[]), Detection::No, "byte {at}");
        }
        let mut fragment = CLIENT_SAMPLE.to_vec();
        // The message is longer than its first fragment.
        fragment[15] = 4;
        assert!(matches!(detect(&[&fragment], &[]), Detection::Yes(_)));
    }
}
