//! Decoding of frames from etherparse's packet builder, and of arbitrary bytes.

use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::*;
use crate::source::LinkType;
use crate::time::Time;

pub(in crate::decode) fn frame(link: LinkType, bytes: &[u8]) -> Frame<'_> {
    Frame { number: 7, time: Time(1), link, interface: 0, wire_len: bytes.len() as u32, bytes }
}

/// Decodes one frame, with tunnels.
pub(in crate::decode) fn decode<'a>(frame: &Frame<'a>) -> Result<Decoded<'a>, Skip> {
    Decoder::new(true).decode(frame)
}

/// The payload of a frame and the tunnel that it came through.
pub(in crate::decode) fn payload_of(
    link: LinkType,
    bytes: &[u8],
) -> Result<(Vec<u8>, Option<Tunnel>), Skip> {
    decode(&frame(link, bytes)).map(|(segment, payload)| (payload.into_owned(), segment.tunnel))
}

fn ethernet() -> etherparse::PacketBuilderStep<etherparse::Ethernet2Header> {
    PacketBuilder::ethernet2([2; 6], [4; 6])
}

/// A TCP segment with payload "hello" and options, over IPv4 in Ethernet.
pub(in crate::decode) fn tcp_frame() -> Vec<u8> {
    let builder = ethernet()
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .tcp(40_000, 3001, 77, 512)
        .ack(99)
        .options_raw(&[1, 1, 1, 1])
        .unwrap();
    let mut bytes = Vec::new();
    builder.write(&mut bytes, b"hello").unwrap();
    bytes
}

#[test]
fn reads_ports_numbers_flags_and_payload_of_tcp_over_ipv4() {
    let bytes = tcp_frame();
    let (segment, payload) = decode(&frame(LinkType::ETHERNET, &bytes)).unwrap();
    assert_eq!(
        (segment.five_tuple.source.port, segment.five_tuple.destination.port),
        (40_000, 3001)
    );
    assert_eq!((segment.seq, segment.ack, segment.flags), (77, 99, TcpFlags::ACK));
    assert_eq!((segment.frame, segment.payload_len, segment.tunnel), (7, 5, None));
    assert_eq!(&*payload, b"hello");
}

#[test]
fn ethernet_padding_is_not_payload() {
    let mut bytes = tcp_frame();
    bytes.extend_from_slice(&[0; 20]);
    assert_eq!(payload_of(LinkType::ETHERNET, &bytes), Ok((b"hello".to_vec(), None)));
}

