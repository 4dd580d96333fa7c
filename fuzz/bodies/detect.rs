//! Bytes of both sides, over either transport, to every detector, and the facts to a verdict.
//!
//! The input: a byte whose lowest bit means UDP and whose upper bits choose a port, then segments
//! or datagrams, each behind two bytes: the top bit means the responder, the others are the length,
//! least byte first. `examples/seeds.rs` writes such inputs from the detectors' samples.

use std::sync::{Arc, LazyLock};

use portlore::catalogue::Catalogue;
use portlore::classify::classify;
use portlore::decode::{ServicePort, Transport};
use portlore::detect::{DETECTORS, inspect, is_asked, is_stated};
use portlore::evidence::{Depth, Detection};
use portlore::flow::Opening;

pub(crate) static CATALOGUE: LazyLock<Arc<Catalogue>> =
    LazyLock::new(|| match Catalogue::load(&[]) {
        Ok(catalogue) => Arc::new(catalogue),
        Err(faults) => panic!("{faults:?}"),
    });

pub fn run(input: &[u8]) {
    let Some((&choice, mut rest)) = input.split_first() else { return };
    let transport = if choice & 1 == 0 { Transport::Tcp } else { Transport::Udp };
    let mut sides: [Vec<&[u8]>; 2] = [Vec::new(), Vec::new()];
    while let Some((&head, behind)) = rest.split_first_chunk() {
        let head = u16::from_le_bytes(head);
        let (piece, next) = behind.split_at(usize::from(head & 0x7fff).min(behind.len()));
        sides[usize::from(head >> 15)].push(piece);
        rest = next;
    }
    let opening = Opening::from_payloads(transport, &sides[0], &sides[1]);
    for detector in DETECTORS.iter().filter(|detector| detector.transports.contains(&transport)) {
        let detection = (detector.inspect)(&opening, Depth::Facts);
        assert!(
            detection == Detection::No || is_asked(detector, &opening),
            "{} is not asked",
            detector.protocol
        );
        if let Detection::Yes(recognition) | Detection::Partly(recognition) = detection {
            for fact in recognition.facts {
                assert!(is_stated(&fact.name.to_string()), "{} is not declared", fact.name);
            }
        }
    }
    let evidence = inspect(&opening, Depth::Facts);
    let port = [3_000, 3_001, 3_002, 3_037][usize::from(choice >> 1) % 4];
    let verdict = classify(&CATALOGUE, ServicePort::new(port, transport), Some(&evidence), true);
    assert_eq!(verdict.protocol, evidence.protocol);
}
