//! An empty root folder: only on Linux, where the other restrictions stand behind it.

use super::Enforcement;

/// It cannot be hidden.
pub(super) const fn can_be_hidden() -> bool {
    false
}

#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) const fn enter_empty() -> Result<Enforcement, String> {
    Ok(Enforcement::Full)
}
