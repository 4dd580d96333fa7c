//! Reassembly of fragments of IPv4 (RFC 791, section 3.2) and IPv6 (RFC 8200, section 4.5).
//!
//! Takes fragments in the order of the capture, and returns a datagram with the fragment that
//! completes it. Time is that of the capture. Overlapping fragments are refused and their datagram
//! with them, for both versions (RFC 5722): hosts disagree on which of them counts, and attackers
//! know it. A fragment that comes twice is no overlap.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use etherparse::IpNumber;
use serde::{Deserialize, Serialize};

use super::ip::{AddressPair, Datagram, FragmentInfo};
use super::{Skip, Tenant};
use crate::saved::{BadState, MOST, check};
use crate::time::Time;

/// Maximum number of incomplete datagrams; the oldest is given up when one more comes.
const MAX_DATAGRAMS: usize = 1_024;
/// Maximum bytes that incomplete datagrams hold; the oldest is given up when there are more.
const MAX_BYTES: usize = 16 << 20;
/// Accounted bytes of a fragment beside its payload.
const FRAGMENT_COST: usize = 64;
/// Nanoseconds after its first fragment that a datagram waits for the others (RFC 8200, section
/// 4.5; RFC 1122, section 3.3.2).
const TIMEOUT: u64 = 60 * 1_000_000_000;
/// Maximum bytes of a datagram.
const MAX_LEN: usize = 65_535;

/// A complete datagram.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reassembled {
    pub(super) protocol: IpNumber,
    /// The bytes up to the end of the first fragment that the capture cut.
    pub(super) bytes: Vec<u8>,
    pub(super) wire_len: usize,
    /// The frames of the fragments, where these are noted.
    pub(super) frames: Vec<u64>,
}

/// What the fragments of a datagram have in common. Those of IPv6 may differ in the protocol: that
/// of the first fragment counts, and the key has zero.
type FragmentKey = (IpAddr, IpAddr, u32, u8, Tenant);

