//! What breaks a rule: the flows that were kept of it, and the servers and findings of the report.

use super::check::{Tally, Violation};
use super::rule::{Expectation, FindingRule, FlowRule, ServerRule, names};
use super::selector;
use super::spoken::SpokenName;
use crate::catalogue::Catalogue;
use crate::evidence::Protocol;
use crate::findings::Finding;
use crate::flow_filter::FlowFilter;
use crate::pipeline::JudgedFlow;
use crate::sentence::{count, joined, plural};
use crate::stats::{ProvedService, Server, ServerKey, protocol_family};

/// Servers and findings that are named of each expectation.
const NAMED: usize = 10;

impl Violation {
    fn new(expectation: Expectation, message: String) -> Self {
        Self {
            expectation,
            message,
            server: None,
            finding: None,
            frame: None,
            flows: Vec::new(),
            more: 0,
            filter: None,
        }
    }

    /// The violation that these flows show, of so many.
    fn with_flows(mut self, (flows, all): (Vec<JudgedFlow>, u64)) -> Self {
        self.more = all.saturating_sub(flows.len() as u64);
        let first = flows.iter().map(|flow| flow.record.first_frame).min();
        self.frame = self.frame.or(first);
        self.flows = flows;
        self
    }

    fn with_filter(mut self, filter: Option<String>) -> Self {
        self.filter = filter;
        self
    }
}

/// What was read, where nothing in it shows what is missing.
fn read_frames(frames: u64) -> String {
    match frames {
        0 => "no frame was read".to_owned(),
        1 => "frame 1 was read".to_owned(),
        n => format!("frames 1 to {n} were read"),
    }
}

/// What breaks a rule about flows, of so many flows and frames.
pub(super) fn of_flow_rule(
    rule: &FlowRule,
    mut tally: Tally,
    (all, frames): (u64, u64),
) -> Vec<Violation> {
    let selected = rule.filter.as_ref().map(FlowFilter::text);
    let and = |condition: String| match selected {
        Some(text) => format!("({text}) and {condition}"),
        None => condition,
    };
    let mut violations = Vec::new();
    let of = |n: u64| format!("{} of {}", count(n), plural(all, "flow"));
    if rule.none && tally.flows > 0 {
        let message = format!("{} should not be there", of(tally.flows));
        let violation = Violation::new(Expectation::None, message);
        let filter = selected.map(str::to_owned);
        violations.push(violation.with_flows(tally.take(Expectation::None)).with_filter(filter));
    }
    if !rule.must.is_empty() {
        let (flows, n) = tally.take(Expectation::Must);
        let expected = names(&rule.must, "and");
        if tally.flows == 0 {
            let message = format!("no flow is selected, and {}", read_frames(frames));
            violations.push(Violation::new(Expectation::Must, message));
        } else if n > 0 {
            let selected = plural(tally.flows, "selected flow");
            let verb = if n == 1 { "does" } else { "do" };
            let message = format!("{} of {selected} {verb} not speak {expected}", count(n));
            let not: Vec<String> = rule.must.iter().map(SpokenName::flow_filter).collect();
            let not = match &not[..] {
                [one] => one.clone(),
                several => format!("({})", several.join(") and (")),
            };
            let violation = Violation::new(Expectation::Must, message).with_flows((flows, n));
            violations.push(violation.with_filter(Some(and(format!("not ({not})")))));
        }
    }
    if let Some(least) = rule.at_least.filter(|&least| tally.flows < least) {
        let found = if tally.flows == 0 {
            format!("no flow is selected, and {}", read_frames(frames))
        } else {
            format!("only {} instead of {} or more", plural(tally.flows, "flow"), count(least))
        };
        let violation = Violation::new(Expectation::AtLeast, found);
        let filter = selected.map(str::to_owned);
        violations.push(violation.with_flows(tally.take(Expectation::AtLeast)).with_filter(filter));
    }
    if let Some(most) = rule.at_most_bytes.filter(|&most| tally.bytes > most) {
        let violation = too_many_bytes(tally.bytes, most, &plural(tally.flows, "flow"));
        let filter = selected.map(str::to_owned);
        violations
            .push(violation.with_flows(tally.take(Expectation::AtMostBytes)).with_filter(filter));
    }
    if let Some(only) = &rule.only {
        let (flows, n) = tally.take(Expectation::Only);
        if n > 0 {
            let selected = plural(tally.flows, "selected flow");
            let verb = if n == 1 { "does" } else { "do" };
            let message = format!("{} of {selected} {verb} not match: {}", count(n), only.text());
            let violation = Violation::new(Expectation::Only, message).with_flows((flows, n));
            violations.push(violation.with_filter(Some(and(format!("not ({})", only.text())))));
        }
    }
    violations
}

