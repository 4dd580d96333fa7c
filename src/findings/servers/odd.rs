//! What is odd about the bytes at a server.

use std::collections::BTreeMap;

use crate::catalogue::{Catalogue, Prevalence};
use crate::classify::Candidate;
use crate::decode::ServicePort;
use crate::evidence::Protocol;
use crate::findings::expected::{Expected, has_no_words, is_encrypted};
use crate::findings::{Finding, FindingKind, Severity};
use crate::sentence::joined;
use crate::stats::{Anomaly, AnomalyKind, AnsweredFraming, ClientOrigin, Server, protocol_family};

/// Names of the registry for protocols that have another id here.
const REGISTERED_AS: [(&str, Protocol); 14] = [
    ("amqps", Protocol::Tls),
    ("domain", Protocol::Dns),
    ("http-alt", Protocol::Http),
    ("https", Protocol::Tls),
    ("imaps", Protocol::Tls),
    ("ldaps", Protocol::Tls),
    ("microsoft-ds", Protocol::Smb),
    ("ms-wbt-server", Protocol::Rdp),
    ("pop3s", Protocol::Tls),
    ("rfb", Protocol::Vnc),
    ("rtsp-alt", Protocol::Rtsp),
    ("secure-mqtt", Protocol::Tls),
    ("snmptrap", Protocol::Snmp),
    ("telnets", Protocol::Tls),
];

/// Adds the findings of a server's anomalies. `framings` are those in which servers answered on its
/// port, as bits.
pub(super) fn find<'c>(
    server: &Server<'_>,
    catalogue: &'c Catalogue,
    framings: u8,
    expected: &mut BTreeMap<ServicePort, Expected<'c>>,
    findings: &mut Vec<Finding>,
) {
    if !server.anomalies.is_empty() {
        let port = server.key.service_port();
        let expected = expected.entry(port).or_insert_with(|| Expected::on(catalogue, port));
        of_anomalies(server, catalogue, framings, expected, findings);
    }
    findings.extend(of_misuse(server, catalogue));
}

fn of_anomalies(
    server: &Server<'_>,
    catalogue: &Catalogue,
    framings: u8,
    expected: &Expected<'_>,
    findings: &mut Vec<Finding>,
) {
    let shell = server.anomalies.iter().find(|anomaly| anomaly.kind == AnomalyKind::Shell);
    if let Some(shell) = shell {
        findings.push(of_shell(server, shell, expected));
    }
    let mut families: Vec<Protocol> = Vec::new();
    let (mut has_framing, mut has_tampered) = (false, false);
    for anomaly in server.anomalies {
        match (anomaly.kind, anomaly.protocol) {
            (AnomalyKind::Contradiction, Some(protocol)) => {
                let family = protocol_family(protocol);
                // The prompt says more than that it is plain text.
                let is_told = shell.is_some() && protocol == Protocol::Text;
                if !is_told && !families.contains(&family) {
                    families.push(family);
                    findings.push(of_contradiction(server, anomaly, protocol, catalogue, expected));
                }
            }
            (AnomalyKind::Unrecognised, _) if shell.is_none() => {
                findings.extend(of_unrecognised(server, anomaly, catalogue, expected));
            }
            (AnomalyKind::Mismatch | AnomalyKind::CutOff | AnomalyKind::Silence, _)
                if !has_framing =>
            {
                let found = of_framing(server, anomaly, framings);
                has_framing = found.is_some();
                findings.extend(found);
            }
            (AnomalyKind::Failure, Some(protocol)) => {
                findings.extend(of_failure(server, anomaly, protocol, catalogue));
            }
            (AnomalyKind::Tampered, _) if !has_tampered => {
                has_tampered = true;
                findings.push(of_tampering(server, anomaly));
            }
            (AnomalyKind::LogIn, Some(protocol)) => {
                let sentence = format!("a client sends a {} log-in without TLS", protocol.name());
                let kind = FindingKind::Cleartext;
                let finding = Finding::at_server(server, kind, Severity::Note, sentence);
                findings.push(finding.with_frame(Some(anomaly.frame)));
            }
            _ => {}
        }
    }
}

/// A sentence about what is there, beside what is expected there.
fn where_expected(what: &str, expected: &Expected<'_>) -> String {
    expected.clause().map_or_else(|| what.to_owned(), |clause| format!("{what} {clause}"))
}

fn of_shell(server: &Server<'_>, anomaly: &Anomaly, expected: &Expected<'_>) -> Finding {
    let prompt = anomaly.text.as_deref().unwrap_or_default();
    let shell = if anomaly.by_client { "reverse shell" } else { "shell" };
    let what = format!("a clear-text {shell} (\"{prompt}\")");
    let sentence = if expected.is_usual() { where_expected(&what, expected) } else { what };
    Finding::at_server(server, FindingKind::Cleartext, Severity::Alert, sentence)
        .with_frame(Some(anomaly.frame))
        .with_advice(expected.foreign())
}

