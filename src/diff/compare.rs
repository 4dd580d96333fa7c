//! The comparison.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::net::IpAddr;

use super::inventory::{ClientPairs, FindingTraits, Inventory, ServerTraits, SpokenService};
use super::matching::Matching;
use crate::decode::ServicePort;
use crate::stats::ServerKey;

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Only the second capture has it.
    Added,
    /// Only the first capture has it.
    Removed,
    /// Both have it, and it differs.
    Changed,
}

impl Change {
    /// Every change, in the order of output.
    pub const ALL: [Self; 3] = [Self::Added, Self::Removed, Self::Changed];

    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// What of something differs; texts are untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// The name of the field in the document.
    pub field: &'static str,
    /// What the first capture has and the second does not.
    pub before: Vec<String>,
    /// What the second capture has and the first does not.
    pub after: Vec<String>,
}

impl FieldChange {
    /// `None` where nothing differs.
    fn new<'t, T: Ord + Display + 't>(
        field: &'static str,
        before: impl IntoIterator<Item = &'t T>,
        after: impl IntoIterator<Item = &'t T>,
    ) -> Option<Self> {
        let (before, after): (BTreeSet<&T>, BTreeSet<&T>) =
            (before.into_iter().collect(), after.into_iter().collect());
        let texts = |one: &BTreeSet<&T>, other: &BTreeSet<&T>| {
            one.difference(other).map(|&value| value.to_string()).collect()
        };
        (before != after).then(|| Self {
            field,
            before: texts(&before, &after),
            after: texts(&after, &before),
        })
    }
}

/// A server that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerChange {
    /// How.
    pub change: Change,
    /// The server, as the second capture has it, or the first if it was removed.
    pub key: ServerKey,
    /// What is known of it there.
    pub traits: ServerTraits,
    /// What differs, if it changed.
    pub fields: Vec<FieldChange>,
}

/// A service that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceChange {
    /// How.
    pub change: Change,
    /// The service.
    pub service: SpokenService,
    /// Its ports: in the second capture, or in the first if it was removed.
    pub ports: BTreeSet<ServicePort>,
    /// What differs, if it changed.
    pub fields: Vec<FieldChange>,
}

/// A client that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientChange {
    /// How.
    pub change: Change,
    /// The client.
    pub address: IpAddr,
    /// Whom it called: in the second capture, or in the first if it was removed.
    pub servers: BTreeSet<ServerKey>,
    /// What differs, if it changed.
    pub fields: Vec<FieldChange>,
}

/// A finding that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingChange {
    /// How.
    pub change: Change,
    /// The finding: of the second capture, or of the first if it was removed.
    pub finding: FindingTraits,
    /// What differs, if it changed.
    pub fields: Vec<FieldChange>,
}

/// Everything that differs between two captures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// Servers, by their keys.
    pub servers: Vec<ServerChange>,
    /// Services, by their ids.
    pub services: Vec<ServiceChange>,
    /// Clients, by their addresses.
    pub clients: Vec<ClientChange>,
    /// Findings, in the order of reports.
    pub findings: Vec<FindingChange>,
    /// What could not be compared, a line each.
    pub notices: Vec<String>,
}

impl Differences {
    /// Compares two captures.
    #[must_use]
    pub fn new(first: &Inventory, second: &Inventory) -> Self {
        let matching = Matching::new(first, second);
        let mut notices = Vec::new();
        let clients = match (&first.clients, &second.clients) {
            (Some(one), Some(other)) => clients([one, other], &matching, &mut notices),
            (None, None) => {
                notices.push(format!("{COUNTS_ONLY} reports have no connections; {REMEDY}"));
                Vec::new()
            }
            _ => {
                notices.push(format!("{COUNTS_ONLY} report has no connections; {REMEDY}"));
                Vec::new()
            }
        };
        let by_count = first.clients.is_none() || second.clients.is_none();
        Self {
            servers: servers(first, second, &matching, by_count),
            services: services(first, second),
            clients,
            findings: findings(first, second, &matching),
            notices,
        }
    }

    /// Whether nothing differs.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.servers.is_empty()
            && self.services.is_empty()
            && self.clients.is_empty()
            && self.findings.is_empty()
    }
}

const COUNTS_ONLY: &str = "clients are compared by their number at each server only, because the";
const REMEDY: &str = "write reports with --flows to compare clients by their addresses";

fn servers(
    first: &Inventory,
    second: &Inventory,
    matching: &Matching,
    by_count: bool,
) -> Vec<ServerChange> {
    let one = |change, key, traits: &ServerTraits, fields| ServerChange {
        change,
        key,
        traits: traits.clone(),
        fields,
    };
    let removed = first.servers.iter().filter(|(key, _)| matching.second(**key).is_none());
    let removed = removed.map(|(&key, traits)| one(Change::Removed, key, traits, Vec::new()));
    let others = second.servers.iter().filter_map(|(&key, traits)| {
        let Some(before) = matching.first(key) else {
            return Some(one(Change::Added, key, traits, Vec::new()));
        };
        let fields = server_fields((before, first.servers.get(&before)?), (key, traits), by_count);
        (!fields.is_empty()).then(|| one(Change::Changed, key, traits, fields))
    });
    let mut servers: Vec<_> = removed.chain(others).collect();
    servers.sort_by_key(|server| (server.key, server.change));
    servers
}

