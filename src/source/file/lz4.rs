//! LZ4 frames as a stream, frames behind each other among them.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use lz4_flex::frame::FrameDecoder;

/// The old form, whose frames end with the file and not with a mark.
const LEGACY: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];

/// Bytes of a block's header, of the mark in its place at the end of a frame, and of the checksum that may follow.
const WORD: usize = 4;

/// The stream.
pub(super) struct Lz4<R: Read> {
    /// Of one frame: the next may have blocks of another size. Always there between two reads.
    decoder: Option<FrameDecoder<Watched<BufReader<R>>>>,
    seen: Arc<Seen>,
    /// Bytes of the input before the frame that may come next; none within a frame.
    boundary: Option<u64>,
}

/// What is known of the input.
#[derive(Default)]
struct Seen {
    taken: AtomicU64,
    /// It was asked for more at its end.
    ended: AtomicBool,
    legacy: AtomicBool,
    /// The last word that was taken is the mark at a frame's end, or the one before it is and the last is a checksum.
    marked: AtomicBool,
}

impl<R: Read> Lz4<R> {
    pub(super) fn new(input: R) -> Self {
        let seen = Arc::new(Seen::default());
        let input = Watched { input: BufReader::new(input), first: Vec::new(), mark: false, seen: Arc::clone(&seen) };
        Self { decoder: Some(FrameDecoder::new(input)), seen, boundary: None }
    }
}

impl<R: Read> Read for Lz4<R> {
    /// The decoder takes an input that ends between two blocks for whole. Only between two frames it is.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.decoder else { return Err(io::Error::other("its decoder is lost")) };
            let read = decoder.read(into)?;
            if read > 0 || into.is_empty() {
                self.boundary = None;
                return Ok(read);
            }
            let taken = self.seen.taken.load(Ordering::Relaxed);
            let marked = self.seen.marked.load(Ordering::Relaxed);
            if self.seen.ended.load(Ordering::Relaxed) {
                let whole = self.boundary == Some(taken) || self.seen.legacy.load(Ordering::Relaxed);
                return if whole { Ok(0) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
            // Else it was a block with nothing in it.
            if marked {
                self.boundary = Some(taken);
                self.decoder = self.decoder.take().map(|decoder| FrameDecoder::new(decoder.into_inner()));
            }
        }
    }
}

/// Sees what the input begins with, how much of it is taken and where it ends.
struct Watched<R> {
    input: R,
    first: Vec<u8>,
    /// The last word was the mark at a frame's end.
    mark: bool,
    seen: Arc<Seen>,
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
        self.seen.marked.store(mark || self.mark && read == WORD, Ordering::Relaxed);
        self.mark = mark;
        self.seen.taken.fetch_add(read as u64, Ordering::Relaxed);
        if read == 0 && !into.is_empty() {
            self.seen.ended.store(true, Ordering::Relaxed);
        }
        if self.first.len() < LEGACY.len() {
            self.first.extend(&into[..read.min(LEGACY.len() - self.first.len())]);
            self.seen.legacy.store(self.first == LEGACY, Ordering::Relaxed);
        }
        Ok(read)
    }
}
