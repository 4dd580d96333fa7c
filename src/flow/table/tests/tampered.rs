//! Bytes that come again: the same, repaired, or forged.

use super::*;
use crate::flow::received::sum_for_test;

const CLIENT: u16 = 50_000;
const SERVER: u16 = 3001;
const URG: u8 = 0x20;
/// The sequence number of the first byte of the server and of the client.
const S: u32 = 501;
const C: u32 = 101;
const REAL: &[u8] = b"OK the answer of the server";
const FAKE: &[u8] = b"OK what somebody else says.";

/// What the checksum field of a segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Right,
    Wrong,
    /// The sum of the pseudo header, as a sender leaves it that does not compute checksums itself.
    Begun,
}

/// A payload behind the TCP header of its frame.
struct Framed {
    frame: Vec<u8>,
    header: usize,
}

impl CapturedPayload for Framed {
    fn captured_len(&self) -> usize {
        self.frame.len() - self.header
    }

    fn bytes(&self) -> &[u8] {
        &self.frame[self.header..]
    }

    fn before(&self) -> &[u8] {
        &self.frame[self.header.saturating_sub(60)..self.header]
    }
}

fn framed(ports: [u16; 2], seq: u32, urgent: u16, field: Field, payload: &[u8]) -> Framed {
    let mut header = ports.map(u16::to_be_bytes).concat();
    header.extend(seq.to_be_bytes());
    header.extend([0, 0, 0, 9, 8 << 4, ACK | if urgent > 0 { URG } else { 0 }, 1, 2, 0, 0]);
    header.extend(urgent.to_be_bytes());
    // Options: time stamps.
    header.extend([1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8]);
    let len = (header.len() + payload.len()) as u16;
    let address = [10, 0, 0, 1, 10, 0, 0, 1];
    let pseudo = [&address[..], &[0, 6], &len.to_be_bytes()].concat();
    let sum = match field {
        Field::Begun => sum_for_test(&pseudo),
        _ => !sum_for_test(&[&pseudo[..], &header, payload].concat()),
    };
    let wrong = u16::from(field == Field::Wrong);
    header[16..18].copy_from_slice(&sum.wrapping_add(wrong).to_be_bytes());
    // An Ethernet and an IP header are before it.
    let frame = [&[0x45; 34][..], &header, payload].concat();
    Framed { frame, header: 34 + header.len() }
}

/// A conversation whose first inspection is final (`quick`), or none before its end.
struct Forgery {
    bench: TableUnderTest,
    port: u16,
}

impl Forgery {
    fn new(quick: bool) -> Self {
        let mut bench = TableUnderTest::new(LIMITS);
        bench.reader.quick = quick;
        let mut forgery = Self { bench, port: CLIENT };
        forgery.begin();
        forgery
    }

    /// A handshake in three frames, then the request in the next.
    fn begin(&mut self) {
        self.bench.handshake(self.port, SERVER);
        self.client(C, Field::Right, b"GET it");
    }

    fn client(&mut self, seq: u32, field: Field, payload: &[u8]) {
        self.segment([self.port, SERVER], seq, payload, &|ports| {
            framed(ports, seq, 0, field, payload)
        });
    }

    fn server(&mut self, seq: u32, field: Field, payload: &[u8]) {
        self.segment([SERVER, self.port], seq, payload, &|ports| {
            framed(ports, seq, 0, field, payload)
        });
    }

    fn segment(
        &mut self,
        ports: [u16; 2],
        seq: u32,
        payload: &[u8],
        framed: &dyn Fn([u16; 2]) -> Framed,
    ) {
        let [from, to] = ports.map(|port| Endpoint { address: [10, 0, 0, 1].into(), port });
        self.bench.send_payload((from, to), ACK, seq, payload.len(), &framed(ports));
    }

    /// The bytes of both sides by which the flow was judged last, and what was tampered with.
    fn end(mut self) -> ([Vec<u8>; 2], Vec<Tampered>) {
        self.bench.table.drain(&mut self.bench.reader);
        let reader = self.bench.reader;
        assert_eq!(reader.verdicts.len(), reader.settled.len() + reader.forgotten.len());
        (reader.closed.into_iter().last().unwrap().evidence.unwrap(), reader.tampered)
    }
}

/// Plays with a verdict at the second segment of payload and with one at the end.
fn play(segments: impl Fn(&mut Forgery)) -> [([Vec<u8>; 2], Vec<Tampered>); 2] {
    [true, false].map(|quick| {
        let mut forgery = Forgery::new(quick);
        segments(&mut forgery);
        forgery.end()
    })
}

