//! The command line: the only place that names clap. A flag, its help and its type stand in one
//! place.

mod osc;
mod port;
mod services;
mod values;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use portlore::findings::Severity;
use portlore::pipeline::ResourceLimits;
use portlore::process::ProcessHelper;
use portlore::report::{FORMATS, ReportFormat};
use portlore::stats::IpNetwork;

pub use self::osc::{OscArgs, OscFormat};
pub use self::port::{PageFormat, PortArgs, PortFormat, PortSelection, PortWord, PortsArgs};
pub use self::services::ServicesArgs;
use self::values::{buffer, duration, endpoint, millions, network};

/// Says what is really speaking on a port, beside what the registry says and what people
/// customarily run there, and why it says so, down to the frame number.
#[derive(Debug, Parser)]
#[command(name = "portlore", version, max_term_width = 100, after_help = EXIT)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The defaults, which are those of the library.
const LIMITS: ResourceLimits = ResourceLimits::DEFAULT;

const EXIT: &str = "Exit status: 0 done; 1 a check failed (doctor, --fail-on); 2 usage or unreadable input; 3 finished, but the input was incomplete.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read capture files (pcap, pcapng, also compressed; `-` for standard input), several as one
    /// stream in capture order
    Replay(ReplayArgs),
    /// Capture on an interface until Ctrl-C, then report; needs root or `CAP_NET_RAW` to open it
    Live(LiveArgs),
    /// Show the OSC messages of capture files or of an interface, as they come
    Osc(OscArgs),
    /// List the interfaces that `live -i` takes
    Interfaces,
    /// Say whether `live` can capture here, how closed off it is while it does, and what to do
    /// about the rest
    Doctor,
    /// Show what listens on a port here, who is likely there, and whose it is by the registry
    Port(PortArgs),
    /// List everything that listens on this machine: port, process, folder, container
    Ports(PortsArgs),
    /// List the services of the catalogue, with their ports, protocols and marks
    Services(ServicesArgs),
    /// Answer which processes hold sockets, for `live`, which starts it
    #[command(name = ProcessHelper::COMMAND, hide = true)]
    ProcessLookup {
        /// Who to become
        user: Option<String>,
    },
    /// Check your own catalogue files, or list the facts that marks can name
    Catalogue {
        /// Which of the two.
        #[command(subcommand)]
        command: CatalogueCommand,
    },
}

/// `portlore catalogue`.
#[derive(Debug, Subcommand)]
pub enum CatalogueCommand {
    /// Check service files, each fault with its line and remedy
    Check {
        /// Files, or folders of `.toml` files
        #[arg(required = true, value_name = "FILE|DIR")]
        paths: Vec<PathBuf>,
        /// Also show which connections in this capture the services would be named on (repeatable)
        #[arg(long, value_name = "CAPTURE")]
        against: Vec<PathBuf>,
    },
    /// List the facts that detectors state
    Facts,
}

/// `portlore replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Capture files, folders of them, or patterns such as 'ring*.pcap'; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Read one file behind the other, as they are named, instead of merging them by time
    #[arg(long)]
    pub chain: bool,
    /// Go on reading what is being written, also rings that rotate, until Ctrl-C; with `-`, until
    /// the pipe ends
    #[arg(long, conflicts_with = "chain")]
    pub follow: bool,
    /// What both ways of reading share.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `portlore live`.
