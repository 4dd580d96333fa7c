//! Conversations as segments, and the records that they end in.

mod direction;
mod icmp;
mod overflow;
mod tampered;
mod walk;

use super::*;
use crate::decode::{Endpoint, FiveTuple, Segment};
use crate::evidence::{Direction, Evidence, Role, Tampered, Wanted};
use crate::flow::{Opening, Orientation, TcpState};

const LIMITS: TableLimits = TableLimits { flows: 1000, opening_bytes: 1 << 20 };
const SYN: u8 = 2;
const SYN_ACK: u8 = 18;
const ACK: u8 = 16;
const FIN: u8 = 17;
const RST: u8 = 4;

/// A finished flow and each side's bytes.
#[derive(Debug)]
struct Closed {
    record: FlowRecord,
    evidence: Option<[Vec<u8>; 2]>,
}

/// Stores both sides' bytes; with `quick`, the first inspection is final.
#[derive(Default)]
struct Reader {
    closed: Vec<Closed>,
    shown: Vec<Closed>,
    verdicts: Vec<[Vec<u8>; 2]>,
    quick: bool,
    /// Verdicts want the datagrams that come later, which are kept.
    reads_on: bool,
    later: Vec<(u16, Direction, Vec<u8>)>,
    inspections: usize,
    tampered: Vec<Tampered>,
    /// Verdicts that stayed, and those that were replaced.
    settled: Vec<VerdictId>,
    forgotten: Vec<VerdictId>,
}

/// Both sides' bytes.
fn read(opening: &Opening) -> [Vec<u8>; 2] {
    Direction::BOTH.map(|d| opening.side(d).head().to_vec())
}

/// Reads both sides, and turns the opening if it is the wrong way round: `GET` is a client's, `OK` a
/// server's.
fn read_oriented(opening: &mut Opening) -> [Vec<u8>; 2] {
    let role = |bytes: Vec<u8>| match &bytes[..] {
        [b'G', b'E', b'T', ..] => Some(Role::Client),
        [b'O', b'K', ..] => Some(Role::Server),
        _ => None,
    };
    let evidence = Evidence { roles: read(opening).map(role), ..Evidence::default() };
    if !opening.is_fixed() && evidence.is_reversed() {
        opening.turn();
        opening.prove();
    } else if evidence.is_oriented() {
        opening.prove();
    }
    read(opening)
}

impl Judge for Reader {
    fn inspect_partial(
        &mut self,
        opening: &mut Opening,
        key: &FlowKey,
    ) -> (Wanted, Option<VerdictId>) {
        self.inspections += 1;
        if self.quick {
            (Wanted::Nothing, Some(self.inspect(opening, key)))
        } else {
            (Wanted::Everything, None)
        }
    }

    fn inspect(&mut self, opening: &mut Opening, _: &FlowKey) -> VerdictId {
        self.verdicts.push(read_oriented(opening));
        VerdictId(self.verdicts.len() as u32 - 1)
    }

    fn conclude(&mut self, opening: &Opening, _: &FlowKey, verdict: VerdictId, _: &Evidence) {
        self.tampered.extend(opening.tampered());
        self.settled.push(verdict);
    }

    fn forget(&mut self, verdict: VerdictId) {
        self.forgotten.push(verdict);
    }

    fn reads_on(&self, _: VerdictId) -> bool {
        self.reads_on
    }

    fn read_on(
        &mut self,
        _: &FlowKey,
        ends: [Endpoint; 2],
        sender: Direction,
        _: u64,
        payload: &[u8],
    ) {
        self.later.push((ends[1].port, sender, payload.to_vec()));
    }

    fn preview(&mut self, opening: &mut Opening) {
        read_oriented(opening);
    }

    fn show(&mut self, record: &FlowRecord, word: OpeningState<'_>) {
        let evidence = match word {
            OpeningState::None => None,
            OpeningState::Opening(opening) => Some(read(opening)),
            OpeningState::Judged(id) => Some(self.verdicts[id.0 as usize].clone()),
        };
        self.shown.push(Closed { record: record.clone(), evidence });
    }

    fn close(&mut self, record: FlowRecord, verdict: Option<VerdictId>) {
        self.closed.push(Closed {
            record,
            evidence: verdict.map(|id| self.verdicts[id.0 as usize].clone()),
        });
    }
}

