//! One tunnel per test, from hand-made bytes: an exact header is decoded as a tunnel, any other
//! datagram stays a segment.

use proptest::prelude::*;

use super::*;
use crate::decode::tests::{decode, frame, payload_of, tcp_frame};
use crate::decode::{Decoder, Transport};
use crate::source::{Frame, LinkType};

/// The IP packet with payload "hello", and the same in Ethernet.
fn ip() -> Vec<u8> {
    tcp_frame()[14..].to_vec()
}

/// UDP with payload "osc!" over IPv6.
fn ip6(source: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0, 0, 12, 17, 64];
    bytes.extend(source);
    bytes.extend([7; 12]);
    bytes.extend([9; 16]);
    bytes.extend([0, 5, 0x1f, 0x40, 0, 12, 0, 0]);
    bytes.extend(b"osc!");
    bytes
}

/// An outer IPv4 packet.
fn over(protocol: u8, carried: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x45, 0];
    bytes.extend((20 + carried.len() as u16).to_be_bytes());
    bytes.extend([0, 1, 0x40, 0, 64, protocol, 0, 0, 172, 16, 0, 1, 172, 16, 0, 2]);
    bytes.extend(carried);
    bytes
}

/// An outer UDP datagram.
fn udp(ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let mut bytes = [
        ports.0.to_be_bytes(),
        ports.1.to_be_bytes(),
        (8 + payload.len() as u16).to_be_bytes(),
        [0; 2],
    ]
    .concat();
    bytes.extend(payload);
    over(17, &bytes)
}

fn given(packet: &[u8]) -> Result<(Vec<u8>, Option<Tunnel>), Skip> {
    payload_of(LinkType::RAW, packet)
}

fn hello(tunnel: Tunnel) -> (Vec<u8>, Option<Tunnel>) {
    (b"hello".to_vec(), Some(tunnel))
}

/// The header of an IP protocol, what follows it, and the result.
fn gives(protocol: u8, header: &[u8], inner: &[u8], tunnel: Tunnel) {
    assert_eq!(
        given(&over(protocol, &[header, inner].concat())),
        Ok(hello(tunnel)),
        "{protocol}: {header:02x?}"
    );
}

#[test]
fn ip_in_ip_is_looked_into_in_each_pair_of_versions() {
    gives(4, &[], &ip(), Tunnel::IpIp);
    let osc = |tunnel| Ok((b"osc!".to_vec(), Some(tunnel)));
    assert_eq!(given(&over(41, &ip6([0x20, 1, 0xd, 0xb8]))), osc(Tunnel::SixInFour));
    let in_six = |next: u8, inner: &[u8]| {
        [&[0x60, 0, 0, 0, 0, inner.len() as u8, next, 64], &[8; 32][..], inner].concat()
    };
    assert_eq!(given(&in_six(4, &ip())), Ok(hello(Tunnel::IpIp)));
    assert_eq!(given(&in_six(41, &ip6([1; 4]))), osc(Tunnel::IpIp));
}

#[test]
fn gre_is_looked_into_with_each_optional_field() {
    for header in [
        &[0, 0, 8, 0][..],
        &[0x80, 0, 8, 0, 0xab, 0xcd, 0, 0],
        &[0x20, 0, 8, 0, 0, 0, 0, 7],
        &[0x10, 0, 8, 0, 0, 0, 0, 1],
        &[0xb0, 0, 8, 0, 1, 2, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1],
        &[0, 0, 0x88, 0x47, 0, 1, 1, 64],
        &[0, 0, 0x88, 0x3e],
        &[0, 0, 0x88, 0x3e, 0, 1, 2, 3],
        &[0, 0, 0x88, 0x0b, 0xff, 3, 0, 0x21],
    ] {
        gives(47, header, &ip(), Tunnel::Gre);
    }
    gives(47, &[0x20, 0, 0x65, 0x58, 0, 0, 0, 7], &tcp_frame(), Tunnel::Gre);
    let wifi = [&[8, 2], &[0; 22][..], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &ip()].concat();
    gives(47, &[0, 0, 0x82, 0x10], &wifi, Tunnel::Gre);
    assert_eq!(given(&over(47, &[0, 0, 0, 0])), Err(Skip::Tunnel), "a keepalive");
    assert_eq!(given(&over(47, &[0x40, 0, 8, 0, 0, 0, 0, 0])), Err(Skip::Tunnel), "source routing");
    assert_eq!(given(&over(47, &[0, 0, 0x88, 0xcc, 0, 0, 0, 0])), Err(Skip::EtherType));
}

