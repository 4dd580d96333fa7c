//! `portlore osc`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use portlore::osc::AddressPattern;

use super::values::{buffer, duration};

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
    #[arg(short, long = "interface", value_name = "IFACE", value_delimiter = ',')]
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
    /// Show times in the time zone of this machine instead of UTC
    #[arg(long)]
    pub local: bool,
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
