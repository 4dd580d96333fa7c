//! Decoding of frames built by etherparse's own packet builder, and of any bytes at all.

use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::*;
use crate::source::LinkType;

fn frame(link: LinkType, bytes: &[u8]) -> Frame<'_> {
    Frame { number: 7, time: Time(1), link, wire_len: bytes.len() as u32, bytes }
}

fn ethernet() -> etherparse::PacketBuilderStep<etherparse::Ethernet2Header> {
    PacketBuilder::ethernet2([2; 6], [4; 6])
}

/// A TCP segment with payload "hello" and options, over IPv4 in Ethernet.
fn tcp_frame() -> Vec<u8> {
    let builder =
        ethernet().ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).tcp(40_000, 3001, 77, 512).ack(99).options_raw(&[1, 1, 1, 1]).unwrap();
    let mut bytes = Vec::new();
    builder.write(&mut bytes, b"hello").unwrap();
    bytes
}

fn payload<'a>(bytes: &'a [u8], segment: &Segment) -> &'a [u8] {
    &bytes[segment.payload.start as usize..segment.payload.end as usize]
}

#[test]
fn reads_ports_numbers_flags_and_payload_of_tcp_over_ipv4() {
    let bytes = tcp_frame();
    let segment = decode(&frame(LinkType::ETHERNET, &bytes)).unwrap();
    assert_eq!((segment.five_tuple.source.port, segment.five_tuple.destination.port), (40_000, 3001));
    assert_eq!((segment.seq, segment.ack, segment.flags), (77, 99, TcpFlags::ACK));
    assert_eq!((segment.frame, segment.payload_len), (7, 5));
    assert_eq!(payload(&bytes, &segment), b"hello");
}

#[test]
fn ethernet_padding_is_not_payload() {
    let mut bytes = tcp_frame();
    bytes.extend_from_slice(&[0; 20]);
    let segment = decode(&frame(LinkType::ETHERNET, &bytes)).unwrap();
    assert_eq!(payload(&bytes, &segment), b"hello");
}

#[test]
fn every_snap_length_gives_a_segment_or_says_truncated() {
    let bytes = tcp_frame();
    for cut in 0..bytes.len() {
        let frame = Frame { wire_len: bytes.len() as u32, ..frame(LinkType::ETHERNET, &bytes[..cut]) };
        match decode(&frame) {
            Ok(segment) => {
                assert!(cut >= 14 + 20 + 20, "too little for a header at {cut}");
                assert_eq!(segment.payload_len, 5, "the wire length does not depend on the cut");
            }
            Err(skip) => assert_eq!(skip, Skip::Truncated, "cut at {cut}"),
        }
    }
}

#[test]
fn a_total_length_of_zero_reaches_to_the_end_of_the_frame() {
    let mut bytes = tcp_frame();
    bytes[16..18].copy_from_slice(&[0, 0]);
    assert_eq!(decode(&frame(LinkType::ETHERNET, &bytes)).unwrap().payload_len, 5);
}

#[test]
fn looks_through_stacked_vlan_tags() {
    let plain = tcp_frame();
    let mut tagged = plain[..12].to_vec();
    tagged.extend_from_slice(&[0x88, 0xa8, 0, 1, 0x91, 0x00, 0, 2, 0x81, 0x00, 0, 3]);
    tagged.extend_from_slice(&plain[12..]);
    let segment = decode(&frame(LinkType::ETHERNET, &tagged)).unwrap();
    assert_eq!(payload(&tagged, &segment), b"hello");
}

