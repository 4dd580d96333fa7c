//! Starts helper processes: this program again, under a hidden subcommand that `ps` shows.
//!
//! A helper process is started before devices are opened and privileges are dropped. It talks with the
//! process that started it over a socket at its standard input, and ends with that.

mod life;
mod watch;

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub use self::life::Life;
pub use self::watch::watch;

/// The connection between a helper process and the process that started it.
pub type HelperConnection = UnixStream;

/// The running program under a subcommand, even if its file has been replaced since.
///
/// # Errors
/// The system's reason.
pub fn this_program(subcommand: &str) -> io::Result<Command> {
    let mut command = Command::new(program_file()?);
    command.arg0("portlore").arg(subcommand);
    Ok(command)
}

/// An output whose bytes are lost.
#[must_use]
pub fn no_output() -> Stdio {
    nothing(|| io::pipe().map(|(_, writer)| writer.into()))
}

/// An input that is at its end.
#[must_use]
pub fn no_input() -> Stdio {
    nothing(|| io::pipe().map(|(reader, _)| reader.into()))
}

/// `/dev/null`, or where it is not there, as in an empty root folder, a pipe without another end.
fn nothing(pipe: impl FnOnce() -> io::Result<Stdio>) -> Stdio {
    if Path::new("/dev/null").exists() {
        return Stdio::null();
    }
    pipe().unwrap_or_else(|_| Stdio::null())
}

/// A path at which the file of the running program is.
fn program_file() -> io::Result<PathBuf> {
    let itself = Path::new("/proc/self/exe");
    if itself.exists() {
        return Ok(itself.into());
    }
    // Where `/proc` is not there, as in an empty root folder, there is the path by which the program
    // was started. Who started it could have told another one, and would start that with no more
    // rights than these.
    std::env::current_exe().or_else(|error| {
        let started = std::env::args_os().next().map(PathBuf::from);
        started.filter(|path| path.components().count() > 1 && path.is_file()).ok_or(error)
    })
}

/// Starts a helper process, to which `set_up` adds arguments and the like. Returns our end of the
/// connection, and the process.
///
/// # Errors
/// The system's reason.
pub fn start(
    subcommand: &str,
    set_up: impl FnOnce(&mut Command) -> &mut Command,
) -> io::Result<(HelperConnection, Child)> {
    let (ours, theirs) = UnixStream::pair()?;
    let process = set_up(&mut this_program(subcommand)?)
        .stdin(OwnedFd::from(theirs))
        .stdout(no_output())
        // Ctrl-C is for the process that captures or reads.
        .process_group(0)
        .spawn()?;
    Ok((ours, process))
}
