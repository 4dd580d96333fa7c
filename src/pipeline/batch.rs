//! What travels over a worker's channel: segments, and the block of frames that holds their
//! payloads.
//!
//! A message per packet costs two to three times as much as a batch (`benches/README.md`). Batches
//! and blocks are reused: once the first ones have grown, no packet allocates, and payloads are not
//! copied.

use std::sync::Arc;

use crate::flow::{CapturedPayload, KeyedQuote, KeyedSegment, SIDE_BYTES};
use crate::source::Block;

/// Segments for which a batch first reserves memory. The allocator returns allocations of more than
/// half a MiB to the system when they are freed; memory that is reserved and not used costs
/// nothing.
const RESERVED_SEGMENTS: usize = 8192;

/// Bytes of a TCP header at most (RFC 9293, section 3.1).
const LONGEST_HEADER: usize = 60;

/// A segment in a batch.
#[derive(Debug, Clone)]
pub struct BatchedSegment {
    /// The segment with its flow key and hash.
    pub keyed: KeyedSegment,
    /// Index of the worker's table that owns the flow.
    pub table: u8,
    /// The payload lies in [`Batch::reassembled`], not in the block.
    is_reassembled: bool,
    len: u16,
    at: u32,
}

/// An ICMP error in a batch.
#[derive(Debug)]
pub struct BatchedQuote {
    /// The error with the key and hash of the quoted flow.
    pub keyed: KeyedQuote,
    /// Index of the worker's table that owns the flow.
    pub table: usize,
    /// Number of segments of the batch that were captured before the error.
    pub after: usize,
}

/// Segments in capture order, all from one block.
#[derive(Debug, Default)]
pub struct Batch {
    segments: Vec<BatchedSegment>,
    /// ICMP errors in capture order. They are few: beside the segments they cost those nothing.
    quotes: Vec<BatchedQuote>,
    block: Option<Arc<Block>>,
    /// Payloads of datagrams that were reassembled from fragments: no frame holds them.
    reassembled: Vec<u8>,
}

impl Batch {
    /// Adds a segment and as much of its payload as an opening can hold. A payload within `block`
    /// is stored as an offset: [`attach`](Self::attach) the same block before the batch is sent.
    #[inline]
    pub fn push(&mut self, keyed: KeyedSegment, table: usize, payload: &[u8], block: &Block) {
        let kept = &payload[..payload.len().min(SIDE_BYTES)];
        let (is_reassembled, at) = match block.offset_of(kept) {
            Some(at) => (false, at),
            None => (true, self.copy(kept)),
        };
        let (len, at) = (kept.len() as u16, at as u32);
        if self.segments.is_empty() {
            self.segments.reserve(RESERVED_SEGMENTS);
        }
        self.segments.push(BatchedSegment { keyed, table: table as u8, is_reassembled, len, at });
    }

    /// Adds an ICMP error.
    pub fn push_quote(&mut self, keyed: KeyedQuote, table: usize) {
        self.quotes.push(BatchedQuote { keyed, table, after: self.segments.len() });
    }

    /// Copies a payload into the batch and returns its offset.
    #[cold]
    fn copy(&mut self, payload: &[u8]) -> usize {
        self.reassembled.extend_from_slice(payload);
        self.reassembled.len() - payload.len()
    }

    /// Attaches the block that holds the payloads.
    pub fn attach(&mut self, block: &Arc<Block>) {
        self.block = Some(Arc::clone(block));
    }

    /// Number of segments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.segments.len()
    }

    /// Whether the batch has neither segments nor ICMP errors.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.quotes.is_empty()
    }

    /// The segments in capture order.
    #[must_use]
    pub fn segments(&self) -> &[BatchedSegment] {
        &self.segments
    }

    /// The ICMP errors in capture order.
    #[must_use]
    pub fn quotes(&self) -> &[BatchedQuote] {
        &self.quotes
    }

    /// The kept part of a segment's payload.
    #[must_use]
    #[inline]
    pub const fn payload<'b>(&'b self, segment: &'b BatchedSegment) -> BatchedPayload<'b> {
        BatchedPayload { batch: self, segment }
    }

    /// Empties the batch for reuse and releases its block; allocated memory stays.
    pub fn clear(&mut self) {
        self.segments.clear();
        self.quotes.clear();
        self.reassembled.clear();
        self.block = None;
    }
}

/// The kept part of the payload of a segment in a batch.
#[derive(Debug, Clone, Copy)]
pub struct BatchedPayload<'b> {
    batch: &'b Batch,
    segment: &'b BatchedSegment,
}

impl BatchedPayload<'_> {
    /// The block that holds the payload, and the offset of the payload in it.
    fn place(&self) -> (Option<&Block>, usize) {
        let block = self.batch.block.as_deref().filter(|_| !self.segment.is_reassembled);
        (block, self.segment.at as usize)
    }
}

impl CapturedPayload for BatchedPayload<'_> {
    #[inline]
    fn captured_len(&self) -> usize {
        usize::from(self.segment.len)
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        let len = self.captured_len();
        match self.place() {
            (Some(block), at) => block.bytes(at, len),
            (None, at) => self.batch.reassembled.get(at..at + len).unwrap_or(&[]),
        }
    }

    fn before(&self) -> &[u8] {
        let (block, at) = self.place();
        let len = at.min(LONGEST_HEADER);
        block.map_or(&[], |block| block.bytes(at - len, len))
    }
}
