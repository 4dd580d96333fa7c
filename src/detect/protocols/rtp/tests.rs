//! Streams as captured, and what looks like them.

use super::*;
use crate::evidence::Recognition;

/// A datagram of a stream: type, number, time and source, and the length of its payload.
fn packet(kind: u8, number: u16, time: u32, source: u32, len: usize) -> Vec<u8> {
    let head = [&[0x80, kind][..], &number.to_be_bytes(), &time.to_be_bytes()].concat();
    [&head[..], &source.to_be_bytes(), &vec![0x5a; len]].concat()
}

/// Sound of one source with these numbers, 160 ticks for each.
fn sound(numbers: impl IntoIterator<Item = u16>) -> Vec<Vec<u8>> {
    numbers.into_iter().map(|n| packet(8, n, u32::from(n) * 160, 7, 160)).collect()
}

fn of_sides(initiator: &[Vec<u8>], responder: &[Vec<u8>]) -> Detection {
    let slices = |datagrams: &[Vec<u8>]| -> Vec<Vec<u8>> { datagrams.to_vec() };
    let (initiator, responder) = (slices(initiator), slices(responder));
    let initiator: Vec<&[u8]> = initiator.iter().map(Vec::as_slice).collect();
    let responder: Vec<&[u8]> = responder.iter().map(Vec::as_slice).collect();
    inspect(&Opening::from_payloads(Transport::Udp, &initiator, &responder), Depth::Facts)
}

fn detect(datagrams: &[Vec<u8>]) -> Detection {
    of_sides(datagrams, &[])
}

fn is_rtp(datagrams: &[Vec<u8>]) -> bool {
    matches!(detect(datagrams), Detection::Yes(..))
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let value = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16);
    digits.chunks(2).map(|digits| value(digits).unwrap()).collect()
}

#[test]
fn eight_datagrams_that_follow_each_other_are_a_stream_and_five_where_no_more_came() {
    assert!(is_rtp(&sound(1..9)));
    for few in 5..8 {
        assert!(matches!(detect(&sound(1..=few)), Detection::Partly(..)), "{few}");
    }
    assert_eq!(detect(&sound(1..5)), Detection::NeedMore, "four are too few");
    let others = (0..3).map(|i| packet(96, 9000 * i, 0, 9 + u32::from(i), 50));
    assert!(!matches!(
        detect(&sound(1..6).into_iter().chain(others).collect::<Vec<_>>()),
        Detection::Yes(..) | Detection::Partly(..)
    ));
}

#[test]
fn a_stream_may_be_doubled_swapped_lossy_and_wrap_around() {
    for numbers in [
        &[1, 1, 2, 2, 3, 3, 4, 4, 5, 5][..],
        &[1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6],
        &[2, 1, 4, 3, 6, 5, 8, 7],
        &[1, 2, 3, 24, 25, 26, 27, 28],
        &[1, 2, 3, 900, 901, 902, 903, 904],
        &[65_532, 65_533, 65_534, 65_535, 0, 1, 2, 3],
    ] {
        let datagrams: Vec<_> =
            numbers.iter().map(|&n| packet(0, n, u32::from(n) * 160, 7, 160)).collect();
        assert!(is_rtp(&datagrams), "{numbers:?}");
    }
    for numbers in [
        &[1, 1, 1, 1, 1, 1, 1, 1, 1][..],
        &[1, 2, 3, 4, 4, 4, 4, 4],
        &[1, 900, 1800, 2700, 2701, 2702, 2703, 2704],
        &[9, 8, 7, 6, 5, 4, 3, 2],
    ] {
        assert!(!is_rtp(&sound(numbers.iter().copied())), "{numbers:?}");
    }
}

#[test]
fn a_stream_is_found_behind_and_between_what_shares_its_flow() {
    let stun = hex("000100002112a442 303132333435363738396162");
    let dtls = hex("16feff0000000000000000 0001 00");
    let report = hex("81c90007 00000007 00000008 00000000 00000000 00000000 00000000 00000000");
    for prelude in [
        vec![stun.clone(); 3],
        vec![vec![0; 4]; 4],
        vec![b"\r\n\r\n".to_vec()],
        vec![b"\r\n\r\n\r\n\r\n".to_vec()],
        vec![stun, dtls, report],
        // What eyeBeam sends first: the same of another type three times.
        vec![packet(125, 0, 0, 7, 4); 3],
        // A key of the telephone, and silence.
        vec![packet(101, 0, 0, 7, 4), packet(13, 0, 0, 7, 1)],
        vec![b"keep-alive".to_vec(); 3],
        vec![vec![0; 20]; 3],
    ] {
        let all: Vec<_> = prelude.iter().cloned().chain(sound(1..12)).collect();
        assert!(is_rtp(&all), "{prelude:02x?}");
        let alone = detect(&prelude);
        assert!(!matches!(alone, Detection::Yes(..) | Detection::Partly(..)), "{prelude:02x?}");
    }
}

