//! Segments and datagrams in any order, and what an opening holds of them.

use proptest::prelude::*;

use super::*;
use crate::flow::SIDE_BYTES;

fn tcp() -> Opening {
    let mut opening = Opening::new(Transport::Tcp);
    opening.start(0, seq(0));
    opening
}

/// The sequence number of the byte at `offset`, chosen to wrap early.
fn seq(offset: usize) -> u32 {
    (u32::MAX - 2).wrapping_add(offset as u32)
}

proptest! {
    #[test]
    fn any_order_and_repetition_of_segments_gives_the_bytes_in_order(
        cuts in prop::collection::btree_set(1_usize..200, 0..12),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let text: Vec<u8> = (0..200).collect();
        let mut edges: Vec<usize> = cuts.into_iter().collect();
        edges.insert(0, 0);
        edges.push(200);
        let pieces: Vec<_> = edges.windows(2).map(|w| w[0]..w[1]).collect();
        let mut opening = tcp();
        let all = order.iter().map(|i| i.get(&pieces).clone()).chain(pieces.iter().cloned());
        for piece in all {
            opening.push(0, seq(piece.start), piece.start as u64 + 1, &text[piece.clone()], piece.len() as u32);
        }
        opening.finish();
        let stream = opening.side(Direction::Initiator);
        prop_assert_eq!(stream.head(), &text[..]);
        prop_assert!(stream.from_start());
        for piece in pieces {
            prop_assert_eq!(stream.frame_at(piece.start), piece.start as u64 + 1);
            prop_assert_eq!(stream.frame_at(piece.end - 1), piece.start as u64 + 1);
        }
    }
}

#[test]
fn overlapping_segments_add_only_what_is_new() {
    let mut opening = tcp();
    opening.push(0, seq(0), 1, b"abcd", 4);
    opening.push(0, seq(2), 2, b"cdef", 4);
    assert_eq!(opening.side(Direction::Initiator).head(), b"abcdef");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Bytes behind the room that a side has are not stored while they wait.
    #[test]
    fn large_segments_in_any_order_give_all_that_fits(
        lens in prop::collection::vec(1_usize..4000, 1..16), order in prop::collection::vec(any::<prop::sample::Index>(), 16),
    ) {
        let text: Vec<u8> = (0..64_000_u32).map(|i| (i % 251) as u8).collect();
        let mut at = 0;
        let mut pieces: Vec<_> = lens.iter().map(|len| { at += len; at - len..at }).collect();
        let mut opening = tcp();
        for i in order {
            if !pieces.is_empty() {
                let piece = pieces.swap_remove(i.index(pieces.len()));
                opening.push(0, seq(piece.start), 1, &text[piece.clone()], piece.len() as u32);
                prop_assert!(opening.footprint() < 2 * (SIDE_BYTES + 4000) + 3 * SIDE_BYTES, "{}", opening.footprint());
            }
        }
        opening.finish();
        prop_assert_eq!(opening.side(Direction::Initiator).head(), &text[..at.min(SIDE_BYTES)]);
    }
}

/// Found by a property test: only segments that came behind others were dropped.
#[test]
fn large_segments_from_the_last_to_the_first_wait_in_no_more_memory_than_a_side_needs() {
    let text: Vec<u8> = (0..60_000_u32).map(|i| (i % 251) as u8).collect();
    let mut opening = tcp();
    for piece in (0..15).rev().map(|i| i * 4000..(i + 1) * 4000) {
        opening.push(0, seq(piece.start), 1, &text[piece.clone()], 4000);
        assert!(opening.footprint() < 4 * SIDE_BYTES, "{}", opening.footprint());
    }
    assert_eq!(opening.side(Direction::Initiator).head(), &text[..SIDE_BYTES]);
}

#[test]
fn a_lost_segment_leaves_a_gap_between_two_runs() {
    let mut opening = tcp();
    opening.push(0, seq(0), 1, b"abcd", 4);
    opening.push(0, seq(8), 3, b"ijkl", 4);
    opening.finish();
    let stream = opening.side(Direction::Initiator);
    assert_eq!(stream.head(), b"abcd");
    assert_eq!(stream.runs().collect::<Vec<_>>(), [0..4, 4..8]);
}

#[test]
fn what_follows_a_lost_first_segment_is_not_the_beginning() {
    let mut opening = tcp();
    opening.push(0, seq(4), 2, b"efgh", 4);
    opening.finish();
    let stream = opening.side(Direction::Initiator);
    assert_eq!((stream.head(), stream.from_start()), (&b"efgh"[..], false));
}

#[test]
fn a_segment_that_the_capture_cut_leaves_a_gap_behind_it() {
    let mut opening = tcp();
    opening.push(0, seq(0), 1, b"ab", 10);
    opening.push(0, seq(10), 2, b"kl", 2);
    assert_eq!(opening.side(Direction::Initiator).runs().collect::<Vec<_>>(), [0..2, 2..4]);
}

#[test]
fn a_jump_beyond_the_window_is_a_gap_and_nobody_waits_for_it() {
    let mut opening = tcp();
    opening.push(0, seq(0), 1, b"abcd", 4);
    opening.push(0, seq(0x1234_5678), 2, b"far", 3);
    opening.push(0, seq(0x1234_567b), 3, b"on", 2);
    assert_eq!(opening.side(Direction::Initiator).runs().collect::<Vec<_>>(), [0..4, 4..9]);
}

#[test]
fn a_side_never_holds_more_than_its_limit() {
    let mut opening = tcp();
    for i in 0..20 {
        opening.push(0, seq(i * 1000), i as u64, &[7; 1000], 1000);
    }
    assert_eq!(opening.side(Direction::Initiator).head().len(), SIDE_BYTES);
    assert!(opening.footprint() < 40_000);
}

#[test]
fn datagrams_keep_their_bounds_and_say_which_was_cut() {
    let mut opening = Opening::new(Transport::Udp);
    opening.push(1, 0, 4, b"one", 3);
    opening.push(1, 0, 5, b"tw", 9);
    opening.finish();
    let datagrams: Vec<_> = opening.side(Direction::Responder).datagrams().collect();
    assert_eq!(datagrams, [(&b"one"[..], 4, false), (&b"tw"[..], 5, true)]);
}

#[test]
fn of_many_datagrams_the_first_are_whole_and_of_the_others_the_beginning_is_kept() {
    let long: Vec<u8> = (0..1460_u32).map(|i| i as u8).collect();
    let mut opening = Opening::new(Transport::Udp);
    for i in 0..50 {
        opening.push(0, 0, i + 1, &long, 1460);
    }
    let stream = opening.side(Direction::Initiator);
    let kept: Vec<_> = stream.datagrams().map(|(bytes, _, cut)| (bytes.len(), cut)).collect();
    assert_eq!(kept, [vec![(1460, false); 4], vec![(64, true); 28]].concat());
    assert!(stream.is_full() && stream.datagram_lens().all(|len| len == 1460));
}

#[test]
fn datagrams_longer_than_a_side_holds_leave_room_for_the_beginnings_of_others() {
    let mut opening = Opening::new(Transport::Udp);
    for i in 0..50 {
        opening.push(0, 0, i + 1, &[7; 9000], 9000);
    }
    let stream = opening.side(Direction::Initiator);
    assert_eq!(stream.bytes().len(), SIDE_BYTES);
    assert!(stream.datagrams().all(|(bytes, _, cut)| bytes.len() >= 64 && cut));
    assert_eq!((stream.datagrams().count(), opening.footprint() < 20_000), (32, true));
}
