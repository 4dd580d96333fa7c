//! Files built by hand: every byte order, unit and block, and every way in which a file can end.

mod blocks;
mod times;

use std::io::Write;

use proptest::prelude::*;

use super::*;

/// The fields of a frame that was read.
type Read = (u64, Time, LinkType, u32, Vec<u8>);

fn read(files: Vec<Vec<u8>>) -> (Vec<Read>, Files) {
    let inputs = files.into_iter().enumerate();
    let inputs = inputs.map(|(i, bytes)| {
        (format!("file {i}"), Box::new(io::Cursor::new(bytes)) as Box<dyn io::Read + Send>)
    });
    let mut files = Files::from_readers(inputs.collect()).unwrap();
    let mut frames = Vec::new();
    while let Next::Frame(f) = files.next().unwrap() {
        frames.push((f.number, f.time, f.link, f.wire_len, f.bytes.to_vec()));
    }
    (frames, files)
}

fn open_error(bytes: &[u8]) -> String {
    let input = Box::new(io::Cursor::new(bytes.to_vec()));
    Files::from_readers(vec![("it".into(), input)]).err().unwrap().to_string()
}

/// Writes integers in one byte order.
#[derive(Clone, Copy)]
struct Writer {
    big: bool,
}

impl Writer {
    fn u16(self, n: u16) -> Vec<u8> {
        if self.big { n.to_be_bytes().into() } else { n.to_le_bytes().into() }
    }

    fn u32(self, n: u32) -> Vec<u8> {
        if self.big { n.to_be_bytes().into() } else { n.to_le_bytes().into() }
    }

    fn pcap(self, magic: u32, frames: &[(u32, u32, &[u8])]) -> Vec<u8> {
        let mut file = [
            self.u32(magic),
            self.u16(2),
            self.u16(4),
            self.u32(0),
            self.u32(0),
            self.u32(65_535),
            self.u32(1),
        ]
        .concat();
        for (seconds, fraction, bytes) in frames {
            let len = bytes.len() as u32;
            file.extend(
                [self.u32(*seconds), self.u32(*fraction), self.u32(len), self.u32(len + 100)]
                    .concat(),
            );
            if magic == 0xa1b2_cd34 {
                file.extend([0; 8]);
            }
            file.extend(*bytes);
        }
        file
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        let total = self.u32((12 + body.len() + padding.len()) as u32);
        [&self.u32(kind)[..], &total, body, &padding, &total].concat()
    }

    fn section(self) -> Vec<u8> {
        self.block(
            0x0a0d_0d0a,
            &[self.u32(0x1a2b_3c4d), self.u16(1), self.u16(0), vec![0xff; 8]].concat(),
        )
    }

    fn interface(self, link: u16, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = [self.u16(link), self.u16(0), self.u32(0)].concat();
        for (code, value) in options {
            body.extend([self.u16(*code), self.u16(value.len() as u16), value.to_vec()].concat());
            body.resize(body.len().next_multiple_of(4), 0);
        }
        self.block(1, &body)
    }

    fn packet(self, interface: u32, units: u64, bytes: &[u8]) -> Vec<u8> {
        let len = self.u32(bytes.len() as u32);
        let head = [
            self.u32(interface),
            self.u32((units >> 32) as u32),
            self.u32(units as u32),
            len.clone(),
            len,
        ]
        .concat();
        self.block(6, &[&head[..], bytes].concat())
    }
}

const LITTLE: Writer = Writer { big: false };
const BIG: Writer = Writer { big: true };

#[test]
fn classic_files_are_read_in_both_orders_and_units_and_in_the_modified_form() {
    for writer in [LITTLE, BIG] {
        for (magic, unit) in [(0xa1b2_c3d4, 1_000), (0xa1b2_3c4d, 1), (0xa1b2_cd34, 1_000)] {
            let (frames, files) = read(vec![writer.pcap(magic, &[(1, 5, b"abc"), (2, 0, b"")])]);
            assert_eq!(
                frames,
                [
                    (1, Time::new(1, 5 * unit), LinkType::ETHERNET, 103, b"abc".to_vec()),
                    (2, Time::new(2, 0), LinkType::ETHERNET, 100, vec![]),
                ]
            );
            assert!(files.problems().is_empty());
        }
    }
}

