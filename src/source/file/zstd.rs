//! Zstandard (RFC 8878) as a stream: frames behind each other, those to be skipped among them.

use std::io::{self, BufReader, Read};

use zstd::stream::read::Decoder;

/// Binary logarithm of the bytes of what came out that a frame may refer back to, and that are kept for it. Larger ones are
/// refused, as by `zstd -d` without `--long`: no level compresses with more.
const WINDOW: u32 = 27;
/// What the library says where a frame refers back further.
const TOO_FAR: &str = "Frame requires too much memory for decoding";

/// The stream.
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
        self.0.read(into).map_err(|error| match error.get_ref() {
            Some(said) if said.to_string() == TOO_FAR => io::ErrorKind::OutOfMemory.into(),
            _ => error,
        })
    }
}
