//! The destination of a report: standard output or a file.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use portlore::privilege;
use portlore::report::Style;
use portlore::{Error, ErrorKind, Result};

/// The report's destination. To be opened before privileges are dropped.
pub struct Output {
    out: Box<dyn Write + Send>,
    name: String,
    style: Style,
    terminal: bool,
}

impl Output {
    /// Creates the file at `path`, or takes standard output where there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where the file cannot be created, or is one of `inputs`.
    pub fn open(path: Option<&PathBuf>, inputs: &[PathBuf]) -> Result<Self> {
        let Some(path) = path else {
            let stdout = io::stdout();
            let terminal = stdout.is_terminal();
            let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
            let style = Style {
                width: width.filter(|_| terminal).unwrap_or(Style::default().width).max(60),
                colour: terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
            };
            return Ok(Self {
                out: Box::new(BufWriter::new(stdout)),
                name: "standard output".into(),
                style,
                terminal,
            });
        };
        let name = path.display().to_string();
        let fail = |reason: String| {
            Error::new(ErrorKind::Output, format!("cannot be written: {reason}"))
                .with_object(&name)
                .with_remedy("choose another place with -o")
        };
        if inputs.iter().any(|input| is_same(path, input)) {
            return Err(fail("it is one of the captures to be read".into()));
        }
        // Only a new file is given to the caller of sudo: a device, or a file that exists, keeps
        // its owner.
        let file = match File::create_new(path) {
            Ok(file) => {
                privilege::give_to_caller(&file).map(|()| file).map_err(|error| error.to_string())
            }
            Err(_) => File::create(path).map_err(|e| e.to_string()),
        };
        let file = file.map_err(fail)?;
        Ok(Self {
            out: Box::new(BufWriter::new(file)),
            name,
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

/// Whether two paths name the same file.
fn is_same(a: &Path, b: &Path) -> bool {
    let (Ok(a), Ok(b)) = (a.metadata(), b.metadata()) else { return false };
    a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino())
}
