//! Folding: what spoke at a port, after each server's flows of one protocol took its service.
//!
//! Flows of one server and one family of protocols take the service if exactly one service of the
//! highest layer is proved there for the family. Flows whose server called itself something that no
//! flow of that service has stay what they are: another program answered them. Flows that were refused, not answered, not
//! recognised or that contradict the port's claims stay what they are; so do the counts of flows.

use std::collections::BTreeMap;

use super::row::{MORE_SERVICES, ServerRow, SpokenFlows};
use super::view::protocol_family;
use super::{Servers, Speaker};
use crate::decode::ServicePort;
use crate::evidence::Protocol;
use crate::stats::Stats;

/// Flows of a port that take the service of their server.
struct Fold<'s> {
    port: ServicePort,
    from: &'s Speaker,
    to: &'s Speaker,
    flows: u64,
    bytes: u64,
}

impl Stats {
    /// Computes what [`folded_speakers`](super::super::PortStats::folded_speakers) returns. The
    /// figures must be complete: adding or merging later takes the folding back.
    pub fn fold(&mut self) {
        for port in self.ports.values_mut() {
            port.folded = None;
        }
        for Fold { port, from, to, flows, bytes } in self.servers.folds() {
            let Some(port) = self.ports.get_mut(&port) else { continue };
            let folded = port.folded.get_or_insert_with(|| port.speakers.clone());
            let Some(known) = folded.get_mut(from) else { continue };
            known.flows = known.flows.saturating_sub(flows);
            known.bytes = known.bytes.saturating_sub(bytes);
            if known.flows == 0 {
                folded.remove(from);
            }
            let sum = folded.entry(to.clone()).or_default();
            sum.flows += flows;
            sum.bytes += bytes;
        }
    }
}

impl Servers {
    fn folds(&self) -> impl Iterator<Item = Fold<'_>> {
        // Most servers have no service, and nothing to fold.
        let rows = self.slots.rows().filter(|row| row.services.iter().any(Option::is_some));
        rows.flat_map(|row| self.folds_of(row))
    }

    fn folds_of<'s>(&'s self, row: &'s ServerRow) -> impl Iterator<Item = Fold<'s>> {
        // Where services are left out, nobody knows whether there is only one.
        let named =
            if row.flags & MORE_SERVICES != 0 { BTreeMap::new() } else { self.named_speakers(row) };
        let speaker = |spoken: &SpokenFlows| self.speakers.get(spoken.speaker.speaker());
        row.spoken.iter().flatten().filter_map(move |spoken| {
            let from = speaker(spoken);
            let to = *named.get(&protocol_family(from.protocol?))?;
            let product = spoken.speaker.product();
            let is_its = |other: &SpokenFlows| speaker(other).service == to.service;
            let of_service = row.spoken.iter().flatten().filter(|other| is_its(other));
            let is_another = product != 0
                && !of_service.map(|other| other.speaker.product()).any(|its| its == product);
            if is_another {
                return None;
            }
            let (flows, bytes) = (spoken.flows.get().into(), spoken.bytes);
            (from != to).then_some(Fold { port: row.key.service_port(), from, to, flows, bytes })
        })
    }

    /// For each family of protocols with exactly one service of its highest layer, the speaker of
    /// that name.
    fn named_speakers<'s>(&'s self, row: &'s ServerRow) -> BTreeMap<Protocol, &'s Speaker> {
        let mut named = BTreeMap::new();
        for proof in row.services.iter().flatten() {
            let Some(family) = proof.protocol else { continue };
            let of_family = row.services.iter().flatten().filter(|p| p.protocol == Some(family));
            let (layer, id) = self.services.get(proof.service);
            let is_alone = of_family
                .filter(|other| other.service != proof.service)
                .all(|other| self.services.get(other.service).0 > *layer);
            let speakers =
                row.spoken.iter().flatten().map(|s| self.speakers.get(s.speaker.speaker()));
            let speaker = speakers
                .filter(|speaker| speaker.protocol.map(protocol_family) == Some(family))
                .filter(|speaker| speaker.service.as_ref() == Some(id))
                .min_by_key(|speaker| (speaker.protocol, *speaker));
            if let Some(speaker) = speaker.filter(|_| is_alone) {
                named.insert(family, speaker);
            }
        }
        named
    }
}
