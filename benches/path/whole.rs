//! `path`: from a capture file to classified flows and figures.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use portlore::catalogue::Catalogue;
use portlore::pipeline::{Options, ResourceLimits, run};
use portlore::source::Files;

use crate::traffic::{Capture, FRAMES};

pub fn bench(criterion: &mut Criterion, capture: &Capture) {
    let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
    let mut group = criterion.benchmark_group("path");
    group.throughput(Throughput::Elements(FRAMES));
    for workers in [1, 2] {
        let limits =
            ResourceLimits { workers, opening_bytes: 256 << 20, ..ResourceLimits::DEFAULT };
        let options = Options { limits, ..Options::replay() };
        group.bench_function(format!("workers-{workers}"), |b| {
            b.iter(|| {
                let mut files = Files::open(std::slice::from_ref(&capture.path)).unwrap();
                let run = run(&mut files, None, &catalogue, &options, None).unwrap();
                assert_eq!(
                    (run.counters.frames, run.counters.segments, run.evicted),
                    (FRAMES, FRAMES, 0)
                );
                black_box(run.stats);
            });
        });
    }
    group.finish();
}
