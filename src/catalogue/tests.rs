//! The shipped catalogue, and what happens with the user's files.

use std::path::Path;

use super::*;
use crate::decode::Transport;
use crate::detect;
use crate::evidence::{Direction, Fact, FactName};

fn shipped() -> Catalogue {
    Catalogue::load(&[]).unwrap()
}

/// The shipped files with their texts.
fn shipped_files() -> impl Iterator<Item = (PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogue/services");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
}

fn ids(catalogue: &Catalogue, port: u16, transport: Transport) -> Vec<&str> {
    catalogue
        .claims_on(ServicePort::new(port, transport))
        .map(|(service, _)| &*service.id)
        .collect()
}

#[test]
fn every_shipped_file_is_without_fault() {
    let catalogue = shipped();
    let faults: Vec<String> = catalogue
        .services()
        .iter()
        .filter_map(|s| check(s, &format!("{}.toml", s.id), &catalogue, &detect::is_stated).err())
        .map(|error| error.to_string())
        .collect();
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(shipped_files().count(), catalogue.services().len(), "two files have one id");
}

#[test]
fn the_catalogue_that_is_prepared_at_build_time_is_that_of_its_files() {
    let parsed = shipped_files().map(|(path, text)| {
        let name = path.file_name().unwrap().to_str().unwrap();
        parse(&text, name, Origin::Shipped).unwrap()
    });
    let mut parsed: Vec<_> = parsed.collect();
    parsed.sort_by(|a, b| a.id.cmp(&b.id));
    let catalogue = shipped();
    for (of_file, prepared) in parsed.iter().zip(catalogue.services()) {
        assert_eq!(format!("{of_file:?}"), format!("{prepared:?}"));
    }
}

#[test]
fn every_fixture_that_a_service_names_is_there() {
    for service in shipped().services() {
        for name in service.fixtures.iter().chain(&service.lookalikes) {
            let path =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{name}.pcap"));
            assert!(path.exists(), "{}: {} is missing", service.id, path.display());
        }
    }
}

#[test]
fn the_registry_has_every_name_of_a_port_and_its_date() {
    let registry = shipped().registry;
    let names =
        |port, transport| registry.names(ServicePort::new(port, transport)).collect::<Vec<_>>();
    assert_eq!(names(3002, Transport::Tcp), ["exlm-agent", "remoteware-srv"]);
    assert_eq!(names(3000, Transport::Udp), ["hbci", "remoteware-cl"]);
    assert_eq!(names(3001, Transport::Tcp), ["origo-native"]);
    assert_eq!(names(3001, Transport::Udp), Vec::<&str>::new());
    let reserved = registry.entries(ServicePort::new(3001, Transport::Udp)).next().unwrap();
    assert_eq!((reserved.name, reserved.description), ("", "Reserved"));
    assert_eq!(names(3037, Transport::Tcp), ["hp-san-mgmt"]);
    assert_eq!(names(3032, Transport::Udp), ["redwood-chat"]);
    assert!(names(53_000, Transport::Tcp).is_empty());
    assert_eq!(registry.date.len(), 10);
    let several = registry.named_ports().filter(|&port| registry.names(port).count() > 1).count();
    assert!(several >= 200, "{several} ports with several names");
}

#[test]
fn every_line_of_the_registry_is_found_by_its_port() {
    let registry = shipped().registry;
    let table = include_str!("../../catalogue/registry.tsv");
    let mut named = std::collections::BTreeSet::new();
    let mut lines = 0;
    for line in table.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [port, transport, name, description] = fields[..] else { continue };
        let transport = match transport {
            "tcp" => Transport::Tcp,
            "udp" => Transport::Udp,
            _ => continue,
        };
        let port = ServicePort::new(port.parse().unwrap(), transport);
        let found = registry.entries(port);
        assert!(
            found.into_iter().any(|entry| (entry.name, entry.description) == (name, description)),
            "{line}"
        );
        named.extend(Some(port).filter(|_| !name.is_empty()));
        lines += 1;
    }
    assert!(registry.named_ports().eq(named));
    let all = (0..=u16::MAX).flat_map(|port| {
        [Transport::Tcp, Transport::Udp].map(|transport| ServicePort::new(port, transport))
    });
    assert_eq!(all.map(|port| registry.entries(port).count()).sum::<usize>(), lines);
}

