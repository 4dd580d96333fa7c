//! The command line: the only place that names clap. A flag, its help and its type stand in one
//! place.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use portlore::decode::Transport;
use portlore::findings::Severity;
use portlore::osc::AddressPattern;
use portlore::pipeline::ResourceLimits;
use portlore::process::ProcessHelper;
use portlore::report::{FORMATS, ReportFormat};
use portlore::stats::IpNetwork;

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
    #[arg(short = 'G', long, requires = "write", value_name = "TIME", value_parser = seconds)]
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

/// `portlore osc`.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct OscArgs {
    /// Capture files, folders of them, or patterns such as 'ring*.pcap'; `-` is standard input
    #[arg(
        required_unless_present = "interfaces",
        conflicts_with = "interfaces",
        value_name = "FILE"
    )]
    pub files: Vec<PathBuf>,
    /// Capture on this interface instead, until Ctrl-C; may be repeated; `any` for all there are
    #[arg(short, long = "interface", value_name = "IFACE")]
    pub interfaces: Vec<String>,
    /// Only messages whose address matches, in OSC's own wildcards: '/eos/*/[0-9]*', '/{a,b}/?',
    /// '//level' at any depth; may be repeated
    #[arg(short, long, value_name = "PATTERN")]
    pub address: Vec<AddressPattern>,
    /// Only connections with this port at either end; may be repeated. There, what is not
    /// recognised as anything is shown too, with the byte at which it fails to be OSC
    #[arg(long, value_name = "PORT")]
    pub port: Vec<u16>,
    /// Only connections with this address at either end; may be repeated
    #[arg(long, value_name = "IP")]
    pub host: Vec<IpAddr>,
    /// Only frames that this BPF expression lets pass, as in `man pcap-filter`
    #[arg(short, long, value_name = "EXPR")]
    pub filter: Option<String>,
    /// End after this many messages
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// End after this time, such as 30s or 5m
    #[arg(long = "for", value_name = "TIME", requires = "interfaces", value_parser = duration)]
    pub span: Option<Duration>,
    /// Show at most this many messages a second, and say how many are left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub rate: Option<u64>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = OscFormat::Text)]
    pub format: OscFormat,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Let -o overwrite a file that exists
    #[arg(long)]
    pub force: bool,
    /// Show the outer packets of tunnels instead of what they carry
    #[arg(long)]
    pub no_tunnels: bool,
    /// Do not put the interface into promiscuous mode
    #[arg(short = 'p', long)]
    pub no_promiscuous: bool,
    /// Size of the kernel's buffer for each interface: 64M, 512K, a bare number is KiB
    #[arg(short = 'B', long, default_value = "64M", value_name = "SIZE", value_parser = buffer)]
    pub buffer: u32,
    /// Who to become once the interface is open, where root runs this [default: who called sudo,
    /// else nobody]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Say nothing on standard error but errors
    #[arg(short, long)]
    pub quiet: bool,
}

/// Forms of the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OscFormat {
    /// Lines for people
    Text,
    /// Events, one JSON object a line, from which packets can be written again to the byte
    Ndjson,
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

/// `portlore port`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  portlore port 3001\n  portlore port 3000-3003 ssh 8000/udp")]
pub struct PortArgs {
    /// Ports, ranges such as 3000-3003, or names of services such as ssh; with /tcp or /udp for
    /// one transport only
    #[arg(required = true, value_name = "PORT", value_parser = port)]
    pub ports: Vec<PortWord>,
    /// Show every service that uses the port, with all notes
    #[arg(long)]
    pub all: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = PageFormat::Table)]
    pub format: PageFormat,
    /// Your own services, as in `replay`
    #[arg(long, value_name = "FILE|DIR")]
    pub catalogue: Vec<PathBuf>,
}

/// `portlore ports`.
#[derive(Debug, Args)]
pub struct PortsArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t = PageFormat::Table)]
    pub format: PageFormat,
    /// Your own services, as in `replay`
    #[arg(long, value_name = "FILE|DIR")]
    pub catalogue: Vec<PathBuf>,
}

/// Forms of what the commands that capture nothing print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PageFormat {
    /// Text for people
    Table,
    /// One JSON document
    Json,
}

/// The ports that a word of the command line stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortWord {
    pub ports: PortSelection,
    /// `None` for both.
    pub transport: Option<Transport>,
}

/// Ports by number or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortSelection {
    Range(RangeInclusive<u16>),
    /// A service of the registry or of the catalogue.
    Name(String),
}

