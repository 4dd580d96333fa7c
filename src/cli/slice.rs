//! `portlore slice`.

use std::path::PathBuf;

use clap::Args;
use portlore::flow_filter::FlowFilter;

use super::values::bytes;
use super::{ADVANCED, INPUT, KeyPart, OUTPUT, ProcessArgs};

/// The flags of `portlore slice`.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct SliceArgs {
    /// Capture files, folders or patterns; - is standard input
    ///
    /// Files are pcap or pcapng, also compressed. They are read three times, so standard input is
    /// first copied to a temporary file.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Only connections that match, such as 'tag = osc'
    ///
    /// The expression is applied to each connection and its verdict, as in replay. docs/flows.md
    /// lists columns and explains values.
    #[arg(help_heading = INPUT, long = "where", value_name = "EXPR", value_parser = FlowFilter::parse, allow_hyphen_values = true)]
    pub selected: FlowFilter,
    /// Read files one after another, not merged by time
    #[arg(help_heading = INPUT, long)]
    pub chain: bool,
    /// Limit for the copy of standard input
    ///
    /// A size such as 500M. The copy is in the folder for temporary files ($TMPDIR, otherwise /tmp).
    #[arg(help_heading = INPUT, long, default_value = "4G", value_name = "SIZE", value_parser = bytes)]
    pub spool_limit: u64,
    /// Write a pcapng file; - is standard output
    #[arg(help_heading = OUTPUT, short, long, value_name = "FILE")]
    pub write: PathBuf,
    /// Only handshakes and packets that prove verdicts
    #[arg(help_heading = OUTPUT, long)]
    pub evidence: bool,
    /// Overwrite a file that exists
    #[arg(help_heading = OUTPUT, long)]
    pub force: bool,
    /// Do not print progress or notices
    #[arg(help_heading = OUTPUT, short, long)]
    pub quiet: bool,
    /// Add your own service files (repeatable)
    ///
    /// A file, or a folder of .toml files. Files in ~/.config/portlore/services are always read.
    #[arg(help_heading = INPUT, long, value_name = "PATH")]
    pub catalogue: Vec<PathBuf>,
    /// Select the outer packets of tunnels, not their content
    #[arg(help_heading = ADVANCED, long, hide_short_help = true)]
    pub no_tunnels: bool,
    /// Tell networks apart by vlan, vni or both, as in replay
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, value_enum, hide_possible_values = true, value_delimiter = ',', value_name = "vlan,vni")]
    pub key: Vec<KeyPart>,
    /// The threads of the run, and what they may do.
    #[command(flatten)]
    pub process: ProcessArgs,
}
