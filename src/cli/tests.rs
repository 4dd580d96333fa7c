use std::ffi::OsString;

use clap::ValueEnum;
use clap::error::ErrorKind;
use portlore::pipeline::Options;
use portlore::report::FORMATS;

use super::*;

#[path = "../../tests/documented.rs"]
mod documented;

use self::documented::{command, documents, in_blocks, in_help, words};

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::parse_words(words(line).into_iter().map(OsString::from).collect())
}

/// The commands in the sentences of a document, in backticks; not mere names such as
/// `portlore osc`.
fn in_sentences(markdown: &str) -> Vec<String> {
    let text: String = markdown.split("```").step_by(2).collect();
    let code = text.split('`').skip(1).step_by(2).map(|code| code.replace('\n', " "));
    let is_name =
        |command: &String| command.matches(' ').count() == 1 && !command.contains(char::is_numeric);
    let commands = code.filter_map(|code| command(&code)).filter(|command| !is_name(command));
    commands.filter(|command| !command.contains("COMMAND")).collect()
}

/// Each visible command, with its help page in 80 columns.
fn help_pages(command: &mut clap::Command) -> Vec<(String, String)> {
    let name = command.get_bin_name().unwrap_or("portlore").to_owned();
    let mut pages = vec![(name, command.clone().term_width(80).render_help().to_string())];
    let commands = command.get_subcommands_mut().filter(|command| !command.is_hide_set());
    pages.extend(commands.flat_map(help_pages));
    pages
}

fn all_help_pages() -> Vec<(String, String)> {
    let mut command = help::command_line();
    command.build();
    help_pages(&mut command)
}

#[test]
fn a_plain_replay_of_the_library_has_the_limits_of_the_command_line() {
    let Command::Replay(replay) = parse("portlore replay x").unwrap().command else {
        panic!("no replay")
    };
    let (capture, options) = (replay.capture, Options::replay());
    assert_eq!(options.limits.max_flows, capture.reading.max_flows as usize);
    assert_eq!(options.limits.opening_bytes, (capture.reading.opening_mib as usize) << 20);
    assert_eq!(options.limits.histogram_ports, capture.histogram_ports as usize);
    assert_eq!(options.limits.max_servers, capture.reading.max_servers as usize);
    assert_eq!(options.tunnels, !capture.reading.no_tunnels);
}

#[test]
fn the_command_line_and_the_library_have_the_same_formats_in_the_same_order() {
    let names = Format::value_variants().iter().filter_map(Format::to_possible_value);
    let names: Vec<_> = names.map(|value| value.get_name().to_owned()).collect();
    assert_eq!(names, FORMATS.iter().map(|format| format.name).collect::<Vec<_>>());
}

#[test]
fn the_flags_do_not_collide_and_all_have_help() {
    help::command_line().debug_assert();
    for command in help::command_line().get_subcommands() {
        for flag in command.get_arguments() {
            assert!(flag.get_help().is_some(), "{} {}", command.get_name(), flag.get_id());
        }
    }
}

#[test]
fn the_help_of_each_command_fits_two_screens_and_ends_with_examples() {
    for (name, page) in all_help_pages() {
        let lines = page.trim_end().lines();
        assert!(lines.clone().count() <= 48, "{name}: {} lines\n{page}", lines.count());
        for line in lines {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
        let has_examples = !in_help(&page).is_empty() && page.contains("\nExamples:\n");
        assert!(has_examples, "{name}\n{page}");
    }
}

/// Each option of a help page is one line: what is longer is said by `portlore help COMMAND`.
#[test]
fn the_help_of_each_option_is_one_line() {
    for (name, page) in all_help_pages() {
        let options = page.split("\nExamples:\n").next().unwrap();
        for line in options.lines().filter(|line| line.starts_with("   ")) {
            let is_option = line.trim_start().starts_with("--");
            assert!(is_option, "{name}: a text goes on in a second line\n{line}");
        }
    }
}

#[test]
fn help_explains_every_command() {
    let names = all_help_pages().into_iter().skip(1);
    let names = names.map(|(name, _)| name.rsplit(' ').next().unwrap().to_owned());
    let mut known = Vec::new();
    for name in names {
        // Both `check` and `catalogue check` exist.
        if !known.contains(&name) {
            known.push(name);
        }
    }
    assert_eq!(known, help::COMMANDS);
}

/// What `-h` leaves out is named there, and `portlore help` has it.
#[test]
fn the_options_that_help_leaves_out_are_pointed_to() {
    let mut command = help::command_line();
    command.build();
    for command in command.get_subcommands() {
        let hidden: Vec<_> =
            command.get_arguments().filter(|arg| arg.is_hide_short_help_set()).collect();
        let name = command.get_name();
        let page = command.clone().render_help().to_string();
        let pointer = format!("portlore help {name}");
        assert_eq!(page.contains(&pointer), !hidden.is_empty(), "{page}");
        let whole = help::explain(&[name.to_owned()], false);
        assert!(!whole.contains("More options"), "all of them are here: {whole}");
        assert!(hidden.is_empty() || whole.contains("Examples:"), "{whole}");
        for arg in hidden {
            assert!(whole.contains(&format!("--{}", arg.get_long().unwrap())), "{name}: {arg}");
        }
    }
}

#[test]
fn the_commands_that_help_and_documents_show_are_parsed() {
    let mut commands = Vec::new();
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        let place = path.display().to_string();
        commands.extend(in_blocks(&text).into_iter().map(|line| (place.clone(), line)));
        // A sentence may name an option of a command without a file.
        for line in in_sentences(&text) {
            match parse(&line) {
                Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => {}
                _ => commands.push((place.clone(), line)),
            }
        }
    }
    for (name, page) in all_help_pages() {
        commands.extend(in_help(&page).into_iter().map(|line| (name.clone(), line)));
    }
    let service = include_str!("../../packaging/portlore.service");
    let start = service.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/"));
    commands.push(("portlore.service".to_owned(), command(start.unwrap()).unwrap()));
    assert!(commands.len() > 40, "{commands:?}");
    for (place, line) in commands {
        if let Err(error) = parse(&line) {
            assert!(!error.use_stderr(), "{place}: {line}\n{error}");
        }
    }
}

#[test]
fn an_error_about_a_word_shows_the_word_escaped() {
    let hostile = "x\u{202e}\u{3164}\u{e0100}o\u{301}\u{301}\u{301}\x1b[2J";
    let safe = portlore::report::escape(hostile);
    for words in [
        vec![hostile],
        vec!["replay", "--format", hostile, "f"],
        vec!["replay", "--since", hostile],
    ] {
        let words: Vec<_> = ["portlore"].into_iter().chain(words).map(Into::into).collect();
        let error = Cli::parse_words(words.clone()).map(drop).unwrap_err();
        let error = Cli::escaped(error, words).to_string();
        assert!(error.contains(&safe) && !error.contains('\u{202e}'), "{error}");
    }
}
