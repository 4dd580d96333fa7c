//! The labels of a port and of what spoke on it: the same in every output for people.

use std::cmp::Reverse;

use unicode_width::UnicodeWidthStr;

use super::escape::{SafeText, escape};
use super::layout::{Cell, Tone};
use super::processes;
use super::units::count;
use crate::catalogue::Catalogue;
use crate::classify::{Candidate, Confidence, Fit, SharedStr};
use crate::decode::ServicePort;
use crate::evidence::Protocol;
use crate::findings::Severity;
use crate::flow::{FlowRecord, Orientation, Outcome};
use crate::pipeline::JudgedFlow;
use crate::stats::{PortStats, Products, Speaker, SpeakerStats, Unanswered};

/// The names of a port in the IANA registry.
#[must_use]
pub fn registered(catalogue: &Catalogue, port: ServicePort) -> SafeText {
    let entries = catalogue.registry.entries(port);
    let names: Vec<_> =
        entries.map(|e| if e.name.is_empty() { "(reserved)" } else { e.name }).collect();
    SafeText::trusted(if names.is_empty() { "-".into() } else { names.join(", ") })
}

/// The services that use a port without being registered for it: two, or the likeliest and the
/// number of the others.
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
        1..=2 => SafeText::escape(&names.join(", ")),
        more => SafeText::trusted(format!("{}, {} more", escape(names[0]), more - 1)),
    }
}

/// The label of flows without payload, although nothing prevented it.
pub const NO_DATA: &str = "no data";

/// Candidates that are named; of more only the number is.
const NAMED: usize = 3;

/// What spoke: `http: Express`, `http: Express, nginx` if a mark of another layer holds too, `ssh`,
/// `ssh (OpenSSH_9.2p1)` by what the server calls itself, `not recognised`, `refused`; `osc (no answer)`
/// if the client alone spoke, `osc mismatch: Eos` if the sides do not understand each other. What
/// does not belong on the port begins with `!`. [`candidates`] has who it may be besides.
#[must_use]
pub fn speaker(catalogue: &Catalogue, key: &Speaker, speaking: &SpeakerStats) -> Cell {
    let name = |id: &str| catalogue.name_of(id).to_owned();
    let also = sorted_also(catalogue, speaking);
    let mut services: Vec<String> =
        key.service.as_deref().into_iter().chain(also).map(name).collect();
    add_name(&mut services, &first_of(speaking.service_names.as_deref()));
    let products = first_of(speaking.products.as_deref());
    let text = spoken(key, &services, &products);
    Cell::escape(&format!("{}{text}", sign(key))).with_tone(tone(key))
}

/// What stands before the text of what does not belong on the port.
fn sign(key: &Speaker) -> &'static str {
    if key.fit == Some(Fit::Contradicts) { "! " } else { "" }
}

/// The tone of a finding.
#[must_use]
pub const fn severity_tone(severity: Severity) -> Tone {
    match severity {
        Severity::Alert => Tone::Bad,
        Severity::Warning => Tone::Fair,
        Severity::Note => Tone::Plain,
    }
}

/// Who speaks in a flow, as [`flow_speaker`] has it, with the sign and the tone of [`speaker`].
#[must_use]
pub fn flow_cell(flow: &JudgedFlow) -> Cell {
    let sign = sign(&Speaker::of_flow(&flow.record, &flow.verdict));
    Cell::trusted(format!("{sign}{}", flow_speaker(flow))).with_tone(flow_tone(flow))
}

/// The tone of who speaks in a flow: that of [`speaker`].
pub(in crate::report) fn flow_tone(flow: &JudgedFlow) -> Tone {
    tone(&Speaker::of_flow(&flow.record, &flow.verdict))
}

