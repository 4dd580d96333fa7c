//! Which detectors need to be asked: those whose language may begin with the bytes that were said first. A flow that nobody
//! understands is asked about several times, and most detectors would refuse it by its first byte.

use super::DETECTORS;
use crate::decode::Transport;
use crate::evidence::Protocol;
use crate::flow::Opening;

/// Datagrams of each side whose first bytes count.
const DATAGRAMS: usize = 4;

/// Languages whose detectors find their place in a stream that was joined in the middle: the first bytes of such a stream say
/// nothing to them. The others look at how a side begins, wherever that is.
const JOINING: &[Protocol] = &[
    Protocol::Http,
    Protocol::Tls,
    Protocol::Osc,
    Protocol::Ftp,
    Protocol::Kafka,
    Protocol::Mqtt,
    Protocol::Nats,
    Protocol::Postgresql,
    Protocol::Redis,
    Protocol::Text,
];

/// A bit for each detector, by transport and first byte.
static TABLE: [[u64; 256]; 2] = table();

/// The detectors of a transport's languages, a bit for each.
pub(super) fn spoken(transport: Transport) -> u64 {
    SPOKEN[transport as usize]
}

static SPOKEN: [u64; 2] = {
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
    candidates(opening) | JOINED & spoken(opening.transport())
}

static JOINED: u64 = {
    let (mut joined, mut i) = (0, 0);
    while i < DETECTORS.len() {
        let mut n = 0;
        while n < JOINING.len() {
            if JOINING[n] as u8 == DETECTORS[i].protocol as u8 {
                joined |= 1 << i;
            }
            n += 1;
        }
        i += 1;
    }
    joined
};

/// The detectors that the first bytes of either side leave, a bit for each; all of the transport where nothing was said.
pub(super) fn candidates(opening: &Opening) -> u64 {
    let transport = opening.transport();
    let table = &TABLE[transport as usize];
    let by_first = |bytes: &[u8]| bytes.first().map_or(0, |&byte| table[usize::from(byte)]);
    let of_side = |stream: &crate::flow::Stream| match transport {
        Transport::Tcp => by_first(stream.head()),
        Transport::Udp => stream.datagrams().take(DATAGRAMS).fold(0, |all, (bytes, _, _)| all | by_first(bytes)),
    };
    if opening.is_silent() { spoken(transport) } else { opening.sides().fold(0, |all, (_, stream)| all | of_side(stream)) }
}

const fn table() -> [[u64; 256]; 2] {
    assert!(DETECTORS.len() <= 64, "a bit for each detector");
    let mut table = [[0; 256]; 2];
    let mut i = 0;
    while i < DETECTORS.len() {
        let detector = &DETECTORS[i];
        let mut t = 0;
        while t < detector.transports.len() {
            let row = &mut table[detector.transports[t] as usize];
            let mut byte = 0;
            while byte < 256 {
                if may_begin(detector, byte as u8) {
                    row[byte] |= 1 << i;
                }
                byte += 1;
            }
            t += 1;
        }
        i += 1;
    }
    table
}

const fn may_begin(detector: &super::Detector, byte: u8) -> bool {
    let mut i = 0;
    while i < detector.begins.len() {
        if *detector.begins[i].start() <= byte && byte <= *detector.begins[i].end() {
            return true;
        }
        i += 1;
    }
    detector.begins.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Finding;

    /// A byte that is left out wrongly would hide a language from its detector.
    #[test]
    fn a_detector_refuses_every_stream_that_begins_otherwise() {
        for detector in DETECTORS.iter().filter(|d| d.transports.contains(&Transport::Tcp)) {
            for byte in 0..=255_u8 {
                let finding = (detector.inspect)(&Opening::of(Transport::Tcp, &[&[byte]], &[]));
                let refused = finding == Finding::No;
                assert!(may_begin(detector, byte) || refused, "{}: {byte:#04x}", detector.protocol);
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
