//! What a process still needs when it gives up its privileges.

use std::path::PathBuf;

use super::Account;

/// What the process still needs after [`drop_privileges`](super::drop_privileges).
#[derive(Debug, Clone, Copy, Default)]
pub struct Keep<'a> {
    /// The user to become if the process is root's; `None` for the user who called sudo, or nobody.
    pub user: Option<Account>,
    /// Files and folders that are read again.
    pub read: &'a [PathBuf],
    /// Whether the user wants no sandbox: only root and capabilities are dropped.
    pub unsandboxed: bool,
}
