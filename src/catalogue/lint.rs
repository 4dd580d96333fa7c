//! The rules for a service's file beyond its grammar: no entry without proof.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::file::error_at;
use super::{
    Catalogue, Claim, Compare, Condition, Conflict, Mark, Origin, Prevalence, Reach, Registry,
    Service, ServiceFile, family, parse_all,
};
use crate::decode::ServicePort;
use crate::evidence::Protocol;
use crate::similar::did_you_mean;
use crate::{Error, Result};

/// Ports on which a conversation begins with TLS, DTLS or QUIC.
const ENCRYPTED: [u16; 20] = [
    443, 465, 563, 636, 853, 989, 990, 992, 993, 995, 3269, 5061, 5223, 5349, 5671, 5986, 6443,
    6514, 8443, 8883,
];
/// Ports on which a conversation begins in clear text, even if it turns to TLS later.
const CLEAR: [u16; 14] = [21, 25, 53, 80, 110, 119, 143, 389, 587, 1883, 3478, 5060, 5222, 5672];
/// How many ports above its first one a server is taken to look for a free one.
const CLIMB: u16 = 10;

/// The longest advice in bytes.
const MAX_ADVICE: usize = 300;

/// The prefix of the names of facts about the process behind a port.
const PROCESS: &str = "process";

/// Facts whose text is content: whoever writes a page, a script or a message chooses it.
const BODIES: [&str; 4] =
    ["http.event", "http.request-body", "http.response-body", "http.response-text"];
/// Facts whose text is the content of a WebSocket message.
const MESSAGES: [&str; 2] = ["websocket.binary", "websocket.text"];
/// The content of a document that TCP, HTTP and SIP carry alike.
const DOCUMENT: [&str; 3] = ["csta.extension", "csta.namespace", "csta.root"];
/// The beginnings of the names of facts that a JSON document states of whoever made it.
const MADE_BY: [&str; 3] = ["a2a.", "mcp.", "openai."];
/// The head's word for what the body is. Whoever serves content sends it, so it proves no product.
const CONTENT_TYPE: &str = "http.response-header.content-type";

/// Checks a service against the rules. `file` is the name of the service's file, and `is_stated`
/// returns whether some detector states a fact of that name.
///
/// # Errors
/// Every rule that the service breaks, each with file, line and remedy.
pub fn check(
    service: &Service,
    file: &str,
    catalogue: &Catalogue,
    is_stated: &dyn Fn(&str) -> bool,
) -> Result<()> {
    let mut errors = Vec::new();
    let mut fault = |line, reason: String, remedy: &str| {
        errors.push(error_at(file, line, reason).with_remedy(remedy));
    };
    check_names(service, file, &mut fault);
    if service.claims.is_empty() && service.marks.is_empty() {
        let reason = "the service has neither a claim nor a mark, so it can never be named".into();
        fault(1, reason, "add one");
    }
    for base in &service.builds_on {
        if **base == *service.id || catalogue.service(base).is_none() {
            fault(1, format!("builds_on: there is no service '{base}'"), "");
        }
    }
    for claim in &service.claims {
        check_claim(claim, &catalogue.registry, &mut fault);
        check_advice(claim, &mut fault);
        check_reach(claim, service, &mut fault);
        check_protocols(claim, service, &mut fault);
    }
    check_marks(service, is_stated, &mut fault);
    if service.origin == Origin::Shipped {
        service.marks.iter().for_each(|mark| check_content(mark, &mut fault));
        service.marks.iter().for_each(|mark| check_proof(mark, &mut fault));
    }
    if service.origin == Origin::Shipped && !service.marks.is_empty() {
        if service.fixtures.is_empty() {
            let reason = "a service with marks needs fixtures: captures in which they match";
            fault(1, reason.into(), "");
        }
        if service.lookalikes.is_empty() {
            let reason =
                "a service with marks needs lookalikes: captures in which none of them matches";
            fault(1, reason.into(), "");
        }
    }
    Error::from_all(errors).map_or(Ok(()), Err)
}

