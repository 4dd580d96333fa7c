//! The server of the helper process: lookups of single sockets exist for Linux only.

use crate::helper_process::HelperConnection;
use crate::{Error, ErrorKind, Result};

/// Says that there is none.
///
/// # Errors
/// Always.
#[allow(clippy::needless_pass_by_value, reason = "one signature for all systems")]
pub(super) fn serve(_: HelperConnection) -> Result<()> {
    Err(Error::new(ErrorKind::System, "processes are identified only on Linux"))
}
