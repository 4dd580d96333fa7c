//! Conversations as they come in segments, and what must not pass for one.

use super::*;
use crate::detect::inspect as inspect_all;
use crate::evidence::Recognition;
use crate::evidence::{Fact, Wanted};

/// An element: tag, length, content.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag, 0x82];
    // Short lengths have one byte.
    if content.len() < 0x80 {
        bytes = vec![tag, content.len() as u8];
    } else if content.len() < 0x100 {
        bytes = vec![tag, 0x81, content.len() as u8];
    } else {
        bytes.extend((content.len() as u16).to_be_bytes());
    }
    bytes.extend(content);
    bytes
}

/// A name with organisation and common name.
fn name(organisation: &str, common: &str) -> Vec<u8> {
    let part = |id: u8, text: &str| {
        element(
            0x31,
            &element(0x30, &[vec![6, 3, 0x55, 4, id], element(12, text.as_bytes())].concat()),
        )
    };
    element(0x30, &[part(10, organisation), part(3, common)].concat())
}

/// A certificate for `a.test` and 10.0.0.1 with a key of 300 bytes.
fn certificate(subject: &[u8], issuer: &[u8]) -> Vec<u8> {
    let names = element(0x30, &[element(0x82, b"a.test"), element(0x87, &[10, 0, 0, 1])].concat());
    let extension = element(0x30, &[vec![6, 3, 0x55, 0x1d, 0x11], element(4, &names)].concat());
    let fields = [
        element(0xa0, &[2, 1, 2]),
        vec![2, 1, 5],
        element(0x30, b"\x06\x01\x2a"),
        issuer.to_vec(),
        element(0x30, b""),
        subject.to_vec(),
        element(0x30, &[0; 300]),
        element(0xa3, &element(0x30, &extension)),
    ];
    element(0x30, &[element(0x30, &fields.concat()), element(0x30, b""), vec![3, 1, 0]].concat())
}

fn record(content: u8, bytes: &[u8]) -> Vec<u8> {
    let mut record = vec![content, 3, 3];
    record.extend((bytes.len() as u16).to_be_bytes());
    record.extend(bytes);
    record
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend(body);
    message
}

/// The body of a server's hello of TLS 1.2.
fn server_hello() -> Vec<u8> {
    [b"\x03\x03".as_slice(), &[9; 32], b"\x00\xc0\x2f\x00"].concat()
}

/// Hello and certificate of a server, as handshake messages.
fn flight(certificate: &[u8]) -> Vec<u8> {
    let len = |n: usize| (n as u32).to_be_bytes()[1..].to_vec();
    let list = [len(certificate.len() + 3), len(certificate.len()), certificate.to_vec()].concat();
    [message(2, &server_hello()), message(CERTIFICATE, &list), message(14, b"")].concat()
}

fn tcp(initiator: &[&[u8]], responder: &[&[u8]]) -> Opening {
    Opening::from_payloads(Transport::Tcp, initiator, responder)
}

fn facts(detection: Detection) -> Vec<Fact> {
    match detection {
        Detection::Yes(Recognition { protocol: Protocol::Tls, facts, .. })
        | Detection::Partly(Recognition { protocol: Protocol::Tls, facts, .. }) => facts,
        other => panic!("{other:?}"),
    }
}

fn stated<'a>(facts: &'a [Fact], name: &str) -> Vec<&'a str> {
    facts.iter().filter(|fact| fact.name.stem == name).map(|fact| fact.value.as_str()).collect()
}

