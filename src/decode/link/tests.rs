//! One link layer per test, from hand-made bytes.

use proptest::prelude::*;

use crate::decode::tests::{decode, frame, payload_of, tcp_frame};
use crate::decode::{Packet, Skip};
use crate::source::{Frame, LinkType};

/// The IP packet with payload "hello".
fn ip() -> Vec<u8> {
    tcp_frame()[14..].to_vec()
}

fn behind(header: &[u8]) -> Vec<u8> {
    [header, &ip()].concat()
}

fn reads(link: LinkType, header: &[u8]) {
    assert_eq!(
        payload_of(link, &behind(header)),
        Ok((b"hello".to_vec(), None)),
        "{link}: {header:02x?}"
    );
}

fn skips(link: LinkType, bytes: &[u8], reason: Skip) {
    assert_eq!(payload_of(link, bytes), Err(reason), "{link}: {bytes:02x?}");
}

const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
/// Behind Ethernet's addresses.
const MACS: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

#[test]
fn ppp_is_read_with_and_without_address_and_control_and_with_a_short_protocol() {
    for header in [
        &[0xff, 3, 0, 0x21][..],
        &[0, 0x21],
        &[0x21],
        &[0xff, 3, 0x21],
        &[0xff, 3, 2, 0x81, 0, 1, 0x11, 64],
    ] {
        reads(LinkType::PPP, header);
        reads(LinkType::PPP_HDLC, header);
    }
    reads(LinkType::PPP_PPPD, &[1, 3, 0, 0x21]);
    reads(LinkType::PPP_WITH_DIR, &[0, 0xff, 3, 0, 0x21]);
    skips(LinkType::PPP, &[0xff, 3, 0xc0, 0x21, 1, 1, 0, 4], Skip::Ppp);
}

#[test]
fn cisco_hdlc_is_read_alone_and_on_lines_that_may_speak_ppp() {
    for link in [LinkType::C_HDLC, LinkType::PPP_HDLC, LinkType::PPP] {
        reads(link, &[0x0f, 0, 8, 0]);
        reads(link, &[0x8f, 0, 8, 0]);
        skips(link, &[0x8f, 0, 0x80, 0x35, 0, 0, 0, 2], Skip::EtherType);
    }
    reads(LinkType::C_HDLC_WITH_DIR, &[1, 0x0f, 0, 8, 0]);
}

#[test]
fn frame_relay_is_read_in_each_encapsulation() {
    for header in [
        &[0x18, 0x41, 3, 0xcc][..],
        &[0x18, 0x41, 3, 0, 0xcc],
        &[0x18, 0x40, 1, 3, 0xcc],
        &[0x18, 0x40, 0, 1, 3, 0xcc],
        &[0x18, 0x41, 8, 0],
        &[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0],
    ] {
        reads(LinkType::FRELAY, header);
        reads(LinkType::FRELAY_WITH_DIR, &[&[1], header].concat());
    }
    reads(
        LinkType::FRELAY,
        &[&[0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7], &MACS[..], &[8, 0]].concat(),
    );
    skips(LinkType::FRELAY, &[0, 1, 3, 8, 0, 0x75, 1, 1], Skip::EtherType);
}

#[test]
fn pppoe_is_read_over_ethernet_and_alone() {
    let len = 2 + ip().len() as u8;
    let session = [0x11, 0, 0, 7, 0, len, 0, 0x21];
    reads(LinkType::PPP_ETHER, &session);
    reads(LinkType::ETHERNET, &[&MACS[..], &[0x88, 0x64], &session].concat());
    reads(LinkType::ETHERNET, &[&MACS[..], &[0x81, 0, 0, 7, 0x88, 0x64], &session].concat());
    skips(LinkType::PPP_ETHER, &[0x11, 0, 0, 7, 0, 6, 0xc0, 0x21, 9, 1, 0, 4], Skip::Ppp);
    skips(LinkType::ETHERNET, &[&MACS[..], &[0x88, 0x63, 0x11, 9, 0, 0, 0, 0]].concat(), Skip::Ppp);
}

#[test]
fn ieee_802_2_is_looked_through_where_ip_is_behind_it() {
    let len = (SNAP.len() + ip().len()) as u8;
    reads(LinkType::ETHERNET, &[&MACS[..], &[0, len], &SNAP].concat());
    reads(LinkType::ETHERNET, &[&MACS[..], &[0x81, 0, 0, 1, 0, len], &SNAP].concat());
    reads(LinkType::ETHERNET, &[&MACS[..], &[0, len - 5, 6, 6, 3]].concat());
    reads(LinkType::LINUX_SLL, &[&[0; 14][..], &[0, 4], &SNAP].concat());
    let spanning = [&MACS[..], &[0, 38, 0x42, 0x42, 3], &[0; 43]].concat();
    skips(LinkType::ETHERNET, &spanning, Skip::Llc);
    let discovery = [&MACS[..], &[0, 38, 0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0], &[0; 43]].concat();
    skips(LinkType::ETHERNET, &discovery, Skip::Llc);
}

