//! The page of ports as one JSON document.

use std::io::{self, Write};

use serde::Serialize;

use super::claimant::Claimant;
use super::{PortPage, summary};
use crate::catalogue::PortRange;
use crate::decode::ServicePort;
use crate::report::formats::json::write_line;
use crate::report::pages::listening::ListenerJson;

/// The version of the document; later versions only add.
const SCHEMA: &str = "portlore/port/1";

#[derive(Serialize)]
struct DocumentJson<'p> {
    schema: &'static str,
    registry: &'static str,
    ports: Vec<PageJson<'p>>,
}

#[derive(Serialize)]
struct PageJson<'p> {
    port: u16,
    range: &'static str,
    summary: String,
    listeners: Option<Vec<ListenerJson<'p>>>,
    registered: Vec<RegisteredJson>,
    claims: Vec<ClaimantJson<'p>>,
}

#[derive(Serialize)]
struct RegisteredJson {
    transport: &'static str,
    name: Option<&'static str>,
    description: &'static str,
}

#[derive(Serialize)]
struct ClaimantJson<'p> {
    service: &'p str,
    name: &'p str,
    tag: &'p str,
    layer: &'static str,
    transports: Vec<&'static str>,
    standing: &'static str,
    prevalence: &'static str,
    reach: &'static str,
    protocols: Vec<&'static str>,
    since: Option<&'p str>,
    cite: Option<&'p str>,
    note: Option<&'p str>,
    unexpected: Option<&'p str>,
    foreign: Option<&'p str>,
    closed: Option<&'p str>,
}

/// Writes the pages as one document. `listeners` is null where the sockets are not known.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, pages: &[PortPage<'_>]) -> io::Result<()> {
    let registry = pages.first().map_or("", |page| page.catalogue.registry.date);
    let ports = pages.iter().map(PageJson::from).collect();
    write_line(out, &DocumentJson { schema: SCHEMA, registry, ports })
}

impl<'p> From<&'p PortPage<'p>> for PageJson<'p> {
    fn from(page: &'p PortPage<'p>) -> Self {
        let &PortPage { port, transports, catalogue, .. } = page;
        let registered = transports.iter().flat_map(|&transport| {
            let entries = catalogue.registry.entries(ServicePort::new(port, transport));
            entries.map(move |entry| RegisteredJson {
                transport: transport.as_str(),
                name: Some(entry.name).filter(|name| !name.is_empty()),
                description: entry.description,
            })
        });
        let claimants = Claimant::on(catalogue, port, transports);
        let claim = |Claimant { service, claim }: &Claimant<'p>| ClaimantJson {
            service: &service.id,
            name: &service.name,
            tag: &service.tag,
            layer: service.layer.as_str(),
            transports: claim.transports.iter().map(|transport| transport.as_str()).collect(),
            standing: claim.standing.as_str(),
            prevalence: claim.prevalence.as_str(),
            reach: claim.reach.as_str(),
            protocols: claim.protocols.iter().map(|protocol| protocol.as_str()).collect(),
            since: claim.since.as_deref(),
            cite: claim.cite.as_deref(),
            note: claim.note.as_deref(),
            unexpected: claim.unexpected.as_deref(),
            foreign: claim.foreign.as_deref(),
            closed: claim.closed.as_deref(),
        };
        Self {
            port,
            range: PortRange::from_port(port).as_str(),
            summary: summary::sentence(catalogue, port, transports),
            listeners: page.listeners.ok().map(|all| all.iter().map(ListenerJson::from).collect()),
            registered: registered.collect(),
            claims: claimants.iter().map(claim).collect(),
        }
    }
}