/// A table under test, with a judge that stores the two sides' bytes.
struct TableUnderTest {
    table: Table,
    reader: Reader,
    ports: ServicePorts,
    frame: u64,
    clock: i64,
    link_broadcast: bool,
}

impl TableUnderTest {
    fn new(limits: TableLimits) -> Self {
        Self {
            table: Table::new(limits, &FlowHasher::default()),
            reader: Reader::default(),
            ports: ServicePorts::default(),
            frame: 0,
            clock: 0,
            link_broadcast: false,
        }
    }

    /// A millisecond passes, then a segment from `from` to `to`.
    fn send(&mut self, from: u16, to: u16, flags: u8, seq: u32, payload: &[u8]) {
        let end = |port| Endpoint { address: [10, 0, 0, 1].into(), port };
        self.send_between(end(from), end(to), flags, seq, payload);
    }

    /// As [`send`](Self::send), between any endpoints.
    fn send_between(
        &mut self,
        source: Endpoint,
        destination: Endpoint,
        flags: u8,
        seq: u32,
        payload: &[u8],
    ) {
        self.send_payload((source, destination), flags, seq, payload.len(), payload);
    }

    /// As [`send_between`](Self::send_between), of `len` bytes on the wire.
    fn send_payload(
        &mut self,
        (source, destination): (Endpoint, Endpoint),
        flags: u8,
        seq: u32,
        len: usize,
        payload: &(impl CapturedPayload + ?Sized),
    ) {
        self.clock += 1_000_000;
        let transport = if flags == 0 { Transport::Udp } else { Transport::Tcp };
        self.frame += 1;
        let five_tuple = FiveTuple { source, destination, transport };
        let segment = Segment {
            frame: self.frame,
            time: Time(self.clock),
            five_tuple,
            seq,
            ack: 0,
            flags: TcpFlags(flags),
            tunnel: None,
            tenant: crate::decode::Tenant::NONE,
            link_broadcast: self.link_broadcast,
            wire_len: 54 + len as u32,
            payload_len: len as u32,
        };
        let keyed = KeyedSegment::new(&segment, &self.table.hasher);
        let slot = self.table.prefetch_flow(keyed.hash);
        self.table.observe(slot, &keyed, payload, &self.ports, &mut self.reader);
    }

    fn handshake(&mut self, from: u16, to: u16) {
        self.send(from, to, SYN, 100, b"");
        self.send(to, from, SYN_ACK, 500, b"");
        self.send(from, to, ACK, 101, b"");
    }

    fn records(mut self) -> Vec<Closed> {
        self.table.drain(&mut self.reader);
        self.reader.closed
    }
}

#[test]
fn padding_that_was_counted_to_an_acknowledgement_takes_no_words_place() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.handshake(50_000, 3001);
    bench.send(50_000, 3001, ACK, 101, &[0; 2]);
    bench.send(50_000, 3001, ACK, 101, b"words");
    let closed = bench.records();
    assert_eq!(closed[0].evidence.as_ref().unwrap()[0], b"words");
}

#[test]
fn a_conversation_ends_in_one_record_with_both_sides() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.handshake(3001, 50_000);
    bench.send(3001, 50_000, ACK, 101, b"ask");
    bench.send(50_000, 3001, ACK, 501, b"answer");
    bench.send(3001, 50_000, FIN, 104, b"");
    bench.send(50_000, 3001, FIN, 507, b"");
    let closed = bench.records();
    let [Closed { record, evidence }] = &closed[..] else { panic!("{closed:?}") };
    assert_eq!(
        (record.initiator.port, record.responder.port),
        (3001, 50_000),
        "SYN beats the lower port"
    );
    assert_eq!(record.orientation, Orientation::Seen);
    assert_eq!(record.packets, Counts { initiator: 4, responder: 3 });
    assert_eq!(record.payload_bytes, Counts { initiator: 3, responder: 6 });
    assert_eq!((record.tcp, record.outcome), (Some(TcpState::Closed), Outcome::Established));
    assert_eq!((record.handshake_ns, record.first_response_ns), (Some(2_000_000), Some(1_000_000)));
    assert_eq!((record.first_frame, record.last_frame), (1, 7));
    assert_eq!(record.tcp_counters.retransmissions, Counts::default());
    assert_eq!(evidence.as_ref().unwrap(), &[b"ask".to_vec(), b"answer".to_vec()]);
}

