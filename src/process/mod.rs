//! Which process is behind a socket of this machine.
//!
//! Takes the endpoints of a flow, gives an [`Attribution`] for each of its sides: the processes
//! that hold its socket, or why they are not known. Knows no payload and no catalogue.
//!
//! Whose a descriptor is may only be asked by the privileged, and what parses packets has no
//! privileges. So a process of its own, the [`Clerk`], looks into the system's tables and reads
//! nothing else but questions of a fixed form; the [`Ledger`] on this side asks it when a flow
//! begins, never waits, and keeps the answers within bounds.

mod attribution;
#[cfg(target_os = "linux")]
mod budget;
mod clerk;
#[cfg(target_os = "linux")]
mod container;
#[cfg(target_os = "linux")]
mod descriptors;
mod holder;
mod ledger;
mod listener;
mod question;
#[cfg(target_os = "linux")]
mod socket;
#[cfg(target_os = "linux")]
mod users;

pub use attribution::{Attribution, Ground, Sides, Unknown};
pub use clerk::{Clerk, serve};
pub use holder::{FACTS, Holder};
pub use ledger::Ledger;
pub use listener::{Listener, on_port};
