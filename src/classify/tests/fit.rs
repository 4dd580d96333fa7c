//! Fit, by the claims on the port.

use super::*;
use crate::evidence::ProvedBy;

/// A port that no shipped service claims.
const PORT: u16 = 45_001;

/// A service with a claim on [`PORT`]; `claim` has further lines of the claim.
fn claimant(id: &str, speaks: &str, wire: &str, claim: &str) -> String {
    format!(
        "id = \"{id}\"\nname = \"{id}\"\ntag = \"x\"\nspeaks = [{speaks}]\n{wire}\n[[claim]]\nport = {PORT}\n\
         transport = \"tcp\"\nstanding = \"customary\"\ncite = \"https://example.test/\"\n{claim}\n"
    )
}

fn fit_of(claimants: &[String], evidence: &Evidence) -> Option<Fit> {
    let texts: Vec<&str> = claimants.iter().map(String::as_str).collect();
    verdict(&with_services(&texts), PORT, evidence).fit
}

fn plain() -> Evidence {
    evidence_of(Transport::Tcp, &[REQUEST], &[PLAIN])
}

#[test]
fn any_claim_that_speaks_the_protocol_there_agrees_and_only_default_claims_contradict() {
    let overflow = "reach = \"overflow\"";
    let web = claimant("web", "\"http\"", "", "");
    let climbing = claimant("climbing", "\"http\"", "", overflow);
    let console = claimant("console", "\"osc\"", "", "");
    let climbing_console = claimant("climber", "\"osc\"", "", overflow);
    let secret = claimant("secret", "", "", "");
    let half_known = claimant("half", "\"osc\"", "wire = \"unknown\"", "");
    let here_osc = claimant("both", "\"http\", \"osc\"", "", "speaks = [\"osc\"]");
    let here_http = claimant("both", "\"http\", \"osc\"", "", "speaks = [\"http\"]");
    let (agrees, unclaimed) = (Some(Fit::Agrees), Some(Fit::Unclaimed));
    for (claimants, expected) in [
        (vec![&web], agrees),
        (vec![&climbing], agrees),
        (vec![&console, &climbing], agrees),
        (vec![&here_http], agrees),
        (vec![&console], Some(Fit::Contradicts)),
        (vec![&console, &secret, &half_known], Some(Fit::Contradicts)),
        (vec![&here_osc], Some(Fit::Contradicts)),
        (vec![&climbing_console], unclaimed),
        (vec![&secret, &half_known], unclaimed),
        (vec![], unclaimed),
    ] {
        let claimants: Vec<String> = claimants.into_iter().cloned().collect();
        assert_eq!(fit_of(&claimants, &plain()), expected, "{claimants:?}");
        let unknown = evidence_of(Transport::Tcp, &[BINARY], &[BINARY]);
        assert_eq!(fit_of(&claimants, &unknown), None, "unknown bytes fit nothing: {claimants:?}");
    }
}

#[test]
fn whoever_speaks_an_unknown_protocol_is_named_with_the_contradiction() {
    let catalogue = with_services(&[
        &claimant("console", "\"osc\"", "", ""),
        &claimant("secret", "", "", ""),
        &claimant("climber", "\"sip\"", "", "reach = \"overflow\""),
    ]);
    let verdict = verdict(&catalogue, PORT, &plain());
    let expected = verdict.reasons.iter().find(|reason| reason.fact == "expected").unwrap();
    let told =
        "OSC on 45001/tcp (console); secret also uses this port, but its protocol is undocumented";
    assert_eq!(expected.value, told, "the climber is not expected");
}

#[test]
fn a_websocket_fits_where_http_is_spoken() {
    let upgrade: &[u8] = b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let switched: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let evidence = evidence_of(Transport::Tcp, &[upgrade], &[switched]);
    assert_eq!(fit_of(&[claimant("web", "\"http\"", "", "")], &evidence), Some(Fit::Agrees));
    let both = [Protocol::Websocket, Protocol::Http];
    let names: Vec<Evidence> = both
        .into_iter()
        .map(|protocol| Evidence { protocol: Some(protocol), ..evidence.clone() })
        .collect();
    for evidence in names {
        assert_eq!(fit_of(&[claimant("web", "\"http\"", "", "")], &evidence), Some(Fit::Agrees));
        let console = [claimant("console", "\"osc\"", "", "")];
        assert_eq!(fit_of(&console, &evidence), Some(Fit::Contradicts));
    }
}

#[test]
fn clear_text_on_a_port_for_tls_contradicts_only_if_the_server_goes_on_in_it() {
    let secure =
        [claimant("secure", "\"http\", \"tls\", \"quic\"", "", "speaks = [\"tls\", \"quic\"]")];
    let answered = |answers: &[&str]| {
        let answers: Vec<Vec<u8>> = answers
            .iter()
            .map(|a| format!("HTTP/1.1 {a}\r\nContent-Length: 0\r\n\r\n").into_bytes())
            .collect();
        let answers: Vec<&[u8]> = answers.iter().map(Vec::as_slice).collect();
        evidence_of(Transport::Tcp, &vec![REQUEST; answers.len()], &answers)
    };
    let (agrees, contradicts) = (Some(Fit::Agrees), Some(Fit::Contradicts));
    for (answers, expected) in [
        (&["400 Bad Request"][..], agrees),
        (&["426 Upgrade Required"], agrees),
        (&["301 Moved\r\nLocation: HTTPS://a.test/"], agrees),
        (&["302 Found\r\nLocation: http://a.test/"], contradicts),
        (&["200 OK"], contradicts),
        (&["301 Moved\r\nLocation: https://a.test/", "200 OK"], contradicts),
        (&["302 Found", "301 Moved\r\nLocation: https://a.test/"], contradicts),
        (&["404 Not Found"], contradicts),
        (&[], None),
    ] {
        let evidence = if answers.is_empty() {
            evidence_of(Transport::Tcp, &[REQUEST], &[])
        } else {
            answered(answers)
        };
        assert_eq!(fit_of(&secure, &evidence), expected, "{answers:?}");
    }
    let catalogue = with_services(&[&secure[0]]);
    let verdict = verdict(&catalogue, PORT, &answered(&["400 Bad Request"]));
    let reason = verdict.reasons.iter().find(|reason| reason.fact == "clear-text").unwrap();
    assert_eq!(
        reason.value,
        "status 400, the usual answer of a TLS server to clear text on 45001/tcp"
    );
    assert_eq!((reason.direction, reason.frame), (Some(Direction::Responder), Some(2)));
}

#[test]
fn tls_contradicts_a_protocol_that_may_turn_to_it_only_from_the_beginning_on() {
    let mail = [claimant("mail", "\"smtp\"", "", "")];
    let tls = |whole| Evidence {
        protocol: Some(Protocol::Tls),
        proved_by: Some(ProvedBy::Both),
        whole,
        ..Evidence::default()
    };
    assert_eq!(fit_of(&mail, &tls(true)), Some(Fit::Contradicts));
    assert_eq!(fit_of(&mail, &tls(false)), None, "STARTTLS may not have been captured");
    let console = [claimant("console", "\"osc\"", "", "")];
    assert_eq!(fit_of(&console, &tls(false)), Some(Fit::Contradicts));
}
