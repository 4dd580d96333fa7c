//! The user and group of the process.

use std::path::PathBuf;

use nix::unistd::{Gid, Uid, User, setgid, setuid};

use crate::{Error, ErrorKind, Result};

/// The user and group to become if no user called sudo: `nobody` and `nogroup` on Linux, without
/// rights elsewhere.
const NOBODY: u32 = 65_534;

/// A user and the user's primary group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    user: Uid,
    group: Gid,
}

impl Account {
    /// The account of a user name.
    ///
    /// # Errors
    /// There is no such user, or the process is not root's and so cannot become another user.
    pub fn from_name(name: &str) -> Result<Self> {
        let error =
            |kind, reason: String| Error::new(kind, reason).with_object(format!("--user {name}"));
        if !Uid::effective().is_root() {
            let reason = "only root can switch to another user".to_owned();
            return Err(error(ErrorKind::Permission, reason)
                .with_remedy("run with sudo or leave out --user"));
        }
        match User::from_name(name) {
            Ok(Some(user)) => Ok(Self { user: user.uid, group: user.gid }),
            Ok(None) => Err(error(ErrorKind::Usage, "no such user".to_owned())
                .with_remedy("list the users with `getent passwd`")),
            Err(errno) => {
                Err(error(ErrorKind::System, format!("cannot be looked up: {}", errno.desc())))
            }
        }
    }

    /// The user who called sudo.
    pub(super) fn caller() -> Option<Self> {
        let id = |name| std::env::var(name).ok()?.parse::<u32>().ok().filter(|&id| id != 0);
        Some(Self { user: Uid::from_raw(id("SUDO_UID")?), group: Gid::from_raw(id("SUDO_GID")?) })
    }

    /// The user who called sudo, else nobody.
    pub(super) fn caller_or_nobody() -> Self {
        Self::caller().unwrap_or(Self { user: Uid::from_raw(NOBODY), group: Gid::from_raw(NOBODY) })
    }

    /// The numbers of the user and the group.
    pub(super) const fn ids(self) -> (u32, u32) {
        (self.user.as_raw(), self.group.as_raw())
    }

    /// Becomes this user. Called by root, each step sets the real, the effective and the saved id,
    /// so the process cannot return.
    pub(super) fn enter(self) -> Result<(), String> {
        leave_groups()
            .and_then(|()| setgid(self.group))
            .and_then(|()| setuid(self.user))
            .map_err(|e| format!("root privileges cannot be dropped: {}", e.desc()))
    }

    /// Becomes this user with all groups of the user.
    pub(super) fn enter_with_groups(self) -> Result<(), String> {
        let known = User::from_uid(self.user).ok().flatten();
        known
            .map_or_else(leave_groups, |user| take_groups(&user.name, self.group))
            .and_then(|()| setgid(self.group))
            .and_then(|()| setuid(self.user))
            .map_err(|e| format!("root could not be given up: {}", e.desc()))
    }
}

/// The home folder of the user who called sudo; `None` if the process is not root's or sudo was not
/// used. The configuration of this user applies, even if `$HOME` is root's.
#[must_use]
pub fn caller_home() -> Option<PathBuf> {
    let caller = Account::caller().filter(|_| Uid::effective().is_root())?;
    Some(User::from_uid(caller.user).ok()??.dir)
}

/// The name of a user, else the number.
pub(super) fn name_of(user: Uid) -> String {
    let known = User::from_uid(user).ok().flatten();
    known.map_or_else(|| format!("user {user}"), |user| user.name)
}

#[cfg(not(target_vendor = "apple"))]
fn leave_groups() -> nix::Result<()> {
    nix::unistd::setgroups(&[])
}

#[cfg(not(target_vendor = "apple"))]
fn take_groups(user: &str, group: Gid) -> nix::Result<()> {
    let user = std::ffi::CString::new(user).map_err(|_| nix::errno::Errno::EINVAL)?;
    nix::unistd::initgroups(&user, group)
}

#[cfg(target_vendor = "apple")]
fn take_groups(_: &str, _: Gid) -> nix::Result<()> {
    Ok(())
}

/// macOS keeps group memberships outside the process.
#[cfg(target_vendor = "apple")]
fn leave_groups() -> nix::Result<()> {
    Ok(())
}
