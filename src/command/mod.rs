//! The commands, one file each, and what they share. Each gives its exit status, or lines for
//! stderr.

mod capture;
pub mod catalogue;
pub mod doctor;
mod events;
pub mod interfaces;
pub mod live;
mod output;
pub mod port;
pub mod process_lookup;
mod progress;
pub mod replay;
mod signals;
pub mod talk;
mod watch;

/// Usage, or input that could not be read at all.
pub const UNREADABLE: u8 = 2;
/// Finished, but the input was incomplete.
const INCOMPLETE: u8 = 3;

/// Lines for stderr.
type Errors = Vec<String>;
