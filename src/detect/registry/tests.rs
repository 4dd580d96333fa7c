//! What must hold between prefilters and detectors, and for registries of any size.

use proptest::prelude::*;

use super::*;
use crate::decode::Transport;
use crate::evidence::Finding;
use crate::flow::Opening;

/// Bytes with which messages begin, and what else is often met there.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        Just(0),
        0..=9_u8,
        any::<u8>(),
        prop::sample::select(&b"PRI * HGETS/{<\r\n\x80\x81\xff\x21"[..])
    ];
    let samples: Vec<&[u8]> = DETECTORS
        .iter()
        .flat_map(|d| d.samples)
        .flat_map(|s| s.initiator.iter().chain(s.responder))
        .copied()
        .collect();
    let of_sample =
        (prop::sample::select(samples), any::<prop::sample::Index>(), any::<(u8, bool)>());
    prop_oneof![
        prop::collection::vec(byte, 0..24),
        of_sample.prop_map(|(sample, at, (byte, cut))| {
            let (mut said, at) = (sample.to_vec(), at.index(sample.len().min(20)));
            said[at] = byte;
            said.truncate(if cut { at + 1 } else { sample.len() });
            said
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    /// Bytes that are left out wrongly would hide a language from its detector.
    #[test]
    fn a_detector_that_is_not_asked_would_refuse(initiator in words(), responder in words(), whole: bool) {
        let segments: [(usize, u32, &[u8]); 2] = [(0, 1, &initiator), (1, 1, &responder)];
        let opening = Opening::of_segments(whole.then_some([1; 2]), &segments);
        let asked = if whole { REGISTRY.tables.candidates(&opening) } else { REGISTRY.tables.mid_stream_candidates(&opening) };
        for (i, detector) in DETECTORS.iter().enumerate().filter(|(_, d)| d.transports.contains(&Transport::Tcp)) {
            let finding = (detector.inspect)(&opening);
            prop_assert!(asked.contains(i) || finding == Finding::No, "{}: {finding:?}", detector.protocol);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn a_detector_of_datagrams_that_is_not_asked_would_refuse(
        datagrams in prop::collection::vec((0..2_usize, words(), prop_oneof![3 => Just(0), 1 => 1..100_u32]), 1..8),
    ) {
        let said: Vec<_> = datagrams.iter().map(|(end, said, cut)| (*end, &said[..], said.len() as u32 + cut)).collect();
        let opening = Opening::of_datagrams(&said);
        let asked = REGISTRY.tables.candidates(&opening);
        for (i, detector) in DETECTORS.iter().enumerate().filter(|(_, d)| d.transports.contains(&Transport::Udp)) {
            let finding = (detector.inspect)(&opening);
            prop_assert!(asked.contains(i) || finding == Finding::No, "{}: {finding:?}", detector.protocol);
        }
    }
}

#[test]
fn a_detector_refuses_every_stream_whose_first_two_bytes_are_not_its() {
    for (i, detector) in
        DETECTORS.iter().enumerate().filter(|(_, d)| d.transports.contains(&Transport::Tcp))
    {
        for bytes in (0..=u16::MAX).map(u16::to_be_bytes) {
            if !REGISTRY.tables.of_stream(&bytes).contains(i) {
                let finding = (detector.inspect)(&Opening::of(Transport::Tcp, &[&bytes], &[]));
                assert!(finding == Finding::No, "{}: {bytes:02x?}", detector.protocol);
            }
        }
    }
}

/// The answer to a sample that is not recognised by [`inspect`] but by its own detector.
#[test]
fn the_prefilter_of_a_detector_passes_its_samples() {
    for (i, detector) in DETECTORS.iter().enumerate() {
        for (n, sample) in detector.samples.iter().enumerate() {
            assert!(
                detector.transports.contains(&sample.transport),
                "{}: sample {n} is of {}, the detector is not: add the transport to it",
                detector.protocol,
                sample.transport
            );
            if !REGISTRY.tables.candidates(&sample.opening()).contains(i) {
                let sides = [("initiator", sample.initiator), ("responder", sample.responder)];
                let reasons: Vec<_> = sides
                    .into_iter()
                    .filter_map(|(side, sent)| {
                        let reason =
                            detector.prefilter.refusal(sample.transport, &sent.concat())?;
                        Some(format!("for the {side}, {reason}"))
                    })
                    .collect();
                panic!(
                    "the prefilter of {} does not pass sample {n}, so the detector is not called: {}; \
                     widen it in src/detect/protocols",
                    detector.protocol,
                    reasons.join("; ")
                );
            }
        }
    }
}
