//! What a port is called and what spoke on it, in words: the same in every view for people.

use std::cmp::Reverse;

use super::escape;
use super::layout::Tone;
use crate::catalogue::Catalogue;
use crate::classify::{Confidence, Fit};
use crate::decode::Transport;
use crate::flow::PayloadSides;
use crate::stats::{PortStats, Speaking};

/// The registry's names.
#[must_use]
pub fn registered(catalogue: &Catalogue, port: u16, transport: Transport) -> String {
    let entries = catalogue.registry.entries(port, transport);
    let names: Vec<_> =
        entries.iter().map(|e| if e.name.is_empty() { "(reserved)" } else { e.name }).collect();
    if names.is_empty() { "-".into() } else { names.join(", ") }
}

/// Who runs there beside the registry's own: a few, the likeliest first.
#[must_use]
pub fn customary(catalogue: &Catalogue, port: u16, transport: Transport) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (service, claim) in catalogue.claims_on(port, transport) {
        if !claim.standing.is_in_registry() && !names.contains(&service.name.as_str()) {
            names.push(&service.name);
        }
    }
    match names.len() {
        0 => "-".into(),
        1..=3 => escape(&names.join(", ")),
        more => format!("{}, +{}", escape(&names[..2].join(", ")), more - 2),
    }
}

/// What spoke, in words: `http: Express`, `tls: Next.js?`, `! ssh`, `refused: Next.js?`, `unknown:
/// EXLM Agent?`, `osc mismatch: Eos` where the sides do not understand each other. A guess ends in
/// `?`, what does not belong on the port begins with `!`.
#[must_use]
pub fn spoken(catalogue: &Catalogue, key: &Speaking<'_>) -> (String, Tone) {
    let name = |id: &str| catalogue.service(id).map_or_else(|| id.to_owned(), |s| s.name.clone());
    let language = match (key.protocol, key.fault) {
        (Some(protocol), Some(fault)) => format!("{protocol} {}", fault.as_str()),
        (Some(protocol), None) => protocol.as_str().to_owned(),
        (None, _) => key.quiet.map_or("unknown", quiet).to_owned(),
    };
    let text = match (key.service, key.candidate) {
        (Some(id), _) => format!("{language}: {}", name(id)),
        (None, Some(id)) => format!("{language}: {}?", name(id)),
        (None, None) => language,
    };
    match (key.fit, key.confidence) {
        _ if key.fault.is_some() && key.fit != Fit::Contradicts => (escape(&text), Tone::Bad),
        (Fit::Contradicts, _) => (escape(&format!("! {text}")), Tone::Bad),
        (_, Confidence::Mark) => (escape(&text), Tone::Good),
        (_, Confidence::Protocol) => (escape(&text), Tone::Plain),
        (_, Confidence::Port | Confidence::Unknown) => (escape(&text), Tone::Dim),
    }
}

/// What spoke on a port, with flows and bytes: what has most bytes first.
#[must_use]
pub fn speakers<'p, 'c>(stats: &'p PortStats<'c>) -> Vec<(&'p Speaking<'c>, (u64, u64))> {
    let mut speaking: Vec<_> = stats.speaking.iter().map(|(key, &sums)| (key, sums)).collect();
    speaking.sort_by_key(|&(key, (_, bytes))| (Reverse(bytes), *key));
    speaking
}

/// How a flow is called in which nothing was said.
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
