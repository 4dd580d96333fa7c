//! portlore classifies captured traffic: it says which protocol was spoken on a port, which service
//! spoke it, and which frame proves that.
//!
//! [`Replay`] reads capture files, [`classify_bytes`] classifies bytes without a capture:
//!
//! ```
//! # fn main() -> portlore::Result<()> {
//! let run = portlore::Replay::open(["fixtures/showcase.pcap"])?.run()?;
//! for flow in &run.flows {
//!     println!("{} {}", flow.record.service_port(), flow.verdict);
//! }
//! # assert!(run.flows.iter().any(|flow| flow.verdict.to_string() == "http: Express"));
//! # Ok(())
//! # }
//! ```
//!
//! # The data path
//!
//! Each stage is a module. [`pipeline`] connects them and is the only module that knows them all.
//!
//! ```text
//!  source ── Frame ──▶ decode ── Batch of Segments ──▶ flow ──▶ detect ──▶ classify ──▶ stats ──▶ findings ──▶ report
//!  live | file         headers     bounded channel     table    evidence   verdict      hdr                    table json
//!  └────────── capture thread ──────────┘              └─────── classifier thread(s) ──────┘
//! ```
//!
//! [`detect`] recognises protocols and knows no port. The [`catalogue`] knows which services claim
//! a port and by which facts they are recognised; it is data. [`classify`] joins the two.
//! `docs/ARCHITECTURE.md` is the whole map.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `pcap` | live capture (`source::live`), BPF filters (`Replay::filter`) and `slice`; needs libpcap |
//! | `tui` | the full-screen view of the program |
//! | `parquet` | flows as Parquet (`report::flows`) |
//! | `cli` | the program; brings all of them |
//!
//! `cli` is on by default. A program that reads capture files only needs
//! `portlore = { version = "…", default-features = false }`.

mod bytes;
pub mod catalogue;
pub mod classify;
pub mod columns;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod commit;
pub mod decode;
pub mod detect;
pub mod diff;
mod error;
pub mod evidence;
pub mod expect;
pub mod findings;
pub mod flow;
pub mod flow_filter;
#[doc(hidden)]
#[cfg_attr(windows, path = "helper_process/windows.rs")]
pub mod helper_process;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod metrics_server;
pub mod osc;
pub mod osc_trace;
pub mod pipeline;
#[doc(hidden)]
pub mod platform;
#[cfg(feature = "cli")]
#[doc(hidden)]
#[cfg_attr(windows, path = "privilege/windows.rs")]
pub mod privilege;
pub mod process;
mod replay;
pub mod report;
mod saved;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod screen;
mod secrets;
mod sentence;
mod similar;
#[cfg(feature = "pcap")]
pub mod slice;
pub mod snapshot;
pub mod source;
pub mod stats;
pub mod time;
mod toml_fault;
mod visibility;

pub use bytes::classify_bytes;
pub use error::{Error, ErrorKind, Result};
pub use replay::Replay;
pub use saved::BadState;
