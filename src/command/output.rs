//! Where a report goes.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use portlore::privilege;
use portlore::report::Style;

use super::Errors;

/// Where the report goes. Opened before root is given up.
pub struct Output {
    out: Box<dyn Write + Send>,
    name: String,
    style: Style,
    terminal: bool,
}

impl Output {
    pub fn open(path: Option<&PathBuf>, inputs: &[PathBuf]) -> Result<Self, Errors> {
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
            vec![format!("{name}: cannot be written: {reason}; choose another place with -o")]
        };
        if inputs.iter().any(|input| is_same(path, input)) {
            return Err(fail("it is one of the captures to be read".into()));
        }
        // Only what is new is given away: a device or somebody's file stays whose it is.
        let file = match File::create_new(path) {
            Ok(file) => privilege::give_to_caller(&file).map(|()| file).map_err(|e| e.to_string()),
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

    /// Whether people read it as it is written.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// How a report is drawn there.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Writes and flushes, and may be written to again. A reader who went away is told apart from a
    /// failure.
    ///
    /// # Errors
    /// One line, where it cannot be written.
    pub fn put(&mut self, bytes: &[u8], flush: bool) -> Result<Reader, String> {
        match self.out.write_all(bytes).and_then(|()| if flush { self.out.flush() } else { Ok(()) })
        {
            Ok(()) => Ok(Reader::There),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
            Err(error) => Err(format!("{}: cannot be written: {error}", self.name)),
        }
    }

    /// Writes and flushes. A reader who went away is a quiet end.
    pub fn write(
        mut self,
        write: impl FnOnce(&mut dyn Write, Style) -> io::Result<()>,
    ) -> Result<(), Errors> {
        match write(&mut self.out, self.style).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(vec![format!("{}: cannot be written: {error}", self.name)])
            }
            _ => Ok(()),
        }
    }
}

/// Who reads what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    There,
    Gone,
}

/// Whether two names mean one file.
fn is_same(a: &Path, b: &Path) -> bool {
    let (Ok(a), Ok(b)) = (a.metadata(), b.metadata()) else { return false };
    a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino())
}
