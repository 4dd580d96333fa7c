//! Restricts system calls: seccomp, on Linux.
//!
//! Calls that a program that reads packets does not need are refused: starting processes, tracing
//! and signalling others, memory that can be executed, shared memory, loading code into the kernel,
//! changing mounts and namespaces, and sockets of every kind; only the processes that look up
//! processes and bind devices may open netlink sockets. What was open before stays usable. The process that parses
//! and the one that looks up processes may not open files for writing or change files by their path
//! either: Landlock knows nothing of modes, owners, times and attributes, and not every kernel has
//! it. A process that reads no files any more may name none at all.
//!
//! A refused call fails with `EPERM`. `clone3`, whose flags are in memory where a filter cannot see
//! them, fails with `ENOSYS`: C libraries then use `clone`. All other calls stay allowed, because a
//! list of all needed calls breaks with the next libc.

mod filter;
mod forbidden;

use super::{Enforcement, FilteredProcess};

/// Sets `no_new_privs`, so that no program that this one starts gains privileges.
pub(super) fn set_no_new_privs() -> Result<(), String> {
    nix::sys::prctl::set_no_new_privs()
        .map_err(|error| format!("no_new_privs cannot be set: {}", error.desc()))?;
    Ok(())
}

/// Forbids the calls that `process` does not need, and sets `no_new_privs`.
pub(super) fn forbid(process: FilteredProcess) -> Result<Enforcement, String> {
    set_no_new_privs()?;
    let fail = |error: &dyn std::fmt::Display| format!("system calls cannot be blocked: {error}");
    let program = filter::program(process).map_err(|error| fail(&error))?;
    seccompiler::apply_filter(&program).map_err(|error| fail(&error))?;
    Ok(Enforcement::Full)
}
