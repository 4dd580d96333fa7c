//! Servers and closed ports in the document.

use std::collections::BTreeMap;

use serde::Serialize;

use super::SidesJson;
use super::processes::HolderJson;
use crate::decode::ServicePort;
use crate::evidence::Protocol;
use crate::flow::Outcome;
use crate::stats::{PortStats, ProvedService, Server, ServerText};

/// A server, as `stats` documents it.
#[derive(Serialize)]
pub(super) struct ServerJson<'a> {
    address: String,
    port: u16,
    transport: &'static str,
    services: Vec<ProvedServiceJson<'a>>,
    protocols: Vec<&'static str>,
    products: Vec<&'a str>,
    products_more: usize,
    names: Vec<NameJson<'a>>,
    names_more: usize,
    clients: u64,
    flows: u64,
    bytes: SidesJson,
    outcomes: BTreeMap<&'static str, u64>,
    first: String,
    last: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<HolderJson<'a>>,
    proof_frame: Option<u64>,
}

impl<'a> From<Server<'a>> for ServerJson<'a> {
    fn from(server: Server<'a>) -> Self {
        let outcomes = server.outcomes.iter().map(|&(outcome, n)| (outcome.as_str(), n));
        let (first, last) = server.seen;
        Self {
            address: server.key.address.to_string(),
            port: server.key.port,
            transport: server.key.transport.as_str(),
            services: server.services.into_iter().map(ProvedServiceJson::from).collect(),
            protocols: server.protocols.into_iter().map(Protocol::as_str).collect(),
            products: server.products.iter().map(|product| &*product.text).collect(),
            products_more: server.products_more,
            names: server.names.iter().map(NameJson::from).collect(),
            names_more: server.names_more,
            clients: server.clients,
            flows: server.flows,
            bytes: server.bytes.into(),
            outcomes: outcomes.collect(),
            first: first.to_string(),
            last: last.to_string(),
            process: server.process.map(HolderJson::from),
            proof_frame: server.proof_frame,
        }
    }
}

#[derive(Serialize)]
struct ProvedServiceJson<'a> {
    service: &'a str,
    layer: &'static str,
    protocol: Option<&'static str>,
    frame: Option<u64>,
}

impl<'a> From<ProvedService<'a>> for ProvedServiceJson<'a> {
    fn from(ProvedService { id, layer, protocol, frame }: ProvedService<'a>) -> Self {
        let protocol = protocol.map(Protocol::as_str);
        Self { service: id, layer: layer.as_str(), protocol, frame }
    }
}

#[derive(Serialize)]
struct NameJson<'a> {
    name: &'a str,
    kind: &'static str,
    frame: u64,
}

impl<'a> From<&'a ServerText> for NameJson<'a> {
    fn from(ServerText { source, text, frame }: &'a ServerText) -> Self {
        Self { name: text, kind: source.as_str(), frame: *frame }
    }
}

/// A port at which attempts failed, with their number by outcome, and that of all other flows.
#[derive(Serialize)]
pub(super) struct ClosedPortJson {
    port: u16,
    transport: &'static str,
    refused: u64,
    unreachable: u64,
    no_answer: u64,
    initiators: u64,
    other_flows: u64,
}

impl ClosedPortJson {
    /// `None` for a port without failed attempts.
    pub(super) fn new(port: ServicePort, stats: &PortStats) -> Option<Self> {
        let count = |outcome: Outcome| stats.all.outcomes[outcome as usize];
        let [refused, unreachable, no_answer] =
            [Outcome::Refused, Outcome::Unreachable, Outcome::NoAnswer].map(count);
        let failed = refused + unreachable + no_answer;
        (failed > 0).then(|| Self {
            port: port.port,
            transport: port.transport.as_str(),
            refused,
            unreachable,
            no_answer,
            initiators: stats.all.failed.as_ref().map_or(0, |failed| failed.count()),
            other_flows: stats.all.flows - failed,
        })
    }
}
