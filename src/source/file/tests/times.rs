//! Times that a file does not state, and times that cannot be told.

use super::*;

fn simple(bytes: &[u8]) -> Vec<u8> {
    LITTLE.block(3, &[&LITTLE.u32(bytes.len() as u32)[..], bytes].concat())
}

fn begin() -> Vec<u8> {
    [LITTLE.section(), LITTLE.interface(1, &[])].concat()
}

fn journal(microseconds: u64) -> Vec<u8> {
    LITTLE.block(9, format!("__REALTIME_TIMESTAMP={microseconds}\nMESSAGE=up\n").as_bytes())
}

fn microseconds(files: Vec<Vec<u8>>) -> (Vec<(String, i64)>, Vec<String>) {
    let (frames, files) = read(files);
    assert!(files.problems().is_empty(), "{:?}", files.problems());
    let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (frames.iter().map(|f| (name(&f.4), f.1.0 / 1_000)).collect(), files.notices())
}

fn named(times: &[(&str, i64)]) -> Vec<(String, i64)> {
    times.iter().map(|&(name, time)| (name.to_owned(), time)).collect()
}

#[test]
fn frames_without_a_time_take_that_of_the_frame_before_and_the_first_that_of_the_first_with_one() {
    let file = [begin(), simple(b"a"), simple(b"b"), LITTLE.packet(0, 7, b"c"), simple(b"d")];
    let (times, notices) = microseconds(vec![file.concat()]);
    assert_eq!(times, named(&[("a", 7), ("b", 7), ("c", 7), ("d", 7)]));
    assert_eq!(
        notices,
        ["file 0: 3 packets, from frame 1 on, have no timestamp; each gets the time of the \
          packet before it; those at the start of the file get its first timestamp (1970 if it has \
          none)"]
    );
}

#[test]
fn the_first_time_is_found_behind_other_sections_interfaces_and_records() {
    let behind = [
        vec![BIG.section(), BIG.interface(1, &[(9, &[3])]), BIG.packet(0, 2, b"z")],
        vec![
            LITTLE.block(4, &[0; 8]),
            LITTLE.interface(1, &[(9, &[3])]),
            LITTLE.packet(1, 2, b"z"),
        ],
        vec![journal(2_000)],
        vec![LITTLE.block(0x216, &[&[0; 2][..], &2_000_000_u64.to_le_bytes()].concat())],
        vec![LITTLE.block(0x0bad, &[0; 4]), LITTLE.packet(0, 2_000, b"z")],
    ];
    for blocks in behind {
        let (times, _) = microseconds(vec![[begin(), simple(b"a"), blocks.concat()].concat()]);
        assert_eq!(times[0], ("a".to_owned(), 2_000), "{times:?}");
    }
}

#[test]
fn a_file_without_any_time_or_with_none_near_is_at_the_beginning_of_1970() {
    let (times, notices) = microseconds(vec![[begin(), simple(b"a")].concat()]);
    assert_eq!(times, named(&[("a", 0)]));
    assert!(notices[0].starts_with("file 0: frame 1 has no timestamp"), "{notices:?}");
    let far = [begin(), simple(b"a").repeat(10_000), LITTLE.packet(0, 7, b"b")].concat();
    let (times, _) = microseconds(vec![far]);
    assert_eq!((times[0].1, times[10_000].1), (0, 7));
}

#[test]
fn records_without_a_packet_have_the_time_that_they_state_and_else_that_before() {
    let file = [begin(), LITTLE.packet(0, 5, b"a"), LITTLE.block(0x0bad, &[0; 8]), journal(9)];
    let (times, notices) = microseconds(vec![file.concat()]);
    assert_eq!(times, named(&[("a", 5), ("", 5), ("", 9)]));
    assert!(notices.is_empty(), "{notices:?}");
}

