//! Privileges on Windows: nothing is dropped, because nothing needs more than an ordinary user has,
//! and there is no sandbox. `portlore doctor` and `docs/platforms.md` say so.

#[path = "keep.rs"]
mod keep;
#[path = "sandbox_test.rs"]
mod sandbox_test;
#[path = "elsewhere/trial.rs"]
mod trial;

use std::path::{Path, PathBuf};

pub use self::keep::Keep;
pub use self::sandbox_test::{SandboxTest, TRIAL_COMMAND, Trial};
pub use self::trial::{be_tried, try_calls};
use crate::{Error, ErrorKind, Result};

/// A user of the system. No value of this type exists here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {}

impl Account {
    /// Says that the process cannot become another user.
    ///
    /// # Errors
    /// Always ([`ErrorKind::Permission`]).
    pub fn from_name(name: &str) -> Result<Self> {
        Err(Error::new(ErrorKind::Permission, "portlore cannot switch to another user on Windows")
            .with_object(format!("--user {name}"))
            .with_remedy("leave out --user"))
    }
}

/// The user that the process becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Successor {
    /// The user's name.
    pub name: String,
}

impl Successor {
    /// Nobody: the process stays as it is.
    #[must_use]
    pub const fn of_root(_: Option<Account>) -> Option<Self> {
        None
    }

    /// Whether the user may read a file.
    #[must_use]
    pub const fn may_read(&self, _: &Path) -> bool {
        true
    }
}

/// The home folder of the user who called sudo: nobody can.
#[must_use]
pub const fn caller_home() -> Option<PathBuf> {
    None
}

/// Whether the process may see everything of other users' processes: it does not ask.
#[must_use]
pub const fn is_root() -> bool {
    false
}

/// Drops nothing. The report of a run is the same bytes as on other systems, so it does not say that
/// there is no sandbox.
///
/// # Errors
/// Never.
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub fn drop_privileges(_: &Keep<'_>) -> Result<Vec<String>> {
    Ok(Vec::new())
}

/// Closes nothing: handles are passed on by name.
pub const fn close_inherited() {}

/// Keeps everything.
///
/// # Errors
/// Never.
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub const fn keep_process_capabilities(_: Option<Account>) -> Result<()> {
    Ok(())
}

/// Keeps everything.
///
/// # Errors
/// Never.
#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub const fn keep_binding(_: Option<Account>) -> Result<()> {
    Ok(())
}
