//! What differs between two captures: servers, services, clients and findings that are new, gone or
//! changed.
//!
//! An [`Inventory`] says what a capture shows, without times, client ports and amounts. It is made of
//! a [`Run`](crate::pipeline::Run), or of the document that `--format json` wrote of one, which is
//! untrusted. [`Differences`] compares two. A server is its address and port, or its name where both
//! inventories have one.

mod compare;
mod document;
mod inventory;
mod matching;

pub use self::compare::{
    Change, ClientChange, Differences, FieldChange, FindingChange, ServerChange, ServiceChange,
};
pub use self::document::is_document;
pub use self::inventory::{ClientPairs, FindingTraits, Inventory, ServerTraits, SpokenService};

#[cfg(test)]
mod tests;
