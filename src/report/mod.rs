//! What people and programs get to read.
//!
//! Takes what a capture came to, writes it. Knows nothing of how it was captured. One file per
//! format.

pub mod doctor;
mod escape;
pub mod interfaces;
pub mod interval;
pub mod json;
mod layout;
pub mod ndjson;
pub mod openmetrics;
mod origins;
pub mod port;
mod process;
pub mod text;
pub mod units;
pub mod why;
pub mod words;

pub use escape::escape;
pub use layout::{Style, Tone, fit, wrap};

use crate::catalogue::Catalogue;
use crate::pipeline::Run;

/// A finished capture, to be written in some format.
pub struct Report<'r, 'c> {
    /// The files or the interface, as the user named them.
    pub inputs: &'r [String],
    /// What came of it.
    pub run: &'r Run<'c>,
    /// What is known of ports.
    pub catalogue: &'c Catalogue,
}

impl Report<'_, '_> {
    /// Whether all of the input was read and understood.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.run.problems.is_empty()
    }
}
