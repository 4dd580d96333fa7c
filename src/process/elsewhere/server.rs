//! The server of the helper process: lookups of single sockets exist for Linux only.

use crate::helper_process::Connection;
use crate::{Error, ErrorKind, Result};

/// Says that there is none.
///
/// # Errors
/// Always.
#[allow(clippy::needless_pass_by_value, reason = "one signature for all systems")]
pub(super) fn serve(_: Connection) -> Result<()> {
    Err(Error::new(ErrorKind::System, "processes are identified only on Linux"))
}
