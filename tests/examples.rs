//! The commands that the help pages, the README and the documents show run, and show what they say.
//! Those that need an interface are parsed by the program's own tests (`src/cli/tests.rs`).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use crate::documented::{blocks, command, documents, in_blocks, in_help, words};
use crate::run::{help_pages, outcome, portlore, told};

/// The files of the examples and the fixtures that stand for them.
const FILES: &[(&str, &str)] = &[
    ("show.pcap", "fixtures/showcase.pcap"),
    ("FILE…", "fixtures/showcase.pcap"),
    ("ring1.pcap", "fixtures/eos-tcp-slip-3037.pcap"),
    ("ring2.pcap", "fixtures/acceptance.pcap"),
    ("harbour.pcap", "fixtures/showcase.pcap"),
    ("fixtures", "fixtures"),
    ("monday.pcap", "fixtures/shows/monday.pcap"),
    ("tuesday.pcap", "fixtures/shows/tuesday.pcap"),
    ("tonight.pcap", "fixtures/showcase.pcap"),
    ("east-0007.pcap", "fixtures/eos-tcp-slip-3037.pcap"),
    ("east-0008.pcap", "fixtures/acceptance.pcap"),
    ("harbour-show.toml", "examples/expectations/show.toml"),
];

/// A folder with the files of the examples.
fn folder() -> tempfile::TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    for (name, fixture) in FILES {
        symlink(root.join(fixture), folder.path().join(name)).unwrap();
    }
    // The service files that the README and the tutorial show.
    let shown = |page: &str| {
        let text = fs::read_to_string(root.join(page)).unwrap();
        text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
    };
    let service = shown("README.md");
    fs::create_dir(folder.path().join("services")).unwrap();
    fs::write(folder.path().join("billing.toml"), &service).unwrap();
    fs::write(folder.path().join("services/billing.toml"), service).unwrap();
    fs::write(folder.path().join("harbour.toml"), shown("docs/own-service.md")).unwrap();
    for day in ["monday", "tuesday"] {
        let (_, report, _) =
            outcome(&["replay", "--format", "json", &format!("fixtures/shows/{day}.pcap")]);
        fs::write(folder.path().join(format!("{day}.json")), report).unwrap();
    }
    for sensor in ["east", "west"] {
        let own = folder.path().join("captures").join(sensor);
        fs::create_dir_all(&own).unwrap();
        symlink(root.join("fixtures/showcase.pcap"), own.join("1.pcap")).unwrap();
        let snapshot = folder.path().join(format!("{sensor}.plore"));
        let part = ["replay", "--sensor", sensor, "--chain", "fixtures/showcase.pcap"];
        let (status, ..) =
            outcome(&[&part[..], &["--snapshot", snapshot.to_str().unwrap()]].concat());
        assert_eq!(status, 0);
    }
    let (_, learnt, _) = outcome(&["check", "--learn", "fixtures/showcase.pcap"]);
    fs::write(folder.path().join("show.toml"), learnt).unwrap();
    folder
}

/// Whether a command captures, so that it needs an interface and rights.
fn captures(words: &[String]) -> bool {
    words.iter().any(|word| ["live", "-i", "--interface"].contains(&word.as_str()))
}

/// Runs a command in the folder of the examples; a capture is its standard input.
fn run(folder: &Path, words: &[String]) -> (i32, String, String) {
    let words = &words[1..];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let input = fs::File::open(folder.join("show.pcap")).unwrap();
    let mut command = portlore(&words);
    told(&command.current_dir(folder).stdin(Stdio::from(input)).output().unwrap())
}

/// The exit statuses that are right for a command.
fn expected(words: &[String]) -> &'static [i32] {
    let has = |word: &str| words.iter().any(|other| other == word);
    match () {
        () if has("doctor") => &[0, 1],
        // The capture has alerts.
        () if has("--fail-on") => &[1],
        // The service is in none of the fixtures.
        () if has("--against") => &[1],
        // Another console stands there on Tuesday.
        () if has("diff") => &[1],
        () => &[0],
    }
}

#[test]
fn the_commands_that_help_and_documents_show_run() {
    let folder = folder();
    let texts = documents().into_iter().map(|path| fs::read_to_string(path).unwrap());
    let documented = texts.flat_map(|text| in_blocks(&text));
    let helped = help_pages().into_iter().flat_map(|(_, page)| in_help(&page));
    let mut commands: Vec<String> = documented.chain(helped).collect();
    commands.sort();
    commands.dedup();
    let mut runs = 0;
    for command in &commands {
        let words = words(command);
        if captures(&words) {
            continue;
        }
        let (status, stdout, stderr) = run(folder.path(), &words);
        assert!(expected(&words).contains(&status), "{command}: {status}\n{stderr}");
        // What a command copies goes to a file; it says how much that was.
        let printed = if words.iter().any(|word| word == "-w") { &stderr } else { &stdout };
        assert!(!printed.is_empty(), "{command} printed nothing: {stderr}");
        runs += 1;
    }
    assert!(runs > 20, "only {runs} of {commands:?}");
}

/// What follows a prompt in a document is what the command prints.
#[test]
fn the_sessions_that_documents_show_are_real() {
    let folder = folder();
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for block in blocks(&text) {
            let mut printed = String::new();
            for line in block.lines() {
                if line.starts_with("$ ") {
                    let words = words(&command(line).unwrap());
                    let ran = (!captures(&words)).then(|| run(folder.path(), &words));
                    printed = ran.map_or_else(String::new, |(_, stdout, _)| stdout);
                } else if block.starts_with("$ ") {
                    let is_printed = printed.lines().any(|other| other.trim_end() == line);
                    assert!(is_printed, "{}: {line} is not in\n{printed}", path.display());
                }
            }
        }
    }
}

#[test]
fn completions_are_printed_for_each_shell_and_no_other() {
    for (shell, sign) in [
        ("bash", "complete -F _portlore"),
        ("zsh", "#compdef portlore"),
        ("fish", "complete -c portlore"),
    ] {
        let (status, script, _) = outcome(&["completions", shell]);
        assert!(status == 0 && script.contains(sign), "{shell}: {script}");
        assert!(script.contains("fail-on") && !script.contains("process-lookup"), "{shell}");
    }
    assert_eq!(outcome(&["completions", "tcsh"]).0, 2);
}
