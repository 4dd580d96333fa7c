//! Tries in a process that is sandboxed like the one that parses packets what the sandbox has to
//! refuse.
//!
//! The process stops as soon as its privileges are dropped. The one that started it then lets it make
//! each call, whatever the code of the program is: as a debugger does, by setting the registers and
//! going on for one instruction (`man 2 ptrace`). So each answer is that of the kernel to this very
//! process. The arguments are such that a call that is not refused does no harm.

mod calls;
mod tracee;

use std::ffi::CStr;
use std::io::{self, BufRead, BufReader, Write};
use std::process::Stdio;

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};

use self::calls::{CALLS, FAMILIES, PATHS, TrialArgument, TrialCall};
use self::tracee::Tracee;
use super::Keep;
use super::sandbox_test::{SandboxTest, TRIAL_COMMAND, Trial};
use crate::{Error, ErrorKind, Result, helper_process};

/// The process in which calls are tried: drops its privileges as the process that parses packets
/// does, and stops. Its standard output says where it has the arguments.
///
/// # Errors
/// What [`drop_privileges`](super::drop_privileges) says, or the system's reason.
pub fn be_tried(unsandboxed: bool) -> Result<()> {
    ptrace::traceme().map_err(|errno| failed("the process cannot be traced", errno))?;
    writeln!(io::stdout(), "{:x}", PATHS.as_ptr().addr()).map_err(|error| {
        Error::new(ErrorKind::System, format!("the sandbox test has no reader: {error}"))
    })?;
    let gaps = super::drop_privileges(&Keep { unsandboxed, ..Keep::default() })?;
    for gap in gaps {
        // Without standard error there is nobody to tell.
        let _ = writeln!(io::stderr(), "portlore: warning: {gap}");
    }
    raise(Signal::SIGSTOP).map_err(|errno| failed("the process cannot stop", errno))
}

/// Starts a process that is sandboxed like the one that parses packets, and tries calls in it; where
/// it is to be `unsandboxed`, the answers show that calls could be allowed.
///
/// # Errors
/// [`ErrorKind::System`] where the process cannot be started or traced, or does not sandbox itself.
pub fn try_calls(unsandboxed: bool) -> Result<SandboxTest> {
    let start = |error: io::Error| {
        Error::new(ErrorKind::System, format!("the sandbox test cannot be started: {error}"))
    };
    let mut process = helper_process::this_program(TRIAL_COMMAND)
        .map_err(start)?
        .args(unsandboxed.then_some("--no-sandbox"))
        .stdin(helper_process::no_input())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(start)?;
    let mut line = String::new();
    let stdout = process.stdout.take().map(BufReader::new);
    stdout.into_iter().try_for_each(|mut out| out.read_line(&mut line).map(drop)).map_err(start)?;
    let trials = u64::from_str_radix(line.trim(), 16)
        .map_err(|_| Error::new(ErrorKind::System, "the sandbox test has ended early"))
        .and_then(|paths| {
            let tracee = Tracee::stopped(&process).map_err(|errno| {
                failed("the process of the sandbox test is not sandboxed", errno)
            })?;
            let trials = try_in(&tracee, paths)
                .map_err(|errno| failed("the sandbox test was cut off", errno))?;
            Ok(SandboxTest { process: description(tracee.id()), trials })
        });
    // It has stopped for good, or ended already.
    let _ = process.kill();
    let _ = process.wait();
    trials
}

/// The user, capabilities and root folder of a process.
fn description(process: i32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()).unwrap_or("unknown").to_owned()
    };
    let capabilities = match field("CapPrm:").trim_start_matches('0') {
        "" => "no capabilities".to_owned(),
        some => format!("capabilities {some}"),
    };
    // Only root may look.
    let root_folder = std::fs::read_dir(format!("/proc/{process}/root"));
    let is_empty = root_folder.is_ok_and(|mut entries| entries.next().is_none());
    let root_folder =
        if is_empty { "an empty root folder" } else { "the root folder of the system" };
    format!(
        "The process that parses packets runs as user {}, with {capabilities} and {root_folder}.",
        field("Uid:")
    )
}

fn failed(what: &str, errno: Errno) -> Error {
    Error::new(ErrorKind::System, format!("{what}: {}", errno.desc()))
}

/// Tries all calls; `paths` is the address of [`PATHS`] in the process.
fn try_in(tracee: &Tracee, paths: u64) -> nix::Result<Vec<Trial>> {
    let own = tracee.call(libc::SYS_getpid, [0; 6])?;
    if own != i64::from(tracee.id()) {
        return Err(Errno::ENOTSUP);
    }
    let parent = std::process::id().into();
    let mut trials = Vec::with_capacity(CALLS.len() + 1);
    for TrialCall { name, number, arguments } in CALLS {
        let mut values = [0; 6];
        for (value, argument) in values.iter_mut().zip(*arguments) {
            *value = match *argument {
                TrialArgument::Value(value) => value.cast_unsigned(),
                TrialArgument::Path(path) => address(paths, path).ok_or(Errno::EINVAL)?,
                TrialArgument::OtherProcess => parent,
            };
        }
        trials.push(trial((*name).to_owned(), tracee.call(*number, values)?));
    }
    trials.insert(0, sockets(tracee)?);
    Ok(trials)
}

/// The first answer to the request for a socket that is no refusal, or the answer to all.
fn sockets(tracee: &Tracee) -> nix::Result<Trial> {
    let name = || format!("socket of each of {FAMILIES} families");
    let mut answer = trial(name(), 0);
    for family in 0..FAMILIES {
        let kind = libc::SOCK_DGRAM as u64;
        answer = trial(name(), tracee.call(libc::SYS_socket, [family, kind, 0, 0, 0, 0])?);
        if !answer.refused {
            answer.call = format!("socket of family {family}");
            break;
        }
    }
    Ok(answer)
}

/// The address of a path in [`PATHS`], which begins at `paths`.
fn address(paths: u64, path: &CStr) -> Option<u64> {
    let path = path.to_bytes_with_nul();
    let at = PATHS.windows(path.len()).position(|window| window == path)?;
    Some(paths + at as u64)
}

/// What the value that a call returned says.
fn trial(call: String, returned: i64) -> Trial {
    let errno = i32::try_from(-returned).ok().filter(|errno| (1..4096).contains(errno));
    let errno = errno.map(Errno::from_raw);
    // Any other error comes from a call that was carried out.
    let refused =
        errno.is_some_and(|errno| [Errno::EPERM, Errno::EACCES, Errno::ENOSYS].contains(&errno));
    let answer = errno.map_or_else(|| "done".to_owned(), |errno| format!("{errno:?}"));
    Trial { call, refused, answer }
}
