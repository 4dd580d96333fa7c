//! `portlore replay`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portlore::catalogue::Catalogue;
use portlore::privilege::Keep;
use portlore::source::{Files, Filter, Follow, LinkType, file};
use portlore::{Error, ErrorKind, Result};

use super::catalogue::{load, places};
use super::inputs::InputFiles;
use super::observers::LiveOutputs;
use super::output::{Output, OutputPlan, Outputs};
use super::progress::ProgressBar;
use super::session::{Mode, Session, drop_privileges, zone};
use super::signals::SignalFlags;
use super::{UNREADABLE, messages};
use crate::cli::ReplayArgs;

pub fn run(args: &ReplayArgs) -> Result<u8> {
    let catalogue = Arc::new(load(&args.common.catalogue)?);
    let signals = SignalFlags::register()?;
    if args.follow && !args.files.iter().all(|path| is_pipe(path)) {
        return follow(args, catalogue, &signals);
    }
    let found = file::find(&args.files)?;
    if !args.common.quiet {
        found.passed_over.iter().for_each(|line| messages::print(line));
    }
    let mut files = Files::open_with_stop(&found.paths, &signals.stop)?;
    if args.chain {
        files = files.chained();
    }
    if args.follow {
        files = files.endless();
    }
    let filter = compile(args, &files.links())?;
    let some_unreadable = !files.unreadable().is_empty();
    let output = open_output(args, found.paths.clone())?;
    zone(&args.common).load();
    drop_privileges(&Keep::default());
    let progress = ProgressBar::start(&mut files, args.common.quiet);
    let session = Session {
        inputs: names(&found.paths),
        filter,
        catalogue,
        args: &args.common,
        signals: &signals,
        mode: Mode::Replay,
        output,
        live_outputs: LiveOutputs::default(),
        progress,
    };
    let status = session.run(&mut files)?;
    Ok(if some_unreadable { UNREADABLE } else { status })
}

/// Replays files that are being written.
fn follow(args: &ReplayArgs, catalogue: Arc<Catalogue>, signals: &SignalFlags) -> Result<u8> {
    if args.files.iter().any(|path| is_pipe(path)) {
        return Err(Error::new(ErrorKind::Usage, "--follow takes files or `-`, not both")
            .with_remedy("leave out one of them"));
    }
    let mut files = Follow::open(&args.files, &signals.stop)?;
    let filter = compile(args, &files.links())?;
    let output = open_output(args, file::candidate_paths(&args.files))?;
    // Rings go on in files that do not exist yet.
    zone(&args.common).load();
    drop_privileges(&Keep { read: &file::folders(&args.files), ..Keep::default() });
    let session = Session {
        inputs: names(&args.files),
        filter,
        catalogue,
        args: &args.common,
        signals,
        mode: Mode::Replay,
        output,
        live_outputs: LiveOutputs::default(),
        progress: None,
    };
    session.run(&mut files)
}

/// Opens the report's destination, which is none of the files that are read.
fn open_output(args: &ReplayArgs, captures: Vec<PathBuf>) -> Result<Output> {
    let inputs = InputFiles { captures, services: places(&args.common.catalogue) };
    let plan = OutputPlan {
        report: args.common.output.as_deref(),
        force: args.common.force,
        ..OutputPlan::default()
    };
    Outputs::prepare(plan, &inputs)?.open_report()
}

fn is_pipe(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn compile(args: &ReplayArgs, links: &[LinkType]) -> Result<Option<Filter>> {
    let filter = args.common.filter.as_deref();
    filter.map(|f| Filter::compile(f, links)).transpose()
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}
