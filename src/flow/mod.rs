//! Flows: what belongs together, who opened it, how it went.
//!
//! Takes [`Segment`](crate::decode::Segment)s, gives [`FlowRecord`]s. Keeps each side's [`Opening`] for the detectors and
//! knows nothing of protocols above TCP and UDP: what an opening says is asked of the [`Judge`] that the pipeline hands in.

mod index;
mod key;
mod opening;
mod orientation;
mod record;
mod sizes;
mod slab;
mod table;
mod tcp;

pub use key::{FlowKey, SHARDS, shard};
pub use opening::{Opening, SIDE_BYTES, Stream};
pub use orientation::{Orientation, ServicePorts, Standing};
pub use record::{Counts, FlowRecord, Heard, Outcome, TcpState};
pub use sizes::Sizes;
pub use table::{Judge, Limits, Look, Table};
