//! Packets and streams at the edge.

use super::*;
use crate::evidence::Direction;
use crate::evidence::Recognition;

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
    let untyped: &[u8] = b"/xremote\0\0\0\0";
    assert_eq!(udp(&[untyped]), Detection::NeedMore);
    assert!(matches!(udp(&[untyped, untyped, untyped]), Detection::Yes(..)));
    let node: &[u8] = b"node\0\0\0\0,s\0\0/fx/1 GEQ2\n\0";
    let reply = Opening::from_payloads(Transport::Udp, &[untyped], &[node]);
    assert_eq!(addresses(&inspect(&reply, Depth::Facts)), [("/xremote", 1), ("node", 2)]);
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
        ("slip after length-prefix from the other side", Direction::Responder, 2)
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
