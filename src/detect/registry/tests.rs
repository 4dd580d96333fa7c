//! What must hold between prefilters and detectors, and for registries of any size.

use proptest::prelude::*;

use super::*;
use crate::decode::Transport;
use crate::detect::prefilter::Prefilter;
use crate::evidence::{Depth, Detection, Fact, Protocol};
use crate::flow::Opening;

/// Bytes with which messages begin, and others that are often met there.
fn first_bytes() -> impl Strategy<Value = Vec<u8>> {
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
            let (mut bytes, at) = (sample.to_vec(), at.index(sample.len().min(20)));
            bytes[at] = byte;
            bytes.truncate(if cut { at + 1 } else { sample.len() });
            bytes
        }),
    ]
}

/// The detectors of a transport, each with its number there.
fn detectors_of(transport: Transport) -> impl Iterator<Item = (usize, &'static Detector)> {
    DETECTORS.iter().filter(move |d| d.transports.contains(&transport)).enumerate()
}

/// The message for a detector that accepts bytes which its prefilter does not pass.
fn too_narrow(detector: &Detector, transport: Transport, sent: &[&[u8]]) -> String {
    let refusals: Vec<_> =
        sent.iter().filter_map(|bytes| detector.prefilter.refusal(transport, bytes)).collect();
    format!(
        "the prefilter of {} is too narrow, so the detector is not called for bytes that it may \
         accept: {}; widen it in the detector's file in src/detect/protocols",
        detector.protocol,
        refusals.join("; ")
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    /// A prefilter that is too narrow would hide a protocol from its detector.
    #[test]
    fn a_detector_that_is_not_called_would_refuse(
        initiator in first_bytes(),
        responder in first_bytes(),
        whole: bool,
    ) {
        let segments: [(usize, u32, &[u8]); 2] = [(0, 1, &initiator), (1, 1, &responder)];
        let opening = Opening::from_segments(whole.then_some([1; 2]), &segments);
        let (_, candidates) = REGISTRY.candidates(&opening);
        for (i, detector) in detectors_of(Transport::Tcp) {
            let detection = (detector.inspect)(&opening, Depth::Facts);
            prop_assert!(
                candidates.contains(i) || detection == Detection::No,
                "{}; it answers {detection:?}",
                too_narrow(detector, Transport::Tcp, &[&initiator, &responder])
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn a_detector_of_datagrams_that_is_not_called_would_refuse(
        datagrams in prop::collection::vec(
            (0..2_usize, first_bytes(), prop_oneof![3 => Just(0), 1 => 1..100_u32]),
            1..8,
        ),
    ) {
        let sent: Vec<_> = datagrams
            .iter()
            .map(|(end, bytes, cut)| (*end, &bytes[..], bytes.len() as u32 + cut))
            .collect();
        let opening = Opening::from_datagrams(&sent);
        let (_, candidates) = REGISTRY.candidates(&opening);
        for (i, detector) in detectors_of(Transport::Udp) {
            let detection = (detector.inspect)(&opening, Depth::Facts);
            prop_assert!(
                candidates.contains(i) || detection == Detection::No,
                "{}; it answers {detection:?}",
                too_narrow(detector, Transport::Udp, &datagrams.iter().map(|d| &d.1[..]).collect::<Vec<_>>())
            );
        }
    }
}

#[test]
fn a_detector_refuses_every_stream_whose_first_two_bytes_are_not_its() {
    for (i, detector) in detectors_of(Transport::Tcp) {
        for bytes in (0..=u16::MAX).map(u16::to_be_bytes) {
            if !REGISTRY.tables(Transport::Tcp).of_stream(&bytes).contains(i) {
                let detection = (detector.inspect)(
                    &Opening::from_payloads(Transport::Tcp, &[&bytes], &[]),
                    Depth::Facts,
                );
                assert!(
                    detection == Detection::No,
                    "{}",
                    too_narrow(detector, Transport::Tcp, &[&bytes])
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    /// The registry does not call a detector whose test, or that of the one before, fails.
    #[test]
    fn a_detector_whose_test_fails_would_refuse(
        datagrams in prop::collection::vec((0..2_usize, first_bytes(), 0..2_u32), 1..8),
    ) {
        let sent: Vec<_> = datagrams
            .iter()
            .map(|(end, bytes, cut)| (*end, &bytes[..], bytes.len() as u32 + cut))
            .collect();
        let opening = Opening::from_datagrams(&sent);
        let mut test = None;
        for detector in DETECTORS.iter().filter(|d| d.transports.contains(&Transport::Udp)) {
            test = if detector.shares_test { test } else { detector.may_be };
            prop_assert!(!detector.shares_test || test.is_some(), "{}", detector.protocol);
            if test.is_some_and(|may_be| !may_be(&opening)) {
                let detection = (detector.inspect)(&opening, Depth::Facts);
                prop_assert_eq!(detection, Detection::No, "{}", detector.protocol);
            }
        }
    }
}

#[test]
fn the_prefilter_of_a_detector_passes_its_samples() {
    for detector in DETECTORS {
        for (n, sample) in detector.samples.iter().enumerate() {
            assert!(
                detector.transports.contains(&sample.transport),
                "{}: sample {n} is of {}, the detector is not: add the transport to it",
                detector.protocol,
                sample.transport
            );
            if !is_asked(detector, &sample.opening()) {
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
                    "the prefilter of {} does not pass sample {n}, so the detector is not \
                     called: {}; \
                     widen the method in the detector's file in src/detect/protocols",
                    detector.protocol,
                    reasons.join("; ")
                );
            }
        }
    }
}

/// Recognises a stream of the one byte `N`, and states it.
fn only<const N: usize>(opening: &Opening, _: Depth) -> Detection {
    match opening.side(Direction::Initiator).head() {
        [] => Detection::NeedMore,
        [byte] if usize::from(*byte) == N => {
            let fact = Fact {
                name: "dummy.number".into(),
                value: N.to_string(),
                direction: Direction::Initiator,
                frame: 1,
                later: Vec::new(),
                exchange: 0,
            };
            Detection::Yes(Recognition::new(Protocol::ALL[N % Protocol::ALL.len()], vec![fact]))
        }
        _ => Detection::No,
    }
}

macro_rules! dummies {
    ($($tens:literal)*) => { [$(
        dummies!(@ $tens 0), dummies!(@ $tens 1), dummies!(@ $tens 2), dummies!(@ $tens 3),
        dummies!(@ $tens 4), dummies!(@ $tens 5), dummies!(@ $tens 6), dummies!(@ $tens 7),
        dummies!(@ $tens 8), dummies!(@ $tens 9),
    )*] };
    (@ $tens:literal $ones:literal) => {{
        const N: usize = 10 * $tens + $ones;
        Detector::new(Protocol::ALL[N % Protocol::ALL.len()], only::<N>)
            .tcp()
            .prefilter(Prefilter::first_byte(&[N as u8..=N as u8]))
    }};
}

/// More detectors than one word has bits.
const DUMMIES: &[Detector] = &dummies!(0 1 2 3 4 5 6);
static SEVENTY: DetectorRegistry<2, { 128 / GROUP }, 128> = DetectorRegistry::new(DUMMIES);

#[test]
fn a_registry_of_seventy_detectors_calls_the_right_one() {
    assert_eq!((DUMMIES.len(), words_for(greatest_count(DUMMIES))), (70, 2));
    for n in 0..70_u8 {
        let opening = Opening::from_payloads(Transport::Tcp, &[&[n]], &[]);
        let (whole, mut candidates) = SEVENTY.candidates(&opening);
        assert!(whole);
        assert_eq!(candidates.pop_first(), Some(usize::from(n)));
        assert_eq!(candidates, BitSet::EMPTY);
        let evidence = SEVENTY.inspect(&opening, Depth::Facts);
        assert_eq!(evidence.facts[0].value, n.to_string());
    }
}

#[test]
fn every_one_of_seventy_detectors_rules_out_its_protocol() {
    let nobodys =
        SEVENTY.inspect(&Opening::from_payloads(Transport::Tcp, &[&[200]], &[]), Depth::Protocol);
    assert!(DUMMIES.iter().all(|detector| nobodys.ruled_out.contains(detector.protocol)));
    for (i, detector) in DUMMIES.iter().enumerate() {
        let mut open = BitSet::EMPTY;
        (0..DUMMIES.len()).filter(|&other| other != i).for_each(|other| open.insert(other));
        let ruled_out = SEVENTY.tables(Transport::Tcp).ruled_out(open);
        let expected = |protocol: &&Protocol| **protocol == detector.protocol;
        assert!(Protocol::ALL.iter().filter(expected).all(|&p| ruled_out.contains(p)));
        assert!(!Protocol::ALL.iter().any(|p| !expected(&p) && ruled_out.contains(*p)));
    }
}