fn too_many_bytes(bytes: u64, most: u64, of: &str) -> Violation {
    let (bytes, most) = (plural(bytes, "byte"), count(most));
    Violation::new(Expectation::AtMostBytes, format!("{bytes} in {of}; at most {most} are allowed"))
}

/// What breaks a rule about servers, of so many frames.
pub(super) fn of_server_rule(
    rule: &ServerRule,
    mut tally: Tally,
    (servers, catalogue): (&[Server<'_>], &Catalogue),
    frames: u64,
) -> Vec<Violation> {
    let selected: Vec<&Server<'_>> =
        servers.iter().filter(|server| rule.selector.has_server(server)).collect();
    let mut violations = Vec::new();
    if rule.none {
        let (flows, _) = tally.take(Expectation::None);
        let message = |server: &Server<'_>| format!("it {}", speaking(server, catalogue));
        violations.extend(of_servers(Expectation::None, &selected, &flows, message));
    }
    let missing = selected.is_empty() && (!rule.must.is_empty() || rule.at_least.is_some());
    if missing {
        let expectation =
            if rule.must.is_empty() { Expectation::AtLeast } else { Expectation::Must };
        let (flows, n) = tally.take(expectation);
        let found = match n {
            0 => format!("no server answered ({})", read_frames(frames)),
            n => format!("no server answered {}", plural(n, "attempt")),
        };
        let violation = Violation::new(expectation, found).with_flows((flows, n));
        violations.push(violation.with_filter(rule.selector.flow_filter()));
        return violations;
    }
    let lacks =
        |server: &&&Server<'_>| !rule.must.iter().all(|name| name.is_spoken_at(server, catalogue));
    let lacking: Vec<&Server<'_>> = selected.iter().filter(lacks).copied().collect();
    if !lacking.is_empty() {
        let (flows, _) = tally.take(Expectation::Must);
        let message = |server: &Server<'_>| {
            let missing = rule.must.iter().filter(|name| !name.is_spoken_at(server, catalogue));
            let missing: Vec<&str> = missing.map(SpokenName::id).collect();
            format!(
                "it does not speak {}; it {}",
                joined(&missing, "or"),
                speaking(server, catalogue)
            )
        };
        violations.extend(of_servers(Expectation::Must, &lacking, &flows, message));
    }
    if let Some(least) = rule.at_least.filter(|&least| (selected.len() as u64) < least) {
        let n = plural(selected.len() as u64, "server");
        let keys = selected.iter().take(NAMED).map(|server| server.key.to_string());
        let more = (selected.len() > NAMED).then(|| "others".to_owned());
        let keys: Vec<String> = keys.chain(more).collect();
        let message =
            format!("only {n} instead of {} or more: {}", count(least), joined(&keys, "and"));
        let violation = Violation::new(Expectation::AtLeast, message);
        let filter = rule.selector.flow_filter();
        violations.push(violation.with_flows(tally.take(Expectation::AtLeast)).with_filter(filter));
    }
    let bytes: u64 = selected.iter().map(|server| server.bytes.sum()).sum();
    if let Some(most) = rule.at_most_bytes.filter(|&most| bytes > most) {
        let of = format!("flows to {}", plural(selected.len() as u64, "server"));
        let violation = too_many_bytes(bytes, most, &of);
        let filter = rule.selector.flow_filter();
        let mut violation =
            violation.with_flows(tally.take(Expectation::AtMostBytes)).with_filter(filter);
        violation.frame =
            violation.frame.or_else(|| selected.iter().find_map(|server| server.proof_frame));
        violations.push(violation);
    }
    if !rule.only.is_empty() {
        let others: Vec<&Server<'_>> = selected
            .iter()
            .filter(|server| !beyond(&rule.only, server, catalogue).is_empty())
            .copied()
            .collect();
        let (flows, _) = tally.take(Expectation::Only);
        let message = |server: &Server<'_>| {
            let others = beyond(&rule.only, server, catalogue);
            format!("it also speaks {}", joined(&others, "and"))
        };
        violations.extend(of_servers(Expectation::Only, &others, &flows, message));
    }
    violations
}

