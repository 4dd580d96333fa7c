//! One record of a capture file: its position and header, and why the next one cannot be read.

use std::io;

use crate::source::LinkType;
use crate::time::Time;

/// Maximum captured length of a frame in bytes; a record that states more is damaged. Wireshark's
/// largest limit is 128 MiB, for one bus; real networks stay below 512 KiB.
pub(super) const MAX_FRAME: usize = 16 << 20;

/// Where the time of a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeOrigin {
    /// The record states it.
    Stated,
    /// The record states one that cannot be told: the nearest one that can.
    Clamped,
    /// The record states none: that of the record before.
    Before,
    /// Neither this record nor one before states one: that of the first which does.
    Ahead,
}

/// The time of so many nanoseconds since 1970, clamped to what [`Time`] can hold.
pub(super) fn clamped(nanoseconds: i128) -> (Time, TimeOrigin) {
    match i64::try_from(nanoseconds) {
        Ok(nanoseconds) => (Time(nanoseconds), TimeOrigin::Stated),
        Err(_) if nanoseconds < 0 => (Time(i64::MIN), TimeOrigin::Clamped),
        Err(_) => (Time(i64::MAX), TimeOrigin::Clamped),
    }
}

/// The position of a record and the fields of its header.
pub(super) struct RecordHeader {
    pub(super) time: Time,
    pub(super) origin: TimeOrigin,
    pub(super) link: LinkType,
    /// Number of the interface among those of the file that captured frames.
    pub(super) interface: u32,
    pub(super) wire_len: u32,
    /// Range of the frame's bytes in the buffer's window.
    pub(super) from: usize,
    pub(super) to: usize,
}

impl RecordHeader {
    /// The time by which files are merged. As for `mergecap`, a record without a time comes next:
    /// at once at the beginning of a file, else behind the record before.
    pub(super) fn merge_time(&self) -> Time {
        if self.origin == TimeOrigin::Ahead { Time(i64::MIN) } else { self.time }
    }
}

/// Why the rest of a file cannot be read.
#[derive(Debug)]
pub(super) enum Damage {
    /// The file ends inside a record or block of `promised` bytes.
    Cut {
        promised: usize,
        there: usize,
    },
    /// A field contradicts the format; the text states which.
    Corrupt(String),
    Unreadable(io::Error),
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// The next record; `None` at the end of the file.
pub(super) type NextRecord = Result<Option<RecordHeader>, Damage>;
