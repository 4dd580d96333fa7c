//! The command line: the only place that names clap. A flag, its help and its type stand in one
//! place.
//!
//! The first paragraph of a comment is the line of `--help`; all of it is shown by `portlore help
//! COMMAND` and in the man page. `PORTLORE_BLESS=1 cargo test --bin portlore` writes the man pages
//! and completions again.

#![allow(clippy::doc_markdown, reason = "the comments are texts for terminals, without markup")]

mod analysis;
mod catalogue;
mod check;
mod choices;
mod command_line;
mod diff;
mod flows_to;
#[cfg(test)]
mod generated;
mod help;
mod live;
#[cfg(test)]
mod man;
mod observers;
mod osc;
mod port;
mod reading;
mod replay;
mod services;
mod slice;
mod snapshots;
#[cfg(test)]
mod tests;
mod unknown;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use portlore::commit::CommitHelper;
use portlore::flow_filter::FlowFilter;
use portlore::pipeline::ResourceLimits;
use portlore::process::ProcessHelper;
use portlore::source::live::RebindHelper;

pub use self::analysis::AnalysisArgs;
pub use self::catalogue::{CatalogueArgs, CatalogueCommand};
pub use self::check::{CheckArgs, CheckFormat};
pub use self::choices::{FailOn, Format, KeyPart, Part, Shell, SortChoice, TableChoice};
pub use self::diff::{DiffArgs, DiffFormat};
pub use self::flows_to::FlowsTo;
use self::flows_to::flows_to;
pub use self::help::explain;
pub use self::live::LiveArgs;
pub use self::observers::ObserverArgs;
pub use self::osc::{OscArgs, OscFormat};
pub use self::port::{PageFormat, PortArgs, PortFormat, PortSelection, PortWord, PortsArgs};
pub use self::reading::{MOST_FLOWS, MOST_OPENING_MIB, MOST_SERVERS, ProcessArgs, ReadingArgs};
pub use self::replay::ReplayArgs;
pub use self::services::ServicesArgs;
pub use self::slice::SliceArgs;
pub use self::snapshots::{MergeArgs, ReportArgs, SnapshotArgs};
use self::values::whole_number;

/// Identifies what is really running on each port, compares it with the IANA registry and with
/// common use, and cites the packet that proves it
///
/// Packets come from capture files (replay) or from an interface (live); both commands print the
/// same report. The commands port and ports capture nothing: they show what is known about ports
/// and what is listening on this machine.
#[derive(Debug, Parser)]
#[command(name = "portlore", version, after_help = help::PORTLORE)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The defaults, which are those of the library.
const LIMITS: ResourceLimits = ResourceLimits::DEFAULT;
/// The greatest value of --histogram-ports: all ports of both transports.
pub const MOST_HISTOGRAM_PORTS: u32 = 131_072;

