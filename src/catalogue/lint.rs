//! The rules for a service's file beyond its grammar: no entry without proof.

use std::path::{Path, PathBuf};

use super::file::error_at;
use super::{Catalogue, Claim, Origin, Registry, Service, parse_all};
use crate::decode::ServicePort;
use crate::evidence::Protocol;
use crate::{Error, Result};

/// The prefix of the names of facts about the process behind a port.
const PROCESS: &str = "process";

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
        let reason = "it has neither a claim nor a mark, so it can never be named".into();
        fault(1, reason, "add one");
    }
    for base in &service.builds_on {
        if **base == *service.id || catalogue.service(base).is_none() {
            fault(1, format!("builds_on: there is no service '{base}'"), "");
        }
    }
    for claim in &service.claims {
        check_claim(claim, &catalogue.registry, &mut fault);
    }
    check_marks(service, is_stated, &mut fault);
    if service.origin == Origin::Shipped && !service.marks.is_empty() {
        if service.fixtures.is_empty() {
            let reason = "a marked service needs fixtures: captures on which it is tagged";
            fault(1, reason.into(), "");
        }
        if service.lookalikes.is_empty() {
            let reason = "a marked service needs lookalikes: captures on which it is not tagged";
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
        let reason = format!("the id '{id}' is not the file's name");
        fault(1, reason, &format!("call the file {id}.toml"));
    }
    if id.is_empty()
        || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    {
        let reason = format!("the id '{id}' may have lower-case letters, digits and hyphens only");
        fault(1, reason, "");
    }
    if service.name.trim().is_empty() || service.tag.trim().is_empty() {
        fault(1, "name and tag must not be empty".into(), "");
    }
}

fn check_marks(service: &Service, is_stated: &dyn Fn(&str) -> bool, fault: &mut AddFault<'_>) {
    for mark in &service.marks {
        for condition in std::iter::once(&mark.first).chain(&mark.and) {
            if !is_stated(&condition.fact) {
                let reason = format!("no detector states '{}'", condition.fact);
                let remedy = "`portlore catalogue facts` lists those that there are";
                fault(mark.line, reason, remedy);
            }
        }
        let stem = mark.first.fact.split('.').next().unwrap_or_default();
        // Facts about the process are matched apart from facts of the payload.
        if stem == PROCESS && mark.and.iter().any(|condition| !condition.fact.starts_with(PROCESS))
        {
            let reason = "a mark on the process can have conditions on the process only";
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

fn check_claim(claim: &Claim, registry: &Registry, fault: &mut AddFault<'_>) {
    let port = claim.port;
    let cited = claim.cite.as_deref().unwrap_or("").trim();
    if !(cited.starts_with("https://") || cited.starts_with("http://") || cited.starts_with("RFC "))
    {
        let reason =
            format!("the claim on {port} needs a citation: cite = \"https://…\" or \"RFC …\"");
        fault(claim.line, reason, "");
    }
    match (&claim.registry, claim.standing.is_in_registry()) {
        (None, true) => {
            let reason = format!(
                "the claim on {port} says that it is in the registry: give its name there as registry = \"…\""
            );
            fault(claim.line, reason, "");
        }
        (Some(_), false) => {
            let reason = format!(
                "the claim on {port} has a registry name, so its standing is registered or dormant"
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
            fault(claim.line, reason, &format!("its names are: {known}"));
        }
    }
}

/// Parses and checks files, or the files of folders, as the user's own services. Returns the number
/// of services.
///
/// # Errors
/// The faults of all files, each with file, line and remedy: first what cannot be parsed, then the
/// broken rules.
pub fn check_all(paths: &[PathBuf], is_stated: &dyn Fn(&str) -> bool) -> Result<usize> {
    let (parsed, mut errors) = parse_all(paths);
    for (i, (service, file)) in parsed.iter().enumerate() {
        if let Some((_, first)) = parsed[..i].iter().find(|(other, _)| other.id == service.id) {
            let reason = format!("the id '{}' stands in {first} too", service.id);
            errors.push(error_at(file, 1, reason).with_remedy("ids are unique"));
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
    Error::from_all(errors).map_or(Ok(parsed.len()), Err)
}