#[test]
fn a_certificate_over_several_records_and_segments_is_read_where_it_begins() {
    let flight =
        flight(&certificate(&name("Example", "a.test"), &name("mkcert, Inc", "mkcert root")));
    let (first, second) = flight.split_at(200);
    let stream = [record(HANDSHAKE, first), record(HANDSHAKE, second)].concat();
    let pieces: Vec<&[u8]> = stream.chunks(50).collect();
    let found = facts(inspect(&tcp(&[CLIENT_SAMPLE], &pieces), Depth::Facts));
    assert_eq!(stated(&found, "tls.version"), ["1.2"]);
    assert_eq!(stated(&found, "tls.cipher"), ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
    assert_eq!(stated(&found, "tls.sni"), ["a.test"]);
    assert_eq!(stated(&found, "tls.certificate-subject"), ["O=Example, CN=a.test"]);
    assert_eq!(stated(&found, "tls.certificate-issuer"), ["O=mkcert\\, Inc, CN=mkcert root"]);
    assert_eq!(stated(&found, "tls.certificate-name"), ["a.test", "10.0.0.1"]);
    assert_eq!(stated(&found, "tls.certificate-self-signed"), [""; 0]);
    let subject = found.iter().find(|fact| fact.name.stem == "tls.certificate-subject").unwrap();
    assert_eq!((subject.frame, subject.direction), (3, Direction::Responder));
}

#[test]
fn more_is_wanted_until_the_server_encrypts_or_a_side_gives_up() {
    let flight = record(HANDSHAKE, &flight(&certificate(&name("X", "x"), &name("X", "x"))));
    let wanted = |client: &[&[u8]], server: &[&[u8]]| {
        let evidence = inspect_all(&tcp(client, server), Depth::Facts);
        assert_eq!(evidence.protocol, Some(Protocol::Tls));
        evidence.wanted
    };
    for len in 60..=flight.len() {
        assert_eq!(wanted(&[CLIENT_SAMPLE], &[&flight[..len]]), Wanted::More, "{len}");
    }
    assert_eq!(wanted(&[CLIENT_SAMPLE], &[&flight, ENCRYPTED]), Wanted::Nothing);
    assert_eq!(wanted(&[CLIENT_SAMPLE, UNKNOWN_CA], &[&flight]), Wanted::Nothing);
    let whole = facts(inspect(&tcp(&[CLIENT_SAMPLE], &[&flight]), Depth::Facts));
    assert_eq!(stated(&whole, "tls.certificate-self-signed"), ["yes"]);
}

/// The change to encryption, and a fatal alert in the clear.
const ENCRYPTED: &[u8] = b"\x14\x03\x03\x00\x01\x01";
const UNKNOWN_CA: &[u8] = b"\x15\x03\x03\x00\x02\x02\x30";

#[test]
fn a_fatal_alert_in_the_clear_is_a_failure_with_side_and_frame() {
    let flight = record(HANDSHAKE, &flight(&certificate(&name("X", "x"), &name("X", "x"))));
    let failure = |client: &[&[u8]], server: &[&[u8]]| {
        let evidence = inspect_all(&tcp(client, server), Depth::Protocol);
        evidence.failure.map(|failure| (failure.cause, failure.direction, failure.frame))
    };
    let unknown_ca = "TLS alert: unknown_ca (48)".to_owned();
    assert_eq!(
        failure(&[CLIENT_SAMPLE, UNKNOWN_CA], &[&flight]),
        Some((unknown_ca.clone(), Direction::Initiator, 2))
    );
    assert_eq!(
        failure(&[CLIENT_SAMPLE], &[b"\x15\x03\x03\x00\x02\x02\x28"]),
        Some(("TLS alert: handshake_failure (40)".into(), Direction::Responder, 2))
    );
    // A warning, an alert that is encrypted, and bytes that only look like one.
    let warning = b"\x15\x03\x03\x00\x02\x01\x5a";
    assert_eq!(failure(&[CLIENT_SAMPLE, warning], &[&flight]), None);
    let sealed = [ENCRYPTED, b"\x15\x03\x03\x00\x14", &[7; 20]].concat();
    assert_eq!(failure(&[CLIENT_SAMPLE, &sealed], &[&flight]), None);
    let behind = [ENCRYPTED, UNKNOWN_CA].concat();
    assert_eq!(failure(&[CLIENT_SAMPLE, &behind], &[&flight]), None);
}

#[test]
fn a_certificate_that_never_comes_is_not_waited_for_long() {
    let hello = record(HANDSHAKE, &message(2, &server_hello()));
    let hellos = [CLIENT_SAMPLE; 16];
    assert_eq!(inspect_all(&tcp(&hellos[..4], &[&hello]), Depth::Facts).wanted, Wanted::More);
    assert_eq!(inspect_all(&tcp(&hellos, &[&hello]), Depth::Facts).wanted, Wanted::Nothing);
}

#[test]
fn no_certificate_is_waited_for_in_a_resumed_session_and_in_tls_1_3() {
    assert_eq!(
        inspect_all(&tcp(&[CLIENT_SAMPLE], &[SERVER_SAMPLE]), Depth::Facts).wanted,
        Wanted::Nothing
    );
    let body = [&server_hello()[..], b"\x00\x06\x00\x2b\x00\x02\x03\x04"].concat();
    let hello = record(HANDSHAKE, &message(2, &body));
    let evidence = inspect_all(&tcp(&[CLIENT_SAMPLE], &[&hello]), Depth::Facts);
    assert_eq!(evidence.wanted, Wanted::Nothing);
    assert_eq!(stated(&evidence.facts, "tls.version"), ["1.3"]);
}

#[test]
fn a_client_alone_says_what_it_offers() {
    let found =
        facts(inspect(&tcp(&[&CLIENT_SAMPLE[..40], &CLIENT_SAMPLE[40..]], &[]), Depth::Facts));
    assert_eq!(stated(&found, "tls.version"), ["1.2"]);
    assert_eq!(stated(&found, "tls.alpn"), ["h2"]);
    assert_eq!(stated(&found, "tls.ja4"), ["t12d0203h2_c1929292aa6b_1ca028f07214"]);
}

#[test]
fn an_echo_of_a_hello_is_no_tls() {
    assert_eq!(inspect(&tcp(&[CLIENT_SAMPLE], &[CLIENT_SAMPLE]), Depth::Facts), Detection::No);
}

#[test]
fn a_server_that_refuses_what_is_no_tls_speaks_it_all_the_same() {
    let refused = tcp(&[b"GET / HTTP/1.1\r\n\r\n"], &[b"\x15\x03\x01\x00\x02\x02\x46"]);
    assert_eq!(
        stated(&facts(inspect(&refused, Depth::Facts)), "tls.alert"),
        ["protocol_version (70)"]
    );
    let more = tcp(&[b"GET / HTTP/1.1\r\n\r\n"], &[b"\x15\x03\x01\x00\x02\x02\x46\x00"]);
    assert_eq!(inspect(&more, Depth::Facts), Detection::No);
}

#[test]
fn a_warning_may_come_before_the_hello() {
    let answer = [b"\x15\x03\x01\x00\x02\x01\x70", SERVER_SAMPLE].concat();
    assert_eq!(
        stated(&facts(inspect(&tcp(&[CLIENT_SAMPLE], &[&answer]), Depth::Facts)), "tls.version"),
        ["1.2"]
    );
}

/// Bytes of a connection whose handshake was not seen.
fn later(bytes: &[u8]) -> Detection {
    let mut opening = Opening::new(Transport::Tcp);
    opening.push_for_test(bytes);
    inspect(&opening, Depth::Facts)
}

#[test]
fn records_that_follow_each_other_exactly_prove_a_running_connection() {
    let data = |len: usize| record(record::APPLICATION_DATA, &vec![7; len]);
    assert!(matches!(later(&[data(40), data(80)].concat()), Detection::Yes(..)));
    assert!(matches!(
        later(&[data(40), data(80), data(33), data(99)[..50].to_vec()].concat()),
        Detection::Yes(..)
    ));
    assert!(matches!(later(&data(40)), Detection::Yes(..)));
    assert_eq!(later(&data(40)[..30]), Detection::NeedMore);
    assert_eq!(later(&[data(40), data(80)[..50].to_vec()].concat()), Detection::NeedMore);
    assert_eq!(
        later(&[data(40), data(80), data(33), b"\x17\x05".to_vec()].concat()),
        Detection::No
    );
    // Shorter than any tag.
    assert_eq!(later(&[data(4), data(5), data(6)].concat()), Detection::No);
}

#[test]
fn a_connection_cannot_begin_with_sealed_records() {
    let data = record(record::APPLICATION_DATA, &[7; 40]);
    assert_eq!(inspect(&tcp(&[&data, &data, &data], &[]), Depth::Facts), Detection::No);
}

#[test]
fn the_old_hello_needs_every_length_to_fit() {
    assert_eq!(
        stated(&facts(inspect(&tcp(&[OLD_CLIENT_SAMPLE], &[]), Depth::Facts)), "tls.version"),
        ["1.0"]
    );
    for at in [1, 6, 8, 10] {
        let mut wrong = OLD_CLIENT_SAMPLE.to_vec();
        wrong[at] ^= 1;
        assert_eq!(inspect(&tcp(&[&wrong], &[]), Depth::Facts), Detection::No, "byte {at}");
    }
}

#[test]
fn a_damaged_hello_that_fills_its_record_is_tls() {
    // The session identifier cannot have 33 bytes.
    let mut damaged = CLIENT_SAMPLE.to_vec();
    damaged[43] = 33;
    assert!(facts(inspect(&tcp(&[&damaged], &[]), Depth::Facts)).is_empty());
    damaged[8] += 1;
    assert_eq!(inspect(&tcp(&[&damaged], &[]), Depth::Facts), Detection::No);
}

#[test]
fn a_draft_and_a_damaged_hello_before_other_messages_are_tls() {
    // Version, random value, cipher suite, extensions: draft 18 has neither session nor compression.
    let hello = [&b"\x7f\x12fedcba9876543210fedcba9876543210\x13\x01\0\0"[..]].concat();
    let message = |kind: u8, body: &[u8]| [&[kind, 0, 0, body.len() as u8], body].concat();
    let record = |content: &[u8]| [&[22, 3, 1, 0, content.len() as u8], content].concat();
    let draft = record(&message(2, &hello));
    let facts = facts(inspect(&tcp(&[CLIENT_SAMPLE], &[&draft]), Depth::Facts));
    let version = facts.iter().find(|fact| fact.name.is("tls.version"));
    assert_eq!(version.map(|fact| fact.value.as_str()), Some("1.3 draft 18"));

    // A session identifier of 33 bytes, then ServerHelloDone in the same record.
    let mut damaged = SERVER_SAMPLE[9..47].to_vec();
    damaged[34] = 33;
    let flight = [message(2, &damaged), message(14, b"")].concat();
    let found = |content: &[u8]| inspect(&tcp(&[CLIENT_SAMPLE], &[&record(content)]), Depth::Facts);
    assert!(matches!(found(&flight), Detection::Yes(_) | Detection::Partly(_)));
    assert_eq!(found(&[&flight[..], b"\x0e"].concat()), Detection::No, "bytes are left");
    assert_eq!(found(&[&flight[..], b"\xff\0\0\0"].concat()), Detection::No, "no such message");
}

#[test]
fn a_certificate_that_is_none_states_nothing() {
    assert_eq!(Certificate::read(b"\x30\x03\x02\x01\x01"), None);
    let good = certificate(&name("X", "x"), &name("Y", "y"));
    for len in 0..good.len() {
        let _ = Certificate::read(&good[..len]);
    }
}
