//! Who remains possible, and what the responder calls itself.

use super::*;

fn answer(headers: &str) -> Evidence {
    let answer = format!("HTTP/1.1 403 Forbidden\r\n{headers}Content-Length: 0\r\n\r\n");
    evidence_of(Transport::Tcp, &[REQUEST], &[answer.as_bytes()])
}

#[test]
fn the_product_is_told_with_its_frame_and_names_no_service() {
    let catalogue = shipped();
    let found = verdict(&catalogue, 3001, &answer("Server: Undertow(9.4.50)\r\n"));
    assert_eq!((service(&found), found.product.as_deref()), (None, Some("Undertow(9.4.50)")));
    let reason = found.reasons.iter().find(|reason| reason.value == "Undertow(9.4.50)").unwrap();
    assert_eq!(
        (reason.fact.as_str(), reason.direction, reason.frame),
        ("http.response-header.server", Some(Direction::Responder), Some(2))
    );
    let ssh = evidence_of(Transport::Tcp, &[], &[b"SSH-2.0-OpenSSH_9.2p1\r\n"]);
    assert_eq!(verdict(&catalogue, 22, &ssh).product.as_deref(), Some("OpenSSH_9.2p1"));
    assert_eq!(verdict(&catalogue, 3001, &answer("")).product, None);
}

#[test]
fn a_product_strikes_who_names_itself_in_the_same_header() {
    let catalogue = shipped();
    let possible =
        |id: &str, headers: &str| ids(&verdict(&catalogue, 5000, &answer(headers))).contains(&id);
    assert!(possible("flask", ""), "the header may be removed");
    assert!(!possible("flask", "Server: AirTunes/670.6.2\r\n"));
    assert!(!possible("express", "X-Powered-By: Something\r\n"));
    assert!(possible("express", "Server: Undertow\r\n"), "it names itself in another header");
    assert!(possible("flask", "X-Powered-By: Something\r\n"));
    assert!(possible("flask", "Server: \r\n"), "nothing is named");
    let struck = verdict(&catalogue, 5000, &answer("Server: AirTunes/670.6.2\r\n"));
    let reason = struck.reasons.iter().find(|reason| reason.fact == "ruled-out").unwrap();
    assert!(
        reason.value
            == "Werkzeug (Flask), ASP.NET Core Kestrel: the server calls itself AirTunes/670.6.2"
            && reason.frame == Some(2),
        "{reason:?}"
    );
}

/// Evidence of TLS with these names in the client's hello.
fn tls(names: &[&str]) -> Evidence {
    let alpn = |name: &&str| crate::evidence::Fact {
        name: "tls.alpn".into(),
        value: (*name).into(),
        direction: Direction::Initiator,
        frame: 4,
        later: Vec::new(),
        exchange: 0,
    };
    Evidence {
        protocol: Some(Protocol::Tls),
        whole: true,
        facts: names.iter().map(alpn).collect(),
        first_payload: Some((4, Direction::Initiator)),
        ..Evidence::default()
    }
}

#[test]
fn the_protocols_of_a_hello_strike_and_find_candidates_those_of_the_port_first() {
    let catalogue = shipped();
    let (web, all) = (ids_of(&catalogue, 3002, &["h2", "http/1.1"]), ids_of(&catalogue, 3002, &[]));
    assert!(web.contains(&"nextjs".to_owned()), "{web:?}");
    assert_eq!(web, all, "who speaks TLS on 3002 speaks HTTP in it");
    assert_eq!(ids_of(&catalogue, 3002, &["postgresql"]), ["pgbouncer", "postgresql"]);
    assert_eq!(ids_of(&catalogue, 5432, &["postgresql"]), ["postgresql", "pgbouncer"]);
    assert!(ids_of(&catalogue, 3002, &["xmpp-client"]).is_empty());
    let own = with_services(&[
        "id = \"own\"\nname = \"Own\"\ntag = \"x\"\nspeaks = [\"postgresql\", \"tls\"]\n\
        [[claim]]\nport = 3002\ntransport = \"tcp\"\nstanding = \"customary\"\ncite = \"https://example.test/\"\n",
    ]);
    assert_eq!(ids_of(&own, 3002, &["postgresql"]), ["own", "pgbouncer", "postgresql"]);
}

fn ids_of(catalogue: &Catalogue, port: u16, names: &[&str]) -> Vec<String> {
    ids(&verdict(catalogue, port, &tls(names))).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_service_agrees_whose_protocol_is_carried_in_tls() {
    let catalogue = with_services(&[
        "id = \"own\"\nname = \"Own\"\ntag = \"x\"\nspeaks = [\"postgresql\"]\n\
        [[claim]]\nport = 45001\ntransport = \"tcp\"\nstanding = \"customary\"\ncite = \"https://example.test/\"\n",
    ]);
    assert_eq!(verdict(&catalogue, 45_001, &tls(&["postgresql"])).fit, Some(Fit::Agrees));
    assert_eq!(verdict(&catalogue, 45_001, &tls(&["h2"])).fit, Some(Fit::Contradicts));
    assert_eq!(verdict(&catalogue, 5432, &tls(&["postgresql"])).fit, Some(Fit::Agrees));
}

#[test]
fn the_framing_of_osc_is_always_told() {
    for catalogue in [shipped()] {
        let marked = verdict(&catalogue, 3037, &evidence_of(Transport::Tcp, &[], &[EOS]));
        let unmarked: &[u8] = b"\xc0/unheard/of\0,\0\0\0\xc0";
        let unmarked = verdict(&catalogue, 3037, &evidence_of(Transport::Tcp, &[unmarked], &[]));
        for found in [marked, unmarked] {
            let reason = found.reasons.iter().find(|reason| reason.fact == "osc.framing").unwrap();
            assert_eq!((reason.value.as_str(), reason.frame), ("slip", Some(1)));
        }
    }
}
