//! Helper processes: none on Windows, where privileges are not dropped and outputs are committed by
//! a thread.

#[path = "life.rs"]
mod life;

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::process::{Child, Command, Stdio};

pub use self::life::Life;

/// The connection between a helper process and the process that started it. No value of this type
/// exists here.
#[derive(Debug)]
pub struct HelperConnection(Infallible);

impl HelperConnection {
    /// Gives whatever is wanted: there is no value to call it with.
    #[must_use]
    pub fn absurd<T>(&self) -> T {
        match self.0 {}
    }

    /// Another handle of the connection.
    ///
    /// # Errors
    /// Never: there is no value to call it with.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.absurd()
    }

    /// Ends the connection.
    ///
    /// # Errors
    /// Never: there is no value to call it with.
    pub fn shutdown(&self, _: Shutdown) -> io::Result<()> {
        self.absurd()
    }
}

impl Read for HelperConnection {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.absurd()
    }
}

impl Read for &HelperConnection {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.absurd()
    }
}

impl Write for HelperConnection {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        self.absurd()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.absurd()
    }
}

impl Write for &HelperConnection {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        self.absurd()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.absurd()
    }
}

/// Starts nothing.
///
/// # Errors
/// Always.
pub fn start(
    _: &str,
    _: impl FnOnce(&mut Command) -> &mut Command,
) -> io::Result<(HelperConnection, Child)> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "there are no helper processes on Windows"))
}

/// An output whose bytes are lost.
#[must_use]
pub fn no_output() -> Stdio {
    Stdio::null()
}

/// Waits for the end of a process, and calls `change` then.
pub fn watch(mut process: Child, mut change: impl FnMut(Life)) {
    // One that cannot be waited for is gone.
    let _ = process.wait();
    change(Life::Ended);
}
