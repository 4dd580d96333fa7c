//! The user and group of the process.

use std::path::PathBuf;

use nix::unistd::{Gid, Uid, User, setgid, setuid};

use super::groups;
use crate::{Error, ErrorKind, Result};

/// The user and group to become if no user called sudo: `nobody` and `nogroup` on Linux, without
/// rights elsewhere.
const NOBODY: Account = Account { user: Uid::from_raw(65_534), group: Gid::from_raw(65_534) };

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

    /// The user who comes after root: `user`, else the user who called sudo, else nobody. `None` if
    /// the process is not root's and stays as it is.
    pub(super) fn after_root(user: Option<Self>) -> Option<Self> {
        Uid::effective().is_root().then(|| user.or_else(Self::caller).unwrap_or(NOBODY))
    }

    /// The user whose rights the process has.
    pub(super) fn effective() -> Self {
        Self { user: Uid::effective(), group: Gid::effective() }
    }

    /// What the system knows of the user; `None` where there is only a number.
    fn known(self) -> Option<User> {
        User::from_uid(self.user).ok().flatten()
    }

    /// The user's name; `None` where there is only a number.
    pub(super) fn name(self) -> Option<String> {
        self.known().map(|user| user.name)
    }

    /// The numbers of the user and the group.
    pub(super) const fn ids(self) -> (u32, u32) {
        (self.user.as_raw(), self.group.as_raw())
    }

    /// Becomes this user. Called by root, each step sets the real, the effective and the saved id,
    /// so the process cannot return.
    pub(super) fn enter(self) -> Result<(), String> {
        self.enter_after(groups::leave())
    }

    /// Becomes this user with all groups of the user.
    pub(super) fn enter_with_groups(self) -> Result<(), String> {
        let groups = self.name().map_or_else(groups::leave, |name| groups::take(&name, self.group));
        self.enter_after(groups)
    }

    /// Becomes this user once the groups of the process are changed.
    fn enter_after(self, groups: nix::Result<()>) -> Result<(), String> {
        groups
            .and_then(|()| setgid(self.group))
            .and_then(|()| setuid(self.user))
            .map_err(|e| format!("root privileges cannot be dropped: {}", e.desc()))
    }
}

/// Whether the process has root's rights.
#[must_use]
pub fn is_root() -> bool {
    Uid::effective().is_root()
}

/// The home folder of the user who called sudo; `None` if the process is not root's or sudo was not
/// used. The configuration of this user applies, even if `$HOME` is root's.
#[must_use]
pub fn caller_home() -> Option<PathBuf> {
    let caller = Account::caller().filter(|_| Uid::effective().is_root())?;
    caller.known().map(|user| user.dir)
}