#[test]
fn files_with_frames_that_have_no_time_are_merged_as_mergecap_merges_them() {
    let timed = [begin(), LITTLE.packet(0, 1, b"1"), LITTLE.packet(0, 4, b"4")].concat();
    let mixed = [
        begin(),
        simple(b"first"),
        LITTLE.packet(0, 3, b"3"),
        simple(b"behind 3"),
        LITTLE.packet(0, 4, b"later 4"),
    ]
    .concat();
    for files in [[timed.clone(), mixed.clone()], [mixed, timed]] {
        let last =
            if files[0].len() < files[1].len() { ["later 4", "4"] } else { ["4", "later 4"] };
        let (times, _) = microseconds(files.to_vec());
        let expected =
            [("first", 3), ("1", 1), ("3", 3), ("behind 3", 3), (last[0], 4), (last[1], 4)];
        assert_eq!(times, named(&expected));
    }
}

#[test]
fn times_that_cannot_be_told_are_clamped_with_one_notice_for_a_file() {
    let file = [
        begin(),
        LITTLE.interface(1, &[(9, &[127])]),
        LITTLE.packet(0, 5, b"a"),
        LITTLE.packet(0, u64::MAX, b"b"),
        BIG.section(),
        BIG.interface(1, &[(14, &[0x80, 0, 0, 0, 0, 0, 0, 0])]),
        BIG.packet(0, 5, b"c"),
    ];
    let (times, notices) = microseconds(vec![file.concat()]);
    let (least, most) = (i64::MIN / 1_000, i64::MAX / 1_000);
    assert_eq!(times, named(&[("a", 5), ("b", most), ("c", least)]));
    let clamped: Vec<_> = notices.iter().filter(|notice| notice.contains("clamped")).collect();
    assert_eq!(
        clamped,
        ["file 0: 2 packets, from frame 2 on, have invalid timestamps, or ones outside the years \
          1677 to 2262; they were clamped"]
    );
    let absurd = [begin(), LITTLE.interface(1, &[(9, &[127])]), LITTLE.packet(1, 5, b"a")].concat();
    let (times, notices) = microseconds(vec![absurd]);
    assert_eq!((times, notices.len()), (named(&[("a", 0)]), 1));
}

#[test]
fn a_fraction_of_more_than_a_second_is_clamped_to_the_second_that_its_record_states() {
    let file = LITTLE.pcap(
        0xa1b2_c3d4,
        &[(1, 999_999, b"a"), (1, 1_000_000, b"b"), (2, u32::MAX, b"c"), (u32::MAX, 0, b"d")],
    );
    let (times, notices) = microseconds(vec![file]);
    let year_2106 = i64::from(u32::MAX) * 1_000_000;
    assert_eq!(
        times,
        named(&[("a", 1_999_999), ("b", 1_999_999), ("c", 2_999_999), ("d", year_2106)])
    );
    assert_eq!(notices.len(), 1);
    assert!(notices[0].starts_with("file 0: 2 packets, from frame 2 on,"), "{notices:?}");
}

#[test]
fn a_pipe_that_pauses_before_the_first_time_is_waited_for_and_one_without_times_is_not() {
    /// Pauses before each byte.
    struct Slow {
        bytes: io::Cursor<Vec<u8>>,
        pauses: u32,
        left: u32,
    }
    impl io::Read for Slow {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.left > 0 {
                self.left -= 1;
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.left = self.pauses;
            self.bytes.read(&mut into[..1])
        }
    }
    let file = [begin(), simple(b"a"), LITTLE.packet(0, 7, b"b")].concat();
    for (pauses, first) in [(1, 7), (20, 7), (21, 0)] {
        let bytes = io::Cursor::new(file.clone());
        let slow = Box::new(Slow { bytes, pauses, left: 0 });
        let mut files = Files::from_readers(vec![("it".into(), slow)]).unwrap();
        let frame = loop {
            match files.next().unwrap() {
                Next::Frame(frame) => break (frame.number, frame.time),
                Next::Idle => {}
                Next::End => panic!("no frame"),
            }
        };
        assert_eq!(frame, (1, Time(first * 1_000)), "{pauses}");
    }
}
