use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::catalogue::Catalogue;
use crate::classify::classify;
use crate::decode::ServicePort;
use crate::decode::Transport;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::load(&[]).unwrap());

/// A flow without payload on a port, and how long it lasted in nanoseconds.
fn flow(port: u16, transport: Transport, lasted: u64) -> (FlowRecord, Verdict) {
    let mut record = FlowRecord::silent(0);
    (record.responder.port, record.transport, record.last) = (port, transport, Time(lasted as i64));
    (record, classify(&CATALOGUE, ServicePort::new(port, transport), None, false))
}

/// Flows and durations of each port, the latter `None` if they are not kept; and durations of each
/// service.
type Durations = (BTreeMap<ServicePort, (u64, Option<Summary>)>, Vec<Summary>);

fn seen(mut stats: Stats, limit: usize) -> (usize, Durations) {
    let without = stats.limit(limit);
    let durations = |port: &PortStats| {
        (
            port.all.flows,
            port.distributions.as_ref().map(|distributions| distributions.duration_ns.summary()),
        )
    };
    let ports = stats.ports.iter().map(|(&key, port)| (key, durations(port))).collect();
    (
        without,
        (
            ports,
            stats
                .services
                .values()
                .map(|service| service.distributions.duration_ns.summary())
                .collect(),
        ),
    )
}

/// The least number of distinct values of a large distribution.
const MANY: u64 = quantiles::SMALL as u64 + 1;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn which_ports_have_figures_depends_neither_on_the_order_of_flows_nor_on_who_counts_them(
        turns in prop::collection::vec((0_u16..12, any::<bool>(), prop::sample::select(&[1, 30, 50, MANY][..]), 0..3_usize, any::<bool>()), 1..40),
        limit in 0_usize..8,
    ) {
        let mut whole = Stats::default();
        let mut cells: Vec<Cells> = (0..3).map(|_| Cells::new(limit, 9)).collect();
        let mut parts = Stats::default();
        for (turn, (port, is_tcp, flows, who, take)) in (0..).zip(turns) {
            let transport = if is_tcp { Transport::Tcp } else { Transport::Udp };
            for n in 0..flows {
                let (record, verdict) = flow(port, transport, turn * 1000 + n);
                whole.add(&record, &verdict);
                cells[who].add(&record, 0, &verdict);
                prop_assert!(cells[who].large() <= limit);
            }
            if take {
                parts.merge(cells[who].take());
                parts.limit(limit);
            }
        }
        cells.into_iter().for_each(|mut cells| parts.merge(cells.take()));
        let (every, (without, expected)) = (seen(whole.clone(), usize::MAX).1, seen(whole, limit));
        prop_assert_eq!(expected.0.values().filter(|(_, distributions)| distributions.is_none()).count(), without);
        prop_assert_eq!(&expected.1, &every.1, "services count the flows of all ports");
        prop_assert_eq!(seen(parts, limit), (without, expected));
    }
}

#[test]
fn of_ports_with_many_times_the_lowest_keep_theirs_and_every_flow_counts_for_its_service() {
    let mut cells = Cells::new(2, 9);
    for (port, flows) in
        [(9000, MANY), (80, MANY), (8000, MANY), (22, MANY), (80, 1), (7, 1), (9001, MANY - 1)]
    {
        for n in 0..flows {
            let (record, verdict) = flow(port, Transport::Tcp, n);
            cells.add(&record, u32::from(port), &verdict);
        }
    }
    let (without, (ports, services)) = seen(cells.take(), 2);
    let kept: Vec<u16> = ports
        .iter()
        .filter(|(_, (_, distributions))| distributions.is_some())
        .map(|(&port, _)| port.port)
        .collect();
    assert_eq!(
        (without, kept),
        (2, vec![7, 22, 80, 9001]),
        "a port with few of them needs no place"
    );
    assert_eq!(ports[&ServicePort::new(80, Transport::Tcp)].1.unwrap().count, MANY + 1);
    assert_eq!(services.iter().map(|summary| summary.count).sum::<u64>(), 5 * MANY + 1);
}
