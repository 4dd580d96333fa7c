//! What the flow table asks the later stages for, and what it tells them.

use serde::{Deserialize, Serialize};

use super::{FlowKey, FlowRecord, Opening};
use crate::decode::Endpoint;
use crate::evidence::{Direction, Evidence, Wanted};

/// The number that the [`Judge`] has given a verdict: all that a flow stores of its opening once it
/// is classified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VerdictId(pub u32);

/// The payload of a flow and its classification so far.
#[derive(Debug)]
pub enum OpeningState<'o> {
    /// No payload.
    None,
    /// Payload that is not classified yet.
    Opening(&'o Opening),
    /// The verdict.
    Judged(VerdictId),
}

/// The later stages, as the table calls them.
pub trait Judge {
    /// Inspects an opening before it is full, and returns how much more of it is wanted. The
    /// verdict is final with [`Wanted::Nothing`]; with [`Wanted::More`] it is the one that the flow
    /// gets if no more payload comes, where that is known already.
    ///
    /// The service is that at [`Opening::responder`]. A judge that finds initiator and responder
    /// swapped turns the opening and classifies it by the other port; the flow is turned with it
    /// once the verdict is final.
    fn inspect_partial(
        &mut self,
        opening: &mut Opening,
        key: &FlowKey,
    ) -> (Wanted, Option<VerdictId>);

    /// Classifies an opening: no more payload comes. May turn it as
    /// [`inspect_partial`](Self::inspect_partial) does.
    fn inspect(&mut self, opening: &mut Opening, key: &FlowKey) -> VerdictId;

    /// Takes the evidence by which the last opening got a final verdict; none where it had it before.
    fn take_evidence(&mut self) -> Evidence {
        Evidence::default()
    }

    /// The verdict of a flow, by this evidence, is not changed any more: the opening goes.
    fn conclude(&mut self, _: &Opening, _: &FlowKey, _: VerdictId, _: &Evidence) {}

    /// No flow has this verdict any more: another one replaces it.
    fn forget(&mut self, _: VerdictId) {}

    /// Inspects the opening of a live flow that [`show`](Self::show) receives next. May turn it, for
    /// as long as it is shown.
    fn preview(&mut self, _: &mut Opening) {}

    /// Receives a live flow that a snapshot has reached.
    fn show(&mut self, _: &FlowRecord, _: OpeningState<'_>) {}

    /// Whether [`read_on`](Self::read_on) is to be called for the datagrams of a flow over UDP behind
    /// those that gave it this verdict.
    fn reads_on(&self, _: VerdictId) -> bool {
        false
    }

    /// Receives such a datagram, of which `payload` was captured: it changes nothing of the flow.
    fn read_on(
        &mut self,
        _: &FlowKey,
        _: [Endpoint; 2],
        _: Direction,
        _frame: u64,
        _payload: &[u8],
    ) {
    }

    /// A flow begins. That `_initiator` is the end which opened it may be a guess.
    fn begin(&mut self, _: &FlowKey, _initiator: usize) {}

    /// The next flow that [`close`](Self::close) receives is over: what is inspected or concluded
    /// until then is its opening.
    fn end(&mut self) {}

    /// Takes a finished flow; `verdict` is `None` if it has no payload.
    fn close(&mut self, record: FlowRecord, verdict: Option<VerdictId>);
}