#[test]
fn pptp_is_looked_into_where_it_carries_ip() {
    let len = 4 + ip().len() as u8;
    gives(
        47,
        &[0x30, 0x01, 0x88, 0x0b, 0, len, 0, 1, 0, 0, 0, 9, 0xff, 3, 0, 0x21],
        &ip(),
        Tunnel::Pptp,
    );
    gives(
        47,
        &[0x30, 0x81, 0x88, 0x0b, 0, len - 2, 0, 1, 0, 0, 0, 9, 0, 0, 0, 8, 0, 0x21],
        &ip(),
        Tunnel::Pptp,
    );
    let compressed = [0x30, 0x01, 0x88, 0x0b, 0, 4, 0, 1, 0, 0, 0, 9, 0, 0xfd, 0x90, 0];
    assert_eq!(given(&over(47, &compressed)), Err(Skip::Ppp));
    assert_eq!(
        given(&over(47, &[0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 1, 0, 0, 0, 9])),
        Err(Skip::Tunnel)
    );
}

#[test]
fn mirrored_frames_are_read_in_each_type() {
    gives(47, &[0, 0, 0x88, 0xbe], &tcp_frame(), Tunnel::Erspan);
    gives(
        47,
        &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 1, 0, 7, 0, 0, 0, 0],
        &tcp_frame(),
        Tunnel::Erspan,
    );
    let three = |kind: u8| {
        [&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 1, 0, 7], &[0; 6][..], &[kind, 0]].concat()
    };
    gives(47, &three(0), &tcp_frame(), Tunnel::Erspan);
    gives(47, &three(2 << 2), &ip(), Tunnel::Erspan);
    let mut platform = three(0);
    platform[19] = 1;
    gives(47, &[&platform[..], &[0; 8]].concat(), &tcp_frame(), Tunnel::Erspan);
}

#[test]
fn ethernet_and_mpls_in_ip_and_l2tp_of_version_3_are_looked_into() {
    gives(97, &[0x30, 0], &tcp_frame(), Tunnel::EtherIp);
    assert_eq!(given(&over(97, &[&[0x30, 1][..], &tcp_frame()].concat())), Err(Skip::Tunnel));
    gives(137, &[0, 1, 0, 64, 0, 2, 1, 64], &ip(), Tunnel::Mpls);
    for behind in [0, 4, 8, 12] {
        gives(115, &[&[0, 0, 0, 7][..], &vec![0; behind]].concat(), &tcp_frame(), Tunnel::L2tp);
    }
    assert_eq!(given(&over(115, &[0; 60])), Err(Skip::Tunnel));
}

/// A UDP tunnel: its port, the header, what follows it, the result.
fn udp_gives(port: u16, header: &[u8], inner: &[u8], tunnel: Tunnel) {
    let payload = [header, inner].concat();
    assert_eq!(given(&udp((50_000, port), &payload)), Ok(hello(tunnel)), "{port}: {header:02x?}");
    // Without tunnels, and with a byte that no longer fits, the outer segment stands.
    let packet = udp((50_000, port), &payload);
    let (segment, outer) = Decoder::new(false).decode(&frame(LinkType::RAW, &packet)).unwrap();
    assert_eq!(
        (segment.five_tuple.destination.port, segment.tunnel, &*outer),
        (port, None, &payload[..])
    );
    for cut in 0..payload.len() - 29 {
        stands(port, &payload[..cut]);
    }
}