fn by(direction: Direction, frames: [u64; 2]) -> Vec<Tampered> {
    vec![Tampered { direction, frames }]
}

#[test]
fn an_answer_that_differs_from_the_first_is_noted_with_both_frames() {
    for (bytes, tampered) in play(|forgery| {
        forgery.server(S, Field::Right, FAKE);
        forgery.server(S, Field::Right, REAL);
    }) {
        assert_eq!(tampered, by(Direction::Responder, [5, 6]));
        assert_eq!(bytes[1], FAKE);
    }
}

#[test]
fn a_request_that_differs_from_the_first_is_noted_with_both_frames() {
    for (_, tampered) in play(|forgery| {
        forgery.server(S, Field::Right, REAL);
        forgery.client(C, Field::Right, b"GET me");
    }) {
        assert_eq!(tampered, by(Direction::Initiator, [4, 6]));
    }
}

#[test]
fn an_overlap_that_differs_in_a_byte_is_noted_and_one_that_does_not_is_none() {
    for (differs, last) in [(false, *b"r and more"), (true, *b"R and more")] {
        for (bytes, tampered) in play(|forgery| {
            forgery.server(S, Field::Right, REAL);
            forgery.server(S + REAL.len() as u32 - 1, Field::Right, &last);
        }) {
            assert_eq!(!tampered.is_empty(), differs);
            assert!(bytes[1].starts_with(REAL));
        }
    }
}

#[test]
fn what_is_sent_again_in_other_segments_is_no_forgery() {
    for (bytes, tampered) in play(|forgery| {
        forgery.server(S, Field::Right, &REAL[..9]);
        forgery.server(S + 9, Field::Right, &REAL[9..]);
        forgery.server(S, Field::Right, REAL);
        forgery.server(S + 3, Field::Right, &REAL[3..12]);
        forgery.client(C, Field::Right, b"GET it");
    }) {
        assert!(tampered.is_empty());
        assert!(REAL.starts_with(&bytes[1]));
    }
}

#[test]
fn a_damaged_segment_is_replaced_by_its_repetition_and_what_follows_is_read() {
    for (bytes, tampered) in play(|forgery| {
        forgery.server(S, Field::Wrong, b"OK what somebody else says, and it is long");
        forgery.server(S, Field::Right, REAL);
        forgery.server(S + REAL.len() as u32, Field::Right, b" and more");
    }) {
        assert_eq!(bytes[1], [REAL, b" and more"].concat());
        assert!(tampered.is_empty());
    }
}

#[test]
fn a_damaged_repetition_changes_nothing() {
    for (bytes, tampered) in play(|forgery| {
        forgery.server(S, Field::Right, REAL);
        forgery.server(S, Field::Wrong, FAKE);
    }) {
        assert_eq!((&bytes[1][..], tampered.len()), (REAL, 0));
    }
}

#[test]
fn where_the_sender_leaves_checksums_to_its_interface_they_decide_nothing() {
    for field in [Field::Wrong, Field::Begun] {
        for (_, tampered) in play(|forgery| {
            forgery.server(S, field, &FAKE[..9]);
            forgery.server(S + 9, field, &FAKE[9..]);
            forgery.server(S, Field::Right, &REAL[..9]);
            forgery.server(S + FAKE.len() as u32, field, b"more");
        }) {
            assert_eq!(tampered, by(Direction::Responder, [5, 7]), "{field:?}");
        }
    }
    for (_, tampered) in play(|forgery| {
        forgery.server(S, Field::Begun, FAKE);
        forgery.server(S, Field::Right, REAL);
    }) {
        assert_eq!(tampered.len(), 1, "nothing else tells the sender from one that is damaged");
    }
}

#[test]
fn two_damaged_segments_decide_nothing() {
    for (_, tampered) in play(|forgery| {
        forgery.server(S, Field::Wrong, FAKE);
        forgery.server(S, Field::Wrong, REAL);
    }) {
        assert_eq!(tampered.len(), 1);
    }
}

