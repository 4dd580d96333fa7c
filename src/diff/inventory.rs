//! What a capture shows, by what two captures are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::decode::ServicePort;
use crate::evidence::Protocol;
use crate::findings::Finding;
use crate::pipeline::{JudgedFlow, Run};
use crate::stats::{Server, ServerKey, ServerText, Speaker};

/// What a capture shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The servers.
    pub servers: BTreeMap<ServerKey, ServerTraits>,
    /// The ports on which each service speaks.
    pub services: BTreeMap<SpokenService, BTreeSet<ServicePort>>,
    /// Who called whom; `None` if the capture's flows are not known.
    pub clients: Option<ClientPairs>,
    /// The findings, in the order of reports.
    pub findings: Vec<FindingTraits>,
    /// What was wrong with the input, a line each; untrusted.
    pub problems: Vec<String>,
}

/// What is known of a server. All texts are untrusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerTraits {
    /// What it is called, in lower case and without a port.
    pub names: BTreeSet<String>,
    /// Whether it has more names.
    pub has_more_names: bool,
    /// The ids of its protocols.
    pub protocols: BTreeSet<String>,
    /// The ids of its services.
    pub services: BTreeSet<String>,
    /// What it calls itself.
    pub products: BTreeSet<String>,
    /// The name of its process.
    pub process: Option<String>,
    /// The number of its clients.
    pub clients: u64,
    /// The frame of the best proof of what it speaks.
    pub frame: Option<u64>,
}

/// A service, or the protocol of what no mark names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpokenService {
    /// The id of the service.
    pub service: Option<String>,
    /// The id of the protocol.
    pub protocol: Option<String>,
}

/// What identifies a finding, and what may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingTraits {
    /// The kind, by its name in output.
    pub kind: String,
    /// The severity, by its name in output.
    pub severity: String,
    /// The port.
    pub port: ServicePort,
    /// The server; `None` where it is about a port as a whole.
    pub server: Option<IpAddr>,
    /// The id of the service.
    pub service: Option<String>,
    /// The frame that shows it.
    pub frame: Option<u64>,
    /// The sentence; untrusted.
    pub sentence: String,
}

/// Pairs of clients and the servers that they called, at most [`ClientPairs::LIMIT`]: the lowest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientPairs {
    pairs: BTreeSet<(IpAddr, ServerKey)>,
    has_overflowed: bool,
}

impl ClientPairs {
    /// Pairs that are kept.
    pub const LIMIT: usize = 1 << 18;

    /// Adds a client that called a server.
    pub fn insert(&mut self, client: IpAddr, server: ServerKey) {
        let is_beyond = self.pairs.len() == Self::LIMIT
            && self.pairs.last().is_some_and(|last| (client, server) > *last);
        self.has_overflowed |= is_beyond;
        if !is_beyond && self.pairs.insert((client, server)) && self.pairs.len() > Self::LIMIT {
            self.pairs.pop_last();
            self.has_overflowed = true;
        }
    }

    /// The same of a flow.
    pub fn insert_flow(&mut self, flow: &JudgedFlow) {
        let record = &flow.record;
        let server = ServerKey::new(record.responder, record.transport);
        self.insert(record.initiator.address, server);
    }

    /// The pairs in their order.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, ServerKey)> + '_ {
        self.pairs.iter().copied()
    }

    /// The last client all of whose pairs are kept, if some are left out; clients behind it are not
    /// known.
    pub(super) fn known_to(&self) -> Option<IpAddr> {
        let (last, _) = self.pairs.last().filter(|_| self.has_overflowed)?;
        let before = self.pairs.iter().rev().find(|(client, _)| client < last);
        Some(before.map_or(*last, |(client, _)| *client))
    }
}

impl Inventory {
    /// What a finished capture shows; `findings` are those of its report.
    #[must_use]
    pub fn of_run(run: &Run, findings: &[Finding], clients: Option<ClientPairs>) -> Self {
        let mut services: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (&port, stats) in &run.stats.ports {
            for service in stats.folded_speakers().keys().filter_map(SpokenService::of_speaker) {
                services.entry(service).or_default().insert(port);
            }
        }
        let servers = run.stats.servers.rows();
        Self {
            servers: servers.map(|server| (server.key, ServerTraits::of_server(&server))).collect(),
            services,
            clients,
            findings: findings.iter().map(FindingTraits::of_finding).collect(),
            problems: run.problems.clone(),
        }
    }
}

impl SpokenService {
    /// `None` for what nobody answered, and for what is not recognised.
    pub(super) fn new(
        service: Option<&str>,
        protocol: Option<&str>,
        is_unanswered: bool,
    ) -> Option<Self> {
        let is_known = service.is_some() || protocol.is_some();
        (is_known && !is_unanswered).then(|| Self {
            service: service.map(str::to_owned),
            protocol: protocol.map(str::to_owned),
        })
    }

    fn of_speaker(speaker: &Speaker) -> Option<Self> {
        let protocol = speaker.protocol.map(Protocol::as_str);
        Self::new(speaker.service.as_deref(), protocol, speaker.unanswered.is_some())
    }
}

impl ServerTraits {
    fn of_server(server: &Server<'_>) -> Self {
        let texts = |texts: &[ServerText]| texts.iter().map(|one| one.text.to_string()).collect();
        let names = server.names.iter().chain(server.address_names.iter().copied());
        Self {
            names: names.filter_map(|name| host_name(name.source.as_str(), &name.text)).collect(),
            has_more_names: server.names_more + server.address_names_more > 0,
            protocols: server.protocols().map(|one| one.as_str().to_owned()).collect(),
            services: server.services.iter().map(|proved| proved.id.to_owned()).collect(),
            products: texts(server.products),
            process: server.process.map(|holder| holder.name.clone()),
            clients: server.clients,
            frame: server.proof_frame,
        }
    }
}

impl FindingTraits {
    fn of_finding(finding: &Finding) -> Self {
        Self {
            kind: finding.kind.as_str().to_owned(),
            severity: finding.severity.as_str().to_owned(),
            port: finding.port,
            server: finding.server,
            service: finding.service.clone(),
            frame: finding.frame,
            sentence: finding.sentence.clone(),
        }
    }
}

/// The name of a host in a text about a server, in lower case: without the port that a `Host` has.
/// `None` for an address, for `localhost`, and for names of one or two characters.
pub(super) fn host_name(kind: &str, text: &str) -> Option<String> {
    let port = |text: &str| text.rsplit_once(':').map(|(host, _)| host.to_owned());
    let text = text.trim_end_matches('.');
    let host = if kind == "host" { port(text) } else { None };
    let host = host.unwrap_or_else(|| text.to_owned()).to_lowercase();
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
        || text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    (host.chars().count() > 2 && host != "localhost" && !is_address).then_some(host)
}
