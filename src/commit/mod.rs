//! Outputs are committed by a process that parses nothing.
//!
//! Whoever finds a fault in the code that parses packets must not be able to write files. So that
//! code runs in a process that can open none (see [`crate::privilege`]), and this program runs once
//! more as the *committing process* (`portlore output-commit`). It has the rights of `--user`, else
//! of the caller: the user who called sudo, or root in a shell of root's. It opens the folders of the outputs that
//! the command line names, closes everything else to itself, creates `NAME.part` in them
//! (`O_EXCL`, `O_NOFOLLOW`) and hands the descriptors over. The parsing process writes to these and
//! says when a file is whole; the committing process then syncs the file, gives it its name and
//! syncs the folder. It ends when the other side ends, and in between only ever reads two bytes at
//! a time (`messages`).
//!
//! A file therefore has its name when it is whole, or not at all, whichever of the two processes is
//! killed. A report that is not whole is removed; a capture or a stream of events that was cut off
//! stays as `NAME.part`. If saving a capture fails, the file is cut to whole packets and gets its
//! name, unless a file has that name already.
//!
//! Devices, FIFOs and open descriptors (`/dev/stdout`) are written as they are.

#[cfg(unix)]
mod argument;
mod client;
#[cfg_attr(windows, path = "windows/folder.rs")]
mod folder;
#[cfg_attr(windows, path = "windows/messages.rs")]
mod messages;
mod planned;
mod request;
#[cfg_attr(windows, path = "windows/running.rs")]
mod running;
mod series;
mod server;
mod target;

pub use self::client::{CommitHelper, OutputFile};
pub use self::folder::Folder;
pub use self::planned::{OutputRole, PlannedOutput};
pub use self::server::{CommitServer, refuse};
pub use self::target::{
    is_descriptor, is_special, is_standard_output, open_descriptor, parent_folder, unfinished,
};

#[cfg(test)]
mod tests;
