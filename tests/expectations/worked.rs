//! The worked examples: their files hold and break as `docs/expectations.md` says.

use std::fs;
use std::path::Path;

use super::{SHOWCASE, parsed_by_python, text};
use crate::run::{outcome, told};

const EXAMPLES: &str = "examples/expectations";

#[test]
fn the_page_shows_the_examples_as_they_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/expectations.md")).unwrap();
    for name in ["show", "ci", "cron"] {
        let example = fs::read_to_string(root.join(format!("{EXAMPLES}/{name}.toml"))).unwrap();
        assert!(page.contains(&format!("```toml\n{example}```")), "{name}.toml");
    }
}

#[test]
fn a_lighting_technician_sees_what_changed_before_the_show() {
    let file = format!("{EXAMPLES}/show.toml");
    let on = |day: &str| outcome(&["check", &file, &format!("fixtures/shows/{day}.pcap")]);
    assert_eq!(on("monday").0, 0);
    let (status, stdout, _) = on("tuesday");
    assert_eq!(status, 1);
    assert!(stdout.contains("VIOLATED  Eos console (line 4)"), "{stdout}");
    let (status, stdout, _) = on("wednesday");
    assert_eq!(status, 1);
    assert!(stdout.contains("VIOLATED  only show control on the show network"), "{stdout}");
    assert!(
        stdout.contains("frame 34: the server sends the header server: SimpleHTTP"),
        "{stdout}"
    );
}

/// A script of the examples, with this program in the path.
fn script(name: &str, args: &[&str], folder: &Path) -> (i32, String, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_portlore")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = std::process::Command::new("sh");
    command.arg(root.join(EXAMPLES).join(name)).args(args).current_dir(folder);
    command.env("PATH", path).env("HOME", "/nonexistent").env_remove("XDG_CONFIG_HOME");
    told(&command.output().unwrap())
}

#[test]
fn a_developer_has_a_gate_in_ci() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let good = fixture("express-3001.pcap");
    let (status, stdout, stderr) = script("ci.sh", &[text(&good)], folder.path());
    assert_eq!(status, 0, "{stdout}{stderr}");
    let junit = fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    assert!(junit.contains("failures=\"0\""), "{junit}");
    let (status, stdout, _) = script("ci.sh", &[text(&fixture("acceptance.pcap"))], folder.path());
    assert_eq!(status, 1);
    assert!(stdout.contains("VIOLATED  no server but the shop is called"), "{stdout}");
    let junit = fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    assert!(junit.contains("<failure type=\"none\""), "{junit}");
    if let Some(parsed) = parsed_by_python(&junit) {
        assert!(parsed.starts_with("testsuites 8 "), "{parsed}");
    }
}

#[test]
fn an_operator_gets_a_mail_when_something_changed() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (usual, other) = (root.join(SHOWCASE), root.join("fixtures/acceptance.pcap"));
    let kept = text(folder.path());
    for _ in 0..2 {
        let silent = (0, String::new(), String::new());
        assert_eq!(script("cron.sh", &[text(&usual), kept], folder.path()), silent);
    }
    let (status, mail, stderr) = script("cron.sh", &[text(&other), kept], folder.path());
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(mail.contains("VIOLATED  SSH, and nothing else on its port"), "{mail}");
    assert!(mail.contains("removed  192.0.2.10:22/tcp"), "{mail}");
    let (status, _, _) = script("cron.sh", &["/nowhere.pcap", kept], folder.path());
    assert_ne!(status, 0);
}