#[test]
fn the_ports_of_the_seeds_have_the_claimants_that_they_name() {
    let catalogue = shipped();
    let has = |port, transport, id: &str| {
        assert!(
            ids(&catalogue, port, transport).contains(&id),
            "{id} is missing on {port}/{transport}"
        );
    };
    for id in [
        "exlm-agent",
        "remoteware-server",
        "miralix-csta",
        "elastic-app-search",
        "opsware",
        "ip-access",
        "nextjs",
    ] {
        has(3002, Transport::Tcp, id);
    }
    for id in ["origodb", "opsware", "express", "nextjs"] {
        has(3001, Transport::Tcp, id);
    }
    for (port, id) in [
        (3000, "hbci"),
        (3000, "remoteware-client"),
        (3037, "eos"),
        (3037, "hp-san-mgmt"),
        (3032, "eos"),
        (3032, "redwood-chat"),
        (3033, "eos"),
        (1002, "opsware"),
        (3003, "ip-access"),
    ] {
        has(port, Transport::Tcp, id);
    }
    assert_eq!(
        ids(&catalogue, 3002, Transport::Udp).len(),
        2,
        "only the registry's names remain on UDP"
    );
    for port in [3000, 3001, 3002] {
        let (first, _) =
            catalogue.claims_on(ServicePort::new(port, Transport::Tcp)).next().unwrap();
        assert_eq!(
            &*first.tag, "dev-server",
            "a silent {port} is a dev server far more often than anything else"
        );
    }
}

const USERS: &str = r#"
id = "billing"
name = "Billing"
tag = "web-app"
speaks = ["http"]
[[claim]]
port = 3001
transport = "tcp"
standing = "customary"
cite = "https://example.test/"
[[mark]]
fact = "http.response-header.server"
prefix = "Billing/"
ignore_case = true
"#;

/// A second claim of a service that takes another port by itself.
const CLIMBER: &str = r#"
[[claim]]
port = 3002
transport = "tcp"
standing = "customary"
cite = "https://example.test/"
on_conflict = "increments"
[[mark]]"#;

#[test]
fn a_claim_that_says_how_the_service_reaches_the_port_is_without_fault() {
    for reach in ["overflow", "default"] {
        let text = CLIMBER.replace("port = 3002", &format!("port = 3002\nreach = \"{reach}\""));
        let service =
            parse(&USERS.replace("[[mark]]", &text), "billing.toml", Origin::User).unwrap();
        assert_eq!(check(&service, "billing.toml", &shipped(), &detect::is_stated), Ok(()));
        assert_eq!(service.claims[1].reach.as_str(), reach);
    }
}