#[test]
fn reads_udp_over_ipv6_behind_extension_headers() {
    let mut bytes = Vec::new();
    PacketBuilder::ipv6([1; 16], [2; 16], 64).udp(5, 8000).write(&mut bytes, b"osc!").unwrap();
    // Hop-by-hop options of eight bytes between the IPv6 and the UDP header.
    let mut extended = bytes[..40].to_vec();
    extended[6] = 0;
    extended[5] += 8;
    extended.extend_from_slice(&[17, 0, 1, 4, 0, 0, 0, 0]);
    extended.extend_from_slice(&bytes[40..]);
    for link in [LinkType::RAW, LinkType::IPV6] {
        let segment = decode(&frame(link, &extended)).unwrap();
        assert_eq!(payload(&extended, &segment), b"osc!");
        assert_eq!(segment.five_tuple.transport, Transport::Udp);
    }
}

#[test]
fn bsd_loopback_is_read_in_both_byte_orders() {
    let ip = &tcp_frame()[14..];
    for (link, family) in [(LinkType::NULL, [2, 0, 0, 0]), (LinkType::NULL, [0, 0, 0, 2]), (LinkType::LOOP, [0, 0, 0, 2])] {
        let bytes = [&family[..], ip].concat();
        assert!(decode(&frame(link, &bytes)).is_ok());
    }
}

#[test]
fn cooked_captures_are_read_in_both_versions() {
    let ip = &tcp_frame()[14..];
    let mut first = vec![0; 14];
    first.extend_from_slice(&[8, 0]);
    assert!(decode(&frame(LinkType::LINUX_SLL, &[&first[..], ip].concat())).is_ok());
    let mut second = vec![8, 0];
    second.extend_from_slice(&[0; 18]);
    assert!(decode(&frame(LinkType::LINUX_SLL2, &[&second[..], ip].concat())).is_ok());
}

#[test]
fn what_is_not_tcp_or_udp_is_skipped_with_its_reason() {
    let with_type = |ether_type: [u8; 2]| [&[0; 12][..], &ether_type, &[0; 46]].concat();
    let skip = |link, bytes: &[u8]| decode(&frame(link, bytes)).unwrap_err();
    assert_eq!(skip(LinkType::ETHERNET, &with_type([0x08, 0x06])), Skip::Arp);
    assert_eq!(skip(LinkType::ETHERNET, &with_type([0x00, 0x26])), Skip::Llc);
    assert_eq!(skip(LinkType::ETHERNET, &with_type([0x88, 0xcc])), Skip::EtherType);
    assert_eq!(skip(LinkType(147), &[0; 60]), Skip::LinkType);
    let ip = |protocol: u8| {
        let mut bytes = tcp_frame();
        bytes[14 + 9] = protocol;
        bytes
    };
    assert_eq!(skip(LinkType::ETHERNET, &ip(1)), Skip::Icmp);
    assert_eq!(skip(LinkType::ETHERNET, &ip(2)), Skip::Igmp);
    assert_eq!(skip(LinkType::ETHERNET, &ip(132)), Skip::IpProtocol);
    let mut fragment = tcp_frame();
    fragment[14 + 6] = 0x20;
    assert_eq!(skip(LinkType::ETHERNET, &fragment), Skip::Fragment);
    let mut short_header = tcp_frame();
    short_header[14 + 20 + 12] = 0x10;
    assert_eq!(skip(LinkType::ETHERNET, &short_header), Skip::Malformed);
}

proptest! {
    #[test]
    fn any_bytes_decode_without_a_panic_and_payloads_lie_inside(
        link in prop::sample::select(vec![0_u16, 1, 12, 101, 108, 113, 228, 229, 276, 999]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        wire_len in any::<u32>(),
    ) {
        let frame = Frame { wire_len, ..frame(LinkType(link), &bytes) };
        if let Ok(segment) = decode(&frame) {
            prop_assert!(segment.payload.end as usize <= bytes.len());
            prop_assert!(segment.payload.len() <= segment.payload_len as usize);
        }
    }

    #[test]
    fn a_real_frame_with_any_byte_changed_decodes_without_a_panic(at in 0_usize..60, to in any::<u8>()) {
        let mut bytes = tcp_frame();
        if let Some(byte) = bytes.get_mut(at) { *byte = to; }
        let _ = decode(&frame(LinkType::ETHERNET, &bytes));
    }
}
