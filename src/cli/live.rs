//! `portlore live`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};

use super::values::{buffer, duration, millions, whole_number};
use super::{ADVANCED, CaptureArgs, INPUT, ObserverArgs, OutputArgs, REPORT, SAVING};

/// `portlore live`.
#[derive(Debug, Args)]
#[command(next_help_heading = INPUT)]
pub struct LiveArgs {
    /// Interfaces to capture on: eth0, or lo,eth0, or any
    ///
    /// Default: the interface of the default route. The name any stands for all interfaces; portlore
    /// interfaces lists them. If an interface goes down or disappears, capture resumes when it
    /// returns.
    #[arg(short, long = "interface", value_name = "IFACE", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    pub interfaces: Vec<String>,
    /// Stop after this time, such as 30s or 1h30m
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub span: Option<Duration>,
    /// Check the capture against a file of expectations
    ///
    /// At the end, prints each expectation that does not hold to standard error, and exits with
    /// status 1 if there is one. See portlore help check.
    #[arg(help_heading = REPORT, long, hide_short_help = true, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Save the captured packets as pcapng
    ///
    /// Writes to FILE.part and renames it to FILE when it is complete. Packets are then kept whole,
    /// unless -s says otherwise.
    #[arg(help_heading = SAVING, short, long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Start a new file after this size, such as 100M
    ///
    /// A bare number is in millions of bytes. The files are numbered, and none is ever overwritten.
    #[arg(help_heading = SAVING, short = 'C', long, requires = "write", value_name = "SIZE", value_parser = millions)]
    pub rotate_size: Option<u64>,
    /// Start a new file after this time, such as 1h
    #[arg(help_heading = SAVING, short = 'G', long, requires = "write", value_name = "TIME", value_parser = duration)]
    pub rotate_time: Option<Duration>,
    /// Keep only the newest N rotated files
    #[arg(help_heading = SAVING, short = 'W', long, requires = "write", value_name = "N", value_parser = whole_number::<u16>(1..=u16::MAX.into()))]
    pub keep: Option<u16>,
    /// Who sees the capture while it runs.
    #[command(flatten)]
    pub observers: ObserverArgs,
    /// What is read, and how.
    #[command(flatten)]
    pub capture: CaptureArgs,
    /// What is written.
    #[command(flatten)]
    pub outputs: OutputArgs,
    /// Do not use promiscuous mode
    #[arg(help_heading = ADVANCED, short = 'p', long, hide_short_help = true)]
    pub no_promiscuous: bool,
    /// Capture only the first N bytes of each packet
    ///
    /// The default is 9216, the most that classification examines; with -w, the default is 262144,
    /// which keeps every packet whole.
    #[arg(help_heading = ADVANCED, short, long, hide_short_help = true, value_name = "N", value_parser = whole_number::<u32>(64..=262_144))]
    pub snap_length: Option<u32>,
    /// Kernel buffer for each interface, such as 64M
    ///
    /// A bare number is in KiB. A larger buffer loses fewer packets when many arrive at once.
    #[arg(help_heading = ADVANCED, short = 'B', long, hide_short_help = true, default_value = "64M", value_name = "SIZE", value_parser = buffer)]
    pub buffer: u32,
    /// User to switch to after opening the interface
    ///
    /// Applies only when portlore is run as root. Default: the user who called sudo, otherwise
    /// nobody.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, value_name = "NAME", value_hint = ValueHint::Username)]
    pub user: Option<String>,
}
