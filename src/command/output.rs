//! The destinations of a run: of its report, standard output or a file; of the capture that it
//! saves, a file or a series of files.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portlore::commit::{
    CommitHelper, OutputFile, OutputRole, PlannedOutput, is_descriptor, is_special,
    is_standard_output, open_descriptor, parent_folder, unfinished,
};
use portlore::platform::{self, file_id, path_id};
use portlore::report::Style;
use portlore::report::flows::FlowFormat;
use portlore::{Error, ErrorKind, Result};

use super::inputs::{InputFiles, is_standard};
use super::messages;
use crate::cli::FlowsTo;

/// The remedies, each with the option that names the output.
const OTHER_REPORT: &str = "choose another file with -o";
const OTHER_FLOWS: &str = "choose another file with --flows-to";
const OTHER_PAGE: &str = "choose another file with --html";
const OTHER_CAPTURE: &str = "choose another file with -w";
const OTHER_SNAPSHOT: &str = "choose another file with --snapshot";

/// What a run is going to write beside standard output.
#[derive(Debug, Default)]
pub struct OutputPlan<'a> {
    /// Where the report goes; `None` for standard output.
    pub report: Option<&'a Path>,
    /// Whether events are written there while the capture runs.
    pub events: bool,
    /// Where flows go.
    pub flows: &'a [FlowsTo],
    /// Where the page goes, if one is written.
    pub page: Option<&'a Path>,
    /// Where the state of the run goes, if it is kept.
    pub snapshot: Option<&'a Path>,
    /// Whether the capture cannot be read again, so that flows of a part of it are kept.
    pub is_unique: bool,
    /// Where frames are saved, and for a series how many files are kept.
    pub capture: Option<(&'a Path, OutputRole)>,
    /// Whether files that exist may be replaced.
    pub force: bool,
    /// The user whose files they are; `None` for the user who called.
    pub user: Option<&'a str>,
}

/// The outputs of a run before they are opened.
pub struct Outputs<'a> {
    plan: OutputPlan<'a>,
    /// Commits those outputs that are no descriptors of this process.
    helper: Option<Arc<CommitHelper>>,
}

/// The outputs of a run, open.
pub struct OpenOutputs {
    /// The report's destination.
    pub report: Output,
    /// Where flows go as rows.
    pub flows: Vec<(&'static FlowFormat, Output)>,
    /// Where the page goes, if one is written.
    pub page: Option<Output>,
}

impl<'a> Outputs<'a> {
    /// Refuses what cannot be written, and starts the process that commits the outputs. To be called
    /// before a device is opened and before privileges are dropped. No output is one of `inputs`.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where an output exists, cannot be created, or is an input or the other
    /// output.
    pub fn prepare(plan: OutputPlan<'a>, inputs: &InputFiles) -> Result<Self> {
        if let Some(path) = plan.report {
            refuse_inputs(path, inputs, OTHER_REPORT)?;
        }
        if plan.report.is_none() || plan.flows.iter().any(FlowsTo::is_standard) {
            let stdout = platform::standard_output();
            // A standard output that is closed cannot be an input.
            if let Ok((metadata, stdout)) = stdout.and_then(|out| Ok((out.metadata()?, out))) {
                let (id, remedy) = (file_id(&stdout, &metadata), "redirect it to another file");
                inputs.refuse("standard output", (id, &metadata), remedy)?;
            }
        }
        if let Some(page) = plan.page {
            refuse_inputs(page, inputs, OTHER_PAGE)?;
        }
        if let Some(snapshot) = plan.snapshot {
            refuse_inputs(snapshot, inputs, OTHER_SNAPSHOT)?;
        }
        for flows in plan.flow_files() {
            refuse_inputs(flows, inputs, OTHER_FLOWS)?;
        }
        // The names of a series are new with every file.
        if let Some((path, OutputRole::Capture)) = plan.capture {
            refuse_inputs(path, inputs, OTHER_CAPTURE)?;
        }
        plan.refuse_names()?;
        let planned: Vec<_> = plan
            .committed()
            .map(|(role, path)| PlannedOutput { role, path: path.into() })
            .collect();
        let helper = if planned.is_empty() {
            None
        } else {
            Some(CommitHelper::start(&planned, plan.force, plan.user)?)
        };
        Ok(Self { plan, helper })
    }

    /// Opens the destinations of what is known of a capture. To be called before privileges are
    /// dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where one cannot be created.
    pub fn open_all(&self) -> Result<OpenOutputs> {
        let (report, flows) = (self.open_report()?, self.open_flows()?);
        let page = self.plan.page.map(|path| self.open_file(path, OTHER_PAGE)).transpose()?;
        Ok(OpenOutputs { report, flows, page })
    }

    /// Opens the report's destination. There is none where flows have standard output. To be called
    /// before privileges are dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where it cannot be created.
    pub fn open_report(&self) -> Result<Output> {
        match self.plan.report {
            Some(path) => self.open_file(path, OTHER_REPORT),
            None if self.plan.flows.iter().any(FlowsTo::is_standard) => Ok(Output::nowhere()),
            None => Ok(Output::standard()),
        }
    }