// Headings of the help, in the order in which they appear. `-h` and `--help` leave out what is
// below ADVANCED; `portlore help COMMAND` and the man pages have it.
const INPUT: &str = "Input";
const SELECTION: &str = "Selection";
const SAVING: &str = "Saving";
const MONITORING: &str = "Monitoring";
const REPORT: &str = "Report";
const OUTPUT: &str = "Output";
const ADVANCED: &str = "Advanced";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report what is running on the ports in capture files
    ///
    /// Reads capture files and prints what is running on each port, what does not belong there, and
    /// how that is known. Several files are merged by time. In the report, frame N is packet N of
    /// the capture, as in Wireshark; a flow is one connection or UDP exchange.
    #[command(after_help = help::REPLAY)]
    Replay(ReplayArgs),
    /// Capture on an interface and report what is running
    ///
    /// Captures until Ctrl-C, then prints the same report as replay. On a terminal, a full-screen
    /// view shows the ports during the capture.
    ///
    /// Opening an interface needs root or the capability CAP_NET_RAW; portlore doctor checks that
    /// and suggests fixes. As soon as the interface is open, portlore gives up root: it switches to
    /// the user who called sudo, otherwise to nobody. The process that parses packets is sandboxed:
    /// it cannot open files or sockets, or start programs (Landlock, seccomp). portlore doctor
    /// --sandbox-test tests this.
    ///
    /// The signal SIGUSR1 prints the counts so far. SIGHUP reloads your own service files; if
    /// standard input is a terminal, it ends the capture instead. A second Ctrl-C ends the program
    /// at once.
    #[command(after_help = help::LIVE)]
    Live(LiveArgs),
    /// Print the report of a snapshot
    ///
    /// A snapshot is what replay --snapshot has written: the state of a capture that is read in parts.
    /// The report is the one that replay would print if the capture ended there; with --flows, it
    /// lists the connections that are open.
    #[command(after_help = help::REPORT)]
    Report(ReportArgs),
    /// Merge the snapshots of several sensors, and print their report
    ///
    /// Each sensor counts once, however often it is named: of two snapshots of which one continues the
    /// other, the longer one is used. Sensors are independent of each other: the same address at two
    /// sensors is two hosts. The report is the one of replay --sensors.
    #[command(after_help = help::MERGE)]
    Merge(MergeArgs),
    /// Show the OSC messages in capture files or on an interface
    ///
    /// Prints Open Sound Control messages over UDP and TCP, in both directions, as they arrive:
    /// time, packet number, address and arguments. A message that cannot be read is shown with the
    /// byte at which it fails and the reason.
    #[command(after_help = help::OSC)]
    Osc(OscArgs),
    /// Check captures against what you expect of them
    ///
    /// A file of expectations says which servers must be there and what they must speak, which flows
    /// must or must not occur, and which findings are not tolerated. docs/expectations.md describes
    /// it, with examples; --learn writes a first one.
    ///
    /// The exit status is 1 if something is not as expected.
    #[command(after_help = help::CHECK)]
    Check(CheckArgs),
    /// Show what differs between two captures or reports
    ///
    /// Lists the servers, services, clients and findings that were added, removed or changed. Times,
    /// amounts and the ports of clients are ignored. A server is identified by its address and
    /// port, or by its name if both captures have one.
    ///
    /// The exit status is 1 if something differs.
    #[command(after_help = help::DIFF)]
    Diff(DiffArgs),
    /// Write the packets of some connections to a capture of their own
    ///
    /// Writes a pcapng file with the packets of the connections that --where selects; interfaces and
    /// times are kept. Each packet that proves a verdict has a comment with the verdict, the name of
    /// the original file and the packet's number in it. Wireshark shows the comment.
    ///
    /// The exit status is 1 if no connection matches; nothing is written then.
    #[command(after_help = help::SLICE)]
    Slice(SliceArgs),
    /// Show what is known about a port, and what is listening on it here
    ///
    /// Shows the process that is listening on the port, what most likely uses it, its IANA
    /// registration, and the services that are known to use it. No packets are captured.
    ///
    /// portlore 3001 is short for portlore port 3001.
    #[command(after_help = help::PORT)]
    Port(PortArgs),
    /// List everything that is listening on this machine
    ///
    /// Lists each listening TCP and UDP socket with its process, folder and container, and who can
    /// reach it. Without root, the processes of other users are not visible.
    #[command(after_help = help::PORTS)]
    Ports(PortsArgs),
    /// List the services that portlore knows
    ///
    /// Lists each service with its tag, ports and protocols, and whether portlore can recognise it by
    /// its packets.
    #[command(after_help = help::SERVICES)]
    Services(ServicesArgs),
    /// List the interfaces that can be captured on
    #[command(after_help = help::INTERFACES)]
    Interfaces,
    /// Check that live capture works on this machine, and suggest fixes
    ///
    /// Checks that an interface can be opened, and how well portlore is sandboxed while it
    /// captures. For whatever is missing, prints the command that fixes it.
    #[command(after_help = help::DOCTOR)]
    Doctor {
        /// Test that the sandbox refuses every forbidden system call
        ///
        /// Starts a process that is sandboxed like the one that parses packets, has it make each
        /// system call that is refused, and prints the answers. The exit status is 1 if one is
        /// allowed.
        #[arg(long)]
        sandbox_test: bool,
        /// Run the test without the sandbox, to check that the test detects it
        #[arg(long, hide = true, requires = "sandbox_test")]
        no_sandbox: bool,
    },
    /// Check your own service files, or list the facts they can match
    #[command(after_help = help::CATALOGUE)]
    Catalogue {
        /// Which of the two.
        #[command(subcommand)]
        command: CatalogueCommand,
    },
    /// Print the completion script for a shell
    ///
    /// Packages and make install put these scripts where the shells look for them. Use this command
    /// if portlore was installed in another way.
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// Shell: bash, zsh or fish
        #[arg(value_name = "SHELL", hide_possible_values = true)]
        shell: Shell,
    },
    /// Explain a command and all its options
    #[command(after_help = help::HELP)]
    Help {
        /// Command, such as live or catalogue check
        #[arg(value_name = "COMMAND", value_parser = help::COMMANDS, hide_possible_values = true)]
        command: Vec<String>,
    },
    /// Answer which processes hold sockets, for `live`, which starts it
    #[command(name = ProcessHelper::COMMAND, hide = true)]
    ProcessLookup {
        /// User to switch to
        user: Option<String>,
    },
    /// Be sandboxed and stop, for `doctor --sandbox-test`, which starts it
    #[command(name = "sandbox-trial", hide = true)]
    SandboxTrial {
        /// Only drop root and capabilities
        #[arg(long)]
        no_sandbox: bool,
    },
    /// Read service files again, for `live`, which starts it
    #[command(name = crate::command::service_files::COMMAND, hide = true)]
    ServiceFiles {
        /// User to switch to
        #[arg(long)]
        user: Option<String>,
        /// Files and folders
        paths: Vec<PathBuf>,
    },
    /// Bind devices whose interface came back, for `live` and `osc`, which start it
    #[command(name = RebindHelper::COMMAND, hide = true)]
    InterfaceBind {
        /// User to switch to
        user: Option<String>,
    },
    /// Rename outputs when they are complete, for the commands that write, which start it
    #[command(name = CommitHelper::COMMAND, hide = true)]
    OutputCommit {
        /// User to switch to
        #[arg(long)]
        user: Option<String>,
        /// Replace files that exist
        #[arg(long)]
        force: bool,
        /// What is going to be written
        outputs: Vec<OsString>,
    },
}

