//! `make install`, and what is installed beside the program. What a program checks is skipped where
//! the program is not installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::run::{entries, files};

/// The outcome of a program, `None` where it is not installed.
fn run(program: &str, args: &[&str]) -> Option<Output> {
    let root = env!("CARGO_MANIFEST_DIR");
    Command::new(program).args(args).current_dir(root).env("MANWIDTH", "80").output().ok()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn man_pages() -> Vec<PathBuf> {
    entries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("man"))
}

#[test]
fn make_install_installs_program_man_pages_and_completions_and_uninstall_removes_them() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = format!("PREFIX={}", folder.path().display());
    let release = format!("RELEASE={}", env!("CARGO_BIN_EXE_portlore"));
    let Some(installed) = run("make", &["install", &prefix, &release, "DESTDIR="]) else { return };
    assert!(installed.status.success(), "{}", text(&installed.stderr));
    let program = folder.path().join("bin/portlore");
    let version = Command::new(&program).arg("--version").output().unwrap();
    assert!(version.status.success());
    let built = Path::new(env!("CARGO_BIN_EXE_portlore")).metadata().unwrap().len();
    assert!(program.metadata().unwrap().len() < built, "the program is not stripped");
    for name in [
        "share/man/man1/portlore.1",
        "share/man/man1/portlore-live.1",
        "share/bash-completion/completions/portlore",
        "share/zsh/site-functions/_portlore",
        "share/fish/vendor_completions.d/portlore.fish",
    ] {
        assert!(folder.path().join(name).is_file(), "{name}");
    }
    let pages = folder.path().join("share/man");
    for page in ["portlore", "portlore-live"] {
        if let Some(shown) = run("man", &["-M", pages.to_str().unwrap(), page]) {
            let shown = text(&shown.stdout);
            // Where man pages are left out of a machine, `man` is a message.
            assert!(!shown.contains("NAME") || shown.contains("SEE ALSO"), "{shown}");
        }
    }
    let removed = run("make", &["uninstall", &prefix, "DESTDIR="]).unwrap();
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn shells_and_shellcheck_accept_the_completions() {
    for (program, args) in [
        ("bash", &["-n", "completions/portlore.bash"][..]),
        ("shellcheck", &["completions/portlore.bash"]),
        ("zsh", &["-n", "completions/_portlore"]),
        ("fish", &["-n", "completions/portlore.fish"]),
    ] {
        if let Some(output) = run(program, args) {
            let told = text(&output.stdout) + &text(&output.stderr);
            assert!(output.status.success() && told.is_empty(), "{program}: {told}");
        }
    }
}

#[test]
fn bash_completes_commands_options_and_values() {
    let complete = |line: &str| -> Option<String> {
        let words: Vec<&str> = line.split(' ').collect();
        let (last, previous) = (words[words.len() - 1], words[words.len() - 2]);
        let script = format!(
            "source completions/portlore.bash; COMP_WORDS=({line}); COMP_CWORD={}; \
             _portlore portlore '{last}' '{previous}'; echo \"${{COMPREPLY[@]}}\"",
            words.len() - 1
        );
        run("bash", &["-c", &script]).map(|output| text(&output.stdout).trim().to_owned())
    };
    for (line, expected) in [
        ("portlore repl", "replay"),
        ("portlore replay --fo", "--follow --force --format"),
        ("portlore replay --format nd", "ndjson"),
        ("portlore live --fail-on w", "warning"),
        ("portlore catalogue ch", "check"),
        ("portlore help inter", "interfaces"),
    ] {
        let Some(completed) = complete(line) else { return };
        let mut completed: Vec<&str> = completed.split(' ').collect();
        completed.sort_unstable();
        assert_eq!(completed.join(" "), expected, "{line}");
    }
}

#[test]
fn man_pages_are_right_and_have_the_sections_that_people_look_for() {
    for page in man_pages() {
        let source = std::fs::read_to_string(&page).unwrap();
        for section in
            ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "\"EXIT STATUS\"", "ENVIRONMENT"]
        {
            assert!(
                source.contains(&format!("\n.SH {section}\n")),
                "{}: {section}",
                page.display()
            );
        }
        let path = page.to_str().unwrap();
        if let Some(lint) = run("mandoc", &["-T", "lint", "-W", "error", path]) {
            assert!(lint.status.success(), "{}", text(&lint.stdout));
        }
        if let Some(shown) = run("mandoc", &["-T", "utf8", "-O", "width=80", path]) {
            let shown = text(&shown.stdout);
            for line in shown.lines() {
                // A bold letter is written twice, with a step back between.
                let printed = line.chars().count() - 2 * line.matches('\u{8}').count();
                assert!(printed <= 80, "{path}: {line}");
            }
        }
    }
}