fn port(text: &str) -> Result<PortWord, String> {
    let (ports, transport) = match text.split_once('/') {
        None => (text, None),
        Some((ports, "tcp")) => (ports, Some(Transport::Tcp)),
        Some((ports, "udp")) => (ports, Some(Transport::Udp)),
        Some((_, other)) => {
            return Err(format!("'{other}' is not a supported transport; use /tcp or /udp"));
        }
    };
    let number = |text: &str| -> Result<u16, String> {
        text.parse().map_err(|_| format!("'{text}' is out of range; ports are 0 to 65535"))
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let ports = match ports.split_once('-') {
        _ if is_number(ports) => number(ports).map(|port| port..=port)?,
        Some((first, last)) if is_number(first) && is_number(last) => {
            number(first)?..=number(last)?
        }
        _ if ports.is_empty() => return Err("a port, a range or a name is missing".to_owned()),
        _ => return Ok(PortWord { ports: PortSelection::Name(ports.to_owned()), transport }),
    };
    if ports.is_empty() {
        return Err(format!("'{text}' is empty; write the lower port first"));
    }
    Ok(PortWord { ports: PortSelection::Range(ports), transport })
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

/// Bytes, within what libpcap can ask for.
fn buffer(text: &str) -> Result<u32, String> {
    let bytes = size(text, 1 << 10)?;
    u32::try_from(bytes)
        .ok()
        .filter(|bytes| (1 << 16..1 << 31).contains(bytes))
        .ok_or_else(|| "64K to 2047M are possible".to_owned())
}

/// Bytes of a size such as 64M; `unit` is that of a bare number.
fn size(text: &str, unit: u64) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" => unit,
        "K" | "k" => 1 << 10,
        "M" | "m" => 1 << 20,
        "G" | "g" => 1 << 30,
        _ => return Err("write a size such as 512K, 64M or 1G".to_owned()),
    };
    let number: u64 =
        digits.parse().map_err(|_| "write a size such as 512K, 64M or 1G".to_owned())?;
    number
        .checked_mul(unit)
        .filter(|&bytes| bytes > 0)
        .ok_or_else(|| format!("'{text}' is no possible size"))
}

fn millions(text: &str) -> Result<u64, String> {
    size(text, 1_000_000)
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(0) => duration("0s"),
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => duration(text),
    }
}

fn endpoint(text: &str) -> Result<SocketAddr, String> {
    let port = text
        .strip_prefix(':')
        .unwrap_or(text)
        .parse::<u16>()
        .map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let address = port.or_else(|_| text.parse());
    address.map_err(|_| {
        format!("'{text}' is no address with a port; write 127.0.0.1:9464, [::1]:9464 or 9464")
    })
}

fn network(text: &str) -> Result<IpNetwork, String> {
    IpNetwork::parse(text)
        .ok_or_else(|| format!("'{text}' is not a network; write 192.0.2.0/24 or 2001:db8::/32"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| "write a time such as 30s, 5m or 1h30m".to_owned())?;
    Duration::try_from(span)
        .ok()
        .filter(|d| !d.is_zero())
        .ok_or_else(|| "the time must be more than nothing".to_owned())
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

    #[test]
    fn ports_and_times_are_read_as_people_write_them() {
        let range =
            |ports, transport| Ok(PortWord { ports: PortSelection::Range(ports), transport });
        let name = |name: &str| {
            Ok(PortWord { ports: PortSelection::Name(name.to_owned()), transport: None })
        };
        assert_eq!(port("3002"), range(3002..=3002, None));
        assert_eq!(port("3002/udp"), range(3002..=3002, Some(Transport::Udp)));
        assert_eq!(port("3000-3003/tcp"), range(3000..=3003, Some(Transport::Tcp)));
        assert_eq!((port("ssh"), port("x11-ssh-offset")), (name("ssh"), name("x11-ssh-offset")));
        assert!(port("70000").unwrap_err().contains("0 to 65535"));
        assert!(port("1-70000").unwrap_err().contains("'70000'"));
        assert!(port("5-1").unwrap_err().contains("lower port first"));
        assert!(port("1/sctp").unwrap_err().contains("/tcp or /udp"));
        assert!(port("/tcp").is_err());
        assert_eq!(
            (buffer("64M"), buffer("512k"), buffer("2048")),
            (Ok(64 << 20), Ok(512 << 10), Ok(2 << 20))
        );
        assert!(
            buffer("1K").is_err()
                && buffer("3G").is_err()
                && buffer("12Q").is_err()
                && buffer("M").is_err()
        );
        assert_eq!(endpoint("9464"), endpoint("127.0.0.1:9464"));
        assert_eq!(endpoint(":1").unwrap().to_string(), "127.0.0.1:1");
        assert!(
            endpoint("localhost:1").unwrap_err().contains("127.0.0.1:9464")
                && endpoint("0.0.0.0:80").is_ok()
        );
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!((millions("100"), millions("1G")), (Ok(100_000_000), Ok(1 << 30)));
        assert_eq!(
            (seconds("90"), seconds("1h")),
            (Ok(Duration::from_secs(90)), Ok(Duration::from_hours(1)))
        );
        assert!(seconds("0").is_err() && seconds("soon").is_err());
        assert!(duration("0s").is_err() && duration("-1s").is_err() && duration("soon").is_err());
    }
}
