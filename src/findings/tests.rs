//! What is found in captures whose truth is known.

use super::{Finding, FindingKind, Severity, find};
use crate::Replay;

fn found(capture: &str) -> Vec<Finding> {
    let run = Replay::open([format!("fixtures/{capture}.pcap")]).unwrap().run().unwrap();
    find(&run.stats, &run.catalogue)
}

/// Severity, kind, port, server and frame, as a report has them.
fn lines(findings: &[Finding]) -> Vec<String> {
    let line = |finding: &Finding| {
        let server = finding.server.map_or_else(|| "-".to_owned(), |server| server.to_string());
        let (severity, kind) = (finding.severity.as_str(), finding.kind.as_str());
        let frame = finding.frame.unwrap_or(0);
        format!("{severity} {kind} {} {server} {frame}", finding.port)
    };
    findings.iter().map(line).collect()
}

#[test]
fn http_on_a_consoles_port_is_an_alert_with_the_advice_of_the_claim() {
    let findings = found("showcase");
    let first = &findings[0];
    assert_eq!((first.severity, first.kind), (Severity::Alert, FindingKind::Contradicts));
    assert_eq!(first.service.as_deref(), Some("python-http-server"));
    assert!(first.sentence.ends_with("where lighting consoles speak OSC"), "{}", first.sentence);
    assert!(first.advice.as_deref().unwrap().contains("Block the port where no Eos"));
}

#[test]
fn findings_are_ordered_by_severity_then_port_and_name_what_remains() {
    assert_eq!(
        lines(&found("showcase")),
        ["alert contradicts 3037/tcp 192.0.2.10 261", "note unrecognised 3002/tcp 192.0.2.11 175",]
    );
    let sentence = &found("showcase")[1].sentence;
    assert!(sentence.contains("EXLM Agent"), "{sentence}");
}

#[test]
fn sides_that_frame_differently_are_told_apart() {
    let findings = found("eos-mismatch");
    assert!(!findings.is_empty());
    for finding in &findings {
        assert_eq!((finding.severity, finding.kind), (Severity::Warning, FindingKind::Framing));
    }
    let sentence = "the client frames OSC with length prefixes, the server with SLIP";
    assert!(findings.iter().any(|finding| finding.sentence == sentence));
}

#[test]
fn a_tls_servers_answer_to_clear_text_is_no_finding_and_a_page_is() {
    assert_eq!(lines(&found("cases/nginx-400-on-tls-443")), [""; 0]);
    let findings = found("cases/http-on-443");
    assert_eq!((findings[0].severity, findings[0].kind), (Severity::Alert, FindingKind::Cleartext));
    assert!(findings[0].sentence.contains("HTTP in clear text"), "{}", findings[0].sentence);
}

#[test]
fn one_refused_request_is_no_warning_and_a_service_that_refuses_everybody_is() {
    let sentences = |capture: &str| {
        let line = |finding: &Finding| {
            format!("{} {} {}", finding.severity.as_str(), finding.port, finding.sentence)
        };
        found(capture).iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        sentences("cases/finding-quiet-refusals"),
        [
            "note 25/tcp the only connection failed: SMTP 550",
            "note 80/tcp the only connection failed: HTTP 500",
            "note 5060/udp the only connection failed: SIP 486",
            "note 5432/tcp the only connection failed: PostgreSQL 28P01",
        ]
    );
    assert_eq!(
        sentences("cases/finding-failing"),
        [
            "warning 5060/udp all 3 connections failed: SIP 403",
            "note 80/tcp 2 of 3 connections failed: HTTP 502",
        ]
    );
    assert_eq!(
        sentences("cases/failing-postgresql"),
        ["warning 5432/tcp all 3 connections failed: PostgreSQL 28P01"]
    );
    let eos = sentences("cases/finding-failing-eos");
    assert!(eos[0].starts_with("warning 8000/udp the only connection"), "{eos:?}");
    assert!(eos[0].ends_with("failed: Eos Syntax Error"), "{eos:?}");
    let csta = sentences("cases/finding-failing-csta");
    assert_eq!(csta.len(), 2, "{csta:?}");
    assert!(csta.iter().all(|line| line.starts_with("warning 2555/tcp the only")), "{csta:?}");
    assert_eq!(
        sentences("cases/failing-mqtt"),
        ["warning 1883/tcp the only connection failed: MQTT refused: not authorized"]
    );
    assert!(
        sentences("cases/failing-tls")[0].starts_with("warning 443/tcp both connections failed")
    );
}

#[test]
fn a_tunnel_that_uses_one_socket_is_found_and_a_resolver_that_does_is_none() {
    let findings = found("cases/finding-one-socket");
    assert_eq!(lines(&findings), ["warning tunnel 53/udp 192.0.2.53 1"]);
    let sentence = &findings[0].sentence;
    assert!(sentence.starts_with("40 long unique names under t.example.test"), "{sentence}");
    assert_eq!(lines(&found("cases/finding-quiet-one-socket")), [""; 0]);
}

#[test]
fn shells_that_call_back_are_named_and_transcripts_are_not() {
    let findings = found("cases/finding-reverse-shell");
    let alerts: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Alert)
        .map(|finding| finding.sentence.as_str())
        .collect();
    assert_eq!(
        alerts,
        [
            "a clear-text reverse shell (\"bash-5.2# id\")",
            "a clear-text reverse shell (\"$ ls\") where HTTP or TLS is expected",
            "a clear-text reverse shell (\"uid=33(www-data) gid=33(www-data) groups=33(www-data)\")",
        ]
    );
    let quiet = found("cases/finding-quiet-transcripts");
    assert!(quiet.iter().all(|finding| finding.severity == Severity::Note), "{quiet:?}");
}

#[test]
fn one_refused_attempt_is_the_expected_state() {
    assert_eq!(lines(&found("refused-3001")), [""; 0]);
}