#[test]
fn every_shipped_file_states_its_layer() {
    let silent = shipped_files().filter(|(_, text)| !text.contains("\nlayer = "));
    assert_eq!(silent.map(|(path, _)| path).collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

#[test]
fn nothing_that_is_built_on_another_service_lies_below_it() {
    let catalogue = shipped();
    let mut wrong = Vec::new();
    for service in catalogue.services() {
        for base in service.builds_on.iter().map(|id| catalogue.service(id).unwrap()) {
            if service.layer > base.layer {
                wrong.push(format!(
                    "{} is {:?}, {} is {:?}",
                    service.id, service.layer, base.id, base.layer
                ));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn web_servers_speak_tls_on_its_ports_and_no_clear_text() {
    let catalogue = shipped();
    let spoken = |port, transport| {
        let on_port = catalogue.claims_on(ServicePort::new(port, transport));
        let of_server = on_port.filter(|(service, _)| &*service.id == "web-server");
        of_server.flat_map(|(_, claim)| &claim.protocols).map(|p| p.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(spoken(443, Transport::Tcp), ["tls"]);
    assert_eq!(spoken(8443, Transport::Tcp), ["tls"]);
    assert_eq!(spoken(443, Transport::Udp), ["quic"]);
    for port in [80, 8080] {
        assert!(spoken(port, Transport::Tcp).contains(&"http"));
        assert!(!spoken(port, Transport::Tcp).contains(&"tls"));
    }
}

#[test]
fn a_users_service_comes_first_and_replaces_ours_of_the_same_id() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("billing.toml"), USERS).unwrap();
    std::fs::write(folder.path().join("express.toml"), USERS.replace("billing", "express"))
        .unwrap();
    let catalogue = Catalogue::load(&[folder.path().to_owned()]).unwrap();
    assert_eq!(ids(&catalogue, 3001, Transport::Tcp)[..2], ["billing", "express"]);
    assert_eq!(catalogue.service("express").unwrap().name, "Billing");
    let checked = check_all(&[folder.path().to_owned()], &detect::is_stated);
    assert_eq!(checked.map(|ids| ids.len()), Ok(2));
}

#[test]
fn a_mark_can_be_a_pattern_that_is_looked_for_anywhere() {
    let service = |given: &str| {
        parse(&USERS.replace("prefix = \"Billing/\"", given), "billing.toml", Origin::User).unwrap()
    };
    let holds = |given: &str, value: &str| {
        let condition = &service(given).marks[0].first;
        condition.holds(&Fact {
            name: FactName { stem: "http.response-header", leaf: Some("server".into()) },
            value: value.into(),
            direction: Direction::Responder,
            frame: 1,
            later: Vec::new(),
            exchange: 1,
        })
    };
    assert!(
        holds("matches = \"^billing/[0-9]+$\"", "Billing/12"),
        "ignore_case holds for patterns"
    );
    assert!(!holds("matches = \"^billing/[0-9]+$\"", "Billing/12b"));
    assert!(holds("matches = \"[0-9]b\"", "Billing/12b"));
}

#[test]
fn a_broken_file_names_line_and_remedy() {
    for (from, to, line, text) in [
        (
            "prefix = \"Billing/\"",
            "matches = \"^Billing/(\"",
            11,
            "'(?i)^Billing/(' is not a valid regular expression",
        ),
        (
            "\"tcp\"",
            "\"sctp\"",
            8,
            "unknown variant `sctp`, expected one of `tcp`, `udp`, `tcp+udp`",
        ),
        ("port = 3001", "prot = 3001", 7, "unknown field `prot`"),
        ("[\"http\"]", "[\"htpt\"]", 5, "unknown protocol 'htpt'; known protocols: http, "),
        ("port = 3001", "port = 70000", 7, "70000"),
        ("name =", "name", 3, ""),
    ] {
        let error = parse(&USERS.replacen(from, to, 1), "billing.toml", Origin::User).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.object(), format!("billing.toml:{line}"), "{error}");
        assert_eq!(error.kind(), crate::ErrorKind::Catalogue);
    }
}

#[test]
fn the_linter_finds_what_the_grammar_allows() {
    let catalogue = shipped();
    for (from, to, text) in [
        ("cite = \"https://example.test/\"", "", "needs a citation"),
        ("\"customary\"", "\"registered\"", "names no registry entry"),
        (
            "\"customary\"",
            "\"registered\"\nregistry = \"nonsense\"",
            "no 'nonsense' on 3001/tcp; its names for the port: origo-native",
        ),
        ("\"billing\"", "\"Billing\"", "differs from the file name"),
        ("http.response-header.server", "http.colour", "no detector states"),
        ("[\"http\"]", "[\"osc\"]", "needs 'http' in speaks"),
        ("speaks =", "builds_on = [\"nothing\"]\nspeaks =", "no service 'nothing'"),
        ("cite =", "reach = \"overflow\"\ncite =", "overflow, but no port before it"),
        ("[[mark]]", CLIMBER, "say how it reaches 3002"),
        ("cite =", "speaks = [\"osc\"]\ncite =", "speaks 'osc', which the service does not"),
        (
            "[\"http\"]\n[[claim]]\nport = 3001",
            "[\"http\", \"tls\"]\n[[claim]]\nport = 443",
            "443 uses TLS",
        ),
        (
            "[\"http\"]\n[[claim]]\nport = 3001",
            "[\"http\", \"tls\"]\n[[claim]]\nport = 80",
            "connections to 80 begin in clear text",
        ),
    ] {
        let service = parse(&USERS.replacen(from, to, 1), "billing.toml", Origin::User).unwrap();
        let error = check(&service, "billing.toml", &catalogue, &detect::is_stated).unwrap_err();
        assert!(error.lines().any(|line| line.contains(text)), "{to}: {error}");
    }
}

#[test]
fn a_shipped_mark_on_content_needs_what_a_writer_of_content_does_not_choose() {
    const KIND: &str = "http.response-header.content-type";
    let catalogue = shipped();
    let faults = |conditions: &[(&str, &str)]| {
        let (first, rest) = conditions.split_first().unwrap();
        let condition =
            |(fact, value): &(&str, &str)| format!("fact = {fact:?}\nequals = {value:?}\n");
        let mut text = USERS.split("[[mark]]").next().unwrap().to_owned();
        text += "[[mark]]\n";
        text += &condition(first);
        for inner in rest {
            text += "[[mark.and]]\n";
            text += &condition(inner);
        }
        let text = text.replace("\"http\"]", "\"http\", \"websocket\", \"csta\"]");
        let service = parse(&text, "billing.toml", Origin::Shipped).unwrap();
        let error = check(&service, "billing.toml", &catalogue, &detect::is_stated).unwrap_err();
        let is_ours = |line: &String| line.contains("a mark on") || line.contains("every target");
        error.lines().filter(is_ours).count()
    };
    let body = ("http.response-body", "x");
    let html = (KIND, "text/html");
    for (conditions, expected) in [
        (&[body][..], 2),
        (&[body, html], 1),
        (&[body, html, ("http.status", "200")], 1),
        (&[body, html, ("http.status", "404")], 0),
        (&[body, html, ("http.target", "/x")], 0),
        (&[body, html, ("http.response-header.server", "x")], 0),
        (&[body, ("http.status", "404")], 1),
        (&[("http.response-text", "x")], 1),
        (&[("http.response-text", "x"), ("http.target", "/x")], 0),
        (&[("websocket.text", "x")], 1),
        (&[("websocket.text", "x"), ("http.target", "/x"), ("http.status", "101")], 0),
        (&[("websocket.text", "x"), ("http.response-header.sec-websocket-protocol", "x")], 0),
        (&[("http.target", "/x")], 1),
        (&[("http.target", "/x"), ("http.status", "200")], 1),
        (&[("http.target", "/x"), ("http.status", "200"), html], 0),
        (&[("http.target", "/x"), ("http.status", "101")], 0),
        (&[("mcp.server", "x")], 1),
        (&[("mcp.server", "x"), ("jsonrpc.method", "initialize")], 0),
        (&[("csta.root", "x")], 1),
        (&[("csta.root", "x"), ("csta.framing", "x")], 0),
    ] {
        assert_eq!(faults(conditions), expected, "{conditions:?}");
    }
}

#[test]
fn a_shipped_mark_says_how_it_is_proved_for_itself_or_for_the_whole_file() {
    let catalogue = shipped();
    let faults = |of_file: &str, of_mark: &str| {
        let text = USERS.replace("speaks =", &format!("{of_file}\nspeaks =")) + of_mark;
        let service = parse(&text, "billing.toml", Origin::Shipped).unwrap();
        let error = check(&service, "billing.toml", &catalogue, &detect::is_stated).unwrap_err();
        error.lines().filter(|line| line.contains("proof") || line.contains("document")).count()
    };
    let (versions, document) = ("proved = [\"1.2.3\"]", "document = \"https://example.test/\"");
    for (of_file, of_mark, expected) in [
        ("", "", 1),
        (versions, "", 0),
        (document, "", 0),
        ("", versions, 0),
        ("", document, 0),
        ("proved = [\" \"]", "", 1),
        (versions, "document = \"a friend\"", 1),
    ] {
        assert_eq!(faults(of_file, of_mark), expected, "{of_file} {of_mark}");
    }
    let mark =
        |text: &str| parse(text, "billing.toml", Origin::Shipped).unwrap().marks.swap_remove(0);
    let own = mark(&(USERS.replace("speaks =", &format!("{versions}\nspeaks =")) + document));
    assert!(own.proved.is_empty() && own.document.is_some(), "the mark's own word comes first");
}

/// Another product's name in a header strikes the services whose mark is on that header alone, so
/// those that always send it must have such a mark; those that can stand behind another server
/// must not.
#[test]
fn a_service_that_always_names_itself_in_a_header_has_a_mark_on_it_alone() {
    let catalogue = shipped();
    let always = |header: &str, id: &str| {
        let marks = &catalogue.service(id).unwrap().marks;
        marks.iter().any(|mark| mark.first.fact == header && mark.and.is_empty())
    };
    for id in
        ["flask", "gunicorn", "hypercorn", "kestrel", "nginx", "tornado", "uvicorn", "webrick"]
    {
        assert!(always("http.response-header.server", id), "{id}");
    }
    for id in ["express", "fastapi", "rails", "django", "nextjs"] {
        assert!(!always("http.response-header.server", id), "{id}");
    }
    for id in ["express", "nextjs", "nuxt"] {
        assert!(always("http.response-header.x-powered-by", id), "{id}");
    }
}

#[test]
fn no_two_services_share_a_form_of_a_process() {
    let catalogue = Catalogue::shipped().unwrap();
    let mut seen = Vec::new();
    for service in catalogue.services() {
        for form in &service.processes {
            assert!(!seen.contains(&form), "{}: {form:?}", service.id);
            seen.push(form);
        }
    }
    assert!(seen.len() > 50);
}

#[test]
fn every_pattern_of_the_shipped_catalogue_is_a_regular_expression() {
    let catalogue = shipped();
    let marks = catalogue.services().iter().flat_map(|service| &service.marks);
    let conditions = marks.flat_map(|mark| std::iter::once(&mark.first).chain(&mark.and));
    for compare in conditions.flat_map(|condition| &condition.compare) {
        if let Compare::Matches(pattern) = compare {
            assert!(Pattern::new(pattern.text()).is_ok(), "{}", pattern.text());
        }
    }
}

#[test]
fn a_service_file_that_is_a_pipe_or_a_device_is_refused_without_a_wait() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.toml");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for path in [pipe, "/dev/zero".into()] {
        let error = check_all(std::slice::from_ref(&path), &|_| true).unwrap_err();
        let told = format!("{}: not a regular file; ", path.display());
        assert!(error.to_string().starts_with(&told), "{error}");
    }
}
