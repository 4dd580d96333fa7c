//! How captures are read by the commands that answer one question about them: `check` and `diff`.

use std::path::PathBuf;

use clap::Args;
use portlore::flow_filter::FlowFilter;
use portlore::stats::IpNetwork;

use super::values::{network, whole_number};
use super::{ADVANCED, INPUT, KeyPart, LIMITS, OUTPUT};

/// How captures are read; the options are those of `replay`.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct AnalysisArgs {
    /// Only packets that match this filter, as in tcpdump
    ///
    /// pcap-filter(7) describes the syntax.
    #[arg(help_heading = INPUT, short, long, value_name = "EXPR")]
    pub filter: Option<String>,
    /// Only connections that match, such as 'tag = osc'
    ///
    /// Written as for replay; docs/flows.md lists columns and explains values.
    #[arg(help_heading = INPUT, long = "where", value_name = "EXPR", value_parser = FlowFilter::parse, allow_hyphen_values = true)]
    pub selected: Option<FlowFilter>,
    /// Add your own service files (repeatable)
    ///
    /// A file, or a folder of .toml files. Files in ~/.config/portlore/services are
    /// always read. Your services replace built-in ones of the same id.
    #[arg(help_heading = INPUT, long, value_name = "PATH")]
    pub catalogue: Vec<PathBuf>,
    /// Overwrite a file that exists
    #[arg(help_heading = OUTPUT, long)]
    pub force: bool,
    /// Do not print progress or notices
    ///
    /// Errors still go to standard error.
    #[arg(help_heading = OUTPUT, short, long)]
    pub quiet: bool,
    /// Networks to treat as local, such as 10.0.0.0/8
    ///
    /// Separate several with commas, or repeat the option. The /24 or /64 of each server is always
    /// local. This decides which services are reported as reachable from outside the local networks.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, value_delimiter = ',', value_name = "NETWORK", value_parser = network)]
    pub local_nets: Vec<IpNetwork>,
    /// Do not collect the names of addresses and servers
    #[arg(help_heading = ADVANCED, long, hide_short_help = true)]
    pub no_names: bool,
    /// Read the outer packets of tunnels, not their content
    ///
    /// Tunnels are VXLAN, GRE, GTP-U and the like.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true)]
    pub no_tunnels: bool,
    /// Tell networks apart by vlan, vni or both
    ///
    /// Otherwise, packets with the same addresses and ports are one connection. To use both:
    /// --key vlan,vni.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, value_enum, hide_possible_values = true, value_delimiter = ',', value_name = "vlan,vni")]
    pub key: Vec<KeyPart>,
    /// Number of classifier threads
    ///
    /// Default: the number of CPU cores, at most 4. The output does not depend on it.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, value_name = "N", value_parser = whole_number::<u8>(1..=16))]
    pub workers: Option<u8>,
    /// Maximum number of open connections in memory
    ///
    /// At the limit, portlore stops tracking the connections that have been idle longest.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, default_value_t = LIMITS.max_flows as u32, value_name = "N", value_parser = whole_number::<u32>(16..=67_108_864))]
    pub max_flows: u32,
    /// Memory for the first bytes of connections, in MiB
    ///
    /// When it runs out, fewer bytes per connection are examined.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, default_value_t = (LIMITS.opening_bytes >> 20) as u32, value_name = "MIB", value_parser = whole_number::<u32>(1..=65_536))]
    pub opening_mib: u32,
    /// Maximum number of servers in memory
    ///
    /// Beyond the limit, loopback, link-local and private addresses are kept first; the remaining
    /// places go to a selection of the others that is the same on every run.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, default_value_t = LIMITS.max_servers as u32, value_name = "N", value_parser = whole_number::<u32>(1..=16_777_216))]
    pub max_servers: u32,
    /// Parse packets without the sandbox
    ///
    /// portlore still gives up root and all capabilities.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true)]
    pub no_sandbox: bool,
}