/// What is read of a capture, and how: what `replay` and `live` share.
#[derive(Debug, Args)]
pub struct CaptureArgs {
    /// Only packets that match this filter, as in tcpdump
    ///
    /// pcap-filter(7) describes the syntax. A filter on a port also hides the ICMP errors about
    /// that port, so that a closed UDP port is shown as unanswered; to keep them, add: or icmp[0]
    /// == 3 or icmp6[0] == 1
    #[arg(help_heading = INPUT, short, long, value_name = "EXPR")]
    pub filter: Option<String>,
    /// Only connections that match, such as 'tag = osc'
    ///
    /// The expression is applied to each connection when it ends and its verdict is known, before it
    /// is counted: tables, findings and rows have the selected connections only. Columns are
    /// compared with =, !=, <, >, ~ (matches a regular expression) and in (ranges such as
    /// 3000..3010, networks, lists); conditions are joined with and, or, not and parentheses.
    /// port:3001 and the other terms of the full-screen filter are possible as well. docs/flows.md
    /// lists columns and explains values.
    #[arg(help_heading = INPUT, long = "where", value_name = "EXPR", value_parser = FlowFilter::parse, allow_hyphen_values = true)]
    pub selected: Option<FlowFilter>,
    /// Stop after N packets
    ///
    /// Only packets that match the filter are counted.
    #[arg(help_heading = INPUT, short, long, value_name = "N", value_parser = whole_number::<u64>(1..=u64::MAX))]
    pub count: Option<u64>,
    /// How packets are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Maximum number of ports with detailed statistics
    ///
    /// Only ports with more than 64 distinct sizes or times count towards this limit. Beyond it,
    /// the lowest port numbers keep their quantiles and histograms.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, default_value_t = LIMITS.histogram_ports as u32, value_name = "N", value_parser = whole_number::<u32>(0..=MOST_HISTOGRAM_PORTS.into()))]
    pub histogram_ports: u32,
}

