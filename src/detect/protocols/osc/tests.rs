//! Packets and streams at the edge.

use super::*;
use crate::evidence::{Direction, ProvedBy};

fn udp(datagrams: &[&[u8]]) -> Detection {
    inspect(&Opening::from_payloads(Transport::Udp, datagrams, &[]), Depth::Facts)
}

fn addresses(detection: &Detection) -> Vec<(&str, u64)> {
    let Detection::Yes(Recognition { protocol: Protocol::Osc, facts, .. }) = detection else {
        panic!("{detection:?}")
    };
    facts
        .iter()
        .filter(|f| f.name.stem == "osc.address")
        .map(|f| (f.value.as_str(), f.frame))
        .collect()
}

#[test]
fn arguments_must_fit_to_the_byte() {
    assert!(matches!(udp(&[b"/a\0\0,if\0\0\0\0\x01\0\0\0\0"]), Detection::Yes(..)));
    assert_eq!(udp(&[b"/a\0\0,if\0\0\0\0\x01"]), Detection::No, "an argument is missing");
    assert_eq!(udp(&[b"/a\0\0,i\0\0\0\0\0\x01\0\0\0\0"]), Detection::No, "there is one too many");
    assert_eq!(udp(&[b"/a\0x,i\0\0\0\0\0\x01"]), Detection::No, "padding is not zero");
    assert_eq!(udp(&[b"/a\0\0,q\0\0"]), Detection::No, "no such type");
}

#[test]
fn text_that_begins_with_a_slash_is_not_osc() {
    assert_eq!(udp(&[b"/home/user/show.txt\n"]), Detection::No);
    assert_eq!(udp(&[b"{\"a\":1}\n"]), Detection::No);
}

#[test]
fn messages_without_type_tags_prove_something_only_together() {
    let untyped: &[u8] = b"/fader/1\0\0\0\0";
    assert_eq!(udp(&[untyped]), Detection::NeedMore);
    assert!(matches!(udp(&[untyped, untyped]), Detection::Yes(..)));
    assert_eq!(udp(&[untyped, untyped, b"/fader/1\n"]), Detection::No, "one that fails");
    assert_eq!(udp(&[b"/fader/\xc3\xa9\0", b"/fader/\xc3\xa9\0"]), Detection::No);
    assert_eq!(udp(&[b"/fader/1\0\0\0\0\0\0\0\x01"]), Detection::No, "of which type?");
    let reply = Opening::from_payloads(Transport::Udp, &[untyped], &[untyped]);
    let Detection::Yes(found) = inspect(&reply, Depth::Facts) else { panic!() };
    assert_eq!(found.proved_by, Some(ProvedBy::Both));
    for (initiator, responder) in [(untyped, &b"who?"[..]), (b"who?", untyped)] {
        let opening = Opening::from_payloads(
            Transport::Udp,
            &[initiator, initiator],
            &[responder, responder],
        );
        assert_eq!(inspect(&opening, Depth::Facts), Detection::No);
    }
}

#[test]
fn an_address_of_a_known_product_needs_no_type_tags() {
    for address in [&b"/eos/get/version\0\0\0\0"[..], b"/xremote\0\0\0\0", b"/ch/01/mix/on\0\0\0"] {
        assert!(matches!(udp(&[address]), Detection::Yes(..)), "{}", address.escape_ascii());
    }
    for other in [&b"/eos/get/version\0\0\0"[..], b"/eos/ping\0\0x", b"/xremote", b"/info/\n\0"] {
        assert_eq!(udp(&[other]), Detection::No, "{}", other.escape_ascii());
    }
    let node: &[u8] = b"node\0\0\0\0,s\0\0/fx/1 GEQ2\n\0";
    let reply = Opening::from_payloads(Transport::Udp, &[b"/xremote\0\0\0\0"], &[node]);
    assert_eq!(addresses(&inspect(&reply, Depth::Facts)), [("/xremote", 1), ("node", 2)]);
}

fn recognised(initiator: &[&[u8]], responder: &[&[u8]]) -> Recognition {
    let opening = Opening::from_payloads(Transport::Udp, initiator, responder);
    let Detection::Yes(found) = inspect(&opening, Depth::Facts) else { panic!() };
    found
}

