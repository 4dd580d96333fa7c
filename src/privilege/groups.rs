//! The groups of the process: `man 2 setgroups`, `man 3 initgroups`.

use std::ffi::CString;

use nix::errno::Errno;
use nix::unistd::{Gid, initgroups, setgroups};

/// Leaves all groups.
pub(super) fn leave() -> nix::Result<()> {
    setgroups(&[])
}

/// Takes all groups of a user.
pub(super) fn take(user: &str, group: Gid) -> nix::Result<()> {
    initgroups(&CString::new(user).map_err(|_| Errno::EINVAL)?, group)
}
