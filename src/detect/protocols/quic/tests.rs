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
        match inspect(&udp(&[&damaged], &[]), Depth::Facts) {
            Detection::No => assert!(matches!(at, 5 | 13), "byte {at}"),
            // The lengths still fit.
            Detection::Partly(Recognition { facts, roles: [None, None], .. }) => {
                assert_eq!(stated(&facts, "quic.sni"), [""; 0], "byte {at}");
            }
            other => panic!("byte {at}: {other:?}"),
        }
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
    for (client, server) in [([0xc1, 0x41], 0x52), ([0x41, 0x80], 0x41), ([0x41, 0x41], 0x12)] {
        let detection = inspect(&udp(&[&[client; 600].concat()], &[&[server; 900]]), Depth::Facts);
        assert_eq!(detection, Detection::No);
    }
    let sealed = [&b"\x43\x2f\x64\x8a\x41\xe2\xef\x7a\x51\xbc"[..], &[9; 40]].concat();
    for sides in [[&[&sealed[..]; 12][..], &[]], [&[&sealed[..]; 12], &[&sealed[..]; 12]]] {
        assert_eq!(inspect(&udp(sides[0], sides[1]), Depth::Facts), Detection::NeedMore);
        assert!(
            !inspect_all(&udp(sides[0], sides[1]), Depth::Facts).ruled_out.contains(Protocol::Quic)
        );
    }
}

/// An Initial packet of a server to a client with an identifier of so many bytes.
fn from_server(identifier: usize, len: usize) -> Vec<u8> {
    let head =
        [&b"\xce\0\0\0\x01"[..], &[identifier as u8], &vec![7; identifier], b"\x08serverid\0"];
    let mut packet = head.concat();
    packet.extend((0x4000_u16 | (len - packet.len() - 2) as u16).to_be_bytes());
    packet.resize(len, 0x9d);
    packet
}

#[test]
fn long_headers_of_a_server_alone_are_known_by_their_lengths() {
    let short = [&b"\x40"[..], &[0x8e; 600]].concat();
    for (packet, role) in [
        (from_server(0, 1200), Some(Role::Server)),
        (from_server(3, 1200), Some(Role::Server)),
        (from_server(16, 900), Some(Role::Server)),
        // This may be a client's, too.
        (from_server(16, 1200), None),
    ] {
        for sides in [[&[&packet[..], &short][..], &[]], [&[], &[&packet[..], &short]]] {
            let side = usize::from(sides[0].is_empty());
            let evidence = inspect_all(&udp(sides[0], sides[1]), Depth::Facts);
            assert_eq!(evidence.protocol, Some(Protocol::Quic));
            assert_eq!(evidence.roles[side], role);
            assert_eq!(stated(&evidence.facts, "quic.version"), ["1"]);
        }
        for len in [packet.len() - 1, 30, 8] {
            assert_eq!(inspect(&udp(&[], &[&packet[..len]]), Depth::Facts), Detection::No);
        }
        let longer = [&packet[..], b"\0"].concat();
        assert_eq!(inspect(&udp(&[], &[&longer]), Depth::Facts), Detection::No);
    }
}

#[test]
fn a_datagram_that_the_capture_cut_is_measured_by_its_length_on_the_wire() {
    let cut =
        |bytes: &[u8], len| inspect(&Opening::from_datagrams(&[(0, bytes, len)]), Depth::Facts);
    let packet = from_server(16, 1200);
    for kept in [RFC_9001, &packet] {
        for len in [54, 40, 29, 26, 20, 6, 5, 3] {
            let detection = cut(&kept[..len], 1200);
            let is_known = matches!(detection, Detection::Partly(..));
            assert!(is_known || detection == Detection::NeedMore, "{len}: {detection:?}");
            assert_eq!(is_known, len > 35 || kept == RFC_9001 && len >= 20, "{len}: {detection:?}");
        }
        assert_eq!(cut(&kept[..54], 1100), Detection::NeedMore);
    }
    assert_eq!(cut(b"\xc3\x12\x34\x56\x78\x08", 1200), Detection::No);
}

#[test]
fn a_negotiation_alone_offers_versions_that_exist() {
    let Detection::Partly(Recognition { roles, facts, .. }) =
        inspect(&udp(&[NEGOTIATION_SAMPLE], &[]), Depth::Facts)
    else {
        panic!()
    };
    assert_eq!(roles, [Some(Role::Server), None]);
    assert_eq!(stated(&facts, "quic.version"), ["1"]);
    for (at, value) in [(19, 0x77), (23, 0x12), (1, 1)] {
        let mut other = NEGOTIATION_SAMPLE.to_vec();
        other[at] = value;
        assert_eq!(inspect(&udp(&[&other], &[]), Depth::Facts), Detection::No, "byte {at}");
    }
    assert_eq!(inspect(&udp(&[&NEGOTIATION_SAMPLE[..20]], &[]), Depth::Facts), Detection::No);
}

/// Datagrams of a fixed sequence of pseudo-random numbers, behind a first byte and a version that
/// fit.
#[test]
fn random_bytes_behind_a_known_version_are_not_quic() {
    let mut state = 1_u64;
    for _ in 0..100_000 {
        let mut datagram = b"\xc7\0\0\0\x01".to_vec();
        for _ in 0..16 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            datagram.extend(((state >> 32) as u32).to_be_bytes());
        }
        assert_eq!(inspect(&udp(&[&datagram], &[]), Depth::Facts), Detection::No, "{datagram:x?}");
    }
}

#[test]
fn a_client_that_could_be_read_and_its_answer_have_their_roles() {
    for (sides, roles, proved_by) in [
        (
            [&[RFC_9001][..], &[SERVER_SAMPLE]],
            [Some(Role::Client), Some(Role::Server)],
            ProvedBy::Both,
        ),
        ([&[SERVER_SAMPLE], &[RFC_9001]], [Some(Role::Server), Some(Role::Client)], ProvedBy::Both),
        ([&[], &[RFC_9001]], [None, Some(Role::Client)], ProvedBy::Responder),
    ] {
        let Detection::Yes(found) = inspect(&udp(sides[0], sides[1]), Depth::Facts) else {
            panic!()
        };
        assert_eq!((found.roles, found.proved_by), (roles, Some(proved_by)));
    }
}