#[test]
fn every_snap_length_gives_a_segment_or_says_truncated() {
    let bytes = tcp_frame();
    for cut in 0..bytes.len() {
        let frame =
            Frame { wire_len: bytes.len() as u32, ..frame(LinkType::ETHERNET, &bytes[..cut]) };
        match decode(&frame) {
            Ok((segment, _)) => {
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
    assert_eq!(decode(&frame(LinkType::ETHERNET, &bytes)).unwrap().0.payload_len, 5);
}

#[test]
fn looks_through_stacked_vlan_tags_up_to_a_limit() {
    let plain = tcp_frame();
    let tagged = |tags: &[u8]| [&plain[..12], tags, &plain[12..]].concat();
    let mixed = tagged(&[0x88, 0xa8, 0, 1, 0x91, 0x00, 0, 2, 0x81, 0x00, 0, 3]);
    assert_eq!(payload_of(LinkType::ETHERNET, &mixed), Ok((b"hello".to_vec(), None)));
    assert_eq!(
        payload_of(LinkType::ETHERNET, &tagged(&[0x81, 0, 0, 1].repeat(8))),
        Ok((b"hello".to_vec(), None))
    );
    assert_eq!(
        payload_of(LinkType::ETHERNET, &tagged(&[0x81, 0, 0, 1].repeat(9))),
        Err(Skip::Malformed)
    );
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
        let (segment, payload) = decode(&frame(link, &extended)).unwrap();
        assert_eq!(&*payload, b"osc!");
        assert_eq!(segment.five_tuple.transport, Transport::Udp);
    }
}

#[test]
fn bsd_loopback_is_read_in_both_byte_orders() {
    let ip = &tcp_frame()[14..];
    for (link, family) in [
        (LinkType::NULL, [2, 0, 0, 0]),
        (LinkType::NULL, [0, 0, 0, 2]),
        (LinkType::LOOP, [0, 0, 0, 2]),
    ] {
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
    assert_eq!(skip(LinkType::ETHERNET, &ip(50)), Skip::Esp);
    assert_eq!(skip(LinkType::ETHERNET, &ip(132)), Skip::Sctp);
    assert_eq!(skip(LinkType::ETHERNET, &ip(136)), Skip::UdpLite);
    assert_eq!(skip(LinkType::ETHERNET, &ip(33)), Skip::Dccp);
    assert_eq!(skip(LinkType::ETHERNET, &ip(89)), Skip::IpProtocol);
    let named = [
        (189, Skip::Usb),
        (201, Skip::Bluetooth),
        (253, Skip::Netlink),
        (227, Skip::Can),
        (177, Skip::WithoutIp),
    ];
    for (link, reason) in named {
        assert_eq!(skip(LinkType(link), &[0; 60]), reason);
    }
    assert_eq!(
        skip(LinkType::LINUX_SLL, &[&[0; 14][..], &[0, 0x0c], &[0; 16]].concat()),
        Skip::Can
    );
    assert_eq!(
        skip(LinkType::ETHERNET, &[&[0; 12][..], &[0x88, 0xe5, 0x0c], &[0; 45]].concat()),
        Skip::Macsec
    );
    let mut fragment = tcp_frame();
    fragment[14 + 3] = 20 + 24;
    fragment[14 + 6] = 0x20;
    assert_eq!(skip(LinkType::ETHERNET, &fragment), Skip::Fragment);
    fragment[14 + 3] = 20 + 232;
    assert!(
        decode(&frame(LinkType::ETHERNET, &fragment)).is_ok(),
        "a first piece that is cut stands for its datagram"
    );
    fragment[14 + 7] = 1;
    assert_eq!(skip(LinkType::ETHERNET, &fragment), Skip::Fragment, "but not another");
    let mut short_header = tcp_frame();
    short_header[14 + 20 + 12] = 0x10;
    assert_eq!(skip(LinkType::ETHERNET, &short_header), Skip::Malformed);
}

#[test]
fn a_frame_that_is_whole_and_too_short_is_malformed_and_not_cut() {
    assert_eq!(payload_of(LinkType::ETHERNET, &tcp_frame()[..20]), Err(Skip::Malformed));
}

#[test]
fn an_authentication_header_is_looked_through_in_both_versions() {
    let mut v4 = tcp_frame()[14..].to_vec();
    v4[3] += 24;
    v4[9] = 51;
    let authentication = [&[6, 4, 0, 0][..], &[7; 20]].concat();
    let v4 = [&v4[..20], &authentication, &v4[20..]].concat();
    assert_eq!(payload_of(LinkType::RAW, &v4), Ok((b"hello".to_vec(), None)));
    let tcp = &v4[44..];
    let v6 =
        [&[0x60, 0, 0, 0, 0, 24 + tcp.len() as u8, 51, 64][..], &[1; 32], &authentication, tcp]
            .concat();
    assert_eq!(payload_of(LinkType::RAW, &v6), Ok((b"hello".to_vec(), None)));
}

/// TCP over IPv6 with one extension header, whose first byte is to be the number of the next
/// header.
fn v6_with(kind: u8, extension: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ipv6([6; 16], [7; 16], 64)
        .tcp(40_000, 3001, 77, 512)
        .write(&mut bytes, b"hello")
        .unwrap();
    let len = bytes.len() - 40 + extension.len();
    bytes[4..6].copy_from_slice(&(len as u16).to_be_bytes());
    bytes[6] = kind;
    bytes.splice(40..40, extension.iter().copied());
    bytes
}

#[test]
fn the_ends_of_ipv6_are_those_of_the_conversation_and_not_of_the_next_stop() {
    let ends = |kind, extension: &[u8]| {
        let bytes = v6_with(kind, extension);
        let (segment, _) = decode(&frame(LinkType::RAW, &bytes)).unwrap();
        (segment.five_tuple.source.address, segment.five_tuple.destination.address)
    };
    let (here, there) = ([6; 16].into(), [7; 16].into());
    let routed = |kind, left| [&[6, 4, kind, left, 0, 0, 0, 0][..], &[8; 16], &[9; 16]].concat();
    assert_eq!(
        ends(43, &routed(0, 2)),
        (here, [9; 16].into()),
        "a source route ends at its last address"
    );
    assert_eq!(
        ends(43, &routed(4, 1)),
        (here, [8; 16].into()),
        "a segment list begins with its end"
    );
    assert_eq!(ends(43, &routed(0, 0)), (here, there), "the last stop is reached");
    assert_eq!(ends(43, &routed(3, 1)), (here, there), "what is not known changes nothing");
    let home = [&[6, 2, 1, 2, 0, 0, 0xc9, 16][..], &[5; 16]].concat();
    assert_eq!(ends(60, &home), ([5; 16].into(), there), "a mobile node is where it is at home");
    assert_eq!(ends(0, &home), (here, there), "but only destination options say so");
}

#[test]
fn frames_that_macsec_vouches_for_and_service_chains_are_looked_into() {
    let hello = Ok((b"hello".to_vec(), None));
    let (addresses, inner) =
        tcp_frame().split_at_checked(12).map(|(a, b)| (a.to_vec(), b.to_vec())).unwrap();
    let vouched = |tag: &[u8]| [&addresses, &[0x88, 0xe5][..], tag, &inner, &[0xee; 16]].concat();
    assert_eq!(
        payload_of(LinkType::ETHERNET, &vouched(&[0x20, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 0, 1])),
        hello
    );
    assert_eq!(payload_of(LinkType::ETHERNET, &vouched(&[0, 0, 0, 0, 0, 1])), hello);
    assert_eq!(payload_of(LinkType::ETHERNET, &vouched(&[0x0c, 0, 0, 0, 0, 1])), Err(Skip::Macsec));
    let chain = |next: u8, inside: &[u8]| {
        [&addresses, &[0x89, 0x4f, 0x0f, 0xc6, 1, next][..], &[0; 20], inside].concat()
    };
    assert_eq!(payload_of(LinkType::ETHERNET, &chain(1, &tcp_frame()[14..])), hello);
    assert_eq!(payload_of(LinkType::ETHERNET, &chain(3, &tcp_frame())), hello);
    assert_eq!(payload_of(LinkType::ETHERNET, &chain(9, &tcp_frame())), Err(Skip::EtherType));
}

/// The IPv4 fragments of an IPv4 packet: a header and at most `len` bytes of payload in each.
fn v4_fragments(packet: &[u8], len: usize) -> Vec<Vec<u8>> {
    let body = &packet[20..];
    let count = body.len().div_ceil(len);
    let piece = |(i, bytes): (usize, &[u8])| {
        let mut header = packet[..20].to_vec();
        header[2..4].copy_from_slice(&(20 + bytes.len() as u16).to_be_bytes());
        let more = if i + 1 < count { 0x2000 } else { 0 };
        header[6..8].copy_from_slice(&((i * len / 8) as u16 | more).to_be_bytes());
        [header, bytes.to_vec()].concat()
    };
    body.chunks(len).enumerate().map(piece).collect()
}

#[test]
fn the_frame_that_completes_a_datagram_gives_its_segment() {
    let packet = tcp_frame()[14..].to_vec();
    let pieces = v4_fragments(&packet, 8);
    let mut decoder = Decoder::new(true);
    let (last, first) = pieces.split_last().unwrap();
    for piece in first {
        assert_eq!(decoder.decode(&frame(LinkType::RAW, piece)).unwrap_err(), Skip::Fragment);
    }
    let (segment, payload) = decoder.decode(&frame(LinkType::RAW, last)).unwrap();
    assert_eq!(
        (segment.five_tuple.destination.port, segment.payload_len, &*payload),
        (3001, 5, &b"hello"[..])
    );
}

#[test]
fn fragments_of_ipv6_are_joined_behind_their_headers() {
    let mut bytes = Vec::new();
    PacketBuilder::ipv6([1; 16], [2; 16], 64)
        .udp(5, 8000)
        .write(&mut bytes, b"sixteen bytes!!!")
        .unwrap();
    // Destination options of eight bytes belong to the part that is fragmented.
    let body = [&[17, 0, 1, 4, 0, 0, 0, 0], &bytes[40..]].concat();
    let piece = |from: usize, to: usize| {
        let place = (from as u16 | u16::from(to < body.len())).to_be_bytes();
        let header = [60, 0, place[0], place[1], 0, 0, 0, 9];
        [
            &[0x60, 0, 0, 0, 0, 8 + (to - from) as u8, 44, 64],
            &bytes[8..40],
            &header,
            &body[from..to],
        ]
        .concat()
    };
    let mut decoder = Decoder::new(true);
    assert_eq!(
        decoder.decode(&frame(LinkType::RAW, &piece(16, body.len()))).unwrap_err(),
        Skip::Fragment
    );
    let piece = piece(0, 16);
    let (segment, payload) = decoder.decode(&frame(LinkType::RAW, &piece)).unwrap();
    assert_eq!((segment.payload_len, &*payload), (16, &b"sixteen bytes!!!"[..]));
}

#[test]
fn a_fragmented_tunnel_with_fragments_in_it_gives_its_segment() {
    let mut decoder = Decoder::new(true);
    let mut given = Vec::new();
    for (number, inner) in v4_fragments(&tcp_frame()[14..], 16).into_iter().enumerate() {
        let mut outer = [
            &[0x45, 0, 0, 0, 0, number as u8, 0, 0, 64, 4, 0, 0, 10, 9, 9, 9, 10, 9, 9, 8],
            &inner[..],
        ]
        .concat();
        let len = outer.len() as u16;
        outer[2..4].copy_from_slice(&len.to_be_bytes());
        for piece in v4_fragments(&outer, 24) {
            given.push(
                decoder
                    .decode(&frame(LinkType::RAW, &piece))
                    .map(|(s, payload)| (s.tunnel, payload.into_owned())),
            );
        }
    }
    assert_eq!(given.pop(), Some(Ok((Some(Tunnel::IpIp), b"hello".to_vec()))));
    assert!(given.iter().all(|result| *result == Err(Skip::Fragment)), "{given:?}");
}

proptest! {
    #[test]
    fn any_bytes_decode_without_a_panic_and_no_more_was_captured_than_sent(
        link in prop_oneof![0_u16..300, prop::sample::select(vec![0_u16, 1, 9, 50, 51, 101, 104, 105, 107, 113, 127, 192, 239, 276])],
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        wire_len in any::<u32>(),
    ) {
        let frame = Frame { wire_len, ..frame(LinkType(link), &bytes) };
        if let Ok((segment, payload)) = decode(&frame) {
            prop_assert!(payload.len() <= segment.payload_len as usize);
        }
    }

    #[test]
    fn a_real_frame_with_any_byte_changed_decodes_without_a_panic(at in 0_usize..60, to in any::<u8>()) {
        let mut bytes = tcp_frame();
        if let Some(byte) = bytes.get_mut(at) { *byte = to; }
        let _ = decode(&frame(LinkType::ETHERNET, &bytes));
    }

    #[test]
    fn a_packet_in_any_pieces_and_any_order_reads_as_the_whole(words in 1_usize..5, order in any::<prop::sample::Index>()) {
        let packet = tcp_frame()[14..].to_vec();
        let mut pieces = v4_fragments(&packet, words * 8);
        prop_assume!(pieces.len() > 1);
        let len = pieces.len();
        pieces.rotate_left(order.index(len));
        let mut decoder = Decoder::new(true);
        let given: Vec<_> =
            pieces.iter().map(|p| decoder.decode(&frame(LinkType::RAW, p)).map(|(_, payload)| payload.into_owned())).collect();
        prop_assert_eq!(given.iter().filter(|g| g.is_ok()).count(), 1);
        prop_assert_eq!(given.last(), Some(&Ok(b"hello".to_vec())));
    }
}

#[test]
fn fragments_of_several_vlans_do_not_mix() {
    let mut decoder = Decoder::new(true);
    let mut packet = tcp_frame()[14..].to_vec();
    packet[6] = 0;
    let pieces = v4_fragments(&packet, 16);
    let in_vlan =
        |vlan: u8, piece: &[u8]| [&[2; 12], &[0x81, 0, 0, vlan, 8, 0][..], piece].concat();
    let last = pieces.len() - 1;
    let mut whole = Vec::new();
    for (n, piece) in pieces.iter().enumerate() {
        for vlan in [10, 20] {
            let bytes = in_vlan(vlan, piece);
            match decoder.decode(&frame(LinkType::ETHERNET, &bytes)) {
                Ok((segment, payload)) => {
                    assert_eq!(
                        (n, segment.tenant.vlan(), &*payload),
                        (last, Some(vlan.into()), &b"hello"[..])
                    );
                    whole.push(vlan);
                }
                Err(reason) => assert_eq!(reason, Skip::Fragment),
            }
        }
    }
    assert_eq!(whole, [10, 20]);
}
