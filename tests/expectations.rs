//! `portlore check`: captures against what is expected of them.

#[path = "expectations/worked.rs"]
mod worked;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::run::{captures, outcome, portlore, refusal};

const MONDAY: &str = "fixtures/shows/monday.pcap";
const TUESDAY: &str = "fixtures/shows/tuesday.pcap";
const SHOWCASE: &str = "fixtures/showcase.pcap";
const MISMATCH: &str = "fixtures/eos-mismatch.pcap";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A file of expectations in a folder of its own.
fn expectations(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("show.toml");
    fs::write(&file, text).unwrap();
    (folder, file)
}

/// The exit status and the output of a check of these expectations.
fn check(expected: &str, args: &[&str]) -> (i32, String) {
    let (_folder, file) = expectations(expected);
    let (status, stdout, stderr) = outcome(&[&["check", text(&file)], args].concat());
    assert!(stderr.is_empty(), "{stderr}");
    (status, stdout)
}

/// The document of a check.
fn document(expected: &str, capture: &str) -> Value {
    let (_, stdout) = check(expected, &[capture, "--format", "json"]);
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn expectations_that_hold_take_one_line() {
    let expected = r#"
name = "Harbour"
[[server]]
name = "Eos console"
address = "10.101.1.10"
port = 3032
must = "eos"
only = "osc"
at_most_bytes = "10K"
[[server]]
address = "10.101.0.0/16"
port = ["3032/tcp", "10023/udp", "53000/udp"]
must = "osc"
at_least = 3
[[server]]
port = "1-1024"
none = true
[[flow]]
where = "protocol = osc"
must = "osc"
at_least = 3
at_most_bytes = 1_000_000
only = "responder_address in 10.101.1.0/24"
[[flow]]
name = "no telnet"
where = "protocol = telnet"
none = true
[findings]
no = ["contradicts", "exposed", "alert"]
"#;
    let line = "show.toml (Harbour): all 8 rules hold for fixtures/shows/monday.pcap (3 flows, 3 servers)\n";
    let (status, stdout) = check(expected, &[MONDAY]);
    assert!(status == 0 && stdout.ends_with(line) && stdout.lines().count() == 1, "{stdout}");
}

/// Expectations of which one is broken, and what is said of it: each key of each kind of rule.
const BROKEN: &[(&str, &str, &str, &[&str])] = &[
    (
        MONDAY,
        "[[server]]\nname = \"Spare\"\naddress = \"10.101.1.11\"\nport = 3032\nmust = \"eos\"\n",
        "must",
        &["no server answered (frames 1 to 28 were read)", "responder_address = 10.101.1.11"],
    ),
    (
        MONDAY,
        "[[server]]\naddress = \"10.101.1.10\"\nport = 3032\nmust = \"http\"\n",
        "must",
        &[
            "10.101.1.10:3032/tcp: it does not speak http; it is ETC Eos lighting console",
            "frame 4: the client sends a message to /eos/get/version",
            "Wireshark: frame.number in {4, 6}",
        ],
    ),
    (
        SHOWCASE,
        "[[server]]\naddress = \"192.0.2.10\"\nport = 3000\nmust = \"http\"\n",
        "must",
        &["no server answered 1 attempt", "refused: the server answered the SYN with RST"],
    ),
    (
        MONDAY,
        "[[server]]\nport = 10023\nnone = true\n",
        "none",
        &["10.101.1.20:10023/udp: it is Behringer X32", "frame 24"],
    ),
    (
        MONDAY,
        "[[server]]\nport = 3032\nat_least = 2\n",
        "at_least",
        &["only 1 server instead of 2 or more: 10.101.1.10:3032/tcp", "frame 1  tcp"],
    ),
    (
        MONDAY,
        "[[server]]\naddress = \"10.101.1.10\"\nat_most_bytes = 900\n",
        "at_most_bytes",
        &["924 bytes in flows to 1 server; at most 900 are allowed", "frame 1  tcp"],
    ),
    (
        SHOWCASE,
        "[[server]]\nport = 3037\nonly = [\"osc\"]\n",
        "only",
        &["it also speaks HTTP (Python http.server)", "Wireshark: frame.number"],
    ),
    (
        SHOWCASE,
        "[[flow]]\nwhere = \"protocol = ssh\"\nnone = true\n",
        "none",
        &[
            "1 of 21 flows should not be there",
            "the server identifies itself as",
            "--where 'protocol = ssh'",
        ],
    ),
    (
        MONDAY,
        "[[flow]]\nwhere = \"responder_port = 53000\"\nmust = \"x32\"\n",
        "must",
        &[
            "1 of 1 selected flow does not speak x32",
            "(responder_port = 53000) and not (service = x32 or also = x32)",
        ],
    ),
    (
        MONDAY,
        "[[flow]]\nwhere = \"protocol = http\"\nmust = \"http\"\n",
        "must",
        &["no flow is selected, and frames 1 to 28 were read"],
    ),
    (
        MONDAY,
        "[[flow]]\nwhere = \"protocol = osc\"\nat_least = 4\n",
        "at_least",
        &["only 3 flows instead of 4 or more", "frame 19  udp"],
    ),
    (
        MONDAY,
        "[[flow]]\nat_most_bytes = \"1K\"\n",
        "at_most_bytes",
        &["1,544 bytes in 3 flows; at most 1,000 are allowed", "frame 1  tcp"],
    ),
    (
        MONDAY,
        "[[flow]]\nwhere = \"tag = osc\"\nonly = \"transport = udp\"\n",
        "only",
        &[
            "1 of 3 selected flows does not match: transport = udp",
            "(tag = osc) and not (transport = udp)",
        ],
    ),
    (
        MISMATCH,
        "[findings]\nno = [\"framing\"]\n",
        "no",
        &["found: warning (framing) at ", "(frame "],
    ),
];

#[test]
fn each_expectation_that_is_broken_is_told_with_its_frame() {
    for (capture, expected, key, told) in BROKEN {
        let (status, stdout) = check(expected, &[capture]);
        assert_eq!(status, 1, "{expected}{stdout}");
        assert!(stdout.contains("VIOLATED  ") && stdout.contains("(line "), "{stdout}");
        let head = if *key == "no" { "found" } else { key };
        assert!(stdout.contains(&format!("\n  {head}: ")), "{expected}{stdout}");
        assert!(stdout.contains("frame"), "{expected}{stdout}");
        for words in *told {
            assert!(stdout.contains(words), "{expected}lacks {words}:\n{stdout}");
        }
        let document = document(expected, capture);
        assert_eq!((&document["holds"], &document["violated"]), (&false.into(), &1.into()));
        let violation = &document["rules"][0]["violations"][0];
        assert_eq!(violation["expectation"], *key);
        let shown =
            violation["frame"].is_u64() || violation["message"].to_string().contains("frame");
        assert!(shown, "{violation}");
    }
}

#[test]
fn a_console_that_was_replaced_breaks_its_rule() {
    let expected =
        "[[server]]\nname = \"Eos\"\naddress = \"10.101.1.10\"\nport = 3032\nmust = \"eos\"\n";
    assert_eq!(check(expected, &[MONDAY]).0, 0);
    let (status, stdout) = check(expected, &[TUESDAY]);
    assert_eq!(status, 1);
    assert!(stdout.contains("VIOLATED  Eos (line 1); expected: eos at 10.101.1.10, port 3032"));
}

#[test]
fn the_reasons_and_filters_of_a_violation_are_in_the_document() {
    let expected = "[[flow]]\nwhere = \"protocol = ssh\"\nnone = true\n";
    let document = document(expected, SHOWCASE);
    let violation = &document["rules"][0]["violations"][0];
    let flow = &violation["flows"][0];
    assert_eq!(flow["verdict"]["protocol"], "ssh");
    let reasons = flow["verdict"]["reasons"].as_array().unwrap();
    assert!(reasons.iter().any(|reason| reason["frame"].is_u64()));
    assert_eq!(violation["where"], "protocol = ssh");
    assert!(violation["wireshark"].as_str().unwrap().starts_with("frame.number"));
    assert_eq!(document["schema"], "portlore/check/1");
}

/// A file that is not valid, and the line, column and words of its fault.
const INVALID: &[(&str, &str)] = &[
    ("[[server]]\nmst = \"osc\"\n", ":2:1: there is no key 'mst'; did you mean must?"),
    ("[[servers]]\nmust = \"osc\"\n", ":1:3: there is no key 'servers'; did you mean server?"),
    ("[[server]]\nport = \"x\"\nmust = \"osc\"\n", ":2:8: port: 'x' is not a port"),
    ("[[server]]\nport = 70000\nmust = \"osc\"\n", ":2:8: port: '70000' is not a port"),
    ("[[server]]\naddress = \"10.1\"\nnone = true\n", ":2:11: address: '10.1' is not an address"),
    (
        "[[server]]\nmust = \"ocs\"\n",
        ":2:8: must: 'ocs' is not a service, tag or protocol; did you mean ",
    ),
    ("[[server]]\nport = 80\n", ":1:1: the rule expects nothing; add must"),
    ("[[server]]\nmust = \"osc\"\nnone = true\n", ":3:8: none and must contradict each other"),
    ("\n[[flow]]\nnone = \"yes\"\n", ":3:8: none: \"yes\" is not allowed; write true or false"),
    ("[[flow]]\nat_least = 0\n", ":2:12: at_least = 0 expects nothing; write 1"),
    (
        "[[flow]]\nat_least = -1\n",
        ":2:12: at_least: integer `-1` is not allowed; write a whole number",
    ),
    ("[[flow]]\nat_most_bytes = \"much\"\n", ":2:17: at_most_bytes: 'much' is not a size; write"),
    (
        "[[flow]]\nnone = true\nwhere = \"protocl = http\"\n",
        ":3:10: where: there is no column 'protocl'; did you mean protocol?",
    ),
    ("[[flow]]\nonly = 'tag = osc and bytes > 1Q'\n", ":2:31: only: '1Q' is not a size"),
    (
        "[findings]\nno = [\n  \"contradicts\",\n  \"exposes\",\n]\n",
        ":4:3: no: there is no finding 'exposes'; did you mean exposed?",
    ),
    (
        "[findings]\nno = \"exposed\"\n",
        ":2:6: no: \"exposed\" is not allowed; write a list in brackets",
    ),
    (
        "[[server]]\nmust = \"http\"\nonly = \"osc\"\n",
        ":3:8: only does not allow http, which must expects",
    ),
    ("[[flow]\nnone = true\n", ":1:8: not valid TOML"),
    ("[[flow]]\nnone = true\nnone = true\n", ":3:1: not valid TOML: duplicate key"),
    ("", ":1:1: nothing is expected; add [[server]]"),
    (
        "[[flow]]\nmust = [\"osc\", 3]\n",
        ":2:8: must: a value of this type is not allowed; write a text in quotes",
    ),
    ("[[flow]]\nnone = false\n", ":2:8: none = false expects nothing"),
];

#[test]
fn a_file_that_is_not_valid_is_refused_with_the_line_of_each_fault() {
    assert!(INVALID.len() >= 12);
    for (content, told) in INVALID {
        let (_folder, file) = expectations(content);
        let refusal = refusal(&["check", text(&file), MONDAY]);
        let first = refusal.lines().next().unwrap();
        assert!(first.contains(&format!("show.toml{told}")), "{content}\n{refusal}");
    }
    // All faults at once.
    let (_folder, file) = expectations(
        "[[server]]\nport = 0x\n[[flow]]\nnone = true\n"
            .replace("0x", "\"a\"\nmust = \"b\"")
            .as_str(),
    );
    assert_eq!(refusal(&["check", text(&file), MONDAY]).lines().count(), 2);
}

#[test]
fn a_fault_in_an_expression_is_pointed_at() {
    let (_folder, file) =
        expectations("[[flow]]\nwhere = \"tag = osc and protocl = http\"\nnone = true\n");
    let refusal = refusal(&["check", text(&file), MONDAY]);
    let lines: Vec<&str> = refusal.lines().collect();
    assert_eq!(lines[1], "portlore:   tag = osc and protocl = http");
    assert_eq!(lines[2], "portlore:                 ^^^^^^^");
    assert_eq!(lines.len(), 3);
}

#[test]
fn what_cannot_be_checked_is_refused_in_one_line() {
    let (folder, file) = expectations("[[flow]]\nat_least = 1\n");
    let binary = folder.path().join("binary");
    fs::write(&binary, [0xff, 0xfe, 0]).unwrap();
    let large = folder.path().join("large");
    fs::write(&large, "# much\n".repeat(200_000)).unwrap();
    for (args, reason) in [
        (&[text(&file)][..], "a file of expectations or a capture is missing"),
        (&["nowhere.toml", MONDAY], "nowhere.toml cannot be read: no such file"),
        (&[text(&file), "nowhere.pcap"], "nowhere.pcap"),
        (&[MONDAY, MONDAY], "is not a file of expectations"),
        (&[text(&binary), MONDAY], "is not a file of expectations: it is not text"),
        (&[text(&large), MONDAY], "is too large"),
        (&[text(&file), MONDAY, "-o", text(&file), "--force"], "it is one of the input files"),
        (&[text(&file), MONDAY, "-o", text(&binary)], "already exists"),
    ] {
        let refusal = refusal(&[&["check"], args].concat());
        assert!(refusal.contains(reason) && refusal.lines().count() == 1, "{args:?}: {refusal}");
    }
}

#[test]
fn an_incomplete_capture_counts_after_a_violation() {
    let cut = "fixtures/forms/truncated.pcap";
    for (expected, status) in [("[[flow]]\nat_least = 1\n", 3), ("[[flow]]\nat_least = 1000\n", 1)]
    {
        let (_folder, file) = expectations(expected);
        let (ended, _, stderr) = outcome(&["check", text(&file), cut]);
        assert!(ended == status && stderr.contains(cut), "{ended} {stderr}");
        let (_, junit, _) = outcome(&["check", text(&file), cut, "--format", "junit"]);
        assert!(junit.contains("errors=\"1\"") && junit.contains("<error message="), "{junit}");
    }
}

#[test]
fn what_a_capture_teaches_holds_for_every_fixture() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("learnt.toml");
    let folders = ["fixtures", "fixtures/cases", "fixtures/forms", "fixtures/shows"];
    let mut held = 0;
    for capture in folders.into_iter().flat_map(captures) {
        let (status, learnt, stderr) = outcome(&["check", "--learn", &capture]);
        if status == 2 {
            continue;
        }
        fs::write(&file, &learnt).unwrap();
        let (again, stdout, _) = outcome(&["check", text(&file), &capture]);
        assert_eq!(again, status, "{capture}: {learnt}\n{stdout}{stderr}");
        assert!(stdout.contains(" hold for ") || stdout.contains(" holds for "), "{stdout}");
        assert!(learnt.lines().all(|line| line.chars().count() <= 110), "{learnt}");
        held += 1;
    }
    assert!(held > 300, "{held}");
}

