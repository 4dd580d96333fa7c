//! The cost of `--where` for a flow that has ended: four terms, all of which are compared.

use criterion::{Criterion, Throughput};
use portlore::Replay;
use portlore::flow_filter::FlowFilter;

/// Numbers, addresses and words of fixed lists.
const FOUR: &str = "bytes >= 0 and port in (1..65535) and server in (0.0.0.0/0, ::/0) \
                    and confidence >= unknown";

pub fn bench(criterion: &mut Criterion) {
    let run = Replay::open(["fixtures/showcase.pcap"]).unwrap().run().unwrap();
    let filter = FlowFilter::parse(FOUR).unwrap();
    let mut group = criterion.benchmark_group("filter");
    group.throughput(Throughput::Elements(run.flows.len() as u64));
    group.bench_function("four_terms", |bencher| {
        bencher.iter(|| run.flows.iter().filter(|flow| filter.matches(flow.view())).count());
    });
    group.finish();
}