fn of_contradiction(
    server: &Server<'_>,
    anomaly: &Anomaly,
    protocol: Protocol,
    catalogue: &Catalogue,
    expected: &Expected<'_>,
) -> Finding {
    let is_clear = expected.is_encrypted() && !is_encrypted(protocol) && !has_no_words(protocol);
    let name = protocol.name();
    let clear = if is_clear && protocol != Protocol::Text { " in clear text" } else { "" };
    let service = anomaly.service.as_deref();
    let called = service.map(|id| catalogue.name_of(id)).or(anomaly.text.as_deref());
    let called = called.map_or_else(String::new, |called| format!(" ({called})"));
    let asked = if anomaly.by_client { "a client speaks " } else { "" };
    let what = format!("{asked}{name}{clear}{called}");
    let kind = if is_clear { FindingKind::Cleartext } else { FindingKind::Contradicts };
    let severity = if anomaly.by_client { Severity::Warning } else { Severity::Alert };
    Finding::at_server(server, kind, severity, where_expected(&what, expected))
        .with_service(service)
        .with_frame(Some(anomaly.frame))
        .with_advice(expected.foreign())
}

/// Bytes that came twice and differ: somebody forged one of the two segments, or a device between the
/// ends changes what they send.
fn of_tampering(server: &Server<'_>, anomaly: &Anomaly) -> Finding {
    let whose = if anomaly.by_client { "a client" } else { "the server" };
    let later = anomaly.text.as_deref().unwrap_or_default();
    let sentence = format!(
        "two packets of {whose} carry different data for the same TCP sequence numbers (frames {} and {later})",
        anomaly.frame
    );
    Finding::at_server(server, FindingKind::Tampered, Severity::Warning, sentence)
        .with_frame(Some(anomaly.frame))
}

fn of_unrecognised(
    server: &Server<'_>,
    anomaly: &Anomaly,
    catalogue: &Catalogue,
    expected: &Expected<'_>,
) -> Option<Finding> {
    let port = server.key.service_port();
    let candidates = anomaly.candidates.as_deref().unwrap_or_default();
    let services: Vec<_> = candidates
        .iter()
        .filter_map(|candidate| match candidate {
            Candidate::Service(service) => Some(service),
            Candidate::Registered(_) => None,
        })
        .collect();
    let remains = |id: &str| services.iter().any(|service| &*service.id == id);
    let mut claims = catalogue.claims_on(port);
    let foreign = claims.find_map(|(service, claim)| {
        let is_ruled_out = claim.prevalence == Prevalence::Common && !remains(&service.id);
        claim.foreign.as_deref().filter(|_| is_ruled_out)
    });
    let what = "unrecognised bytes";
    let (severity, sentence, advice) = if foreign.is_some()
        || expected.is_usual() && services.is_empty()
    {
        (Severity::Warning, where_expected(what, expected), foreign)
    } else if !services.is_empty() {
        // Somebody else's software on this port, if anybody's, may be what the advice is about.
        let other_host =
            server.farthest_client.0 > ClientOrigin::SameHost && server.services.is_empty();
        let advice = catalogue
            .claims_on(port)
            .filter(|(service, _)| other_host && remains(&service.id))
            .find_map(|(_, claim)| claim.unexpected.as_deref());
        let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
        let sentence = format!("{what}; {} possible", remaining(&names));
        (Severity::Note, sentence, advice)
    } else if !candidates.is_empty() {
        let maybe = "the protocols registered for this port are undocumented, so this may be one \
                         of them";
        (Severity::Note, format!("{what}; {maybe}"), None)
    } else {
        return None;
    };
    let kind = FindingKind::Unrecognised;
    let finding = Finding::at_server(server, kind, severity, sentence);
    Some(finding.with_frame(Some(anomaly.frame)).with_advice(advice))
}

/// Flows of a server whose requests are turned down that are no chance: a mistyped password, a busy
/// telephone and a page that breaks are everyday business.
const MANY_TURNED_DOWN: u64 = 3;

