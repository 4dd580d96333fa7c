//! The sizes and times of a set of flows.

use super::Quantiles;
use crate::flow::FlowRecord;

/// Quantiles of what each flow of a set took.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Frame sizes in bytes.
    pub packet_bytes: Quantiles,
    /// Flow durations in nanoseconds.
    pub duration_ns: Quantiles,
    /// Handshake round trips in nanoseconds.
    pub handshake_rtt_ns: Quantiles,
    /// Times to the first response in nanoseconds.
    pub first_response_ns: Quantiles,
}

impl Figures {
    /// Adds those of a flow.
    pub fn add(&mut self, record: &FlowRecord) {
        for (size, count) in record.sizes.iter() {
            self.packet_bytes.add(size.into(), count.into());
        }
        self.duration_ns.add(record.duration_ns(), 1);
        if let Some(time) = record.handshake_ns {
            self.handshake_rtt_ns.add(time, 1);
        }
        if let Some(time) = record.first_response_ns {
            self.first_response_ns.add(time, 1);
        }
    }

    /// Whether one of them is [large](Quantiles::is_large).
    #[must_use]
    #[inline]
    pub fn is_large(&self) -> bool {
        self.packet_bytes.is_large()
            || self.duration_ns.is_large()
            || self.handshake_rtt_ns.is_large()
            || self.first_response_ns.is_large()
    }

    /// Adds another's.
    pub fn merge(&mut self, other: Self) {
        self.packet_bytes.merge(other.packet_bytes);
        self.duration_ns.merge(other.duration_ns);
        self.handshake_rtt_ns.merge(other.handshake_rtt_ns);
        self.first_response_ns.merge(other.first_response_ns);
    }
}
