//! LZ4 frames as a stream, frames behind each other among them.

use std::io::{self, BufReader, Read};

use lz4_flex::frame::FrameDecoder;

/// The old form, whose frames end with the file and not with a mark.
const LEGACY: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];

/// Bytes of a block's header, of the mark in its place at the end of a frame, and of the checksum
/// that may follow.
const WORD: usize = 4;

/// The stream.
pub(super) struct Lz4<R: Read> {
    /// Of one frame: the next may have blocks of another size. Always there between two reads.
    decoder: Option<FrameDecoder<Watched<BufReader<R>>>>,
    /// Bytes of the input before the frame that may come next; none within a frame.
    boundary: Option<u64>,
}

impl<R: Read> Lz4<R> {
    pub(super) fn new(input: R) -> Self {
        let input = BufReader::new(input);
        let watched = Watched {
            input,
            first: Vec::new(),
            taken: 0,
            ended: false,
            mark: false,
            marked: false,
        };
        Self { decoder: Some(FrameDecoder::new(watched)), boundary: None }
    }
}

impl<R: Read> Read for Lz4<R> {
    /// The decoder takes an input that ends between two blocks for whole. Only between two frames
    /// it is.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.decoder else {
                return Err(io::Error::other("its decoder is lost"));
            };
            let read = decoder.read(into)?;
            if read > 0 || into.is_empty() {
                self.boundary = None;
                return Ok(read);
            }
            let input = decoder.get_ref();
            if input.ended {
                let whole = self.boundary == Some(input.taken) || input.first == LEGACY;
                return if whole { Ok(0) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
            // Else it was a block with nothing in it.
            if input.marked {
                self.boundary = Some(input.taken);
                self.decoder =
                    self.decoder.take().map(|decoder| FrameDecoder::new(decoder.into_inner()));
            }
        }
    }
}

/// Sees what the input begins with, how much of it is taken and where it ends.
struct Watched<R> {
    input: R,
    first: Vec<u8>,
    taken: u64,
    /// It was asked for more at its end.
    ended: bool,
    /// The last word was the mark at a frame's end.
    mark: bool,
    /// It was, or the one before it was and it is a checksum.
    marked: bool,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut read = self.input.read(into)?;
        // A word is taken whole, though it may lie in two pieces.
        while into.len() == WORD && (1..WORD).contains(&read) {
            match self.input.read(&mut into[read..]) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let mark = read == WORD && *into == [0; WORD];
        self.marked = mark || self.mark && read == WORD;
        self.mark = mark;
        self.taken += read as u64;
        self.ended |= read == 0 && !into.is_empty();
        if self.first.len() < LEGACY.len() {
            self.first.extend(&into[..read.min(LEGACY.len() - self.first.len())]);
        }
        Ok(read)
    }
}
