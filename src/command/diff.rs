//! `portlore diff`.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use portlore::catalogue::Catalogue;
use portlore::diff::{ClientPairs, Differences, Inventory, is_document};
use portlore::findings;
use portlore::pipeline::JudgedFlow;
use portlore::privilege::Keep;
use portlore::report::Zone;
use portlore::report::pages::diff as page;
use portlore::{Error, ErrorKind, Result};

use super::analysis::{OpenCaptures, options, output_plan};
use super::catalogue::{load, places};
use super::inputs::{InputFiles, is_standard};
use super::output::Outputs;
use super::session::drop_privileges;
use super::signal_flags::SignalFlags;
use super::{FAILED, INCOMPLETE, UNREADABLE, messages};
use crate::cli::{DiffArgs, DiffFormat};

/// Bytes by which captures and reports are told apart.
const PEEK_BYTES: u64 = 256;

/// One of the two inputs, open.
enum DiffInput {
    Captures(Box<OpenCaptures>),
    Document(File),
}

pub fn run(args: &DiffArgs) -> Result<u8> {
    let catalogue = Arc::new(load(&args.analysis.catalogue)?);
    let signals = SignalFlags::register()?;
    let named = [&args.first, &args.second];
    if named.iter().all(|path| is_standard(path)) {
        return Err(Error::new(ErrorKind::Usage, "only one of the two can be standard input")
            .with_remedy("name a file for the other"));
    }
    let inputs = [open(named[0], args, &signals)?, open(named[1], args, &signals)?];
    refuse_selection(args, &inputs)?;
    let some_unreadable = inputs.iter().any(DiffInput::has_unreadable);
    let files = InputFiles {
        captures: inputs.iter().flat_map(DiffInput::captures).cloned().collect(),
        others: inputs.iter().zip(named).filter_map(|(input, path)| input.report(path)).collect(),
        services: places(&args.analysis.catalogue),
    };
    let plan = output_plan(args.output.as_deref(), &args.analysis);
    let output = Outputs::prepare(plan, &files)?.open_report()?;
    let keep = Keep { unsandboxed: args.analysis.reading.process.no_sandbox, ..Keep::default() };
    drop_privileges(&keep, Zone::Utc)?;
    let names = named.map(|path| path.display().to_string());
    let names = [names[0].as_str(), names[1].as_str()];
    let [first, second] = inputs;
    let first = first.inventory(names[0], &catalogue, (args, &signals))?;
    let second = second.inventory(names[1], &catalogue, (args, &signals))?;
    let differences = Differences::new(&first, &second);
    output.write(|out, style| match args.format {
        DiffFormat::Text => page::write(out, names, &catalogue, &differences, style),
        DiffFormat::Json => page::write_json(out, names, [&first, &second], &differences),
    })?;
    let sides = [(names[0], &first), (names[1], &second)];
    for (name, side) in sides {
        for line in &side.problems {
            // Those of a file name it.
            let is_named = line.starts_with(&format!("{name}: "));
            messages::print(&if is_named { line.clone() } else { format!("{name}: {line}") });
        }
    }
    Ok(match (differences.is_empty(), sides.iter().all(|(_, side)| side.problems.is_empty())) {
        _ if some_unreadable => UNREADABLE,
        (false, _) => FAILED,
        (true, false) => INCOMPLETE,
        (true, true) => 0,
    })
}

/// Refuses options that select packets or flows, where an input is a report.
fn refuse_selection(args: &DiffArgs, inputs: &[DiffInput]) -> Result<()> {
    let has_report = inputs.iter().any(|input| matches!(input, DiffInput::Document(_)));
    let flags = [
        ("--filter", "packets", args.analysis.filter.is_some()),
        ("--where", "connections", args.analysis.selected.is_some()),
    ];
    match flags.into_iter().find(|(.., is_set)| *is_set && has_report) {
        None => Ok(()),
        Some((flag, what, _)) => {
            let reason = format!("cannot select {what} of a report");
            Err(Error::new(ErrorKind::Usage, reason)
                .with_object(flag)
                .with_remedy("use it with replay when you write the report"))
        }
    }
}

/// Opens an input: a report by its content, everything else as captures.
fn open(path: &PathBuf, args: &DiffArgs, signals: &SignalFlags) -> Result<DiffInput> {
    match document(path) {
        Some(file) => Ok(DiffInput::Document(file)),
        None => OpenCaptures::open(std::slice::from_ref(path), &args.analysis, signals)
            .map(|captures| DiffInput::Captures(Box::new(captures))),
    }
}

/// The file, if it is regular and begins as a report does.
fn document(path: &Path) -> Option<File> {
    if !path.is_file() {
        return None;
    }
    // What cannot be read is reported as a capture.
    let mut file = File::open(path).ok()?;
    let mut first = Vec::new();
    file.by_ref().take(PEEK_BYTES).read_to_end(&mut first).ok()?;
    file.rewind().ok()?;
    is_document(&first).then_some(file)
}

impl DiffInput {
    fn has_unreadable(&self) -> bool {
        matches!(self, Self::Captures(captures) if captures.has_unreadable())
    }

    /// The captures that are read.
    fn captures(&self) -> &[PathBuf] {
        match self {
            Self::Captures(captures) => &captures.paths,
            Self::Document(_) => &[],
        }
    }

    /// The name, if it is a report.
    fn report(&self, named: &Path) -> Option<PathBuf> {
        matches!(self, Self::Document(_)).then(|| named.to_owned())
    }

    fn inventory(
        self,
        name: &str,
        catalogue: &Arc<Catalogue>,
        (args, signals): (&DiffArgs, &SignalFlags),
    ) -> Result<Inventory> {
        let captures = match self {
            Self::Document(file) => return Inventory::of_document(BufReader::new(file), name),
            Self::Captures(captures) => captures,
        };
        let clients = Mutex::new(ClientPairs::default());
        let on_flow = |flow: &JudgedFlow| {
            clients.lock().unwrap_or_else(PoisonError::into_inner).insert_flow(flow);
        };
        let mut options = options(&args.analysis, signals);
        options.hooks.on_flow = Some(&on_flow);
        let run = captures.run(catalogue, &options, (&args.analysis, signals))?;
        let findings = findings::find(&run.stats, &run.catalogue);
        let clients = clients.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Inventory::of_run(&run, &findings, Some(clients)))
    }
}