#[test]
fn sections_interfaces_clocks_and_foreign_blocks_are_read_in_one_file() {
    let mut file = [
        LITTLE.section(),
        LITTLE.interface(1, &[]),
        LITTLE.interface(101, &[(9, &[9]), (14, &[5, 0, 0, 0, 0, 0, 0, 0])]),
    ]
    .concat();
    file.extend(
        [
            LITTLE.packet(0, 1_000_000, b"one"),
            LITTLE.block(0x77, b"foreign"),
            LITTLE.packet(1, 7, b"two!"),
        ]
        .concat(),
    );
    file.extend(LITTLE.block(3, &[&LITTLE.u32(6)[..], b"simple"].concat()));
    file.extend(
        [BIG.section(), BIG.interface(113, &[(9, &[0x80 | 1])]), BIG.packet(0, 3, b"three")]
            .concat(),
    );
    let (frames, files) = read(vec![file]);
    assert_eq!(
        frames,
        [
            (1, Time::new(1, 0), LinkType::ETHERNET, 3, b"one".to_vec()),
            (2, Time::new(5, 7), LinkType::RAW, 4, b"two!".to_vec()),
            (3, Time::new(5, 7), LinkType::ETHERNET, 6, b"simple".to_vec()),
            (4, Time(1_500_000_000), LinkType::LINUX_SLL, 5, b"three".to_vec()),
        ]
    );
    assert!(files.problems().is_empty());
}

#[test]
fn a_block_whose_length_leaves_its_padding_out_is_read_as_wireshark_does() {
    let mut packet = LITTLE.packet(0, 5, b"odd");
    let (stated, end) = (LITTLE.u32(packet.len() as u32 - 1), packet.len());
    packet[4..8].copy_from_slice(&stated);
    packet[end - 4..].copy_from_slice(&stated);
    let (frames, files) =
        read(vec![[LITTLE.section(), LITTLE.interface(1, &[]), packet.clone(), packet].concat()]);
    assert_eq!(frames.iter().map(|frame| &frame.4[..]).collect::<Vec<_>>(), [b"odd", b"odd"]);
    assert!(files.problems().is_empty());
}

#[test]
fn a_section_of_a_version_that_is_not_known_ends_the_file_with_a_word() {
    let mut section = LITTLE.section();
    section[12] = 2;
    let (frames, files) =
        read(vec![[section, LITTLE.interface(1, &[]), LITTLE.packet(0, 1, b"x")].concat()]);
    assert_eq!(frames.len(), 0);
    assert!(
        files.problems()[0].contains("a section has the unsupported pcapng version 2.0"),
        "{:?}",
        files.problems()
    );
}

#[test]
fn drops_that_the_capturing_tool_wrote_down_are_told() {
    let options = [
        LITTLE.u16(5),
        LITTLE.u16(8),
        vec![7, 0, 0, 0, 0, 0, 0, 0],
        LITTLE.u16(7),
        LITTLE.u16(8),
        vec![9, 0, 0, 0, 0, 0, 0, 0],
    ];
    let statistics = LITTLE.block(5, &[&LITTLE.u32(0)[..], &[0; 8], &options.concat()].concat());
    let (_, mut files) =
        read(vec![[LITTLE.section(), LITTLE.interface(1, &[]), statistics].concat()]);
    assert_eq!(files.drops(), Drops { kernel: 9, interface: 7 });
}

