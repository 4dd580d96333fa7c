//! Packets as clients make them, and what must not pass for one.

use super::*;
use crate::detect::inspect as inspect_all;
use crate::evidence::Recognition;
use crate::evidence::Wanted;

fn udp(initiator: &[&[u8]], responder: &[&[u8]]) -> Opening {
    Opening::from_payloads(Transport::Udp, initiator, responder)
}

fn stated<'a>(facts: &'a [Fact], name: &str) -> Vec<&'a str> {
    facts.iter().filter(|fact| fact.name.stem == name).map(|fact| fact.value.as_str()).collect()
}

/// A client's hello for `a.test` in 1,300 bytes.
fn hello() -> Vec<u8> {
    let mut body = [b"\x03\x03".as_slice(), &[7; 32], b"\x00\x00\x02\x13\x01\x01\x00"].concat();
    let mut extensions =
        b"\x00\x00\x00\x0b\x00\x09\x00\x00\x06a.test\x00\x10\x00\x05\x00\x03\x02h3".to_vec();
    extensions.extend(b"\x00\x2b\x00\x03\x02\x03\x04\x00\x15\x04\xe2");
    extensions.extend([0; 0x4e2]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    [&[CLIENT_HELLO, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat()
}

/// A CRYPTO frame.
fn crypto(hello: &[u8], range: std::ops::Range<usize>) -> Vec<u8> {
    let number = |n: usize| (n as u16 | 0x4000).to_be_bytes().to_vec();
    [vec![6], number(range.start), number(range.len()), hello[range].to_vec()].concat()
}

#[test]
fn the_packet_of_the_specification_is_opened() {
    let Detection::Yes(Recognition { protocol: Protocol::Quic, facts, .. }) =
        inspect(&udp(&[RFC_9001], &[]), Depth::Facts)
    else {
        panic!()
    };
    assert_eq!(stated(&facts, "quic.version"), ["1"]);
    assert_eq!(stated(&facts, "quic.sni"), ["example.com"]);
    assert_eq!(stated(&facts, "quic.alpn"), ["alpn"]);
    assert_eq!(stated(&facts, "quic.ja4"), ["q13d0211an_62ed6f6ca7ad_4d634acda6c0"]);
    assert_eq!(
        inspect_all(&udp(&[RFC_9001], &[SERVER_SAMPLE]), Depth::Facts).wanted,
        Wanted::Nothing
    );
}

#[test]
fn one_changed_byte_closes_it() {
    for at in [5, 6, 13, 22, 600, 1199] {
        let mut damaged = RFC_9001.to_vec();
        damaged[at] ^= 1;
        assert_eq!(inspect(&udp(&[&damaged], &[]), Depth::Facts), Detection::No, "byte {at}");
    }
    assert_eq!(inspect(&udp(&[&RFC_9001[..1199]], &[]), Depth::Facts), Detection::No);
}

#[test]
fn pieces_in_any_order_over_several_packets_make_one_hello() {
    let hello = hello();
    let first = [crypto(&hello, 900..1000), vec![1, 0, 0], crypto(&hello, 0..300)].concat();
    let second = [crypto(&hello, 250..900), crypto(&hello, 1000..hello.len())].concat();
    for version in [1, version::VERSION_2, 0xff00_001d, 0xff00_0017, 0xff00_0016] {
        let version = version::known(version).unwrap();
        let (one, two) = (packet::sealed(version, 0, &first), packet::sealed(version, 1, &second));
        let Detection::Partly(Recognition { facts, .. }) =
            inspect(&udp(&[&one], &[]), Depth::Facts)
        else {
            panic!("{version:?}")
        };
        assert_eq!(stated(&facts, "quic.sni"), ["a.test"]);
        assert_eq!(stated(&facts, "quic.ja4"), [""; 0]);
        for order in [[&one[..], &two[..]], [&two, &one]] {
            let Detection::Yes(Recognition { facts, .. }) =
                inspect(&udp(&order, &[]), Depth::Facts)
            else {
                panic!("{version:?}")
            };
            assert_eq!(stated(&facts, "quic.version"), [version::name(version.number)]);
            assert_eq!(stated(&facts, "quic.sni"), ["a.test"]);
            assert_eq!(stated(&facts, "quic.ja4"), ["q13d0104h3_0f2cb44170f4_7418e7913c75"]);
        }
    }
}

#[test]
fn what_answers_another_client_is_no_answer() {
    assert_eq!(inspect(&udp(&[RFC_9001], &[RFC_9001]), Depth::Facts), Detection::No);
    assert_eq!(inspect(&udp(&[RFC_9001], &[b"\x01text"]), Depth::Facts), Detection::No);
    assert!(matches!(
        inspect(&udp(&[RFC_9001], &[b"\x41short header"]), Depth::Facts),
        Detection::Yes(..)
    ));
}

#[test]
fn a_negotiation_must_send_the_identifiers_back() {
    let Detection::Partly(Recognition { facts, .. }) =
        inspect(&udp(&[&UNKNOWN_SAMPLE], &[NEGOTIATION_SAMPLE]), Depth::Facts)
    else {
        panic!()
    };
    assert_eq!(stated(&facts, "quic.version"), ["1", "2"]);
    let mut other = NEGOTIATION_SAMPLE.to_vec();
    other[6] ^= 1;
    assert_eq!(inspect(&udp(&[&UNKNOWN_SAMPLE], &[&other]), Depth::Facts), Detection::No);
    assert_eq!(inspect(&udp(&[&UNKNOWN_SAMPLE], &[]), Depth::Facts), Detection::NeedMore);
    assert_eq!(inspect(&udp(&[&UNKNOWN_SAMPLE[..]; 8], &[]), Depth::Facts), Detection::No);
}

#[test]
fn a_client_that_is_sent_another_version_is_heard_again() {
    let Detection::Yes(Recognition { facts, .. }) = inspect(
        &udp(&[&UNKNOWN_SAMPLE, RFC_9001], &[NEGOTIATION_SAMPLE, SERVER_SAMPLE]),
        Depth::Facts,
    ) else {
        panic!()
    };
    assert_eq!(stated(&facts, "quic.sni"), ["example.com"]);
}

#[test]
fn a_reserved_version_needs_lengths_that_fit_the_datagram() {
    let mut reserved = RFC_9001.to_vec();
    reserved[1..5].copy_from_slice(b"\x0a\x1a\x2a\x3a");
    assert!(matches!(inspect(&udp(&[&reserved], &[]), Depth::Facts), Detection::Partly(..)));
    assert_eq!(inspect(&udp(&[&reserved], &[&reserved]), Depth::Facts), Detection::No, "an echo");
    reserved.push(0);
    assert_eq!(inspect(&udp(&[&reserved], &[]), Depth::Facts), Detection::NeedMore);
}

#[test]
fn the_greeting_of_google_states_host_and_agent() {
    let Detection::Yes(Recognition { facts, .. }) =
        inspect(&udp(&[GOOGLE_SAMPLE], &[]), Depth::Facts)
    else {
        panic!()
    };
    assert_eq!(stated(&facts, "quic.version"), ["Q043"]);
    assert_eq!(stated(&facts, "quic.sni"), ["a.test"]);
    assert_eq!(stated(&facts, "quic.user-agent"), ["agent/1"]);
    assert_eq!(
        inspect(&udp(&[GOOGLE_SAMPLE], &[GOOGLE_SAMPLE]), Depth::Facts),
        Detection::No,
        "an echo"
    );
    assert_eq!(inspect(&udp(&[&GOOGLE_SAMPLE[..20]], &[]), Depth::Facts), Detection::No);
}

#[test]
fn short_headers_alone_say_nothing() {
    assert_eq!(inspect(&udp(&[&[0x41; 1200]], &[&[0x52; 900]]), Depth::Facts), Detection::No);
}