/// Adds a fault of a file: the line, the reason and the remedy, which may be empty.
type AddFault<'a> = dyn FnMut(usize, String, &str) + 'a;

fn check_names(service: &Service, file: &str, fault: &mut AddFault<'_>) {
    let id = &service.id;
    let stem =
        Path::new(file).file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    if **id != *stem {
        let reason = format!("the id '{id}' differs from the file name");
        fault(1, reason, &format!("rename the file to {id}.toml"));
    }
    if id.is_empty()
        || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    {
        let reason =
            format!("the id '{id}' may contain only lower-case letters, digits and hyphens");
        fault(1, reason, "");
    }
    if service.name.trim().is_empty() || service.tag.trim().is_empty() {
        fault(1, "name and tag must not be empty".into(), "");
    } else if family::kind(&service.tag).is_none() {
        let tags: Vec<&str> = family::tags().collect();
        let there_are = format!("the tags are {}", tags.join(", "));
        let question = did_you_mean(&service.tag, tags).map(|question| format!("{question} "));
        fault(
            1,
            format!("tag: there is no '{}'", service.tag),
            &(question.unwrap_or_default() + &there_are),
        );
    }
}

fn check_marks(service: &Service, is_stated: &dyn Fn(&str) -> bool, fault: &mut AddFault<'_>) {
    for mark in &service.marks {
        for condition in std::iter::once(&mark.first).chain(&mark.and) {
            if !is_stated(&condition.fact) {
                let reason = format!("no detector states '{}'", condition.fact);
                let remedy = "list the facts with `portlore catalogue facts`";
                fault(mark.line, reason, remedy);
            }
        }
        if mark.name.is_some() && !mark.captures() {
            let reason = "name uses $1, but the mark has no pattern with a group";
            fault(mark.line, reason.into(), "add one to its own condition: matches = \"(…)\"");
        }
        let stem = mark.first.fact.split('.').next().unwrap_or_default();
        // Facts about the process are matched apart from facts of the payload.
        if stem == PROCESS && mark.and.iter().any(|condition| !condition.fact.starts_with(PROCESS))
        {
            let reason = "a mark on the process can only have conditions on the process";
            fault(mark.line, reason.into(), "");
        }
        if let Some(protocol) = Protocol::from_id(stem)
            && !service.speaks(protocol)
        {
            let reason = format!("a mark on {} needs '{stem}' in speaks", mark.first.fact);
            fault(mark.line, reason, "");
        }
    }
}

/// A mark on content needs more than that content of the same exchange: content is written by whom
/// a server serves, and quoted by others. A mark on a target needs more than that it was answered.
fn check_content(mark: &Mark, fault: &mut AddFault<'_>) {
    let conditions = || std::iter::once(&mark.first).chain(&mark.and);
    let looks_at = |facts: &[&str]| conditions().any(|c| facts.contains(&c.fact.as_str()));
    let has = |fact: &str| conditions().any(|condition| condition.fact == fact);
    if has("http.response-body") && !has(CONTENT_TYPE) {
        let reason = "a mark on http.response-body needs the type of the body".into();
        fault(mark.line, reason, "add a condition on http.response-header.content-type");
    }
    if looks_at(&BODIES) && !conditions().any(is_of_the_exchange) {
        let reason = "a mark on content needs a target, a status other than 200, or a header of \
                      the same exchange";
        fault(mark.line, reason.into(), "add a condition on what the product itself sends");
    }
    let states_little = |condition: &Condition| match condition.fact.as_str() {
        "http.target" | "http.method" => true,
        "http.status" => is_success(condition),
        _ => false,
    };
    if has("http.target") && conditions().all(states_little) {
        let reason = "many servers answer every target with a page and 200";
        fault(mark.line, reason.into(), "add a condition on the type of the answer");
    }
    let upgraded = has("http.target") && has("http.status")
        || has("http.response-header.sec-websocket-protocol");
    if looks_at(&MESSAGES) && !upgraded {
        let reason = "a mark on a WebSocket message needs the target and status of the upgrade, \
                      or the subprotocol that the server accepted";
        fault(mark.line, reason.into(), "");
    }
    let asked = ["http.event", "http.target", "jsonrpc.method"];
    let is_made = |c: &Condition| MADE_BY.iter().any(|stem| c.fact.starts_with(stem));
    if conditions().any(is_made) && !looks_at(&asked) {
        let reason = "a mark on what a JSON document says needs what was asked";
        fault(mark.line, reason.into(), &format!("add one of {}", asked.join(", ")));
    }
    let carried = ["csta.framing", "http.target", "sip.content-type"];
    if looks_at(&DOCUMENT) && !looks_at(&carried) {
        let reason = "a mark on a CSTA document needs what carries it";
        fault(mark.line, reason.into(), &format!("add one of {}", carried.join(", ")));
    }
}

