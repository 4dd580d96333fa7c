//! What programs ask of every system in another way: the identity of a file, standard streams as
//! files, waiting for a pipe, the CPU time of a thread.
//!
//! Each function is written once for Unix and once for Windows, with one signature. What systems do
//! not have at all (live capture, privileges, helper processes) is replaced beside the module that
//! needs it; `docs/platforms.md` lists all places.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;

#[cfg(all(feature = "cli", unix))]
pub use self::system::RECEIVING;
pub use self::system::{
    allow_files, entry_id, file_id, holds_data, nameless_file, open_at_once, path_id, read_at,
    standard_error, standard_input, standard_output, take_terminal, thread_time, use_small_pages,
    wait_for_bytes,
};