/// What is written: what all commands share that print the report of a capture.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct OutputArgs {
    /// List connections with the reasons for each verdict
    ///
    /// Each reason cites the packet that proves it. For each connection, it also lists the facts
    /// found in the data of both sides, and a Wireshark display filter. All connections are kept in
    /// memory until the end.
    #[arg(help_heading = REPORT, long)]
    pub why: bool,
    /// List connections
    ///
    /// All connections are kept in memory until the end.
    #[arg(help_heading = REPORT, long)]
    pub flows: bool,
    /// Add a table of servers, with the proof for each
    #[arg(help_heading = REPORT, long)]
    pub servers: bool,
    /// Add statistics: packets, outcomes, times, sizes
    ///
    /// Adds tables of ports and services with their packets, the outcomes of their connections,
    /// times and sizes (p50 is the median), and in a live capture a table of the processes of this
    /// machine.
    #[arg(help_heading = REPORT, long)]
    pub stats: bool,
    /// Write connections as rows to .csv, .ndjson or .parquet
    ///
    /// Each row is written when its connection ends, and none is kept in memory. -.csv writes to
    /// standard output; the report is then written only with -o. Can be given several times.
    /// docs/flows.md describes the columns.
    #[arg(help_heading = REPORT, long, value_name = "FILE", value_parser = flows_to,
          allow_hyphen_values = true)]
    pub flows_to: Vec<FlowsTo>,
    /// Also write the report as a page for browsers
    ///
    /// A single file to send: findings, ports, servers and services, with charts and the packets
    /// that prove each verdict. It loads nothing from anywhere. docs/page.md describes it.
    #[arg(help_heading = REPORT, long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print only one part of the report: findings
    ///
    /// Findings are what looks wrong on the network, each with advice and the packet that shows it.
    #[arg(help_heading = REPORT, long, value_enum, hide_possible_values = true, value_name = "PART", conflicts_with_all = ["flows", "why", "servers"])]
    pub only: Option<Part>,
    /// Exit 1 at this severity or above: note, warning, alert
    ///
    /// A note is the lowest severity and an alert the highest: note stands for any finding, warning
    /// for warnings and alerts, alert for alerts only.
    #[arg(help_heading = REPORT, long, value_enum, hide_possible_values = true, value_name = "LEVEL")]
    pub fail_on: Option<FailOn>,
    /// Show at most N rows per table (0: all)
    ///
    /// Ports with an alert or a warning are always shown.
    #[arg(help_heading = REPORT, long, default_value_t = 20, value_name = "N", value_parser = whole_number::<usize>(0..=u64::MAX))]
    pub top: usize,
    /// Show times in the local time zone instead of UTC
    #[arg(help_heading = REPORT, long)]
    pub local: bool,
    /// Add your own service files (repeatable)
    ///
    /// A file, or a folder of .toml files. Files in ~/.config/portlore/services are
    /// always read. Your services replace built-in ones of the same id.
    #[arg(help_heading = REPORT, long, value_name = "PATH")]
    pub catalogue: Vec<PathBuf>,
    /// Format: table, json, ndjson, csv or md
    ///
    /// Choose table for people, json for one document with everything, and ndjson for one JSON
    /// object per line: each connection as it ends, the traffic of each interval, drops, and
    /// the end of the capture. csv is one table for spreadsheets, md is Markdown for tickets.
    #[arg(help_heading = OUTPUT, long, value_enum, hide_possible_values = true, default_value_t = Format::Table)]
    pub format: Format,
    /// Sort tables by bytes, flows, packets, clients or port
    ///
    /// The largest figure comes first, or the lowest port. Applies to ports, servers, services and the
    /// list of connections. By default, tables list the most bytes first, connections appear in the
    /// order of the capture, and csv and md are sorted by port or address.
    #[arg(help_heading = ADVANCED, hide_short_help = true, long, value_enum, value_name = "COLUMN")]
    pub sort: Option<SortChoice>,
    /// The table that --format csv or md writes
    ///
    /// Without it, csv writes ports, and md writes findings and ports.
    #[arg(help_heading = ADVANCED, hide_short_help = true, long, value_enum, value_name = "TABLE")]
    pub table: Option<TableChoice>,
    /// Write the report to a file
    #[arg(help_heading = OUTPUT, short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Overwrite files that exist
    ///
    /// Without it, no existing file is overwritten by -o, --flows-to, --html or -w of live.
    #[arg(help_heading = OUTPUT, long)]
    pub force: bool,
    /// Also count packets per interface and link type
    #[arg(help_heading = ADVANCED, hide_short_help = true, short, long)]
    pub verbose: bool,
    /// Do not print progress or notices
    ///
    /// Errors still go to standard error.
    #[arg(help_heading = OUTPUT, short, long)]
    pub quiet: bool,
}
