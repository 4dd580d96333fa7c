//! `portlore catalogue`, and the flag by which commands get service files.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::help;

/// `portlore catalogue`.
#[derive(Debug, Subcommand)]
pub enum CatalogueCommand {
    /// Check service files
    ///
    /// Reports each mistake with its line and how to fix it.
    #[command(after_help = help::CATALOGUE_CHECK)]
    Check {
        /// Files, or folders of .toml files
        #[arg(required = true, value_name = "FILE|DIR")]
        paths: Vec<PathBuf>,
        /// Show what the files recognise in a capture
        ///
        /// May be repeated. Exit status 1 if a service with marks is recognised nowhere.
        #[arg(long, value_name = "CAPTURE")]
        against: Vec<PathBuf>,
    },
    /// List the facts that service files can match
    #[command(after_help = help::CATALOGUE_FACTS)]
    Facts,
}

/// The user's own services, for the commands that capture nothing.
#[derive(Debug, Args)]
pub struct CatalogueArgs {
    /// Add your own service files (repeatable)
    ///
    /// A file, or a folder of .toml files. Files in ~/.config/portlore/services are always
    /// read.
    #[arg(long = "catalogue", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}
