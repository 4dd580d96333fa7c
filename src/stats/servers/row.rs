//! What is kept of one server: some 300 bytes.

use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::clients::Clients;
use super::interned::Interned;
use super::key::ServerKey;
use super::networks::ClientOrigin;
use crate::catalogue::Layer;
use crate::classify::{Confidence, SharedStr};
use crate::evidence::{Protocol, ProtocolSet};
use crate::flow::Outcome;
use crate::process::Holder;
use crate::stats::{ProductHash, Speaker};
use crate::time::Time;

/// Services, and what spoke, that a row keeps: those first in their order.
pub(super) const KEPT: usize = 4;
/// The outcomes of flows that count for a server, in the order of output.
pub(super) const ANSWERED: [Outcome; 5] =
    [Outcome::Established, Outcome::Reset, Outcome::Midstream, Outcome::Answered, Outcome::Sent];
/// A number that no frame has.
pub(super) const NO_FRAME: u64 = u64::MAX;

/// A service as servers show it, the highest layer first.
pub(super) type LayeredService = (Layer, SharedStr);

/// A service that was proved at a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ServiceProof {
    /// Its number among the services.
    pub(super) service: u32,
    /// The protocol that it was proved by; the first one of its family.
    pub(super) protocol: Option<Protocol>,
    /// The first frame that proves it, or [`NO_FRAME`].
    pub(super) frame: u64,
}

/// The number of a speaker, and a digest of what it called itself: 24 bits and 8, which take no
/// more room than a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NamedSpeaker(u32);

impl NamedSpeaker {
    pub(super) fn new(speaker: u32, product: Option<&str>) -> Self {
        Self(speaker << 8 | u32::from(product.map_or(0, product_digest)))
    }

    /// The number among the speakers.
    pub(super) const fn speaker(self) -> u32 {
        self.0 >> 8
    }

    /// The same product with another number.
    pub(super) const fn with_speaker(self, speaker: u32) -> Self {
        Self(speaker << 8 | self.0 & 0xff)
    }

    /// The digest of the product; zero where there was none. One of 255 others has the same.
    pub(super) const fn product(self) -> u8 {
        self.0 as u8
    }
}

/// The digest of a product's name, which its version, platform or comment follows.
fn product_digest(product: &str) -> u8 {
    let end = |c: char| matches!(c, '/' | '(' | ' ');
    let name = product.trim().split(end).next().unwrap_or_default();
    ProductHash::from(name).digest()
}

/// The flows of a server in which the same spoke. Both sums stay at their greatest value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SpokenFlows {
    pub(super) speaker: NamedSpeaker,
    pub(super) flows: NonZeroU32,
    pub(super) bytes: u64,
}

/// More services were proved than are kept.
pub(super) const MORE_SERVICES: u8 = 1;
/// Some flow has payload.
pub(super) const HAS_DATA: u8 = 2;

/// A server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ServerRow {
    pub(super) key: ServerKey,
    pub(super) first: Time,
    pub(super) last: Time,
    /// Bytes that came from clients, and that came from the server.
    pub(super) bytes: [u64; 2],
    /// Flows by [`ANSWERED`] outcome, up to the greatest number.
    pub(super) outcomes: [u32; ANSWERED.len()],
    pub(super) clients: Clients,
    /// The farthest client, and the first frame of such a one.
    pub(super) farthest: ClientOrigin,
    pub(super) farthest_frame: u64,
    /// The framings in which it answered, as bits.
    pub(super) framings: u8,
    /// The protocols of its flows.
    pub(super) protocols: ProtocolSet,
    pub(super) services: [Option<ServiceProof>; KEPT],
    /// [`MORE_SERVICES`] and [`HAS_DATA`], as bits: a row has no room for two bytes.
    pub(super) flags: u8,
    pub(super) spoken: [Option<SpokenFlows>; KEPT],
    /// The strongest ground of the verdicts, and the first frame of that ground. Two fields, because
    /// a struct of both would take eight bytes more.
    pub(super) confidence: Confidence,
    pub(super) proof_frame: u64,
    /// The process that holds the socket, the first one in their order.
    #[serde(skip)]
    pub(super) process: Option<Arc<Holder>>,
}

