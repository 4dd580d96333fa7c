//! The man pages, one for each command: the texts of the help, and the sections below.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

const MANUAL: &str = "User Commands";
/// Columns of the source.
const WIDTH: usize = 80;

/// A list of a page: a tag and its text.
type Entries = &'static [(&'static str, &'static str)];

const SUCCESS: (&str, &str) = (
    "0",
    "Success. Packets that a live capture drops do not change the status, and neither does a file \
     whose times run backwards.",
);
const FINDING: (&str, &str) = ("1", "There is a finding that --fail-on names.");
const USAGE: (&str, &str) = ("2", "Wrong usage, or input that cannot be read at all.");
const INCOMPLETE: (&str, &str) = (
    "3",
    "Finished, but the input is incomplete: damaged, interrupted, of an unknown link type, with \
     headers cut off, or an interface did not come back. The output covers what was read.",
);

/// The exit statuses of a command.
fn exit_statuses(name: &str) -> Entries {
    match name {
        "portlore" => &[
            SUCCESS,
            (
                "1",
                "A check failed: live capture does not work (doctor), or there is a finding that \
                 --fail-on names.",
            ),
            USAGE,
            INCOMPLETE,
        ],
        "replay" | "live" => &[SUCCESS, FINDING, USAGE, INCOMPLETE],
        "osc" => &[SUCCESS, USAGE, INCOMPLETE],
        "check" => &[
            ("0", "There are no errors."),
            (
                "1",
                "A service with marks is recognised on no connection of the captures (--against).",
            ),
            ("2", "A mistake in a service file, or a file that cannot be read."),
            INCOMPLETE,
        ],
        "doctor" => &[("0", "Live capture works."), ("1", "Live capture does not work.")],
        _ => &[("0", "Success."), ("2", "Wrong usage, or a file that cannot be read.")],
    }
}

const NO_COLOR: (&str, &str) = ("NO_COLOR", "Disables colours if it is set and not empty.");
const CONFIG: (&str, &str) =
    ("XDG_CONFIG_HOME", "Replaces ~/.config, in which your own service files are.");
const ZONE: (&str, &str) = ("TZ", "Time zone for --local.");
const CALLER: (&str, &str) = (
    "SUDO_UID, SUDO_GID",
    "Set by sudo: the user to switch to, whose service files are read and who owns new files.",
);

/// The environment of a command.
fn environment(name: &str) -> Entries {
    match name {
        "portlore" | "replay" | "live" => &[NO_COLOR, CONFIG, ZONE, CALLER],
        "osc" => &[NO_COLOR, ZONE, CALLER],
        "port" | "ports" | "services" => &[NO_COLOR, CONFIG, CALLER],
        _ => &[NO_COLOR],
    }
}

/// The files of a command.
fn files(name: &str) -> Entries {
    const SERVICES: (&str, &str) = (
        "~/.config/portlore/services/*.toml",
        "Your own services, one a file. They replace built-in services of the same id. \
         portlore catalogue check finds mistakes in them.",
    );
    const PART: (&str, &str) =
        ("FILE.part", "A FILE that is being written; it is renamed to FILE when it is complete.");
    match name {
        "replay" | "live" => &[SERVICES, PART],
        "osc" => &[PART],
        "portlore" | "port" | "ports" | "services" | "catalogue" | "check" | "facts" => &[SERVICES],
        _ => &[],
    }
}

/// Pages of other programs that help with a command.
fn related(name: &str) -> &'static [&'static str] {
    match name {
        "portlore" => &["tcpdump(8)", "wireshark(1)", "ss(8)", "lsof(8)"],
        "replay" => &["pcap-filter(7)", "mergecap(1)", "tcpdump(8)"],
        "live" => &["pcap-filter(7)", "capabilities(7)", "tcpdump(8)"],
        "osc" => &["pcap-filter(7)"],
        "port" | "ports" => &["ss(8)", "lsof(8)"],
        "doctor" => &["setcap(8)", "capabilities(7)"],
        _ => &[],
    }
}

/// The pages of a command and of those below it: file name and text.
pub(super) fn pages(mut command: Command) -> Vec<(String, String)> {
    command.build();
    let mut root = with_sentences(command);
    let mut names = Vec::new();
    collect_names(&root, &mut names);
    let mut pages = Vec::new();
    collect_pages(&mut root, &names, &mut pages);
    pages
}

fn with_sentences(command: Command) -> Command {
    command.mut_args(sentences).mut_subcommands(with_sentences)
}

/// Joins the paragraphs of an option's help: its first line becomes a sentence.
fn sentences(arg: clap::Arg) -> clap::Arg {
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string);
    let text = sentence(&help.unwrap_or_default().replace("\n\n", "\n"));
    arg.long_help(text)
}

/// The lines as one paragraph; the first ends with a full stop.
fn sentence(text: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let stop = if first.ends_with(['.', '?', ':']) { "" } else { "." };
    format!("{first}{stop} {}", rest.replace('\n', " ")).trim().to_owned()
}

fn collect_names(command: &Command, names: &mut Vec<String>) {
    names.push(page_name(command));
    command.get_subcommands().for_each(|command| collect_names(command, names));
}

fn collect_pages(command: &mut Command, names: &[String], pages: &mut Vec<(String, String)>) {
    pages.push((format!("{}.1", page_name(command)), page(command, names)));
    command.get_subcommands_mut().for_each(|command| collect_pages(command, names, pages));
}

