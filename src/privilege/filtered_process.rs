//! The processes whose system calls are restricted.

/// Which process the calls are restricted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FilteredProcess {
    /// The process that parses packets; it may open files for reading where `reads_files` says so.
    Parser {
        /// Whether files are opened from now on.
        reads_files: bool,
    },
    /// The process that looks up processes: reads `/proc`, and asks the system over netlink.
    ProcessLookup,
    /// The process that binds devices again: asks the system over netlink.
    InterfaceBind,
    /// The process that commits outputs: creates and renames files.
    OutputCommit,
}
