//! `portlore replay`.

use std::path::PathBuf;

use clap::Args;
use portlore::source::{TimeBound, TimeWindow};

use super::values::time_bound;
use super::{ADVANCED, CaptureArgs, INPUT, ObserverArgs, OutputArgs, SnapshotArgs};

/// `portlore replay`.
#[derive(Debug, Args)]
#[command(next_help_heading = INPUT)]
pub struct ReplayArgs {
    /// Capture files, folders or patterns; - is standard input
    ///
    /// Files are pcap or pcapng, also compressed with gzip, zstd, xz, lz4 or bzip2. A folder stands
    /// for the captures in it. A quoted pattern such as 'ring*.pcap' is expanded by portlore.
    #[arg(required_unless_present = "sensors", value_name = "FILE", help_heading = None::<&str>)]
    pub files: Vec<PathBuf>,
    /// Read files in the order given, not merged by time
    #[arg(long)]
    pub chain: bool,
    /// Read a folder in which each sensor has a folder
    ///
    /// The captures of a sensor are read in the order of their names, as with --chain. Sensors are
    /// independent of each other: the same address at two sensors is two hosts.
    #[arg(help_heading = ADVANCED, long, hide_short_help = true, value_name = "FOLDER", conflicts_with_all = ["files", "chain", "follow", "since", "until", "count", "snapshot"])]
    pub sensors: Option<PathBuf>,
    /// Keep reading files that are still being written
    ///
    /// Continues until Ctrl-C, and picks up the next files of a ring as they appear. With - as the
    /// file, reads until the pipe ends.
    #[arg(long, conflicts_with = "chain")]
    pub follow: bool,
    /// Skip packets before TIME; +5m counts from the first one
    ///
    /// Write 2026-11-18T11:06:40 for a time in UTC; 2026-11-18T12:06:40+01:00 names another zone.
    /// +5m is 5 minutes after the first packet.
    #[arg(long, value_name = "TIME", value_parser = time_bound)]
    pub since: Option<TimeBound>,
    /// Skip packets at or after TIME (same notation as --since)
    #[arg(long, value_name = "TIME", value_parser = time_bound)]
    pub until: Option<TimeBound>,
    /// The snapshot from which the run continues, and the one that it writes.
    #[command(flatten)]
    pub snapshots: SnapshotArgs,
    /// Who sees the capture while it is followed.
    #[command(flatten)]
    pub observers: ObserverArgs,
    /// What is read, and how.
    #[command(flatten)]
    pub capture: CaptureArgs,
    /// What is written.
    #[command(flatten)]
    pub outputs: OutputArgs,
}

impl ReplayArgs {
    /// The part of the capture that is to be read.
    pub const fn window(&self) -> TimeWindow {
        TimeWindow { since: self.since, until: self.until }
    }
}
