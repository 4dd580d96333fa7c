//! Flows: what belongs together, who opened it, how it went.
//!
//! Takes [`Segment`](crate::decode::Segment)s, gives [`FlowRecord`]s. Keeps each side's [`Opening`]
//! for the detectors and knows nothing of protocols above TCP and UDP: what an opening says is
//! asked of the [`Judge`] that the pipeline hands in.

mod chunked_vec;
mod index;
mod key;
mod keyed_segment;
mod live_flow;
mod opening;
mod openings;
mod orientation;
mod out_of_order;
mod overflow;
mod record;
mod sizes;
mod slab;
mod stream;
mod table;
mod tcp;

pub use key::{FlowHasher, FlowKey, SHARDS, shard};
pub use keyed_segment::KeyedSegment;
pub use opening::Opening;
pub use orientation::{Orientation, PortRank, ServicePorts};
pub use record::{Counts, FlowRecord, Outcome, PayloadSides, TcpState};
pub use sizes::Sizes;
pub use stream::{SIDE_BYTES, Stream};
pub use table::{Judge, Look, OpeningState, Table, TableLimits, VerdictId};
