//! What each fuzz target does with its input: the fuzzer calls these, and so does
//! `tests/garbage.rs` with the inputs that are kept.

pub mod catalogue;
pub mod decode;
pub mod detect;
pub mod file;
pub mod follow;
pub mod kept;
pub mod opening;
pub mod snapshot;
pub mod whole;

/// Takes an input and panics where something does not hold.
type Body = fn(&[u8]);

/// The targets.
pub const BODIES: &[(&str, Body)] = &[
    ("catalogue", catalogue::run),
    ("decode", decode::run),
    ("detect", detect::run),
    ("file", file::run),
    ("follow", follow::run),
    ("opening", opening::run),
    ("snapshot", snapshot::run),
    ("whole", whole::run),
];
