//! The names that answers of DNS and its kin give to addresses. A table of its own, since an answer
//! comes before there is any server at the address.
//!
//! Of each address the eight lowest names are kept, in bytewise order; of all addresses together
//! the `limit` first names in the order of ranks. What a part leaves out, the whole leaves out too.
//! Answers with names that are left out are counted.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::key::{ServerKey, ServerRank};
use super::texts::{ServerText, TextSource, cut};
use crate::decode::Transport;
use crate::saved::MOST;
use crate::stats::sensors::{SensorPlace, move_frame};

/// Names that are kept of one address, or of one of its ports.
const PER_ADDRESS: usize = 8;

/// A name with the number of answers that gave it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct AnsweredText {
    text: ServerText,
    answers: u64,
}

/// The names of all addresses.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AddressNames {
    /// Those of each address in the order of their keys; what names a whole host has port 0.
    names: BTreeMap<ServerRank, Vec<AnsweredText>>,
    len: usize,
    limit: usize,
    /// Answers with names that are left out.
    beyond: u64,
}

impl AddressNames {
    pub(super) const fn new(limit: usize) -> Self {
        Self { names: BTreeMap::new(), len: 0, limit, beyond: 0 }
    }

    /// The number of answers whose names are left out.
    pub(super) const fn beyond_limit(&self) -> u64 {
        self.beyond
    }

    /// Adds a name of an address, or of a service at one of its ports.
    pub(super) fn add(
        &mut self,
        (address, port): (IpAddr, Option<(u16, Transport)>),
        (source, text): (TextSource, &str),
        frame: u64,
    ) {
        let text = cut(text);
        if !text.is_empty() {
            self.insert(place((address, port), 0), (source, text), frame, 1);
        }
    }

    fn insert(
        &mut self,
        rank: ServerRank,
        (source, text): (TextSource, &str),
        frame: u64,
        answers: u64,
    ) {
        let names = self.names.entry(rank).or_insert_with(|| Vec::with_capacity(1));
        let order = |name: &AnsweredText| (&*name.text.text, name.text.source).cmp(&(text, source));
        match names.binary_search_by(order) {
            Ok(at) => {
                let known = &mut names[at];
                known.text.frame = known.text.frame.min(frame);
                known.answers += answers;
            }
            Err(at) => {
                let text = ServerText { source, text: text.into(), frame };
                names.insert(at, AnsweredText { text, answers });
                self.len += 1;
                if names.len() > PER_ADDRESS
                    && let Some(last) = names.pop()
                {
                    self.len -= 1;
                    self.beyond += last.answers;
                }
                self.trim();
            }
        }
    }

    /// Whether the number of names is what it was read as.
    pub(super) fn is_counted(&self) -> bool {
        let answers = self.names.values().flatten().map(|name| name.answers);
        self.len == self.names.values().map(Vec::len).sum::<usize>()
            && self.names.values().all(|names| (1..=PER_ADDRESS).contains(&names.len()))
            && answers.chain([self.beyond]).all(|number| number <= MOST)
    }

    fn trim(&mut self) {
        while self.len > self.limit
            && let Some(mut last) = self.names.last_entry()
        {
            if let Some(name) = last.get_mut().pop() {
                self.len -= 1;
                self.beyond += name.answers;
            }
            if last.get().is_empty() {
                last.remove();
            }
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.beyond += other.beyond;
        for (rank, names) in other.names {
            for AnsweredText { text: ServerText { source, text, frame }, answers } in names {
                self.insert(rank, (source, &text), frame, answers);
            }
        }
    }

    /// The names as they count among those of several sensors.
    pub(super) fn at(mut self, SensorPlace { sensor, frames }: SensorPlace) -> Self {
        for name in self.names.values_mut().flatten() {
            move_frame(&mut name.text.frame, frames);
        }
        let names = self.names.into_iter();
        let names = names.map(|(rank, names)| (rank.of_sensor(sensor), names)).collect();
        Self { names, ..self }
    }

    /// The names of the service at an endpoint, then those of its host.
    pub(super) fn get(&self, key: ServerKey) -> impl Iterator<Item = &ServerText> {
        let host = place((key.address, None), key.sensor);
        let service = place((key.address, Some((key.port, key.transport))), key.sensor);
        [service, host]
            .into_iter()
            .filter_map(|rank| self.names.get(&rank))
            .flatten()
            .map(|n| &n.text)
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(super) fn footprint(&self) -> usize {
        let entry = 2 * (size_of::<ServerRank>() + size_of::<Vec<AnsweredText>>());
        let address = |names: &Vec<AnsweredText>| {
            let texts: usize = names.iter().map(|name| name.text.text.len() + 16).sum();
            names.capacity() * size_of::<AnsweredText>() + 16 + texts
        };
        self.names.values().map(|names| address(names) + entry).sum()
    }
}

/// The place of an address in the order of servers, or of one of its ports, as a sensor saw it.
fn place((address, port): (IpAddr, Option<(u16, Transport)>), sensor: u16) -> ServerRank {
    let (port, transport) = port.unwrap_or((0, Transport::Tcp));
    ServerKey { address, port, transport, sensor }.rank()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn shown(names: &AddressNames) -> String {
        format!("{:?} {} {}", names.names, names.len, names.beyond)
    }

    proptest! {
        #[test]
        fn names_depend_neither_on_the_order_of_answers_nor_on_who_reads_them(
            answers in prop::collection::vec((0_u8..6, 0_u8..14, 0_u64..50, 0_usize..3, any::<u64>()), 1..200),
            limit in prop::sample::select(&[1_usize, 2, 9, 30, 200][..]),
        ) {
            let add = |names: &mut AddressNames, &(host, name, frame, _, _): &(u8, u8, u64, usize, u64)| {
                let address = Ipv4Addr::new(if host < 3 { 10 } else { 192 }, 0, 2, host).into();
                let port = (name % 5 == 0).then_some((631, Transport::Tcp));
                names.add((address, port), (TextSource::Dns, &format!("host-{name}")), frame);
            };
            let mut whole = AddressNames::new(limit);
            answers.iter().for_each(|answer| add(&mut whole, answer));

            let mut shuffled = answers.clone();
            shuffled.sort_by_key(|answer| answer.4);
            let mut parts: Vec<_> = (0..3).map(|_| AddressNames::new(limit)).collect();
            shuffled.iter().for_each(|answer| add(&mut parts[answer.3], answer));
            let mut merged = AddressNames::new(limit);
            parts.into_iter().for_each(|part| merged.merge(part));
            prop_assert_eq!(shown(&merged), shown(&whole));
            let kept: u64 = whole.names.values().flatten().map(|name| name.answers).sum();
            prop_assert_eq!(kept + whole.beyond_limit(), answers.len() as u64, "every answer is counted");
            prop_assert!(whole.len <= limit);
        }
    }
}