#[test]
fn who_answers_is_the_server_and_who_asks_awaits_it() {
    let (client, server) = (Some(Role::Client), Some(Role::Server));
    let ping: &[u8] = b"/eos/ping\0\0\0,\0\0\0";
    let out: &[u8] = b"/eos/out/ping\0\0\0,\0\0\0";
    let (get, value): (&[u8], &[u8]) =
        (b"/ch/01/mix/on\0\0\0", b"/ch/01/mix/on\0\0\0,i\0\0\0\0\0\x01");
    for (initiator, responder, roles, awaits) in [
        (&[ping][..], &[][..], [client, None], true),
        (&[b"/eos/key/go_0\0\0\0,\0\0\0"], &[], [client, None], false),
        (&[out], &[ping], [server, client], true),
        (&[out], &[], [server, None], false),
        (&[get], &[value], [client, server], false),
        (&[value], &[get], [server, client], false),
        (&[b"/info\0\0\0"], &[b"/info\0\0\0,s\0\0V2\0\0"], [client, server], true),
        (&[b"/info\0\0\0"], &[b"/info\0\0\0,ss\0V2\0\0X32\0"], [client, server], true),
    ] {
        let found = recognised(initiator, responder);
        assert_eq!((found.roles, found.awaits_answer), (roles, awaits), "{initiator:?}");
    }
}

#[test]
fn a_datagram_that_the_capture_cut_counts_as_far_as_it_goes() {
    let whole: &[u8] = b"/fader/1\0\0\0\0,if\0\0\0\0\x01\0\0\0\0";
    let cut = |len: usize| {
        let opening = Opening::from_datagrams(&[(0, &whole[..len], whole.len() as u32)]);
        inspect(&opening, Depth::Facts)
    };
    for len in 1..16 {
        assert_eq!(cut(len), Detection::NeedMore, "{len}");
    }
    assert_eq!(addresses(&cut(17)), [("/fader/1", 1)]);
    let other = Opening::from_datagrams(&[(0, b"/fader/1\0\0\0\0,q\0\0", 99)]);
    assert_eq!(inspect(&other, Depth::Facts), Detection::No);
}

#[test]
fn a_stream_without_framing_is_osc_by_its_tags_or_its_product_and_a_mismatch() {
    let detect = |segments: &[&[u8]]| {
        inspect(&Opening::from_payloads(Transport::Tcp, segments, &[]), Depth::Facts)
    };
    for segments in [
        &[&b"/fader/1\0\0\0\0,f\0\0\xc0\xc0\0\0"[..]][..],
        &[b"/fader/1\0\0\0\0,f\0\0\0\0\0\0/fader/2\0\0\0\0,f\0", b"\0\0\0\0\0"],
        &[b"#bundle\0\0\0\0\0\0\0\0\x01\0\0\0\x08/a\0\0,\0\0\0/b\0\0,\0\0\0"],
        &[b"/eos/ping\0\0\0", b"/eos/key/go_0\0\0\0"],
    ] {
        let Detection::Yes(Recognition { facts, .. }) = detect(segments) else { panic!() };
        let of = |name: &str| {
            facts.iter().find(|f| f.name.stem == name).map_or("", |f| f.value.as_str())
        };
        assert_eq!([of(FRAMING), of("osc.mismatch")], ["none", "neither a length nor SLIP"]);
    }
    for (segments, expected) in [
        (&[&b"/fader/1\0\0\0\0/fader/1\0\0\0\0"[..]][..], Detection::NeedMore),
        (&[b"/xremote\0\0\0\0", b"/xremote\0\0\0\0"], Detection::NeedMore),
        (&[b"/join #lamps\r\n"], Detection::No),
        (&[b"/join\0\0\0,lamps\0\0"], Detection::No),
    ] {
        assert_eq!(detect(segments), expected, "{segments:?}");
    }
}

