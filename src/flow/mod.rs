//! Flows: what belongs together, who opened it, how it went.
//!
//! Takes [`Segment`](crate::decode::Segment)s, gives [`FlowRecord`]s. Keeps each side's [`Opening`]
//! for the detectors and knows nothing of protocols above TCP and UDP: what an opening says is
//! asked of the [`Judge`] that the pipeline hands in.

mod entry;
mod index;
mod key;
mod keyed;
mod opening;
mod openings;
mod orientation;
mod pieces;
mod rare;
mod record;
mod sizes;
mod slab;
mod stream;
mod table;
mod tcp;
mod waiting;

pub use key::{FlowHasher, FlowKey, SHARDS, shard};
pub use keyed::Keyed;
pub use opening::Opening;
pub use orientation::{Orientation, ServicePorts, Standing};
pub use record::{Counts, FlowRecord, Heard, Outcome, TcpState};
pub use sizes::Sizes;
pub use stream::{SIDE_BYTES, Stream};
pub use table::{Judge, Limits, Look, Table, VerdictId, Word};
pub use tcp::TcpCounters;
