//! portlore says what is really speaking on a port, beside what the registry says and what people
//! customarily run there, and why it says so.
//!
//! The whole tool is one line, and each module is one stage of it:
//!
//! ```text
//!  source ── Frame ──▶ decode ── Batch of Segments ──▶ flow ──▶ detect ──▶ classify ──▶ stats ──▶ report
//!  live | file         headers     bounded channel     table    evidence   catalogue    hdr       table json
//!  └────────── capture thread ──────────┘              └─────── classifier thread(s) ──────┘
//! ```
//!
//! [`pipeline`] is that line and the only module that knows every stage. [`detect`] says what
//! language is spoken and knows no port; [`catalogue`] says who speaks and contains no code;
//! [`classify`] puts the two together.

pub mod catalogue;
pub mod classify;
pub mod decode;
pub mod detect;
mod error;
pub mod evidence;
pub mod flow;
pub mod metrics_server;
pub mod pipeline;
pub mod privilege;
pub mod process;
pub mod report;
pub mod screen;
pub mod source;
pub mod stats;
pub mod time;

pub use error::{Error, ErrorKind, Result};
