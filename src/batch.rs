//! What travels over the channel: segments, and the block of frames in which their payloads lie.
//!
//! A message per packet costs two to three times a batch (`benches/README.md`). Batches and blocks
//! are recycled: nothing is allocated for a packet once the first ones have grown, and payloads are
//! not copied.

use std::sync::Arc;

use crate::flow::{KeyedSegment, SIDE_BYTES};
use crate::source::Block;

/// Segments that a batch begins with room for: a piece of memory that the allocator gives back to
/// the system when it is let go, which it does with those of more than half a MiB. What is not used
/// costs nothing.
const ROOM: usize = 8192;

/// A segment on its way.
#[derive(Debug, Clone)]
pub struct Carried {
    /// The segment.
    pub keyed: KeyedSegment,
    /// The table of the classifier that it is for.
    pub table: u8,
    /// Its payload is none of the block's.
    joined: bool,
    len: u16,
    at: u32,
}

/// Segments in capture order, all from one block.
#[derive(Debug, Default)]
pub struct Batch {
    segments: Vec<Carried>,
    block: Option<Arc<Block>>,
    /// Payloads that are no part of a frame: those of datagrams that were joined.
    joined: Vec<u8>,
}

impl Batch {
    /// Adds a segment and as much of its payload as an opening can hold: as a place in `block`,
    /// which is to be handed over with [`attach`](Self::attach).
    #[inline]
    pub fn push(&mut self, keyed: KeyedSegment, table: usize, payload: &[u8], block: &Block) {
        let kept = &payload[..payload.len().min(SIDE_BYTES)];
        let (joined, at) = match block.offset_of(kept) {
            Some(at) => (false, at),
            None => (true, self.join(kept)),
        };
        let (len, at) = (kept.len() as u16, at as u32);
        if self.segments.is_empty() {
            self.segments.reserve(ROOM);
        }
        self.segments.push(Carried { keyed, table: table as u8, joined, len, at });
    }

    #[cold]
    fn join(&mut self, payload: &[u8]) -> usize {
        self.joined.extend_from_slice(payload);
        self.joined.len() - payload.len()
    }

    /// Gives it the block that its payloads lie in.
    pub fn attach(&mut self, block: &Arc<Block>) {
        self.block = Some(Arc::clone(block));
    }

    /// Segments in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.segments.len()
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The segments.
    #[must_use]
    pub fn segments(&self) -> &[Carried] {
        &self.segments
    }

    /// What was kept of a segment's payload.
    #[must_use]
    #[inline]
    pub fn payload(&self, segment: &Carried) -> &[u8] {
        let (at, len) = (segment.at as usize, usize::from(segment.len));
        match &self.block {
            Some(block) if !segment.joined => block.bytes(at, len),
            _ => self.joined.get(at..at + len).unwrap_or(&[]),
        }
    }

    /// Empties it for the next use and lets the block go; its memory stays.
    pub fn clear(&mut self) {
        self.segments.clear();
        self.joined.clear();
        self.block = None;
    }
}