#[test]
fn switches_own_tags_and_other_carriers_of_ieee_802_2_are_looked_through() {
    reads(LinkType::ETHERNET, &[&MACS[..], &[0x89, 0x03, 0, 0x7f], &MACS, &[8, 0]].concat());
    reads(
        LinkType::ETHERNET,
        &[&MACS[..], &[0x89, 0x26, 0, 1, 0, 2, 0x81, 0, 0, 7, 8, 0]].concat(),
    );
    reads(LinkType::FDDI, &[&[0x50], &MACS[..], &SNAP].concat());
    reads(LinkType::ATM_RFC1483, &SNAP);
}

#[test]
fn mpls_labels_are_looked_through_to_ip_and_to_ethernet_with_and_without_a_control_word() {
    let labels = [&MACS[..], &[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]].concat();
    reads(LinkType::ETHERNET, &labels);
    let inner = [&MACS[..], &[8, 0]].concat();
    reads(LinkType::ETHERNET, &[&labels[..], &[0; 4], &inner].concat());
    reads(LinkType::ETHERNET, &[&labels[..], &inner].concat());
    // A destination that looks like an IPv4 packet's first byte.
    let four = [&[0x45, 0, 0xff, 0xff, 0xff, 0xff], &MACS[6..], &[8, 0]].concat();
    reads(LinkType::ETHERNET, &[&labels[..], &four].concat());
    skips(LinkType::ETHERNET, &[&labels[..], &[0x10, 0, 0, 7], &[0; 40]].concat(), Skip::Mpls);
    skips(
        LinkType::ETHERNET,
        &[&labels[..], &[0; 4], &MACS, &[8, 6], &[0; 28]].concat(),
        Skip::Arp,
    );
    skips(
        LinkType::ETHERNET,
        &[&MACS[..], &[0x88, 0x47], &[0, 1, 0, 64].repeat(20)].concat(),
        Skip::Malformed,
    );
}

/// An 802.11 data header: two bytes of frame control, then so many bytes.
fn data(control: [u8; 2], len: usize) -> Vec<u8> {
    [&control[..], &vec![0; len - 2]].concat()
}

#[test]
fn wifi_data_is_read_in_each_header_length() {
    for header in [
        data([0x08, 0], 24),
        data([0x08, 1], 24),
        data([0x08, 3], 30),
        data([0x88, 2], 26),
        data([0x88, 3], 32),
        data([0x88, 0x80], 30),
    ] {
        reads(LinkType::IEEE802_11, &[&header[..], &SNAP].concat());
    }
}

#[test]
fn wifi_without_readable_data_is_skipped_by_name() {
    let with = |control| [&data(control, 26)[..], &[0; 40]].concat();
    skips(LinkType::IEEE802_11, &with([0x80, 0]), Skip::Wifi);
    skips(LinkType::IEEE802_11, &with([0xd4, 0]), Skip::Wifi);
    skips(LinkType::IEEE802_11, &with([0x48, 0]), Skip::Wifi);
    skips(LinkType::IEEE802_11, &with([0x88, 0x40]), Skip::WifiEncrypted);
    skips(LinkType::IEEE802_11, &with([0x08, 0x04]), Skip::Fragment);
    skips(LinkType::IEEE802_11, &with([0x09, 0]), Skip::Malformed);
}

#[test]
fn a_wifi_aggregate_of_one_is_read_and_of_several_counted() {
    let len = (SNAP.len() + ip().len()) as u8;
    let mut header = data([0x88, 2], 26);
    header[24] = 0x80;
    let one = [&MACS[..], &[0, len], &SNAP, &ip()].concat();
    assert_eq!(
        payload_of(LinkType::IEEE802_11, &[&header[..], &one].concat()),
        Ok((b"hello".to_vec(), None))
    );
    skips(LinkType::IEEE802_11, &[&header[..], &one, &[0; 3], &one].concat(), Skip::WifiAggregate);
}

#[test]
fn what_drivers_write_before_wifi_is_looked_through() {
    let wifi = [&data([0x08, 2], 24)[..], &SNAP].concat();
    // No field; flags; time and flags behind a second word; flags that say that the header is
    // padded.
    reads(LinkType::IEEE802_11_RADIOTAP, &[&[0, 0, 8, 0, 0, 0, 0, 0], &wifi[..]].concat());
    reads(LinkType::IEEE802_11_RADIOTAP, &[&[0, 0, 9, 0, 2, 0, 0, 0, 0x10], &wifi[..]].concat());
    let two = [&[0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0], &[0; 4][..], &[9; 8], &[0x10]].concat();
    reads(LinkType::IEEE802_11_RADIOTAP, &[&two[..], &wifi].concat());
    let padded =
        [&[0, 0, 9, 0, 2, 0, 0, 0, 0x20][..], &data([0x88, 2], 26), &[0, 0], &SNAP].concat();
    reads(LinkType::IEEE802_11_RADIOTAP, &padded);
    let avs = [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[0; 56]].concat();
    reads(LinkType::IEEE802_11_AVS, &[&avs[..], &wifi].concat());
    reads(LinkType::IEEE802_11_PRISM, &[&avs[..], &wifi].concat());
    reads(LinkType::IEEE802_11_PRISM, &[&[0, 0, 0, 0x44][..], &[0; 140], &wifi].concat());
    reads(LinkType::PPI, &[&[0, 0, 8, 0, 105, 0, 0, 0], &wifi[..]].concat());
    reads(LinkType::PPI, &[&[0, 0, 12, 0, 1, 0, 0, 0, 9, 9, 9, 9], &MACS[..], &[8, 0]].concat());
    reads(
        LinkType::LINUX_SLL,
        &[&[0, 0, 3, 0x23][..], &[0; 12], &[0, 0, 8, 0, 0, 0, 0, 0], &wifi].concat(),
    );
    reads(LinkType::PKTAP, &[&[12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], &MACS[..], &[8, 0]].concat());
}

