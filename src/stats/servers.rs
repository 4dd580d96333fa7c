//! Servers: the endpoints that answered, and what their flows prove of them.
//!
//! A server is an endpoint that answered at least once (a handshake, payload or a datagram came
//! from it), or the unicast destination of a protocol that is one-way by design. Who announces
//! something to a group is a server, too; the group is none. Attempts that were refused or not
//! answered count at the port alone, so that neither a sweep nor a flood takes places here.
//!
//! **Bounds.** At most `limit` servers are kept, those first in the order of ranks (`key.rs`).
//! Any total order of keys gives the same rows whatever the order of flows and the number of
//! workers: a row leaves when `limit` others come before it, and these stay or give way to
//! earlier ones, so it can never come back. Its flows are counted in
//! [`flows_beyond_limit`](Servers::flows_beyond_limit). What needs more memory than a row has a
//! limit of its own, by the same order: texts (`texts.rs`) and large sets of clients
//! (`clients.rs`). Together they take at most some 400 bytes for each server of the limit.

mod anomalies;
mod clients;
mod fold;
mod framing;
mod interned;
mod key;
mod names;
mod networks;
mod row;
mod saved;
mod slots;
mod texts;
mod view;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use anomalies::{Anomaly, AnomalyKind};
pub use clients::Clients;
pub use framing::AnsweredFraming;
pub use key::ServerKey;
pub use networks::{ClientOrigin, IpNetwork, LocalNetworks};
pub use texts::{ServerText, TextSource};
pub use view::{ProvedService, Server, SpeakingServer, protocol_family};

use anomalies::Anomalies;
use clients::ClientSets;
use interned::Interned;
use key::is_unicast;
use names::AddressNames;
use row::{
    ANSWERED, HAS_DATA, LayeredService, NO_FRAME, NamedSpeaker, ServerRow, ServiceProof,
    SpokenFlows,
};
use slots::{Placed, Slots};
use texts::ServerTexts;

use super::Speaker;
use crate::catalogue::Service;
use crate::classify::{Confidence, Fault, Fit, SharedStr, Verdict};
use crate::decode::Transport;
use crate::evidence::{Direction, Failure, FailureScope, Protocol, ProvedBy};
use crate::flow::{FlowRecord, Outcome};
use crate::process::FlowProcesses;

/// The servers of a capture.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Servers {
    slots: Slots,
    texts: ServerTexts,
    names: AddressNames,
    client_sets: ClientSets,
    anomalies: Anomalies,
    #[serde(skip)]
    local: LocalNetworks,
    /// Names are kept.
    has_names: bool,
    services: Interned<LayeredService>,
    speakers: Interned<Speaker>,
    flows_beyond_limit: u64,
}

/// What verdicts of one kind prove of a server, as numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct ProvedNumbers {
    /// The number of the speaker, if it takes part in folding.
    speaker: Option<u32>,
    /// The numbers of the services.
    services: Vec<u32>,
    protocol: Option<Protocol>,
    /// What is odd about such flows, if they went so.
    anomaly: Option<Box<Anomaly>>,
}

/// What one flow's opening proves of the server that answered it.
pub struct ServerEvidence<'e> {
    /// The ground of the verdict.
    pub confidence: Confidence,
    /// The protocol.
    pub protocol: Option<Protocol>,
    /// The service that a mark names.
    pub service: Option<&'e Arc<Service>>,
    /// The services of other layers.
    pub also: &'e [Arc<Service>],
    /// The number of the first frame with payload: no proof comes before it.
    pub first_frame: u64,
    /// The number of the frame that proves a service, or the protocol.
    pub proof_frame: &'e dyn Fn(Option<&Service>) -> Option<u64>,
    /// Texts about the server with their frames.
    pub texts: &'e [(TextSource, &'e str, u64)],
    /// The framings in which the server answered, as bits.
    pub framings: u8,
}

impl Default for Servers {
    fn default() -> Self {
        Self::new(Self::DEFAULT_LIMIT)
    }
}

impl Servers {
    /// The default of `--max-servers`.
    pub const DEFAULT_LIMIT: usize = 1 << 16;

