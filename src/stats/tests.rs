use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::catalogue::Catalogue;
use crate::classify::classify;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::load(&[]).unwrap());

/// A silent flow on a port that lasted so long.
fn flow(port: u16, transport: Transport, lasted: u64) -> (FlowRecord, Verdict<'static>) {
    let mut record = FlowRecord::silent(0);
    (record.responder.port, record.transport, record.last) = (port, transport, Time(lasted as i64));
    (record, classify(&CATALOGUE, port, transport, None, false))
}

/// Durations by port, none where a port has no figures, and of all flows.
type Seen = (BTreeMap<PortKey, (u64, Option<Summary>)>, Vec<Summary>);

fn seen(mut stats: Stats<'_>, limit: usize) -> (usize, Seen) {
    let without = stats.limit(limit);
    let of = |port: &PortStats<'_>| (port.all.flows, port.figures.as_ref().map(|figures| figures.duration_ns.summary()));
    let ports = stats.ports.iter().map(|(&key, port)| (key, of(port))).collect();
    (without, (ports, stats.services.values().map(|service| service.figures.duration_ns.summary()).collect()))
}

proptest! {
    #[test]
    fn which_ports_have_figures_depends_neither_on_the_order_of_flows_nor_on_who_counts_them(
        flows in prop::collection::vec((0_u16..40, any::<bool>(), 1_u64..1000, 0..3_usize), 1..200),
        limit in 0_usize..20, takes in prop::collection::vec(any::<bool>(), 200),
    ) {
        let transport = |is_tcp| if is_tcp { Transport::Tcp } else { Transport::Udp };
        let mut whole = Stats::default();
        let mut cells: Vec<Cells<'_>> = (0..3).map(|_| Cells::new(limit)).collect();
        let mut parts = Stats::default();
        for (&(port, is_tcp, lasted, who), take) in flows.iter().zip(takes) {
            let (record, verdict) = flow(port, transport(is_tcp), lasted);
            whole.add(&record, &verdict);
            cells[who].add(&record, 0, &verdict);
            prop_assert!(cells[who].measured().len() <= limit);
            if take {
                parts.merge(cells[who].take());
            }
        }
        cells.into_iter().for_each(|mut cells| parts.merge(cells.take()));
        let every = seen(whole.clone(), usize::MAX).1;
        let (without, expected) = seen(whole, limit);
        prop_assert_eq!(without, expected.0.len().saturating_sub(limit));
        prop_assert_eq!(expected.0.values().filter(|(_, figures)| figures.is_none()).count(), without);
        prop_assert_eq!(&expected.1, &every.1, "services count the flows of all ports");
        prop_assert_eq!(seen(parts, limit), (without, expected));
    }
}

#[test]
fn ports_with_the_lowest_numbers_keep_their_figures_and_every_flow_counts_for_its_service() {
    let mut cells = Cells::new(2);
    for port in [9000, 80, 8000, 22, 80] {
        let (record, verdict) = flow(port, Transport::Tcp, 5);
        cells.add(&record, u32::from(port), &verdict);
    }
    let (without, (ports, services)) = seen(cells.take(), 2);
    let kept: Vec<u16> = ports.iter().filter(|(_, (_, figures))| figures.is_some()).map(|(&(port, _), _)| port).collect();
    assert_eq!((without, kept), (2, vec![22, 80]));
    assert_eq!(ports[&(80, Transport::Tcp)].1.unwrap().count, 2);
    assert_eq!(services.iter().map(|summary| summary.count).sum::<u64>(), 5);
}
