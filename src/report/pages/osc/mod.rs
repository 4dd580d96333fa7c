//! What `portlore osc` prints: the packets of a trace as they come, for people ([`text`]) or as
//! NDJSON ([`ndjson`]), from which the packets can be written again to the byte.

pub mod ndjson;
pub mod text;

use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::osc::AddressPattern;
use crate::osc_trace::OscEntry;
use crate::time::Time;

/// Writes the entries of a trace.
pub trait OscWriter {
    /// Writes an entry. `wanted` are the addresses that were asked for; none asks for all.
    ///
    /// # Errors
    /// If `out` cannot be written.
    fn entry(
        &mut self,
        out: &mut dyn Write,
        entry: &OscEntry<'_>,
        wanted: &[AddressPattern],
    ) -> io::Result<()>;

    /// Writes that messages were left out in the second that began at `second`.
    ///
    /// # Errors
    /// If `out` cannot be written.
    fn left_out(&mut self, out: &mut dyn Write, second: Time, messages: u64) -> io::Result<()>;

    /// Writes the end of the trace.
    ///
    /// # Errors
    /// If `out` cannot be written.
    fn end(&mut self, out: &mut dyn Write, counts: &OscCounts) -> io::Result<()>;
}

/// What a trace has told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OscCounts {
    /// Frames that were read.
    pub frames: u64,
    /// Packets that were written.
    pub packets: u64,
    /// Messages in them.
    pub messages: u64,
    /// Packets that fail, and runs of bytes that stand in none.
    pub failed: u64,
    /// Gaps in streams.
    pub gaps: u64,
    /// Messages that the limit left out.
    pub left_out: u64,
    /// Connections that were given up because too many were open at once.
    pub given_up: u64,
}

/// Whether an address is wanted.
fn is_wanted(wanted: &[AddressPattern], address: &[u8]) -> bool {
    wanted.is_empty() || wanted.iter().any(|pattern| pattern.matches(address))
}

/// Bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// The SHA-256 of a blob in hexadecimal.
fn sha256(blob: &[u8]) -> String {
    hex(&Sha256::digest(blob))
}