#[test]
fn segments_that_wait_are_compared() {
    for (bytes, tampered) in play(|forgery| {
        forgery.server(S + 3, Field::Right, &FAKE[3..]);
        forgery.server(S + 3, Field::Right, &REAL[3..]);
        forgery.server(S, Field::Right, &REAL[..3]);
    }) {
        assert_eq!(tampered, by(Direction::Responder, [5, 6]));
        assert!(FAKE.starts_with(&bytes[1]) || FAKE.ends_with(&bytes[1]));
    }
    for field in [Field::Right, Field::Wrong] {
        let (bytes, tampered) = {
            let mut forgery = Forgery::new(false);
            forgery.server(S + 3, field, &FAKE[3..]);
            forgery.server(S + 9, Field::Right, &REAL[9..]);
            forgery.server(S, Field::Right, REAL);
            forgery.end()
        };
        assert_eq!(tampered.is_empty(), field == Field::Wrong);
        assert!(field == Field::Right || bytes[1] == REAL);
    }
}

#[test]
fn the_byte_of_a_keep_alive_and_what_the_capture_cut_are_not_compared() {
    for (bytes, tampered) in play(|forgery| {
        forgery.server(S, Field::Right, REAL);
        forgery.server(S + REAL.len() as u32 - 1, Field::Right, b"?");
        let [from, to] =
            [SERVER, CLIENT].map(|port| Endpoint { address: [10, 0, 0, 1].into(), port });
        forgery.bench.send_payload((from, to), ACK, S, REAL.len(), &FAKE[..9]);
    }) {
        assert_eq!((&bytes[1][..], tampered.len()), (REAL, 0));
    }
}

#[test]
fn bytes_that_a_header_in_no_frame_brings_are_compared_and_decide_nothing() {
    let mut bench = TableUnderTest::new(LIMITS);
    bench.handshake(CLIENT, SERVER);
    bench.send(SERVER, CLIENT, ACK, S, FAKE);
    bench.send(SERVER, CLIENT, ACK, S, REAL);
    bench.table.drain(&mut bench.reader);
    assert_eq!(bench.reader.tampered, by(Direction::Responder, [4, 5]));
}

#[test]
fn data_with_syn_that_comes_again_is_compared() {
    for (again, differs) in [(&b"GET it"[..], false), (b"GET me", true)] {
        let mut bench = TableUnderTest::new(LIMITS);
        bench.send(CLIENT, SERVER, SYN, 100, b"GET it");
        bench.send(SERVER, CLIENT, SYN_ACK, 500, b"");
        bench.send(CLIENT, SERVER, ACK, 101, again);
        bench.table.drain(&mut bench.reader);
        assert_eq!(!bench.reader.tampered.is_empty(), differs);
    }
}

#[test]
fn an_urgent_byte_is_left_out_and_places_behind_it_are_known() {
    for (bytes, tampered) in play(|forgery| {
        let urgent = |ports| framed(ports, S, 3, Field::Right, b"OK! the");
        forgery.segment([SERVER, CLIENT], S, b"OK! the", &urgent);
        forgery.server(S + 7, Field::Right, b" answer");
        forgery.server(S + 3, Field::Right, b" the answer");
        forgery.server(S, Field::Right, b"OK");
    }) {
        assert!(b"OK the answer".starts_with(&bytes[1][..]) && bytes[1].len() >= 6, "{bytes:?}");
        assert!(tampered.is_empty());
    }
}

#[test]
fn a_forged_syn_ack_behind_the_true_one_hides_no_answer() {
    for forged in [90_000, 3_000_000_000] {
        let mut bench = TableUnderTest::new(LIMITS);
        bench.handshake(CLIENT, SERVER);
        bench.send(SERVER, CLIENT, SYN_ACK, forged, b"");
        bench.send(CLIENT, SERVER, ACK, 101, b"GET it");
        bench.send(SERVER, CLIENT, ACK, S, REAL);
        let closed = bench.records();
        assert_eq!(closed[0].evidence.as_ref().unwrap()[1], REAL);
    }
}

#[test]
fn a_flow_is_compared_until_many_others_have_their_verdict() {
    for (others, is_found) in [(20, true), (40, false)] {
        let mut forgery = Forgery::new(true);
        forgery.server(S, Field::Right, FAKE);
        for port in 0..others {
            forgery.port = 40_000 + port;
            forgery.begin();
            forgery.server(S, Field::Right, REAL);
        }
        forgery.port = CLIENT;
        forgery.server(S, Field::Right, REAL);
        assert_eq!(forgery.end().1.is_empty(), !is_found);
    }
}

#[test]
fn held_openings_take_little_memory() {
    let mut forgery = Forgery::new(true);
    for port in 0..40 {
        forgery.port = 40_000 + port;
        forgery.begin();
        forgery.server(S, Field::Right, &[7; 8000]);
        assert!(forgery.bench.table.held_bytes() <= 64 << 10);
        assert!(forgery.bench.table.openings.len() <= 33);
    }
    forgery.end();
}
