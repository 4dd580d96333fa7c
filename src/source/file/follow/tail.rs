//! The bytes of a file that grows.

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::known::DIGESTED;
use crate::platform::read_at;

/// What the reader of a file and the search for other files share.
#[derive(Default)]
pub(super) struct TailState {
    taken: AtomicU64,
    /// The first bytes as they were read: the file may be written again in its place.
    first: Mutex<Vec<u8>>,
    is_over: AtomicBool,
    is_replaced: AtomicBool,
}

impl TailState {
    /// Number of bytes that were read.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// The first bytes that were read, at most [`DIGESTED`].
    pub(super) fn first(&self) -> Vec<u8> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the end of the file final: another file has come.
    pub(super) fn set_over(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Ends the file at once: its bytes are those of another one.
    pub(super) fn set_replaced(&self) {
        self.is_replaced.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_replaced(&self) -> bool {
        self.is_replaced.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: &[u8]) {
        let before = self.taken.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let missing = DIGESTED.saturating_sub(before) as usize;
        if missing > 0 {
            let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
            first.extend_from_slice(&bytes[..missing.min(bytes.len())]);
        }
    }
}

/// The bytes of a file up to its end at the moment.
pub(super) struct Tail {
    pub(super) file: File,
    pub(super) state: Arc<TailState>,
    pub(super) stop: Arc<AtomicBool>,
    /// Time that a read waits for bytes.
    pub(super) wait: Duration,
    /// Whether the last read found no bytes.
    pub(super) was_idle: bool,
}

impl Tail {
    /// Whether the file begins as it did when its first bytes were read.
    fn begins_alike(&self) -> bool {
        let first = self.state.first();
        let (mut now, mut read) = (vec![0; first.len()], 0);
        while read < now.len() {
            match read_at(&self.file, &mut now[read..], read as u64) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return false,
                Ok(more) => read += more,
            }
        }
        now == first
    }
}

impl Read for Tail {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.state.is_replaced() {
            return Ok(0);
        }
        // Loaded before the file is read: what was written until another file began is still read.
        let is_over =
            self.state.is_over.load(Ordering::Relaxed) || self.stop.load(Ordering::Relaxed);
        let read = self.file.read(into)?;
        // Bytes that come after a pause may be those of a file that was written again in its place
        // and is longer already.
        if read > 0 && std::mem::take(&mut self.was_idle) && !self.begins_alike() {
            self.state.set_replaced();
            return Ok(0);
        }
        self.state.take(&into[..read]);
        if read == 0 && !is_over && !into.is_empty() {
            self.was_idle = true;
            thread::sleep(self.wait);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(read)
    }
}