/// Contradictions and faults stand out, then what is proved; what only the port says is faint.
fn tone(key: &Speaker) -> Tone {
    match (key.fit, key.confidence, key.unanswered) {
        (Some(Fit::Contradicts), ..) => Tone::Bad,
        _ if key.fault.is_some() => Tone::Bad,
        (_, Confidence::Mark, None) => Tone::Good,
        (_, Confidence::Protocol, None) => Tone::Plain,
        (_, Confidence::Port | Confidence::Unknown, _) | (_, _, Some(_)) => Tone::Dim,
    }
}

/// What spoke as [`speaker`] has it, with the service that the processes behind the port are called
/// after: the name of a process is not what was spoken.
#[must_use]
pub fn speaker_of_port(
    catalogue: &Catalogue,
    key: &Speaker,
    speaking: &SpeakerStats,
    stats: &PortStats,
) -> Cell {
    let cell = speaker(catalogue, key, speaking);
    match processes::service(catalogue, key, &stats.processes.responders) {
        Some(service) => {
            let text = format!("{} (process: {})", cell.text, escape(service));
            Cell::trusted(text).with_tone(cell.tone)
        }
        None => cell,
    }
}

/// The columns that protocol and service of [`speaker`] take, without what stands behind them.
#[must_use]
pub fn essential_width(catalogue: &Catalogue, key: &Speaker) -> usize {
    let service: Vec<String> =
        key.service.iter().map(|id| catalogue.name_of(id).to_owned()).collect();
    sign(key).len() + escape(&spoken(key, &service, &[])).width()
}

/// The first of some names, and the number of the others.
fn first_of(names: Option<&Products>) -> Vec<String> {
    names.map_or_else(Vec::new, |names| {
        let mut shown: Vec<String> = names.kept().take(1).map(str::to_owned).collect();
        let more = (names.kept().len() as u64).saturating_sub(1) + names.others();
        shown.extend((more > 0).then(|| format!("+{more}")));
        shown
    })
}

/// Adds to the first service which one it is, by the names that its mark took.
fn add_name(services: &mut [String], names: &[String]) {
    if let Some(service) = services.first_mut().filter(|_| !names.is_empty()) {
        *service = format!("{service}: {}", names.join(", "));
    }
}

/// What spoke in a flow, in the form of [`speaker`].
#[must_use]
pub fn flow_speaker(flow: &JudgedFlow) -> SafeText {
    let JudgedFlow { record, verdict, .. } = flow;
    let mut services: Vec<String> =
        verdict.service.iter().chain(&verdict.also).map(|service| service.name.clone()).collect();
    add_name(&mut services, verdict.service_name.as_slice());
    let products: Vec<String> = verdict.product.iter().cloned().collect();
    let mut text = spoken(&Speaker::of_flow(record, verdict), &services, &products);
    if let Some(service) = &verdict.process_service
        && !services.contains(&service.name)
    {
        text += &format!(" (process: {})", service.id);
    }
    SafeText::escape(&text)
}

/// The text of both; untrusted.
fn spoken(key: &Speaker, services: &[String], products: &[String]) -> String {
    let protocol = match (key.protocol, key.fault) {
        (Some(protocol), Some(fault)) => format!("{protocol} {}", fault.as_str()),
        (Some(protocol), None) => protocol.as_str().to_owned(),
        (None, _) => key.unanswered.map_or("not recognised", unanswered).to_owned(),
    };
    match (key.unanswered, key.protocol) {
        // What was asked for is nobody who answers.
        (Some(why), Some(_)) => format!("{protocol} ({})", unanswered(why)),
        _ if !services.is_empty() => format!("{protocol}: {}", services.join(", ")),
        _ if !products.is_empty() => format!("{protocol} ({})", products.join(", ")),
        _ => protocol,
    }
}

