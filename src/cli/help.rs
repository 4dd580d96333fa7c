//! The pages of `--help`: two screens of 80 columns for each command, with examples at the end. All
//! options and their whole texts are shown by `portlore help COMMAND`.

use clap::builder::Styles;
use clap::{Arg, ArgAction, Command, CommandFactory};

use super::{Cli, OUTPUT, unknown};

/// Columns of a page, also on a wider terminal: longer lines are hard to read.
pub(super) const COLUMNS: usize = 80;

// The examples run in the tests (tests/examples.rs): a line is a command, two spaces or more, `#`
// and a comment.

pub(super) const PORTLORE: &str = "\
Examples:
  portlore replay show.pcap       # what is running on the ports in a capture
  sudo portlore live -i eth0      # the same for live traffic, until Ctrl-C
  portlore 3001                   # what uses port 3001, and what listens on it
  portlore help live              # everything about a command

Exit status:
  0  success
  1  a check failed (check, diff, doctor, --fail-on, --expect,
     catalogue check --against), or slice found nothing
  2  wrong usage, or input that cannot be read at all
  3  finished, but the input is incomplete";

pub(super) const REPLAY: &str = "\
Examples:
  portlore replay --why show.pcap             # the reasons for each verdict
  portlore replay -f 'port 3037' 'ring*.pcap' # one port in several files
  portlore replay --only findings --fail-on warning show.pcap     # for scripts
  ssh host tcpdump -U -w - | portlore replay --follow -   # from another host";

pub(super) const REPORT: &str = "\
Examples:
  portlore report east.plore                  # as if the capture ended there
  portlore report east.plore --flows          # with open connections";

pub(super) const MERGE: &str = "\
Examples:
  portlore merge east.plore west.plore        # the report of both sensors
  portlore merge east.plore west.plore -o all.plore   # a file of both";

pub(super) const LIVE: &str = "\
Examples:
  sudo portlore live                          # full screen, then the report
  sudo portlore live -i any --for 30s --why   # half a minute, with reasons
  sudo portlore live -i eth0 -w show.pcapng   # save the packets as well";

pub(super) const OSC: &str = "\
Examples:
  portlore osc show.pcap -a '/eos/*'          # messages below /eos
  sudo portlore osc -i eth0 --port 8000       # whatever uses port 8000
  sudo portlore osc -i eth0 --host 192.0.2.10 --rate 50   # a busy console
  portlore osc show.pcap --format ndjson      # for programs";

pub(super) const CHECK: &str = "\
Examples:
  portlore check --learn show.pcap > show.toml    # a first file, to be edited
  portlore check show.toml tonight.pcap           # is everything as it was?
  portlore check show.toml tonight.pcap --format junit    # for a CI server
  sudo portlore live --for 1m --expect show.toml  # live, for a minute

Exit status: 0 if everything is as expected, 1 if something is not, 2 if the
file is not valid or a capture cannot be read, 3 if a capture is incomplete.";

pub(super) const DIFF: &str = "\
Examples:
  portlore diff monday.pcap tuesday.pcap      # what changed since Monday
  portlore diff monday.json tuesday.pcap      # monday.json: from replay --format json
  portlore diff monday.json tuesday.json --format json    # for programs

Exit status: 0 if nothing differs, 1 if something does, 2 if an input cannot be
read, 3 if nothing differs but a capture is incomplete.";
pub(super) const SLICE: &str = "\
Examples:
  portlore slice show.pcap --where 'tag = osc' -w osc.pcapng
  portlore slice show.pcap --where 'fit = contradicts' --evidence -w odd.pcapng
  zcat big.pcap.gz | portlore slice - --where 'port = 3001' -w web.pcapng";

pub(super) const PORT: &str = "\
Examples:
  portlore port 3001                  # or shorter: portlore 3001
  portlore port 3000-3003 8000/udp    # several ports
  portlore port ssh --all             # by name, with all notes";

pub(super) const PORTS: &str = "\
Examples:
  sudo portlore ports                 # with the processes of all users
  portlore ports --format json        # for programs";

pub(super) const SERVICES: &str = "\
Examples:
  portlore services                   # all of them
  portlore services ollama            # by id, name, tag or protocol
  portlore services osc 8000          # every word must match";

pub(super) const INTERFACES: &str = "\
Examples:
  portlore interfaces                 # what -i accepts";

pub(super) const DOCTOR: &str = "\
Examples:
  portlore doctor                     # what works without root
  sudo portlore doctor                # what works as root
  portlore doctor --sandbox-test      # test the sandbox

Exit status: 1 if live capture does not work here, or the sandbox allows what it
must refuse.";

pub(super) const CATALOGUE: &str = "\
Examples:
  portlore catalogue facts                    # what a service file can match
  portlore catalogue check billing.toml       # before you use it";

