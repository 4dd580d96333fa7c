//! `detect`: an opening to a detection, detector by detector, and to evidence, all together.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use portlore::decode::Transport;
use portlore::detect::{DETECTORS, inspect};
use portlore::evidence::Depth;
use portlore::flow::Opening;

use crate::traffic::Random;

/// Bytes that each side of a foreign opening sends.
const FOREIGN: usize = 1_024;

pub fn bench(criterion: &mut Criterion) {
    for detector in DETECTORS {
        let own: Vec<_> = detector.samples.iter().map(portlore::detect::Sample::opening).collect();
        let foreign: Vec<_> =
            detector.transports.iter().map(|&transport| foreign(transport)).collect();
        let mut group = criterion.benchmark_group(format!("detect/{}", detector.protocol));
        group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(500));
        for (name, openings) in [("own", &own), ("foreign", &foreign)] {
            group.throughput(Throughput::Elements(openings.len() as u64));
            group.bench_function(name, |b| {
                b.iter(|| {
                    for opening in openings {
                        black_box((detector.inspect)(black_box(opening), Depth::Facts));
                    }
                });
            });
        }
        group.throughput(Throughput::Elements(own.len() as u64));
        group.bench_function("own-by-all", |b| {
            b.iter(|| {
                for opening in &own {
                    black_box(inspect(black_box(opening), Depth::Facts));
                }
            });
        });
        group.finish();
    }
    let mut group = criterion.benchmark_group("detect/all");
    group.throughput(Throughput::Elements(1));
    for transport in [Transport::Tcp, Transport::Udp] {
        let opening = foreign(transport);
        group.bench_function(format!("foreign-{transport}"), |b| {
            b.iter(|| inspect(black_box(&opening), Depth::Facts));
        });
    }
    group.finish();
}

/// Both sides send bytes that are of no protocol.
fn foreign(transport: Transport) -> Opening {
    let mut random = Random::new(5);
    let (there, back) = (random.bytes(FOREIGN), random.bytes(FOREIGN));
    Opening::from_payloads(transport, &[&there], &[&back])
}
