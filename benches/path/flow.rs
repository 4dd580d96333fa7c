//! `flow`: from a segment into the flow table.

use criterion::{BatchSize, Criterion, Throughput};
use portlore::decode::{Endpoint, FiveTuple, Segment, TcpFlags, Transport};
use portlore::evidence::Wanted;
use portlore::flow::{
    FlowHasher, FlowKey, FlowRecord, Judge, KeyedSegment, Opening, ServicePorts, Table,
    TableLimits, VerdictId,
};
use portlore::time::Time;

use crate::traffic::{ACK, Random, SYN};

/// Flows that stay in the first-level cache, and flows that do not fit in any.
const FEW: u32 = 16;
const MANY: u32 = 200_000;
/// Segments per iteration.
const SEGMENTS: usize = 200_000;
/// As many as a classifier thread looks up before it changes the first flow.
const STRIDE: usize = 64;
const LIMITS: TableLimits = TableLimits { flows: 1 << 20, opening_bytes: 1 << 30 };

pub fn bench(criterion: &mut Criterion) {
    let (ports, hasher) = (ServicePorts::default(), FlowHasher::default());
    let mut group = criterion.benchmark_group("flow");
    group.throughput(Throughput::Elements(SEGMENTS as u64));
    for (name, flows, ahead) in
        [("few", FEW, false), ("many", MANY, false), ("many-ahead", MANY, true)]
    {
        let mut random = Random::new(11);
        let segments: Vec<_> = (0..SEGMENTS)
            .map(|i| segment(&hasher, i, random.below(flows as usize) as u32, true, ACK, 0))
            .collect();
        let mut table = Table::new(LIMITS, &hasher);
        // Every flow exists before the clock runs.
        let all: Vec<_> = (0..flows).map(|flow| segment(&hasher, 0, flow, true, ACK, 0)).collect();
        one_by_one(&mut table, &all, &ports, b"");
        let observe = if ahead { in_strides } else { one_by_one };
        group.bench_function(name, |b| b.iter(|| observe(&mut table, &segments, &ports, b"")));
    }
    // Whole flows: handshake, a request, a response, the end.
    let payload = Random::new(12).bytes(200);
    let lives: Vec<_> = (0..SEGMENTS)
        .map(|i| {
            let (flow, step) = ((i / 5) as u32, i % 5);
            let (by_initiator, flags) =
                [(true, SYN), (false, SYN | ACK), (true, ACK), (true, ACK), (false, ACK)][step];
            segment(
                &hasher,
                i,
                flow,
                by_initiator,
                flags,
                if step > 2 { payload.len() as u32 } else { 0 },
            )
        })
        .collect();
    group.bench_function("lives", |b| {
        b.iter_batched(
            || Table::new(LIMITS, &hasher),
            |mut table| {
                one_by_one(&mut table, &lives, &ports, &payload);
                table.drain(&mut Silent);
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// No detector: the table alone is measured.
struct Silent;

impl Judge for Silent {
    fn inspect_partial(&mut self, _: &mut Opening, _: &FlowKey) -> (Wanted, Option<VerdictId>) {
        (Wanted::Everything, None)
    }

    fn inspect(&mut self, _: &mut Opening, _: &FlowKey) -> VerdictId {
        VerdictId(0)
    }

    fn close(&mut self, _: FlowRecord, _: Option<VerdictId>) {}
}

/// Looks up and changes one flow after the other.
fn one_by_one(table: &mut Table, segments: &[KeyedSegment], ports: &ServicePorts, payload: &[u8]) {
    for segment in segments {
        let said = &payload[..payload.len().min(segment.payload_len as usize)];
        table.observe(table.prefetch_flow(segment.hash), segment, said, ports, &mut Silent);
    }
}

/// As a classifier thread does it: prefetch all, then change all.
fn in_strides(table: &mut Table, segments: &[KeyedSegment], ports: &ServicePorts, payload: &[u8]) {
    let mut slots = [0; STRIDE];
    for stride in segments.chunks(STRIDE) {
        stride.iter().for_each(|segment| table.prefetch_index(segment.hash));
        for (slot, segment) in slots.iter_mut().zip(stride) {
            *slot = table.prefetch_flow(segment.hash);
        }
        for (slot, segment) in slots.into_iter().zip(stride) {
            let said = &payload[..payload.len().min(segment.payload_len as usize)];
            table.observe(slot, segment, said, ports, &mut Silent);
        }
    }
}

fn segment(
    hasher: &FlowHasher,
    number: usize,
    flow: u32,
    by_initiator: bool,
    flags: u8,
    payload_len: u32,
) -> KeyedSegment {
    let initiator = Endpoint { address: (0x0a00_0000 + flow).to_be_bytes().into(), port: 40_000 };
    let responder = Endpoint { address: [10, 200, 0, 1].into(), port: 3_001 };
    let (source, destination) =
        if by_initiator { (initiator, responder) } else { (responder, initiator) };
    let seq = u32::from(flags & SYN == 0);
    let segment = Segment {
        frame: number as u64 + 1,
        time: Time(number as i64 * 1_000),
        five_tuple: FiveTuple { source, destination, transport: Transport::Tcp },
        seq,
        ack: 0,
        flags: TcpFlags(flags),
        tunnel: None,
        tenant: portlore::decode::Tenant::NONE,
        link_broadcast: false,
        wire_len: 54 + payload_len,
        payload_len,
    };
    KeyedSegment::new(&segment, hasher)
}
