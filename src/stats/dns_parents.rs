//! Domains under which clients ask for long names that look random, as tunnels through DNS do.
//!
//! At most [`LIMIT`] domains are kept: those of two labels first, then those of three; among each
//! by a public hash of the name, then by the name. A domain that has left has so many others before
//! it, and these stay, so the table does not depend on the order of flows or the number of workers.
//! Of the names under a domain the 64 lowest hashes are kept, which count up to 64 names exactly
//! and more closely (Bar-Yossef et al., "Counting distinct elements in a data stream", 2002).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ServerKey;
use super::distinct::mix_word;
use super::sensors::{SensorPlace, move_frame};
use crate::saved::{BadState, MOST, array, check};

/// Domains that are kept.
const LIMIT: usize = 4096;
/// Hashes of names that are kept of each domain.
const NAMES: usize = 64;
/// Bytes of an answer above which it is bulky, on average.
const BULKY: u64 = 100;
/// The same of records that may hold anything: what a virus scanner asks for is shorter.
const BULKY_RECORD: u64 = 48;
/// Characters of the longest domain that is kept; a label has at most 63.
const LONGEST: usize = 96;

/// The place of a domain in the fixed order: three labels or two, a hash, the name.
type DomainRank = (bool, u64, Box<str>);

/// The domains of a capture.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DnsParents {
    domains: BTreeMap<DomainRank, DnsParent>,
    has_overflowed: bool,
}

/// What was asked for under a domain.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DnsParent {
    /// The lowest hashes of different names, in ascending order.
    #[serde(with = "array")]
    names: [u32; NAMES],
    len: u8,
    /// Answers, those of records that hold anything, and their bytes.
    answers: u64,
    bulky_records: u64,
    answer_bytes: u64,
    /// The first question or answer.
    frame: u64,
    /// The lowest server that was asked.
    server: ServerKey,
}

/// A question for a long name under a domain, or the answer to one.
#[derive(Debug, Clone, Copy)]
pub struct LongNameSeen {
    /// A hash of the name.
    pub hash: u64,
    /// The answer's bytes, and whether the record asked for may hold anything; `None` for a
    /// question.
    pub answer: Option<(u32, bool)>,
    /// The number of the frame.
    pub frame: u64,
    /// Who was asked.
    pub server: ServerKey,
}

impl DnsParents {
    /// Adds a name under a domain.
    pub fn add(&mut self, domain: &str, seen: LongNameSeen) {
        if domain.len() > LONGEST {
            return;
        }
        let parent = self.domains.entry(rank(domain)).or_insert_with(|| DnsParent {
            names: [u32::MAX; NAMES],
            len: 0,
            answers: 0,
            bulky_records: 0,
            answer_bytes: 0,
            frame: seen.frame,
            server: seen.server,
        });
        parent.insert((seen.hash >> 32) as u32);
        parent.frame = parent.frame.min(seen.frame);
        parent.server = parent.server.min(seen.server);
        if let Some((bytes, is_bulky)) = seen.answer {
            parent.answers += 1;
            parent.bulky_records += u64::from(is_bulky);
            parent.answer_bytes += u64::from(bytes);
        }
        self.trim();
    }

    /// Adds what other flows asked for.
    pub(crate) fn merge(&mut self, other: Self) {
        self.has_overflowed |= other.has_overflowed;
        for (rank, theirs) in other.domains {
            match self.domains.get_mut(&rank) {
                Some(mine) => mine.merge(&theirs),
                None => drop(self.domains.insert(rank, theirs)),
            }
            self.trim();
        }
    }

    /// Checks what was read.
    pub(super) fn check(&self) -> Result<(), BadState> {
        let is_one = |parent: &DnsParent| {
            let numbers = [parent.answers, parent.bulky_records, parent.answer_bytes];
            usize::from(parent.len) <= NAMES && numbers.iter().all(|&number| number <= MOST)
        };
        let are_some = self.domains.len() <= LIMIT && self.domains.values().all(is_one);
        check(are_some, "a domain has too many names")
    }

    /// Makes the domains count among those of several sensors.
    pub(super) fn move_to(&mut self, SensorPlace { sensor, frames }: SensorPlace) {
        for parent in self.domains.values_mut() {
            move_frame(&mut parent.frame, frames);
            parent.server.sensor = sensor;
        }
    }

    fn trim(&mut self) {
        if self.domains.len() > LIMIT {
            self.domains.pop_last();
            self.has_overflowed = true;
        }
    }

    /// Whether there were more domains than are kept.
    #[must_use]
    pub const fn has_overflowed(&self) -> bool {
        self.has_overflowed
    }

    /// The domains, in no order that means anything, but always the same.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &DnsParent)> {
        self.domains.iter().map(|((_, _, domain), parent)| (&**domain, parent))
    }

    /// What was asked for under a domain.
    #[must_use]
    pub fn get(&self, domain: &str) -> Option<&DnsParent> {
        self.domains.get(&rank(domain))
    }

    /// Bytes on the heap.
    #[cfg(test)]
    fn footprint(&self) -> usize {
        let entry = 2 * size_of::<DnsParent>() + 2 * size_of::<DomainRank>();
        self.domains.keys().map(|(.., domain)| entry + domain.len() + 16).sum()
    }
}

