//! Segments of one side that came before others which they follow: kept until these come, or are given up.

/// Segments that wait for one before them.
const MOST: usize = 16;

/// A segment that came too early.
#[derive(Debug, Clone, Copy)]
pub(super) struct Early {
    /// Bytes from the stream's first.
    pub(super) distance: u32,
    pub(super) frame: u64,
    pub(super) wire_len: u32,
    from: u32,
    to: u32,
}

/// The segments by distance, and their bytes in one place: nothing is allocated for a segment once this has grown.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    segments: Vec<Early>,
    bytes: Vec<u8>,
    /// Those of `bytes` that are still some segment's.
    live: usize,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Adds a segment unless one of the same distance waits already; says whether there are now too many.
    pub(super) fn insert(&mut self, distance: u32, frame: u64, bytes: &[u8], wire_len: u32) -> bool {
        if let Err(at) = self.segments.binary_search_by_key(&distance, |early| early.distance) {
            self.tidy();
            let from = self.bytes.len() as u32;
            self.bytes.extend_from_slice(bytes);
            self.live += bytes.len();
            self.segments.insert(at, Early { distance, frame, wire_len, from, to: self.bytes.len() as u32 });
        }
        self.segments.len() > MOST
    }

    /// The nearest.
    pub(super) fn first(&self) -> Option<Early> {
        self.segments.first().copied()
    }

    /// What was captured of a segment that waits.
    pub(super) fn bytes(&self, early: Early) -> &[u8] {
        self.bytes.get(early.from as usize..early.to as usize).unwrap_or(&[])
    }

    /// Takes the nearest out.
    pub(super) fn remove_first(&mut self) {
        if !self.segments.is_empty() {
            let gone = self.segments.remove(0);
            self.live -= (gone.to - gone.from) as usize;
        }
    }

    pub(super) fn clear(&mut self) {
        self.segments.clear();
        self.bytes.clear();
        self.live = 0;
    }

    /// Bytes of memory that it holds.
    pub(super) fn footprint(&self) -> usize {
        size_of::<Self>() + self.segments.capacity() * size_of::<Early>() + self.bytes.capacity()
    }

    /// Throws bytes out that are nobody's before they outweigh the others.
    fn tidy(&mut self) {
        if self.live == 0 {
            self.bytes.clear();
        } else if self.bytes.len() > 2 * self.live {
            let old = std::mem::take(&mut self.bytes);
            let mut kept = Vec::with_capacity(old.len());
            for early in &mut self.segments {
                let from = kept.len() as u32;
                kept.extend_from_slice(old.get(early.from as usize..early.to as usize).unwrap_or(&[]));
                (early.from, early.to) = (from, kept.len() as u32);
            }
            self.bytes = kept;
        }
    }
}
