//! Compressed captures, recognised by their first bytes and never by their names, as the stream of
//! the capture in them.
//!
//! Concatenated members are one stream, as for `gunzip` and the others. Memory does not grow with
//! the decompressed size, and input that expands beyond reason is refused: see [`FREE`] and
//! [`MAX_RATIO`].

use std::fmt;
use std::io::{self, Chain, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;

use super::lz4::Lz4;
use super::xz::Xz;
use super::zstd::Zstd;

/// Bytes that identify the format of a stream.
pub(super) const PEEK_BYTES: usize = 16;
/// Decompressed bytes that are allowed whatever the input.
const FREE: u64 = 256 << 20;
/// Beyond [`FREE`], decompressed bytes per byte of input. A capture of ordinary traffic stays below
/// 20, one of nothing but empty answers below 60; gzip ends at 1,032, zstd and bzip2 have no limit.
const MAX_RATIO: u64 = 250;

/// A stream of which the first bytes were read and put back.
pub(super) type Peeked<R> = Chain<Cursor<Vec<u8>>, R>;

/// Reads the first bytes of a stream; returns them and the whole stream.
pub(super) fn peek<R: Read>(mut input: R) -> io::Result<(Vec<u8>, Peeked<R>)> {
    let mut first = Vec::with_capacity(PEEK_BYTES);
    while first.len() < PEEK_BYTES {
        match input.by_ref().take((PEEK_BYTES - first.len()) as u64).read_to_end(&mut first) {
            Ok(0) => break,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
    Ok((first.clone(), Cursor::new(first).chain(input)))
}

/// The compression of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// <https://tukaani.org/xz/xz-file-format.txt>.
    Xz,
    /// <https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>.
    Lz4,
    /// <https://sourceware.org/bzip2/>.
    Bzip2,
}

impl Compression {
    /// The compression of a stream with these first bytes.
    pub(super) fn from_magic(first: &[u8]) -> Option<Self> {
        match first {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            // A frame, or a skippable one, with which parallel compressors begin.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..] => Some(Self::Lz4),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => Some(Self::Bzip2),
            _ => None,
        }
    }

    /// The command that decompresses without our limits.
    const fn command(self) -> &'static str {
        match self {
            Self::Gzip => "gunzip -c",
            Self::Zstd => "zstd -dc --long=31",
            Self::Xz => "xz -dc",
            Self::Lz4 => "lz4 -dc",
            Self::Bzip2 => "bunzip2 -c",
        }
    }

    /// The decompressed stream. Fails if the decoder cannot allocate its memory.
    pub(super) fn open(self, input: impl Read + Send + 'static) -> io::Result<Unpacked> {
        let taken = Arc::new(AtomicU64::new(0));
        let input = CountedInput { input, count: Arc::clone(&taken) };
        let stream: Box<dyn Read + Send> = match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(input)),
            Self::Zstd => Box::new(Zstd::new(input)?),
            Self::Xz => Box::new(Xz::new(input)),
            Self::Lz4 => Box::new(Lz4::new(input)),
            Self::Bzip2 => Box::new(MultiBzDecoder::new(input)),
        };
        Ok(Unpacked { compression: self, stream, taken, given: 0, free: FREE })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Lz4 => "lz4",
            Self::Bzip2 => "bzip2",
        })
    }
}

/// A decompressed stream.
pub(super) struct Unpacked {
    compression: Compression,
    stream: Box<dyn Read + Send>,
    taken: Arc<AtomicU64>,
    given: u64,
    free: u64,
}

impl Read for Unpacked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Self { compression, .. } = *self;
        let read = self.stream.read(into).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            io::ErrorKind::UnexpectedEof => io::Error::other(format!(
                "the {compression} stream is incomplete; the file was truncated"
            )),
            io::ErrorKind::OutOfMemory => io::Error::other(format!(
                "the {compression} stream needs too much memory; try `{} FILE | portlore replay -`",
                compression.command()
            )),
            _ => io::Error::other(format!("the {compression} stream is damaged: {error}")),
        })?;
        self.given += read as u64;
        let taken = self.taken.load(Ordering::Relaxed);
        if self.given > self.free && self.given / MAX_RATIO > taken {
            return Err(io::Error::other(format!(
                "refused: the {compression} stream expands more than {MAX_RATIO}-fold (possible decompression bomb); to read it anyway: `{} FILE | portlore replay -`",
                compression.command()
            )));
        }
        Ok(read)
    }
}

/// Counts the bytes of the input. Waits if none come, because decoders cannot stop in the middle.
struct CountedInput<R> {
    input: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for CountedInput<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.input.read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(read) => {
                    self.count.fetch_add(read as u64, Ordering::Relaxed);
                    return Ok(read);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests;
