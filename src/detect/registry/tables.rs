//! What the registry derives from the detectors of a transport at compile time: which of them the
//! first bytes of a flow leave as candidates, and which protocols are ruled out by those that
//! refused.

use crate::decode::Transport;
use crate::detect::detector::Detector;
use crate::detect::prefilter::{LONG_DATAGRAM, MAX_ZEROS, PLACES, Prefilter};
use crate::evidence::{BitSet, Direction, ProtocolSet};
use crate::flow::{Opening, Stream};

/// Detectors whose refusals select one entry of a table.
pub(super) const GROUP: usize = 4;

/// Tables over the detectors of one transport, which are numbered in the order of the registry.
/// `WORDS` is the size of a set of them, `SLOTS` the greatest number of them and `GROUPS` the number
/// of groups of [`GROUP`] detectors.
pub(super) struct Tables<const WORDS: usize, const GROUPS: usize, const SLOTS: usize> {
    transport: Transport,
    /// The places of the detectors in the registry.
    places: [u8; SLOTS],
    /// All of them.
    all: BitSet<WORDS>,
    /// The detectors whose prefilter passes a byte in each place of a stream or a datagram.
    by_byte: [[BitSet<WORDS>; 256]; PLACES],
    /// The detectors whose prefilter passes so many leading zero bytes of a stream.
    by_leading_zeros: [BitSet<WORDS>; MAX_ZEROS + 1],
    /// The detectors whose prefilter passes a datagram of this length.
    by_len: [BitSet<WORDS>; LONG_DATAGRAM + 1],
    initiator_only: BitSet<WORDS>,
    mid_stream: BitSet<WORDS>,
    /// The detectors that share the test of one before them.
    followers: BitSet<WORDS>,
    /// The protocols that are ruled out by the transport, and where every detector refused.
    foreign: ProtocolSet,
    every: ProtocolSet,
    /// The protocols that are ruled out, by group and by which detectors of the group refused, a
    /// bit for each.
    ruled_out: [[ProtocolSet; 1 << GROUP]; GROUPS],
}

impl<const WORDS: usize, const GROUPS: usize, const SLOTS: usize> Tables<WORDS, GROUPS, SLOTS> {
    pub(super) const fn new(detectors: &[Detector], transport: Transport) -> Self {
        let mut tables = Self {
            transport,
            places: [0; SLOTS],
            all: BitSet::EMPTY,
            by_byte: [[BitSet::EMPTY; 256]; PLACES],
            by_leading_zeros: [BitSet::EMPTY; MAX_ZEROS + 1],
            by_len: [BitSet::EMPTY; LONG_DATAGRAM + 1],
            initiator_only: BitSet::EMPTY,
            mid_stream: BitSet::EMPTY,
            followers: BitSet::EMPTY,
            foreign: ProtocolSet::EMPTY,
            every: ProtocolSet::EMPTY,
            ruled_out: [[ProtocolSet::EMPTY; 1 << GROUP]; GROUPS],
        };
        let (mut place, mut i) = (0, 0);
        while place < detectors.len() {
            let detector = &detectors[place];
            assert!(!detector.transports.is_empty(), "a detector has tcp() or udp(), or both");
            if is_of(detector, transport) {
                tables.places[i] = place as u8;
                tables.add(i, &detector.prefilter);
                if detector.shares_test {
                    tables.followers.insert(i);
                }
                tables.add_ruled_out(i, detector);
                i += 1;
            } else {
                tables.foreign.unite(protocols(detector));
            }
            tables.every.unite(protocols(detector));
            place += 1;
        }
        tables
    }

    /// Adds the detector of number `i`.
    const fn add(&mut self, i: usize, prefilter: &Prefilter) {
        self.all.insert(i);
        let bytes = match self.transport {
            Transport::Tcp => &prefilter.stream,
            Transport::Udp => &prefilter.datagram,
        };
        let mut place = 0;
        while place < PLACES {
            let mut byte = 0;
            while byte < 256 {
                if bytes[place].contains(byte) {
                    self.by_byte[place][byte].insert(i);
                }
                byte += 1;
            }
            place += 1;
        }
        let mut zeros = 0;
        while zeros <= prefilter.max_leading_zeros {
            self.by_leading_zeros[zeros].insert(i);
            zeros += 1;
        }
        let mut len = prefilter.shortest;
        while len <= LONG_DATAGRAM {
            self.by_len[len].insert(i);
            len += 1;
        }
        if prefilter.initiator_only {
            self.initiator_only.insert(i);
        }
        if prefilter.mid_stream {
            self.mid_stream.insert(i);
        }
    }

    const fn add_ruled_out(&mut self, i: usize, detector: &Detector) {
        let mut refusals = 0;
        while refusals < 1 << GROUP {
            if refusals >> (i % GROUP) & 1 == 1 {
                self.ruled_out[i / GROUP][refusals].unite(protocols(detector));
            }
            refusals += 1;
        }
    }