#[test]
fn without_a_source_the_clock_or_the_sizes_must_be_constant() {
    let of = |time: &dyn Fn(u16) -> u32, len: &dyn Fn(u16) -> usize| -> Vec<_> {
        (1..12).map(|n| packet(96, n, time(n), 0, len(n))).collect()
    };
    let (steady, frames) = (|n: u16| u32::from(n) * 48, |n: u16| u32::from(n / 4) * 1501);
    assert!(is_rtp(&of(&steady, &usize::from)), "constant step");
    assert!(is_rtp(&of(&frames, &|_| 1400)), "equal sizes, most of which are not stored");
    assert!(!is_rtp(&of(&frames, &|n| 1000 + usize::from(n))));
}

#[test]
fn both_sides_may_send_and_one_that_does_not_rules_the_other_out() {
    let stun = hex("010100002112a442 303132333435363738396162");
    for responder in [sound(1..9), sound(100..103), vec![stun], vec![vec![0]]] {
        let Detection::Yes(Recognition { roles, .. }) = of_sides(&sound(1..9), &responder) else {
            panic!("{responder:02x?}")
        };
        assert_eq!(roles[0], Some(Role::Client));
    }
    let other = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), b"NOTIFY * HTTP/1.1\r\n\r\n".to_vec()];
    assert_eq!(of_sides(&sound(1..9), &other), Detection::No);
}

/// Datagrams made by `each` from their index, of which no number of them is RTP.
fn assert_not_rtp(name: &str, each: impl Fn(u8) -> Vec<u8>) {
    let datagrams: Vec<_> = (0..20).map(each).collect();
    for len in 1..=datagrams.len() {
        let found = detect(&datagrams[..len]);
        assert!(!matches!(found, Detection::Yes(..) | Detection::Partly(..)), "{name}, {len}");
    }
}

#[test]
fn what_looks_like_a_stream_is_none() {
    // Omron FINS, memory area read: ICF, RSV, GCT, six addresses, a service number that counts.
    assert_not_rtp("FINS", |i| {
        [&hex("800002000100000200")[..], &[i], &hex("0101b000640000 01")].concat()
    });
    // BACnet/IP, original unicast: a function, a length, then the NPDU and who-is or read-property.
    assert_not_rtp("BACnet/IP", |i| {
        let body = [&hex("0104 0275")[..], &[i], &hex("0c0c00000015194d")].concat();
        [&hex("810a 00")[..], &[4 + body.len() as u8 + i % 4], &body, &vec![0; usize::from(i % 4)]]
            .concat()
    });
    // ESP in UDP (RFC 3948): an index and a number of four bytes, then what is encrypted.
    assert_not_rtp("ESP", |i| {
        let secret: Vec<u8> = (0..96).map(|n: u8| n.wrapping_mul(i.wrapping_mul(37) | 1)).collect();
        [&hex("8a6d01f2 000000")[..], &[i], &secret].concat()
    });
    // RTCP alone: sender reports with descriptions.
    assert_not_rtp("RTCP", |i| {
        hex(&format!(
            "80c80006 11223344 e4010{:03x} 00000000 000000a0 0000000{:x} 00000800 81ca0002 11223344 01026162",
            i,
            i % 16
        ))
    });
    // AppleMIDI: clocks of a session between the packets of its notes.
    assert_not_rtp("AppleMIDI", |i| {
        if i % 2 == 0 {
            [&hex("ffff434b 11223344 01000000")[..], &[i; 24]].concat()
        } else {
            packet(97, u16::from(i), u32::from(i) * 10, 7, 4)
        }
    });
    // TURN ChannelData (RFC 8656, section 12.4) that carries RTP.
    assert_not_rtp("ChannelData", |i| {
        [&hex("4001 002c")[..], &packet(0, i.into(), u32::from(i) * 160, 7, 32)].concat()
    });
    // DIS, entity state: version, exercise, kind, family, time, length.
    assert_not_rtp("DIS", |i| {
        [&hex("06010101 000000")[..], &[i], &hex("00900000"), &[0; 132]].concat()
    });
    // A transaction's number that counts, as in NetBIOS names.
    assert_not_rtp("NBNS", |i| {
        [&[0x80, i][..], &hex("0110 0001 0000 0000 0000 20"), &[b'C'; 32], &hex("00 0020 0001")]
            .concat()
    });
}
