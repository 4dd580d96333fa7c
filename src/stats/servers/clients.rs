//! The number of a server's clients, in little memory: exact up to 16, then an estimate within
//! about 9 %. The [`ClientSets`] count as [`Distinct`](crate::stats::Distinct) does, for a
//! limited number of servers.
//!
//! Addresses are counted by 32 bits of their hash: of 1,024, two are taken for one with a
//! probability of 1 in 8,000.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize, Serializer};

use super::key::ServerRank;
use crate::saved::registers;
use crate::stats::distinct::{Countable, EXACT, REGISTERS, estimate, unite};

/// Addresses that a row counts exactly.
const FEW: usize = 16;
/// 128 registers of four bits take the place of the list, with a standard error of 9.2 %.
const ROW_REGISTERS: usize = 128;

/// The 32 bits of an address's hash.
pub(super) fn hash(address: IpAddr) -> u32 {
    (address.stable_hash() >> 32) as u32
}

/// The register that a hash belongs to, of a power of two of them, and its value: the run of zeros
/// in the rest, plus one.
const fn register(hash: u32, registers: usize) -> (usize, u8) {
    let bits = registers.trailing_zeros();
    let rest = hash << bits;
    let run = if rest == 0 { u32::BITS - bits } else { rest.leading_zeros() };
    ((hash >> (u32::BITS - bits)) as usize, run as u8 + 1)
}

/// The clients of one server, in its row, or those that a port refused or did not answer.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Clients {
    /// The hashes, or the registers.
    words: [u32; FEW],
    /// The number of hashes; more than [`FEW`] stands for registers.
    len: u8,
}

/// Written with hashes in ascending order, so that the same clients have the same bytes.
impl Serialize for Clients {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut words = self.words;
        if let Some(few) = words.get_mut(..usize::from(self.len)) {
            few.sort_unstable();
        }
        (words, self.len).serialize(serializer)
    }
}

impl Clients {
    /// Nobody.
    pub(in crate::stats) const NONE: Self = Self { words: [0; FEW], len: 0 };

    /// The hashes; `None` if there were too many of them.
    pub(super) fn few(&self) -> Option<&[u32]> {
        self.words.get(..usize::from(self.len))
    }

    /// Adds a client.
    pub(in crate::stats) fn insert_address(&mut self, address: IpAddr) {
        self.insert(hash(address));
    }

    /// Adds a hash. Returns the hashes so far where there is no room for this one.
    pub(super) fn insert(&mut self, hash: u32) -> Option<[u32; FEW]> {
        let Some(few) = self.few() else {
            self.raise(hash);
            return None;
        };
        if few.contains(&hash) {
            return None;
        }
        if let Some(word) = self.words.get_mut(usize::from(self.len)) {
            *word = hash;
            self.len += 1;
            return None;
        }
        let Self { words, .. } =
            std::mem::replace(self, Self { words: [0; FEW], len: FEW as u8 + 1 });
        words.into_iter().chain([hash]).for_each(|hash| self.raise(hash));
        Some(words)
    }

    fn raise(&mut self, hash: u32) {
        let (register, value) = register(hash, ROW_REGISTERS);
        self.raise_to(register, value.min(15));
    }

    fn raise_to(&mut self, register: usize, value: u8) {
        let (word, shift) = (&mut self.words[register / 8], register % 8 * 4);
        if *word >> shift & 15 < u32::from(value) {
            *word = *word & !(15 << shift) | u32::from(value) << shift;
        }
    }

    fn registers(&self) -> impl Iterator<Item = u8> + '_ {
        self.words.iter().flat_map(|word| (0..8).map(move |i| (word >> (i * 4) & 15) as u8))
    }

    pub(in crate::stats) fn merge(&mut self, mut other: Self) {
        if other.few().is_none() {
            std::mem::swap(self, &mut other);
        }
        match other.few() {
            Some(few) => few.iter().for_each(|&hash| {
                self.insert(hash);
            }),
            None => other.registers().enumerate().for_each(|(i, value)| self.raise_to(i, value)),
        }
    }

    /// The number of clients: exact up to 16, beyond that to about 9 %.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self.few() {
            Some(few) => few.len() as u64,
            None => estimate(&self.registers().collect::<Vec<_>>()),
        }
    }
}

/// The clients of one server: hashes in ascending order, or registers; at most 4 KiB.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum ClientSet {
    Exact(Vec<u32>),
    Sketch(#[serde(with = "registers")] Box<[u8; REGISTERS]>),
}

impl ClientSet {
    fn insert(&mut self, hash: u32) {
        match self {
            Self::Exact(hashes) => {
                let Err(at) = hashes.binary_search(&hash) else { return };
                hashes.insert(at, hash);
                if hashes.len() > EXACT {
                    let mut registers = Box::new([0; REGISTERS]);
                    hashes.iter().for_each(|&hash| raise(&mut registers, hash));
                    *self = Self::Sketch(registers);
                }
            }
            Self::Sketch(registers) => raise(registers, hash),
        }
    }

