//! Verdicts on the shipped catalogue, and the precedence of the grounds.

mod candidates;
mod fit;
mod layers;

use super::reasons::{MAX_VALUE, excerpt};
use super::*;
use crate::decode::Transport;
use crate::detect;
use crate::evidence::{Depth, Direction, Protocol};
use crate::flow::Opening;

fn shipped() -> Catalogue {
    Catalogue::load(&[]).unwrap()
}

fn evidence_of(transport: Transport, initiator: &[&[u8]], responder: &[&[u8]]) -> Evidence {
    detect::inspect(&Opening::from_payloads(transport, initiator, responder), Depth::Facts)
}

/// The shipped catalogue with some services of the user.
fn with_services(texts: &[&str]) -> Catalogue {
    let folder = tempfile::tempdir().unwrap();
    for (i, text) in texts.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{i}.toml")), text).unwrap();
    }
    let paths = if texts.is_empty() { vec![] } else { vec![folder.path().to_owned()] };
    Catalogue::load(&paths).unwrap()
}

fn verdict(catalogue: &Catalogue, port: u16, evidence: &Evidence) -> Verdict {
    classify(catalogue, ServicePort::new(port, Transport::Tcp), Some(evidence), true)
}

fn service(verdict: &Verdict) -> Option<&str> {
    verdict.service.as_ref().map(|service| &*service.id)
}

fn ids(verdict: &Verdict) -> Vec<&str> {
    verdict.candidates.iter().map(Candidate::id).collect()
}

const BINARY: &[u8] = b"\x9f\x01\x02\x03\x9c\x55\x10\x77";
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const EXPRESS: &[u8] = b"HTTP/1.1 200 OK\r\nX-Powered-By: Express\r\nContent-Length: 0\r\n\r\n";
const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const EOS: &[u8] = b"\xc0/eos/out/ping\0\0\0,\0\0\0\xc0";

#[test]
fn a_silent_port_names_nobody_and_lists_the_likeliest_first() {
    let catalogue = shipped();
    let verdict = classify(&catalogue, ServicePort::new(3002, Transport::Tcp), None, true);
    assert_eq!(
        (verdict.confidence, verdict.fit, verdict.service.is_none()),
        (Confidence::Port, None, true)
    );
    assert_eq!(verdict.tag(), None, "nothing is proved");
    let tags = verdict.candidate_tags();
    assert!(tags[0] == "dev-server" && tags.contains(&"exlm"), "{tags:?}");
    let ids = ids(&verdict);
    let place = |id| ids.iter().position(|&known| known == id).unwrap();
    assert!(place("nextjs") < place("exlm-agent"));
    assert!(
        place("miralix-csta") < place("exlm-agent"),
        "what is dormant stands last among the rare"
    );
}

#[test]
fn unknown_binary_on_3002_leaves_the_services_whose_protocol_is_not_known() {
    let catalogue = shipped();
    let verdict = classify(
        &catalogue,
        ServicePort::new(3002, Transport::Tcp),
        Some(&evidence_of(Transport::Tcp, &[BINARY], &[BINARY])),
        true,
    );
    let mut left = ids(&verdict);
    left.sort_unstable();
    assert_eq!(left, ["exlm-agent", "miralix-csta", "remoteware-server"]);
    assert_eq!(verdict.confidence, Confidence::Port);
    let ruled_out = verdict.reasons.iter().find(|r| r.fact == "ruled-out").unwrap();
    assert!(ruled_out.value.contains("Next.js") && ruled_out.frame == Some(1), "{ruled_out:?}");
    assert_eq!(verdict.candidate_tags().len(), 3, "each is named");
    assert_eq!(verdict.fit, None);
    let udp = classify(
        &catalogue,
        ServicePort::new(3002, Transport::Udp),
        Some(&evidence_of(Transport::Udp, &[BINARY], &[])),
        true,
    );
    let mut left = ids(&udp);
    left.sort_unstable();
    assert_eq!(left, ["exlm-agent", "remoteware-server"]);
}

#[test]
fn bytes_from_the_middle_rule_nobody_out() {
    let catalogue = shipped();
    let mut midstream = Opening::new(Transport::Tcp);
    midstream.push_for_test(BINARY);
    let verdict = classify(
        &catalogue,
        ServicePort::new(3037, Transport::Tcp),
        Some(&detect::inspect(&midstream, Depth::Facts)),
        true,
    );
    assert!(ids(&verdict).contains(&"eos"));
}

#[test]
fn a_protocol_that_a_claimant_speaks_is_the_ground_and_the_speakers_are_candidates() {
    let catalogue = shipped();
    let verdict = classify(
        &catalogue,
        ServicePort::new(3001, Transport::Tcp),
        Some(&evidence_of(Transport::Tcp, &[REQUEST], &[PLAIN])),
        true,
    );
    assert_eq!(
        (verdict.confidence, verdict.fit, verdict.protocol),
        (Confidence::Protocol, Some(Fit::Agrees), Some(Protocol::Http))
    );
    assert!(
        verdict.service.is_none()
            && ids(&verdict).contains(&"express")
            && !ids(&verdict).contains(&"origodb")
    );
    assert_eq!(verdict.reasons[0].frame, Some(2), "the responder's word");
}

