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
    assert!(first.advice.as_deref().unwrap().contains("block the port where Eos"));
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
fn one_refused_attempt_is_the_expected_state() {
    assert_eq!(lines(&found("refused-3001")), [""; 0]);
}
