//! Capabilities: only Linux has them.

/// A capability that the program can use, and whether the program holds it now.
///
/// Live capture needs `CAP_NET_RAW`. The others are needed to name the processes of other users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capability {
    /// The name in `man 7 capabilities`.
    pub name: &'static str,
    /// What the program needs the capability for.
    pub purpose: &'static str,
    /// Whether the capability is effective.
    pub held: bool,
}

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