#[test]
fn a_mark_names_the_service_wherever_it_speaks() {
    let catalogue = shipped();
    for (port, fit) in [(3037, Fit::Agrees), (3001, Fit::Contradicts), (41_234, Fit::Unclaimed)] {
        let verdict = classify(
            &catalogue,
            ServicePort::new(port, Transport::Tcp),
            Some(&evidence_of(Transport::Tcp, &[], &[EOS])),
            true,
        );
        assert_eq!(verdict.service.as_ref().map(|s| &*s.id), Some("eos"));
        assert_eq!(
            (verdict.confidence, verdict.fit, verdict.tag()),
            (Confidence::Mark, Some(fit), Some("osc")),
            "{port}"
        );
        let reason = &verdict.reasons[0];
        assert_eq!(
            (reason.fact.as_str(), reason.value.as_str(), reason.frame),
            ("osc.address", "/eos/out/ping", Some(1))
        );
        assert_eq!(reason.direction, Some(Direction::Responder));
    }
}

#[test]
fn what_no_claimant_speaks_contradicts() {
    let catalogue = shipped();
    for bytes in [PLAIN, b"SSH-2.0-OpenSSH_9.2p1\r\n"] {
        let verdict = classify(
            &catalogue,
            ServicePort::new(3037, Transport::Tcp),
            Some(&evidence_of(Transport::Tcp, &[], &[bytes])),
            true,
        );
        assert_eq!(
            (verdict.confidence, verdict.fit),
            (Confidence::Protocol, Some(Fit::Contradicts))
        );
        assert!(verdict.candidates.is_empty());
        let expected = verdict.reasons.iter().find(|reason| reason.fact == "expected").unwrap();
        assert_eq!(
            expected.value,
            "OSC on 3037/tcp (ETC Eos lighting console); HP SAN Mgmt is registered for this port, but its protocol is undocumented"
        );
    }
}

#[test]
fn an_unclaimed_port_with_unknown_bytes_is_unknown_and_a_registered_name_is_a_candidate() {
    let catalogue = shipped();
    let evidence = evidence_of(Transport::Tcp, &[BINARY], &[]);
    let unknown =
        classify(&catalogue, ServicePort::new(61_111, Transport::Tcp), Some(&evidence), true);
    assert_eq!((unknown.confidence, unknown.fit, unknown.tag()), (Confidence::Unknown, None, None));
    let named = classify(&catalogue, ServicePort::new(2999, Transport::Tcp), None, true);
    assert_eq!((named.confidence, ids(&named)), (Confidence::Port, vec!["remoteware-un"]));
}

#[test]
fn a_service_that_builds_on_another_wins_over_it() {
    let catalogue = shipped();
    let page: &[u8] = b"HTTP/1.1 200 OK\r\nX-Powered-By: Nuxt\r\nContent-Length: 0\r\n\r\n";
    let evidence = evidence_of(
        Transport::Tcp,
        &[REQUEST, b"GET /_nuxt/@vite/client HTTP/1.1\r\n\r\nGET /@vite/client HTTP/1.1\r\n\r\n"],
        &[page, b"HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: 0\r\n\r\n"],
    );
    let verdict =
        classify(&catalogue, ServicePort::new(3000, Transport::Tcp), Some(&evidence), true);
    assert_eq!(verdict.service.as_ref().map(|s| &*s.id), Some("nuxt"));
}

/// The user's catalogue, then shipped marks, then the protocol, then the port.
#[test]
fn precedence_is_user_then_mark_then_protocol_then_port() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.toml");
    let text = "id = \"shop\"\nname = \"Shop\"\ntag = \"web-app\"\nlayer = \"framework\"\nspeaks = [\"http\"]\n\
        [[claim]]\nport = 3001\ntransport = \"tcp\"\nstanding = \"customary\"\nprevalence = \"rare\"\ncite = \"https://example.test/\"\n\
        [[mark]]\nfact = \"http.response-header.x-powered-by\"\nequals = \"Express\"\n";
    std::fs::write(&file, text).unwrap();
    let shipped = shipped();
    let users = Catalogue::load(&[file]).unwrap();
    let marked = evidence_of(Transport::Tcp, &[REQUEST], &[EXPRESS]);
    let spoken = evidence_of(Transport::Tcp, &[REQUEST], &[PLAIN]);
    let name = |catalogue, evidence| {
        let verdict = classify(catalogue, ServicePort::new(3001, Transport::Tcp), evidence, true);
        (
            verdict.service.as_ref().map(|s| s.id.to_string()),
            verdict.confidence,
            ids(&verdict).first().map(|&id| id.to_owned()),
        )
    };
    let some = |id: &str| Some(id.to_owned());
    assert_eq!(name(&users, Some(&marked)), (some("shop"), Confidence::Mark, some("express")));
    assert_eq!(name(&shipped, Some(&marked)), (some("express"), Confidence::Mark, None));
    assert_eq!(name(&users, Some(&spoken)), (None, Confidence::Protocol, some("shop")));
    assert_eq!(name(&users, None), (None, Confidence::Port, some("shop")));
}

