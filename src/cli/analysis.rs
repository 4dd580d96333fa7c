//! How captures are read by the commands that answer one question about them: `check` and `diff`.

use std::path::PathBuf;

use clap::Args;
use portlore::flow_filter::FlowFilter;

use super::reading::ReadingArgs;
use super::{INPUT, OUTPUT};

/// How captures are read; the options are those of `replay`.
#[derive(Debug, Args)]
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
    /// How packets are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
}
