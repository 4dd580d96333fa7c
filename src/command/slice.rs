//! `portlore slice`.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use portlore::catalogue::Catalogue;
use portlore::commit::OutputRole;
use portlore::pipeline::{
    self, FlowSelector, FlowView, Hooks, JudgedFlow, Options, ResourceLimits, Run, StopConditions,
};
use portlore::platform::{nameless_file, read_at};
use portlore::privilege::Keep;
use portlore::report::parts::units::{count, plural};
use portlore::report::{Zone, escape};
use portlore::slice::{SlicePart, SlicedFlows, copy};
use portlore::source::Files;
use portlore::{Error, ErrorKind, Result};

use super::catalogue::{load, places};
use super::inputs::{InputFiles, find_captures, is_standard};
use super::output::{OutputPlan, OutputState, Outputs};
use super::progress::ProgressBar;
use super::session::{drop_privileges, tenant_parts, worker_count};
use super::signal_flags::SignalFlags;
use super::{FAILED, INCOMPLETE, UNREADABLE, messages};
use crate::cli::SliceArgs;

pub fn run(args: &SliceArgs) -> Result<u8> {
    let catalogue = Arc::new(load(&args.catalogue)?);
    let signals = SignalFlags::register()?;
    let paths = find_captures(&args.files, args.quiet)?;
    let inputs = InputFiles {
        captures: paths.clone(),
        services: places(&args.catalogue),
        ..InputFiles::default()
    };
    let plan = OutputPlan {
        capture: (!is_standard(&args.write)).then_some((&args.write, OutputRole::Capture)),
        force: args.force,
        ..OutputPlan::default()
    };
    let mut output = Outputs::prepare(plan, &inputs)?.open_copy()?;
    if output.is_terminal() {
        return Err(Error::new(ErrorKind::Usage, "packets cannot be written to a terminal")
            .with_object("-w -")
            .with_remedy("name a file, or pipe the packets to another program"));
    }
    // The three readings of the capture: all files are open before privileges are dropped.
    let [mut first, mut second, mut third] = open(args, &paths, &signals)?;
    let some_unreadable = !first.unreadable().is_empty();
    let keep = Keep { unsandboxed: args.process.no_sandbox, ..Keep::default() };
    drop_privileges(&keep, Zone::Utc)?;

    let progress = ProgressBar::start(&mut first, args.quiet);
    let (run, mut flows) = find_flows(args, &signals, &mut first, &catalogue)?;
    progress.into_iter().for_each(ProgressBar::finish);
    signals.check_not_stopped()?;
    if flows.is_empty() {
        run.problems.iter().for_each(|line| messages::print(line));
        let (of, filter) = (seen(&run), escape(args.selected.text()));
        messages::print(&format!("none of {of} matches '{filter}'; nothing was written"));
        return Ok(if some_unreadable { UNREADABLE } else { FAILED });
    }
    let frames = flows.frames(&mut second, !args.no_tunnels, &signals.stop)?;
    let mut state = OutputState::Open;
    let copied = copy(&mut third, (&frames, &flows), &signals.stop, |blocks| {
        state = output.put(blocks, false)?;
        Ok(state == OutputState::Open)
    })?;
    signals.check_not_stopped()?;
    if state == OutputState::Closed {
        // Who read the packets has left.
        return Ok(0);
    }
    output.write(|_, _| Ok(()))?;
    run.problems.iter().for_each(|line| messages::print(line));
    if !args.quiet {
        print_summary(args, &run, &flows, copied);
    }
    Ok(match run.problems.is_empty() {
        _ if some_unreadable => UNREADABLE,
        true => 0,
        false => INCOMPLETE,
    })
}

