//! Flows of a capture of the repository, of which some segments may be missing, shown to a judge of
//! the test.

use std::collections::BTreeMap;
use std::path::PathBuf;

use portlore::decode::Decoder;
use portlore::flow::{FlowHasher, Judge, KeyedSegment, ServicePorts, Table, TableLimits};
use portlore::source::{Files, Next, Source};

/// Shows the judge the segments that are kept. `kept` gets the number of a segment in its
/// conversation, from 1, and whether the end that sent first sent it.
pub fn observe(capture: &str, kept: impl Fn(u64, bool) -> bool, judge: &mut impl Judge) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(capture);
    let mut files = Files::open(&[path]).unwrap();
    let hasher = FlowHasher::default();
    let mut table = Table::new(TableLimits { flows: 1 << 16, opening_bytes: 1 << 28 }, &hasher);
    let ports = ServicePorts::default();
    let mut decoder = Decoder::new(true);
    let mut seen: BTreeMap<_, (u64, _)> = BTreeMap::new();
    while let Next::Frame(frame) = files.next().unwrap() {
        let Ok((segment, payload)) = decoder.decode(&frame) else { continue };
        let (from, to) = (segment.five_tuple.source, segment.five_tuple.destination);
        let (number, first) = seen.entry((from.min(to), from.max(to))).or_insert((0, from));
        *number += 1;
        if kept(*number, *first == from) {
            let keyed = KeyedSegment::new(&segment, &hasher);
            table.observe(table.prefetch_flow(keyed.hash), &keyed, &payload, &ports, judge);
        }
    }
    table.drain(judge);
}
