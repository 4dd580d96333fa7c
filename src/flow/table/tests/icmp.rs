//! ICMP errors about flows.

use super::*;
use crate::decode::{IcmpKind, IcmpQuote};
use crate::flow::{KeyedQuote, PortRank};

impl TableUnderTest {
    /// A millisecond passes, then an ICMP error about a packet from `from` to `to`.
    fn send_error(&mut self, from: u16, to: u16, transport: Transport, kind: IcmpKind) {
        self.clock += 1_000_000;
        self.frame += 1;
        let end = |port| Endpoint { address: [10, 0, 0, 1].into(), port };
        let five_tuple = FiveTuple { source: end(from), destination: end(to), transport };
        let quote = IcmpQuote {
            frame: self.frame,
            time: Time(self.clock),
            kind,
            five_tuple,
            tenant: crate::decode::Tenant::NONE,
        };
        self.table.observe_icmp(&KeyedQuote::new(&quote, 0, &self.table.hasher));
    }
}

/// The outcome, and the frame of the error that is told.
fn outcome(bench: TableUnderTest) -> (Outcome, Option<u64>, (u16, u16)) {
    let closed = bench.records();
    let [Closed { record, .. }] = &closed[..] else { panic!("{closed:?}") };
    let ports = (record.initiator.port, record.responder.port);
    (record.outcome, record.icmp.map(|error| error.frame), ports)
}

#[test]
fn a_datagram_that_an_error_answers_is_refused_or_did_not_reach_its_receiver() {
    for (kind, expected) in [
        (IcmpKind::Port, Outcome::Refused),
        (IcmpKind::Protocol, Outcome::Refused),
        (IcmpKind::Host, Outcome::Unreachable),
        (IcmpKind::Prohibited, Outcome::Unreachable),
    ] {
        let mut bench = TableUnderTest::new(LIMITS);
        bench.send(50_000, 53, 0, 0, b"GET");
        bench.send_error(50_000, 53, Transport::Udp, kind);
        bench.send(50_000, 53, 0, 0, b"GET");
        assert_eq!(outcome(bench), (expected, Some(2), (50_000, 53)));
    }
}

#[test]
fn an_error_changes_neither_packets_nor_times_nor_frames() {
    let record = |with_error: bool| {
        let mut bench = TableUnderTest::new(LIMITS);
        bench.send(50_000, 53, 0, 0, b"x");
        bench.send(50_000, 53, 0, 0, b"y");
        if with_error {
            bench.send_error(50_000, 53, Transport::Udp, IcmpKind::Port);
        }
        bench.records().remove(0).record
    };
    let (plain, refused) = (record(false), record(true));
    assert_eq!(plain.outcome, Outcome::NoAnswer);
    let as_plain = FlowRecord {
        outcome: plain.outcome,
        icmp: None,
        orientation: plain.orientation,
        ..refused.clone()
    };
    assert_eq!(as_plain, plain);
}

#[test]
fn an_answer_before_or_after_an_error_takes_its_effect() {
    for error_at in 0..=1 {
        let mut bench = TableUnderTest::new(LIMITS);
        bench.send(50_000, 53, 0, 0, b"GET");
        for step in 0..=1 {
            if step == error_at {
                bench.send_error(50_000, 53, Transport::Udp, IcmpKind::Port);
            } else {
                bench.send(53, 50_000, 0, 0, b"OK");
            }
        }
        assert_eq!(outcome(bench), (Outcome::Answered, None, (50_000, 53)));
    }
}

#[test]
fn a_late_answer_that_the_clients_host_refuses_says_nothing_about_the_server() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.send(50_000, 53, 0, 0, b"GET");
    bench.send(53, 50_000, 0, 0, b"OK");
    bench.send_error(53, 50_000, Transport::Udp, IcmpKind::Port);
    assert_eq!(outcome(bench), (Outcome::Answered, None, (50_000, 53)));
    // Only the answer was captured.
    let mut bench = TableUnderTest::new(LIMITS);
    bench.send(53, 50_000, 0, 0, b"OK");
    bench.send_error(53, 50_000, Transport::Udp, IcmpKind::Port);
    assert_eq!(outcome(bench), (Outcome::Answered, None, (50_000, 53)));
}

#[test]
fn a_connection_is_refused_or_unreachable_only_if_nothing_came_back() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.send(50_000, 80, SYN, 1, b"");
    bench.send_error(50_000, 80, Transport::Tcp, IcmpKind::Host);
    assert_eq!(outcome(bench), (Outcome::Unreachable, Some(2), (50_000, 80)));
    let mut bench = TableUnderTest::new(LIMITS);
    bench.handshake(50_000, 80);
    bench.send_error(50_000, 80, Transport::Tcp, IcmpKind::Prohibited);
    assert_eq!(outcome(bench), (Outcome::Established, None, (50_000, 80)));
}

#[test]
fn an_error_alone_or_long_after_its_flow_makes_no_flow() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.send_error(50_000, 53, Transport::Udp, IcmpKind::Port);
    assert_eq!(bench.table.live(), 0);
    bench.send(50_000, 53, 0, 0, b"GET");
    bench.clock += crate::flow::live_flow::UDP_IDLE as i64;
    bench.send_error(50_000, 53, Transport::Udp, IcmpKind::Port);
    assert_eq!(outcome(bench), (Outcome::NoAnswer, None, (50_000, 53)));
}

#[test]
fn who_sent_the_quoted_packet_opened_the_flow_whatever_the_ports_say() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.ports.set(Transport::Udp, 8000, PortRank::Claimed);
    bench.send(8000, 12_345, 0, 0, b"x");
    bench.send_error(8000, 12_345, Transport::Udp, IcmpKind::Port);
    bench.send(8000, 12_345, 0, 0, b"x");
    let closed = bench.records();
    assert_eq!(closed[0].record.initiator.port, 8000);
    assert_eq!(closed[0].record.orientation, Orientation::Proved);
    assert_eq!(closed[0].record.outcome, Outcome::Refused);
    // A datagram from the other side takes that back.
    let mut bench = TableUnderTest::new(LIMITS);
    bench.ports.set(Transport::Udp, 8000, PortRank::Claimed);
    bench.send(8000, 12_345, 0, 0, b"x");
    bench.send_error(8000, 12_345, Transport::Udp, IcmpKind::Port);
    bench.send(12_345, 8000, 0, 0, b"y");
    assert_eq!(outcome(bench), (Outcome::Answered, None, (12_345, 8000)));
}

#[test]
fn a_refusal_counts_more_than_that_the_host_could_not_be_reached_before() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.send(50_000, 53, 0, 0, b"x");
    bench.send_error(50_000, 53, Transport::Udp, IcmpKind::Host);
    bench.send_error(50_000, 53, Transport::Udp, IcmpKind::Port);
    bench.send_error(50_000, 53, Transport::Udp, IcmpKind::Host);
    assert_eq!(outcome(bench), (Outcome::Refused, Some(3), (50_000, 53)));
}
