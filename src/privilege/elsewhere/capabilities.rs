//! Capabilities: only Linux has them.

use super::Capability;

/// None.
#[must_use]
pub const fn capabilities() -> Vec<Capability> {
    Vec::new()
}

#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn keep_across_setuid() -> Result<(), String> {
    Ok(())
}

#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn drop_all_but_process_access() -> Result<(), String> {
    Ok(())
}

#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn drop_all_but_file_access() -> Result<(), String> {
    Ok(())
}

#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn clear_bounding_set() -> Result<(), String> {
    Ok(())
}

#[allow(clippy::unnecessary_wraps, reason = "one signature for all systems")]
pub(super) fn drop_all() -> Result<(), String> {
    Ok(())
}
