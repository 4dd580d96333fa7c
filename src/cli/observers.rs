//! Who sees a capture while it runs: options of `replay` and `live`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use super::MONITORING;
use super::values::{duration, endpoint};

/// Who sees a capture while it runs.
#[derive(Debug, Args)]
#[command(next_help_heading = MONITORING)]
pub struct ObserverArgs {
    /// Disable the full-screen view even on a terminal
    #[arg(long)]
    pub no_tui: bool,
    /// Print a summary line at this interval, such as 10s
    ///
    /// The line counts packets and drops and names the busiest ports. With --format ndjson, this is
    /// the time between interval events (default: 10s).
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub interval: Option<Duration>,
    /// Serve Prometheus metrics on a port, such as 9464
    ///
    /// A bare port listens on 127.0.0.1 only; write 192.0.2.1:9464 or [::]:9464 to listen
    /// elsewhere. The metrics are at /metrics.
    #[arg(long, value_name = "ADDRESS", value_parser = endpoint)]
    pub metrics: Option<SocketAddr>,
}

impl ObserverArgs {
    /// The first of these flags that is set.
    pub const fn flag(&self) -> Option<&'static str> {
        match self {
            Self { metrics: Some(_), .. } => Some("--metrics"),
            Self { interval: Some(_), .. } => Some("--interval"),
            Self { no_tui: true, .. } => Some("--no-tui"),
            Self { .. } => None,
        }
    }
}
