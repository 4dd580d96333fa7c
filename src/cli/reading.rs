//! How packets are read, and how much of them is kept.

use clap::Args;
use portlore::stats::IpNetwork;

use super::values::{network, whole_number};
use super::{ADVANCED, KeyPart, LIMITS};

/// The greatest value of --max-flows.
pub const MOST_FLOWS: u32 = 67_108_864;
/// The greatest value of --opening-mib.
pub const MOST_OPENING_MIB: u32 = 65_536;
/// The greatest value of --max-servers.
pub const MOST_SERVERS: u32 = 16_777_216;

/// How packets are read, and how much of them is kept.
#[derive(Debug, Args)]
pub struct ReadingArgs {
    /// Networks to treat as local, such as 10.0.0.0/8
    ///
    /// Separate several with commas, or repeat the option. The /24 or /64 of each server is always
    /// local, and so are the networks of the interfaces that live captures on. This decides which
    /// services are reported as reachable from outside the local networks.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, value_delimiter = ',', value_name = "NETWORK", value_parser = network)]
    pub local_nets: Vec<IpNetwork>,
    /// Do not collect the names of addresses and servers
    ///
    /// Names come from DNS, mDNS and LLMNR answers, and from the server names in SNI and Host.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true)]
    pub no_names: bool,
    /// Read the outer packets of tunnels, not their content
    ///
    /// Tunnels are VXLAN, GRE, GTP-U and the like.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true)]
    pub no_tunnels: bool,
    /// Tell networks apart by vlan, vni or both
    ///
    /// Otherwise, packets with the same addresses and ports are one connection. With vlan, the
    /// innermost two VLAN tags are compared; with vni, the virtual network of VXLAN or Geneve, or
    /// the key of GRE. To use both: --key vlan,vni.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, value_enum, hide_possible_values = true, value_delimiter = ',', value_name = "vlan,vni")]
    pub key: Vec<KeyPart>,
    /// Maximum number of open connections in memory
    ///
    /// They take about 160 bytes each. At the limit, portlore stops tracking the connections that
    /// have been idle longest, and reports how many.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, default_value_t = LIMITS.max_flows as u32, value_name = "N", value_parser = whole_number::<u32>(16..=MOST_FLOWS.into()))]
    pub max_flows: u32,
    /// Memory for the first bytes of connections, in MiB
    ///
    /// When it runs out, fewer bytes per connection are examined.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, default_value_t = (LIMITS.opening_bytes >> 20) as u32, value_name = "MIB", value_parser = whole_number::<u32>(1..=MOST_OPENING_MIB.into()))]
    pub opening_mib: u32,
    /// Maximum number of servers in memory
    ///
    /// They take at most 400 bytes each. Beyond the limit, loopback, link-local and private
    /// addresses are kept first; the remaining places go to a selection of the others that is the
    /// same on every run.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, default_value_t = LIMITS.max_servers as u32, value_name = "N", value_parser = whole_number::<u32>(1..=MOST_SERVERS.into()))]
    pub max_servers: u32,
    #[command(flatten)]
    pub process: ProcessArgs,
}

/// The threads of a run, and what they may do.
#[derive(Debug, Args)]
pub struct ProcessArgs {
    /// Number of classifier threads
    ///
    /// Default: the number of CPU cores, at most 4. The output does not depend on it.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, value_name = "N", value_parser = whole_number::<u8>(1..=16))]
    pub workers: Option<u8>,
    /// Parse packets without the sandbox
    ///
    /// portlore still gives up root and all capabilities. Use this where the sandbox cannot be set
    /// up, such as on a kernel without seccomp.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true)]
    pub no_sandbox: bool,
}