/// A mark says which versions of the software were captured, or which description it is made from.
fn check_proof(mark: &Mark, fault: &mut AddFault<'_>) {
    let is_empty = |version: &String| version.trim().is_empty();
    if mark.proved.iter().any(is_empty) || mark.proved.is_empty() && mark.document.is_none() {
        let reason = "a mark needs its proof".into();
        let remedy = "add proved = [\"1.2.3\"], the captured versions, or document = \"https://…\", \
                      the vendor's document";
        fault(mark.line, reason, remedy);
    }
    if mark.document.as_deref().is_some_and(|document| !is_source(document)) {
        let reason = "document names a source: write \"https://…\" or \"RFC …\"".into();
        fault(mark.line, reason, "");
    }
}

/// Whether a text says where something is described.
fn is_source(text: &str) -> bool {
    ["https://", "http://", "RFC "].iter().any(|prefix| text.starts_with(prefix))
}

/// Whether a condition on the status asks for no more than success.
fn is_success(condition: &Condition) -> bool {
    condition.compare.iter().all(|compare| *compare == Compare::Equals("200".into()))
}

/// Whether a condition is on what the server or its client says beside the content and its type.
fn is_of_the_exchange(condition: &Condition) -> bool {
    let fact = condition.fact.as_str();
    match fact {
        "http.target" => true,
        "http.status" => !is_success(condition),
        CONTENT_TYPE => false,
        _ => fact.starts_with("http.request-header.") || fact.starts_with("http.response-header."),
    }
}

fn check_claim(claim: &Claim, registry: &Registry, fault: &mut AddFault<'_>) {
    let port = claim.port;
    let cited = claim.cite.as_deref().unwrap_or("").trim();
    if !is_source(cited) {
        let reason =
            format!("the claim on {port} needs a citation: cite = \"https://…\" or \"RFC …\"");
        fault(claim.line, reason, "");
    }
    match (&claim.registry, claim.standing.is_in_registry()) {
        (None, true) => {
            let reason = format!(
                "the claim on {port} is registered or dormant but names no registry entry: add registry = \"…\""
            );
            fault(claim.line, reason, "");
        }
        (Some(_), false) => {
            let reason = format!(
                "the claim on {port} has a registry name, so its standing must be registered or dormant"
            );
            fault(claim.line, reason, "");
        }
        _ => {}
    }
    let Some(name) = &claim.registry else { return };
    for &transport in &claim.transports {
        let port = ServicePort::new(port, transport);
        let known: Vec<_> = registry.names(port).collect();
        if !known.contains(&name.as_str()) {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let reason = format!("the registry has no '{name}' on {port}");
            fault(claim.line, reason, &format!("its names for the port: {known}"));
        }
    }
}

/// Advice is sentences, and only who is usually on a port can say that others do not belong there.
fn check_advice(claim: &Claim, fault: &mut AddFault<'_>) {
    let port = claim.port;
    let advice =
        [("unexpected", &claim.unexpected), ("foreign", &claim.foreign), ("closed", &claim.closed)];
    for (field, text) in advice {
        let Some(text) = text.as_deref() else { continue };
        let is_sentence = text.ends_with('.') && text.starts_with(|c: char| !c.is_lowercase());
        if !is_sentence || text.len() > MAX_ADVICE {
            let reason = format!("{field} of the claim on {port} is not a sentence");
            let remedy = format!("write sentences of at most {MAX_ADVICE} characters");
            fault(claim.line, reason, &remedy);
        }
    }
    if claim.foreign.is_some()
        && (claim.prevalence != Prevalence::Common || claim.reach != Reach::Default)
    {
        let reason = format!("foreign of the claim on {port}: the service is not common there");
        fault(
            claim.line,
            reason,
            "only common claims with reach = \"default\" can have foreign advice",
        );
    }
}

