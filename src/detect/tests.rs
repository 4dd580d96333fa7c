//! What must hold for every detector.

mod cut;
mod failures;
mod roles;

use proptest::prelude::*;

use super::*;
use crate::decode::Transport;
use crate::evidence::{Depth, Detection, Protocol, ProtocolSet, Recognition};
use crate::flow::Opening;

fn samples() -> impl Iterator<Item = (&'static Detector, usize, &'static Sample)> {
    DETECTORS.iter().flat_map(|d| d.samples.iter().enumerate().map(move |(i, s)| (d, i, s)))
}

#[test]
fn every_sample_is_recognised_and_states_only_declared_facts() {
    for (detector, i, sample) in samples() {
        let (Detection::Yes(recognition) | Detection::Partly(recognition)) =
            (detector.inspect)(&sample.opening(), Depth::Facts)
        else {
            panic!(
                "{} does not recognise its sample {i}: {:?}",
                detector.protocol,
                (detector.inspect)(&sample.opening(), Depth::Facts)
            )
        };
        let Recognition { protocol, facts, .. } = recognition;
        assert!(protocol == detector.protocol || detector.leads_to.contains(&protocol));
        assert!(!facts.is_empty());
        for fact in facts {
            assert!(is_stated(&fact.name.to_string()), "{} is not declared", fact.name);
            assert!(fact.frame > 0, "{} names no frame", fact.name);
        }
    }
}

/// Rows are samples, columns the detectors that did not refuse: only the diagonal accepts. The
/// matrix is a golden text.
#[test]
fn no_other_detector_accepts_a_sample() {
    let mut matrix = String::new();
    for (detector, i, sample) in samples() {
        matrix += &format!("{:12}", format!("{}/{i}", detector.protocol));
        for other in DETECTORS {
            let detection = (other.inspect)(&sample.opening(), Depth::Facts);
            let word = match detection {
                // Called only when all others refused.
                _ if other.residual != detector.residual && other.residual => continue,
                _ if !other.transports.contains(&sample.transport) => continue,
                Detection::No => continue,
                Detection::NeedMore => "more",
                Detection::Yes(..) | Detection::Partly(..) => "yes",
            };
            matrix += &format!(" {}:{word}", other.protocol);
            assert_eq!(
                word == "yes",
                other.protocol == detector.protocol,
                "{} on {}/{i}",
                other.protocol,
                detector.protocol
            );
        }
        matrix.push('\n');
    }
    let golden = include_str!("confusion.txt");
    if std::env::var_os("PORTLORE_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/detect/confusion.txt"), &matrix)
            .unwrap();
    } else {
        assert!(matrix == golden, "run with PORTLORE_BLESS=1 to accept:\n{matrix}");
    }
}

/// Cuts a stream sample after `len` bytes in all, the initiator's first.
fn prefix(sample: &Sample, mut len: usize) -> Opening {
    let mut cut = |pieces: &'static [&'static [u8]]| -> Vec<&[u8]> {
        let mut kept = Vec::new();
        for piece in pieces {
            let n = piece.len().min(len);
            len -= n;
            if n > 0 {
                kept.push(&piece[..n]);
            }
        }
        kept
    };
    let (initiator, responder) = (cut(sample.initiator), cut(sample.responder));
    Opening::from_payloads(sample.transport, &initiator, &responder)
}

#[test]
fn every_prefix_of_a_stream_needs_more_or_is_recognised() {
    for (detector, i, sample) in samples().filter(|(_, _, s)| s.transport == Transport::Tcp) {
        let total: usize = sample.initiator.iter().chain(sample.responder).map(|p| p.len()).sum();
        for len in 1..=total {
            let detection = (detector.inspect)(&prefix(sample, len), Depth::Facts);
            assert_ne!(
                detection,
                Detection::No,
                "{}/{i} cut after {len} of {total} bytes",
                detector.protocol
            );
        }
    }
}

/// The datagrams of a sample, with the end that sends each.
fn datagrams(sample: &Sample) -> Vec<(usize, &'static [u8])> {
    let of = |end, datagrams: &'static [&'static [u8]]| datagrams.iter().map(move |d| (end, *d));
    of(0, sample.initiator).chain(of(1, sample.responder)).collect()
}

#[test]
fn datagrams_that_the_capture_cut_rule_nothing_out() {
    // Whose datagrams are read whole so far.
    let whole_only = [Protocol::Quic, Protocol::Iperf3, Protocol::Memcached];
    let mut ruled_out = String::new();
    let of_datagrams = |detector: &Detector, sample: &Sample| {
        sample.transport == Transport::Udp && !whole_only.contains(&detector.protocol)
    };
    for (detector, i, sample) in samples().filter(|(d, _, s)| of_datagrams(d, s)) {
        let whole = datagrams(sample);
        let longest = whole.iter().map(|(_, bytes)| bytes.len()).max().unwrap_or(0);
        let is_ruled_out = |snap_len: &usize| {
            let cut: Vec<_> = whole
                .iter()
                .map(|(end, bytes)| {
                    (*end, &bytes[..bytes.len().min(*snap_len)], bytes.len() as u32)
                })
                .collect();
            (detector.inspect)(&Opening::from_datagrams(&cut), Depth::Facts) == Detection::No
        };
        let lens: Vec<_> = (1..longest).filter(is_ruled_out).collect();
        if let (Some(first), Some(last)) = (lens.first(), lens.last()) {
            ruled_out += &format!("{}/{i} cut after {first} to {last} bytes\n", detector.protocol);
        }
    }
    assert_eq!(ruled_out, "");
}

