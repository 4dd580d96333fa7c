//! The files that are made of the command line and committed: completions and man pages.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Command;
use clap_complete::{Generator, Shell, generate};

use super::{help, man};

const FOLDERS: [&str; 2] = ["completions", "man"];

/// Why the generated script for bash is not what shellcheck asks for.
const BASH_HEAD: &str = "\
# Generated from src/cli.rs.
# shellcheck shell=bash
# Words are split on purpose: the lists are of words without spaces and wildcards.
# shellcheck disable=SC2207
";

/// The command line without the commands that only the program itself uses.
fn visible() -> Command {
    let whole = help::command_line();
    let text = |text: Option<&clap::builder::StyledStr>| text.cloned().unwrap_or_default();
    Command::new("portlore")
        .version(env!("CARGO_PKG_VERSION"))
        .about(text(whole.get_about()))
        .long_about(text(whole.get_long_about()))
        .after_help(text(whole.get_after_help()))
        .after_long_help(text(whole.get_after_long_help()))
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .args(whole.get_arguments().cloned())
        .subcommands(whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned())
}

/// Each generated file, by its path.
fn files() -> BTreeMap<String, String> {
    let script = |shell: Shell| {
        let mut script = Vec::new();
        generate(shell, &mut visible(), "portlore", &mut script);
        String::from_utf8(script).unwrap()
    };
    let bash = (Shell::Bash.file_name("portlore"), format!("{BASH_HEAD}{}", script(Shell::Bash)));
    let others =
        [Shell::Zsh, Shell::Fish].map(|shell| (shell.file_name("portlore"), script(shell)));
    let completions = [bash].into_iter().chain(others);
    let completions = completions.map(|(name, text)| (format!("completions/{name}"), text));
    let pages = man::pages(visible()).into_iter();
    completions.chain(pages.map(|(name, text)| (format!("man/{name}"), text))).collect()
}

#[test]
fn the_committed_completions_and_man_pages_are_those_of_the_command_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = files();
    let bless = std::env::var_os("PORTLORE_BLESS").is_some();
    for folder in FOLDERS {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            if bless && !files.contains_key(name) {
                std::fs::remove_file(&path).unwrap();
            }
            assert!(bless || files.contains_key(name), "{name} is no longer generated: make bless");
        }
    }
    for (name, text) in files {
        if bless {
            std::fs::write(root.join(&name), &text).unwrap();
        }
        let committed = std::fs::read_to_string(root.join(&name)).unwrap_or_default();
        assert!(committed == text, "{name} is not that of src/cli.rs: make bless");
    }
}