/// Who may have spoken where no mark names a service: the names, or the number of many. Nobody
/// where the protocol says it all: an SSH server speaks `ssh`.
#[must_use]
pub fn candidates(
    catalogue: &Catalogue,
    port: ServicePort,
    key: &Speaker,
    speaking: &SpeakerStats,
) -> SafeText {
    let candidates = sorted_candidates(catalogue, port, speaking);
    let says_it_all = |candidate: &Candidate| match (candidate, key.protocol) {
        (Candidate::Service(service), Some(protocol)) => {
            service.protocols.iter().all(|&spoken| spoken == protocol || spoken == Protocol::Tls)
                && protocol != Protocol::Tls
        }
        _ => false,
    };
    match &candidates[..] {
        [] => SafeText::trusted("-"),
        _ if key.service.is_some() => SafeText::trusted("-"),
        [only] if says_it_all(only) => SafeText::trusted("-"),
        few if few.len() <= NAMED => {
            let names: Vec<&str> = few.iter().map(|candidate| candidate.name()).collect();
            SafeText::escape(&names.join(", "))
        }
        many => SafeText::trusted(count(many.len() as u64)),
    }
}

/// The candidates on a port: its claimants, the likeliest first, then other services, then names of
/// the registry.
#[must_use]
pub fn sorted_candidates<'s>(
    catalogue: &Catalogue,
    port: ServicePort,
    speaking: &'s SpeakerStats,
) -> Vec<&'s Candidate> {
    let place = |candidate: &Candidate| match candidate {
        Candidate::Service(service) => {
            let mut claimants = catalogue.claimants(port);
            claimants.position(|other| other.id == service.id).unwrap_or(usize::MAX)
        }
        Candidate::Registered(_) => usize::MAX,
    };
    let mut sorted: Vec<&Candidate> = speaking.candidates.iter().collect();
    sorted.sort_by_cached_key(|candidate| (place(candidate), *candidate));
    sorted
}

/// The ids of the services of other layers, the highest first.
#[must_use]
pub fn sorted_also<'s>(catalogue: &Catalogue, speaking: &'s SpeakerStats) -> Vec<&'s str> {
    let layer = |id: &str| catalogue.service(id).map(|service| service.layer);
    let mut sorted: Vec<&str> = speaking.also.iter().map(SharedStr::as_str).collect();
    sorted.sort_by_key(|id| (layer(id), *id));
    sorted
}

/// What spoke on a port; most bytes first.
#[must_use]
pub fn speakers(stats: &PortStats) -> Vec<(&Speaker, &SpeakerStats)> {
    let mut speakers: Vec<_> = stats.folded_speakers().iter().collect();
    speakers.sort_by_key(|&(key, speaking)| (Reverse(speaking.bytes), key));
    speakers
}

/// A framing of OSC as people call it.
#[must_use]
pub fn framed(id: &str) -> &str {
    match id {
        "length-prefix" => "length prefixes",
        "slip" => "SLIP",
        other => other,
    }
}

/// Flows by outcome: `3 established, 1 no answer`.
pub fn outcomes(counts: impl Iterator<Item = (Outcome, u64)>) -> String {
    let texts =
        counts.map(|(outcome, n)| format!("{} {}", count(n), outcome.as_str().replace('_', " ")));
    texts.collect::<Vec<_>>().join(", ")
}

/// The arrow from client to server; with a question mark if it is a guess who is which.
#[must_use]
pub fn arrow(record: &FlowRecord) -> &'static str {
    if record.orientation == Orientation::Guessed { "→?" } else { "→" }
}

