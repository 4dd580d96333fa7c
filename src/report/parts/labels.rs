//! The labels of a port and of what spoke on it: the same in every output for people.

use std::cmp::Reverse;

use super::escape::{SafeText, escape};
use super::layout::{Cell, Tone};
use crate::catalogue::Catalogue;
use crate::classify::{Confidence, Fit};
use crate::decode::ServicePort;
use crate::flow::PayloadSides;
use crate::stats::{PortStats, Speaker};

/// The names of a port in the IANA registry.
#[must_use]
pub fn registered(catalogue: &Catalogue, port: ServicePort) -> SafeText {
    let entries = catalogue.registry.entries(port);
    let names: Vec<_> =
        entries.iter().map(|e| if e.name.is_empty() { "(reserved)" } else { e.name }).collect();
    SafeText::trusted(if names.is_empty() { "-".into() } else { names.join(", ") })
}

/// The services that use a port without being registered for it: at most three, the likeliest
/// first.
#[must_use]
pub fn customary(catalogue: &Catalogue, port: ServicePort) -> SafeText {
    let mut names: Vec<&str> = Vec::new();
    for (service, claim) in catalogue.claims_on(port) {
        if !claim.standing.is_in_registry() && !names.contains(&service.name.as_str()) {
            names.push(&service.name);
        }
    }
    match names.len() {
        0 => SafeText::trusted("-"),
        1..=3 => SafeText::escape(&names.join(", ")),
        more => SafeText::trusted(format!("{}, +{}", escape(&names[..2].join(", ")), more - 2)),
    }
}

/// What spoke, as protocol and service: `http: Express`, `tls: Next.js?`, `! ssh`, `refused:
/// Next.js?`, `unknown: EXLM Agent?`; `osc mismatch: Eos` if the sides do not understand each
/// other. A guess ends in `?`, what does not belong on the port begins with `!`.
#[must_use]
pub fn speaker(catalogue: &Catalogue, key: &Speaker) -> Cell {
    let name = |id: &str| catalogue.service(id).map_or_else(|| id.to_owned(), |s| s.name.clone());
    let protocol = match (key.protocol, key.fault) {
        (Some(protocol), Some(fault)) => format!("{protocol} {}", fault.as_str()),
        (Some(protocol), None) => protocol.as_str().to_owned(),
        (None, _) => key.quiet.map_or("unknown", quiet).to_owned(),
    };
    let text = match (&key.service, &key.candidate) {
        (Some(id), _) => format!("{protocol}: {}", name(id)),
        (None, Some(id)) => format!("{protocol}: {}?", name(id)),
        (None, None) => protocol,
    };
    match (key.fit, key.confidence) {
        _ if key.fault.is_some() && key.fit != Some(Fit::Contradicts) => {
            Cell::escape(&text).with_tone(Tone::Bad)
        }
        (Some(Fit::Contradicts), _) => Cell::escape(&format!("! {text}")).with_tone(Tone::Bad),
        (_, Confidence::Mark) => Cell::escape(&text).with_tone(Tone::Good),
        (_, Confidence::Protocol) => Cell::escape(&text),
        (_, Confidence::Port | Confidence::Unknown) => Cell::escape(&text).with_tone(Tone::Dim),
    }
}

/// What spoke on a port, with its flows and bytes; most bytes first. Flows of one server are folded.
#[must_use]
pub fn speakers(stats: &PortStats) -> Vec<(&Speaker, (u64, u64))> {
    let mut speakers: Vec<_> =
        stats.folded_speakers().iter().map(|(key, &sums)| (key, sums)).collect();
    speakers.sort_by_key(|&(key, (_, bytes))| (Reverse(bytes), key));
    speakers
}

/// The label of a flow without payload.
const fn quiet(heard: PayloadSides) -> &'static str {
    match heard {
        PayloadSides::Refused => "refused",
        PayloadSides::NoAnswer => "no answer",
        PayloadSides::Nobody
        | PayloadSides::Both
        | PayloadSides::Initiator
        | PayloadSides::Responder => "silent",
    }
}