#[test]
fn what_is_learnt_reads_as_a_person_writes_it() {
    let (status, learnt, _) = outcome(&["check", "--learn", MONDAY]);
    assert_eq!(status, 0);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/shows/monday.toml");
    if std::env::var_os("PORTLORE_BLESS").is_some() {
        fs::write(&golden, &learnt).unwrap();
    }
    assert_eq!(learnt, fs::read_to_string(golden).unwrap(), "PORTLORE_BLESS=1 accepts");
    assert!(!learnt.contains("50100") && !learnt.contains("10.101.1.50"), "no clients: {learnt}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("learnt.toml");
    let args = ["check", "--learn", MONDAY, "-o", text(&file)];
    assert_eq!(outcome(&args), (0, String::new(), String::new()));
    assert_eq!(fs::read_to_string(&file).unwrap(), learnt);
    let (status, stdout, _) = outcome(&["check", text(&file), TUESDAY]);
    assert!(status == 1 && stdout.contains("ETC Eos lighting console"), "{stdout}");
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let expected = "[[server]]\nmust = \"osc\"\n[[flow]]\nonly = \"protocol = osc\"\n\
                    at_most_bytes = 10\n[findings]\nno = [\"note\", \"alert\"]\n";
    let (_folder, file) = expectations(expected);
    for format in ["text", "json", "junit"] {
        let run = |workers: &str| {
            let args = ["check", text(&file), "fixtures", "--format", format, "--workers", workers];
            outcome(&args)
        };
        let one = run("1");
        assert!(one.1.contains("frame"), "{}", one.2);
        for workers in ["2", "16"] {
            assert!(run(workers) == one, "{workers} workers");
        }
    }
    let learnt = |workers: &str| outcome(&["check", "--learn", "fixtures", "--workers", workers]);
    assert!(learnt("1") == learnt("16"));
}

/// Whether a text is well-formed XML, by another parser; nothing where there is no Python.
fn parsed_by_python(xml: &str) -> Option<String> {
    let script = "import sys, xml.etree.ElementTree as e\n\
                  root = e.fromstring(sys.stdin.buffer.read())\n\
                  suite = root.find('testsuite')\n\
                  print(root.tag, suite.get('tests'), suite.get('failures'),\n\
                        len(suite.findall('testcase')), len(suite.findall('testcase/failure')))";
    let mut child = std::process::Command::new("python3")
        .args(["-c", script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .ok()?;
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), xml.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{xml}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn junit_is_read_by_an_xml_parser() {
    let hostile = "[[flow]]\nname = \"</testcase>\\\"'&\\u001b[2J\\u202e\"\nwhere = \"bytes > 0\"\nnone = true\n\
                   [[server]]\nmust = \"osc\"\n[findings]\nno = [\"alert\", \"tunnel\"]\n";
    let (_, xml) = check(hostile, &[SHOWCASE, "--format", "junit"]);
    assert!(!xml.contains('\x1b') && !xml.contains('\u{202e}'), "{xml}");
    if let Some(parsed) = parsed_by_python(&xml) {
        assert_eq!(parsed, "testsuites 4 3 4 3\n", "{xml}");
    }
    let (status, xml) = check("[[flow]]\nat_least = 1\n", &[MONDAY, "--format", "junit"]);
    assert_eq!(status, 0);
    if let Some(parsed) = parsed_by_python(&xml) {
        assert_eq!(parsed, "testsuites 1 0 1 0\n", "{xml}");
    }
}

#[test]
fn hostile_text_does_not_steer_a_terminal() {
    let expected = "name = \"\\u001b[2J\"\n[[flow]]\nname = \"\\u202eevil\"\nnone = true\n";
    for format in ["text", "json"] {
        let (status, stdout) = check(expected, &[SHOWCASE, "--format", format]);
        assert_eq!(status, 1);
        assert!(!stdout.contains('\x1b') && !stdout.contains('\u{202e}'), "{stdout}");
    }
    let (_folder, file) = expectations("[[flow]]\nwhere = \"a\\u001b[2J = 1\"\nnone = true\n");
    let refusal = refusal(&["check", text(&file), MONDAY]);
    assert!(!refusal.contains('\x1b'), "{refusal}");
}

#[test]
fn a_server_is_selected_by_its_name() {
    let (_, report, _) = outcome(&["replay", "--format", "json", SHOWCASE]);
    let report: Value = serde_json::from_str(&report).unwrap();
    let servers = report["servers"].as_array().unwrap();
    let names = servers.iter().flat_map(|server| {
        let names = server["names"].as_array().unwrap();
        names.iter().map(move |name| (server["port"].clone(), name["name"].as_str().unwrap()))
    });
    let is_name = |name: &str| name.contains('.') && name.contains(|c: char| c.is_alphabetic());
    let (port, name) = names.into_iter().find(|(_, name)| is_name(name)).unwrap();
    let name = name.split(':').next().unwrap();
    let rule = format!("[[server]]\naddress = \"{name}\"\nport = {port}\nat_least = 1\n");
    assert_eq!(check(&rule, &[SHOWCASE]).0, 0, "{rule}");
    let rule = rule.replace(name, "elsewhere.example");
    assert_eq!(check(&rule, &[SHOWCASE]).0, 1, "{rule}");
}

#[test]
fn only_the_selected_connections_are_checked() {
    let rule = "[[flow]]\nonly = \"transport = udp\"\n";
    assert_eq!(check(rule, &[MONDAY]).0, 1);
    let (status, stdout) = check(rule, &["--where", "port > 9999", MONDAY]);
    assert!(status == 0 && stdout.contains("2 flows, 2 servers"), "{stdout}");
}

#[test]
fn a_capture_on_standard_input_is_checked() {
    let (_folder, file) = expectations("[[server]]\nport = 3032\nmust = \"eos\"\n");
    let mut command = portlore(&["check", text(&file), "-"]);
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join(MONDAY);
    let output = command.stdin(fs::File::open(capture).unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}
