//! Zstandard (RFC 8878) as a stream: concatenated frames, skippable ones among them.

use std::io::{self, BufReader, Read};

use zstd::stream::read::Decoder;
use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode;

/// Binary logarithm of the window: the decompressed bytes that a frame may refer back to, and that
/// are held in memory. Larger windows are refused, as by `zstd -d` without `--long`: no level
/// compresses with more.
const WINDOW: u32 = 27;
/// A frame refers back further, or there is no memory for the window.
const TOO_MUCH: [ZSTD_ErrorCode; 2] = [
    ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge,
    ZSTD_ErrorCode::ZSTD_error_memory_allocation,
];

/// The decompressed stream.
pub(super) struct Zstd<R: Read>(Decoder<'static, BufReader<R>>);

impl<R: Read> Zstd<R> {
    pub(super) fn new(input: R) -> io::Result<Self> {
        let mut decoder = Decoder::new(input)?;
        decoder.window_log_max(WINDOW)?;
        Ok(Self(decoder))
    }
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into).map_err(|error| {
            match error.get_ref().and_then(|inner| inner.downcast_ref::<zstd::Error>()) {
                Some(known) if TOO_MUCH.into_iter().any(|code| known.is(code)) => {
                    io::ErrorKind::OutOfMemory.into()
                }
                _ => error,
            }
        })
    }
}
