//! A window over a byte stream: a reader requests as many bytes as a record needs and gets them as
//! one slice.

use std::io::{self, Read};

/// Bytes per read of the operating system, and per block that is handed over; measured, see
/// `benches/README.md`.
const BLOCK: usize = 512 * 1024;
/// As above, if frames are large: to wake a classifier costs as much as to classify dozens of
/// frames.
const LARGE: usize = 1280 * 1024;
/// Mean bytes of a record above which frames are large.
const LARGE_RECORD: usize = 512;

/// Bytes that are enough to identify the format of a file.
const ENOUGH: usize = 4096;

/// The window. Never holds more than one block and one record.
pub(super) struct Buffer {
    input: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes of the stream before the window.
    before: u64,
    /// Do not read for the moment: use up what is buffered first.
    buffered_only: bool,
}

impl Buffer {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self { input, bytes: vec![0; BLOCK], start: 0, end: 0, before: 0, buffered_only: false }
    }

    /// Replaces the input by another one, which may be made of it.
    pub(super) fn exchange(
        &mut self,
        make: impl FnOnce(Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>>,
    ) -> io::Result<()> {
        let input = std::mem::replace(&mut self.input, Box::new(io::empty()));
        self.input = make(input)?;
        Ok(())
    }

    /// The offset of the window in the stream, in bytes.
    pub(super) const fn offset(&self) -> u64 {
        self.before + self.start as u64
    }

    /// As [`want`](Self::want), but blocks until the bytes are there.
    pub(super) fn wait(&mut self, len: usize) -> io::Result<usize> {
        loop {
            match self.want(len) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }

    /// Makes the next `len` bytes available and returns how many there are: fewer only at the end
    /// of the stream. Fails with `WouldBlock` if no byte comes at the moment; the call can be
    /// repeated.
    #[inline]
    pub(super) fn want(&mut self, len: usize) -> io::Result<usize> {
        if self.end - self.start >= len { Ok(len) } else { self.read_on(len) }
    }

    #[cold]
    fn read_on(&mut self, len: usize) -> io::Result<usize> {
        if self.buffered_only {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.bytes.copy_within(self.start..self.end, 0);
        self.before += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        if self.bytes.len() < len {
            self.bytes.resize(len + BLOCK, 0);
        }
        while self.end < len {
            match self.input.read(&mut self.bytes[self.end..]) {
                Ok(0) => break,
                Ok(n) => self.end += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.end.min(len))
    }

    /// The bytes that the last [`want`](Self::want) made available.
    #[inline]
    pub(super) fn get(&self, len: usize) -> &[u8] {
        &self.bytes[self.start..(self.start + len).min(self.end)]
    }

    /// All bytes of the window.
    #[inline]
    pub(super) fn window(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Number of bytes in the window.
    pub(super) const fn held(&self) -> usize {
        self.end - self.start
    }

    /// The buffered bytes, and those that come with one more read, if any come at the moment.
    pub(super) fn more(&mut self) -> &[u8] {
        let held = self.end - self.start;
        if held < ENOUGH {
            // An error comes again when the bytes are needed.
            let _ = self.want(held + 1);
        }
        &self.bytes[self.start..self.end]
    }

    /// The bytes at `from..to` of the window, which a [`want`](Self::want) made available.
    pub(super) fn range(&self, from: usize, to: usize) -> &[u8] {
        &self.get(to)[from..]
    }

    /// Whether to use buffered bytes only: if more are needed, [`want`](Self::want) fails with
    /// `WouldBlock`.
    pub(super) const fn set_buffered_only(&mut self, buffered_only: bool) {
        self.buffered_only = buffered_only;
    }

    /// The offset of a byte of the window in the memory that [`lend`](Self::lend) hands over.
    pub(super) const fn position(&self, at: usize) -> usize {
        self.start + at
    }

    /// Hands over the memory, which holds `frames` frames, and continues in `memory` with the bytes
    /// that were not used up.
    pub(super) fn lend(&mut self, memory: &mut Vec<u8>, frames: usize) {
        let rest = self.end - self.start;
        let room = rest.max(if self.start > frames * LARGE_RECORD { LARGE } else { BLOCK });
        // Memory that was lent before is not cleared: to fill it with zeros once more would cost as
        // much as a copy. New memory is zero without that.
        if memory.len() < room {
            *memory = vec![0; room];
        }
        memory[..rest].copy_from_slice(&self.bytes[self.start..self.end]);
        std::mem::swap(&mut self.bytes, memory);
        self.before += self.start as u64;
        (self.start, self.end) = (0, rest);
    }

    /// Moves the window forward by `len` available bytes.
    #[inline]
    pub(super) fn skip(&mut self, len: usize) {
        self.start = (self.start + len).min(self.end);
    }

    /// Moves the window forward by `len` bytes, available or not. Returns how many were missing at
    /// the end of the stream.
    pub(super) fn discard(&mut self, mut len: usize) -> io::Result<usize> {
        if self.buffered_only && self.end - self.start < len {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        loop {
            let step = len.min(BLOCK);
            let there = self.wait(step)?;
            self.skip(there);
            len -= there;
            if len == 0 || there < step {
                return Ok(len);
            }
        }
    }
}

/// Reads integers in the byte order of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    #[inline]
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let raw = chunk(bytes, at);
        match self {
            Self::Little => u16::from_le_bytes(raw),
            Self::Big => u16::from_be_bytes(raw),
        }
    }

    #[inline]
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let raw = chunk(bytes, at);
        match self {
            Self::Little => u32::from_le_bytes(raw),
            Self::Big => u32::from_be_bytes(raw),
        }
    }

    #[inline]
    pub(super) fn u64(self, bytes: &[u8], at: usize) -> u64 {
        let raw = chunk(bytes, at);
        match self {
            Self::Little => u64::from_le_bytes(raw),
            Self::Big => u64::from_be_bytes(raw),
        }
    }
}

/// The bytes at offset `at`; zeros where there are none.
#[inline]
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let there = bytes.get(at..).and_then(|behind| behind.first_chunk());
    there
        .copied()
        .unwrap_or_else(|| std::array::from_fn(|i| bytes.get(at + i).copied().unwrap_or(0)))
}
