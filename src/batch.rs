//! What travels over the channel: segments and the payload bytes that the classifier needs of them.
//!
//! A message per packet costs two to three times a batch (`benches/README.md`). Batches are recycled: nothing is allocated for
//! a packet once the first ones have grown.

use crate::decode::Segment;
use crate::flow::SIDE_BYTES;

/// Segments in a full batch.
pub const SEGMENTS: usize = 1024;
/// Payload bytes that fill a batch before its segments do.
const BYTES: usize = 1 << 20;

/// Segments in capture order.
#[derive(Debug, Default)]
pub struct Batch {
    segments: Vec<Segment>,
    bytes: Vec<u8>,
}

impl Batch {
    /// Adds a segment and as much of its payload as an opening can hold.
    pub fn push(&mut self, mut segment: Segment, payload: &[u8]) {
        let kept = &payload[..payload.len().min(SIDE_BYTES)];
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(kept);
        segment.payload = start..start + kept.len() as u32;
        self.segments.push(segment);
    }

    /// Whether it should be sent.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.segments.len() >= SEGMENTS || self.bytes.len() >= BYTES
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
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// What was kept of a segment's payload.
    #[must_use]
    pub fn payload(&self, segment: &Segment) -> &[u8] {
        self.bytes.get(segment.payload.start as usize..segment.payload.end as usize).unwrap_or(&[])
    }

    /// Empties it for the next use; its memory stays.
    pub fn clear(&mut self) {
        self.segments.clear();
        self.bytes.clear();
    }
}
