//! `portlore replay`.

use portlore::source::{Files, Filter};

use super::capture::{Kind, capture};
use super::catalogue::load;
use super::signals::Wishes;
use super::talk::one;
use super::{Errors, UNREADABLE};
use crate::cli::Replay;

pub fn run(args: &Replay) -> Result<u8, Errors> {
    let catalogue = load(&args.common.catalogue)?;
    let wishes = Wishes::register()?;
    let mut files = Files::open(&args.files, &wishes.stop)?;
    let filter = args.common.filter.as_deref().map(|f| Filter::compile(f, &files.links())).transpose().map_err(one)?;
    let some_unreadable = !files.unreadable().is_empty();
    let inputs: Vec<String> = args.files.iter().map(|f| f.display().to_string()).collect();
    capture(
        &mut files,
        filter,
        &catalogue,
        &args.common,
        &wishes,
        &Kind { inputs, files: args.files.clone(), live: false, span: None },
    )
    .map(|status| if some_unreadable { UNREADABLE } else { status })
}