pub(super) const CATALOGUE_CHECK: &str = "\
Examples:
  portlore catalogue check billing.toml       # one service
  portlore catalogue check services/          # all files in a folder
  portlore catalogue check billing.toml --against show.pcap   # try it

Exit status: 1 if a service that has marks (rules that recognise it by its
packets) is not recognised in any connection of the --against captures, 2 if a file has mistakes, 3 if a capture is incomplete.";

pub(super) const CATALOGUE_FACTS: &str = "\
Examples:
  portlore catalogue facts | grep http        # those of one protocol";

pub(super) const COMPLETIONS: &str = "\
Examples:
  source <(portlore completions bash)     # in ~/.bashrc
  source <(portlore completions zsh)      # in ~/.zshrc, after compinit
  portlore completions fish | source      # in ~/.config/fish/config.fish";

pub(super) const HELP: &str = "\
Examples:
  portlore help                       # the list of commands
  portlore help live                  # all options of live
  portlore help catalogue check       # a subcommand";

/// What `portlore help` explains: the commands, and those of `catalogue`.
pub(super) const COMMANDS: [&str; 17] = [
    "replay",
    "live",
    "report",
    "merge",
    "osc",
    "check",
    "diff",
    "slice",
    "port",
    "ports",
    "services",
    "interfaces",
    "doctor",
    "catalogue",
    "facts",
    "completions",
    "help",
];

/// The command line with the help pages of this program.
pub(super) fn command_line() -> Command {
    with_pages(Cli::command())
}

/// Adds the help page to a command and to those below it.
fn with_pages(command: Command) -> Command {
    let name = command.get_name().to_owned();
    let command = match &*name {
        "merge" => command.mut_arg("output", |arg| {
            arg.help("Write a snapshot of all sensors to a file")
                .long_help("Write a snapshot of all sensors to a file\n\nIt can be merged with others, and report prints its report. No run can continue from it.")
        }),
        _ => command,
    };
    let hidden: Vec<String> = command
        .get_arguments()
        .filter(|arg| arg.is_hide_short_help_set())
        .filter_map(|arg| arg.get_long().map(str::to_owned))
        .collect();
    let help = Arg::new("help").short('h').long("help").help("Print help");
    let help = help.action(ArgAction::HelpShort).display_order(usize::MAX);
    let has_output = command.get_arguments().any(|arg| arg.get_help_heading() == Some(OUTPUT));
    let help = if has_output { help.help_heading(OUTPUT) } else { help };
    let examples = command.get_after_help().map(ToString::to_string);
    let examples = examples.map(|text| highlight(&text)).unwrap_or_default();
    command
        .max_term_width(COLUMNS)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .mut_args(takes_negative_numbers)
        .arg(help)
        .after_long_help(examples.clone())
        .after_help(examples + &more_options(&name, &hidden))
        .mut_subcommands(with_pages)
}

/// An option that takes `-3` for a value, so that it is said what is wrong with it, and not that
/// there is no option `-3`.
fn takes_negative_numbers(arg: Arg) -> Arg {
    let takes_values = arg.get_action().takes_values() && !arg.is_positional();
    arg.allow_negative_numbers(takes_values)
}

/// Where the options are that the page of a command leaves out; `portlore help`, which has them all,
/// does not say so.
fn more_options(command: &str, hidden: &[String]) -> String {
    let topics = [("no-tunnels", "tunnels"), ("key", "VLANs"), ("max-flows", "limits")]
        .into_iter()
        .chain([("buffer", "buffer"), ("user", "user"), ("sort", "sorting")])
        .filter(|(option, _)| hidden.iter().any(|hidden| hidden == option))
        .map(|(_, topic)| topic);
    match topics.take(3).collect::<Vec<_>>().join(", ") {
        topics if topics.is_empty() => String::new(),
        topics => format!("\n\nMore options ({topics}): portlore help {command}"),
    }
}

/// Gives the headings of a text the looks of the others.
fn highlight(text: &str) -> String {
    let styles = Styles::styled();
    let style = styles.get_header();
    let lines = text.lines().map(|line| match line.strip_suffix(':') {
        Some(_) if !line.starts_with(' ') => format!("{style}{line}{style:#}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The whole help of a command, which the words name; of the program if there are none. Ends the
/// program with a message if there is no such command.
pub fn explain(words: &[String], colour: bool) -> String {
    let mut root = command_line();
    root.build();
    let mut command = &mut root;
    for word in words {
        if command.find_subcommand(word).is_none() {
            unknown::no_command(&words.join(" ")).exit();
        }
        command = match command.find_subcommand_mut(word) {
            Some(found) => found,
            None => unreachable!("it was found above"),
        };
    }
    let text = command.render_long_help();
    if colour { text.ansi().to_string() } else { text.to_string() }
}