    fn open_flows(&self) -> Result<Vec<(&'static FlowFormat, Output)>> {
        let open = |flows: &FlowsTo| {
            let output = match &flows.path {
                Some(path) => self.open_file(path, OTHER_FLOWS)?,
                None => Output::standard(),
            };
            Ok((flows.format, output))
        };
        self.plan.flows.iter().map(open).collect()
    }

    /// Opens the destination of copied frames: a file, or standard output. To be called before
    /// privileges are dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where it cannot be created.
    pub fn open_copy(&self) -> Result<Output> {
        self.plan
            .capture
            .map_or_else(|| Ok(Output::standard()), |(path, _)| self.open_file(path, OTHER_CAPTURE))
    }

    /// Opens the file for the state of the run, if it is kept. To be called before privileges are
    /// dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where it cannot be created.
    pub fn open_snapshot(&self) -> Result<Option<Output>> {
        self.plan.snapshot.map(|path| self.open_file(path, OTHER_SNAPSHOT)).transpose()
    }

    fn open_file(&self, path: &Path, remedy: &str) -> Result<Output> {
        let file = Destination::File(self.open(path, remedy)?);
        Ok(Output::new(file, path.display().to_string()))
    }

    /// Opens the file in which frames are saved, if they are. To be called before privileges are
    /// dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where it cannot be created.
    pub fn open_capture(&self) -> Result<Option<OutputFile>> {
        self.plan.capture.map(|(path, _)| self.open(path, OTHER_CAPTURE)).transpose()
    }

    /// Says when the process that commits the outputs ends or stops, as soon as it does. To be called
    /// after privileges were dropped.
    ///
    /// # Errors
    /// [`ErrorKind::System`] where the thread for that cannot be started.
    pub fn watch(&self) -> Result<()> {
        self.helper.iter().try_for_each(|helper| helper.watch(messages::print))
    }

    fn open(&self, path: &Path, remedy: &str) -> Result<OutputFile> {
        let name = path.display().to_string();
        if let Some(descriptor) = open_descriptor(path) {
            return match descriptor {
                Ok(file) => Ok(OutputFile::from_descriptor(file, name)),
                Err(error) => Err(cannot_be_written(&name, &error, remedy)),
            };
        }
        let number = self.plan.committed().position(|(_, committed)| committed == path);
        match (&self.helper, number) {
            (Some(helper), Some(number)) => helper.open(number, &name),
            _ => Err(Error::new(ErrorKind::System, "was not prepared").with_object(name)),
        }
    }
}

impl OutputPlan<'_> {
    /// The outputs that are no descriptors of this process.
    fn committed(&self) -> impl Iterator<Item = (OutputRole, &Path)> {
        let role = if self.events { OutputRole::Events } else { OutputRole::Report };
        let report = self.report.map(|path| (role, path));
        let flows = self.flows.iter().filter_map(|flows| {
            let is_kept = self.is_unique && flows.format.is_line_by_line;
            let role = if is_kept { OutputRole::Events } else { OutputRole::Report };
            Some((role, flows.path.as_deref()?))
        });
        let capture = self.capture.map(|(path, role)| (role, path));
        let page = self.page.map(|path| (OutputRole::Report, path));
        let snapshot = self.snapshot.map(|path| (OutputRole::Report, path));
        report
            .into_iter()
            .chain(flows)
            .chain(page)
            .chain(snapshot)
            .chain(capture)
            .filter(|(_, path)| !is_descriptor(path))
    }

    /// The files that flows go to.
    fn flow_files(&self) -> impl Iterator<Item = &Path> {
        self.flows.iter().filter_map(|flows| flows.path.as_deref())
    }

    /// Refuses two outputs of one name, and `-`, which other programs take for standard output. A
    /// series has new names with every file.
    fn refuse_names(&self) -> Result<()> {
        let standard = self.flows.iter().filter(|flows| flows.is_standard()).count();
        if standard > 1 {
            return Err(Error::new(ErrorKind::Output, "two --flows-to name standard output")
                .with_remedy("choose a file for one of them"));
        }
        if standard > 0
            && let Some(path) = self.report.filter(|path| is_standard_output(path))
        {
            let reason = "-o and --flows-to name standard output";
            return Err(Error::new(ErrorKind::Output, reason)
                .with_object(path.display())
                .with_remedy("choose a file for one of them"));
        }
        let report = self.report.map(|path| ("-o", path));
        let flows = self.flow_files().map(|path| ("--flows-to", path));
        let is_single = |(_, role): &(&Path, OutputRole)| *role == OutputRole::Capture;
        let capture = self.capture.filter(is_single).map(|(path, _)| ("-w", path));
        let page = self.page.map(|path| ("--html", path));
        let snapshot = self.snapshot.map(|path| ("--snapshot", path));
        let named: Vec<_> = report
            .into_iter()
            .chain(flows)
            .chain(page)
            .chain(snapshot)
            .chain(capture)
            .filter(|(_, path)| !is_special(path))
            .collect();
        if let Some((flag, _)) = named.iter().find(|(_, path)| is_standard(path)) {
            let remedy = match *flag {
                "-o" => "leave out -o to write to standard output",
                _ => "name a file; /dev/stdout is standard output, ./- a file of this name",
            };
            return Err(Error::new(ErrorKind::Usage, "cannot be -")
                .with_object(flag)
                .with_remedy(remedy));
        }
        for (i, (flag, path)) in named.iter().enumerate() {
            if let Some((other, _)) = named[..i].iter().find(|(_, other)| is_same(other, path)) {
                let reason = format!("{other} and {flag} name the same file");
                return Err(Error::new(ErrorKind::Output, reason)
                    .with_object(path.display())
                    .with_remedy("choose a different name for one of them"));
            }
        }
        Ok(())
    }
}

