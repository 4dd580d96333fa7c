//! Restricts access to the file system: Landlock, on Linux 5.13 and later,
//! <https://docs.kernel.org/userspace-api/landlock.html>.

use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use super::Enforcement;

/// The paths that libpcap reads for its drop counters.
#[cfg(target_os = "linux")]
const COUNTERS: [&str; 3] = ["/proc/net", "/sys/class/net", "/sys/devices"];

/// Access rights that the running kernel does not know are left out.
#[cfg(target_os = "linux")]
const ABI: landlock::ABI = landlock::ABI::V6;

/// Forbids access to everything but reading the paths in `read` and libpcap's counters, and forbids
/// new TCP connections in either direction. Returns how far the kernel enforces this.
#[cfg(target_os = "linux")]
pub(super) fn restrict(read: &[PathBuf]) -> Result<Enforcement, String> {
    use landlock::{AccessFs, RulesetCreatedAttr, path_beneath_rules};
    let reading = AccessFs::from_read(ABI) & !AccessFs::Execute;
    enforce(|ruleset| {
        ruleset
            .add_rules(path_beneath_rules(COUNTERS, reading))?
            .add_rules(path_beneath_rules(read, reading))
    })
}

/// Forbids access to everything but creating, renaming and removing files in the folders, and
/// forbids new TCP connections in either direction. Returns how far the kernel enforces this.
#[cfg(target_os = "linux")]
pub(super) fn restrict_to_folders<'f>(
    mut folders: impl Iterator<Item = BorrowedFd<'f>>,
) -> Result<Enforcement, String> {
    use landlock::{AccessFs, PathBeneath, RulesetCreatedAttr};
    // Who gets the descriptors may truncate what was opened with that right.
    let writing =
        AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg | AccessFs::RemoveFile;
    enforce(|ruleset| {
        folders.try_fold(ruleset, |ruleset, folder| {
            ruleset.add_rule(PathBeneath::new(folder, writing))
        })
    })
}

/// Forbids everything but what `rules` add.
#[cfg(target_os = "linux")]
fn enforce(
    rules: impl FnOnce(
        landlock::RulesetCreated,
    ) -> Result<landlock::RulesetCreated, landlock::RulesetError>,
) -> Result<Enforcement, String> {
    use landlock::{Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus};
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(ABI)))
        .and_then(Ruleset::create)
        .and_then(rules)
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
pub(super) fn restrict(_: &[PathBuf]) -> Result<Enforcement, String> {
    Ok(Enforcement::Unavailable("cannot be restricted on this system".to_owned()))
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn restrict_to_folders<'f>(
    _: impl Iterator<Item = BorrowedFd<'f>>,
) -> Result<Enforcement, String> {
    Ok(Enforcement::Unavailable("cannot be restricted on this system".to_owned()))
}
