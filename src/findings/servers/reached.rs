//! Who reaches a server from where: services where they do not belong, and what should not be open.

use crate::catalogue::{Catalogue, Layer, Reach, Service};
use crate::evidence::Protocol;
use crate::findings::expected::is_encrypted;
use crate::findings::{Finding, FindingKind, Severity};
use crate::stats::{ClientOrigin, Server};

/// Families whose services are for the machines of one network.
const INWARD: [&str; 2] = ["database", "ai"];
/// The protocols of databases, which are themselves what is served.
const DATABASES: [Protocol; 5] = [
    Protocol::Memcached,
    Protocol::Mongodb,
    Protocol::Mysql,
    Protocol::Postgresql,
    Protocol::Redis,
];
/// The family of development servers.
const DEVELOPMENT: &str = "dev-server";
/// The lowest port that a developer's program takes without being root.
const UNPRIVILEGED: u16 = 1024;

/// Adds what is found by the clients of a server.
pub(super) fn find(server: &Server<'_>, catalogue: &Catalogue, findings: &mut Vec<Finding>) {
    if server.farthest_client.0 == ClientOrigin::SameHost {
        return;
    }
    findings.extend(unexpected(server, catalogue));
    findings.extend(maybe_unexpected(server, catalogue));
    findings.extend(exposed(server, catalogue));
}

/// A service that is proved where it does not belong: a client reaches it from the Internet.
fn unexpected(server: &Server<'_>, catalogue: &Catalogue) -> Option<Finding> {
    let (ClientOrigin::Public, frame) = server.farthest_client else { return None };
    let (service, advice) =
        catalogue.claims_on(server.key.service_port()).find_map(|(service, claim)| {
            let is_proved = server.services.iter().any(|proved| *proved.id == *service.id);
            Some((service, claim.unexpected.as_deref().filter(|_| is_proved)?))
        })?;
    let sentence = format!("reached from a public address: {}", service.name);
    let finding = Finding::at_server(server, FindingKind::Unexpected, Severity::Warning, sentence);
    Some(finding.with_service(Some(&service.id)).with_frame(Some(frame)).with_advice(Some(advice)))
}

/// A service that may be behind TLS where nothing else is proved, and another host asks for it.
fn maybe_unexpected(server: &Server<'_>, catalogue: &Catalogue) -> Option<Finding> {
    let spoken = server.protocols().find(|&protocol| is_encrypted(protocol))?;
    if !server.services.is_empty() || server.protocols().any(|other| other == Protocol::Http) {
        return None;
    }
    let (service, advice) =
        catalogue.claims_on(server.key.service_port()).find_map(|(service, claim)| {
            let may_be = claim.reach == Reach::Default && claim.protocols.contains(&spoken);
            Some((service, claim.unexpected.as_deref().filter(|_| may_be)?))
        })?;
    let sentence = format!(
        "another host uses {} and no development server was identified; this may be {}",
        spoken.name(),
        service.name
    );
    let finding = Finding::at_server(server, FindingKind::Unexpected, Severity::Note, sentence);
    let frame = Some(server.farthest_client.1);
    Some(finding.with_service(Some(&service.id)).with_frame(frame).with_advice(Some(advice)))
}

/// A development server or a database that is reached from outside its network.
fn exposed(server: &Server<'_>, catalogue: &Catalogue) -> Option<Finding> {
    let (origin, frame) = server.farthest_client;
    let (severity, from) = match origin {
        ClientOrigin::Public => (Severity::Warning, "a public address"),
        ClientOrigin::Outside => (Severity::Note, "outside its network"),
        ClientOrigin::SameHost | ClientOrigin::OtherHost => return None,
    };
    let service = server
        .services
        .iter()
        .filter_map(|proved| catalogue.service(proved.id))
        .find(|service| is_inward(service, server.key.port));
    let database = server.protocols().find(|protocol| DATABASES.contains(protocol));
    let what = match (service, database) {
        (Some(service), _) if &*service.tag == DEVELOPMENT => {
            format!("{} (development server)", service.name)
        }
        (Some(service), _) => service.name.clone(),
        (None, Some(protocol)) => protocol.name(),
        (None, None) => return None,
    };
    let sentence = format!("{what} is reached from {from}");
    let finding = Finding::at_server(server, FindingKind::Exposed, severity, sentence);
    Some(finding.with_service(service.map(|service| &*service.id)).with_frame(Some(frame)))
}

/// Whether a service is for the machines of one network. Servers of web sites that run what others
/// wrote are for everybody, and so is what listens on a port of the web.
fn is_inward(service: &Service, port: u16) -> bool {
    let is_development = &*service.tag == DEVELOPMENT
        && matches!(service.layer, Layer::Application | Layer::Api | Layer::Framework)
        && port >= UNPRIVILEGED;
    is_development || INWARD.contains(&&*service.tag)
}
