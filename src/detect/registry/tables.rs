//! What the registry derives from all detectors at compile time: which detectors the first bytes of
//! a flow leave as candidates, and which protocols are ruled out by the detectors that refused.

use crate::decode::Transport;
use crate::detect::detector::Detector;
use crate::detect::prefilter::{MAX_ZEROS, PLACES};
use crate::evidence::{BitSet, Direction, ProtocolSet};
use crate::flow::{Opening, Stream};

/// Detectors whose refusals select one entry of a table.
pub(super) const GROUP: usize = 4;

/// Tables over a list of detectors. `WORDS` is the size of a set of detectors, `GROUPS` the number
/// of groups of [`GROUP`] detectors.
pub(super) struct Tables<const WORDS: usize, const GROUPS: usize> {
    /// The detectors of each transport.
    by_transport: [BitSet<WORDS>; 2],
    /// The detectors of UDP whose prefilter passes the first byte of a datagram.
    by_datagram_byte: [BitSet<WORDS>; 256],
    /// The detectors of TCP whose prefilter passes a byte in each place of a stream.
    by_stream_byte: [[BitSet<WORDS>; 256]; PLACES],
    /// The detectors whose prefilter passes so many leading zero bytes of a stream.
    by_leading_zeros: [BitSet<WORDS>; MAX_ZEROS + 1],
    initiator_only: BitSet<WORDS>,
    mid_stream: BitSet<WORDS>,
    /// The protocols that are ruled out, by group and by which detectors of the group refused, a
    /// bit for each.
    ruled_out: [[ProtocolSet; 1 << GROUP]; GROUPS],
}

impl<const WORDS: usize, const GROUPS: usize> Tables<WORDS, GROUPS> {
    pub(super) const fn new(detectors: &[Detector]) -> Self {
        let mut tables = Self {
            by_transport: [BitSet::EMPTY; 2],
            by_datagram_byte: [BitSet::EMPTY; 256],
            by_stream_byte: [[BitSet::EMPTY; 256]; PLACES],
            by_leading_zeros: [BitSet::EMPTY; MAX_ZEROS + 1],
            initiator_only: BitSet::EMPTY,
            mid_stream: BitSet::EMPTY,
            ruled_out: [[ProtocolSet::EMPTY; 1 << GROUP]; GROUPS],
        };
        let mut i = 0;
        while i < detectors.len() {
            tables.add(i, &detectors[i]);
            i += 1;
        }
        tables
    }

    /// Adds the detector of number `i`.
    const fn add(&mut self, i: usize, detector: &Detector) {
        assert!(!detector.transports.is_empty(), "a detector has tcp() or udp(), or both");
        let prefilter = &detector.prefilter;
        let mut t = 0;
        while t < detector.transports.len() {
            let transport = detector.transports[t];
            self.by_transport[transport as usize].insert(i);
            let mut byte = 0;
            while byte < 256 {
                match transport {
                    Transport::Udp if prefilter.datagram.contains(byte) => {
                        self.by_datagram_byte[byte].insert(i);
                    }
                    Transport::Udp => {}
                    Transport::Tcp => {
                        let mut place = 0;
                        while place < PLACES {
                            if prefilter.stream[place].contains(byte) {
                                self.by_stream_byte[place][byte].insert(i);
                            }
                            place += 1;
                        }
                    }
                }
                byte += 1;
            }
            t += 1;
        }
        let mut zeros = 0;
        while zeros <= prefilter.max_leading_zeros {
            self.by_leading_zeros[zeros].insert(i);
            zeros += 1;
        }
        if prefilter.initiator_only {
            self.initiator_only.insert(i);
        }
        if prefilter.mid_stream {
            self.mid_stream.insert(i);
        }
        self.add_ruled_out(i, detector);
    }

    const fn add_ruled_out(&mut self, i: usize, detector: &Detector) {
        let mut protocols = ProtocolSet::EMPTY;
        protocols.insert(detector.protocol);
        let mut n = 0;
        while n < detector.leads_to.len() {
            protocols.insert(detector.leads_to[n]);
            n += 1;
        }
        let mut refusals = 0;
        while refusals < 1 << GROUP {
            if refusals >> (i % GROUP) & 1 == 1 {
                self.ruled_out[i / GROUP][refusals].unite(protocols);
            }
            refusals += 1;
        }
    }

    /// The detectors of a transport.
    pub(super) fn of_transport(&self, transport: Transport) -> BitSet<WORDS> {
        self.by_transport[transport as usize]
    }

    /// The protocols that are ruled out where these detectors refused.
    pub(super) fn ruled_out(&self, refused: BitSet<WORDS>) -> ProtocolSet {
        let mut protocols = ProtocolSet::EMPTY;
        for (group, sets) in self.ruled_out.iter().enumerate() {
            protocols.unite(sets[refused.group::<GROUP>(group)]);
        }
        protocols
    }

    /// The detectors that may recognise an opening some of whose first bytes are missing.
    pub(super) fn mid_stream_candidates(&self, opening: &Opening) -> BitSet<WORDS> {
        let found_anywhere = self.mid_stream.intersection(self.of_transport(opening.transport()));
        self.passing(opening, true).union(found_anywhere)
    }

    /// The detectors whose prefilter the first bytes of either side pass; all of the transport
    /// where neither side sent any.
    pub(super) fn candidates(&self, opening: &Opening) -> BitSet<WORDS> {
        self.passing(opening, opening.transport() == Transport::Udp)
    }

    /// The detectors whose prefilter passes. `guessed`: the initiator is a guess, so that either
    /// side's bytes may be the client's.
    fn passing(&self, opening: &Opening, guessed: bool) -> BitSet<WORDS> {
        let transport = opening.transport();
        if opening.is_silent() {
            return self.of_transport(transport);
        }
        let of_side = |direction| match transport {
            Transport::Tcp => self.of_stream(opening.side(direction).head()),
            Transport::Udp => self.of_datagrams(opening.side(direction)),
        };
        let initiator = of_side(Direction::Initiator);
        let either = initiator.union(of_side(Direction::Responder));
        if guessed {
            return either;
        }
        let requested = if opening.side(Direction::Initiator).is_empty() {
            self.of_transport(transport)
        } else {
            initiator
        };
        let by_request = self.initiator_only.intersection(requested);
        self.initiator_only.complement().intersection(either).union(by_request)
    }

    fn of_datagrams(&self, stream: &Stream) -> BitSet<WORDS> {
        let bytes = stream.bytes();
        stream
            .starts(0..bytes.len())
            .fold(BitSet::EMPTY, |all, at| all.union(self.by_datagram_byte[usize::from(bytes[at])]))
    }

    pub(super) fn of_stream(&self, bytes: &[u8]) -> BitSet<WORDS> {
        let zeros = match bytes.first_chunk::<MAX_ZEROS>() {
            Some(first) => u128::from_be_bytes(*first).leading_zeros() as usize / 8,
            None => bytes.iter().take_while(|&&byte| byte == 0).count(),
        };
        let all = if bytes.is_empty() { BitSet::EMPTY } else { self.by_leading_zeros[zeros] };
        bytes
            .iter()
            .zip(&self.by_stream_byte)
            .fold(all, |left, (&byte, table)| left.intersection(table[usize::from(byte)]))
    }
}
