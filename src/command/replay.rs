//! `portlore replay`.

use std::path::PathBuf;

use portlore::catalogue::Catalogue;
use portlore::privilege::Keep;
use portlore::source::{Files, Filter, Follow, LinkType, file};

use super::capture::{Kind, capture, close_doors};
use super::catalogue::load;
use super::output::Output;
use super::progress::Shown;
use super::signals::Wishes;
use super::talk::{one, say};
use super::{Errors, UNREADABLE};
use crate::cli::Replay;

pub fn run(args: &Replay) -> Result<u8, Errors> {
    let catalogue = load(&args.common.catalogue)?;
    let wishes = Wishes::register()?;
    let is_pipe = |path: &PathBuf| path.as_os_str() == "-";
    if args.follow && !args.files.iter().all(is_pipe) {
        return follow(args, &catalogue, &wishes);
    }
    let found = file::find(&args.files).map_err(|error| lines(&error))?;
    if !args.common.quiet {
        found.passed_over.iter().for_each(|line| say(line));
    }
    let mut files =
        Files::open_with_stop(&found.paths, &wishes.stop).map_err(|error| lines(&error))?;
    if args.chain {
        files = files.chained();
    }
    if args.follow {
        files = files.endless();
    }
    let filter = compile(args, &files.links())?;
    let some_unreadable = !files.unreadable().is_empty();
    let output = Output::open(args.common.output.as_ref(), &found.paths)?;
    close_doors(&Keep::default());
    let kind = Kind { inputs: names(&found.paths), output, live: None };
    let mut shown = Shown::of(&mut files, args.common.quiet);
    let status = capture(&mut shown, filter, &catalogue, &args.common, &wishes, kind)?;
    Ok(if some_unreadable { UNREADABLE } else { status })
}

/// Files that are being written.
fn follow(args: &Replay, catalogue: &Catalogue, wishes: &Wishes) -> Result<u8, Errors> {
    if args.files.iter().any(|path| path.as_os_str() == "-") {
        return Err(one("--follow takes files or `-`, not both; leave out one of them".into()));
    }
    let mut files = Follow::open(&args.files, &wishes.stop).map_err(|error| lines(&error))?;
    let filter = compile(args, &files.links())?;
    let output = Output::open(args.common.output.as_ref(), &args.files)?;
    // Rings go on in files that are not there yet.
    close_doors(&Keep { read: &file::folders(&args.files), ..Keep::default() });
    let kind = Kind { inputs: names(&args.files), output, live: None };
    capture(&mut files, filter, catalogue, &args.common, wishes, kind)
}

fn compile(args: &Replay, links: &[LinkType]) -> Result<Option<Filter>, Errors> {
    args.common
        .filter
        .as_deref()
        .map(|f| Filter::compile(f, links))
        .transpose()
        .map_err(|error| lines(&error))
}

fn lines(error: &portlore::Error) -> Errors {
    error.lines().collect()
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}
