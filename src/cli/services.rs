//! `portlore services`.

use std::path::PathBuf;

use clap::Args;

use super::PageFormat;

/// `portlore services`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  portlore services\n  portlore services ollama\n  portlore services 8080\n  portlore services osc 8000"
)]
pub struct ServicesArgs {
    /// Only services with this id, name, tag, protocol or port; of several words each must fit
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = PageFormat::Table)]
    pub format: PageFormat,
    /// Your own services, as in `replay`
    #[arg(long, value_name = "FILE|DIR")]
    pub catalogue: Vec<PathBuf>,
}
