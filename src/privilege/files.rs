//! Restricts access to the file system: Landlock, on Linux 5.13 and later,
//! <https://docs.kernel.org/userspace-api/landlock.html>.

use std::path::PathBuf;

use super::Enforcement;

/// The paths that libpcap reads for its drop counters.
#[cfg(target_os = "linux")]
const COUNTERS: [&str; 3] = ["/proc/net", "/sys/class/net", "/sys/devices"];

/// Forbids access to everything but the folders in `write`, the paths in `read` and libpcap's
/// counters, and forbids new TCP connections in either direction. Returns how far the kernel
/// enforces this.
#[cfg(target_os = "linux")]
pub(super) fn restrict(write: &[PathBuf], read: &[PathBuf]) -> Result<Enforcement, String> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
        path_beneath_rules,
    };
    // Access rights that the running kernel does not know are left out.
    let abi = ABI::V6;
    let reading = AccessFs::from_read(abi) & !AccessFs::Execute;
    let writing = AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::RemoveFile
        | AccessFs::ReadDir;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(abi)))
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(COUNTERS, reading)))
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(read, reading)))
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(write, writing)))
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(|error| format!("file access cannot be restricted: {error}"))?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Enforcement::Full,
        RulesetStatus::PartiallyEnforced => Enforcement::Partial,
        RulesetStatus::NotEnforced => Enforcement::Unavailable(
            "cannot be restricted: Landlock is missing from this kernel or not enabled".to_owned(),
        ),
    })
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn restrict(_: &[PathBuf], _: &[PathBuf]) -> Result<Enforcement, String> {
    Ok(Enforcement::Unavailable("cannot be restricted on this system".to_owned()))
}
