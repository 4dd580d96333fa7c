//! Who opened a flow, by each of the rules, whichever side was captured first.

use super::*;
use crate::flow::PortRank;

/// What both orders of arrival must agree on.
#[derive(Debug, PartialEq)]
struct Told {
    ports: (u16, u16),
    orientation: Orientation,
    packets: Counts,
    first_response_ns: Option<u64>,
    outcome: Outcome,
    words: Option<[Vec<u8>; 2]>,
}

fn told(closed: &Closed) -> Told {
    let record = &closed.record;
    Told {
        ports: (record.initiator.port, record.responder.port),
        orientation: record.orientation,
        packets: record.packets,
        first_response_ns: record.first_response_ns,
        outcome: record.outcome,
        words: closed.evidence.clone(),
    }
}

/// The one record of these segments: sender, receiver, flags, time in milliseconds, payload.
fn one(ports: &ServicePorts, segments: &[(u16, u16, u8, i64, &[u8])]) -> Closed {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.ports = ports.clone();
    let mut next = std::collections::HashMap::new();
    for (from, to, flags, time, payload) in segments {
        bench.clock = (time - 1) * 1_000_000;
        let seq = next.entry(*from).or_insert(100);
        bench.send(*from, *to, *flags, *seq, payload);
        *seq += payload.len() as u32;
    }
    let mut closed = bench.records();
    assert_eq!(closed.len(), 1);
    closed.remove(0)
}

/// What is told of a conversation, whichever of its first two segments arrives first and whichever
/// side's segments come before those of the other.
fn told_in_any_order(ports: &ServicePorts, segments: &[(u16, u16, u8, i64, &[u8])]) -> Told {
    let as_sent = told(&one(ports, segments));
    let mut swapped = segments.to_vec();
    swapped.swap(0, 1);
    assert_eq!(told(&one(ports, &swapped)), as_sent, "the first two swapped");
    as_sent
}

#[test]
fn roles_overturn_the_ports_and_the_flow_is_what_it_would_have_been_from_the_start() {
    let mut ports = ServicePorts::default();
    ports.set(Transport::Tcp, 3001, PortRank::Claimed);
    ports.set(Transport::Udp, 8000, PortRank::Claimed);
    for (flags, client, server) in [(ACK, 3001, 45_000), (0, 8000, 12_345)] {
        let told = told_in_any_order(
            &ports,
            &[
                (client, server, flags, 1, b"GET a"),
                (server, client, flags, 3, b"OK a"),
                (client, server, flags, 7, b"GET b"),
                (server, client, flags, 8, b"OK b"),
            ],
        );
        assert_eq!((told.ports, told.orientation), ((client, server), Orientation::Proved));
        assert_eq!(told.first_response_ns, Some(2_000_000), "that of the first request");
        assert_eq!(told.packets, Counts { initiator: 2, responder: 2 });
        let words = told.words.unwrap();
        assert!(words[0].starts_with(b"GET") && words[1].starts_with(b"OK"));
    }
}

#[test]
fn one_side_alone_shows_the_direction_by_its_role() {
    let mut ports = ServicePorts::default();
    ports.set(Transport::Tcp, 3001, PortRank::Claimed);
    let server = one(&ports, &[(60_001, 3001, ACK, 1, b"OK"), (60_001, 3001, ACK, 2, b"OK")]);
    assert_eq!((server.record.initiator.port, server.record.responder.port), (3001, 60_001));
    assert_eq!(server.record.packets, Counts { initiator: 0, responder: 2 });
    assert_eq!(server.evidence.unwrap()[1], b"OKOK");
}

#[test]
fn where_both_sides_claim_the_same_role_the_ports_decide() {
    let told = told_in_any_order(
        &ServicePorts::default(),
        &[(50_000, 80, ACK, 1, b"GET"), (80, 50_000, ACK, 2, b"GET"), (50_000, 80, ACK, 3, b"GET")],
    );
    assert_eq!((told.ports, told.orientation), ((50_000, 80), Orientation::Guessed));
}

