//! Segments of a few flows, early, late, twice, cut and lying, to the flow table: what an opening
//! holds is what was sent.
//!
//! The input: segments of eight bytes each: ends and flow (two bits each), flags; sequence number's
//! distance from where its side would go on (two bytes, least byte first); payload length (two
//! bytes); bytes that the capture cut; seconds since the last. Every byte of payload is the lowest
//! byte of its sequence number, so that order shows.

use portlore::decode::{Endpoint, FiveTuple, Segment, TcpFlags, Transport};
use portlore::evidence::{Direction, Wanted};
use portlore::flow::{
    FlowHasher, FlowKey, FlowRecord, Judge, KeyedSegment, Opening, SIDE_BYTES, ServicePorts,
    Stream, Table, TableLimits, VerdictId,
};
use portlore::time::Time;

pub fn run(input: &[u8]) {
    let hasher = FlowHasher::default();
    let mut table = Table::new(TableLimits { flows: 3, opening_bytes: 64 << 10 }, &hasher);
    let (mut judge, ports) = (Checks::default(), ServicePorts::default());
    let mut sides = [[u32::MAX - 500; 2]; 4];
    let mut now = 0;
    let mut frame = 0;
    for &[who, flags, d0, d1, l0, l1, cut, pause] in input.as_chunks().0 {
        let (flow, end) = (usize::from(who & 3), usize::from(who >> 2 & 1));
        let transport = if who & 8 == 0 { Transport::Tcp } else { Transport::Udp };
        let next = &mut sides[flow][end];
        let seq = next.wrapping_add_signed(i16::from_le_bytes([d0, d1]).into());
        let len = u32::from(u16::from_le_bytes([l0, l1]) & 0x1fff);
        *next = seq.wrapping_add(len);
        // The first byte of a connection stands behind its SYN.
        let first = if TcpFlags(flags).has(TcpFlags::SYN) { seq.wrapping_add(1) } else { seq };
        let payload: Vec<u8> = (0..len).map(|i| first.wrapping_add(i) as u8).collect();
        let payload = &payload[..payload.len().saturating_sub(cut.into())];
        now += i64::from(pause) * 1_000_000_000;
        frame += 1;
        let port = |side: usize| Endpoint {
            address: [10, 0, 0, side as u8].into(),
            port: if side == 0 { 3_001 } else { 40_000 + flow as u16 },
        };
        let five_tuple = FiveTuple { source: port(end), destination: port(1 - end), transport };
        let segment = Segment {
            frame,
            time: Time(now),
            five_tuple,
            seq,
            ack: 0,
            flags: TcpFlags(flags),
            tunnel: None,
            tenant: portlore::decode::Tenant::NONE,
            link_broadcast: false,
            wire_len: len + 40,
            payload_len: len,
        };
        let keyed = KeyedSegment::new(&segment, &hasher);
        table.observe(table.prefetch_flow(keyed.hash), &keyed, payload, &ports, &mut judge);
        assert!(table.live() <= 3);
    }
    table.drain(&mut judge);
    assert_eq!(judge.packets, frame, "every segment is a packet of one record");
}

/// Looks at whatever it is shown.
#[derive(Default)]
struct Checks {
    packets: u64,
}

impl Judge for Checks {
    fn inspect_partial(
        &mut self,
        opening: &mut Opening,
        _: &FlowKey,
    ) -> (Wanted, Option<VerdictId>) {
        check(opening);
        (Wanted::More, None)
    }

    fn inspect(&mut self, opening: &mut Opening, _: &FlowKey) -> VerdictId {
        check(opening);
        VerdictId(0)
    }

    fn close(&mut self, record: FlowRecord, _: Option<VerdictId>) {
        self.packets += record.packets.initiator + record.packets.responder;
        assert!(record.first_frame <= record.last_frame && record.first <= record.last);
    }
}

fn check(opening: &Opening) {
    for direction in Direction::BOTH {
        let side = opening.side(direction);
        assert!(side.bytes().len() <= SIDE_BYTES);
        check_order(side, opening.transport());
        let datagrams: usize = side.datagrams().map(|(bytes, ..)| bytes.len()).sum();
        assert_eq!(datagrams, side.bytes().len());
        let frames: Vec<u64> = side.datagrams().map(|(_, frame, _)| frame).collect();
        assert_eq!(side.first_frame(), frames.first().copied());
    }
}

/// Within a run nothing is missing: each byte follows from the one before it. (Of datagrams each is
/// one.)
fn check_order(side: &Stream, transport: Transport) {
    let mut end = 0;
    for run in side.runs() {
        assert_eq!(run.start, end, "runs follow each other");
        end = run.end;
        let bytes = &side.bytes()[run];
        assert!(
            transport == Transport::Udp
                || bytes.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)),
            "out of order"
        );
    }
    assert_eq!(end, side.bytes().len());
    assert_eq!(side.head().len(), side.runs().next().map_or(0, |run| run.len()));
}