#[test]
fn a_long_value_is_cut_around_what_the_mark_found() {
    let long = format!("{}needle{}", "x".repeat(300), "y".repeat(300));
    let cut = excerpt(&long, 300);
    assert!(
        cut.starts_with("…needle") && cut.ends_with('…') && cut.chars().count() == MAX_VALUE + 2,
        "{cut}"
    );
    assert_eq!(excerpt("short", 0), "short");
}

#[test]
fn without_explanation_there_are_no_reasons_and_all_else_is_the_same() {
    let catalogue = shipped();
    for (port, evidence) in [
        (3001, Some(evidence_of(Transport::Tcp, &[REQUEST], &[EXPRESS]))),
        (3037, Some(evidence_of(Transport::Tcp, &[REQUEST], &[PLAIN]))),
        (3002, Some(evidence_of(Transport::Tcp, &[BINARY], &[]))),
        (3002, None),
    ] {
        let why =
            classify(&catalogue, ServicePort::new(port, Transport::Tcp), evidence.as_ref(), true);
        let quiet =
            classify(&catalogue, ServicePort::new(port, Transport::Tcp), evidence.as_ref(), false);
        assert!(quiet.reasons.is_empty() && !why.reasons.is_empty());
        assert_eq!(
            (quiet.confidence, quiet.fit, quiet.protocol, quiet.tag(), ids(&quiet), &quiet.product),
            (why.confidence, why.fit, why.protocol, why.tag(), ids(&why), &why.product)
        );
    }
}

#[test]
fn a_match_deep_in_a_body_names_the_frame_that_holds_it() {
    let catalogue = shipped();
    let head: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nCache-Control: no-cache\r\n\
        ETag: W/\"e5-TK\"\r\n\r\n<html>";
    let page: &[u8] = b"..... <script type=\"module\" src=\"/@vite/client\"></script>";
    let evidence = evidence_of(Transport::Tcp, &[REQUEST], &[head, b"padding", page]);
    let verdict =
        classify(&catalogue, ServicePort::new(5173, Transport::Tcp), Some(&evidence), true);
    assert_eq!(verdict.service.as_ref().map(|s| &*s.id), Some("vite"));
    assert_eq!(verdict.reasons[0].frame, Some(4), "{:?}", verdict.reasons);
}

#[test]
fn a_verdict_displays_protocol_and_service_or_unknown() {
    let catalogue = shipped();
    let display = |port, evidence: Option<&Evidence>| {
        classify(&catalogue, ServicePort::new(port, Transport::Tcp), evidence, false).to_string()
    };
    let express = evidence_of(Transport::Tcp, &[REQUEST], &[EXPRESS]);
    let plain = evidence_of(Transport::Tcp, &[REQUEST], &[PLAIN]);
    assert_eq!(display(3001, Some(&express)), "http: Express");
    assert_eq!(display(3001, Some(&plain)), "http");
    assert_eq!(display(3001, None), "unknown");
}

#[test]
fn every_fact_by_which_a_responder_names_itself_is_one_that_a_detector_states() {
    for fact in product::FACTS {
        assert!(detect::is_stated(fact), "{fact}");
    }
}

#[test]
fn a_server_with_control_characters_in_its_name_has_a_product() {
    let answer = b"HTTP/1.1 200 OK\r\nServer: tide\x1b[31m/1\r\nContent-Length: 0\r\n\r\n";
    let evidence = evidence_of(Transport::Tcp, &[b"GET / HTTP/1.1\r\n\r\n"], &[answer]);
    assert_eq!(verdict(&shipped(), 3001, &evidence).product.as_deref(), Some("tide?[31m/1"));
}

#[test]
fn a_mark_names_a_service_by_what_it_matches() {
    let catalogue = with_services(&[r#"
id = "0"
name = "Gauge"
tag = "test"
speaks = ["http"]
[[mark]]
fact = "http.response-header.x-gauge"
matches = "^of (.*)"
name = "the $1"
"#]);
    let named = |header: &str| {
        let answer = format!("HTTP/1.1 200 OK\r\nX-Gauge: {header}\r\nContent-Length: 0\r\n\r\n");
        let request: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
        let evidence = evidence_of(Transport::Tcp, &[request], &[answer.as_bytes()]);
        let verdict = verdict(&catalogue, 3001, &evidence);
        (service(&verdict).map(str::to_owned), verdict.service_name)
    };
    assert_eq!(named("of tides"), (Some("0".into()), Some("the tides".into())));
    assert_eq!(named("of "), (None, None), "white space ends no value");
    assert_eq!(named("tides"), (None, None));
}
