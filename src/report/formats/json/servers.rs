//! Servers and closed ports in the document.

use std::fmt::Display;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::SidesJson;
use super::processes::HolderJson;
use crate::decode::ServicePort;
use crate::evidence::Protocol;
use crate::flow::Outcome;
use crate::pipeline::Run;
use crate::stats::{PortStats, ProvedService, Server, ServerText};

/// The servers, ordered by address, port and transport. There may be many: each is made when it is
/// written.
pub(super) struct ServersJson<'a>(pub(super) &'a Run);

impl Serialize for ServersJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.0.stats.servers.rows();
        serializer.collect_seq(rows.map(|server| ServerJson(self.0, server)))
    }
}

struct ServerJson<'a>(&'a Run, Server<'a>);

impl Serialize for ServerJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(run, server) = self;
        let mut fields = serializer.serialize_struct("server", 18)?;
        if let Some(sensor) = run.sensor(server.key.sensor) {
            fields.serialize_field("sensor", sensor)?;
        }
        fields.serialize_field("address", &TextJson(&server.key.address))?;
        fields.serialize_field("port", &server.key.port)?;
        fields.serialize_field("transport", server.key.transport.as_str())?;
        fields.serialize_field(
            "services",
            &ListJson(|| server.services.iter().map(ProvedServiceJson::from)),
        )?;
        fields
            .serialize_field("protocols", &ListJson(|| server.protocols().map(Protocol::as_str)))?;
        fields.serialize_field(
            "products",
            &ListJson(|| server.products.iter().map(|one| &*one.text)),
        )?;
        fields.serialize_field("products_more", &server.products_more)?;
        let names = || server.names.iter().chain(server.address_names.iter().copied());
        fields.serialize_field("names", &ListJson(|| names().map(NameJson::from)))?;
        let more = server.names_more + server.address_names_more;
        fields.serialize_field("names_more", &more)?;
        fields.serialize_field("clients", &server.clients)?;
        fields.serialize_field("flows", &server.flows)?;
        fields.serialize_field("bytes", &SidesJson::from(server.bytes))?;
        fields.serialize_field("outcomes", &OutcomesJson(server))?;
        fields.serialize_field("first", &TextJson(&server.seen.0))?;
        fields.serialize_field("last", &TextJson(&server.seen.1))?;
        if let Some(holder) = server.process {
            fields.serialize_field("process", &HolderJson::from(holder))?;
        }
        fields.serialize_field("proof_frame", &server.proof_frame)?;
        fields.serialize_field("first_line", &server.first_line.map(FirstLineJson::from))?;
        fields.end()
    }
}

/// The text of a value.
struct TextJson<'a, T>(&'a T);

impl<T: Display> Serialize for TextJson<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// An array of what an iterator gives.
struct ListJson<F>(F);

impl<I: Iterator<Item: Serialize>, F: Fn() -> I> Serialize for ListJson<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0())
    }
}

/// Flows by outcome.
struct OutcomesJson<'a>(&'a Server<'a>);

impl Serialize for OutcomesJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.outcomes().map(|(outcome, n)| (outcome.as_str(), n)))
    }
}

#[derive(Serialize)]
struct ProvedServiceJson<'a> {
    service: &'a str,
    layer: &'static str,
    protocol: Option<&'static str>,
    frame: Option<u64>,
}

impl<'a> From<&'a ProvedService<'a>> for ProvedServiceJson<'a> {
    fn from(&ProvedService { id, layer, protocol, frame }: &'a ProvedService<'a>) -> Self {
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

#[derive(Serialize)]
struct FirstLineJson<'a> {
    text: &'a str,
    frame: u64,
}

impl<'a> From<&'a ServerText> for FirstLineJson<'a> {
    fn from(ServerText { text, frame, .. }: &'a ServerText) -> Self {
        Self { text, frame: *frame }
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
            initiators: stats.all.failed.as_ref().map_or(0, |failed| failed.clients.count()),
            other_flows: stats.all.flows - failed,
        })
    }
}
