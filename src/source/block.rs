//! A block: many frames and the bytes that hold them, which travels from the capture thread to the
//! classifiers without being copied.

use super::{Frame, LinkType};
use crate::time::Time;

/// Bytes and frames at which a block that is filled frame by frame is full: both fit in a
/// second-level cache.
const BYTES: usize = 256 * 1024;
const FRAMES: usize = 4096;

/// Initial capacity in bytes of a block that is filled frame by frame. The allocator returns
/// allocations of more than half a MiB to the system when they are freed; smaller ones share its
/// pages with what stays. Memory that is not used costs nothing.
const ROOM: usize = 768 * 1024;

/// The position of a frame in the block and the fields of its header.
#[derive(Debug, Clone, Copy)]
struct Slot {
    time: Time,
    wire_len: u32,
    from: u32,
    to: u32,
    interface: u32,
    link: LinkType,
}

/// Frames in capture order, and their bytes.
#[derive(Debug, Default)]
pub struct Block {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    /// Number of the first frame; the others follow without a gap.
    first: u64,
}

impl Block {
    /// Number of frames.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether the block has no frames.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether more frames should be copied into the block.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.slots.is_empty() || (self.bytes.len() < BYTES && self.slots.len() < FRAMES)
    }

    /// Copies a frame into the block.
    pub fn push(&mut self, frame: &Frame<'_>) {
        if self.slots.is_empty() {
            self.bytes.clear();
            self.bytes.reserve(ROOM);
            self.slots.reserve(ROOM / size_of::<Slot>());
        }
        let from = self.bytes.len();
        self.bytes.extend_from_slice(frame.bytes);
        let to = self.bytes.len();
        self.add(&Frame { bytes: &[], ..*frame }, from, to);
    }

    /// Adds a frame whose bytes are at `from..to` of the memory that [`memory`](Self::memory) will
    /// hold.
    #[inline]
    pub(super) fn add(&mut self, frame: &Frame<'_>, from: usize, to: usize) {
        if self.slots.is_empty() {
            self.first = frame.number;
        }
        let Frame { time, link, interface, wire_len, .. } = *frame;
        self.slots.push(Slot { time, wire_len, from: from as u32, to: to as u32, interface, link });
    }

    /// The memory of the block, to be exchanged for memory that already holds the frames.
    pub(super) const fn memory(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The frames, without the first `but`.
    pub fn frames(&self, but: usize) -> impl Iterator<Item = Frame<'_>> {
        let numbered = (self.first + but as u64..).zip(self.slots.get(but..).unwrap_or(&[]));
        numbered.map(|(number, slot)| Frame {
            number,
            time: slot.time,
            link: slot.link,
            interface: slot.interface,
            wire_len: slot.wire_len,
            bytes: self.bytes.get(slot.from as usize..slot.to as usize).unwrap_or(&[]),
        })
    }

    /// The offset of `part` in the memory of the block; `None` if it is no slice of it.
    #[must_use]
    pub fn offset_of(&self, part: &[u8]) -> Option<usize> {
        let at = (part.as_ptr() as usize).checked_sub(self.bytes.as_ptr() as usize)?;
        (at + part.len() <= self.bytes.len()).then_some(at)
    }

    /// `len` bytes at offset `at`; empty if they are not in the block.
    #[must_use]
    pub fn bytes(&self, at: usize, len: usize) -> &[u8] {
        self.bytes.get(at..at + len).unwrap_or(&[])
    }

    /// Removes the frames; the memory stays for the next ones.
    pub fn clear(&mut self) {
        self.slots.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_as_they_were_and_parts_of_them_are_found() {
        let mut block = Block::default();
        for number in 7..10 {
            let bytes = vec![number as u8; number as usize];
            block.push(&Frame {
                number,
                time: Time(number as i64),
                link: LinkType::ETHERNET,
                interface: 3,
                wire_len: 99,
                bytes: &bytes,
            });
        }
        let frames: Vec<_> =
            block.frames(1).map(|f| (f.number, f.time.0, f.wire_len, f.bytes.to_vec())).collect();
        assert_eq!(frames, [(8, 8, 99, vec![8; 8]), (9, 9, 99, vec![9; 9])]);
        let last = block.frames(2).next().unwrap();
        assert_eq!(
            (block.offset_of(&last.bytes[3..5]), block.bytes(18, 2)),
            (Some(18), &[9, 9][..])
        );
        assert_eq!(block.offset_of(&[9; 2]), None);
        block.clear();
        assert_eq!((block.is_empty(), block.frames(0).count()), (true, 0));
    }
}