/// Over TCP the handshake tells who opened the connection; `roles.rs` tests connections
/// without one.
#[test]
fn the_roles_that_a_sample_of_datagrams_shows_are_reversed_with_its_sides() {
    // The greeting of iperf3 with its bytes swapped is the reply: either side may be the client.
    let is_symmetric = |detector: &Detector| detector.protocol == Protocol::Iperf3;
    let of_datagrams =
        |(d, _, s): &(&Detector, usize, &Sample)| s.transport == Transport::Udp && !is_symmetric(d);
    for (detector, i, sample) in samples().filter(of_datagrams) {
        let roles = |initiator, responder| {
            let opening = Opening::from_payloads(sample.transport, initiator, responder);
            match (detector.inspect)(&opening, Depth::Facts) {
                Detection::Yes(found) | Detection::Partly(found) => found.roles,
                other => panic!("{}/{i} reversed: {other:?}", detector.protocol),
            }
        };
        let [initiator, responder] = roles(sample.initiator, sample.responder);
        if initiator.is_some() || responder.is_some() {
            let reversed = roles(sample.responder, sample.initiator);
            assert_eq!(reversed, [responder, initiator], "{}/{i}", detector.protocol);
        }
    }
}

#[test]
fn silence_proves_nothing() {
    for detector in DETECTORS {
        for &transport in detector.transports {
            assert_eq!(
                (detector.inspect)(&Opening::from_payloads(transport, &[], &[]), Depth::Facts),
                Detection::NeedMore,
                "{}",
                detector.protocol
            );
        }
    }
}

#[test]
fn a_protocol_is_ruled_out_only_by_bytes_from_the_beginning() {
    let seen =
        inspect(&Opening::from_payloads(Transport::Tcp, &[b"\x9f\x01\x02"], &[]), Depth::Facts);
    assert!(seen.ruled_out.contains(Protocol::Http));
    let mut midstream = Opening::new(Transport::Tcp);
    midstream.push_for_test(b"\x9f\x01\x02");
    let evidence = inspect(&midstream, Depth::Facts);
    assert!(!evidence.ruled_out.contains(Protocol::Http));
    assert_eq!(evidence.first_payload.unwrap().0, 9);
}

#[test]
fn bytes_that_were_cut_or_lost_rule_nothing_out() {
    let bytes: &[u8] = b"\x9f\x01\x02\x03\x9c\x55\x10\x77";
    let nothing =
        |opening: &Opening| inspect(opening, Depth::Facts).ruled_out == ProtocolSet::EMPTY;
    // A segment is missing between the two.
    assert!(nothing(&Opening::from_segments(Some([1; 2]), &[(0, 1, bytes), (0, 90, bytes)])));
    assert!(!nothing(&Opening::from_segments(Some([1; 2]), &[(0, 1, bytes), (0, 9, bytes)])));
    let datagrams = |list: &[(usize, u32)]| {
        let list: Vec<_> = list.iter().map(|&(end, cut)| (end, bytes, 8 + cut)).collect();
        Opening::from_datagrams(&list)
    };
    assert!(nothing(&datagrams(&[(0, 0)])), "one datagram may be the odd one");
    assert!(nothing(&datagrams(&[(0, 40), (0, 40), (1, 40)])), "all are cut");
    assert!(nothing(&datagrams(&[(0, 0), (1, 40)])), "most are not whole");
    let several = inspect(&datagrams(&[(0, 0), (0, 0), (1, 40)]), Depth::Facts);
    assert!(several.ruled_out.contains(Protocol::Dns));
}

#[test]
fn short_headers_of_quic_do_not_rule_it_out() {
    let datagrams = |first: u8| -> Vec<Vec<u8>> {
        (0..4).map(|n| [&[first, n, 0x9e, 0x33][..], &[0xab; 40]].concat()).collect()
    };
    for (first, remains) in [(0x40, true), (0x6b, true), (0x20, false), (0x9f, false)] {
        let sent = datagrams(first);
        let sent: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
        let evidence =
            inspect(&Opening::from_payloads(Transport::Udp, &sent[..2], &sent[2..]), Depth::Facts);
        assert_eq!(evidence.protocol, None, "{first:#x}");
        assert_eq!(!evidence.ruled_out.contains(Protocol::Quic), remains, "{first:#x}");
        assert!(evidence.ruled_out.contains(Protocol::Snmp), "{first:#x}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_detector_panic(
        initiator in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..4),
        responder in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..4),
        udp in any::<bool>(),
    ) {
        let transport = if udp { Transport::Udp } else { Transport::Tcp };
        let refs = |v: &[Vec<u8>]| -> Vec<Vec<u8>> { v.to_vec() };
        let (i, r) = (refs(&initiator), refs(&responder));
        let i: Vec<&[u8]> = i.iter().map(Vec::as_slice).collect();
        let r: Vec<&[u8]> = r.iter().map(Vec::as_slice).collect();
        let _ = inspect(&Opening::from_payloads(transport, &i, &r), Depth::Facts);
    }

    /// Random bytes rarely get past a first byte: a sample with a few bytes changed gets further.
    #[test]
    fn no_damaged_sample_makes_a_detector_panic(
        pick in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let all: Vec<_> = samples().collect();
        let (_, _, sample) = pick.get(&all);
        let mut initiator: Vec<u8> = sample.initiator.concat();
        let mut responder: Vec<u8> = sample.responder.concat();
        for (at, to) in changes {
            for side in [&mut initiator, &mut responder] {
                if !side.is_empty() {
                    let at = at.index(side.len());
                    side[at] = to;
                }
            }
        }
        let keep = cut.index(initiator.len() + 1);
        let opening = Opening::from_payloads(sample.transport, &[&initiator[..keep]], &[&responder]);
        let _ = inspect(&opening, Depth::Facts);
    }
}
