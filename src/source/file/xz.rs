//! xz (<https://tukaani.org/xz/xz-file-format.txt>) as a stream: concatenated streams, with padding
//! between them.

use std::io::{self, BufRead, BufReader, Read};

use lzma_rust2::{Action, Status, XzStream};

/// Maximum KiB of memory for decoding: twice that of the largest preset.
const MEMORY: u32 = 128 << 10;

/// The decompressed stream. The decoder is driven step by step, because a damaged stream may leave
/// it where no step makes progress.
pub(super) struct Xz<R> {
    input: BufReader<R>,
    decoder: XzStream,
}

impl<R: Read> Xz<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input: BufReader::new(input), decoder: XzStream::new_mem_limit(true, MEMORY) }
    }
}

impl<R: Read> Read for Xz<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let input = self.input.fill_buf()?;
            let at_end = input.is_empty();
            let step = self.decoder.process(
                input,
                into,
                if at_end { Action::Finish } else { Action::Run },
            )?;
            self.input.consume(step.bytes_consumed);
            match step.status {
                _ if step.bytes_produced > 0 || into.is_empty() => return Ok(step.bytes_produced),
                Status::StreamEnd => return Ok(0),
                Status::Ok if step.bytes_consumed > 0 => {}
                Status::Ok if at_end => return Err(io::ErrorKind::UnexpectedEof.into()),
                Status::Ok => return Err(io::Error::other("it leads nowhere")),
            }
        }
    }
}