#[test]
fn each_way_that_a_connection_can_go_has_its_outcome() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.send(50_001, 1, SYN, 1, b"");
    bench.send(1, 50_001, RST | ACK, 0, b"");
    bench.send(50_002, 2, SYN, 1, b"");
    bench.send(50_002, 2, SYN, 1, b"");
    bench.handshake(50_003, 3);
    bench.send(3, 50_003, RST, 501, b"");
    bench.send(50_004, 4, ACK, 7, b"middle");
    bench.send(50_005, 5, 0, 0, b"question");
    bench.send(5, 50_005, 0, 0, b"answer");
    bench.send(50_006, 6, 0, 0, b"into the void");
    let mut closed = bench.records();
    closed.sort_by_key(|c| c.record.responder.port);
    let outcomes: Vec<_> = closed.iter().map(|c| c.record.outcome).collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Refused,
            Outcome::NoAnswer,
            Outcome::Reset,
            Outcome::Midstream,
            Outcome::Answered,
            Outcome::NoAnswer,
        ]
    );
    assert_eq!(
        closed[1].record.tcp_counters.retransmissions.initiator, 1,
        "a repeated SYN is a retransmission"
    );
    assert_eq!(closed[0].record.handshake_ns, None);
    assert_eq!(closed[3].record.orientation, Orientation::Guessed);
}

#[test]
fn a_gap_that_is_filled_is_reordering_and_what_comes_twice_is_retransmission() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.handshake(50_000, 80);
    bench.send(50_000, 80, ACK, 105, b"efgh");
    bench.send(50_000, 80, ACK, 101, b"abcd");
    bench.send(50_000, 80, ACK, 101, b"abcd");
    bench.send(50_000, 80, ACK, 108, b"h");
    let closed = bench.records();
    assert_eq!(
        closed[0].record.tcp_counters.retransmissions.initiator, 1,
        "the last is a keep-alive"
    );
    assert_eq!(closed[0].evidence.as_ref().unwrap()[0], b"abcdefgh");
}

#[test]
fn a_syn_after_the_end_begins_a_new_flow_and_so_does_long_silence() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.handshake(50_000, 80);
    bench.send(50_000, 80, RST, 101, b"");
    bench.handshake(50_000, 80);
    bench.clock += crate::flow::live_flow::TCP_IDLE as i64;
    bench.send(50_000, 80, ACK, 101, b"late");
    let mut closed = bench.records();
    closed.sort_by_key(|c| c.record.first_frame);
    let first: Vec<_> = closed.iter().map(|c| (c.record.first_frame, c.record.outcome)).collect();
    assert_eq!(first, [(1, Outcome::Reset), (5, Outcome::Established), (8, Outcome::Midstream)]);
}

#[test]
fn a_syn_that_was_reordered_corrects_the_guess() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.send(3001, 50_000, ACK, 101, b"x");
    bench.send(3001, 50_000, SYN, 100, b"");
    let closed = bench.records();
    assert_eq!(
        (closed[0].record.initiator.port, closed[0].record.orientation),
        (3001, Orientation::Seen)
    );
    assert_eq!(closed[0].evidence.as_ref().unwrap()[0], b"x");
}

#[test]
fn a_full_table_evicts_counts_and_loses_nothing() {
    let mut bench = TableUnderTest::new(TableLimits { flows: 64, ..LIMITS });
    for port in 0..1000 {
        bench.send(10_000 + port, 53, 0, 0, b"?");
    }
    assert_eq!(bench.table.evicted(), 1000 - 64);
    let closed = bench.records();
    assert_eq!(closed.len(), 1000);
    assert_eq!(closed.iter().map(|c| c.record.packets.sum()).sum::<u64>(), 1000);
}

#[test]
fn idle_flows_leave_the_table_as_new_ones_come() {
    let mut bench = TableUnderTest::new(LIMITS);
    for port in 0..500 {
        bench.send(10_000 + port, 53, 0, 0, b"?");
    }
    bench.clock += crate::flow::live_flow::UDP_IDLE as i64;
    for port in 0..500 {
        bench.send(20_000 + port, 53, 0, 0, b"?");
    }
    assert_eq!(bench.reader.closed.len(), 500);
    assert_eq!(bench.table.evicted(), 0);
}