/// The label of a flow without an answer.
const fn unanswered(why: Unanswered) -> &'static str {
    match why {
        Unanswered::Refused => "refused",
        Unanswered::Unreachable => "unreachable",
        Unanswered::NoAnswer => "no answer",
        Unanswered::Silent => NO_DATA,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::classify::Fault;
    use crate::decode::Transport;

    fn shipped() -> Arc<Catalogue> {
        Catalogue::shipped().unwrap()
    }

    fn speaks(protocol: Option<Protocol>) -> Speaker {
        Speaker {
            service: None,
            tag: None,
            protocol,
            confidence: Confidence::Protocol,
            fit: None,
            unanswered: None,
            fault: None,
        }
    }

    fn with(ids: &[&str], products: &[&str]) -> SpeakerStats {
        let candidate = |id: &&str| Candidate::Service(Arc::clone(shipped().service(id).unwrap()));
        SpeakerStats {
            candidates: ids.iter().map(candidate).collect(),
            products: named(products),
            ..SpeakerStats::default()
        }
    }

    fn named(names: &[&str]) -> Option<Box<Products>> {
        let mut known = Products::default();
        names.iter().for_each(|name| known.insert(name));
        (!names.is_empty()).then(|| Box::new(known))
    }

    #[test]
    fn only_what_is_proved_stands_where_the_answer_belongs() {
        let http = || speaks(Some(Protocol::Http));
        let express = || Speaker { service: Some(SharedStr::Static("express")), ..http() };
        let none = || SpeakerStats::default();
        let also = [SharedStr::Static("node")].into();
        let asked = |protocol, why| Speaker { unanswered: Some(why), ..speaks(protocol) };
        let osc = Some(Protocol::Osc);
        let eos = Some(SharedStr::Static("eos"));
        for (key, speaking, expected) in [
            (http(), with(&["nextjs", "express"], &[]), "http"),
            (http(), with(&["nextjs"], &["Jetty(9.4.50)"]), "http (Jetty(9.4.50))"),
            (http(), with(&[], &["b", "a", "c"]), "http (a, +2)"),
            (express(), with(&["nextjs"], &["Express"]), "http: Express"),
            (express(), SpeakerStats { also, ..none() }, "http: Express, Node.js HTTP server"),
            (
                express(),
                SpeakerStats { service_names: named(&["b", "a"]), ..none() },
                "http: Express: a, +1",
            ),
            (Speaker { fit: Some(Fit::Contradicts), ..express() }, none(), "! http: Express"),
            (speaks(None), with(&["nextjs"], &[]), "not recognised"),
            (asked(None, Unanswered::Refused), with(&["nextjs"], &[]), "refused"),
            (asked(None, Unanswered::Unreachable), none(), "unreachable"),
            (asked(None, Unanswered::Silent), none(), "no data"),
            (
                Speaker { service: eos.clone(), ..asked(osc, Unanswered::NoAnswer) },
                none(),
                "osc (no answer)",
            ),
            (
                Speaker { service: eos, fault: Some(Fault::Mismatch), ..speaks(osc) },
                none(),
                "osc mismatch: ETC Eos lighting console",
            ),
        ] {
            assert_eq!(speaker(&shipped(), &key, &speaking).text.as_str(), expected);
        }
    }

    #[test]
    fn candidates_are_named_if_few_counted_if_many_and_left_out_if_the_protocol_says_it_all() {
        let text = |port: u16, key: &Speaker, ids: &[&str]| {
            let port = ServicePort::new(port, Transport::Tcp);
            candidates(&shipped(), port, key, &with(ids, &[])).to_string()
        };
        let unknown = speaks(None);
        assert_eq!(text(3002, &unknown, &[]), "-");
        assert_eq!(
            text(3002, &unknown, &["exlm-agent", "remoteware-server", "miralix-csta"]),
            "RemoteWare Server, Miralix CSTA, EXLM Agent",
            "the likeliest of the port first"
        );
        let http = speaks(Some(Protocol::Http));
        assert_eq!(text(3002, &http, &["nextjs", "express", "fastify", "koa"]), "4");
        assert_eq!(text(3002, &http, &["nextjs"]), "Next.js");
        assert_eq!(text(22, &speaks(Some(Protocol::Ssh)), &["ssh-server"]), "-");
        let named = Speaker { service: Some(SharedStr::Static("express")), ..http };
        assert_eq!(text(3002, &named, &["nextjs"]), "-");
    }
}