/// Incomplete datagrams.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Fragments {
    partial: BTreeMap<FragmentKey, PartialDatagram>,
    /// Oldest first. An entry is stale if no incomplete datagram has its number.
    queue: VecDeque<(FragmentKey, u64, Time)>,
    bytes: usize,
    begun: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct PartialDatagram {
    number: u64,
    #[serde(with = "ip_number")]
    protocol: Option<IpNumber>,
    /// Sorted by start, without overlap.
    held: Vec<HeldFragment>,
    /// Bytes on the wire of the fragments so far, and of the datagram once its end is known.
    there: usize,
    len: Option<usize>,
    /// Fragments contradicted each other: the datagram is never completed.
    refused: bool,
    cost: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct HeldFragment {
    start: usize,
    /// End on the wire; fewer bytes may have been captured.
    end: usize,
    bytes: Vec<u8>,
    /// The frames that brought it, where these are noted.
    frames: Vec<u64>,
}

impl Fragments {
    /// Takes a fragment, which came in `frames`; returns the datagram that it completes.
    pub(super) fn join(
        &mut self,
        datagram: &Datagram<'_>,
        fragment: FragmentInfo,
        now: Time,
        frames: Vec<u64>,
    ) -> Result<Reassembled, Skip> {
        let (start, len) = (usize::from(fragment.start), datagram.body.wire_len());
        if len == 0 || start + len > MAX_LEN || fragment.more && !len.is_multiple_of(8) {
            return Err(Skip::Malformed);
        }
        self.expire(now);
        let protocol =
            if matches!(datagram.addresses, AddressPair::V4(_)) { datagram.protocol.0 } else { 0 };
        let ends = (datagram.addresses.source(), datagram.addresses.destination());
        let key = (ends.0, ends.1, fragment.id, protocol, datagram.body.tenant());
        if !self.partial.contains_key(&key) {
            self.begin(key, now);
        }
        let partial = self.partial.get_mut(&key).ok_or(Skip::Fragment)?;
        let before = partial.cost;
        let bytes = datagram.body.bytes();
        let held = HeldFragment { start, end: start + len, bytes: bytes.to_vec(), frames };
        let taken = partial.take(held, fragment.more);
        if start == 0 && taken.is_ok() {
            partial.protocol = Some(datagram.protocol);
        }
        let is_complete = partial.is_complete();
        self.bytes = (self.bytes + partial.cost).saturating_sub(before);
        taken?;
        if is_complete {
            return self.remove(&key).and_then(PartialDatagram::whole).ok_or(Skip::Malformed);
        }
        while self.bytes > MAX_BYTES && self.evict_oldest() {}
        Err(Skip::Fragment)
    }

    /// Checks what was read.
    pub(super) fn check(&self) -> Result<(), BadState> {
        let is_bounded = self.partial.len() <= MAX_DATAGRAMS
            && self.bytes <= MAX_BYTES
            && self.queue.len() <= 2 * MAX_DATAGRAMS + 1;
        check(is_bounded, "there are too many fragments")?;
        let costs: usize = self.partial.values().map(|partial| partial.cost).sum();
        check(costs == self.bytes, "fragments have another size")?;
        let queued = |number| self.queue.iter().any(|(_, known, _)| *known == number);
        let are_queued = self.partial.values().all(|partial| queued(partial.number));
        check(are_queued && self.begun <= MOST, "a datagram is not in the queue")?;
        self.partial.values().try_for_each(PartialDatagram::check)
    }

    fn begin(&mut self, key: FragmentKey, now: Time) {
        while self.partial.len() >= MAX_DATAGRAMS && self.evict_oldest() {}
        // Datagrams end in another order than they begin: stale entries are removed before they
        // outnumber the rest.
        if self.queue.len() > 2 * MAX_DATAGRAMS {
            let partial = &self.partial;
            self.queue
                .retain(|(key, number, _)| partial.get(key).is_some_and(|w| w.number == *number));
        }
        self.begun += 1;
        self.queue.push_back((key, self.begun, now));
        let number = self.begun;
        let partial = PartialDatagram {
            number,
            protocol: None,
            held: Vec::new(),
            there: 0,
            len: None,
            refused: false,
            cost: FRAGMENT_COST,
        };
        self.bytes += partial.cost;
        self.partial.insert(key, partial);
    }

    /// Gives up datagrams that have waited for too long.
    fn expire(&mut self, now: Time) {
        while self.queue.front().is_some_and(|(_, _, begun)| now.since(*begun) > TIMEOUT) {
            self.evict_oldest();
        }
    }

    /// Gives up the oldest datagram; false if there is none.
    fn evict_oldest(&mut self) -> bool {
        let Some((key, number, _)) = self.queue.pop_front() else { return false };
        if self.partial.get(&key).is_some_and(|partial| partial.number == number) {
            self.remove(&key);
        }
        true
    }

    fn remove(&mut self, key: &FragmentKey) -> Option<PartialDatagram> {
        let partial = self.partial.remove(key)?;
        self.bytes = self.bytes.saturating_sub(partial.cost);
        Some(partial)
    }
}

impl PartialDatagram {
    /// Checks what was read.
    fn check(&self) -> Result<(), BadState> {
        let is_one = |held: &HeldFragment| {
            held.start < held.end
                && held.end <= MAX_LEN
                && held.bytes.len() <= held.end - held.start
                && held.frames.is_empty()
        };
        let are_some = self.held.iter().all(is_one)
            && self.held.is_sorted_by(|one, next| one.end <= next.start);
        check(are_some, "fragments overlap")?;
        let there: usize = self.held.iter().map(|held| held.end - held.start).sum();
        let bytes: usize = self.held.iter().map(|held| held.bytes.len() + FRAGMENT_COST).sum();
        let last = self.held.last().map_or(0, |held| held.end);
        let is_its = self.refused || there == self.there;
        let is_within = self.len.is_none_or(|len| last <= len && len <= MAX_LEN);
        let is_whole = !self.refused && self.len == Some(there);
        let is_valid = is_its && is_within && !is_whole && self.cost == bytes + FRAGMENT_COST;
        check(is_valid && self.there <= MAX_LEN, "a datagram has another size")
    }

    /// Inserts a fragment.
    fn take(&mut self, fragment: HeldFragment, more: bool) -> Result<(), Skip> {
        if self.refused {
            return Err(Skip::FragmentOverlap);
        }
        let at = self.held.partition_point(|held| held.start < fragment.start);
        if self.held.get(at).is_some_and(|held| held.is_again(&fragment)) {
            return Err(Skip::Fragment);
        }
        let before = at.checked_sub(1).and_then(|at| self.held.get(at));
        let overlaps = before.is_some_and(|held| held.end > fragment.start)
            || self.held.get(at).is_some_and(|held| fragment.end > held.start);
        let last = self.held.last().map_or(0, |held| held.end).max(fragment.end);
        let len = if more { self.len } else { Some(self.len.unwrap_or(fragment.end)) };
        let ends_elsewhere = len.is_some_and(|len| last > len || !more && fragment.end != len);
        if overlaps || ends_elsewhere {
            *self = Self { refused: true, held: Vec::new(), cost: FRAGMENT_COST, ..*self };
            return Err(Skip::FragmentOverlap);
        }
        self.len = len;
        self.there += fragment.end - fragment.start;
        self.cost += fragment.bytes.len() + FRAGMENT_COST;
        self.held.insert(at, fragment);
        Ok(())
    }

    /// Without overlaps, as many bytes as the datagram has are all of them.
    fn is_complete(&self) -> bool {
        self.len == Some(self.there)
    }

    fn whole(self) -> Option<Reassembled> {
        let wire_len = self.len?;
        let frames = self.held.iter().flat_map(|held| &held.frames).copied().collect();
        let mut bytes = Vec::with_capacity(wire_len);
        for held in self.held {
            bytes.extend_from_slice(&held.bytes);
            if bytes.len() < held.end {
                break;
            }
        }
        Some(Reassembled { protocol: self.protocol?, bytes, wire_len, frames })
    }
}

impl HeldFragment {
    /// Whether `other` is this fragment once more; the capture may have cut either.
    fn is_again(&self, other: &Self) -> bool {
        let known = self.bytes.len().min(other.bytes.len());
        (self.start, self.end) == (other.start, other.end)
            && self.bytes[..known] == other.bytes[..known]
    }
}

/// The number of an IP protocol, or none.
mod ip_number {
    use etherparse::IpNumber;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "the form that serde calls"
    )]
    pub(super) fn serialize<S: Serializer>(
        number: &Option<IpNumber>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        number.map(|number| number.0).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<IpNumber>, D::Error> {
        Option::<u8>::deserialize(deserializer).map(|number| number.map(IpNumber))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Packet;
    use crate::source::{Frame, LinkType};

    const SECOND: i64 = 1_000_000_000;

    fn join(
        fragments: &mut Fragments,
        id: u32,
        start: u16,
        more: bool,
        bytes: &[u8],
        at: i64,
    ) -> Result<Reassembled, Skip> {
        cut(fragments, id, start, more, bytes, bytes.len(), at)
    }

    fn cut(
        fragments: &mut Fragments,
        id: u32,
        start: u16,
        more: bool,
        bytes: &[u8],
        wire_len: usize,
        at: i64,
    ) -> Result<Reassembled, Skip> {
        let frame = Frame {
            number: 1,
            time: Time(at),
            link: LinkType::RAW,
            interface: 0,
            wire_len: wire_len as u32,
            bytes,
        };
        let addresses = AddressPair::V4(&[10, 0, 0, 1, 10, 0, 0, 2]);
        let fragment = FragmentInfo { id, start, more };
        let datagram = Datagram {
            addresses,
            protocol: IpNumber::UDP,
            body: Packet::from_frame(&frame),
            fragment: Some(fragment),
        };
        fragments.join(&datagram, fragment, Time(at), Vec::new())
    }

    fn whole(bytes: &[u8]) -> Reassembled {
        Reassembled {
            protocol: IpNumber::UDP,
            bytes: bytes.to_vec(),
            wire_len: bytes.len(),
            frames: Vec::new(),
        }
    }

    #[test]
    fn pieces_in_any_order_give_the_datagram_with_the_last() {
        let pieces = [(0, true, &b"01234567"[..]), (8, true, b"89abcdef"), (16, false, b"ghi")];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
            let mut fragments = Fragments::default();
            let mut given = order
                .map(|i| join(&mut fragments, 7, pieces[i].0, pieces[i].1, pieces[i].2, 0))
                .into_iter();
            assert_eq!(given.next(), Some(Err(Skip::Fragment)));
            assert_eq!(given.next(), Some(Err(Skip::Fragment)));
            assert_eq!(given.next(), Some(Ok(whole(b"0123456789abcdefghi"))));
            assert_eq!((fragments.bytes, fragments.partial.len()), (0, 0));
        }
    }

    #[test]
    fn datagrams_with_other_identifications_do_not_mix() {
        let mut fragments = Fragments::default();
        assert_eq!(join(&mut fragments, 1, 0, true, b"01234567", 0), Err(Skip::Fragment));
        assert_eq!(join(&mut fragments, 2, 8, false, b"x", 0), Err(Skip::Fragment));
        assert_eq!(join(&mut fragments, 1, 8, false, b"y", 0), Ok(whole(b"01234567y")));
    }

    #[test]
    fn a_piece_that_comes_twice_is_passed_over() {
        let mut fragments = Fragments::default();
        for _ in 0..3 {
            assert_eq!(join(&mut fragments, 1, 0, true, b"01234567", 0), Err(Skip::Fragment));
        }
        assert_eq!(join(&mut fragments, 1, 8, false, b"y", 0), Ok(whole(b"01234567y")));
    }

    #[test]
    fn pieces_that_contradict_each_other_are_refused_and_their_datagram_for_good() {
        type Way<'a> = &'a [(u16, bool, &'a [u8])];
        let ways: [Way<'_>; 5] = [
            &[(0, true, b"01234567"), (0, true, b"0123456X")],
            &[(0, true, b"0123456701234567"), (8, true, b"01234567")],
            &[(8, true, b"01234567"), (0, true, b"0123456701234567")],
            &[(8, false, b"0"), (16, true, b"01234567")],
            &[(8, false, b"0"), (8, false, b"01")],
        ];
        for way in ways {
            let mut fragments = Fragments::default();
            assert_eq!(
                join(&mut fragments, 1, way[0].0, way[0].1, way[0].2, 0),
                Err(Skip::Fragment)
            );
            assert_eq!(
                join(&mut fragments, 1, way[1].0, way[1].1, way[1].2, 0),
                Err(Skip::FragmentOverlap)
            );
            assert_eq!(join(&mut fragments, 1, 24, false, b"0", 0), Err(Skip::FragmentOverlap));
            assert_eq!(fragments.bytes, FRAGMENT_COST, "what it held is gone");
            assert_eq!(
                join(&mut fragments, 1, 24, true, b"01234567", 61 * SECOND),
                Err(Skip::Fragment),
                "until it is forgotten"
            );
        }
    }

    #[test]
    fn a_piece_beyond_the_largest_datagram_of_no_length_or_between_words_is_malformed() {
        let mut fragments = Fragments::default();
        assert_eq!(join(&mut fragments, 1, 65_528, false, &[0; 8], 0), Err(Skip::Malformed));
        assert_eq!(join(&mut fragments, 1, 8, false, &[], 0), Err(Skip::Malformed));
        assert_eq!(join(&mut fragments, 1, 8, true, &[0; 7], 0), Err(Skip::Malformed));
    }

    #[test]
    fn what_the_capture_cut_of_a_piece_ends_the_bytes_but_not_the_datagram() {
        let mut fragments = Fragments::default();
        assert_eq!(cut(&mut fragments, 1, 0, true, b"012345", 8, 0), Err(Skip::Fragment));
        let given = join(&mut fragments, 1, 8, false, b"89", 0);
        assert_eq!(
            given,
            Ok(Reassembled {
                protocol: IpNumber::UDP,
                bytes: b"012345".to_vec(),
                wire_len: 10,
                frames: Vec::new()
            })
        );
    }

    #[test]
    fn datagrams_wait_a_minute_of_the_capture() {
        let mut fragments = Fragments::default();
        assert_eq!(join(&mut fragments, 1, 0, true, b"01234567", 0), Err(Skip::Fragment));
        assert_eq!(join(&mut fragments, 2, 0, true, b"01234567", SECOND), Err(Skip::Fragment));
        assert_eq!(join(&mut fragments, 1, 8, false, b"y", 60 * SECOND + 1), Err(Skip::Fragment));
        assert_eq!(join(&mut fragments, 2, 8, false, b"y", 61 * SECOND), Ok(whole(b"01234567y")));
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let mut fragments = Fragments::default();
        for id in 0..20_000 {
            let _ = join(&mut fragments, id, 0, true, &[0; 8], 0);
            let _ = join(&mut fragments, id, if id % 2 == 0 { 8 } else { 16 }, false, &[0; 8], 0);
            assert!(
                fragments.partial.len() <= MAX_DATAGRAMS
                    && fragments.queue.len() <= 2 * MAX_DATAGRAMS + 1
            );
        }
        let long = vec![0; 60_000];
        for id in 0..1_000 {
            let _ = join(&mut fragments, id, 8, true, &long, 0);
            assert!(fragments.bytes <= MAX_BYTES);
        }
        let held = |w: &PartialDatagram| {
            FRAGMENT_COST + w.held.iter().map(|h| h.bytes.len() + FRAGMENT_COST).sum::<usize>()
        };
        assert_eq!(
            fragments.bytes,
            fragments.partial.values().map(held).sum::<usize>(),
            "the count is the sum"
        );
    }
}
