//! `portlore replay`.

use portlore::privilege::Keep;
use portlore::source::{Files, Filter, file};

use super::capture::{Kind, capture, close_doors};
use super::catalogue::load;
use super::output::Output;
use super::signals::Wishes;
use super::talk::{one, say};
use super::{Errors, UNREADABLE};
use crate::cli::Replay;

pub fn run(args: &Replay) -> Result<u8, Errors> {
    let catalogue = load(&args.common.catalogue)?;
    let wishes = Wishes::register()?;
    let found = file::find(&args.files)?;
    if !args.common.quiet {
        found.passed_over.iter().for_each(|line| say(line));
    }
    let mut files = Files::open(&found.paths, &wishes.stop)?;
    if args.chain {
        files = files.chained();
    }
    let filter = args.common.filter.as_deref().map(|f| Filter::compile(f, &files.links())).transpose().map_err(one)?;
    let some_unreadable = !files.unreadable().is_empty();
    let inputs: Vec<String> = found.paths.iter().map(|f| f.display().to_string()).collect();
    let output = Output::open(args.common.output.as_ref(), &found.paths)?;
    close_doors(&Keep::default());
    capture(
        &mut files,
        filter,
        &catalogue,
        &args.common,
        &wishes,
        Kind { inputs, live: false, span: None, output, catalogues: None },
    )
    .map(|status| if some_unreadable { UNREADABLE } else { status })
}