fn stands(port: u16, payload: &[u8]) {
    assert_eq!(
        given(&udp((50_000, port), payload)),
        Ok((payload.to_vec(), None)),
        "{port}: {payload:02x?}"
    );
}

#[test]
fn vxlan_is_looked_into_and_what_only_looks_like_it_stands() {
    for port in [4_789, 8_472] {
        udp_gives(port, &[8, 0, 0, 0, 0, 0, 7, 0], &tcp_frame(), Tunnel::Vxlan);
        udp_gives(port, &[0x88, 0x48, 1, 2, 0, 0, 7, 0], &tcp_frame(), Tunnel::Vxlan);
        for header in [
            [8, 0, 0, 1, 0, 0, 7, 0],
            [8, 0, 0, 0, 0, 0, 7, 1],
            [0x0c, 0, 0, 0, 0, 0, 7, 0],
            [0; 8],
        ] {
            stands(port, &[&header[..], &tcp_frame()].concat());
        }
    }
    let mut longer = tcp_frame();
    longer[17] += 1;
    stands(4_789, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &longer].concat());
    stands(4_790, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &tcp_frame()].concat());
    let arp = [&[8, 0, 0, 0, 0, 0, 7, 0], &[2; 12][..], &[8, 6], &[0; 28]].concat();
    stands(4_789, &arp);
}

#[test]
fn a_tunnel_that_carries_neither_tcp_nor_udp_stands_for_itself() {
    let mut icmp = tcp_frame();
    icmp[14 + 9] = 1;
    stands(4_789, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &icmp].concat());
    stands(6_081, &[&[0, 0, 0x65, 0x58, 0, 0, 7, 0][..], &icmp].concat());
}

#[test]
fn vxlan_gpe_is_looked_into_by_its_next_protocol() {
    udp_gives(4_790, &[0x0c, 0, 0, 3, 0, 0, 7, 0], &tcp_frame(), Tunnel::VxlanGpe);
    udp_gives(4_790, &[0x0c, 0, 0, 1, 0, 0, 7, 0], &ip(), Tunnel::VxlanGpe);
    stands(4_790, &[&[0x0c, 0, 0, 4, 0, 0, 7, 0][..], &ip()].concat());
}

#[test]
fn geneve_is_looked_into_behind_options_that_fit() {
    udp_gives(6_081, &[0, 0, 0x65, 0x58, 0, 0, 7, 0], &tcp_frame(), Tunnel::Geneve);
    udp_gives(6_081, &[0, 0, 8, 0, 0, 0, 7, 0], &ip(), Tunnel::Geneve);
    udp_gives(
        6_081,
        &[3, 0x40, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 0x80, 1, 9, 9, 9, 9, 1, 2, 3, 0],
        &tcp_frame(),
        Tunnel::Geneve,
    );
    for header in [
        &[0x40, 0, 8, 0, 0, 0, 7, 0][..],
        &[0, 0x80, 8, 0, 0, 0, 7, 0],
        &[0, 0, 8, 0, 0, 0, 7, 1],
        &[1, 0, 8, 0, 0, 0, 7, 0, 1, 2, 3, 1],
        &[0, 0, 0x12, 0x34, 0, 0, 7, 0],
    ] {
        stands(6_081, &[header, &ip()].concat());
    }
}

#[test]
fn gtp_is_looked_into_where_it_is_user_data() {
    let len = |more: usize| ((ip().len() + more) as u16).to_be_bytes();
    let header =
        |flags: u8, kind: u8, more: usize| [&[flags, kind][..], &len(more), &[0, 0, 0, 7]].concat();
    udp_gives(2_152, &header(0x30, 0xff, 0), &ip(), Tunnel::GtpU);
    udp_gives(2_152, &[&header(0x32, 0xff, 4)[..], &[0, 1, 0, 0]].concat(), &ip(), Tunnel::GtpU);
    udp_gives(
        2_152,
        &[&header(0x34, 0xff, 8)[..], &[0, 0, 0, 0x85, 1, 0, 9, 0]].concat(),
        &ip(),
        Tunnel::GtpU,
    );
    stands(2_152, &[&header(0x32, 1, 4)[..], &[0, 1, 0, 0], &ip()].concat());
    stands(2_152, &[&header(0x30, 0xff, 1)[..], &ip()].concat());
    stands(2_152, &[&header(0x34, 0xff, 8)[..], &[0, 0, 0, 0x85, 0, 0, 9, 0], &ip()].concat());
}

