//! Several services in one flow, and the process behind the port.

use super::*;
use crate::evidence::Fact;

/// A service of a layer that is told by the presence of a header.
fn layered(id: &str, layer: &str, header: &str) -> String {
    format!(
        "id = \"{id}\"\nname = \"{id}\"\ntag = \"x\"\nlayer = \"{layer}\"\nspeaks = [\"http\"]\n\
         [[mark]]\nfact = \"http.response-header.{header}\"\ndirection = \"responder\"\n"
    )
}

fn answer(headers: &[&str]) -> Evidence {
    let lines = headers.join(": 1\r\n");
    let answer = format!("HTTP/1.1 200 OK\r\n{lines}: 1\r\nContent-Length: 0\r\n\r\n");
    evidence_of(Transport::Tcp, &[REQUEST], &[answer.as_bytes()])
}

fn also(verdict: &Verdict) -> Vec<&str> {
    verdict.also.iter().map(|service| &*service.id).collect()
}

#[test]
fn the_highest_layer_is_the_verdict_and_the_others_stand_beside_it() {
    let catalogue = with_services(&[
        &layered("front", "proxy", "a-front"),
        &layered("engine", "runtime", "b-engine"),
        &layered("app", "application", "c-app"),
        &layered("frame", "framework", "d-frame"),
    ]);
    let all = ["a-front", "b-engine", "c-app", "d-frame"];
    let found = verdict(&catalogue, 45_001, &answer(&all));
    assert_eq!((service(&found), also(&found)), (Some("app"), vec!["frame", "engine", "front"]));
    assert!(found.candidates.is_empty(), "all are proved");
    let reasons = all.map(|header| {
        let fact = format!("http.response-header.{header}");
        found.reasons.iter().any(|reason| reason.fact == fact && reason.frame == Some(2))
    });
    assert_eq!(reasons, [true; 4], "each has its reason: {:?}", found.reasons);
    let found = verdict(&catalogue, 45_001, &answer(&all[..2]));
    assert_eq!((service(&found), also(&found)), (Some("engine"), vec!["front"]));
}

#[test]
fn within_a_layer_the_number_of_marks_decides_and_who_loses_is_a_candidate() {
    let two = layered("two", "server", "a")
        + "[[mark]]\nfact = \"http.response-header.b\"\ndirection = \"responder\"\n";
    let catalogue =
        with_services(&[&layered("one", "server", "c"), &two, &layered("app", "application", "d")]);
    let found = verdict(&catalogue, 45_001, &answer(&["a", "b", "c", "d"]));
    assert_eq!((service(&found), also(&found)), (Some("app"), vec!["two"]));
    assert_eq!(ids(&found), ["one"]);
}

fn process(name: &str) -> Vec<Fact> {
    vec![Fact {
        name: "process.name".into(),
        value: name.into(),
        direction: Direction::Responder,
        frame: 0,
        later: Vec::new(),
        exchange: 0,
    }]
}

fn marked_process(id: &str, speaks: &str) -> String {
    format!(
        "id = \"{id}\"\nname = \"{id}\"\ntag = \"x\"\nspeaks = [{speaks}]\n\
         [[mark]]\nfact = \"process.name\"\nequals = \"{id}\"\n"
    )
}

#[test]
fn the_users_mark_on_a_process_names_the_service() {
    let catalogue = with_services(&[&marked_process("tool", "\"http\"")]);
    let of_payload =
        verdict(&catalogue, 3001, &evidence_of(Transport::Tcp, &[REQUEST], &[EXPRESS]));
    let found = add_process_facts(&catalogue, of_payload, false, &process("tool"), true);
    assert_eq!((service(&found), found.confidence), (Some("tool"), Confidence::Mark));
    assert_eq!(ids(&found), ["express"], "what the payload names stays in sight");
    assert_eq!(found.reasons[0].fact, "process.name");
    let silent = classify(&catalogue, ServicePort::new(3001, Transport::Tcp), None, true);
    let found = add_process_facts(&catalogue, silent, true, &process("tool"), true);
    assert_eq!((service(&found), found.confidence), (Some("tool"), Confidence::Mark));
}

#[test]
fn a_command_line_gives_a_process_service_that_speaks_the_protocol_and_the_highest_of_them() {
    let catalogue = Catalogue::shipped().unwrap();
    let named = |name: &str, command: &str, evidence: &Evidence| {
        let by_command = process(command)
            .into_iter()
            .map(|fact| Fact { name: "process.command".into(), ..fact });
        let facts: Vec<_> = process(name).into_iter().chain(by_command).collect();
        let of_payload = verdict(&catalogue, 4711, evidence);
        let found = add_process_facts(&catalogue, of_payload, false, &facts, true);
        assert!(found.confidence < Confidence::Mark && found.service.is_none());
        found.process_service.map(|service| service.id.to_string())
    };
    let http = evidence_of(Transport::Tcp, &[REQUEST], &[b"HTTP/1.1 204 No Content\r\n\r\n"]);
    let named_by = |name, command| named(name, command, &http);
    assert_eq!(named_by("node", "node /a/node_modules/.bin/vite").as_deref(), Some("vite"));
    assert_eq!(named_by("next-server (v1", "next-server (v15.1.0)").as_deref(), Some("nextjs"));
    assert_eq!(named_by("node", "node --inspect server.js").as_deref(), Some("node"));
    assert_eq!(
        named_by("python3", "python3 -m http.server").as_deref(),
        Some("python-http-server")
    );
    assert_eq!(named_by("nginx", "nginx: worker process").as_deref(), Some("nginx"));
    assert_eq!(named_by("my-server", "./my-server --redis-server x"), None);
    // Redis does not speak HTTP.
    assert_eq!(named_by("redis-server", "redis-server *:6379"), None);
}

#[test]
fn a_shipped_mark_on_a_process_gives_a_process_service_and_never_the_verdict() {
    let parsed = crate::catalogue::parse(
        &marked_process("daemon", "\"http\""),
        "daemon.toml",
        crate::catalogue::Origin::Shipped,
    );
    let catalogue = Catalogue::of_services(vec![parsed.unwrap()]);
    let of_payload =
        || verdict(&catalogue, 3001, &evidence_of(Transport::Tcp, &[REQUEST], &[PLAIN]));
    let found = add_process_facts(&catalogue, of_payload(), false, &process("daemon"), true);
    assert_eq!((service(&found), found.confidence), (None, Confidence::Protocol));
    assert_eq!(found.process_service.as_ref().map(|s| &*s.id), Some("daemon"));
    let reason = found.reasons.iter().find(|reason| reason.fact == "process.name").unwrap();
    assert_eq!((reason.value.as_str(), reason.frame), ("daemon", None));
    // It does not speak what was spoken.
    let ssh = verdict(&catalogue, 3001, &evidence_of(Transport::Tcp, &[], &[b"SSH-2.0-x_1\r\n"]));
    let found = add_process_facts(&catalogue, ssh, false, &process("daemon"), true);
    assert!(found.process_service.is_none());
}
