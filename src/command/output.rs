//! The destination of a report: standard output or a file.

use std::fmt::Display;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use portlore::privilege;
use portlore::report::Style;
use portlore::source::save::{exists_already, is_descriptor, is_special, open_special};
use portlore::{Error, ErrorKind, Result};

use super::inputs::InputFiles;

const REMEDY: &str = "choose another file with -o";

/// The report's destination. To be opened before privileges are dropped.
pub struct Output {
    out: Box<dyn Write + Send>,
    name: String,
    style: Style,
    terminal: bool,
}

impl Output {
    /// Standard output.
    pub fn standard() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let style = Style {
            width: width.filter(|_| terminal).unwrap_or(Style::default().width).max(40),
            colour: terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        };
        let name = "standard output".to_owned();
        Self { out: Box::new(BufWriter::new(stdout)), name, style, terminal }
    }

    /// Creates the file at `path`, or takes standard output where there is none. A file that exists
    /// is overwritten only with `force`, one of `inputs` never.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where the file exists, cannot be created, or is one of `inputs`.
    pub fn open(path: Option<&PathBuf>, force: bool, inputs: &InputFiles) -> Result<Self> {
        let Some(path) = path else {
            let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
            // A standard output that is closed cannot be an input.
            if let Ok(metadata) = stdout.and_then(|stdout| stdout.metadata()) {
                inputs.refuse("standard output", &metadata, "redirect it to another file")?;
            }
            return Ok(Self::standard());
        };
        Ok(Self {
            out: Box::new(BufWriter::new(create(path, force, inputs)?)),
            name: path.display().to_string(),
            style: Style::default(),
            terminal: false,
        })
    }

    /// Whether this is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// The style of a report there.
    pub fn style(&self) -> Style {
        self.style
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

    /// Writes everything and flushes. A closed pipe is no error.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where writing fails.
    pub fn write(
        mut self,
        write: impl FnOnce(&mut dyn Write, Style) -> io::Result<()>,
    ) -> Result<()> {
        match write(&mut self.out, self.style).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(self.error(&error)),
            _ => Ok(()),
        }
    }

    fn error(&self, error: &io::Error) -> Error {
        Error::new(ErrorKind::Output, format!("cannot be written: {error}")).with_object(&self.name)
    }
}

/// Whether the output still has a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputState {
    Open,
    /// The other end of the pipe is closed.
    Closed,
}

/// Creates a file, opens what is no file, or with `force` truncates a file.
fn create(path: &Path, force: bool, inputs: &InputFiles) -> Result<File> {
    let name = path.display().to_string();
    let fail = |reason: &dyn Display| {
        Error::new(ErrorKind::Output, format!("cannot be written: {reason}"))
            .with_object(&name)
            .with_remedy(REMEDY)
    };
    let refuse_input = |metadata: &Metadata| inputs.refuse(&name, metadata, REMEDY);
    // Only a new file is given to the caller of sudo: a device, or a file that exists, keeps its
    // owner.
    match File::create_new(path) {
        Ok(file) => {
            return match privilege::give_to_caller(&file) {
                Ok(()) => Ok(file),
                Err(error) => Err(fail(&error)),
            };
        }
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fail(&error)),
        Err(_) => {}
    }
    if let Ok(metadata) = path.metadata() {
        refuse_input(&metadata)?;
    }
    if !force && !is_special(path) && !path.is_dir() {
        return Err(exists_already(path));
    }
    // Not truncated before it is known which file was opened.
    let is_dangling_link = !path.exists();
    let file = open_special(path).unwrap_or_else(|| {
        OpenOptions::new().write(true).create(is_dangling_link).truncate(false).open(path)
    });
    let file = file.map_err(|error| fail(&error))?;
    let metadata = file.metadata().map_err(|error| fail(&error))?;
    refuse_input(&metadata)?;
    if metadata.is_file() && !is_descriptor(path) {
        if !force {
            return Err(exists_already(path));
        }
        file.set_len(0).map_err(|error| fail(&error))?;
    }
    Ok(file)
}
