//! Drops privileges: root and capabilities are only needed to open the capture device. The process
//! that parses untrusted bytes runs as an ordinary user without capabilities, can write only to the
//! descriptors that it has, and can start no program.
//!
//! Takes what is still needed and drops the rest for good. `account` changes the user,
//! `capabilities` drops capabilities, `root_folder` hides the file system, `files` restricts access to
//! it and `calls` the system calls; the last two state what each system supports. `elsewhere/` takes
//! the place of what only Linux has. `inherited` closes the descriptors that a helper process was not
//! meant to get.

mod access;
mod account;
#[cfg_attr(
    not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))),
    path = "elsewhere/calls.rs"
)]
mod calls;
#[cfg_attr(not(target_os = "linux"), path = "elsewhere/capabilities.rs")]
mod capabilities;
mod capability;
#[cfg_attr(not(target_os = "linux"), path = "elsewhere/files.rs")]
mod files;
mod filtered_process;
#[cfg_attr(target_vendor = "apple", path = "elsewhere/groups.rs")]
mod groups;
mod inherited;
mod keep;
#[cfg_attr(not(target_os = "linux"), path = "elsewhere/root_folder.rs")]
mod root_folder;
mod sandbox_test;
#[cfg_attr(
    not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))),
    path = "elsewhere/trial.rs"
)]
mod trial;

use std::os::fd::BorrowedFd;

use nix::unistd::Uid;

use self::files::FileRules;
use self::filtered_process::FilteredProcess;
use crate::{Error, ErrorKind, Result};

pub use self::access::Successor;
pub use self::account::{Account, caller_home, is_root};
pub use self::capabilities::capabilities;
pub use self::capability::Capability;
pub use self::inherited::close_inherited;
pub use self::keep::Keep;
pub use self::sandbox_test::{SandboxTest, TRIAL_COMMAND, Trial};
pub use self::trial::{be_tried, try_calls};

/// Whether the system has a sandbox at all.
const IS_LINUX: bool = cfg!(target_os = "linux");

/// Drops all privileges that are not in `keep`, as far as the system can. Call this before threads
/// are started and before the first frame is parsed. Files and devices that are open stay open.
///
/// Returns a line for each restriction that is not in force, for the user.
///
/// # Errors
/// [`ErrorKind::System`] where the process must not go on: it would parse packets as root without a
/// filter of system calls, or a restriction that this system has could not be set up.
pub fn drop_privileges(keep: &Keep<'_>) -> Result<Vec<String>> {
    let is_sandboxed = !keep.unsandboxed;
    let reads_files = !keep.read.is_empty();
    // Every step runs, whether or not the ones before it failed. The bounding set comes first,
    // because only root may change it. The rules name paths below the root folder of now.
    let bounding_set = capabilities::clear_bounding_set();
    let rules = is_sandboxed.then(|| FileRules::reading(keep.read));
    let hides_root = is_sandboxed && !reads_files && Uid::effective().is_root();
    let root_folder = if hides_root { root_folder::enter_empty() } else { Ok(Enforcement::Full) };
    let user = Account::after_root(keep.user).map_or(Ok(()), Account::enter);
    let capabilities = capabilities::drop_all();
    let Some(rules) = rules else {
        let privileges = calls::set_no_new_privs();
        let dropped = [bounding_set, user, capabilities, privileges];
        let off = "the process that parses packets is not sandboxed (--no-sandbox)".to_owned();
        return Ok(std::iter::once(off)
            .chain(dropped.into_iter().filter_map(Result::err))
            .collect());
    };
    let root_folder = root_folder.map_err(refused)?;
    let files = rules.and_then(FileRules::enforce).map_err(refused)?;
    let calls = calls::forbid(FilteredProcess::Parser { reads_files });
    if let (true, Some(reason)) = (Uid::effective().is_root(), missing(&calls)) {
        return Err(refused(format!("packets would be parsed as root: {reason}")));
    }
    let steps = [bounding_set, user, capabilities].into_iter().filter_map(Result::err);
    let restrictions = [missing(&Ok(root_folder)), missing(&Ok(files)), missing(&calls)];
    // What the whole system does not have is said by `portlore doctor`, and not by each run.
    let restrictions = restrictions.into_iter().flatten().filter(|_| IS_LINUX);
    Ok(steps.chain(restrictions).collect())
}

/// Why a restriction is not in force.
fn missing(tried: &Result<Enforcement, String>) -> Option<String> {
    match tried {
        Ok(Enforcement::Full | Enforcement::Partial) => None,
        Ok(Enforcement::Unavailable(reason)) | Err(reason) => Some(reason.clone()),
    }
}