/// Opens the capture three times.
fn open(args: &SliceArgs, paths: &[PathBuf], signals: &SignalFlags) -> Result<[Files; 3]> {
    let chained = |files: Files| if args.chain { files.chained() } else { files };
    if !paths.iter().any(|path| is_standard(path)) {
        let open = || Files::open_with_stop(paths, &signals.stop).map(chained);
        return Ok([open()?, open()?, open()?]);
    }
    if paths.len() > 1 {
        return Err(Error::new(ErrorKind::Usage, "standard input cannot be read beside files")
            .with_object("-")
            .with_remedy("save it to a file first"));
    }
    let spooled = spool(args.spool_limit, args.quiet)?;
    let spooled = Arc::new(spooled);
    let open = || {
        let reader = SpoolReader { file: Arc::clone(&spooled), place: 0 };
        Files::from_readers(vec![("standard input".into(), Box::new(reader))])
    };
    Ok([open()?, open()?, open()?])
}

/// A reading of a file that has others: it has a place of its own.
struct SpoolReader {
    file: Arc<File>,
    place: u64,
}

impl Read for SpoolReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file, into, self.place)?;
        self.place += read as u64;
        Ok(read)
    }
}

/// Copies standard input to a temporary file without a name.
fn spool(limit: u64, quiet: bool) -> Result<File> {
    let folder = std::env::temp_dir();
    if !quiet {
        messages::print(&format!(
            "copying standard input to a temporary file in {}, at most {}",
            folder.display(),
            size(limit)
        ));
    }
    let mut file = nameless_file(&folder).map_err(|error| not_spooled(&error))?;
    let mut input = io::stdin().lock().take(limit.saturating_add(1));
    let copied = io::copy(&mut input, &mut file).map_err(|error| not_spooled(&error))?;
    if copied > limit {
        let reason = format!("standard input is longer than {}", size(limit));
        return Err(Error::new(ErrorKind::Input, reason)
            .with_remedy("save it to a file first, or raise --spool-limit"));
    }
    Ok(file)
}

/// A limit for people.
fn size(limit: u64) -> String {
    if limit.is_multiple_of(1 << 20) {
        format!("{} MiB", count(limit >> 20))
    } else {
        plural(limit, "byte")
    }
}

fn not_spooled(error: &io::Error) -> Error {
    Error::new(ErrorKind::System, format!("standard input cannot be copied: {error}"))
        .with_remedy("save it to a file first, or set TMPDIR to a folder with room")
}

/// Finds the flows that are wanted: the first reading.
fn find_flows(
    args: &SliceArgs,
    signals: &SignalFlags,
    files: &mut Files,
    catalogue: &Arc<Catalogue>,
) -> Result<(Run, SlicedFlows)> {
    let part = if args.evidence { SlicePart::Evidence } else { SlicePart::Everything };
    let key = tenant_parts(&args.key);
    let flows = Mutex::new(SlicedFlows::new(key, part));
    let on_flow = |flow: &JudgedFlow| {
        flows.lock().unwrap_or_else(PoisonError::into_inner).add(flow);
    };
    let selects = |flow: FlowView<'_>| args.selected.matches(flow);
    let selector = FlowSelector { expression: args.selected.text(), selects: &selects };
    let first_values = args.selected.facts();
    let options = Options {
        tunnels: !args.no_tunnels,
        key,
        first_values: &first_values,
        limits: ResourceLimits {
            workers: worker_count(args.process.workers),
            ..ResourceLimits::DEFAULT
        },
        until: StopConditions { stop: Some(&signals.stop), ..StopConditions::default() },
        hooks: Hooks { on_flow: Some(&on_flow), selector: Some(selector), ..Hooks::default() },
        ..Options::replay()
    };
    let run = pipeline::run(files, None, catalogue, &options, None)?;
    Ok((run, flows.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// How many connections the capture has.
fn seen(run: &Run) -> String {
    plural(run.selected.as_ref().map_or(0, |selected| selected.seen), "connection")
}

/// Says what was copied.
fn print_summary(args: &SliceArgs, run: &Run, flows: &SlicedFlows, copied: u64) {
    let (packets, of) = (plural(copied, "packet"), seen(run));
    let name = args.write.display();
    messages::print(&format!("{name}: {packets} from {} of {of}", flows.len()));
    if flows.without_comment() > 0 {
        let without = plural(flows.without_comment(), "packet");
        messages::print(&format!(
            "{name}: {without} that prove verdicts have no comment: too many"
        ));
    }
}