#[test]
fn slip_with_only_an_end_behind_each_packet_is_slip() {
    let stream: &[u8] = b"/eos/sub/1\0\0,f\0\0\0\0\0\0\xc0/eos/ping\0\0\0,\0\0\0\xc0";
    let opening = Opening::from_payloads(Transport::Tcp, &[stream], &[]);
    let Detection::Yes(Recognition { facts, .. }) = inspect(&opening, Depth::Facts) else {
        panic!()
    };
    assert!(facts.iter().any(|f| f.name.stem == FRAMING && f.value == "slip"));
    assert!(facts.iter().all(|f| f.name.stem != "osc.mismatch"));
}

#[test]
fn datagrams_that_begin_with_a_slash_are_not_osc() {
    for datagrams in [
        &[&b"/cue/selected/start"[..]][..],
        &[b"/usr/lib/tmpfiles.d/x.conf\0\0"],
        &[b"/status\r\n\0"],
        &[b"/info\n\0\0"],
        &[b"/eos/ping\0\0\0,zz\0"],
        &[b"//////////////\0\0"],
        &[b"/a;b=c\0\0,\x01\0\0"],
    ] {
        assert!(!matches!(udp(datagrams), Detection::Yes(..)), "{datagrams:?}");
    }
}

#[test]
fn a_stream_picked_up_in_the_middle_is_entered_at_the_next_frame() {
    for (bytes, framing) in [
        (&b"tail of a packet\xc0\xc0/eos/ping\0\0\0,\0\0\0\xc0"[..], "slip"),
        (&b"\0tail\0\0\0\0\0\0\x10/eos/ping\0\0\0,\0\0\0"[..], "length-prefix"),
    ] {
        let mut opening = Opening::new(Transport::Tcp);
        opening.push_for_test(bytes);
        let detection = inspect(&opening, Depth::Facts);
        assert_eq!(addresses(&detection), [("/eos/ping", 9)]);
        let Detection::Yes(Recognition { facts, .. }) = detection else { unreachable!() };
        assert!(facts.iter().any(|f| f.name.stem == "osc.framing" && f.value == framing));
    }
}

#[test]
fn sides_that_frame_differently_are_a_mismatch() {
    let (prefixed, slip) =
        (&b"\0\0\0\x10/eos/ping\0\0\0,\0\0\0"[..], &b"\xc0/eos/out/ping\0\0\0,\0\0\0\xc0"[..]);
    let mismatches = |initiator: &[u8], responder: &[u8]| {
        let Detection::Yes(Recognition { facts, .. }) = inspect(
            &Opening::from_payloads(Transport::Tcp, &[initiator], &[responder]),
            Depth::Facts,
        ) else {
            panic!()
        };
        facts.into_iter().filter(|f| f.name.stem == "osc.mismatch").collect::<Vec<_>>()
    };
    let [fact] = &mismatches(prefixed, slip)[..] else { panic!() };
    assert_eq!(
        (fact.value.as_str(), fact.direction, fact.frame),
        ("slip, the other side length-prefix", Direction::Responder, 2)
    );
    assert_eq!(mismatches(prefixed, prefixed), []);
    assert_eq!(mismatches(slip, slip), []);
}

#[test]
fn length_prefixed_json_and_csta_are_not_osc() {
    for bytes in
        [&b"\0\0\0\x10{\"cmd\":\"hello\"}\0"[..], b"\0\0\0\x2c0001<?xml version", b"\0\0\0\x0f/abc"]
    {
        assert_eq!(
            inspect(&Opening::from_payloads(Transport::Tcp, &[bytes], &[]), Depth::Facts),
            Detection::No
        );
    }
}

#[test]
fn facts_name_the_frame_in_which_a_packet_begins() {
    let opening = Opening::from_payloads(
        Transport::Tcp,
        &[b"\0\0\0\x10/eos/ping\0\0\0", b",\0\0\0\0\0\0\x0c/b\0\0,i\0\0\0\0\0\x01"],
        &[],
    );
    assert_eq!(addresses(&inspect(&opening, Depth::Facts)), [("/eos/ping", 1), ("/b", 2)]);
    assert_eq!(opening.side(Direction::Responder).head(), b"");
}