/// A server that takes another port by itself claims the ports above its first one as overflow, or
/// says that it is expected there.
fn check_reach(claim: &Claim, service: &Service, fault: &mut AddFault<'_>) {
    let before = |other: &&Claim| {
        other.port < claim.port
            && other.transports.iter().any(|transport| claim.transports.contains(transport))
    };
    let port = claim.port;
    let mut earlier = service.claims.iter().filter(before);
    if claim.reach == Reach::Overflow && earlier.clone().next().is_none() {
        let reason = format!("the claim on {port} is overflow, but no port before it is claimed");
        fault(claim.line, reason, "claim the port before it, or remove reach");
    }
    let moves = |claim: &Claim| {
        matches!(
            claim.on_conflict,
            Some(Conflict::Increments | Conflict::Asks | Conflict::PicksFree)
        )
    };
    if !claim.states_reach
        && service.claims.iter().any(moves)
        && earlier.any(|other| port - other.port <= CLIMB)
    {
        let reason =
            format!("the service can take another port by itself: say how it reaches {port}");
        let remedy = "use reach = \"overflow\" if it does so only when earlier ports are taken, \
                      otherwise reach = \"default\"";
        fault(claim.line, reason, remedy);
    }
}

/// A claim speaks what is spoken on its port: on 443 no clear text, on 25 no TLS.
fn check_protocols(claim: &Claim, service: &Service, fault: &mut AddFault<'_>) {
    let port = claim.port;
    let is_encrypted = |protocol: &Protocol| matches!(protocol.as_str(), "tls" | "quic" | "dtls");
    if let Some(other) = claim.protocols.iter().find(|protocol| !service.speaks(**protocol)) {
        let reason = format!("the claim on {port} speaks '{other}', which the service does not");
        fault(claim.line, reason, "add it to the service's speaks");
    }
    let has_encrypted = claim.protocols.iter().any(is_encrypted);
    let has_clear = !claim.protocols.iter().all(is_encrypted);
    if ENCRYPTED.contains(&port) && has_encrypted && has_clear {
        let reason = format!("{port} uses TLS, DTLS or QUIC, not clear text");
        fault(claim.line, reason, "give the claim its own speaks: speaks = [\"tls\"]");
    }
    if CLEAR.contains(&port) && has_encrypted {
        let reason = format!("connections to {port} begin in clear text");
        fault(claim.line, reason, "give the claim its own speaks, without tls and quic");
    }
}

/// Parses and checks files, or the files of folders, as the user's own services. Returns the ids
/// of the services.
///
/// # Errors
/// The faults of all files, each with file, line and remedy: first what cannot be parsed, then the
/// broken rules.
pub fn check_all(paths: &[PathBuf], is_stated: &dyn Fn(&str) -> bool) -> Result<Vec<String>> {
    let (parsed, mut errors) = parse_all(ServiceFile::read_all(paths));
    let mut files = HashMap::new();
    for (service, file) in &parsed {
        let first = *files.entry(&*service.id).or_insert(file);
        if !std::ptr::eq(first, file) {
            let reason = format!("the id '{}' is also used in {first}", service.id);
            errors.push(error_at(file, 1, reason).with_remedy("give each service its own id"));
        }
    }
    match Catalogue::over_shipped(parsed.iter().map(|(service, _)| service.clone())) {
        Ok(catalogue) => {
            errors.extend(
                parsed.iter().filter_map(|(service, file)| {
                    check(service, file, &catalogue, is_stated).err()
                }),
            );
        }
        Err(error) => errors.push(error),
    }
    let ids = parsed.iter().map(|(service, _)| service.id.to_string());
    Error::from_all(errors).map_or_else(|| Ok(ids.collect()), Err)
}
