//! Helper processes: none on Windows.

use portlore::helper_process::HelperConnection;
use portlore::{Error, ErrorKind, Result};

/// No signals.
pub const OTHERS: &[i32] = &[];

/// Says that there is no connection.
///
/// # Errors
/// Always.
pub fn connection(_: &[i32]) -> Result<HelperConnection> {
    Err(none())
}

/// The error of every subcommand that is a helper process.
pub fn none() -> Error {
    Error::new(ErrorKind::Usage, "there are no helper processes on Windows")
}