    fn merge(&mut self, mut other: Self) {
        if matches!(other, Self::Sketch(_)) {
            std::mem::swap(self, &mut other);
        }
        match (self, other) {
            (mine, Self::Exact(hashes)) => hashes.into_iter().for_each(|hash| mine.insert(hash)),
            (Self::Sketch(mine), Self::Sketch(theirs)) => unite(mine, &theirs),
            // The two were swapped.
            (Self::Exact(_), Self::Sketch(_)) => {}
        }
    }

    fn count(&self) -> u64 {
        match self {
            Self::Exact(hashes) => hashes.len() as u64,
            Self::Sketch(registers) => estimate(&registers[..]),
        }
    }
}

fn raise(registers: &mut [u8; REGISTERS], hash: u32) {
    let (register, value) = register(hash, REGISTERS);
    registers[register] = registers[register].max(value);
}

/// The clients of servers with more than their rows count exactly: of the `limit` first such
/// servers in the order of ranks.
///
/// A server that has left has `limit` such servers before it, and they stay: what comes of it later
/// is either ignored or leaves again before the whole is complete.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ClientSets {
    sets: BTreeMap<ServerRank, ClientSet>,
    limit: usize,
}

impl ClientSets {
    pub(super) const fn new(limit: usize) -> Self {
        Self { sets: BTreeMap::new(), limit }
    }

    /// The sets as they count among those of several sensors.
    pub(super) fn of_sensor(self, sensor: u16) -> Self {
        let sets = self.sets.into_iter();
        Self { sets: sets.map(|(rank, set)| (rank.of_sensor(sensor), set)).collect(), ..self }
    }

    /// Begins the set of a server of which a row can count no more.
    pub(super) fn begin(&mut self, rank: ServerRank, hashes: impl IntoIterator<Item = u32>) {
        let set = self.sets.entry(rank).or_insert_with(|| ClientSet::Exact(Vec::new()));
        hashes.into_iter().for_each(|hash| set.insert(hash));
        self.trim();
    }

    /// Adds to the set of a server, if there is one.
    pub(super) fn extend(&mut self, rank: ServerRank, hashes: &[u32]) {
        if let Some(set) = self.sets.get_mut(&rank) {
            hashes.iter().for_each(|&hash| set.insert(hash));
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (rank, theirs) in other.sets {
            match self.sets.get_mut(&rank) {
                Some(mine) => mine.merge(theirs),
                None => drop(self.sets.insert(rank, theirs)),
            }
            self.trim();
        }
    }

    fn trim(&mut self) {
        if self.sets.len() > self.limit {
            self.sets.pop_last();
        }
    }

    /// The number of clients of a server; `None` if there is no set of it.
    pub(super) fn count(&self, rank: ServerRank) -> Option<u64> {
        self.sets.get(&rank).map(ClientSet::count)
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(super) fn footprint(&self) -> usize {
        let set = |set: &ClientSet| match set {
            ClientSet::Exact(hashes) => hashes.capacity() * size_of::<u32>(),
            ClientSet::Sketch(_) => REGISTERS,
        };
        let entry = 2 * (size_of::<ServerRank>() + size_of::<ClientSet>());
        self.sets.values().map(|one| set(one) + entry + 16).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(n: u32) -> impl Iterator<Item = u32> {
        (0..n).map(|n| hash(IpAddr::V4((n * 7919).into())))
    }

    #[test]
    fn few_are_counted_exactly_and_many_closely() {
        for (n, error) in [(0, 0.0), (1, 0.0), (16, 0.0), (17, 0.2), (1000, 0.25), (100_000, 0.25)]
        {
            let mut clients = Clients::default();
            addresses(n).chain(addresses(n)).for_each(|hash| {
                clients.insert(hash);
            });
            let off = (clients.count() as f64 - f64::from(n)).abs();
            assert!(off <= f64::from(n) * error, "{} for {n}", clients.count());
        }
        for (n, error) in [(17, 0.0), (1000, 0.002), (100_000, 0.05)] {
            let mut set = ClientSet::Exact(Vec::new());
            addresses(n).for_each(|hash| set.insert(hash));
            let off = (set.count() as f64 - f64::from(n)).abs();
            assert!(off <= f64::from(n) * error, "{} for {n}", set.count());
        }
    }

    #[test]
    fn the_union_does_not_depend_on_how_the_clients_were_divided() {
        for n in [3, 16, 17, 40, 5000] {
            let mut whole = Clients::default();
            addresses(n).for_each(|hash| {
                whole.insert(hash);
            });
            for parts in [2, 3, 7] {
                let mut union = Clients::default();
                for part in 0..parts {
                    let mut clients = Clients::default();
                    addresses(n).skip(part).step_by(parts).for_each(|hash| {
                        clients.insert(hash);
                    });
                    union.merge(clients);
                }
                assert_eq!(union.count(), whole.count(), "{n} in {parts} parts");
            }
        }
    }
}