fn page_name(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

/// One page; `names` are those of all pages.
fn page(command: &mut Command, names: &[String]) -> String {
    let title = page_name(command);
    let usage = command.render_usage().to_string();
    let command = &*command;
    let name = command.get_name();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    // Without a date, which would change the page with every build; text to the left, and names
    // that are not divided.
    let version = env!("CARGO_PKG_VERSION");
    let head = format!(".TH {} 1 \"\" \"portlore {version}\" \"{MANUAL}\"\n", title.to_uppercase());
    let mut page = Roff::new();
    page.control("nh", []);
    page.control("ad", ["l"]);
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{title} - {}", lower_first(&about)))]);
    page.control("SH", ["SYNOPSIS"]);
    page.text(synopsis(command, &usage));
    page.control("SH", ["DESCRIPTION"]);
    let sentence = format!("{about}.");
    let rest = long.split("\n\n").skip(1);
    // The page of the program says what it does; those of commands say how, as the name said what.
    let first = (long.is_empty() || name == "portlore").then_some(sentence.as_str());
    for (i, paragraph) in first.into_iter().chain(rest).enumerate() {
        if i > 0 {
            page.control("PP", []);
        }
        page.text([roman(paragraph)]);
    }
    let mut text = head + &page.to_roff();
    text += &options(command);
    if command.has_subcommands() {
        let commands = command.get_subcommands();
        let commands: Vec<(String, String)> = commands
            .map(|command| {
                let about = command.get_about().map(ToString::to_string).unwrap_or_default();
                (format!("{}(1)", page_name(command)), format!("{about}."))
            })
            .collect();
        text +=
            &list("COMMANDS", commands.iter().map(|(name, about)| (name.as_str(), about.as_str())));
    }
    text += &examples(command);
    text += &list("EXIT STATUS", exit_statuses(name).iter().copied());
    text += &list("FILES", files(name).iter().copied());
    text += &list("ENVIRONMENT", environment(name).iter().copied());
    let others = names.iter().filter(|&name| *name != title).map(|name| format!("{name}(1)"));
    let others: Vec<String> = others.chain(related(name).iter().map(ToString::to_string)).collect();
    let mut see_also = Roff::new();
    see_also.control("SH", ["SEE ALSO"]);
    see_also.text([roman(others.join(", "))]);
    text += &see_also.to_roff();
    // Lines without text are errors in roff.
    wrapped(&text.replace("\n\n", "\n"))
}

fn synopsis(command: &Command, usage: &str) -> Vec<Inline> {
    let usage = usage.strip_prefix("Usage: ").unwrap_or(usage);
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    vec![bold(name), roman(usage.strip_prefix(name).unwrap_or_default())]
}

/// The options, those under a heading in a subsection.
fn options(command: &Command) -> String {
    let mut section = Vec::new();
    let man = Man::new(command.clone());
    man.render_options_section(&mut section).expect("a vector takes everything");
    let section = String::from_utf8(section).expect("roff of text is text");
    let (before, section) = section.split_at(section.find(".SH").expect("a section"));
    let section = section.strip_prefix(".SH OPTIONS\n").unwrap_or(section);
    let lines = section.lines().map(|line| match line.strip_prefix(".SH ") {
        Some(heading) => format!(".SS {}\n", capitalised(&heading.to_lowercase())),
        None => format!("{line}\n"),
    });
    format!("{before}.SH OPTIONS\n{}", lines.collect::<String>())
}

/// The examples of the help, each comment as a sentence.
fn examples(command: &Command) -> String {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let examples = help.lines().filter(|line| line.starts_with("  ") && line.contains("portlore"));
    let examples: Vec<(String, String)> = examples
        .map(|line| {
            let (command, comment) = line.split_once(" # ").unwrap_or((line, ""));
            let comment = comment.trim();
            let comment =
                if comment.is_empty() { String::new() } else { sentence(&capitalised(comment)) };
            (command.trim().to_owned(), comment)
        })
        .collect();
    list("EXAMPLES", examples.iter().map(|(command, comment)| (command.as_str(), comment.as_str())))
}

/// A section that is a list; nothing where the list is empty.
fn list<'e>(heading: &str, entries: impl Iterator<Item = (&'e str, &'e str)>) -> String {
    let mut section = Roff::new();
    let mut entries = entries.peekable();
    if entries.peek().is_none() {
        return String::new();
    }
    section.control("SH", [heading]);
    for (tag, text) in entries {
        if text.is_empty() {
            section.control("PP", []);
            section.text([bold(tag)]);
        } else {
            section.control("TP", []);
            section.text([bold(tag)]);
            section.text([roman(text)]);
        }
    }
    section.to_roff()
}

/// Breaks long lines of text, so that a change shows as a few lines. A tag stays on one line, and a
/// request begins with a point.
fn wrapped(page: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in page.lines() {
        let is_tag = lines.last().is_some_and(|last| last == ".TP");
        if line.starts_with('.') || is_tag {
            lines.push(line.to_owned());
            continue;
        }
        let mut words = line.split(' ');
        let mut part = words.next().unwrap_or_default().to_owned();
        for word in words {
            if part.len() + 1 + word.len() <= WIDTH {
                part = format!("{part} {word}");
            } else {
                lines.push(part);
                let escape = if word.starts_with(['.', '\'']) { "\\&" } else { "" };
                part = format!("{escape}{word}");
            }
        }
        lines.push(part);
    }
    lines.join("\n") + "\n"
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}
