//! The differences as a document. Field names are a contract, as those of reports are.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::{self, Write};
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::decode::ServicePort;
use crate::diff::{
    ClientChange, Differences, FieldChange, FindingChange, Inventory, ServerChange, ServiceChange,
};
use crate::report::formats::json::write_line;
use crate::stats::ServerKey;

/// The name of this layout.
const SCHEMA: &str = "portlore/diff/1";

/// Writes the differences; `names` are those of the two inputs.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(
    out: &mut dyn Write,
    names: [&str; 2],
    [first, second]: [&Inventory; 2],
    differences: &Differences,
) -> io::Result<()> {
    let input = |name, inventory: &Inventory| DiffInputJson {
        input: name,
        complete: inventory.problems.is_empty(),
    };
    write_line(
        out,
        &DifferencesJson {
            schema: SCHEMA,
            a: input(names[0], first),
            b: input(names[1], second),
            servers: differences.servers.iter().map(ServerChangeJson::from).collect(),
            services: differences.services.iter().map(ServiceChangeJson::from).collect(),
            clients: differences.clients.iter().map(ClientChangeJson::from).collect(),
            findings: differences.findings.iter().map(FindingChangeJson::from).collect(),
            notices: &differences.notices,
        },
    )
}

#[derive(Serialize)]
struct DifferencesJson<'d> {
    schema: &'static str,
    a: DiffInputJson<'d>,
    b: DiffInputJson<'d>,
    servers: Vec<ServerChangeJson<'d>>,
    services: Vec<ServiceChangeJson<'d>>,
    clients: Vec<ClientChangeJson<'d>>,
    findings: Vec<FindingChangeJson<'d>>,
    notices: &'d [String],
}

#[derive(Serialize)]
struct DiffInputJson<'d> {
    input: &'d str,
    complete: bool,
}

/// What differs, by the name of the field; empty unless something changed.
struct FieldChangesJson<'d>(&'d [FieldChange]);

impl Serialize for FieldChangesJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.iter().map(|FieldChange { field, before, after }| {
            (field, SidesOfFieldJson { removed: before, added: after })
        });
        serializer.collect_map(fields)
    }
}

#[derive(Serialize)]
struct SidesOfFieldJson<'d> {
    removed: &'d [String],
    added: &'d [String],
}

#[derive(Serialize)]
struct ServerChangeJson<'d> {
    change: &'static str,
    address: IpAddr,
    port: u16,
    transport: &'static str,
    names: &'d BTreeSet<String>,
    protocols: &'d BTreeSet<String>,
    services: &'d BTreeSet<String>,
    products: &'d BTreeSet<String>,
    frame: Option<u64>,
    changes: FieldChangesJson<'d>,
}

impl<'d> From<&'d ServerChange> for ServerChangeJson<'d> {
    fn from(ServerChange { change, key, traits, fields }: &'d ServerChange) -> Self {
        Self {
            change: change.as_str(),
            address: key.address,
            port: key.port,
            transport: key.transport.as_str(),
            names: &traits.names,
            protocols: &traits.protocols,
            services: &traits.services,
            products: &traits.products,
            frame: traits.frame,
            changes: FieldChangesJson(fields),
        }
    }
}

#[derive(Serialize)]
struct ServiceChangeJson<'d> {
    change: &'static str,
    service: Option<&'d str>,
    protocol: Option<&'d str>,
    ports: Vec<String>,
    changes: FieldChangesJson<'d>,
}

impl<'d> From<&'d ServiceChange> for ServiceChangeJson<'d> {
    fn from(ServiceChange { change, service, ports, fields }: &'d ServiceChange) -> Self {
        Self {
            change: change.as_str(),
            service: service.service.as_deref(),
            protocol: service.protocol.as_deref(),
            ports: texts::<ServicePort>(ports),
            changes: FieldChangesJson(fields),
        }
    }
}

#[derive(Serialize)]
struct ClientChangeJson<'d> {
    change: &'static str,
    address: IpAddr,
    servers: Vec<String>,
    changes: FieldChangesJson<'d>,
}

impl<'d> From<&'d ClientChange> for ClientChangeJson<'d> {
    fn from(ClientChange { change, address, servers, fields }: &'d ClientChange) -> Self {
        Self {
            change: change.as_str(),
            address: *address,
            servers: texts::<ServerKey>(servers),
            changes: FieldChangesJson(fields),
        }
    }
}

#[derive(Serialize)]
struct FindingChangeJson<'d> {
    change: &'static str,
    kind: &'d str,
    severity: &'d str,
    port: u16,
    transport: &'static str,
    server: Option<IpAddr>,
    service: Option<&'d str>,
    frame: Option<u64>,
    sentence: &'d str,
    changes: FieldChangesJson<'d>,
}

impl<'d> From<&'d FindingChange> for FindingChangeJson<'d> {
    fn from(FindingChange { change, finding, fields }: &'d FindingChange) -> Self {
        Self {
            change: change.as_str(),
            kind: &finding.kind,
            severity: &finding.severity,
            port: finding.port.port,
            transport: finding.port.transport.as_str(),
            server: finding.server,
            service: finding.service.as_deref(),
            frame: finding.frame,
            sentence: &finding.sentence,
            changes: FieldChangesJson(fields),
        }
    }
}

fn texts<T: Display>(values: &BTreeSet<T>) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}