    /// The place of the detector of number `i` in the registry.
    pub(super) fn place(&self, i: usize) -> usize {
        usize::from(self.places[i])
    }

    /// Those of the detectors in `rest` that do not share the test of the detector before them, of
    /// number `i`.
    pub(super) fn without_followers(&self, mut rest: BitSet<WORDS>, i: usize) -> BitSet<WORDS> {
        let mut next = i + 1;
        while next < SLOTS && self.followers.contains(next) {
            rest.remove(next);
            next += 1;
        }
        rest
    }

    /// The protocols that are ruled out where all detectors refused but those that are `open`.
    pub(super) fn ruled_out(&self, open: BitSet<WORDS>) -> ProtocolSet {
        if open == BitSet::EMPTY {
            return self.every;
        }
        let refused = self.all.intersection(open.complement());
        let mut protocols = self.foreign;
        for (group, sets) in self.ruled_out.iter().enumerate() {
            protocols.unite(sets[refused.group::<GROUP>(group)]);
        }
        protocols
    }

    /// The detectors that may recognise an opening some of whose first bytes are missing.
    pub(super) fn mid_stream_candidates(&self, opening: &Opening) -> BitSet<WORDS> {
        self.of_either_side(opening).union(self.mid_stream)
    }

    /// The detectors whose prefilter the first bytes of either side pass; all of them where neither
    /// side sent any.
    pub(super) fn candidates(&self, opening: &Opening) -> BitSet<WORDS> {
        let [initiator, responder] = Direction::BOTH.map(|direction| opening.side(direction));
        if self.transport == Transport::Udp {
            return self.of_either_side(opening);
        }
        match (initiator.is_empty(), responder.is_empty()) {
            (true, true) => self.all,
            (true, false) => self.of_stream(responder.head()).union(self.initiator_only),
            (false, true) => self.of_stream(initiator.head()),
            (false, false) => {
                let of_initiator = self.of_stream(initiator.head());
                let of_responder = self.of_stream(responder.head());
                of_initiator.union(self.initiator_only.complement().intersection(of_responder))
            }
        }
    }

    /// The detectors whose prefilter passes, where the initiator is a guess, so that either side's
    /// bytes may be the client's.
    fn of_either_side(&self, opening: &Opening) -> BitSet<WORDS> {
        let [initiator, responder] = Direction::BOTH.map(|direction| opening.side(direction));
        if opening.is_silent() {
            return self.all;
        }
        match self.transport {
            Transport::Tcp => {
                self.of_stream(initiator.head()).union(self.of_stream(responder.head()))
            }
            Transport::Udp => self.of_datagrams(initiator).union(self.of_datagrams(responder)),
        }
    }

    fn of_datagrams(&self, stream: &Stream) -> BitSet<WORDS> {
        let mut passing = BitSet::EMPTY;
        for (bytes, _, cut) in stream.datagrams() {
            let of_len = if cut { self.all } else { self.by_len[bytes.len().min(LONG_DATAGRAM)] };
            passing = passing.union(self.of_bytes(bytes, of_len));
        }
        passing
    }

    pub(super) fn of_stream(&self, bytes: &[u8]) -> BitSet<WORDS> {
        let zeros = match bytes.first_chunk::<MAX_ZEROS>() {
            Some(first) => u128::from_be_bytes(*first).leading_zeros() as usize / 8,
            None => bytes.iter().take_while(|&&byte| byte == 0).count(),
        };
        let all = if bytes.is_empty() { BitSet::EMPTY } else { self.by_leading_zeros[zeros] };
        self.of_bytes(bytes, all)
    }

    /// Those of the detectors in `left` whose prefilter passes the bytes.
    #[inline]
    fn of_bytes(&self, bytes: &[u8], left: BitSet<WORDS>) -> BitSet<WORDS> {
        let meet = |left: BitSet<WORDS>, (&byte, table): (&u8, &[BitSet<WORDS>; 256])| {
            left.intersection(table[usize::from(byte)])
        };
        match bytes.first_chunk::<PLACES>() {
            Some(first) => first.iter().zip(&self.by_byte).fold(left, meet),
            None => bytes.iter().zip(&self.by_byte).fold(left, meet),
        }
    }
}

/// Whether a detector is of a transport.
pub(super) const fn is_of(detector: &Detector, transport: Transport) -> bool {
    let mut t = 0;
    while t < detector.transports.len() {
        if detector.transports[t] as usize == transport as usize {
            return true;
        }
        t += 1;
    }
    false
}

/// The protocols that are ruled out where a detector refused.
const fn protocols(detector: &Detector) -> ProtocolSet {
    let mut protocols = ProtocolSet::EMPTY;
    protocols.insert(detector.protocol);
    let mut n = 0;
    while n < detector.leads_to.len() {
        protocols.insert(detector.leads_to[n]);
        n += 1;
    }
    protocols
}