    /// No servers, of which at most `limit` are kept.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            slots: Slots::new(limit),
            texts: ServerTexts::new((limit / 6).max(2)),
            names: AddressNames::new((limit / 24).max(2)),
            client_sets: ClientSets::new((limit / 128).max(2)),
            anomalies: Anomalies::new((limit / 32).max(64)),
            local: LocalNetworks::default(),
            has_names: true,
            services: Interned::default(),
            speakers: Interned::default(),
            flows_beyond_limit: 0,
        }
    }

    /// The number of servers that are kept at the moment.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns the servers and starts again; numbers of what verdicts prove stay valid.
    pub(super) fn take(&mut self) -> Self {
        let empty = Self {
            services: self.services.clone(),
            speakers: self.speakers.clone(),
            local: self.local.clone(),
            has_names: self.has_names,
            ..Self::new(self.slots.limit())
        };
        std::mem::replace(self, empty)
    }

    /// Returns the servers and starts again, numbers included.
    pub(super) fn take_all(&mut self) -> Self {
        let empty = Self::new(self.slots.limit())
            .with_local_networks(self.local.clone())
            .with_names(self.has_names);
        std::mem::replace(self, empty)
    }

    /// Sets the networks that count as local, beside each server's own.
    #[must_use]
    pub fn with_local_networks(self, local: LocalNetworks) -> Self {
        Self { local, ..self }
    }

    /// Sets whether names are kept: those that answers of DNS and its kin give to addresses, and those
    /// by which clients called servers.
    #[must_use]
    pub const fn with_names(mut self, has_names: bool) -> Self {
        self.has_names = has_names;
        self
    }

    /// The number of flows that belong to servers beyond the limit.
    #[must_use]
    pub const fn flows_beyond_limit(&self) -> u64 {
        self.flows_beyond_limit
    }

    /// The number of answers of DNS and its kin whose names are left out.
    #[must_use]
    pub const fn answers_beyond_limit(&self) -> u64 {
        self.names.beyond_limit()
    }

    /// The numbers of what verdicts of one kind prove.
    pub(super) fn prove(&mut self, speaker: &Speaker, verdict: &Verdict) -> ProvedNumbers {
        let is_recognised = verdict.confidence >= Confidence::Protocol;
        let folds = verdict.protocol.is_some()
            && is_recognised
            && verdict.fit != Some(Fit::Contradicts)
            && verdict.fault.is_none();
        let services = verdict.service.iter().chain(&verdict.also);
        ProvedNumbers {
            speaker: folds.then(|| self.speakers.number(speaker)),
            services: services.map(|service| self.services.number(&layered(service))).collect(),
            protocol: verdict.protocol.filter(|_| is_recognised),
            anomaly: template(verdict).map(Box::new),
        }
    }

    /// Counts a flow, if it belongs to a server.
    pub(super) fn add(&mut self, record: &FlowRecord, verdict: &Verdict, proved: &ProvedNumbers) {
        let Some((key, is_announced)) = server_of(record, verdict.announces) else { return };
        let Some(slot) = self.slot(key) else {
            self.flows_beyond_limit += 1;
            return;
        };
        let Some(row) = self.slots.row_mut(slot) else { return };
        row.first = row.first.min(record.first);
        row.last = row.last.max(record.last);
        let (from_client, from_server) = (record.bytes.initiator, record.bytes.responder);
        row.bytes[usize::from(is_announced)] += from_client;
        row.bytes[1] += from_server;
        let outcome = ANSWERED.iter().position(|&outcome| outcome == record.outcome);
        if let Some(count) = outcome.and_then(|outcome| row.outcomes.get_mut(outcome)) {
            *count = count.saturating_add(1);
        }
        if record.payload_bytes.sum() > 0 {
            row.flags |= HAS_DATA;
        }
        if let Some(protocol) = proved.protocol {
            row.protocols.insert(protocol);
        }
        let protocol = proved.protocol.map(protocol_family);
        for &service in &proved.services {
            row.prove(&self.services, ServiceProof { service, protocol, frame: NO_FRAME });
        }
        if let Some(speaker) = proved.speaker {
            let bytes = record.bytes.sum();
            let speaker = NamedSpeaker::new(speaker, verdict.product.as_deref());
            row.speak(&self.speakers, SpokenFlows { speaker, flows: NonZeroU32::MIN, bytes });
        }
        if is_announced {
            return;
        }
        let (server, client) = (key.address, record.initiator.address);
        row.reach(ClientOrigin::new(server, client, &self.local), record.first_frame);
        if let Some(anomaly) = &proved.anomaly
            && is_shown(record, anomaly.kind)
        {
            self.anomalies.add_at(key.rank(), anomaly, record.first_frame);
        }
        let hash = clients::hash(record.initiator.address);
        if row.clients.few().is_none() {
            row.clients.insert(hash);
            self.client_sets.extend(key.rank(), &[hash]);
        } else if let Some(hashes) = row.clients.insert(hash) {
            self.client_sets.begin(key.rank(), hashes.into_iter().chain([hash]));
        }
    }

    /// Takes what an opening with payload from the server, or of a one-way protocol, proves of it.
    /// The flow itself is counted when it ends.
    pub fn take_evidence(&mut self, key: ServerKey, evidence: &ServerEvidence<'_>) {
        let ServerEvidence { confidence, protocol, service, also, .. } = *evidence;
        let ServerEvidence { first_frame, proof_frame, texts, framings, .. } = *evidence;
        if confidence < Confidence::Protocol || !is_unicast(key.address) {
            return;
        }
        let Some(slot) = self.slot(key) else { return };
        let Some(row) = self.slots.row_mut(slot) else { return };
        row.framings |= framings;
        let (known_confidence, frame) = (row.confidence, row.proof_frame);
        let may_improve = |known: u64| first_frame < known;
        if confidence > known_confidence || confidence == known_confidence && may_improve(frame) {
            let frame = proof_frame(service.map(|service| &**service)).unwrap_or(NO_FRAME);
            row.improve(confidence, frame);
        }
        let protocol = protocol.map(protocol_family);
        for service in service.into_iter().chain(also) {
            let number = self.services.number(&layered(service));
            let same =
                |known: &&ServiceProof| known.service == number && known.protocol == protocol;
            let known = row.services.iter().flatten().find(same);
            if known.is_none_or(|known| may_improve(known.frame)) {
                let frame = proof_frame(Some(service)).unwrap_or(NO_FRAME);
                row.prove(&self.services, ServiceProof { service: number, protocol, frame });
            }
        }
        if !texts.is_empty() {
            let rank = key.rank();
            let is_kept = |source: TextSource| self.has_names || !source.is_name();
            for &(source, text, frame) in texts.iter().filter(|(source, ..)| is_kept(*source)) {
                self.texts.add(rank, source, text, frame);
            }
        }
    }

    /// Takes what is odd about a server, whether or not a flow of it has been counted yet.
    pub fn take_anomaly(&mut self, key: ServerKey, anomaly: Anomaly) {
        if is_unicast(key.address) {
            self.anomalies.add(key.rank(), anomaly);
        }
    }

    /// Whether more servers have anomalies than are kept.
    #[must_use]
    pub const fn lacks_anomalies(&self) -> bool {
        self.anomalies.has_overflowed()
    }

    /// Takes the first line of a flow of the server in which no protocol was recognised, or plain
    /// text; the earliest one stays.
    pub fn take_first_line(&mut self, key: ServerKey, line: &str, frame: u64) {
        if self.slot(key).is_some() {
            self.texts.add(key.rank(), TextSource::FirstLine, line, frame);
        }
    }

    /// Takes a name that an answer gives an address, or a service at one of its ports.
    pub fn take_name(
        &mut self,
        of: (IpAddr, Option<(u16, Transport)>),
        name: (TextSource, &str),
        frame: u64,
    ) {
        if self.has_names && is_unicast(of.0) {
            self.names.add(of, name, frame);
        }
    }

    /// Counts a flow most of whose answers say that something went wrong.
    pub(super) fn fail(&mut self, record: &FlowRecord, verdict: &Verdict, failure: &Failure) {
        let Some((key, false)) = server_of(record, verdict.announces) else { return };
        let anomaly = Anomaly {
            flows: 1,
            by_client: failure.direction == Direction::Initiator,
            of_service: failure.scope == FailureScope::Service,
            service: verdict.service.as_ref().map(|s| SharedStr::Service(Arc::clone(&s.id))),
            text: Some(failure.cause.as_str().into()),
            ..Anomaly::new(AnomalyKind::Failure, verdict.protocol, failure.frame)
        };
        self.anomalies.add(key.rank(), anomaly);
    }

    /// Takes the process behind a flow's responder.
    pub(super) fn attribute(&mut self, record: &FlowRecord, processes: &FlowProcesses) {
        let Some((key, false)) = server_of(record, false) else { return };
        let holders = processes.responder.as_deref().map_or(&[][..], |known| known.holders());
        if let Some(row) = self.slots.find(&key).and_then(|slot| self.slots.row_mut(slot)) {
            holders.iter().for_each(|holder| row.hold(holder));
        }
    }

    /// The slot of a server, which is added if there is none; `None` beyond the limit.
    #[inline]
    fn slot(&mut self, key: ServerKey) -> Option<usize> {
        self.slots.find(&key).or_else(|| self.place(ServerRow::new(key)))
    }

    /// Places a row whose key has none yet.
    fn place(&mut self, row: ServerRow) -> Option<usize> {
        match self.slots.place(row) {
            Placed::Free(slot) => Some(slot),
            Placed::Evicted(slot, row) => {
                self.flows_beyond_limit += row.flows();
                Some(slot)
            }
            Placed::Beyond(row) => {
                self.flows_beyond_limit += row.flows();
                None
            }
        }
    }

    /// Adds the servers of other flows.
    pub(crate) fn merge(&mut self, mut other: Self) {
        if self.slots.len() == 0 && self.slots.limit() == other.slots.limit() {
            std::mem::swap(self, &mut other);
        }
        let Self {
            slots,
            texts,
            names,
            mut client_sets,
            anomalies,
            services,
            speakers,
            flows_beyond_limit,
            ..
        } = other;
        let services = self.services.adopt(&services);
        let speakers = self.speakers.adopt(&speakers);
        self.flows_beyond_limit += flows_beyond_limit;
        for mut theirs in slots.into_rows() {
            for proof in theirs.services.iter_mut().flatten() {
                proof.service = services[proof.service as usize];
            }
            for spoken in theirs.spoken.iter_mut().flatten() {
                let number = speakers[spoken.speaker.speaker() as usize];
                spoken.speaker = spoken.speaker.with_speaker(number);
            }
            let Some(slot) = self.slots.find(&theirs.key) else {
                self.place(theirs);
                continue;
            };
            let Some(mine) = self.slots.row_mut(slot) else { continue };
            mine.merge(&theirs, &self.services, &self.speakers);
            let before = mine.clients;
            mine.clients.merge(theirs.clients);
            match (before.few(), theirs.clients.few()) {
                (Some(few), Some(more)) if mine.clients.few().is_none() => {
                    self.client_sets.begin(theirs.key.rank(), few.iter().chain(more).copied());
                }
                (Some(_), Some(_)) | (None, None) => {}
                (Some(few), None) => client_sets.extend(theirs.key.rank(), few),
                (None, Some(few)) => self.client_sets.extend(theirs.key.rank(), few),
            }
        }
        self.texts.merge(texts);
        self.names.merge(names);
        self.client_sets.merge(client_sets);
        self.anomalies.merge(anomalies);
    }

    /// Bytes of memory, those of shared texts excepted.
    #[cfg(test)]
    fn footprint(&self) -> usize {
        self.slots.footprint()
            + self.texts.footprint()
            + self.names.footprint()
            + self.client_sets.footprint()
            + self.anomalies.footprint()
    }
}

