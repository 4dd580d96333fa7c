//! `portlore services`.

use std::path::PathBuf;

use clap::Args;

use super::PageFormat;

/// `portlore services`.
#[derive(Debug, Args)]
pub struct ServicesArgs {
    /// Id, part of a name, tag, protocol or port; all must match
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// Output format: table or json
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = PageFormat::Table)]
    pub format: PageFormat,
    /// Add your own service files (repeatable)
    ///
    /// A file, or a folder of .toml files. Files in ~/.config/portlore/services are always
    /// read.
    #[arg(long, value_name = "PATH")]
    pub catalogue: Vec<PathBuf>,
}
