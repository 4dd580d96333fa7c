//! Which protocol a flow carries: detectors over the opening of a flow.
//!
//! [`inspect`] takes an [`Opening`](crate::flow::Opening), which has the first bytes of both sides,
//! and returns [`Evidence`](crate::evidence::Evidence): the protocol, facts that were read from the
//! bytes, and protocols that are ruled out. Nothing here knows ports or the catalogue, and no input
//! makes a detector panic.
//!
//! The module has three floors, of which each uses only those below it:
//!
//! * `registry` has the table of all detectors, the tables that select the detectors to call, and
//!   [`inspect`], which looks behind a header of the PROXY protocol (`proxy_header`);
//! * `protocols` has a file or folder for each protocol, `formats` what several protocols share,
//!   such as BER or header fields;
//! * `detector`, `statement`, `answers` and `prefilter` are what a detector is made of.
//!
//! # A new detector
//!
//! 1. Write `protocols/<name>.rs` with a constant `DETECTOR`, built by [`Detector::new`], and its
//!    function `inspect`; most use `combine` of `statement`, which judges each side by itself.
//! 2. Declare the file in `protocols/mod.rs`.
//! 3. Add the protocol to `Protocol` in `src/evidence.rs`.
//! 4. Add the detector to [`DETECTORS`] in `registry.rs`.
//!
//! The tests of this module check the samples of every detector against all others.

mod answers;
mod csta_document;
mod detector;
mod formats;
mod json_document;
mod log_in;
mod prefilter;
mod protocols;
mod proxy_header;
mod registry;
mod replies;
mod shell;
mod starttls;
mod statement;
mod unrecognised;

pub use detector::{Detector, Sample};
pub use log_in::clear_log_in;
pub use prefilter::Prefilter;
pub use protocols::dns::answers::{AnsweredName, answered_names};
pub use protocols::dns::long_names::{LongName, long_name, long_names};
pub use protocols::osc::OscFraming;
pub use protocols::text::may_be_secret;
pub use registry::{DETECTORS, add_lines, facts, inspect, is_asked, is_stated};
pub use shell::{ShellPrompt, shell_prompt};
pub use unrecognised::may_have_lines;

#[cfg(test)]
mod tests;
