//! Flows: which segments belong together, who opened the conversation, how it went.
//!
//! Takes [`KeyedSegment`]s, gives [`FlowRecord`]s. Stores the first bytes of each side, the
//! [`Opening`], for the detectors, and knows no protocol above TCP and UDP: the [`Judge`] that the
//! pipeline passes in classifies an opening.
//!
//! The [`Table`] calls the [`Judge`] back, up into the pipeline, because only the table knows when
//! an opening is full or its flow is over.

mod chunked_vec;
mod icmp;
mod index;
mod judge;
mod key;
mod keyed_segment;
mod live_flow;
mod opening;
mod openings;
mod orientation;
mod out_of_order;
mod overflow;
mod payload;
mod payload_times;
mod received;
mod record;
mod short_vec;
mod sizes;
mod slab;
mod stream;
mod table;
mod tcp;
mod tenants;

pub(crate) use chunked_vec::ChunkedVec;
pub use icmp::IcmpError;
pub(crate) use index::Index;
pub use opening::Opening;
pub use orientation::Orientation;
pub use record::{Counts, FlowRecord, Outcome, PayloadSides, TcpState};
pub use sizes::Sizes;
pub use stream::{SIDE_BYTES, Stream};
pub use tcp::TcpCounters;

// The table and what it is fed with: for the pipeline, benchmarks and fuzz targets. Not a face to
// build on.
#[doc(hidden)]
pub use icmp::KeyedQuote;
#[doc(hidden)]
pub use judge::{Judge, OpeningState, VerdictId};
#[doc(hidden)]
pub use key::{FlowHasher, FlowKey, SHARDS, shard};
#[doc(hidden)]
pub use keyed_segment::KeyedSegment;
#[doc(hidden)]
pub use orientation::{PortRank, ServicePorts};
#[doc(hidden)]
pub use payload::CapturedPayload;
pub(crate) use table::{FlowKeeper, SavedFlow};
#[doc(hidden)]
pub use table::{Table, TableLimits};
#[doc(hidden)]
pub use tenants::{TenantNumbers, Tenants};
