//! A segment as the flow table takes it: with the key and hash of its flow, which are computed
//! once, and without the fields that the key holds already.

use super::{FlowHasher, FlowKey};
use crate::decode::{Segment, TcpFlags, Tunnel};
use crate::time::Time;

/// A segment with the key of its flow.
#[derive(Debug, Clone)]
pub struct KeyedSegment {
    /// Key of the flow.
    pub key: FlowKey,
    /// Hash of the key.
    pub hash: u64,
    /// As in [`Segment`].
    pub time: Time,
    /// As in [`Segment`].
    pub frame: u64,
    /// As in [`Segment`].
    pub seq: u32,
    /// As in [`Segment`].
    pub wire_len: u32,
    /// As in [`Segment`].
    pub payload_len: u32,
    /// As in [`Segment`].
    pub flags: TcpFlags,
    /// As in [`Segment`].
    pub tunnel: Option<Tunnel>,
    /// As in [`Segment`].
    pub link_broadcast: bool,
    end: u8,
}

impl KeyedSegment {
    /// Computes key and hash of a segment; its tenant is no part of the key.
    #[must_use]
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "measured: benches/README.md")]
    pub fn new(segment: &Segment, hasher: &FlowHasher) -> Self {
        let (key, end) = FlowKey::new(&segment.five_tuple);
        Self {
            hash: hasher.hash(&key),
            key,
            time: segment.time,
            frame: segment.frame,
            seq: segment.seq,
            wire_len: segment.wire_len,
            payload_len: segment.payload_len,
            flags: segment.flags,
            tunnel: segment.tunnel,
            link_broadcast: segment.link_broadcast,
            end: end as u8,
        }
    }

    /// The same with the number of its tenant in the key.
    #[must_use]
    pub fn of_tenant(segment: &Segment, number: u16, hasher: &FlowHasher) -> Self {
        let keyed = Self::new(segment, hasher);
        let key = keyed.key.of_tenant(number);
        if number == 0 { keyed } else { Self { hash: hasher.hash(&key), key, ..keyed } }
    }

    /// The end of the key that sent the segment.
    #[inline]
    pub(super) const fn end(&self) -> usize {
        (self.end & 1) as usize
    }
}