/// A server most of whose flows of a protocol fail: a warning where the service turned down everybody,
/// or single requests several times; else a note.
fn of_failure(
    server: &Server<'_>,
    anomaly: &Anomaly,
    protocol: Protocol,
    catalogue: &Catalogue,
) -> Option<Finding> {
    let failed = u64::from(anomaly.flows);
    // Flows that contradict the port are counted by their outcomes only.
    let flows = Some(server.flows_of(protocol)).filter(|&flows| flows >= failed);
    let flows = flows.unwrap_or(server.flows);
    if failed * 2 <= flows {
        return None;
    }
    let is_out = anomaly.of_service && failed == flows;
    let is_grave = is_out || failed >= MANY_TURNED_DOWN;
    let severity = if is_grave { Severity::Warning } else { Severity::Note };
    let id = anomaly.service.as_deref();
    let connections = match (failed, flows) {
        (1, 1) => "the only connection".to_owned(),
        (2, 2) => "both connections".to_owned(),
        (all, flows) if all == flows => format!("all {flows} connections"),
        (most, flows) => format!("{most} of {flows} connections"),
    };
    let cause = anomaly.text.as_deref().unwrap_or_default();
    // Causes begin with the name of the protocol.
    let whom = id.map_or_else(String::new, |id| format!(" to {}", catalogue.name_of(id)));
    let whose = if anomaly.by_client { " from the client" } else { "" };
    let sentence = format!("{connections}{whom} failed: {cause}{whose}");
    let finding = Finding::at_server(server, FindingKind::Failing, severity, sentence);
    Some(finding.with_service(id).with_frame(Some(anomaly.frame)))
}

/// As in `EXLM Agent remains`: all of up to three names, else the first two and the number of
/// others.
fn remaining(names: &[&str]) -> String {
    match names {
        [one] => format!("{one} remains"),
        [one, other, _, _, ..] => format!("{one}, {other} and {} others remain", names.len() - 2),
        [] => String::new(),
        few => format!("{} remain", joined(few, "and")),
    }
}

fn of_framing(server: &Server<'_>, anomaly: &Anomaly, framings: u8) -> Option<Finding> {
    let text = anomaly.text.as_deref().unwrap_or_default();
    let sentence = match anomaly.kind {
        AnomalyKind::Mismatch => match text.split_once(' ').map(|(a, b)| (framed(a), framed(b))) {
            Some((Some(client), Some(server))) => {
                format!("the client frames OSC with {client}, the server with {server}")
            }
            _ => "the client frames OSC with neither a length prefix nor SLIP".to_owned(),
        },
        AnomalyKind::CutOff => {
            "the server closes the connection after the first OSC packet; the framing may be wrong"
                .to_owned()
        }
        _ => {
            let asked = AnsweredFraming::from_name(text)?;
            let is_answered = |framing: &AnsweredFraming| framings & framing.bit() != 0;
            let other = AnsweredFraming::ALL.into_iter().find(is_answered)?;
            if is_answered(&asked) {
                return None;
            }
            let (asked, other) = (framed(asked.as_str())?, framed(other.as_str())?);
            format!(
                "OSC framed with {asked} gets no answer; this port answers OSC framed with {other}"
            )
        }
    };
    let finding = Finding::at_server(server, FindingKind::Framing, Severity::Warning, sentence);
    Some(finding.with_service(anomaly.service.as_deref()).with_frame(Some(anomaly.frame)))
}

/// A framing in words.
fn framed(name: &str) -> Option<&'static str> {
    AnsweredFraming::from_name(name).map(|framing| match framing {
        AnsweredFraming::LengthPrefix => "length prefixes",
        AnsweredFraming::Slip => "SLIP",
    })
}

/// A protocol on a port that is registered for others that are known, where nobody claims the port.
fn of_misuse(server: &Server<'_>, catalogue: &Catalogue) -> Option<Finding> {
    let port = server.key.service_port();
    if server.protocols().next().is_none() || catalogue.claims_on(port).next().is_some() {
        return None;
    }
    let names: Vec<&str> = catalogue.registry.names(port).collect();
    let registered: Vec<Protocol> = names.iter().filter_map(|name| registered_as(name)).collect();
    let spoken: Vec<Protocol> = server.protocols().collect();
    let is_misused = !registered.is_empty()
        && registered.len() == names.len()
        && !spoken.is_empty()
        && spoken.iter().all(|&protocol| !registered.contains(&protocol_family(protocol)));
    is_misused.then(|| {
        let sentence = format!("{} where {} is registered", spoken[0].name(), names.join(" or "));
        Finding::at_server(server, FindingKind::Misused, Severity::Note, sentence)
            .with_frame(server.proof_frame)
    })
}

/// The protocol that a name of the registry stands for, if it is one that is recognised.
fn registered_as(name: &str) -> Option<Protocol> {
    let alias =
        REGISTERED_AS.iter().find(|(known, _)| *known == name).map(|(_, protocol)| *protocol);
    alias.or_else(|| Protocol::from_id(name))
}
