//! Who the process is.

use std::fs::File;
use std::path::PathBuf;

use nix::unistd::{Gid, Uid, User, fchown, setgid, setuid};

/// Who nobody is where no user called sudo: `nobody` and `nogroup` of every Linux, and harmless
/// elsewhere.
const NOBODY: u32 = 65_534;

/// A user and their group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    user: Uid,
    group: Gid,
}

impl Account {
    /// The account of that name.
    ///
    /// # Errors
    /// One line: no such user, or nobody but root can become another.
    pub fn named(name: &str) -> Result<Self, String> {
        if !Uid::effective().is_root() {
            return Err(format!(
                "--user {name}: only root can become another user; run with sudo, or without --user"
            ));
        }
        match User::from_name(name) {
            Ok(Some(user)) => Ok(Self { user: user.uid, group: user.gid }),
            Ok(None) => Err(format!("--user {name}: no such user; `getent passwd` lists them")),
            Err(error) => Err(format!("--user {name}: cannot be looked up: {}", error.desc())),
        }
    }

    /// The user who called sudo.
    fn caller() -> Option<Self> {
        let id = |name| std::env::var(name).ok()?.parse::<u32>().ok().filter(|&id| id != 0);
        Some(Self { user: Uid::from_raw(id("SUDO_UID")?), group: Gid::from_raw(id("SUDO_GID")?) })
    }

    pub(super) fn caller_or_nobody() -> Self {
        Self::caller().unwrap_or(Self { user: Uid::from_raw(NOBODY), group: Gid::from_raw(NOBODY) })
    }

    /// Becomes this user. As root each of the steps sets the real, the effective and the saved id:
    /// there is no way back.
    pub(super) fn enter(self) -> Result<(), String> {
        leave_groups()
            .and_then(|()| setgid(self.group))
            .and_then(|()| setuid(self.user))
            .map_err(|e| format!("root could not be given up: {}", e.desc()))
    }
}

/// The home of the user who called sudo, whose configuration is meant although root's may be set.
#[must_use]
pub fn caller_home() -> Option<PathBuf> {
    let caller = Account::caller().filter(|_| Uid::effective().is_root())?;
    Some(User::from_uid(caller.user).ok()??.dir)
}

/// Gives a file that root created to the user who called sudo.
///
/// # Errors
/// One line with the system's reason.
pub fn give_to_caller(file: &File) -> Result<(), String> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    let give = |caller: Account| {
        fchown(file, Some(caller.user), Some(caller.group)).map_err(|e| e.desc().to_owned())
    };
    Account::caller().map_or(Ok(()), give)
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
