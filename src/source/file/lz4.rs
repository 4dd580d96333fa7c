//! LZ4 frames as a stream, concatenated frames included.

use std::io::{self, BufReader, Read};

use lz4_flex::frame::FrameDecoder;

/// The legacy format, whose frames end with the file and not with an end mark.
const LEGACY: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];

/// Bytes of a block header, of the end mark in its place, and of the checksum that may follow.
const WORD: usize = 4;

/// The decompressed stream.
pub(super) struct Lz4<R: Read> {
    /// Decoder of one frame: the next may have blocks of another size. Always present between two
    /// reads.
    decoder: Option<FrameDecoder<Watched<BufReader<R>>>>,
    /// Bytes of the input before a possible next frame; `None` within a frame.
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
    /// The decoder accepts an input that ends between two blocks. Only an end between two frames is
    /// valid.
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
            // Otherwise the block was empty.
            if input.marked {
                self.boundary = Some(input.taken);
                self.decoder =
                    self.decoder.take().map(|decoder| FrameDecoder::new(decoder.into_inner()));
            }
        }
    }
}

/// Observes the beginning of the input, its position and its end.
struct Watched<R> {
    input: R,
    first: Vec<u8>,
    taken: u64,
    /// A read at the end of the input.
    ended: bool,
    /// The last word was an end mark.
    mark: bool,
    /// The last word was an end mark, or a checksum after one.
    marked: bool,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut read = self.input.read(into)?;
        // A word is read whole, even if it comes in two parts.
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
