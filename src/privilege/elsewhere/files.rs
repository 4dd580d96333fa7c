//! Access to the file system: only Linux lets a process restrict its own, by Landlock.

use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use super::Enforcement;

/// A restriction that will not be in force.
pub(super) struct FileRules;

#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
impl FileRules {
    pub(super) const fn reading(_: &[PathBuf]) -> Result<Self, String> {
        Ok(Self)
    }

    pub(super) fn writing_in<'f>(_: impl Iterator<Item = BorrowedFd<'f>>) -> Result<Self, String> {
        Ok(Self)
    }

    #[allow(clippy::unused_self, reason = "as on Linux")]
    pub(super) fn enforce(self) -> Result<Enforcement, String> {
        Ok(Enforcement::Unavailable("only Linux can limit access to files (Landlock)".to_owned()))
    }
}