#[test]
fn openings_are_inspected_early_when_they_need_too_much_memory_and_the_account_ends_at_zero() {
    let limit = 40_000;
    let mut bench = TableUnderTest::new(TableLimits { opening_bytes: limit, ..LIMITS });
    for port in 0..300 {
        bench.send(10_000 + port, 53, 0, 0, &[7; 400]);
        assert!(bench.table.openings.bytes() <= limit);
    }
    bench.table.drain(&mut bench.reader);
    assert_eq!(bench.table.openings.bytes(), 0);
    assert!(
        bench.reader.closed.iter().all(|c| c.evidence.as_ref().is_some_and(|e| e[0].len() == 400))
    );
}

#[test]
fn what_is_settled_is_not_asked_again_and_its_memory_serves_the_next() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.reader.quick = true;
    for round in 0..40 {
        let (from, to) = if round % 2 == 0 { (50_000, 53) } else { (53, 50_000) };
        bench.send(from, to, 0, 0, b"word");
    }
    assert_eq!(
        (bench.reader.inspections, bench.table.openings.len(), bench.table.openings.slots()),
        (1, 0, 1)
    );
    bench.reader.quick = false;
    for _ in 0..40 {
        bench.send(50_001, 53, 0, 0, b"word");
    }
    assert_eq!(
        (bench.reader.inspections, bench.table.openings.len(), bench.table.openings.slots()),
        (2, 1, 1),
        "what is kept is not asked again"
    );
}

#[test]
fn a_syn_alone_says_nothing() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.send(50_000, 3002, SYN, 1, b"");
    assert!(bench.records()[0].evidence.is_none());
}

/// A cache line more in every flow is a quarter of a gigabyte in a full table.
#[test]
fn a_flow_fills_two_cache_lines() {
    assert_eq!((size_of::<LiveFlow>(), align_of::<LiveFlow>()), (128, 64));
}

#[test]
fn reordered_segments_leave_nothing_behind_in_the_account() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.handshake(50_000, 80);
    for round in 0..7 {
        let seq = 101 + round * 8;
        bench.send(50_000, 80, ACK, seq + 4, b"efgh");
        bench.send(50_000, 80, ACK, seq, b"abcd");
    }
    let Some(OpeningSlot::Opening(opening_slot)) = bench.table.slab.get(0).map(LiveFlow::opening)
    else {
        panic!("no opening")
    };
    let footprint = bench.table.openings.get_mut(opening_slot).unwrap().footprint();
    assert_eq!(bench.table.openings.bytes(), footprint);
}

/// Where only one side was captured, its acknowledgement shows that the other has answered; a reset
/// alone shows no connection at all.
#[test]
fn an_acknowledgement_by_the_client_shows_the_answer_and_a_lone_reset_shows_nothing() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.send(50_001, 1, SYN, 100, b"");
    bench.send(50_001, 1, ACK, 101, b"request");
    bench.send(50_002, 2, SYN, 100, b"");
    bench.send(50_002, 2, ACK, 101, b"");
    bench.send(50_002, 2, RST, 101, b"");
    bench.send(50_003, 3, SYN, 100, b"");
    bench.send(50_003, 3, RST, 101, b"");
    bench.send(50_004, 4, RST, 101, b"");
    let mut closed = bench.records();
    closed.sort_by_key(|c| c.record.responder.port);
    let outcomes: Vec<_> = closed.iter().map(|c| c.record.outcome).collect();
    assert_eq!(
        outcomes,
        [Outcome::Established, Outcome::Reset, Outcome::NoAnswer, Outcome::Midstream]
    );
}

#[test]
fn a_syn_with_another_number_is_another_connection_and_a_late_reset_changes_nothing() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.handshake(50_000, 80);
    bench.send(50_000, 80, SYN, 9_000, b"");
    bench.send(50_000, 80, SYN, 9_000, b"");
    let mut closed = bench.records();
    closed.sort_by_key(|c| c.record.first_frame);
    let seen: Vec<_> = closed.iter().map(|c| (c.record.outcome, c.record.packets.sum())).collect();
    assert_eq!(seen, [(Outcome::Established, 3), (Outcome::NoAnswer, 2)]);

    let mut bench = TableUnderTest::new(LIMITS);
    bench.handshake(50_000, 80);
    bench.send(50_000, 80, FIN, 101, b"");
    bench.send(80, 50_000, FIN, 501, b"");
    bench.send(50_000, 80, RST, 102, b"");
    let closed = bench.records();
    assert_eq!(
        (closed[0].record.tcp, closed[0].record.outcome),
        (Some(TcpState::Closed), Outcome::Established)
    );
}
