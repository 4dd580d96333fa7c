//! System calls: only Linux lets a process restrict its own, on x86-64 and `AArch64` as far as this
//! program goes.

use super::{Enforcement, FilteredProcess};

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
