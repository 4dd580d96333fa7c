//! Whether what was spoken fits the claims on the port.
//!
//! A claim counts by what its service speaks on this very port. A service whose wire format nobody
//! has described neither agrees nor contradicts, and a claim on a port that is taken only where the
//! ones before it are in use contradicts nothing.

use super::alpn::OfferedProtocols;
use super::reasons;
use super::verdict::{Fit, Reason};
use crate::catalogue::{Catalogue, Claim, Reach, Service};
use crate::decode::ServicePort;
use crate::evidence::{Direction, Evidence, Protocol, ProvedBy};

/// The status codes by which an HTTP server on a port for TLS refuses clear text.
const REFUSALS: [&str; 2] = ["400", "426"];

/// Protocols whose connections may change to TLS after a request: STARTTLS and its like.
const TURNS_TO_TLS: [Protocol; 10] = [
    Protocol::Smtp,
    Protocol::Imap,
    Protocol::Pop3,
    Protocol::Ftp,
    Protocol::Ldap,
    Protocol::Mysql,
    Protocol::Postgresql,
    Protocol::Rdp,
    Protocol::Vnc,
    Protocol::Amqp,
];

/// The fit of `protocol`, which `carries` another one, and the reason where it does not go without
/// saying.
pub(super) fn fit(
    catalogue: &Catalogue,
    port: ServicePort,
    (evidence, protocol): (&Evidence, Protocol),
    carries: Option<Protocol>,
    offered: &OfferedProtocols<'_>,
    explain: bool,
) -> (Option<Fit>, Option<Reason>) {
    let agrees = |claim: &Claim| {
        speaks(&claim.protocols, protocol)
            || carries.is_some_and(|carried| claim.protocols.contains(&carried))
            || offered.finds(&claim.protocols)
    };
    if catalogue.claims_on(port).any(|(_, claim)| agrees(claim)) {
        return (Some(Fit::Agrees), None);
    }
    let expected = || catalogue.claims_on(port).filter(|(service, claim)| is_known(service, claim));
    if expected().next().is_none() {
        return (Some(Fit::Unclaimed), None);
    }
    if !is_encrypted(protocol) && expected().any(|(_, claim)| is_encrypted_only(claim)) {
        if let Some(reason) = refusal(evidence, port) {
            return (Some(Fit::Agrees), explain.then_some(reason));
        }
        // Only a server that goes on in clear text contradicts.
        if evidence.proved_by == Some(ProvedBy::Initiator) {
            return (None, None);
        }
    }
    // What came before the change to TLS may not have been captured.
    let changes =
        |claim: &Claim| claim.protocols.iter().any(|spoken| TURNS_TO_TLS.contains(spoken));
    if protocol == Protocol::Tls && !evidence.whole && expected().any(|(_, claim)| changes(claim)) {
        return (None, None);
    }
    let reason = explain.then(|| reasons::of_contradiction(catalogue, port));
    (Some(Fit::Contradicts), reason)
}

/// Whether a claim leads to expect certain protocols.
pub(super) fn is_known(service: &Service, claim: &Claim) -> bool {
    claim.reach == Reach::Default && !service.wire_unknown && !claim.protocols.is_empty()
}

/// Whether whoever speaks `spoken` may speak `protocol`: a WebSocket and a connection that turns to
/// HTTP/2 begin as HTTP, and gRPC is HTTP/2.
fn speaks(spoken: &[Protocol], protocol: Protocol) -> bool {
    let carrier = match protocol {
        Protocol::Websocket | Protocol::Http2 => Some(Protocol::Http),
        Protocol::Grpc => Some(Protocol::Http2),
        _ => None,
    };
    spoken.contains(&protocol) || carrier.is_some_and(|carrier| spoken.contains(&carrier))
}

const fn is_encrypted(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Tls | Protocol::Quic)
}

fn is_encrypted_only(claim: &Claim) -> bool {
    claim.protocols.iter().all(|&protocol| is_encrypted(protocol))
}

/// The reason for which a server does not speak in clear text, although it answers so: each of its
/// answers is an error that says so, or leads to `https`.
fn refusal(evidence: &Evidence, port: ServicePort) -> Option<Reason> {
    let by_responder = || evidence.facts.iter().filter(|f| f.direction == Direction::Responder);
    let leads_to_https = |exchange: u32| {
        by_responder().any(|fact| {
            fact.exchange == exchange
                && fact.name.is("http.response-header.location")
                && fact.value.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("https:"))
        })
    };
    let mut statuses = by_responder().filter(|fact| fact.name.stem == "http.status");
    let first = statuses.clone().next()?;
    let refuses = statuses.all(|fact| {
        REFUSALS.contains(&&*fact.value)
            || fact.value.starts_with('3') && leads_to_https(fact.exchange)
    });
    refuses.then(|| Reason {
        fact: "clear-text".into(),
        value: format!(
            "status {}, the usual answer of a TLS server to clear text on {port}",
            first.value
        ),
        direction: Some(Direction::Responder),
        frame: Some(first.frame),
    })
}