impl ServerRow {
    pub(super) fn new(key: ServerKey) -> Self {
        Self {
            key,
            first: Time(i64::MAX),
            last: Time(i64::MIN),
            bytes: [0; 2],
            outcomes: [0; ANSWERED.len()],
            clients: Clients::default(),
            farthest: ClientOrigin::SameHost,
            farthest_frame: NO_FRAME,
            framings: 0,
            protocols: ProtocolSet::EMPTY,
            services: [None; KEPT],
            flags: 0,
            spoken: [None; KEPT],
            confidence: Confidence::Unknown,
            proof_frame: NO_FRAME,
            process: None,
        }
    }

    /// Flows that count for the server.
    pub(super) fn flows(&self) -> u64 {
        self.outcomes.iter().copied().map(u64::from).sum()
    }

    /// Adds a service; of too many the last one leaves.
    pub(super) fn prove(&mut self, services: &Interned<LayeredService>, proof: ServiceProof) {
        let same = |known: &&mut ServiceProof| {
            known.service == proof.service && known.protocol == proof.protocol
        };
        if let Some(known) = self.services.iter_mut().flatten().find(same) {
            known.frame = known.frame.min(proof.frame);
            return;
        }
        let key = |proof: &ServiceProof| (services.get(proof.service), proof.protocol);
        if keep_lowest(&mut self.services, proof, key) {
            self.flags |= MORE_SERVICES;
        }
    }

    /// Adds flows in which the same spoke; of too many speakers the last one leaves.
    pub(super) fn speak(&mut self, speakers: &Interned<Speaker>, more: SpokenFlows) {
        let same = |known: &&mut SpokenFlows| known.speaker == more.speaker;
        if let Some(known) = self.spoken.iter_mut().flatten().find(same) {
            known.flows = known.flows.saturating_add(more.flows.get());
            known.bytes = known.bytes.saturating_add(more.bytes);
            return;
        }
        keep_lowest(&mut self.spoken, more, |spoken| {
            (speakers.get(spoken.speaker.speaker()), spoken.speaker.product())
        });
    }

    /// Takes a proof that is stronger, or as strong and earlier.
    pub(super) fn improve(&mut self, confidence: Confidence, frame: u64) {
        let known = (std::cmp::Reverse(self.confidence), self.proof_frame);
        if (std::cmp::Reverse(confidence), frame) < known {
            (self.confidence, self.proof_frame) = (confidence, frame);
        }
    }

    /// Takes a client if it is farther, or as far and earlier.
    #[inline]
    pub(super) fn reach(&mut self, origin: ClientOrigin, frame: u64) {
        let key = |origin, frame| (std::cmp::Reverse(origin), frame);
        if key(origin, frame) < key(self.farthest, self.farthest_frame) {
            (self.farthest, self.farthest_frame) = (origin, frame);
        }
    }

    /// Takes the process if it comes first.
    pub(super) fn hold(&mut self, holder: &Arc<Holder>) {
        if self.process.as_ref().is_none_or(|known| holder < known) {
            self.process = Some(Arc::clone(holder));
        }
    }

    /// Adds all but the clients, which are counted elsewhere, too. Numbers of services and
    /// speakers are already those of this table.
    pub(super) fn merge(
        &mut self,
        other: &Self,
        services: &Interned<LayeredService>,
        speakers: &Interned<Speaker>,
    ) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for (mine, theirs) in self.bytes.iter_mut().zip(other.bytes) {
            *mine = mine.saturating_add(theirs);
        }
        for (mine, theirs) in self.outcomes.iter_mut().zip(other.outcomes) {
            *mine = mine.saturating_add(theirs);
        }
        self.reach(other.farthest, other.farthest_frame);
        self.framings |= other.framings;
        self.protocols.unite(other.protocols);
        other.services.iter().flatten().for_each(|&proof| self.prove(services, proof));
        self.flags |= other.flags;
        other.spoken.iter().flatten().for_each(|&spoken| self.speak(speakers, spoken));
        self.improve(other.confidence, other.proof_frame);
        if let Some(holder) = &other.process {
            self.hold(holder);
        }
    }
}

/// Adds an entry, and removes the last one in the order of keys where there is no room. Returns
/// whether one was removed.
fn keep_lowest<T: Copy, K: Ord>(
    entries: &mut [Option<T>; KEPT],
    entry: T,
    key: impl Fn(&T) -> K,
) -> bool {
    if let Some(free) = entries.iter_mut().find(|entry| entry.is_none()) {
        *free = Some(entry);
        return false;
    }
    let last = entries.iter_mut().flatten().max_by(|a, b| key(a).cmp(&key(b)));
    if let Some(last) = last.filter(|last| key(&entry) < key(last)) {
        *last = entry;
    }
    true
}