#[test]
fn several_files_are_one_stream_in_capture_order() {
    let a = LITTLE.pcap(0xa1b2_c3d4, &[(1, 0, b"a1"), (4, 0, b"a4"), (5, 0, b"a5")]);
    let b = BIG.pcap(0xa1b2_c3d4, &[(2, 0, b"b2"), (4, 0, b"b4"), (9, 0, b"b9")]);
    let (frames, _) = read(vec![a, b]);
    let order: Vec<_> = frames.iter().map(|f| String::from_utf8_lossy(&f.4).into_owned()).collect();
    assert_eq!(order, ["a1", "b2", "b4", "a4", "a5", "b9"]);
    assert_eq!(frames.iter().map(|f| f.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_chain_of_files_is_read_as_it_is_named_whatever_the_times() {
    let folder = tempfile::tempdir().unwrap();
    let files = [("late", 9), ("early", 1), ("none", 0)].map(|(name, at)| {
        let path = folder.path().join(name);
        let frames: &[(u32, u32, &[u8])] =
            if at == 0 { &[] } else { &[(at, 0, b"one"), (at + 1, 0, b"two")] };
        std::fs::write(&path, LITTLE.pcap(0xa1b2_c3d4, frames)).unwrap();
        path
    });
    let times = |files: &mut Files| {
        let mut times = Vec::new();
        while let Next::Frame(frame) = files.next().unwrap() {
            times.push(frame.time.0 / 1_000_000_000);
        }
        assert!(files.problems().is_empty());
        times
    };
    let mut merged = Files::open(&files).unwrap();
    assert_eq!(merged.links(), [LinkType::ETHERNET]);
    assert_eq!(times(&mut merged), [1, 2, 9, 10]);
    assert_eq!(times(&mut Files::open(&files).unwrap().chained()), [9, 10, 1, 2]);
}

#[test]
fn a_file_that_was_cut_gives_what_is_whole_and_says_where_it_ends() {
    for whole in [
        LITTLE.pcap(0xa1b2_c3d4, &[(1, 0, b"first"), (2, 0, b"second")]),
        [
            LITTLE.section(),
            LITTLE.interface(1, &[]),
            LITTLE.packet(0, 1, b"first"),
            LITTLE.packet(0, 2, b"second"),
        ]
        .concat(),
    ] {
        let (all, _) = read(vec![whole.clone()]);
        assert_eq!(all.len(), 2);
        for len in 28..whole.len() {
            let (frames, files) = read(vec![whole[..len].to_vec()]);
            assert_eq!(frames[..], all[..frames.len()]);
            let boundary = read(vec![[&whole[..len], &whole[len..]].concat()]).0.len() == 2
                && files.problems().is_empty();
            assert!(frames.len() < 2, "cut at {len}");
            if !boundary {
                assert!(
                    files.problems()[0].contains(&format!(
                        "inside frame {}, whose record starts at byte ",
                        frames.len() + 1
                    )),
                    "{:?}",
                    files.problems()
                );
            }
        }
    }
}

#[test]
fn absurd_lengths_are_damage_and_not_an_allocation() {
    let mut classic = LITTLE.pcap(0xa1b2_c3d4, &[(1, 0, b"good"), (2, 0, b"bad")]);
    let at = 24 + 16 + 4 + 8;
    classic[at..at + 4].copy_from_slice(&[0xff; 4]);
    let mut next =
        [LITTLE.section(), LITTLE.interface(1, &[]), LITTLE.packet(0, 1, b"good")].concat();
    let mut bad = LITTLE.packet(0, 1, b"bad");
    bad[4..8].copy_from_slice(&[0xfc, 0xff, 0xff, 0xff]);
    next.extend(bad);
    for file in [classic, next] {
        let (frames, files) = read(vec![file]);
        assert_eq!(frames.len(), 1);
        assert!(
            files.problems()[0].contains("damaged at frame 2, byte "),
            "{:?}",
            files.problems()
        );
    }
}

#[test]
fn what_is_inside_a_compressed_file_is_named_if_it_is_compressed_too_or_no_capture() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let lz4 = |bytes: &[u8]| {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    for (inner, file) in [
        ("gzip", "gzip-compressed.pcap.gz"),
        ("zstd", "zstd-compressed.pcap.zst"),
        ("xz", "xz-compressed.pcap.xz"),
        ("lz4", "lz4-compressed.pcap.lz4"),
        ("bzip2", "bzip2-compressed.pcap.bz2"),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/forms").join(file);
        let bytes = std::fs::read(path).unwrap();
        for (outer, twice) in [("gzip", gzip(&bytes)), ("lz4", lz4(&bytes))] {
            let error = open_error(&twice);
            let said = format!("is compressed a second time, with {inner};");
            assert!(error.contains(&format!("it (unpacked from {outer})")), "{error}");
            assert!(error.contains(&said), "{error}");
        }
    }
    let archive = open_error(&gzip(b"PK\x03\x04\x14\0"));
    assert!(archive.contains("it (unpacked from gzip)"), "{archive}");
    assert!(archive.contains("is a zip archive"), "{archive}");
}

#[test]
fn what_is_no_capture_is_named_with_a_remedy() {
    assert!(open_error(b"").contains("is empty"));
    assert!(open_error(b"\x89PNG\r\n").contains("its first bytes are 89 50 4e 47"));
    assert!(open_error(b"\x28\xb5\x2f\xfd").contains("the zstd stream is incomplete"));
    assert!(open_error(b"snoop\0\0\0\0\0\0\x02").contains("is a snoop capture"));
    assert!(
        open_error(&LITTLE.pcap(0xa1b2_c3d4, &[])[..20]).contains("header is incomplete: 20 of 24")
    );
    let error = Files::open(&["/no/such/file"]).err().unwrap();
    assert_eq!(
        error.to_string(),
        "/no/such/file cannot be opened: no such file or directory; check the path"
    );
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(magic in 0_usize..5, mut bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let starts = [&[][..], &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0], &[0xa1, 0xb2, 0x3c, 0x4d, 0, 2], &[0x0a, 0x0d, 0x0d, 0x0a], &[0x0a]];
        bytes.splice(0..0, starts[magic].iter().copied());
        if let Ok(mut files) = Files::from_readers(vec![("it".into(), Box::new(io::Cursor::new(bytes)))]) {
            while let Next::Frame(_) = files.next().unwrap() {}
        }
    }

    #[test]
    fn no_change_of_a_block_file_makes_the_reader_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut file = [LITTLE.section(), LITTLE.interface(1, &[(9, &[6])]), LITTLE.packet(0, 1, b"payload"), LITTLE.block(5, &[0; 20])].concat();
        for (at, to) in changes {
            let at = at.index(file.len());
            file[at] = to;
        }
        if let Ok(mut files) = Files::from_readers(vec![("it".into(), Box::new(io::Cursor::new(file)))]) {
            while let Next::Frame(_) = files.next().unwrap() {}
        }
    }

    /// The blocks of the stream must not matter: a reader that returns one byte at a time.
    #[test]
    fn frames_do_not_depend_on_how_the_bytes_arrive(sizes in prop::collection::vec(0_usize..3000, 1..20)) {
        struct Drip(io::Cursor<Vec<u8>>);
        impl io::Read for Drip {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let len = into.len().min(7);
                self.0.read(&mut into[..len])
            }
        }
        let bodies: Vec<Vec<u8>> = sizes.iter().map(|&n| vec![n as u8; n]).collect();
        let frames: Vec<(u32, u32, &[u8])> = bodies.iter().map(|b| (1, 0, &b[..])).collect();
        let file = LITTLE.pcap(0xa1b2_c3d4, &frames);
        let mut files = Files::from_readers(vec![("it".into(), Box::new(Drip(io::Cursor::new(file))))]).unwrap();
        for body in &bodies {
            let Next::Frame(frame) = files.next().unwrap() else { panic!("too few") };
            prop_assert_eq!(frame.bytes, &body[..]);
        }
        prop_assert!(matches!(files.next().unwrap(), Next::End));
    }
}
