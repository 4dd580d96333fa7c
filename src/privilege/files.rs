//! Which files can still be reached: Landlock, on Linux 5.13 and later,
//! <https://docs.kernel.org/userspace-api/landlock.html>.

use std::path::PathBuf;

/// What libpcap reads for its drop counters.
#[cfg(target_os = "linux")]
const COUNTERS: [&str; 3] = ["/proc/net", "/sys/class/net", "/sys/devices"];

/// Leaves only folders to write in and paths to read, and no TCP connection to make or accept anew.
/// Says how far that went.
#[cfg(target_os = "linux")]
pub(super) fn close(write: &[PathBuf], read: &[PathBuf]) -> Result<String, String> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
        path_beneath_rules,
    };
    // Rights that the running kernel does not know are left out.
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
        .map_err(|error| format!("the file system could not be closed: {error}"))?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => "can be closed but for output (Landlock)".to_owned(),
        RulesetStatus::PartiallyEnforced => {
            "can be closed in part: this kernel's Landlock is older".to_owned()
        }
        RulesetStatus::NotEnforced => {
            "cannot be closed: this kernel has no Landlock, or it is not enabled".to_owned()
        }
    })
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn close(_: &[PathBuf], _: &[PathBuf]) -> Result<String, String> {
    Ok("cannot be closed on this system".to_owned())
}
