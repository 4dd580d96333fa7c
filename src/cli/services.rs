//! `portlore services`.

use clap::Args;

use super::{CatalogueArgs, PageFormat};

/// `portlore services`.
#[derive(Debug, Args)]
pub struct ServicesArgs {
    /// Id, part of a name, tag, protocol or port; all must match
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// Output format: table or json
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = PageFormat::Table)]
    pub format: PageFormat,
    /// The user's own services.
    #[command(flatten)]
    pub catalogue: CatalogueArgs,
}
