//! One record of a capture file: its position and header, and why the next one cannot be read.

use std::io;

use crate::source::LinkType;
use crate::time::Time;

/// Maximum captured length of a frame in bytes; a record that states more is damaged. Wireshark's
/// largest limit is 128 MiB, for one bus; real networks stay below 512 KiB.
pub(super) const MAX_FRAME: usize = 16 << 20;

/// The position of a record and the fields of its header.
pub(super) struct RecordHeader {
    pub(super) time: Time,
    pub(super) link: LinkType,
    /// Number of the interface among those of the file that captured frames.
    pub(super) interface: u32,
    pub(super) wire_len: u32,
    /// Range of the frame's bytes in the buffer's window.
    pub(super) from: usize,
    pub(super) to: usize,
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
