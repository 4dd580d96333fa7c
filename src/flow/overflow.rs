//! What few flows have, apart from what all have: gaps, many sizes, IPv6 addresses, and numbers
//! that 32 bits do not hold.

use std::slice::from_ref;

use prefetch_index::prefetch_index;

use super::chunked_vec::ChunkedVec;
use super::sizes::MoreSizes;
use crate::time::Time;

/// What a flow has that not all have. Arrays are by the ends of the key.
#[derive(Debug, Clone, Default)]
pub(super) struct FlowOverflow {
    /// The last gap in an end's sequence numbers, empty where there is none: a segment that fills
    /// it was reordered, not sent again.
    pub(super) gap: [(u32, u32); 2],
    pub(super) sizes: MoreSizes,
    wide: Option<Box<WideFields>>,
}

/// Addresses of IPv6, and numbers that do not fit.
#[derive(Debug, Clone, Default)]
pub(super) struct WideFields {
    pub(super) addresses: Option<[u64; 4]>,
    pub(super) high: [UpperHalves; 2],
    pub(super) last_frame: u64,
    pub(super) syn: Time,
    pub(super) handshake_ns: u64,
}

/// Upper halves of an end's counts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UpperHalves {
    pub(super) packets: u32,
    pub(super) bytes: u32,
    pub(super) payload: u32,
    /// Of 65,536 each.
    pub(super) retransmissions: u32,
}

impl FlowOverflow {
    /// Its wide numbers, where it has some.
    pub(super) fn wide(&self) -> Option<&WideFields> {
        self.wide.as_deref()
    }

    /// Its wide numbers, made where they are not there.
    pub(super) fn widen(&mut self) -> &mut WideFields {
        self.wide.get_or_insert_default()
    }

    /// Upper halves of an end's counts.
    pub(super) fn high(&self, end: usize) -> UpperHalves {
        self.wide().map_or_else(UpperHalves::default, |wide| wide.high[end])
    }
}

/// The places of a table's.
#[derive(Debug, Default)]
pub(super) struct OverflowTable {
    slots: ChunkedVec<FlowOverflow, 1024>,
    free: Vec<u32>,
}

impl OverflowTable {
    /// The one at a slot, which counts from 1.
    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&FlowOverflow> {
        self.slots.get((slot as usize).checked_sub(1)?)
    }

    /// Asks for the one at a place.
    #[inline]
    pub(super) fn prefetch(&self, slot: u32) {
        if let Some(overflow) = self.get(slot) {
            prefetch_index(from_ref(overflow), 0);
        }
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut FlowOverflow> {
        self.slots.get_mut((slot as usize).checked_sub(1)?)
    }

    /// Changes the one at a place; where that is zero, a new one, whose place is written there.
    pub(super) fn change(&mut self, slot: &mut u32, change: impl FnOnce(&mut FlowOverflow)) {
        if *slot == 0 {
            *slot = self
                .free
                .pop()
                .unwrap_or_else(|| self.slots.push(FlowOverflow::default()) as u32 + 1);
        }
        if let Some(overflow) = self.get_mut(*slot) {
            change(overflow);
        }
    }

    /// Takes it out of its slot, which is zero then.
    pub(super) fn take(&mut self, slot: &mut u32) -> FlowOverflow {
        let at = std::mem::take(slot);
        let Some(overflow) = self.get_mut(at).map(std::mem::take) else {
            return FlowOverflow::default();
        };
        self.free.push(at);
        overflow
    }
}
