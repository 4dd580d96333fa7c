//! The commands, one file each, and what they share. Each returns its exit status, or an error for
//! `main` to print.

mod analysis;
pub mod catalogue;
pub mod check;
pub mod completions;
pub mod diff;
#[cfg_attr(windows, path = "windows/doctor.rs")]
pub mod doctor;
mod expectations;
mod flow_outputs;
pub mod help;
#[cfg_attr(windows, path = "windows/helper.rs")]
mod helper;
mod inputs;
pub mod interface_bind;
pub mod interfaces;
pub mod live;
pub mod messages;
mod observers;
pub mod osc;
mod output;
#[cfg_attr(windows, path = "windows/output_commit.rs")]
pub mod output_commit;
pub mod port;
pub mod ports;
pub mod process_lookup;
mod progress;
mod recorded_files;
pub mod replay;
pub mod report;
pub mod sandbox_trial;
mod sensors;
#[cfg_attr(windows, path = "windows/service_files.rs")]
pub mod service_files;
pub mod services;
mod session;
mod signal_flags;
#[cfg_attr(windows, path = "windows/signals.rs")]
mod signals;
pub mod slice;
mod snapshot;

/// Exit status: a check failed.
const FAILED: u8 = 1;
/// Exit status: wrong usage, or an input that could not be read at all.
pub const UNREADABLE: u8 = 2;
/// Exit status: finished, but the input was incomplete, or a thread panicked.
pub const INCOMPLETE: u8 = 3;