#[test]
fn teredo_is_looked_into_both_ways_and_behind_what_may_precede_it() {
    let inner = ip6([0x20, 1, 0, 0]);
    let authentication = [0, 1, 1, 2, 9, 8, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0];
    let origin = [0, 0, 0xab, 0xcd, 1, 2, 3, 4];
    for before in
        [vec![], origin.to_vec(), authentication.to_vec(), [&authentication[..], &origin].concat()]
    {
        let payload = [before, inner.clone()].concat();
        for ports in [(50_000, 3_544), (3_544, 50_000)] {
            assert_eq!(given(&udp(ports, &payload)), Ok((b"osc!".to_vec(), Some(Tunnel::Teredo))));
        }
    }
    stands(3_544, &ip6([0x20, 1, 0xd, 0xb8]));
    stands(3_544, &inner[..inner.len() - 1]);
    let trailer = [&inner[..], &[4, 4, 1, 2, 3, 4]].concat();
    assert_eq!(
        given(&udp((50_000, 3_544), &trailer)),
        Ok((b"osc!".to_vec(), Some(Tunnel::Teredo)))
    );
    let mut bubble = inner[..40].to_vec();
    bubble[4..7].copy_from_slice(&[0, 0, 59]);
    stands(3_544, &bubble);
}

#[test]
fn l2tp_is_looked_into_with_each_optional_field() {
    let len = |header: usize| ((header + ip().len()) as u16).to_be_bytes();
    udp_gives(1_701, &[0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21], &ip(), Tunnel::L2tp);
    udp_gives(
        1_701,
        &[&[0x40, 2][..], &len(12), &[0, 1, 0, 2, 0xff, 3, 0, 0x21]].concat(),
        &ip(),
        Tunnel::L2tp,
    );
    udp_gives(1_701, &[0x0a, 2, 0, 1, 0, 2, 0, 3, 0, 4, 0, 2, 9, 9, 0, 0x21], &ip(), Tunnel::L2tp);
    let back = udp((1_701, 50_000), &[&[0, 2, 0, 1, 0, 2, 0, 0x21][..], &ip()].concat());
    assert_eq!(given(&back), Ok(hello(Tunnel::L2tp)));
    let version_3 = [&[0, 3, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0][..], &tcp_frame()].concat();
    assert_eq!(given(&udp((1_701, 1_701), &version_3)), Ok(hello(Tunnel::L2tp)));
    stands(1_701, &[&[0xc8, 2][..], &len(12), &[0, 1, 0, 2, 0, 0, 0, 0], &ip()].concat());
    stands(1_701, &[&[0x40, 2][..], &len(13), &[0, 1, 0, 2, 0xff, 3, 0, 0x21], &ip()].concat());
    stands(1_701, &[0, 2, 0, 1, 0, 2, 0xff, 3, 0xc0, 0x21, 1, 1, 0, 4]);
}

#[test]
fn mpls_in_udp_and_sniffed_frames_are_looked_into() {
    udp_gives(6_635, &[0, 1, 1, 64], &ip(), Tunnel::Mpls);
    udp_gives(37_008, &[1, 0, 0, 1, 1], &tcp_frame(), Tunnel::Tzsp);
    udp_gives(37_008, &[1, 0, 0, 1, 0, 0x0a, 1, 0xb4, 1], &tcp_frame(), Tunnel::Tzsp);
    let wifi = [&[8, 0], &[0; 22][..], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &ip()].concat();
    udp_gives(37_008, &[1, 0, 0, 18, 1], &wifi, Tunnel::Tzsp);
    stands(37_008, &[&[1, 4, 0, 1, 1][..], &tcp_frame()].concat());
}