#[test]
fn netfilter_logs_are_read_in_both_byte_orders() {
    let len = 4 + ip().len() as u8;
    reads(
        LinkType::NFLOG,
        &[2, 0, 0, 5, 8, 0, 1, 0, 8, 0, 0, 3, 5, 0, 10, 0, 0, 0, 0, 0, len, 0, 9, 0],
    );
    reads(
        LinkType::NFLOG,
        &[2, 0, 0, 5, 0, 8, 0, 1, 8, 0, 0, 3, 0, 5, 0, 10, 0, 0, 0, 0, 0, len, 0, 9],
    );
    skips(LinkType::NFLOG, &[2, 0, 0, 5, 3, 0, 1, 0, 8, 0, 0, 3], Skip::Malformed);
    skips(LinkType::NFLOG, &[2, 0, 0, 5, 8, 0, 1, 0, 8, 0, 0, 3], Skip::Malformed);
}

#[test]
fn solaris_ipnet_is_read() {
    reads(LinkType::IPNET, &[&[1, 2, 0, 1], &[0; 20][..]].concat());
}

#[test]
fn frames_within_frames_end_at_the_limit() {
    let wire = |layers| {
        [
            [&[0, 0, 8, 0, 192, 0, 0, 0][..]].repeat(layers).concat(),
            vec![0, 0, 8, 0, 101, 0, 0, 0],
            ip(),
        ]
        .concat()
    };
    assert_eq!(payload_of(LinkType::PPI, &wire(7)), Ok((b"hello".to_vec(), None)));
    skips(LinkType::PPI, &wire(8), Skip::Nested);
    // As deep as memory: none of them may recurse without counting.
    for layer in [
        &[0x81, 0, 0, 0, 0, 9, 0xaa, 0xaa, 3, 0, 0, 0][..],
        &[0x65, 0x58, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        assert!(
            payload_of(LinkType::ETHERNET, &[&MACS[..], &layer.repeat(100_000)].concat()).is_err()
        );
    }
}

proptest! {
    #[test]
    fn the_short_way_says_what_the_long_one_says(
        link in prop::sample::select(vec![1_u16, 12, 101, 113, 228, 276]),
        mut bytes in prop::collection::vec(any::<u8>(), 0..80),
        types in prop::collection::vec(prop::sample::select(vec![0x0800_u16, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x9100, 0x0004]), 9),
    ) {
        // EtherTypes where a link type or a tag may have one.
        for (i, ether_type) in types.into_iter().enumerate() {
            for at in [0, 12 + 4 * i, 14 + 4 * i, 20 + 4 * i] {
                if let Some(place) = bytes.get_mut(at..at + 2).filter(|_| at > 0 || link == 276) {
                    place.copy_from_slice(&ether_type.to_be_bytes());
                }
            }
        }
        let packet = Packet::from_frame(&frame(LinkType(link), &bytes));
        if let Some(short) = super::fast_path(LinkType(link), packet) {
            let long = super::packet(LinkType(link), packet);
            prop_assert_eq!(short.map(Packet::bytes), long.map(Packet::bytes));
        }
    }

    #[test]
    fn every_link_type_takes_any_bytes_behind_its_header(
        link in prop::sample::select(vec![9_u16, 10, 50, 51, 100, 104, 105, 107, 119, 127, 163, 166, 192, 204, 206, 226, 239, 258]),
        header in prop::sample::select(vec![
            vec![0xff, 3, 0, 0x21], vec![0x0f, 0, 8, 0], vec![0, 0, 8, 0, 0, 0, 0, 0], vec![0x88, 2], vec![2, 0, 0, 0, 8, 0, 1, 0],
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        missing in 0_u32..40,
    ) {
        let bytes = [header, bytes].concat();
        let frame = Frame { wire_len: bytes.len() as u32 + missing, ..frame(LinkType(link), &bytes) };
        if let Ok((segment, payload)) = decode(&frame) {
            prop_assert!(payload.len() <= segment.payload_len as usize);
        }
    }
}