#[test]
fn a_handshake_is_never_overturned() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.handshake(50_000, 80);
    bench.send(80, 50_000, ACK, 501, b"GET");
    bench.send(50_000, 80, ACK, 101, b"OK");
    let closed = bench.records();
    let told = told(&closed[0]);
    assert_eq!((told.ports, told.orientation), ((50_000, 80), Orientation::Seen));
}

#[test]
fn who_alone_sends_datagrams_is_the_client_until_the_other_side_sends() {
    let ports = ServicePorts::default();
    let alone = one(&ports, &[(40_001, 58_123, 0, 1, b"x"), (40_001, 58_123, 0, 2, b"x")]);
    assert_eq!(
        (alone.record.initiator.port, alone.record.orientation),
        (40_001, Orientation::Guessed)
    );
    let told = told_in_any_order(
        &ports,
        &[(40_001, 58_123, 0, 1, b"x"), (58_123, 40_001, 0, 2, b"y"), (40_001, 58_123, 0, 3, b"x")],
    );
    assert_eq!(told.ports, (58_123, 40_001), "the lower port, whoever sent first");
    assert_eq!(told.first_response_ns, Some(1_000_000), "from the second segment to the third");
    let mut ranked = ports;
    ranked.set(Transport::Udp, 40_001, PortRank::Registered);
    let known = one(&ranked, &[(40_001, 58_123, 0, 1, b"x"), (40_001, 58_123, 0, 2, b"x")]);
    assert_eq!(known.record.responder.port, 40_001, "a better known port comes before");
    assert_eq!(known.record.outcome, Outcome::Answered);
}

#[test]
fn of_equal_ports_the_order_of_arrival_decides_nothing() {
    let end = |n| Endpoint { address: [10, 0, 0, n].into(), port: 5004 };
    for transport in [ACK, 0] {
        let record = |order: [(u8, u8); 2]| {
            let mut bench = TableUnderTest::new(LIMITS);
            for (from, to) in order {
                bench.send_between(end(from), end(to), transport, 1, b"x");
            }
            bench.records().remove(0).record.initiator
        };
        assert_eq!(record([(1, 2), (2, 1)]), record([(2, 1), (1, 2)]));
    }
}

#[test]
fn who_sends_to_a_group_or_to_everybody_opened_the_flow_and_no_role_changes_that() {
    let end = |address: &str, port| Endpoint { address: address.parse().unwrap(), port };
    let groups = [
        ("10.0.0.1", "224.0.0.251", b"OK"),
        ("0.0.0.0", "255.255.255.255", b"OK"),
        ("fe80::1", "ff02::1:2", b"OK"),
    ];
    for (host, group, payload) in groups {
        let mut bench = TableUnderTest::new(LIMITS);
        bench.ports.set(Transport::Udp, 67, PortRank::Claimed);
        for _ in 0..9 {
            bench.send_between(end(host, 67), end(group, 68), 0, 0, payload);
        }
        let closed = bench.records();
        assert_eq!(closed[0].record.initiator, end(host, 67));
        assert_eq!(closed[0].record.orientation, Orientation::Proved);
        assert_eq!(closed[0].record.outcome, Outcome::Sent);
    }
    let mut bench = TableUnderTest::new(LIMITS);
    bench.link_broadcast = true;
    bench.send_between(end("10.0.0.1", 137), end("10.0.0.255", 137), 0, 0, b"x");
    let closed = bench.records();
    assert_eq!(closed[0].record.orientation, Orientation::Proved);
    assert_eq!(closed[0].record.outcome, Outcome::Sent, "a subnet's broadcast, as its link shows");
}

#[test]
fn a_late_syn_confirms_or_leaves_a_flow_that_is_classified() {
    for (syn_by, expected) in [(50_000, Orientation::Seen), (80, Orientation::Guessed)] {
        let mut bench = TableUnderTest::new(LIMITS);
        bench.reader.quick = true;
        bench.send(50_000, 80, ACK, 101, b"x");
        bench.send(50_000, 80, ACK, 102, b"y");
        let other = if syn_by == 80 { 50_000 } else { 80 };
        bench.send(syn_by, other, SYN, 100, b"");
        let closed = bench.records();
        let record = &closed[0].record;
        assert_eq!((record.responder.port, record.orientation), (80, expected));
    }
}