/// The server that a flow belongs to, if any, and whether it is the initiator, which announces
/// something to a group.
fn server_of(record: &FlowRecord, announces: bool) -> Option<(ServerKey, bool)> {
    let FlowRecord { initiator, responder, transport, .. } = *record;
    let answered = match record.outcome {
        Outcome::Established | Outcome::Reset | Outcome::Answered | Outcome::Sent => true,
        Outcome::Midstream => record.payload_bytes.responder > 0,
        Outcome::Refused | Outcome::Unreachable | Outcome::NoAnswer => false,
    };
    ServerKey::of_flow([initiator, responder], transport, (record.to_group, announces))
        .filter(|&(_, is_announced)| answered || is_announced)
}

/// What is odd about flows with such a verdict, if they [went so](is_shown).
fn template(verdict: &Verdict) -> Option<Anomaly> {
    let kind = match verdict {
        Verdict { fault: Some(Fault::CutOff), .. } => AnomalyKind::CutOff,
        Verdict { fit: Some(Fit::Contradicts), proved_by: Some(ProvedBy::Initiator), .. } => {
            AnomalyKind::Contradiction
        }
        Verdict { protocol: None, service: None, is_whole: true, .. } => AnomalyKind::Unrecognised,
        _ => return None,
    };
    let is_unrecognised = kind == AnomalyKind::Unrecognised;
    Some(Anomaly {
        by_client: !is_unrecognised,
        service: verdict.service.as_ref().map(|s| SharedStr::Service(Arc::clone(&s.id))),
        candidates: is_unrecognised.then(|| Arc::clone(&verdict.candidates)),
        ..Anomaly::new(kind, verdict.protocol, NO_FRAME)
    })
}

/// Whether a flow shows the anomaly of its verdict. What an opening with payload from the server
/// contradicts is [taken](Servers::take_anomaly) when it is classified.
const fn is_shown(record: &FlowRecord, kind: AnomalyKind) -> bool {
    let (asked, answered) =
        (record.payload_bytes.initiator > 0, record.payload_bytes.responder > 0);
    match kind {
        AnomalyKind::Unrecognised => asked && answered,
        AnomalyKind::Contradiction => {
            let is_accepted = matches!(record.outcome, Outcome::Established | Outcome::Reset);
            asked && !answered && is_accepted
        }
        _ => true,
    }
}

fn layered(service: &Arc<Service>) -> LayeredService {
    (service.layer, SharedStr::Service(Arc::clone(&service.id)))
}

#[cfg(test)]
mod tests;