#[derive(Debug, Args)]
pub struct LiveArgs {
    /// Interface to capture on; may be repeated; `any` for all there are
    #[arg(short, long = "interface", value_name = "IFACE", required = true)]
    pub interfaces: Vec<String>,
    /// Do not put the interface into promiscuous mode
    #[arg(short = 'p', long)]
    pub no_promiscuous: bool,
    /// Bytes to keep of each frame [default: 9216, what a verdict can rest on; with -w 262144]
    #[arg(short, long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub snap_length: Option<u32>,
    /// Size of the kernel's buffer for each interface: 64M, 512K, a bare number is KiB
    #[arg(short = 'B', long, default_value = "64M", value_name = "SIZE", value_parser = buffer)]
    pub buffer: u32,
    /// Save what is captured as pcapng; the file has its name only once it is whole (until then
    /// with .part)
    #[arg(short, long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Begin a new file after this size, such as 100M; a bare number is millions of bytes
    #[arg(short = 'C', long, requires = "write", value_name = "SIZE", value_parser = millions)]
    pub rotate_size: Option<u64>,
    /// Begin a new file after this time, such as 1h; a bare number is seconds
    #[arg(short = 'G', long, requires = "write", value_name = "TIME", value_parser = duration)]
    pub rotate_time: Option<Duration>,
    /// Of the files that rotation makes, keep this many, the newest
    #[arg(short = 'W', long, requires = "write", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub keep: Option<u16>,
    /// Who to become once the interface is open, where root runs this [default: who called sudo,
    /// else nobody]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// End after this time, such as 30s or 5m
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub span: Option<Duration>,
    /// Who sees the capture while it runs.
    #[command(flatten)]
    pub observers: ObserverArgs,
    /// What both ways of reading share.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Who sees a capture while it runs.
#[derive(Debug, Args)]
pub struct ObserverArgs {
    /// No full-screen view, though standard output is a terminal
    #[arg(long)]
    pub no_tui: bool,
    /// Serve counters for Prometheus there, at /metrics; a bare port means on this machine only
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = endpoint)]
    pub metrics: Option<SocketAddr>,
    /// A line on standard output for what came in each such time [default: none; with `--format
    /// ndjson` an event every 10s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub interval: Option<Duration>,
}

/// What both ways of reading share.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct CommonArgs {
    /// Only frames that this BPF expression lets pass, as in `man pcap-filter`
    #[arg(short, long, value_name = "EXPR")]
    pub filter: Option<String>,
    /// End after this many frames
    #[arg(short, long, value_name = "N")]
    pub count: Option<u64>,
    /// List every flow; they are kept in memory until the end
    #[arg(long)]
    pub flows: bool,
    /// List every flow with the reasons of its verdict, each with its frame
    #[arg(long)]
    pub why: bool,
    /// Add packets, outcomes, times and sizes of ports and services, and the processes
    #[arg(long)]
    pub stats: bool,
    /// List the servers, each with what its flows prove of it
    #[arg(long)]
    pub servers: bool,
    /// List nothing but what does not belong, with advice
    #[arg(long, value_enum, value_name = "PART", conflicts_with_all = ["flows", "why", "servers"])]
    pub only: Option<Part>,
    /// Exit with status 1 if there is a finding of this severity or a graver one
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// Networks that count as local, beside each server's own /24 or /64, such as `10.0.0.0/8`
    #[arg(long, value_delimiter = ',', value_name = "NETWORK", value_parser = network)]
    pub local_nets: Vec<IpNetwork>,
    /// Keep no names of addresses and servers: neither from answers of DNS, mDNS and LLMNR, nor by
    /// which clients called servers (SNI, Host)
    #[arg(long)]
    pub no_names: bool,
    /// Show the outer packets of tunnels (VXLAN, GRE, GTP-U and the like) instead of what they
    /// carry
    #[arg(long)]
    pub no_tunnels: bool,
    /// Keep flows with the same addresses apart where these differ: VLANs, and the numbers of
    /// virtual networks in tunnels (VXLAN, Geneve, GRE)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "vlan,vni")]
    pub key: Vec<KeyPart>,
    /// Rows of the tables of ports; 0 for all
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub top: usize,
    /// Show times in the time zone of this machine instead of UTC
    #[arg(long)]
    pub local: bool,
    /// Form of the report
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write the report to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Let -o, and -w of `live`, overwrite a file that exists
    #[arg(long)]
    pub force: bool,
    /// Your own services, over ours and over those in ~/.config/portlore/services; may be repeated
    #[arg(long, value_name = "FILE|DIR")]
    pub catalogue: Vec<PathBuf>,
    /// Classifier threads [default: the machine's cores, at most 4]; the output does not depend on
    /// it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub workers: Option<u8>,
    /// Live flows in memory, some 160 bytes each; the longest idle give way to new ones and are
    /// counted
    #[arg(long, default_value_t = LIMITS.max_flows as u32, value_name = "N", value_parser = clap::value_parser!(u32).range(16..=67_108_864))]
    pub max_flows: u32,
    /// Memory for the first bytes of flows, in MiB; where it is short, flows are judged by fewer
    /// bytes
    #[arg(long, default_value_t = (LIMITS.opening_bytes >> 20) as u32, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub opening_mib: u32,
    /// Ports of which more than 64 different sizes or times are kept, for quantiles and histograms;
    /// where there are more such ports, the lowest numbers keep theirs
    #[arg(long, default_value_t = LIMITS.histogram_ports as u32, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=131_072))]
    pub histogram_ports: u32,
    /// Servers that the report keeps, at most 400 bytes each: those with loopback, link-local and
    /// private addresses first, the others by a fixed hash
    #[arg(long, default_value_t = LIMITS.max_servers as u32, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    pub max_servers: u32,
    /// Also say what came of the frames of each interface and each link type
    #[arg(short, long)]
    pub verbose: bool,
    /// Say nothing on standard error but errors
    #[arg(short, long)]
    pub quiet: bool,
}