#[test]
fn tunnels_in_tunnels_end_at_the_limit_and_the_innermost_is_named() {
    let nested = |layers| (0..layers).fold(ip(), |inner, _| over(4, &inner));
    assert_eq!(given(&nested(8)), Ok(hello(Tunnel::IpIp)));
    assert_eq!(given(&nested(9)), Err(Skip::Nested));
    assert_eq!(
        given(&over(
            47,
            &[
                &[0, 0, 8, 0][..],
                &udp((1, 4_789), &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &tcp_frame()].concat())
            ]
            .concat()
        )),
        Ok(hello(Tunnel::Vxlan))
    );
    // A UDP tunnel beyond the maximum depth stays UDP.
    let vxlan = |inner: &[u8]| {
        udp((1, 4_789), &[&[8, 0, 0, 0, 0, 0, 7, 0], &tcp_frame()[..14], inner].concat())
    };
    let deep = (0..9).fold(ip(), |inner, _| vxlan(&inner));
    let (segment, _) = decode(&frame(LinkType::RAW, &deep)).unwrap();
    assert_eq!(
        (segment.five_tuple.transport, segment.tunnel),
        (Transport::Udp, Some(Tunnel::Vxlan))
    );
}

#[test]
fn without_tunnels_their_packets_are_skipped_and_what_is_no_tunnel_keeps_its_reason() {
    let reason =
        |packet: &[u8]| Decoder::new(false).decode(&frame(LinkType::RAW, packet)).unwrap_err();
    assert_eq!(reason(&over(4, &ip())), Skip::Tunnel);
    assert_eq!(reason(&over(47, &[&[0, 0, 8, 0][..], &ip()].concat())), Skip::Tunnel);
    assert_eq!(reason(&over(1, &[0; 8])), Skip::Icmp);
    assert_eq!(reason(&over(50, &[0; 40])), Skip::Esp);
}

#[test]
fn a_snap_length_cuts_the_inside_of_a_tunnel_and_says_so() {
    let packet = udp((50_000, 4_789), &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &tcp_frame()].concat());
    // The outer headers and VXLAN's, the inner Ethernet's and IP's: less than this leaves nothing
    // to prove the tunnel by.
    let proved = 20 + 8 + 8 + 14 + 20;
    for cut in 28..packet.len() {
        let frame = Frame { wire_len: packet.len() as u32, ..frame(LinkType::RAW, &packet[..cut]) };
        match decode(&frame) {
            Ok((segment, _)) if cut < proved => {
                assert_eq!((segment.five_tuple.destination.port, segment.tunnel), (4_789, None));
            }
            Ok((segment, _)) => {
                assert_eq!(
                    (segment.payload_len, segment.tunnel),
                    (5, Some(Tunnel::Vxlan)),
                    "{cut}"
                );
            }
            Err(reason) => assert!(
                reason == Skip::Truncated && (proved..proved + 20).contains(&cut),
                "{cut}: {}",
                reason.as_str()
            ),
        }
    }
}

#[test]
fn names_are_unique() {
    let names: std::collections::BTreeSet<_> =
        Tunnel::ALL.iter().map(|tunnel| tunnel.as_str()).collect();
    assert_eq!(names.len(), Tunnel::ALL.len());
}

