//! `portlore report`, `portlore merge`, and the options with which `replay` writes a snapshot or continues from one.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::{ADVANCED, OutputArgs, ProcessArgs};

/// Reads captures in parts.
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    /// Write the final state to a file, for a later run to continue
    ///
    /// The report of the last snapshot is that of one run over all files with --chain. Connections
    /// that are open stay in the snapshot; --flows-to gets the others. Needs --sensor and --chain.
    /// docs/snapshots.md describes snapshots.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, value_name = "FILE", requires_all = ["sensor", "chain"], conflicts_with_all = ["follow", "since", "until", "count"])]
    pub snapshot: Option<PathBuf>,
    /// Continue from a snapshot; the files follow those that it covers
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, value_name = "FILE", requires = "snapshot")]
    pub resume: Option<PathBuf>,
    /// Name of the sensor that made the captures
    ///
    /// A snapshot can be continued only with captures of the same sensor.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, value_name = "NAME", requires = "snapshot", value_parser = NonEmptyStringValueParser::new())]
    pub sensor: Option<String>,
}

/// `portlore report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Snapshot that replay --snapshot has written
    #[arg(value_name = "SNAPSHOT", help_heading = None::<&str>)]
    pub snapshot: PathBuf,
    /// What is written; how packets were read is in the snapshot.
    #[command(flatten)]
    pub outputs: OutputArgs,
    #[command(flatten)]
    pub process: ProcessArgs,
}

/// `portlore merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Snapshots that replay --snapshot or merge has written
    #[arg(required = true, value_name = "SNAPSHOT", help_heading = None::<&str>)]
    pub snapshots: Vec<PathBuf>,
    /// What is written; how packets were read is in the snapshots.
    #[command(flatten)]
    pub outputs: OutputArgs,
    #[command(flatten)]
    pub process: ProcessArgs,
}