/// Refuses an output whose name, or whose temporary name, is that of an input.
fn refuse_inputs(path: &Path, inputs: &InputFiles, remedy: &str) -> Result<()> {
    [path.to_owned(), unfinished(path)].iter().try_for_each(|name| match name.metadata() {
        Ok(metadata) => {
            let id = path_id(name, &metadata);
            inputs.refuse(&name.display().to_string(), (id, &metadata), remedy)
        }
        Err(_) => Ok(()),
    })
}

/// Whether the report's file has the name, or the temporary name, of the capture's, or the other way
/// round.
fn is_same(report: &Path, capture: &Path) -> bool {
    let (report, capture) = (resolved(report), resolved(capture));
    report == capture || report == unfinished(&capture) || unfinished(&report) == capture
}

/// The path without links in its folder; a link of the last name would be replaced, not followed.
fn resolved(path: &Path) -> PathBuf {
    match (parent_folder(path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// The report's destination.
pub struct Output {
    out: BufWriter<Destination>,
    name: String,
    style: Style,
    terminal: bool,
}

enum Destination {
    Nowhere,
    Standard(Stdout),
    File(OutputFile),
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Nowhere => Ok(bytes.len()),
            Self::Standard(stdout) => stdout.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Nowhere => Ok(()),
            Self::Standard(stdout) => stdout.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

/// The columns of the terminal, at least 40.
fn terminal_width() -> usize {
    let size = terminal_size::terminal_size();
    size.map_or(Style::default().width, |(width, _)| usize::from(width.0)).max(40)
}

impl Output {
    fn new(destination: Destination, name: String) -> Self {
        let out = BufWriter::new(destination);
        Self { out, name, style: Style::default(), terminal: false }
    }

    /// Nowhere: a report that nobody reads.
    fn nowhere() -> Self {
        Self::new(Destination::Nowhere, String::new())
    }

    /// Standard output.
    pub fn standard() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let style = Style {
            width: if terminal { terminal_width() } else { Style::default().width },
            colour: terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
            wraps: terminal,
        };
        let name = "standard output".to_owned();
        Self { out: BufWriter::new(Destination::Standard(stdout)), name, style, terminal }
    }

    /// Whether this is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// The style of a report there. A terminal may have another width than at the start.
    pub fn style(&self) -> Style {
        let width = if self.terminal { terminal_width() } else { self.style.width };
        Style { width, ..self.style }
    }

    /// Writes bytes, with `flush` through to the reader. A closed pipe is no error.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where writing fails.
    pub fn put(&mut self, bytes: &[u8], flush: bool) -> Result<OutputState> {
        match self.out.write_all(bytes).and_then(|()| if flush { self.out.flush() } else { Ok(()) })
        {
            Ok(()) => Ok(OutputState::Open),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(OutputState::Closed),
            Err(error) => Err(self.error(&error)),
        }
    }

    /// Writes everything that is left, flushes, and gives a file its name. A closed pipe is no
    /// error.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where writing fails, or the file has not got its name.
    pub fn write(
        mut self,
        write: impl FnOnce(&mut dyn Write, Style) -> io::Result<()>,
    ) -> Result<()> {
        let style = self.style();
        match write(&mut self.out, style).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(self.error(&error)),
            Err(_) => Ok(()),
            Ok(()) => match self.out.into_parts().0 {
                Destination::File(file) => file.commit(),
                Destination::Nowhere | Destination::Standard(_) => Ok(()),
            },
        }
    }

    fn error(&self, error: &io::Error) -> Error {
        let remedy = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free space there, or choose another file"
            }
            _ => "",
        };
        cannot_be_written(&self.name, error, remedy)
    }
}

fn cannot_be_written(name: &str, error: &io::Error, remedy: &str) -> Error {
    Error::new(ErrorKind::Output, format!("cannot be written: {error}"))
        .with_object(name)
        .with_remedy(remedy)
}

/// Whether the output still has a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputState {
    Open,
    /// The other end of the pipe is closed.
    Closed,
}
