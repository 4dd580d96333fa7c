//! The inventory of a report that `--format json` wrote. The document is untrusted: what it may hold
//! is bounded, and what is not read is skipped without being kept.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::marker::PhantomData;
use std::net::IpAddr;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::inventory::{
    ClientPairs, FindingTraits, Inventory, ServerTraits, SpokenService, host_name,
};
use crate::decode::{ServicePort, Transport};
use crate::stats::ServerKey;
use crate::{Error, ErrorKind, Result};

/// The longest document in bytes.
const MAX_BYTES: u64 = 1 << 30;
/// Elements that are read of an array of servers, ports or findings.
const MOST: usize = 1 << 20;
/// Elements that are read of an array within such an element.
const MOST_WITHIN: usize = 1 << 10;
/// Characters that are kept of a text.
const MOST_CHARS: usize = 512;

/// Whether a file that begins with these bytes is a document rather than a capture.
#[must_use]
pub fn is_document(first: &[u8]) -> bool {
    let text = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
    // A pcapng file begins with line ends and the length of its header, a multiple of four.
    text.trim_ascii_start().first().is_some_and(|&first| first == b'{' || first == b'[')
}

impl Inventory {
    /// Reads a document.
    ///
    /// # Errors
    /// [`ErrorKind::Input`], about `name`, where it is not the report of a capture with all its
    /// parts, or too large.
    pub fn of_document(input: impl Read, name: &str) -> Result<Self> {
        let mut input = input.take(MAX_BYTES + 1);
        let mut parser = serde_json::Deserializer::from_reader(&mut input);
        let read = ReportDocument::deserialize(&mut parser).and_then(|document| {
            parser.end()?;
            Ok(document)
        });
        let error = |reason: &str| Error::new(ErrorKind::Input, reason).with_object(name);
        if input.limit() == 0 {
            return Err(error("is too large for a report: more than 1 GiB")
                .with_remedy("write it without --flows and --why"));
        }
        let document = read.map_err(|fault| {
            Error::new(ErrorKind::Input, format!("is not a portlore report: {fault}"))
                .with_object(name)
                .with_remedy(WRITE_ONE)
        })?;
        document.inventory().map_err(|reason| error(reason).with_remedy(WRITE_ONE))
    }
}

const WRITE_ONE: &str = "write one with portlore replay --format json";

/// What is read of a document.
#[derive(Deserialize)]
struct ReportDocument {
    schema: Option<String>,
    capture: Option<DocumentCapture>,
    servers: Option<Bounded<DocumentServer, MOST>>,
    ports: Option<Bounded<DocumentPort, MOST>>,
    findings: Option<Bounded<DocumentFinding, MOST>>,
    flows: Option<DocumentFlows>,
}

#[derive(Deserialize)]
struct DocumentCapture {
    #[serde(default)]
    problems: Bounded<String, MOST_WITHIN>,
}

#[derive(Deserialize)]
struct DocumentServer {
    address: IpAddr,
    port: u16,
    transport: DocumentTransport,
    services: Bounded<DocumentProof, MOST_WITHIN>,
    protocols: Bounded<String, MOST_WITHIN>,
    products: Bounded<String, MOST_WITHIN>,
    names: Bounded<DocumentName, MOST_WITHIN>,
    names_more: u64,
    clients: u64,
    process: Option<DocumentProcess>,
    proof_frame: Option<u64>,
}

#[derive(Deserialize)]
struct DocumentProof {
    service: String,
}

#[derive(Deserialize)]
struct DocumentName {
    name: String,
    kind: String,
}

#[derive(Deserialize)]
struct DocumentProcess {
    name: String,
}

#[derive(Deserialize)]
struct DocumentPort {
    port: u16,
    transport: DocumentTransport,
    speaking: Bounded<DocumentSpeaker, MOST_WITHIN>,
}