/// The error of a process that must not go on.
fn refused(reason: String) -> Error {
    let remedy = if reason.contains("open files") {
        "raise the limit on open files (ulimit -n)"
    } else {
        "--no-sandbox leaves the sandbox out"
    };
    system_error(reason).with_remedy(remedy)
}

/// Drops all privileges but the capabilities to see which process holds which descriptor, as far as
/// the process has them: for the helper process, which parses no packets. The file system stays
/// accessible to the helper process as to its user, because Landlock would hide other users'
/// processes.
///
/// # Errors
/// The first privilege that could not be dropped, in one line. All others are dropped nevertheless.
pub fn keep_process_capabilities(user: Option<Account>) -> Result<()> {
    let bounding_set = capabilities::clear_bounding_set();
    let kept = capabilities::keep_across_setuid();
    let user = Account::after_root(user).map_or(Ok(()), Account::enter);
    let capabilities = capabilities::drop_all_but_process_access();
    let calls = calls::forbid(FilteredProcess::ProcessLookup).map(drop);
    bounding_set.and(kept).and(user).and(capabilities).and(calls).map_err(system_error)
}

/// Drops all privileges: for the process that binds devices, which parses no packets and opens no
/// files.
///
/// # Errors
/// The first privilege that could not be dropped, in one line. All others are dropped nevertheless.
pub fn keep_binding(user: Option<Account>) -> Result<()> {
    let bounding_set = capabilities::clear_bounding_set();
    let rules = FileRules::reading(&[]);
    let is_root = Uid::effective().is_root();
    let root_folder = if is_root { root_folder::enter_empty().map(drop) } else { Ok(()) };
    let user = Account::after_root(user).map_or(Ok(()), Account::enter);
    let capabilities = capabilities::drop_all();
    let files = rules.and_then(FileRules::enforce).map(drop);
    let calls = calls::forbid(FilteredProcess::InterfaceBind).map(drop);
    let steps = [bounding_set, root_folder, user, capabilities, files, calls];
    steps.into_iter().collect::<Result<(), String>>().map_err(system_error)
}

/// Drops all privileges but those to write files as `user`, else as the user who called sudo, else
/// as root in a shell of root's: for the process that commits outputs, which parses no packets.
/// Returns the user's name.
///
/// # Errors
/// The first privilege that could not be dropped, in one line.
pub fn keep_file_rights(user: Option<Account>) -> Result<String> {
    let bounding_set = capabilities::clear_bounding_set();
    let user = match user.or_else(Account::caller) {
        Some(account) if Uid::effective().is_root() => account.enter_with_groups(),
        _ => Ok(()),
    };
    let capabilities = if Uid::effective().is_root() {
        capabilities::drop_all_but_file_access()
    } else {
        capabilities::drop_all()
    };
    bounding_set.and(user).and(capabilities).map_err(system_error)?;
    let effective = Account::effective();
    Ok(effective.name().unwrap_or_else(|| format!("user {}", effective.ids().0)))
}

/// Forbids access to all files but those in `folders`, and every connection, as far as the system
/// can: for the process that commits outputs. To be called when the folders are open.
///
/// # Errors
/// The first restriction that failed, in one line. All others apply nevertheless.
pub fn confine_to_folders<'f>(folders: impl Iterator<Item = BorrowedFd<'f>>) -> Result<()> {
    let files = FileRules::writing_in(folders).and_then(FileRules::enforce);
    files.and(calls::forbid(FilteredProcess::OutputCommit)).map(drop).map_err(system_error)
}

fn system_error(reason: String) -> Error {
    Error::new(ErrorKind::System, reason)
}

/// How far this system enforces a restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enforcement {
    /// Completely.
    Full,
    /// In part, because the kernel is older than the restriction.
    Partial,
    /// Not at all, for this reason.
    Unavailable(String),
}

/// What [`drop_privileges`] can restrict on this system.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probe {
    /// Access to the file system.
    pub file_system: Enforcement,
    /// System calls.
    pub system_calls: Enforcement,
    /// Whether an empty root folder can take the place of the system's: only root can do that.
    pub empty_root: bool,
}

/// Tries the restrictions of [`drop_privileges`], each on a thread of its own that ends with the
/// trial. The root folder is that of all threads, so it is not tried.
#[must_use]
pub fn probe() -> Probe {
    let try_on_thread = |restrict: fn() -> Result<Enforcement, String>| {
        let tried = std::thread::spawn(restrict).join();
        let tried = tried.unwrap_or_else(|_| Err("the sandbox test died".to_owned()));
        tried.unwrap_or_else(Enforcement::Unavailable)
    };
    let parser = || calls::forbid(FilteredProcess::Parser { reads_files: false });
    Probe {
        file_system: try_on_thread(|| FileRules::reading(&[]).and_then(FileRules::enforce)),
        system_calls: try_on_thread(parser),
        empty_root: root_folder::can_be_hidden(),
    }
}
