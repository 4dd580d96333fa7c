//! The list of capture devices needs libpcap, which this program does not use on Windows.

pub use super::interface::Interface;
use crate::Result;

/// Says that devices cannot be listed.
///
/// # Errors
/// Always.
pub fn list() -> Result<Vec<Interface>> {
    Err(super::live::unavailable())
}

/// No libpcap is in use.
#[must_use]
pub fn library() -> Option<String> {
    None
}
