//! The state of a shard as bytes, place by place: which slots are taken, and in which order free ones
//! are used again, decides what is evicted, and when a flow ends.
//!
//! The numbers of openings and overflows decide nothing, so each stands with its flow. The index is
//! made again, because its hash has another key in every run.

use super::held::HeldOpening;
use super::{OpeningSlot, Table, TableLimits};
use crate::evidence::Evidence;
use crate::flow::live_flow::LiveFlow;
use crate::flow::overflow::FlowOverflow;
use crate::flow::slab::Slab;
use crate::flow::{FlowHasher, FlowKey, Opening, VerdictId, shard};
use crate::saved::{BadState, StateReader, StateWriter, check};

/// The judge's part of the state of live flows.
pub(crate) trait FlowKeeper {
    /// Writes what is known of a flow, which has this verdict.
    fn write_flow(&self, flow: SavedFlow<'_>, verdict: Option<VerdictId>, writer: &mut StateWriter);

    /// Reads it again, and stores the verdict of a flow that `is_judged`.
    ///
    /// # Errors
    /// The state cannot be.
    fn read_flow(
        &mut self,
        flow: SavedFlow<'_>,
        is_judged: bool,
        reader: &mut StateReader<'_>,
    ) -> Result<Option<VerdictId>, BadState>;
}

/// What a flow is known by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SavedFlow<'f> {
    pub(crate) key: &'f FlowKey,
    pub(crate) first_frame: u64,
}

impl Table {
    /// Writes all that the table holds.
    pub(crate) fn write_state(&self, keeper: &impl FlowKeeper, writer: &mut StateWriter) {
        writer.put(&(self.slab.slots() as u64));
        for slot in 0..self.slab.slots() {
            let flow = self.slab.get(slot);
            writer.put(&flow.is_some());
            if let Some(flow) = flow {
                self.write_flow(slot, flow, keeper, writer);
            }
        }
        writer.put(self.slab.free());
        writer.put(&(self.hand as u64, self.openings.bytes() as u64));
        writer.put(&(self.openings.queued().count() as u64));
        self.openings.queued().for_each(|queued| writer.put(&(queued.slot, queued.first_frame)));
        writer.put(&(self.held.iter().count() as u64));
        self.held.iter().for_each(|held| writer.put(&(held.slot as u64, &held.evidence)));
    }

    fn write_flow(
        &self,
        slot: usize,
        flow: &LiveFlow,
        keeper: &impl FlowKeeper,
        writer: &mut StateWriter,
    ) {
        let (opening, verdict) = match flow.opening() {
            OpeningSlot::Nothing => (None, None),
            OpeningSlot::Opening(opening_slot) => (Some(opening_slot), None),
            OpeningSlot::Judged(verdict) if flow.is_held() => {
                (self.held.opening_slot(slot), Some(verdict))
            }
            OpeningSlot::Judged(verdict) => (None, Some(verdict)),
        };
        writer.put(&flow.alone());
        writer.put(&flow.overflow(&self.overflows));
        writer.put(&opening.and_then(|opening_slot| self.openings.get(opening_slot)));
        let key = &flow.key(&self.overflows);
        keeper.write_flow(SavedFlow { key, first_frame: flow.first_frame }, verdict, writer);
    }