proptest! {
    #[test]
    fn any_bytes_in_a_tunnel_decode_without_a_panic_and_udp_is_never_lost(
        port in prop::sample::select(vec![1_701_u16, 2_152, 3_544, 4_789, 4_790, 6_081, 6_635, 8_472, 37_008]),
        bytes in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        prop_assert!(decode(&frame(LinkType::RAW, &udp((50_000, port), &bytes))).is_ok(), "chance does not make a header");
    }

    #[test]
    fn any_bytes_behind_an_ip_protocol_decode_without_a_panic(
        protocol in any::<u8>(),
        bytes in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let _ = decode(&frame(LinkType::RAW, &over(protocol, &bytes)));
    }

    #[test]
    fn a_real_tunnel_with_any_byte_changed_gives_no_more_than_was_sent(at in 0_usize..110, to in any::<u8>()) {
        let mut packet = udp((50_000, 4_789), &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &tcp_frame()].concat());
        if let Some(byte) = packet.get_mut(at) { *byte = to; }
        if let Ok((segment, payload)) = decode(&frame(LinkType::RAW, &packet)) {
            prop_assert!(payload.len() <= segment.payload_len as usize);
        }
    }
}

#[test]
fn the_innermost_virtual_network_and_the_tags_inside_of_it_count() {
    let tenant = |bytes: &[u8]| decode(&frame(LinkType::ETHERNET, bytes)).unwrap().0.tenant;
    let tagged = |frame: &[u8], tags: &[u16]| {
        let tags: Vec<u8> =
            tags.iter().flat_map(|tag| [0x81, 0, (tag >> 8) as u8, *tag as u8]).collect();
        [&frame[..12], &tags, &frame[12..]].concat()
    };
    let over_ip = |packet: &[u8]| [&[2; 12], &[8, 0][..], packet].concat();
    let numbers = |bytes: &[u8]| {
        let tenant = tenant(bytes);
        (tenant.outer_vlan(), tenant.vlan(), tenant.vni())
    };
    assert_eq!(numbers(&tcp_frame()), (None, None, None));
    assert_eq!(numbers(&tagged(&tcp_frame(), &[0x2064])), (None, Some(100), None));
    assert_eq!(numbers(&tagged(&tcp_frame(), &[0, 7, 8])), (Some(7), Some(8), None));
    let vxlan =
        |frame: &[u8]| over_ip(&udp((5, 4_789), &[&[8, 0, 0, 0, 1, 2, 3, 0], frame].concat()));
    assert_eq!(numbers(&tagged(&vxlan(&tcp_frame()), &[9])), (None, None, Some(0x01_02_03)));
    assert_eq!(numbers(&vxlan(&tagged(&tcp_frame(), &[9]))), (None, Some(9), Some(0x01_02_03)));
    let geneve =
        over_ip(&udp((5, 6_081), &[&[0, 0, 0x65, 0x58, 0, 0, 0, 0], &tcp_frame()[..]].concat()));
    assert_eq!(numbers(&geneve), (None, None, Some(0)));
    let gpe = over_ip(&udp((5, 4_790), &[&[0x0c, 0, 0, 3, 0, 0, 7, 0], &tcp_frame()[..]].concat()));
    assert_eq!(numbers(&gpe), (None, None, Some(7)));
    // In IP in a virtual network, one is still in it.
    let in_ip = vxlan(&over_ip(&over(4, &ip())));
    assert_eq!(numbers(&in_ip), (None, None, Some(0x01_02_03)));
}

#[test]
fn a_key_of_gre_is_a_virtual_network_without_the_flows_of_nvgre() {
    let vni = |header: &[u8], inner: &[u8]| {
        let packet = over(47, &[header, inner].concat());
        decode(&frame(LinkType::RAW, &packet)).unwrap().0.tenant.vni()
    };
    assert_eq!(vni(&[0, 0, 8, 0], &ip()), None);
    assert_eq!(vni(&[0x20, 0, 8, 0, 0xff, 0, 0, 7], &ip()), Some(0xff00_0007));
    assert_eq!(vni(&[0xa0, 0, 8, 0, 1, 2, 0, 0, 0, 0, 0, 9], &ip()), Some(9));
    assert_eq!(vni(&[0x20, 0, 0x65, 0x58, 0, 0, 0, 7], &tcp_frame()), Some(7));
    assert_eq!(vni(&[0x20, 0, 0x65, 0x58, 0, 0x10, 0, 7], &tcp_frame()), Some(0x1000));
}
