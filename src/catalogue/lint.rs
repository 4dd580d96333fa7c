//! No entry without proof: what must hold for a service's file beyond its grammar.

use std::path::Path;

use super::{Catalogue, Claim, Fault, Origin, Registry, Service, parse_all};
use crate::evidence::Protocol;

/// What the names of facts about the process behind a port begin with.
const PROCESS: &str = "process";

/// What is wrong with a service; `file` is its file's name, `is_stated` says whether a detector
/// states a fact.
#[must_use]
pub fn check(
    service: &Service,
    file: &str,
    catalogue: &Catalogue,
    is_stated: &dyn Fn(&str) -> bool,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |line: usize, text: String| faults.push(Fault::new(file, line, text));
    let id = &service.id;
    let stem =
        Path::new(file).file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    if *id != stem {
        fault(1, format!("the id '{id}' is not the file's name; call the file {id}.toml"));
    }
    if id.is_empty()
        || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    {
        fault(1, format!("the id '{id}' may have lower-case letters, digits and hyphens only"));
    }
    if service.name.trim().is_empty() || service.tag.trim().is_empty() {
        fault(1, "name and tag must not be empty".into());
    }
    if service.claims.is_empty() && service.marks.is_empty() {
        fault(1, "it has neither a claim nor a mark, so it can never be named; add one".into());
    }
    for base in &service.builds_on {
        if base == id || catalogue.service(base).is_none() {
            fault(1, format!("builds_on: there is no service '{base}'"));
        }
    }
    for claim in &service.claims {
        for text in claim_faults(claim, &catalogue.registry) {
            fault(claim.line, text);
        }
    }
    for mark in &service.marks {
        for condition in std::iter::once(&mark.first).chain(&mark.and) {
            if !is_stated(&condition.fact) {
                fault(
                    mark.line,
                    format!(
                        "no detector states '{}'; `portlore catalogue facts` lists those that there are",
                        condition.fact
                    ),
                );
            }
        }
        let stem = mark.first.fact.split('.').next().unwrap_or_default();
        // What a process is called is known apart from what was said.
        if stem == PROCESS && mark.and.iter().any(|condition| !condition.fact.starts_with(PROCESS))
        {
            fault(
                mark.line,
                "a mark on the process can have conditions on the process only".into(),
            );
        }
        if let Some(protocol) = Protocol::from_id(stem)
            && !service.speaks(protocol)
        {
            fault(mark.line, format!("a mark on {} needs '{stem}' in speaks", mark.first.fact));
        }
    }
    if service.origin == Origin::Shipped && !service.marks.is_empty() {
        if service.fixtures.is_empty() {
            fault(1, "a marked service needs fixtures: captures on which it is tagged".into());
        }
        if service.lookalikes.is_empty() {
            fault(
                1,
                "a marked service needs lookalikes: captures on which it is not tagged".into(),
            );
        }
    }
    faults
}

fn claim_faults(claim: &Claim, registry: &Registry) -> Vec<String> {
    let mut faults = Vec::new();
    let port = claim.port;
    let cited = claim.cite.as_deref().unwrap_or("").trim();
    if !(cited.starts_with("https://") || cited.starts_with("http://") || cited.starts_with("RFC "))
    {
        faults.push(format!(
            "the claim on {port} needs a citation: cite = \"https://…\" or \"RFC …\""
        ));
    }
    match (&claim.registry, claim.standing.is_in_registry()) {
        (None, true) => {
            faults.push(format!("the claim on {port} says that it is in the registry: give its name there as registry = \"…\""));
        }
        (Some(_), false) => {
            faults.push(format!(
                "the claim on {port} has a registry name, so its standing is registered or dormant"
            ));
        }
        _ => {}
    }
    if let Some(name) = &claim.registry {
        for &transport in &claim.transports {
            if !registry.names(port, transport).any(|known| known == name) {
                let known: Vec<_> = registry.names(port, transport).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                faults.push(format!(
                    "the registry has no '{name}' on {port}/{transport}; its names are: {known}"
                ));
            }
        }
    }
    faults
}

/// Checks files, or the files of folders, as the user's own: grammar first, then what must hold.
#[must_use]
pub fn check_all(
    paths: &[std::path::PathBuf],
    is_stated: &dyn Fn(&str) -> bool,
) -> (usize, Vec<Fault>) {
    let (parsed, mut faults) = parse_all(paths);
    for (i, (service, file)) in parsed.iter().enumerate() {
        if let Some((_, first)) = parsed[..i].iter().find(|(other, _)| other.id == service.id) {
            faults.push(Fault::new(
                file,
                1,
                format!("the id '{}' stands in {first} too; ids are unique", service.id),
            ));
        }
    }
    match Catalogue::over_shipped(parsed.iter().map(|(service, _)| service.clone())) {
        Ok(catalogue) => {
            faults.extend(
                parsed
                    .iter()
                    .flat_map(|(service, file)| check(service, file, &catalogue, is_stated)),
            );
        }
        Err(ours) => faults.extend(ours),
    }
    (parsed.len(), faults)
}