    /// The table that was [written](Self::write_state), of this shard, after `frames` frames.
    ///
    /// # Errors
    /// The state cannot be.
    pub(crate) fn read_state(
        limits: TableLimits,
        hasher: &FlowHasher,
        (number, frames): (usize, u64),
        keeper: &mut impl FlowKeeper,
        reader: &mut StateReader<'_>,
    ) -> Result<Self, BadState> {
        let mut table = Self::new(limits, hasher);
        let slots = reader.take_len()?;
        check(slots <= limits.flows, "there are more flows than the limit")?;
        let (mut flows, mut held) = (Vec::new(), Vec::new());
        for slot in 0..slots {
            let is_taken: bool = reader.take()?;
            if !is_taken {
                flows.push(None);
                continue;
            }
            let mut flow: LiveFlow = reader.take()?;
            let overflow: Option<FlowOverflow> = reader.take()?;
            let opening: Option<Opening> = reader.take()?;
            flow.check_alone(overflow.as_ref(), frames)?;
            if let Some(overflow) = overflow {
                flow.change_overflow(&mut table.overflows, |place| *place = overflow);
            }
            let key = flow.key(&table.overflows);
            let is_its = key.is_canonical() && flow.is(&key, &table.overflows);
            check(is_its && shard(&key) == number, "a flow has the key of another")?;
            let is_twice = table.index.find(hasher.hash(&key), |other| {
                let known: Option<&Option<LiveFlow>> = flows.get(other);
                known.is_some_and(|known| {
                    known.is_some_and(|known| known.is(&key, &table.overflows))
                })
            });
            check(is_twice.is_none(), "a flow comes twice")?;
            table.index.insert(hasher.hash(&key), slot);
            let waits = matches!(flow.opening(), OpeningSlot::Opening(_)) || flow.is_held();
            check(opening.is_some() == waits, "a flow lacks its opening, or has one too many")?;
            let opening_slot = match opening {
                Some(opening) => {
                    let is_its = opening.transport() == flow.transport()
                        && opening.first_frame() == flow.first_frame;
                    check(is_its, "an opening is of another flow")?;
                    opening.check(frames)?;
                    Some(table.openings.restore(opening, !flow.is_held()))
                }
                None => None,
            };
            let first_frame = flow.first_frame;
            let is_judged = flow.is_judged();
            let saved = SavedFlow { key: &key, first_frame };
            let verdict = keeper.read_flow(saved, is_judged, reader)?;
            check(verdict.is_some() == is_judged, "a flow lacks its verdict")?;
            if let (true, Some(opening_slot)) = (flow.is_held(), opening_slot) {
                held.push((slot, opening_slot));
            }
            flow.set_number(verdict.map_or(opening_slot.unwrap_or(0), |VerdictId(id)| id));
            flows.push(Some(flow));
        }
        let free: Vec<u32> = reader.take()?;
        table.slab = Slab::restored(flows, free).ok_or(BadState("the free places are wrong"))?;
        table.read_lists(&held, reader)?;
        Ok(table)
    }

    /// Reads the hand, the queue of openings and the evidence of those that are held.
    fn read_lists(
        &mut self,
        held: &[(usize, u32)],
        reader: &mut StateReader<'_>,
    ) -> Result<(), BadState> {
        let (hand, bytes): (u64, u64) = reader.take()?;
        check(hand <= self.slab.slots() as u64, "the hand is beyond the flows")?;
        self.hand = hand as usize;
        check(bytes == self.openings.bytes() as u64, "openings have another size")?;
        for _ in 0..reader.take_len()? {
            let (slot, first_frame): (u32, u64) = reader.take()?;
            let opening_slot = match self.slab.get(slot as usize).map(LiveFlow::opening) {
                Some(OpeningSlot::Opening(opening_slot)) => opening_slot,
                _ => u32::MAX,
            };
            self.openings.queue(slot, opening_slot, first_frame);
        }
        let count = reader.take_len()?;
        check(count == held.len(), "a held opening is missing")?;
        for _ in 0..count {
            let (slot, evidence): (u64, Evidence) = reader.take()?;
            let known = held.iter().find(|(known, _)| *known as u64 == slot);
            let &(slot, opening_slot) = known.ok_or(BadState("an opening is held for nobody"))?;
            check(self.held.opening_slot(slot).is_none(), "an opening is held twice")?;
            let bytes = self.openings.footprint(opening_slot);
            self.held.restore(HeldOpening { slot, opening_slot, bytes, evidence });
        }
        Ok(())
    }
}
