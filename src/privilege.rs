//! Root is for opening the device, nothing else: what parses untrusted bytes runs as an ordinary user who cannot open files.

use std::fs::File;
use std::path::PathBuf;

use nix::unistd::{Gid, Uid, User, fchown, setgid, setuid};

/// Who nobody is where no user called sudo: `nobody` and `nogroup` of every Linux, and harmless elsewhere.
const NOBODY: u32 = 65_534;

/// The user who called sudo.
fn caller() -> Option<(Uid, Gid)> {
    let id = |name| std::env::var(name).ok()?.parse::<u32>().ok().filter(|&id| id != 0);
    Some((Uid::from_raw(id("SUDO_UID")?), Gid::from_raw(id("SUDO_GID")?)))
}

/// The home of the user who called sudo, whose configuration is meant although root's may be set.
#[must_use]
pub fn caller_home() -> Option<PathBuf> {
    let (user, _) = caller().filter(|_| Uid::effective().is_root())?;
    Some(User::from_uid(user).ok()??.dir)
}

/// Gives a file that root created to the user who called sudo.
///
/// # Errors
/// One line with the system's reason.
pub fn give_to_caller(file: &File) -> Result<(), String> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    caller().map_or(Ok(()), |(user, group)| fchown(file, Some(user), Some(group)).map_err(|e| e.desc().to_owned()))
}

/// Gives up root, where the process has it, and closes the file system, where the system can. To be called before threads
/// are started and before the first frame is parsed; files and devices that are open stay so.
///
/// # Errors
/// What could not be given up, in one line.
pub fn give_up() -> Result<(), String> {
    // Each door is closed whatever became of the other.
    let (root, capabilities, files) = (leave_root(), drop_capabilities(), close_files());
    root.and(capabilities).and(files)
}

fn leave_root() -> Result<(), String> {
    if Uid::effective().is_root() {
        let (user, group) = caller().unwrap_or((Uid::from_raw(NOBODY), Gid::from_raw(NOBODY)));
        // As root each of these sets the real, the effective and the saved id: there is no way back.
        leave_groups()
            .and_then(|()| setgid(group))
            .and_then(|()| setuid(user))
            .map_err(|e| format!("root could not be given up: {}", e.desc()))?;
    }
    Ok(())
}

/// Where the program has capabilities of its own (`setcap`) instead of root, they go too.
#[cfg(target_os = "linux")]
fn drop_capabilities() -> Result<(), String> {
    use caps::CapSet;
    [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted]
        .into_iter()
        .try_for_each(|set| caps::clear(None, set))
        .map_err(|error| format!("capabilities could not be given up: {error}"))
}

#[cfg(not(target_os = "linux"))]
fn drop_capabilities() -> Result<(), String> {
    Ok(())
}

#[cfg(not(target_vendor = "apple"))]
fn leave_groups() -> nix::Result<()> {
    nix::unistd::setgroups(&[])
}

/// The system keeps group memberships outside the process.
#[cfg(target_vendor = "apple")]
fn leave_groups() -> nix::Result<()> {
    Ok(())
}

/// Leaves only what libpcap reads for its drop counters.
#[cfg(target_os = "linux")]
fn close_files() -> Result<(), String> {
    use landlock::{ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, path_beneath_rules};
    let counters = path_beneath_rules(["/proc/net", "/sys/class/net", "/sys/devices"], AccessFs::from_read(ABI::V1));
    Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V2))
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.add_rules(counters))
        .and_then(landlock::RulesetCreated::restrict_self)
        .map(drop)
        .map_err(|error| format!("the file system could not be closed: {error}"))
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
fn close_files() -> Result<(), String> {
    Ok(())
}
