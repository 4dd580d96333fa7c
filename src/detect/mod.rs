//! What language is spoken: detectors over the opening of a flow.
//!
//! Takes an [`Opening`], gives [`Evidence`]. Knows no ports and no catalogue. A detector is one
//! file and one line of [`DETECTORS`]: a pure function that says `No`, `NeedMore`, `Yes(protocol,
//! facts)`, or `Partly` where a fact that matters is still to come. Nothing here panics on any
//! input.

mod detector;
mod formats;
mod prefilter;
mod protocols;
mod registry;
mod statement;

pub use detector::{Detector, Sample};
pub use prefilter::Prefilter;
pub use registry::{DETECTORS, inspect, is_asked, is_stated};

#[cfg(test)]
mod tests;