/// Parts of the report that can stand alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// What does not belong
    Findings,
}

/// How grave a finding must be to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Only alerts
    Alert,
    /// Alerts and warnings
    Warning,
    /// Any finding
    Note,
}

impl FailOn {
    /// The least grave severity that fails.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Alert => Severity::Alert,
            Self::Warning => Severity::Warning,
            Self::Note => Severity::Note,
        }
    }
}

/// What keeps flows with the same addresses apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyPart {
    /// The innermost two VLAN tags of the frame that holds the packet
    Vlan,
    /// The number of the innermost virtual network: VXLAN and Geneve VNI, GRE key
    Vni,
}

/// Forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people
    Table,
    /// One JSON document
    Json,
    /// Events, one JSON object a line: flows as they end, what came in each interval, drops, the
    /// end
    Ndjson,
}

impl Format {
    /// The library's definition of the format: the row of [`FORMATS`] at the same position.
    pub const fn definition(self) -> &'static ReportFormat {
        &FORMATS[self as usize]
    }
}

impl Cli {
    /// Parses the command line; `portlore 3001` means `portlore port 3001`.
    pub fn from_command_line() -> Self {
        let mut words: Vec<OsString> = std::env::args_os().collect();
        let begins_with_a_digit =
            |word: &OsString| word.as_encoded_bytes().first().is_some_and(u8::is_ascii_digit);
        if words.get(1).is_some_and(begins_with_a_digit) {
            words.insert(1, "port".into());
        }
        Self::parse_from(words)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use portlore::pipeline::Options;

    use super::*;

    #[test]
    fn a_plain_replay_of_the_library_has_the_limits_of_the_command_line() {
        let Command::Replay(replay) = Cli::parse_from(["portlore", "replay", "x"]).command else {
            panic!("no replay")
        };
        let (common, options) = (replay.common, Options::replay());
        assert_eq!(options.limits.max_flows, common.max_flows as usize);
        assert_eq!(options.limits.opening_bytes, (common.opening_mib as usize) << 20);
        assert_eq!(options.limits.histogram_ports, common.histogram_ports as usize);
        assert_eq!(options.limits.max_servers, common.max_servers as usize);
        assert_eq!(options.tunnels, !common.no_tunnels);
    }

    #[test]
    fn the_command_line_and_the_library_have_the_same_formats_in_the_same_order() {
        let names = Format::value_variants().iter().filter_map(Format::to_possible_value);
        let names: Vec<_> = names.map(|value| value.get_name().to_owned()).collect();
        assert_eq!(names, FORMATS.iter().map(|format| format.name).collect::<Vec<_>>());
    }

    #[test]
    fn the_flags_do_not_collide_and_all_have_help() {
        Cli::command().debug_assert();
        for command in Cli::command().get_subcommands() {
            for flag in command.get_arguments() {
                assert!(flag.get_help().is_some(), "{} {}", command.get_name(), flag.get_id());
            }
        }
    }
}
