//! `classify`: from a port and the evidence on it to a verdict.

use std::hint::black_box;

use criterion::Criterion;
use portlore::catalogue::Catalogue;
use portlore::classify::{Confidence, classify};
use portlore::decode::{ServicePort, Transport};
use portlore::detect::inspect;
use portlore::evidence::Depth;
use portlore::flow::Opening;

use crate::traffic::Random;

pub fn bench(criterion: &mut Criterion) {
    let catalogue = Catalogue::load(&[]).unwrap();
    let evidence = |initiator: &[u8], responder: &[u8]| {
        Some(inspect(
            &Opening::from_payloads(Transport::Tcp, &[initiator], &[responder]),
            Depth::Facts,
        ))
    };
    let foreign = Random::new(9).bytes(256);
    let answer = b"HTTP/1.1 200 OK\r\nX-Powered-By: Next.js\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n";
    let mut group = criterion.benchmark_group("classify");
    for (name, port, heard, ground) in [
        ("silent", 3_002, None, Confidence::Port),
        ("unknown", 3_002, evidence(&foreign, &foreign), Confidence::Port),
        ("marked", 3_000, evidence(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", answer), Confidence::Mark),
    ] {
        let port = ServicePort::new(port, Transport::Tcp);
        let verdict = classify(&catalogue, port, heard.as_ref(), false);
        assert_eq!(verdict.confidence, ground, "{name}");
        group.bench_function(name, |b| {
            b.iter(|| {
                black_box(classify(&catalogue, black_box(port), black_box(heard.as_ref()), false))
            });
        });
    }
    group.finish();
}
