//! Zstandard (RFC 8878) as a stream: frames behind each other, those to be skipped among them.

use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::errors::{FrameDecoderError, FrameHeaderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Bytes of what came out that a frame may refer back to, and that are kept for it, for a moment twice. Larger ones are
/// refused.
const WINDOW: u64 = 64 << 20;

/// The stream.
pub(super) struct Zstd<R> {
    input: BufReader<R>,
    decoder: FrameDecoder,
    within_frame: bool,
}

impl<R: Read> Zstd<R> {
    pub(super) fn new(input: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        Self { input: BufReader::new(input), decoder, within_frame: false }
    }

    /// Begins the next frame; false at the end of the stream.
    fn begin(&mut self) -> io::Result<bool> {
        loop {
            if self.input.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.input) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut self.input.by_ref().take(length.into()), &mut io::sink())?;
                    if skipped < u64::from(length) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(as_io(error)),
            }
        }
    }

    fn is_intact(&self) -> bool {
        self.decoder.get_checksum_from_data().is_none_or(|stated| self.decoder.get_calculated_checksum() == Some(stated))
    }
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.within_frame && !self.begin()? {
                return Ok(0);
            }
            self.within_frame = true;
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder.decode_blocks(&mut self.input, BlockDecodingStrategy::UptoBlocks(1)).map_err(as_io)?;
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(into);
            }
            if !self.is_intact() {
                return Err(io::Error::other("a checksum does not match"));
            }
            self.within_frame = false;
        }
    }
}

/// A stream that ends in the middle, or wants too much, as such; anything else by its words.
#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn as_io(error: FrameDecoderError) -> io::Error {
    if matches!(
        error,
        FrameDecoderError::WindowSizeTooBig { .. } | FrameDecoderError::FrameHeaderError(FrameHeaderError::WindowTooBig { .. })
    ) {
        return io::ErrorKind::OutOfMemory.into();
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if inner.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof) {
            return io::ErrorKind::UnexpectedEof.into();
        }
        cause = inner.source();
    }
    io::Error::other(error.to_string())
}
