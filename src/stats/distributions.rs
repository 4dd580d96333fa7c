//! The sizes and times of a set of flows, as distributions.

use serde::{Deserialize, Serialize};

use super::Quantiles;
use crate::flow::FlowRecord;

/// Distributions of sizes and times over a set of flows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Distributions {
    /// Frame sizes in bytes.
    pub packet_bytes: Quantiles,
    /// Flow durations in nanoseconds.
    pub duration_ns: Quantiles,
    /// Handshake round trips in nanoseconds.
    pub handshake_rtt_ns: Quantiles,
    /// Times to the first response in nanoseconds.
    pub first_response_ns: Quantiles,
}

impl Distributions {
    /// Adds the sizes and times of a flow.
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

    /// Whether one of the distributions is [large](Quantiles::is_large).
    #[must_use]
    #[inline]
    pub fn is_large(&self) -> bool {
        self.packet_bytes.is_large()
            || self.duration_ns.is_large()
            || self.handshake_rtt_ns.is_large()
            || self.first_response_ns.is_large()
    }

    /// Adds the sizes and times of other flows.
    pub fn merge(&mut self, other: Self) {
        self.packet_bytes.merge(other.packet_bytes);
        self.duration_ns.merge(other.duration_ns);
        self.handshake_rtt_ns.merge(other.handshake_rtt_ns);
        self.first_response_ns.merge(other.first_response_ns);
    }
}
