//! `portlore osc`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use portlore::flow_filter::FlowFilter;
use portlore::osc::AddressPattern;

use super::values::{buffer, duration, port_number, whole_number};
use super::{ADVANCED, INPUT, OUTPUT, SELECTION};

/// `portlore osc`.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct OscArgs {
    /// Capture files, folders or patterns; - is standard input
    ///
    /// Files are pcap or pcapng, also compressed. A quoted pattern such as 'ring*.pcap' is expanded
    /// by portlore.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Interfaces to capture on: eth0, or lo,eth0, or any
    ///
    /// The name any stands for all interfaces; portlore interfaces lists them. Capture ends with
    /// Ctrl-C.
    #[arg(help_heading = INPUT, short, long = "interface", value_name = "IFACE", value_delimiter = ',')]
    pub interfaces: Vec<String>,
    /// Stop after this time, such as 30s or 1h30m
    #[arg(help_heading = INPUT, long = "for", value_name = "TIME", value_parser = duration)]
    pub span: Option<Duration>,
    /// Only packets that match this filter, as in tcpdump
    ///
    /// pcap-filter(7) describes the syntax.
    #[arg(help_heading = INPUT, short, long, value_name = "EXPR")]
    pub filter: Option<String>,
    /// Stop after N messages
    #[arg(help_heading = INPUT, short, long, value_name = "N", value_parser = whole_number::<u64>(1..=u64::MAX))]
    pub count: Option<u64>,
    /// Only messages to these addresses, such as '/eos/*'
    ///
    /// May be repeated. The wildcards are those of OSC: ? and * within a level, [a-z], [!0-9],
    /// {foo,bar}, and // for any number of levels ('//fader'). A message whose address cannot be
    /// read is always shown.
    #[arg(help_heading = SELECTION, short, long, value_name = "PATTERN")]
    pub address: Vec<AddressPattern>,
    /// Only messages that match, such as 'port = 8000'
    ///
    /// Written as for replay, but only with columns that are known while messages arrive: transport,
    /// addresses and ports of client and server, protocol, tag, and osc_address. docs/flows.md
    /// explains them.
    #[arg(help_heading = SELECTION, long = "where", value_name = "EXPR", value_parser = FlowFilter::parse, allow_hyphen_values = true)]
    pub selected: Option<FlowFilter>,
    /// Only connections from or to this port (repeatable)
    ///
    /// Data on this port that matches no known protocol is also shown, with the byte at which it
    /// stops being valid OSC.
    #[arg(help_heading = SELECTION, long, value_name = "PORT", value_parser = port_number)]
    pub port: Vec<u16>,
    /// Only connections from or to this host (repeatable)
    #[arg(help_heading = SELECTION, long, value_name = "IP")]
    pub host: Vec<IpAddr>,
    /// Show at most N messages per second; count the rest
    #[arg(help_heading = SELECTION, long, value_name = "N", value_parser = whole_number::<u64>(1..=u64::MAX))]
    pub rate: Option<u64>,
    /// Show times in the local time zone instead of UTC
    #[arg(help_heading = OUTPUT, long)]
    pub local: bool,
    /// Output format: text or ndjson
    ///
    /// Choose text for people, and ndjson for one JSON object per line, from which every OSC packet
    /// can be rebuilt byte for byte.
    #[arg(help_heading = OUTPUT, long, value_enum, hide_possible_values = true, default_value_t = OscFormat::Text)]
    pub format: OscFormat,
    /// Write the messages to a file
    #[arg(help_heading = OUTPUT, short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Overwrite a file that exists
    #[arg(help_heading = OUTPUT, long)]
    pub force: bool,
    /// Do not print progress or notices
    ///
    /// Errors still go to standard error.
    #[arg(help_heading = OUTPUT, short, long)]
    pub quiet: bool,
    /// Read the outer packets of tunnels, not their content
    ///
    /// Tunnels are VXLAN, GRE, GTP-U and the like.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true)]
    pub no_tunnels: bool,
    /// Do not use promiscuous mode
    #[arg(help_heading = ADVANCED, short = 'p', long, hide_short_help = true)]
    pub no_promiscuous: bool,
    /// Kernel buffer for each interface, such as 64M
    ///
    /// A bare number is in KiB. A larger buffer loses fewer packets when many arrive at once.
    #[arg(help_heading = ADVANCED, short = 'B', long, hide_short_help = true, default_value = "64M", value_name = "SIZE", value_parser = buffer)]
    pub buffer: u32,
    /// Parse packets without the sandbox
    ///
    /// portlore still gives up root and all capabilities.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true)]
    pub no_sandbox: bool,
    /// User to switch to after opening the interface
    ///
    /// Applies only when portlore is run as root. Default: the user who called sudo, otherwise
    /// nobody.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, value_name = "NAME", value_hint = ValueHint::Username)]
    pub user: Option<String>,
}

/// Forms of the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OscFormat {
    /// Human-readable lines
    Text,
    /// One JSON object per line
    Ndjson,
}