#[derive(Deserialize)]
struct DocumentSpeaker {
    service: Option<String>,
    protocol: Option<String>,
    unanswered: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct DocumentFinding {
    kind: String,
    severity: String,
    port: u16,
    transport: DocumentTransport,
    server: Option<IpAddr>,
    service: Option<String>,
    frame: Option<u64>,
    sentence: String,
}

#[derive(Deserialize)]
struct DocumentFlow {
    transport: DocumentTransport,
    initiator: DocumentEndpoint,
    responder: DocumentEndpoint,
}

#[derive(Deserialize)]
struct DocumentEndpoint {
    address: IpAddr,
    port: u16,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum DocumentTransport {
    Tcp,
    Udp,
}

impl ReportDocument {
    fn inventory(self) -> Result<Inventory, &'static str> {
        if !self.schema.is_some_and(|schema| schema.starts_with("portlore/")) {
            return Err("is not a portlore report: its schema is not portlore/2");
        }
        let (Some(capture), Some(servers), Some(ports), Some(findings)) =
            (self.capture, self.servers, self.ports, self.findings)
        else {
            return Err("is not a whole report: ports, servers or findings are missing");
        };
        let mut inventory = Inventory {
            servers: servers.0.into_iter().map(DocumentServer::traits).collect(),
            services: BTreeMap::new(),
            clients: self.flows.map(|flows| flows.0),
            findings: findings.0.into_iter().map(DocumentFinding::traits).collect(),
            problems: texts(capture.problems),
        };
        for port in ports.0 {
            let number = service_port(port.port, port.transport);
            for DocumentSpeaker { service, protocol, unanswered } in port.speaking.0 {
                let [service, protocol] = [service, protocol].map(|text| text.map(cut));
                let service = SpokenService::new(
                    service.as_deref(),
                    protocol.as_deref(),
                    unanswered.is_some(),
                );
                if let Some(service) = service {
                    inventory.services.entry(service).or_default().insert(number);
                }
            }
        }
        Ok(inventory)
    }
}

impl DocumentServer {
    fn traits(self) -> (ServerKey, ServerTraits) {
        let ServicePort { port, transport } = service_port(self.port, self.transport);
        let key = ServerKey { address: self.address, port, transport, sensor: 0 };
        let names = self.names.0.iter();
        let traits = ServerTraits {
            names: names.filter_map(|one| host_name(&one.kind, &cut(one.name.clone()))).collect(),
            has_more_names: self.names_more > 0,
            protocols: texts(self.protocols),
            services: self.services.0.into_iter().map(|proved| cut(proved.service)).collect(),
            products: texts(self.products),
            process: self.process.map(|process| cut(process.name)),
            clients: self.clients,
            frame: self.proof_frame,
        };
        (key, traits)
    }
}

impl DocumentFinding {
    fn traits(self) -> FindingTraits {
        FindingTraits {
            kind: cut(self.kind),
            severity: cut(self.severity),
            port: service_port(self.port, self.transport),
            server: self.server,
            service: self.service.map(cut),
            frame: self.frame,
            sentence: cut(self.sentence),
        }
    }
}

const fn service_port(port: u16, transport: DocumentTransport) -> ServicePort {
    let transport = match transport {
        DocumentTransport::Tcp => Transport::Tcp,
        DocumentTransport::Udp => Transport::Udp,
    };
    ServicePort { port, transport }
}

fn texts<const N: usize, C: FromIterator<String>>(texts: Bounded<String, N>) -> C {
    texts.0.into_iter().map(cut).collect()
}

/// The beginning of a text.
fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MOST_CHARS) {
        text.truncate(end);
        text.shrink_to_fit();
    }
    text
}

/// An array of at most `N` elements.
#[derive(Debug)]
struct Bounded<T, const N: usize>(Vec<T>);

impl<T, const N: usize> Default for Bounded<T, N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for Bounded<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(BoundedVisitor(PhantomData))
    }
}

struct BoundedVisitor<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for BoundedVisitor<T, N> {
    type Value = Bounded<T, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut read = Vec::new();
        while let Some(element) = elements.next_element()? {
            if read.len() == N {
                return Err(serde::de::Error::custom(format!(
                    "an array has more than {N} elements"
                )));
            }
            read.push(element);
        }
        Ok(Bounded(read))
    }
}

/// The clients of all flows, none of which is kept.
struct DocumentFlows(ClientPairs);

impl<'de> Deserialize<'de> for DocumentFlows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(DocumentFlowsVisitor)
    }
}

struct DocumentFlowsVisitor;

impl<'de> Visitor<'de> for DocumentFlowsVisitor {
    type Value = DocumentFlows;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of flows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut flows: A) -> Result<DocumentFlows, A::Error> {
        let mut clients = ClientPairs::default();
        while let Some(DocumentFlow { transport, initiator, responder }) = flows.next_element()? {
            let ServicePort { port, transport } = service_port(responder.port, transport);
            let server = ServerKey { address: responder.address, port, transport, sensor: 0 };
            clients.insert(initiator.address, server);
        }
        Ok(DocumentFlows(clients))
    }
}
