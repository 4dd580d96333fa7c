//! The prefilters of all detectors as tables: which detectors the first bytes of a flow leave.

use super::DETECTORS;
use crate::decode::Transport;
use crate::detect::prefilter::{Bytes, PLACES, ZEROS, has};
use crate::evidence::Direction;
use crate::flow::{Opening, Stream};

/// A bit for each detector, by the first byte of a datagram.
static OF_DATAGRAM: [u64; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < DETECTORS.len() {
        add(&mut table, &DETECTORS[i].begins.datagram, SPOKEN[Transport::Udp as usize] & 1 << i);
        i += 1;
    }
    table
};

/// The same by each of the first bytes of a stream.
static OF_STREAM: [[u64; 256]; PLACES] = {
    let mut table = [[0; 256]; PLACES];
    let mut i = 0;
    while i < DETECTORS.len() {
        let mut place = 0;
        while place < PLACES {
            add(
                &mut table[place],
                &DETECTORS[i].begins.stream[place],
                SPOKEN[Transport::Tcp as usize] & 1 << i,
            );
            place += 1;
        }
        i += 1;
    }
    table
};

/// The same by the zero bytes with which a stream begins.
static OF_ZEROS: [u64; ZEROS + 1] = {
    let mut table = [0; ZEROS + 1];
    let mut i = 0;
    while i < DETECTORS.len() {
        let mut zeros = 0;
        while zeros <= DETECTORS[i].begins.zeros {
            table[zeros] |= 1 << i;
            zeros += 1;
        }
        i += 1;
    }
    table
};

/// The detectors that look at the initiator alone, a bit for each.
const ASKING: u64 = {
    let (mut asking, mut i) = (0, 0);
    while i < DETECTORS.len() {
        if DETECTORS[i].begins.asks {
            asking |= 1 << i;
        }
        i += 1;
    }
    asking
};

const fn add(table: &mut [u64; 256], bytes: &Bytes, bit: u64) {
    let mut byte = 0;
    while byte < 256 {
        if has(bytes, byte) {
            table[byte] |= bit;
        }
        byte += 1;
    }
}

/// The detectors of a transport's languages, a bit for each.
pub(super) fn spoken(transport: Transport) -> u64 {
    SPOKEN[transport as usize]
}

const SPOKEN: [u64; 2] = {
    assert!(DETECTORS.len() <= 64, "a bit for each detector");
    let mut spoken = [0; 2];
    let mut i = 0;
    while i < DETECTORS.len() {
        let mut t = 0;
        while t < DETECTORS[i].transports.len() {
            spoken[DETECTORS[i].transports[t] as usize] |= 1 << i;
            t += 1;
        }
        i += 1;
    }
    spoken
};

/// The detectors that are left of a stream that was joined in the middle, a bit for each.
pub(super) fn joined(opening: &Opening) -> u64 {
    candidates(opening) | JOINING & spoken(opening.transport())
}

/// Those that find their place in it, a bit for each.
const JOINING: u64 = {
    let (mut joining, mut i) = (0, 0);
    while i < DETECTORS.len() {
        if DETECTORS[i].begins.joins {
            joining |= 1 << i;
        }
        i += 1;
    }
    joining
};

/// The detectors that the first bytes of either side leave, a bit for each; all of the transport
/// where nothing was said.
pub(super) fn candidates(opening: &Opening) -> u64 {
    let transport = opening.transport();
    if opening.is_silent() {
        return spoken(transport);
    }
    let of_side = |direction| match transport {
        Transport::Tcp => of_stream(opening.side(direction).head()),
        Transport::Udp => of_datagrams(opening.side(direction)),
    };
    let (initiators, responders) = (of_side(Direction::Initiator), of_side(Direction::Responder));
    let asks =
        if opening.side(Direction::Initiator).is_empty() { spoken(transport) } else { initiators };
    ASKING & asks | !ASKING & (initiators | responders)
}

fn of_datagrams(stream: &Stream) -> u64 {
    let bytes = stream.bytes();
    stream.starts(0..bytes.len()).fold(0, |all, at| all | OF_DATAGRAM[usize::from(bytes[at])])
}

fn of_stream(bytes: &[u8]) -> u64 {
    let zeros = match bytes.first_chunk::<ZEROS>() {
        Some(first) => u128::from_be_bytes(*first).leading_zeros() as usize / 8,
        None => bytes.iter().take_while(|&&byte| byte == 0).count(),
    };
    let none = if bytes.is_empty() { 0 } else { OF_ZEROS[zeros] };
    bytes.iter().zip(&OF_STREAM).fold(none, |left, (&byte, table)| left & table[usize::from(byte)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evidence::Finding;

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
            let asked = if whole { candidates(&opening) } else { joined(&opening) };
            for (i, detector) in DETECTORS.iter().enumerate().filter(|(_, d)| d.transports.contains(&Transport::Tcp)) {
                let finding = (detector.inspect)(&opening);
                prop_assert!(asked & 1 << i != 0 || finding == Finding::No, "{}: {finding:?}", detector.protocol);
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
            let asked = candidates(&opening);
            for (i, detector) in DETECTORS.iter().enumerate().filter(|(_, d)| d.transports.contains(&Transport::Udp)) {
                let finding = (detector.inspect)(&opening);
                prop_assert!(asked & 1 << i != 0 || finding == Finding::No, "{}: {finding:?}", detector.protocol);
            }
        }
    }

    #[test]
    fn a_detector_refuses_every_stream_whose_first_two_bytes_are_not_its() {
        for (i, detector) in
            DETECTORS.iter().enumerate().filter(|(_, d)| d.transports.contains(&Transport::Tcp))
        {
            for bytes in (0..=u16::MAX).map(u16::to_be_bytes) {
                if of_stream(&bytes) & 1 << i == 0 {
                    let finding = (detector.inspect)(&Opening::of(Transport::Tcp, &[&bytes], &[]));
                    assert!(finding == Finding::No, "{}: {bytes:02x?}", detector.protocol);
                }
            }
        }
    }

    #[test]
    fn a_detector_is_asked_about_its_own_samples() {
        for (i, detector) in DETECTORS.iter().enumerate() {
            for sample in detector.samples {
                assert!(candidates(&sample.opening()) & 1 << i != 0, "{}", detector.protocol);
            }
        }
    }
}
