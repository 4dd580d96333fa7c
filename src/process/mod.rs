//! The processes behind the sockets of this machine.
//!
//! Takes the endpoints of a flow and gives an [`Attribution`] for each of its sides: the processes
//! that hold the socket, or why they are not known. Knows no payload and no catalogue.
//!
//! Reading the descriptors of other users' processes needs privileges, and the process that parses
//! packets has none. A [`ProcessHelper`], a process of its own, therefore searches the system's
//! tables; its only input is requests of a fixed form. The [`ProcessCache`] on the capturing side
//! sends a request when a flow begins, never blocks on a reply, and keeps the replies within
//! bounds.
//!
//! `helper` starts the helper process, `server` runs in it, `messages` is what the two exchange,
//! `cache` runs in the capturing process. `socket` finds sockets, `descriptors` their holders.

mod attribution;
#[cfg(target_os = "linux")]
mod budget;
mod cache;
#[cfg(target_os = "linux")]
mod container;
#[cfg(target_os = "linux")]
mod description;
#[cfg(target_os = "linux")]
mod descriptors;
mod helper;
mod holder;
mod listener;
mod listening_process;
mod messages;
#[cfg_attr(not(target_os = "linux"), path = "elsewhere/server.rs")]
mod server;
#[cfg(target_os = "linux")]
mod socket;
#[cfg_attr(not(target_os = "linux"), path = "elsewhere/tables.rs")]
mod tables;
#[cfg(target_os = "linux")]
mod users;

pub use attribution::{Attribution, FlowProcesses, Ground, Unknown};
pub use cache::ProcessCache;
pub use helper::{ProcessHelper, serve};
pub use holder::{FACTS, Holder};
pub use listener::{ListenScope, Listener, listeners};
pub use listening_process::ListeningProcess;
