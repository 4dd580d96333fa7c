//! `read`: from a capture file to frames.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use portlore::source::{Files, Next, Source};

use crate::traffic::{Capture, FRAMES};

pub fn bench(criterion: &mut Criterion, capture: &Capture) {
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(FRAMES));
    group.bench_function("pcap", |b| {
        b.iter(|| {
            let mut files = Files::open(std::slice::from_ref(&capture.path)).unwrap();
            let mut frames = 0;
            while let Next::Frame(frame) = files.next().unwrap() {
                black_box(frame);
                frames += 1;
            }
            assert_eq!(frames, FRAMES);
        });
    });
    group.finish();
}
