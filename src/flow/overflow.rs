//! What few flows have: gaps, many frame sizes, IPv6 addresses, and numbers that do not fit in 32
//! bits.

use std::slice::from_ref;

use prefetch_index::prefetch_index;
use serde::{Deserialize, Serialize};

use super::chunked_vec::ChunkedVec;
use super::icmp::IcmpError;
use super::sizes::MoreSizes;
use super::tcp::TcpOverflow;
use crate::saved::{BadState, check};
use crate::time::Time;

/// The part of a flow that most flows do not have. Arrays are indexed by the ends of the key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct FlowOverflow {
    pub(super) tcp: TcpOverflow,
    pub(super) sizes: MoreSizes,
    wide: Option<Box<WideFields>>,
}

/// IPv6 addresses, and numbers that do not fit in 32 bits.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct WideFields {
    pub(super) addresses: Option<[u64; 4]>,
    pub(super) high: [UpperHalves; 2],
    pub(super) last_frame: u64,
    pub(super) syn: Time,
    pub(super) handshake_ns: u64,
    pub(super) payload_times: [u64; 2],
    /// TCP: the sequence number of an end's first byte by a SYN before the last; zero if that showed
    /// the same.
    pub(super) other_start: [u32; 2],
    /// The ICMP error about a packet of each end.
    pub(super) icmp: [Option<IcmpError>; 2],
}

/// Upper halves of the counts of an end.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct UpperHalves {
    pub(super) packets: u32,
    pub(super) bytes: u32,
    pub(super) payload: u32,
    /// In units of 65,536.
    pub(super) retransmissions: u32,
}

impl FlowOverflow {
    /// The wide fields, if there are any.
    pub(super) fn wide(&self) -> Option<&WideFields> {
        self.wide.as_deref()
    }

    /// The wide fields, created if there are none.
    pub(super) fn widen(&mut self) -> &mut WideFields {
        self.wide.get_or_insert_default()
    }

    /// Whether the addresses of IPv6 are here.
    pub(super) fn has_addresses(&self) -> bool {
        self.wide().is_some_and(|wide| wide.addresses.is_some())
    }

    /// Checks what was read.
    pub(super) fn check(&self) -> Result<(), BadState> {
        const MOST: u32 = 1 << 16;
        let fits = |high: &UpperHalves| {
            high.packets.max(high.bytes).max(high.payload).max(high.retransmissions) < MOST
        };
        let all_fit = self.wide().is_none_or(|wide| wide.high.iter().all(fits));
        check(all_fit, "a flow has too many packets")?;
        self.sizes.check()
    }

    /// Upper halves of the counts of an end.
    pub(super) fn high(&self, end: usize) -> UpperHalves {
        self.wide().map_or_else(UpperHalves::default, |wide| wide.high[end])
    }
}

/// The overflows of a table's flows, in numbered slots.
#[derive(Debug, Default)]
pub(super) struct OverflowTable {
    slots: ChunkedVec<FlowOverflow, 1024>,
    free: Vec<u32>,
}

impl OverflowTable {
    /// The overflow in a slot; slots count from 1.
    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&FlowOverflow> {
        self.slots.get((slot as usize).checked_sub(1)?)
    }

    /// Prefetches the overflow in a slot.
    #[inline]
    pub(super) fn prefetch(&self, slot: u32) {
        if let Some(overflow) = self.get(slot) {
            prefetch_index(from_ref(overflow), 0);
        }
    }

    /// As [`get`](Self::get), to be changed.
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut FlowOverflow> {
        self.slots.get_mut((slot as usize).checked_sub(1)?)
    }

    /// Changes the overflow in a slot. If `slot` is zero, creates one and stores its slot there.
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

    /// Takes the overflow out of its slot and sets `slot` to zero.
    pub(super) fn take(&mut self, slot: &mut u32) -> FlowOverflow {
        let at = std::mem::take(slot);
        let Some(overflow) = self.get_mut(at).map(std::mem::take) else {
            return FlowOverflow::default();
        };
        self.free.push(at);
        overflow
    }
}
