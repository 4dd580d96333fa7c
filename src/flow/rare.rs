//! What few flows have, apart from what all have: gaps, many sizes, IPv6 addresses, and numbers
//! that 32 bits do not hold.

use std::slice::from_ref;

use prefetch_index::prefetch_index;

use super::pieces::Pieces;
use super::sizes::MoreSizes;
use super::tcp::TcpOverflow;
use crate::time::Time;

/// What a flow has that not all have. Arrays are by the ends of the key.
#[derive(Debug, Clone, Default)]
pub(super) struct Rare {
    pub(super) tcp: TcpOverflow,
    pub(super) sizes: MoreSizes,
    wide: Option<Box<Wide>>,
}

/// Addresses of IPv6, and numbers that do not fit.
#[derive(Debug, Clone, Default)]
pub(super) struct Wide {
    pub(super) addresses: Option<[u64; 4]>,
    pub(super) high: [High; 2],
    pub(super) last_frame: u64,
    pub(super) syn: Time,
    pub(super) handshake_ns: u64,
}

/// Upper halves of an end's counts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct High {
    pub(super) packets: u32,
    pub(super) bytes: u32,
    pub(super) payload: u32,
    /// Of 65,536 each.
    pub(super) retransmissions: u32,
}

impl Rare {
    /// Its wide numbers, where it has some.
    pub(super) fn wide(&self) -> Option<&Wide> {
        self.wide.as_deref()
    }

    /// Its wide numbers, made where they are not there.
    pub(super) fn widen(&mut self) -> &mut Wide {
        self.wide.get_or_insert_default()
    }

    /// Upper halves of an end's counts.
    pub(super) fn high(&self, end: usize) -> High {
        self.wide().map_or_else(High::default, |wide| wide.high[end])
    }
}

/// The places of a table's.
#[derive(Debug, Default)]
pub(super) struct Rares {
    places: Pieces<Rare, 1024>,
    free: Vec<u32>,
}

impl Rares {
    /// The one at a place, which counts from 1.
    #[inline]
    pub(super) fn get(&self, place: u32) -> Option<&Rare> {
        self.places.get((place as usize).checked_sub(1)?)
    }

    /// Asks for the one at a place.
    #[inline]
    pub(super) fn prefetch(&self, place: u32) {
        if let Some(rare) = self.get(place) {
            prefetch_index(from_ref(rare), 0);
        }
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Rare> {
        self.places.get_mut((place as usize).checked_sub(1)?)
    }

    /// Changes the one at a place; where that is zero, a new one, whose place is written there.
    pub(super) fn change(&mut self, place: &mut u32, change: impl FnOnce(&mut Rare)) {
        if *place == 0 {
            *place =
                self.free.pop().unwrap_or_else(|| self.places.push(Rare::default()) as u32 + 1);
        }
        if let Some(rare) = self.get_mut(*place) {
            change(rare);
        }
    }

    /// Takes it out of its place, which is zero then.
    pub(super) fn take(&mut self, place: &mut u32) -> Rare {
        let at = std::mem::take(place);
        let Some(rare) = self.get_mut(at).map(std::mem::take) else { return Rare::default() };
        self.free.push(at);
        rare
    }
}
