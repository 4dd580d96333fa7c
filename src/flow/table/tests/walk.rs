//! Walks over the live flows, and what tidying ends.

use super::*;

#[test]
fn a_walk_shows_each_live_flow_once_as_it_would_end_and_changes_nothing() {
    let mut bench = TableUnderTest::new(LIMITS);
    for port in 1..=9 {
        bench.handshake(50_000, port);
        bench.send(50_000, port, ACK, 101, b"ask");
    }
    bench.table.begin_snapshot();
    assert_eq!(bench.table.continue_snapshot(4, &mut bench.reader), 0, "there are more than four");
    // A flow that was shown and one that was not yet are followed by others between the same
    // endpoints, and a new one comes.
    for port in [2, 8] {
        bench.send(50_000, port, RST, 104, b"");
        bench.send(50_000, port, SYN, 9_000_000, b"");
    }
    assert!(bench.table.continue_snapshot(100, &mut bench.reader) > 0, "the walk is over");
    let mut shown: Vec<_> = bench.reader.shown.iter().map(|flow| flow.record.first_frame).collect();
    shown.sort_unstable();
    let first: Vec<u64> = (0..9).map(|n| 1 + 4 * n).collect();
    assert!(
        first.iter().all(|frame| shown.iter().filter(|f| *f == frame).count() == 1),
        "{shown:?}"
    );
    assert!(
        bench.reader.shown.iter().filter(|flow| flow.evidence.is_some()).all(|f| f
            .evidence
            .as_ref()
            .unwrap()[0]
            == b"ask")
    );
    let walked = bench.reader.shown.len();
    bench.send(50_000, 1, ACK, 104, b" and more");
    let ended = bench.records();
    let one = ended.iter().find(|flow| flow.record.first_frame == 1).unwrap();
    assert_eq!(one.evidence.as_ref().unwrap()[0], b"ask and more");
    assert_eq!(one.record.sizes.iter().map(|(_, n)| n).sum::<u32>(), 5);
    assert!(walked <= 11 && ended.len() == 11);
}

#[test]
fn tidying_ends_what_is_over_without_new_flows_and_nothing_else() {
    let mut bench = TableUnderTest::new(LIMITS);
    for port in 1..=100 {
        bench.send(50_000, port, 0, 0, b"once");
    }
    bench.clock += 100_000_000_000;
    bench.send(50_000, 7, 0, 0, b"again");
    let now = Time(bench.clock + 100_000_000_000);
    (0..10).for_each(|_| bench.table.expire(now, 10, &mut bench.reader));
    assert_eq!((bench.table.live(), bench.reader.closed.len()), (1, 99));
    let ended = bench.records();
    assert_eq!(ended[99].record.packets.sum(), 2);
}
