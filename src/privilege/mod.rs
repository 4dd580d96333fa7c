//! Drops privileges: root and capabilities are only needed to open the capture device. The process
//! that parses untrusted bytes runs as an ordinary user without capabilities, can write only to the
//! descriptors that it has, and can start no program.
//!
//! Takes what is still needed and drops the rest for good. `account` changes the user,
//! `capabilities` drops capabilities, `files` restricts the file system and `calls` the system
//! calls; the last three state what each system supports.

mod access;
mod account;
mod calls;
mod capabilities;
mod files;

use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use nix::unistd::Uid;

use self::calls::Forbid;
use crate::{Error, ErrorKind, Result};

pub use self::access::Successor;
pub use self::account::{Account, caller_home};
pub use self::capabilities::{Capability, capabilities};

/// What the process still needs after [`drop_privileges`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Keep<'a> {
    /// The user to become if the process is root's; `None` for the user who called sudo, or nobody.
    pub user: Option<Account>,
    /// Files and folders that are read again.
    pub read: &'a [PathBuf],
}

/// Drops all privileges that are not in `keep`, as far as the system can. Call this before threads
/// are started and before the first frame is parsed. Files and devices that are open stay open.
///
/// # Errors
/// The first privilege that could not be dropped, in one line. All others are dropped nevertheless.
pub fn drop_privileges(keep: &Keep<'_>) -> Result<()> {
    // Every step runs, whether or not the ones before it failed. The bounding set comes first,
    // because only root may change it.
    let bounding_set = capabilities::clear_bounding_set();
    let user = Account::after_root(keep.user).map_or(Ok(()), Account::enter);
    let capabilities = capabilities::drop_all();
    let files = files::restrict(keep.read).map(drop);
    let calls = calls::forbid(Forbid::Writing);
    bounding_set.and(user).and(capabilities).and(files).and(calls).map_err(system_error)
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
    let calls = calls::forbid(Forbid::Writing);
    bounding_set.and(kept).and(user).and(capabilities).and(calls).map_err(system_error)
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
    let files = files::restrict_to_folders(folders).map(drop);
    files.and(calls::forbid(Forbid::Sockets)).map_err(system_error)
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
}

/// Tries the restrictions of [`drop_privileges`], each on a thread of its own that ends with the
/// trial.
#[must_use]
pub fn probe() -> Probe {
    let try_on_thread = |restrict: fn() -> Result<Enforcement, String>| {
        let tried = std::thread::spawn(restrict).join();
        let tried = tried.unwrap_or_else(|_| Err("the sandbox test died".to_owned()));
        tried.unwrap_or_else(Enforcement::Unavailable)
    };
    Probe {
        file_system: try_on_thread(|| files::restrict(&[])),
        system_calls: try_on_thread(|| calls::forbid(Forbid::Writing).map(|()| Enforcement::Full)),
    }
}
