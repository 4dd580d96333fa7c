//! System calls: only Linux lets a process restrict its own, on x86-64 and `AArch64` as far as this
//! program goes.

use super::Enforcement;

/// Which process the calls are restricted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "one face for all systems")]
pub(super) enum FilteredProcess {
    /// The process that parses packets; it may open files for reading where `reads_files` says so.
    Parser {
        /// Whether files are opened from now on.
        reads_files: bool,
    },
    /// The process that looks up processes: reads `/proc`, and asks the system over netlink.
    ProcessLookup,
    /// The process that binds devices again: asks the system over netlink.
    InterfaceBind,
    /// The process that commits outputs: creates and renames files.
    OutputCommit,
}

/// No program that this one starts gains privileges on its own.
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) const fn set_no_new_privs() -> Result<(), String> {
    Ok(())
}

#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn forbid(_: FilteredProcess) -> Result<Enforcement, String> {
    let reason = "only Linux can block system calls (seccomp), on x86-64 and AArch64";
    Ok(Enforcement::Unavailable(reason.to_owned()))
}
