//! A snapshot, prepared for the screen: with its findings, and with what belongs to each port.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::catalogue::Catalogue;
use crate::classify::Candidate;
use crate::decode::ServicePort;
use crate::findings::{self, Finding, FindingKind};
use crate::pipeline::{JudgedFlow, Snapshot};
use crate::stats::{PortStats, Server, ServerKey, Speaker, SpeakerStats};

use super::filter::SpokenHere;

/// A finding in every snapshot that has it: what it is about, and its place among those alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FindingId {
    kind: FindingKind,
    port: ServicePort,
    server: Option<IpAddr>,
    place: usize,
}

/// A snapshot with its findings.
pub(super) struct View {
    pub(super) snapshot: Snapshot,
    pub(super) findings: Vec<(FindingId, Finding)>,
    /// The addresses of the servers of each port, the lowest first.
    pub(super) addresses: HashMap<ServicePort, Vec<IpAddr>>,
    /// The places of the findings of each port.
    findings_of: HashMap<ServicePort, Vec<usize>>,
    /// The places of the flows, by the number of their first frame.
    flows: HashMap<u64, usize>,
}

impl View {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        let stats = &snapshot.run.stats;
        let mut findings = Vec::new();
        let mut findings_of: HashMap<ServicePort, Vec<usize>> = HashMap::new();
        let mut alike: HashMap<_, usize> = HashMap::new();
        for finding in findings::find(stats, &snapshot.run.catalogue) {
            let (kind, port, server) = (finding.kind, finding.port, finding.server);
            let place = alike.entry((kind, port, server)).or_default();
            findings_of.entry(port).or_default().push(findings.len());
            findings.push((FindingId { kind, port, server, place: *place }, finding));
            *place += 1;
        }
        let mut addresses: HashMap<ServicePort, Vec<IpAddr>> = HashMap::new();
        for server in stats.servers.speaking() {
            let key = server.key();
            addresses.entry(key.service_port()).or_default().push(key.address);
        }
        addresses.values_mut().for_each(|all| all.sort_unstable());
        let flows = snapshot.run.flows.iter().enumerate();
        let flows = flows.map(|(place, flow)| (flow.record.first_frame, place)).collect();
        Self { snapshot, findings, addresses, findings_of, flows }
    }

    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.snapshot.run.catalogue
    }

    pub(super) fn port(&self, port: ServicePort) -> Option<&PortStats> {
        self.snapshot.run.stats.ports.get(&port)
    }

    pub(super) fn server(&self, key: ServerKey) -> Option<Server<'_>> {
        self.snapshot.run.stats.servers.get(key)
    }

    /// The flow that began with the frame of this number.
    pub(super) fn flow(&self, first_frame: u64) -> Option<&JudgedFlow> {
        self.snapshot.run.flows.get(*self.flows.get(&first_frame)?)
    }

    pub(super) fn finding(&self, id: FindingId) -> Option<&Finding> {
        self.findings_on(id.port).find(|(known, _)| *known == id).map(|(_, finding)| finding)
    }

    /// The findings of a port.
    pub(super) fn findings_on(
        &self,
        port: ServicePort,
    ) -> impl Iterator<Item = (FindingId, &Finding)> {
        let places = self.findings_of.get(&port).into_iter().flatten();
        places.filter_map(|&at| self.findings.get(at)).map(|(id, finding)| (*id, finding))
    }

    /// The findings of a server.
    pub(super) fn findings_at(&self, key: ServerKey) -> impl Iterator<Item = &Finding> {
        let all = self.findings_on(key.service_port()).map(|(_, finding)| finding);
        all.filter(move |finding| finding.server == Some(key.address))
    }

    /// What speaks on a port, where `is_meant` selects it.
    pub(super) fn spoken_on(
        &self,
        port: ServicePort,
        is_meant: impl Fn(&Speaker) -> bool,
    ) -> Vec<SpokenHere<'_>> {
        let Some(stats) = self.port(port) else { return Vec::new() };
        let speakers = stats.folded_speakers().iter().filter(|(key, _)| is_meant(key));
        speakers.map(|(key, speaking)| self.spoken(key, speaking)).collect()
    }

    fn spoken<'v>(&'v self, key: &'v Speaker, speaking: &'v SpeakerStats) -> SpokenHere<'v> {
        let ids = key.service.as_deref().into_iter().chain(speaking.also.iter().map(|id| &**id));
        let services = ids.flat_map(|id| [id, self.catalogue().name_of(id)]).collect();
        let possible = speaking.candidates.iter().filter_map(Candidate::tag);
        let tags = key.tag.as_deref().into_iter().chain(possible).collect();
        SpokenHere { protocol: key.protocol, services, tags, fit: key.fit }
    }

    /// The names that clients and answers of DNS give to a server.
    pub(super) fn names_of(&self, key: ServerKey) -> Vec<&str> {
        let Some(server) = self.server(key) else { return Vec::new() };
        let answered = server.address_names.iter().map(|name| &*name.text);
        server.names.iter().map(|name| &*name.text).chain(answered).collect()
    }
}
