//! Which server of one capture is which of the other.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::{Inventory, ServerTraits};
use crate::decode::ServicePort;
use crate::stats::ServerKey;

/// The servers of the first capture and those of the second that are the same.
#[derive(Debug, Default)]
pub(super) struct Matching {
    /// By the key in the second capture.
    first_of: BTreeMap<ServerKey, ServerKey>,
    /// By the key in the first capture.
    second_of: BTreeMap<ServerKey, ServerKey>,
}

impl Matching {
    /// First those with the same address and port, unless both have names and share none, then those
    /// with a common name on the same port.
    pub(super) fn new(first: &Inventory, second: &Inventory) -> Self {
        let mut matching = Self::default();
        for (&key, traits) in &first.servers {
            if second.servers.get(&key).is_some_and(|other| may_be_same(traits, other)) {
                matching.add(key, key);
            }
        }
        let mut named: BTreeMap<(ServicePort, &str), BTreeSet<ServerKey>> = BTreeMap::new();
        for (&key, traits) in &second.servers {
            if !matching.first_of.contains_key(&key) {
                for name in &traits.names {
                    named.entry((key.service_port(), name)).or_default().insert(key);
                }
            }
        }
        for (&key, traits) in &first.servers {
            if matching.second_of.contains_key(&key) {
                continue;
            }
            let candidates = traits.names.iter().flat_map(|name| {
                named.get(&(key.service_port(), name.as_str())).into_iter().flatten()
            });
            let free = candidates.copied().find(|other| !matching.first_of.contains_key(other));
            if let Some(other) = free {
                matching.add(key, other);
            }
        }
        matching
    }

    fn add(&mut self, first: ServerKey, second: ServerKey) {
        self.first_of.insert(second, first);
        self.second_of.insert(first, second);
    }

    /// The server of the second capture that is `key` of the first.
    pub(super) fn second(&self, key: ServerKey) -> Option<ServerKey> {
        self.second_of.get(&key).copied()
    }

    /// The server of the first capture that is `key` of the second.
    pub(super) fn first(&self, key: ServerKey) -> Option<ServerKey> {
        self.first_of.get(&key).copied()
    }
}

/// Whether nothing says that what stands at one address and port is not the same.
fn may_be_same(one: &ServerTraits, other: &ServerTraits) -> bool {
    one.names.is_empty()
        || other.names.is_empty()
        || one.has_more_names
        || other.has_more_names
        || !one.names.is_disjoint(&other.names)
}
