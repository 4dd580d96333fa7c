//! `portlore diff`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{AnalysisArgs, OUTPUT};

/// `portlore diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The capture or report to compare with
    ///
    /// A capture file, a folder or a pattern of them, - for a capture on standard input, or a report
    /// that replay or live wrote with --format json.
    #[arg(value_name = "A")]
    pub first: PathBuf,
    /// The capture or report that may differ from it
    #[arg(value_name = "B")]
    pub second: PathBuf,
    /// Output format: text or json
    #[arg(help_heading = OUTPUT, long, value_enum, hide_possible_values = true, default_value_t = DiffFormat::Text)]
    pub format: DiffFormat,
    /// Write the differences to a file
    #[arg(help_heading = OUTPUT, short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How captures are read.
    #[command(flatten)]
    pub analysis: AnalysisArgs,
}

/// Forms of the differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// Human-readable lines
    Text,
    /// One JSON document
    Json,
}
