//! `portlore check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{AnalysisArgs, OUTPUT};

/// `portlore check`.
#[derive(Debug, Args)]
#[command(override_usage = "portlore check [OPTIONS] <FILE.toml> <CAPTURE>...")]
pub struct CheckArgs {
    /// A file of expectations, then the captures to check
    ///
    /// Captures are files, folders or quoted patterns; - is standard input. With --learn, there is no
    /// file of expectations.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Write a first file of expectations, which these captures meet
    ///
    /// It names the servers and what they speak, forbids connections to other ports, and forbids the
    /// findings that the captures do not have. Read it, and delete what does not matter.
    #[arg(long, conflicts_with = "format")]
    pub learn: bool,
    /// Output format: text, json or junit
    ///
    /// Choose text for people, json for programs, and junit for CI servers.
    #[arg(help_heading = OUTPUT, long, value_enum, hide_possible_values = true, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
    /// Write the result to a file
    #[arg(help_heading = OUTPUT, short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How captures are read.
    #[command(flatten)]
    pub analysis: AnalysisArgs,
}

/// Forms of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// Human-readable lines
    Text,
    /// One JSON document
    Json,
    /// JUnit XML
    Junit,
}
