//! `decode`: from a frame to a segment, by the headers before the transport.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use portlore::decode::Decoder;
use portlore::source::{Frame, LinkType};
use portlore::time::Time;

use crate::traffic::{ACK, Random, ethernet, ipv4, ipv6, sll2, tcp, udp};

/// Frames of each kind.
const FRAMES: usize = 1_024;

/// Makes the frame of a number.
type Make<'a> = &'a dyn Fn(usize) -> Vec<u8>;

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(FRAMES as u64));
    let payload = Random::new(3).bytes(400);
    let v4 = |i: usize| {
        ipv4(
            (0x0a00_0001, 0x0a00_0100 + i as u32),
            6,
            &tcp((40_000, 3_001), i as u32, ACK, &payload),
        )
    };
    let v6 =
        |i: usize| ipv6((1 << 120, (1 << 120) + i as u128), 17, &udp((40_000, 3_037), &payload));
    let kinds: [(&str, LinkType, Make<'_>); 5] = [
        ("ethernet-ipv4-tcp", LinkType::ETHERNET, &|i| ethernet(&[], 0x0800, &v4(i))),
        ("vlan-ipv4-tcp", LinkType::ETHERNET, &|i| ethernet(&[7, 42], 0x0800, &v4(i))),
        ("ethernet-ipv6-udp", LinkType::ETHERNET, &|i| ethernet(&[], 0x86dd, &v6(i))),
        ("sll2-ipv4-tcp", LinkType::LINUX_SLL2, &|i| sll2(0x0800, &v4(i))),
        ("skipped-arp", LinkType::ETHERNET, &|_| ethernet(&[], 0x0806, &[0; 46])),
    ];
    for (name, link, make) in kinds {
        let frames: Vec<_> = (0..FRAMES).map(make).collect();
        group.bench_function(name, |b| {
            let mut decoder = Decoder::new(true);
            b.iter(|| {
                for (number, bytes) in (1..).zip(&frames) {
                    let frame = Frame {
                        number,
                        time: Time(number as i64),
                        link,
                        interface: 0,
                        wire_len: bytes.len() as u32,
                        bytes,
                    };
                    drop(black_box(decoder.decode(black_box(&frame))));
                }
            });
        });
    }
    group.finish();
}