fn rank(domain: &str) -> DomainRank {
    let fold = |hash: u64, byte: u8| mix_word(hash ^ u64::from(byte));
    let is_long = domain.bytes().filter(|&byte| byte == b'.').count() > 1;
    (is_long, domain.bytes().fold(0, fold), domain.into())
}

impl DnsParent {
    fn insert(&mut self, hash: u32) {
        let len = usize::from(self.len);
        let Err(at) = self.names[..len].binary_search(&hash) else { return };
        if at < NAMES {
            self.names[at..].rotate_right(1);
            self.names[at] = hash;
            self.len = (len + 1).min(NAMES) as u8;
        }
    }

    fn merge(&mut self, other: &Self) {
        other.names[..usize::from(other.len)].iter().for_each(|&hash| self.insert(hash));
        self.answers += other.answers;
        self.bulky_records += other.bulky_records;
        self.answer_bytes += other.answer_bytes;
        self.frame = self.frame.min(other.frame);
        self.server = self.server.min(other.server);
    }

    /// The number of different names: exact up to 64, an estimate within some 13 % beyond that.
    #[must_use]
    pub fn names(&self) -> u64 {
        if self.is_exact() {
            return self.len.into();
        }
        // Hashes are spread evenly: the 64th lowest of n is at 64 / (n + 1) of the range.
        let highest = self.names.last().map_or(1, |&hash| u64::from(hash).max(1));
        ((NAMES as u64 - 1) << 32) / highest
    }

    /// Whether names were counted exactly.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        (self.len as usize) < NAMES
    }

    /// Whether the answers carry much: they are large, on average, and need be less large where
    /// most are records that may hold anything.
    #[must_use]
    pub const fn is_bulky(&self) -> bool {
        let is_any = self.bulky_records * 2 > self.answers;
        let least = if is_any { BULKY_RECORD } else { BULKY };
        self.answers > 0 && self.answer_bytes > least * self.answers
    }

    /// Whether the names are those of another domain, as far as hashes are kept.
    #[must_use]
    pub fn has_names_of(&self, other: &Self) -> bool {
        self.names == other.names
    }

    /// The first frame that asks or answers.
    #[must_use]
    pub const fn frame(&self) -> u64 {
        self.frame
    }

    /// The lowest server that was asked.
    #[must_use]
    pub const fn server(&self) -> ServerKey {
        self.server
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Endpoint, Transport};

    fn seen(n: u64) -> LongNameSeen {
        let end = Endpoint { address: [192, 0, 2, n as u8].into(), port: 53 };
        let server = ServerKey::new(end, Transport::Udp);
        LongNameSeen {
            hash: mix_word(n),
            answer: Some((80, !n.is_multiple_of(3))),
            frame: 100_000 - n,
            server,
        }
    }

    fn shown(parents: &DnsParents) -> Vec<String> {
        let one = |(domain, p): (&str, &DnsParent)| {
            format!("{domain} {} {} {} {:?}", p.names(), p.is_bulky(), p.frame(), p.server())
        };
        parents.iter().map(one).collect()
    }

    #[test]
    fn the_table_does_not_depend_on_the_order_or_on_who_counts() {
        let all: Vec<(String, LongNameSeen)> = (0..9000_u64)
            .map(|n| (format!("{}d{}.test", if n % 2 == 0 { "t." } else { "" }, n % 6000), seen(n)))
            .collect();
        let mut whole = DnsParents::default();
        all.iter().for_each(|(domain, seen)| whole.add(domain, *seen));
        assert!(whole.has_overflowed());
        for workers in [2, 5] {
            let mut parts = vec![DnsParents::default(); workers];
            for (i, (domain, seen)) in all.iter().enumerate().rev() {
                parts[i % workers].add(domain, *seen);
            }
            let mut merged = DnsParents::default();
            parts.into_iter().rev().for_each(|part| merged.merge(part));
            assert_eq!(shown(&merged), shown(&whole));
            assert_eq!(merged.has_overflowed(), whole.has_overflowed());
        }
    }

    #[test]
    fn different_names_are_counted_exactly_up_to_64_and_equal_ones_once() {
        let mut parents = DnsParents::default();
        (0..29).chain(0..29).for_each(|n| parents.add("d.test", seen(n)));
        assert_eq!(parents.get("d.test").map(|p| (p.names(), p.is_exact())), Some((29, true)));
        (0..5000).for_each(|n| parents.add("d.test", seen(n)));
        let many = parents.get("d.test").unwrap();
        assert!(!many.is_exact() && many.names().abs_diff(5000) < 1500, "{}", many.names());
    }

    #[test]
    fn at_its_limit_the_table_takes_at_most_6_mib() {
        let mut parents = DnsParents::default();
        for n in 0..10_000 {
            parents.add(&format!("{}{n:06}.{}.test", "x".repeat(40), "y".repeat(40)), seen(n));
        }
        assert_eq!(parents.iter().count(), LIMIT);
        assert!(parents.footprint() <= 6 << 20, "{}", parents.footprint());
    }
}