fn server_fields(
    (old_key, old): (ServerKey, &ServerTraits),
    (new_key, new): (ServerKey, &ServerTraits),
    by_count: bool,
) -> Vec<FieldChange> {
    let clients = by_count.then(|| FieldChange::new("clients", [&old.clients], [&new.clients]));
    let fields = [
        FieldChange::new("address", [&old_key.address], [&new_key.address]),
        FieldChange::new("names", &old.names, &new.names),
        FieldChange::new("protocols", &old.protocols, &new.protocols),
        FieldChange::new("services", &old.services, &new.services),
        FieldChange::new("products", &old.products, &new.products),
        FieldChange::new("process", &old.process, &new.process),
        clients.flatten(),
    ];
    fields.into_iter().flatten().collect()
}

fn services(first: &Inventory, second: &Inventory) -> Vec<ServiceChange> {
    let keys: BTreeSet<&SpokenService> =
        first.services.keys().chain(second.services.keys()).collect();
    let change = |service: &SpokenService| {
        let (change, ports, fields) =
            match (first.services.get(service), second.services.get(service)) {
                (Some(before), Some(after)) => {
                    let fields = FieldChange::new("ports", before, after)?;
                    (Change::Changed, after, vec![fields])
                }
                (None, Some(after)) => (Change::Added, after, Vec::new()),
                (before, None) => (Change::Removed, before?, Vec::new()),
            };
        Some(ServiceChange { change, service: service.clone(), ports: ports.clone(), fields })
    };
    keys.into_iter().filter_map(change).collect()
}

/// The clients of both captures, each with the servers that it called, as the first has them.
fn clients(
    [first, second]: [&ClientPairs; 2],
    matching: &Matching,
    notices: &mut Vec<String>,
) -> Vec<ClientChange> {
    let bound = [first.known_to(), second.known_to()].into_iter().flatten().min();
    if bound.is_some() {
        notices.push(format!(
            "only the clients with the lowest addresses are compared: more than {} pairs of client \
             and server are not kept",
            crate::sentence::count(ClientPairs::LIMIT as u64)
        ));
    }
    let is_known = |client: IpAddr| bound.is_none_or(|bound| client <= bound);
    let mut called: BTreeMap<IpAddr, [BTreeSet<ServerKey>; 2]> = BTreeMap::new();
    for (client, server) in first.iter().filter(|(client, _)| is_known(*client)) {
        called.entry(client).or_default()[0].insert(server);
    }
    for (client, server) in second.iter().filter(|(client, _)| is_known(*client)) {
        let server = matching.first(server).unwrap_or(server);
        called.entry(client).or_default()[1].insert(server);
    }
    let change = |(address, [before, after]): (IpAddr, [BTreeSet<ServerKey>; 2])| {
        let (change, fields) = match (before.is_empty(), after.is_empty()) {
            (true, _) => (Change::Added, None),
            (_, true) => (Change::Removed, None),
            _ => (Change::Changed, Some(FieldChange::new("servers", &before, &after)?)),
        };
        let servers = if change == Change::Removed { before } else { after };
        Some(ClientChange { change, address, servers, fields: fields.into_iter().collect() })
    };
    called.into_iter().filter_map(change).collect()
}

/// What tells findings apart: kind, port, server and service, and of a tunnel its domain.
type FindingKey = (String, ServicePort, Option<IpAddr>, Option<String>, Option<String>);

fn findings(first: &Inventory, second: &Inventory, matching: &Matching) -> Vec<FindingChange> {
    let key = |finding: &FindingTraits, server: Option<IpAddr>| -> FindingKey {
        let domain = (finding.kind == "tunnel").then(|| domain_of(&finding.sentence));
        (finding.kind.clone(), finding.port, server, finding.service.clone(), domain.flatten())
    };
    let mut before: BTreeMap<FindingKey, Vec<&FindingTraits>> = BTreeMap::new();
    for finding in &first.findings {
        before.entry(key(finding, finding.server)).or_default().push(finding);
    }
    // The first of several is compared with the first.
    before.values_mut().for_each(|several| several.reverse());
    let mut changes = Vec::new();
    for finding in &second.findings {
        let here = |address| {
            let ServicePort { port, transport } = finding.port;
            ServerKey { address, port, transport, sensor: 0 }
        };
        let as_before = |address| matching.first(here(address)).map_or(address, |key| key.address);
        let same = before.get_mut(&key(finding, finding.server.map(as_before)));
        let (change, fields) = match same.and_then(Vec::pop) {
            None => (Change::Added, Vec::new()),
            Some(old) => {
                let fields = FieldChange::new("severity", [&old.severity], [&finding.severity]);
                (Change::Changed, fields.into_iter().collect())
            }
        };
        if change == Change::Added || !fields.is_empty() {
            changes.push(FindingChange { change, finding: finding.clone(), fields });
        }
    }
    let removed = before.into_values().flat_map(|several| several.into_iter().rev());
    changes.extend(removed.map(|finding| FindingChange {
        change: Change::Removed,
        finding: finding.clone(),
        fields: Vec::new(),
    }));
    changes
}

/// The domain that the sentence about a tunnel names.
fn domain_of(sentence: &str) -> Option<String> {
    let (_, rest) = sentence.split_once(" names under ")?;
    rest.split(' ').next().map(str::to_owned)
}
