//! Which blocks of a pcapng file are frames, as Wireshark numbers them.

use super::*;

/// The numbers of the frames, and whether they hold packets.
fn numbers(file: Vec<u8>) -> Vec<(u64, bool)> {
    let (frames, files) = read(vec![file]);
    assert!(files.problems().is_empty(), "{:?}", files.problems());
    frames.iter().map(|frame| (frame.0, frame.2 != LinkType::NO_PACKET)).collect()
}

fn begin(writer: Writer) -> Vec<u8> {
    [writer.section(), writer.interface(1, &[])].concat()
}

/// An entry of systemd's journal of the 14th of November 2023.
const JOURNAL: &[u8] = b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1700000000000001\nMESSAGE=up\n";

/// Custom data of example.com (RFC 5612).
const CUSTOM: &[u8] = &[0xd9, 0x7e, 0, 0, 1, 2, 3];

#[test]
fn records_without_a_packet_that_wireshark_numbers_have_a_number() {
    for writer in [LITTLE, BIG] {
        for kind in [0x0bad, 0x4000_0bad, 9, 0x204, 0x216, 0x221] {
            let body = if kind == 9 { JOURNAL } else { CUSTOM };
            let file = [
                begin(writer),
                writer.packet(0, 1, b"a"),
                writer.block(kind, body),
                writer.packet(0, 2, b"b"),
            ];
            let expected = [(1, true), (2, false), (3, true)];
            assert_eq!(numbers(file.concat()), expected, "{kind:#x}");
        }
    }
}

#[test]
fn every_packet_block_has_a_number() {
    let obsolete = LITTLE.block(2, &[&[0; 12][..], &[1, 0, 0, 0, 1, 0, 0, 0, b'o']].concat());
    let simple = LITTLE.block(3, &[1, 0, 0, 0, b's']);
    assert_eq!(
        numbers([begin(LITTLE), obsolete, simple, LITTLE.packet(0, 1, b"e")].concat()),
        [(1, true), (2, true), (3, true)]
    );
}

#[test]
fn blocks_that_wireshark_does_not_number_have_no_number() {
    // Names, statistics, IRIG, ARINC 429, secrets, an unknown one, Hone's, sysdig's machine, its
    // calls with flags, Apple's processes, and the number zero.
    for kind in [4, 5, 7, 8, 10, 11, 0x101, 0x201, 0x208, 0x222, 0x8000_0001, 0] {
        let file = [begin(LITTLE), LITTLE.block(kind, &[0; 24]), LITTLE.packet(0, 2, b"b")];
        assert_eq!(numbers(file.concat()), [(1, true)], "{kind:#x}");
    }
}

#[test]
fn a_record_without_a_packet_holds_no_bytes_and_belongs_to_no_described_interface() {
    let file = [begin(LITTLE), LITTLE.block(0x0bad, CUSTOM), LITTLE.packet(0, 7, b"b")].concat();
    let mut files =
        Files::from_readers(vec![("it".into(), Box::new(io::Cursor::new(file)))]).unwrap();
    assert!(files.links().is_empty());
    let mut interfaces = Vec::new();
    while let Next::Frame(frame) = files.next().unwrap() {
        interfaces.push((frame.wire_len, frame.bytes.len(), frame.interface));
    }
    assert_eq!(interfaces, [(0, 0, 0), (1, 1, 1)]);
    assert_eq!(
        [0, 1].map(|number| files.interface(number)),
        ["it: records without packets", "it: interface 0"]
    );
}

#[test]
fn a_record_without_a_packet_may_be_larger_than_any_frame() {
    let large = LITTLE.block(0x0bad, &vec![0; 17 << 20]);
    let file = [begin(LITTLE), large.clone(), LITTLE.packet(0, 1, b"b")].concat();
    assert_eq!(numbers(file), [(1, false), (2, true)]);
    let (frames, files) = read(vec![[&begin(LITTLE)[..], &large[..5 << 20]].concat()]);
    assert!(frames.is_empty());
    assert!(files.problems()[0].contains("ends inside frame 1"), "{:?}", files.problems());
}

#[test]
fn more_interfaces_than_a_packet_block_can_number_are_read_and_too_many_refused() {
    let one = LITTLE.interface(1, &[]);
    let many = [LITTLE.section(), one.repeat((1 << 16) + 5), LITTLE.packet(1 << 16, 1, b"far")];
    assert_eq!(numbers(many.concat()), [(1, true)]);
    let mut file = LITTLE.section();
    file.extend(one.repeat(4 << 20));
    file.extend(LITTLE.packet((4 << 20) - 1, 1, b"last"));
    file.extend(one);
    let (frames, files) = read(vec![file]);
    assert_eq!(frames.len(), 1);
    let problem = &files.problems()[0];
    assert!(problem.contains("a section describes more than 4194304 interfaces"), "{problem}");
}