/// A violation for each of these servers, with its flows, of many only the first.
fn of_servers(
    expectation: Expectation,
    servers: &[&Server<'_>],
    flows: &[JudgedFlow],
    message: impl Fn(&Server<'_>) -> String,
) -> Vec<Violation> {
    let mut violations: Vec<Violation> = servers
        .iter()
        .take(NAMED)
        .map(|server| {
            let key = server.key;
            let is_own = |flow: &&JudgedFlow| {
                ServerKey::new(flow.record.responder, flow.record.transport) == key
            };
            let flows: Vec<JudgedFlow> = flows.iter().filter(is_own).cloned().collect();
            let filter = format!(
                "responder_address = {} and responder_port = {} and transport = {}",
                key.address, key.port, key.transport
            );
            let n = flows.len() as u64;
            let message = format!("{key}: {}", message(server));
            let mut violation = Violation::new(expectation, message).with_flows((flows, n));
            violation.frame = violation.frame.or(server.proof_frame);
            violation.server = Some(key);
            violation.with_filter(Some(filter))
        })
        .collect();
    if let Some(last) = violations.last_mut() {
        last.more = servers.len().saturating_sub(NAMED) as u64;
    }
    violations
}

/// What a server speaks beyond what is allowed.
fn beyond(only: &[SpokenName], server: &Server<'_>, catalogue: &Catalogue) -> Vec<String> {
    let is_allowed = |protocol: Protocol| only.iter().any(|name| name.allows(protocol));
    let proved_by = |protocol: Protocol| {
        let family = protocol_family(protocol);
        let proved = server.services.iter().filter(move |proved| proved.protocol == Some(family));
        proved.map(|proved| catalogue.name_of(proved.id)).collect::<Vec<_>>()
    };
    let protocols = server.protocols().filter(|&protocol| !is_allowed(protocol));
    let mut others: Vec<String> = protocols
        .map(|protocol| match &proved_by(protocol)[..] {
            [] => protocol.name(),
            services => format!("{} ({})", protocol.name(), services.join(", ")),
        })
        .collect();
    // Beside an application, its framework and its server are proved by the same protocol.
    let is_highest = |one: &ProvedService<'_>| {
        let mut others = server.services.iter();
        !others.any(|other| other.protocol == one.protocol && other.layer < one.layer)
    };
    let services = server.services.iter().filter(|proved| {
        is_highest(proved)
            && proved.protocol.is_none_or(is_allowed)
            && !only.iter().any(|name| name.allows_service(proved.id, proved.protocol, catalogue))
    });
    others.extend(services.map(|proved| catalogue.name_of(proved.id).to_owned()));
    let unknown = server.has_data && server.protocols().next().is_none();
    others.extend(unknown.then(|| "a protocol that is not recognised".to_owned()));
    others
}

/// What a server speaks, behind "it".
fn speaking(server: &Server<'_>, catalogue: &Catalogue) -> String {
    let services: Vec<String> =
        server.services.iter().map(|proved| catalogue.name_of(proved.id).to_owned()).collect();
    let protocols: Vec<String> = server.protocols().map(Protocol::name).collect();
    let address = server.key.address.to_string();
    let mut names = selector::names(server).filter(|name| *name != address);
    let called = names.next().map_or_else(String::new, |name| format!(", called {name}"));
    match (&services[..], &protocols[..]) {
        ([], []) if server.has_data => format!("speaks a protocol that is not recognised{called}"),
        ([], []) => format!("accepted the connection, but sent no data{called}"),
        ([], protocols) => format!("speaks {}{called}", joined(protocols, "and")),
        (services, _) => format!("is {}{called}", joined(services, "with")),
    }
}

/// What breaks a rule about findings.
pub(super) fn of_finding_rule(rule: FindingRule, findings: &[Finding]) -> Vec<Violation> {
    let broken: Vec<&Finding> = findings.iter().filter(|finding| rule.is_of(finding)).collect();
    let violations = broken.iter().take(NAMED).map(|finding| {
        let place = match finding.server_key() {
            Some(key) => key.to_string(),
            None => finding.port.to_string(),
        };
        let address = finding.server.map(|address| format!(" and responder_address = {address}"));
        let mut violation =
            Violation::new(Expectation::No, format!("{place}: {}", finding.sentence));
        violation.frame = finding.frame;
        violation.server = finding.server_key();
        violation.finding = Some((*finding).clone());
        violation.with_filter(Some(format!(
            "responder_port = {} and transport = {}{}",
            finding.port.port,
            finding.port.transport,
            address.unwrap_or_default()
        )))
    });
    let mut violations: Vec<Violation> = violations.collect();
    if let Some(last) = violations.last_mut() {
        last.more = broken.len().saturating_sub(NAMED) as u64;
    }
    violations
}
