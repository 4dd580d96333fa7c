//! Starts helper processes: this program again, under a hidden subcommand that `ps` shows.
//!
//! A helper process is started before devices are opened and privileges are dropped. It talks with the
//! process that started it over a socket at its standard input, and ends with that.

mod life;

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

pub use self::life::{Life, watch};

/// The running program under a subcommand, even if its file has been replaced since.
///
/// # Errors
/// The system's reason.
pub fn this_program(subcommand: &str) -> io::Result<Command> {
    let program = if cfg!(target_os = "linux") {
        PathBuf::from("/proc/self/exe")
    } else {
        std::env::current_exe()?
    };
    let mut command = Command::new(program);
    command.arg0("portlore").arg(subcommand);
    Ok(command)
}

/// Starts a helper process, to which `set_up` adds arguments and the like. Returns our end of the
/// connection, and the process.
///
/// # Errors
/// The system's reason.
pub fn start(
    subcommand: &str,
    set_up: impl FnOnce(&mut Command) -> &mut Command,
) -> io::Result<(UnixStream, Child)> {
    let (ours, theirs) = UnixStream::pair()?;
    let process = set_up(&mut this_program(subcommand)?)
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        // Ctrl-C is for the process that captures or reads.
        .process_group(0)
        .spawn()?;
    Ok((ours, process))
}