#[test]
fn later_datagrams_are_read_where_the_verdict_wants_them_and_change_nothing() {
    let record = |reads_on: bool, flags: u8| {
        let mut bench = TableUnderTest::new(LIMITS);
        (bench.reader.quick, bench.reader.reads_on) = (true, reads_on);
        for n in 0..4_u32 {
            bench.send(50_000, 53, flags, 101 + n, &[b'a' + n as u8]);
            bench.send(53, 50_000, flags, 501 + n, &[b'A' + n as u8]);
        }
        let later = std::mem::take(&mut bench.reader.later);
        (later, bench.records().remove(0).record)
    };
    let (later, read) = record(true, 0);
    let sent = |sender: Direction| {
        let of_sender = later.iter().filter(|(port, from, _)| (*port, *from) == (53, sender));
        of_sender.flat_map(|(.., payload)| payload.clone()).collect::<Vec<u8>>()
    };
    assert_eq!(
        (sent(Direction::Initiator), sent(Direction::Responder)),
        (b"bcd".to_vec(), b"BCD".to_vec())
    );
    let (none, unread) = record(false, 0);
    assert!(none.is_empty());
    assert_eq!((read.packets, read.bytes), (unread.packets, unread.bytes));
    assert_eq!(read.responder, unread.responder);
    assert!(record(true, ACK).0.is_empty(), "over TCP there are none");
}

#[test]
fn a_snapshot_shows_a_live_flow_turned_and_leaves_it_as_it_is() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.send(80, 50_000, ACK, 101, b"GET");
    bench.table.begin_snapshot();
    bench.table.continue_snapshot(10, &mut bench.reader);
    let shown = told(&bench.reader.shown[0]);
    assert_eq!((shown.ports, shown.orientation), ((80, 50_000), Orientation::Proved));
    assert_eq!(shown.packets, Counts { initiator: 1, responder: 0 });
    bench.send(50_000, 80, ACK, 501, b"GET");
    let ended = told(&bench.records()[0]);
    assert_eq!((ended.ports, ended.orientation), ((50_000, 80), Orientation::Guessed));
}

#[test]
fn times_that_do_not_fit_in_a_flow_are_exact_in_either_direction() {
    let far = 10_000;
    for (from, to, expected) in [
        (50_000, 80, Some(2 * far as u64 * 1_000_000)),
        (80, 50_000, Some(3 * far as u64 * 1_000_000)),
    ] {
        let closed = one(
            &ServicePorts::default(),
            &[
                (from, to, ACK, 1, b""),
                (from, to, ACK, 1 + far, b"x"),
                (to, from, ACK, 1 + 3 * far, b"y"),
                (from, to, ACK, 1 + 6 * far, b"z"),
            ],
        );
        assert_eq!(closed.record.responder.port, 80);
        assert_eq!(closed.record.first_response_ns, expected);
    }
}

#[test]
fn a_frame_that_is_older_than_the_first_moves_the_beginning_and_no_time_else() {
    let segments: [(u16, u16, u8, i64, &[u8]); 5] = [
        (50_000, 80, SYN, 5, b""),
        (80, 50_000, SYN_ACK, 6, b""),
        (50_000, 80, ACK, 7, b""),
        (50_000, 80, ACK, 9, b"GET"),
        (80, 50_000, ACK, 12, b"OK"),
    ];
    let times = |record: &FlowRecord| (record.handshake_ns, record.first_response_ns, record.last);
    let plain = one(&ServicePorts::default(), &segments).record;
    for at in 0..=segments.len() {
        let mut with_older = segments.to_vec();
        with_older.insert(at, (80, 50_000, ACK, 2, b""));
        let record = one(&ServicePorts::default(), &with_older).record;
        assert_eq!(record.first, Time(2_000_000), "{at}");
        // There it ends the handshake from the wrong side.
        if at != 2 {
            assert_eq!(times(&record), times(&plain), "{at}");
        }
    }
}
