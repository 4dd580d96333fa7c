//! A process behind a listening socket, with what people ask about it.

use std::sync::Arc;

use super::Holder;

/// A process that holds a listening socket, where it runs and since when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ListeningProcess {
    /// The process.
    pub holder: Arc<Holder>,
    /// The folder in which it runs; `None` if this process may not see it. Untrusted.
    pub folder: Option<String>,
    /// When it was started, in seconds since 1970-01-01 UTC.
    pub started: Option<i64>,
}
