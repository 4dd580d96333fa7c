//! What a classifier keeps of live flows, as state: their verdicts, each template once in a shard, and
//! what waits for their ends.

use std::cell::RefCell;

use super::classifier::Classifier;
use super::flow_evidence::FlowEvidence;
use super::verdict_cache::VerdictCache;
use crate::classify::Verdict;
use crate::decode::ServicePort;
use crate::flow::{FlowKeeper, SavedFlow, VerdictId};
use crate::saved::{BadState, StateReader, StateWriter, check};

/// The classifier while a shard is written or read.
pub(super) struct ShardKeeper<'c, 'p> {
    classifier: &'c mut Classifier<'p>,
    /// Written: the numbers of templates, in the order in which they were written.
    written: RefCell<Vec<u32>>,
    /// Read: the templates, in that order.
    read: Vec<Verdict>,
    /// Frames so far.
    frames: u64,
}

impl<'c, 'p> ShardKeeper<'c, 'p> {
    pub(super) const fn new(classifier: &'c mut Classifier<'p>, frames: u64) -> Self {
        Self { classifier, written: RefCell::new(Vec::new()), read: Vec::new(), frames }
    }

    fn write_verdict(
        &self,
        verdicts: &VerdictCache<'_>,
        (id, first_frame): (VerdictId, u64),
        writer: &mut StateWriter,
    ) {
        let Some((number, template, frames)) = verdicts.parts(id) else { return };
        let mut written = self.written.borrow_mut();
        let known = written.iter().position(|&known| known == number);
        let place = known.unwrap_or(written.len());
        writer.put(&(place as u32));
        if known.is_none() {
            written.push(number);
            writer.put(template);
        }
        let since = |&frame: &u64| frame.wrapping_sub(first_frame) as i64;
        writer.put(&frames.iter().map(since).collect::<Vec<_>>());
    }

    fn read_verdict(
        &mut self,
        first_frame: u64,
        reader: &mut StateReader<'_>,
    ) -> Result<VerdictId, BadState> {
        let place: u32 = reader.take()?;
        if place as usize == self.read.len() {
            let template: Verdict = reader.take()?;
            self.read.push(template);
        }
        let template = self.read.get(place as usize).ok_or(BadState("a verdict is missing"))?;
        let mut verdict = template.clone();
        let frames: Vec<i64> = reader.take()?;
        let places = verdict.reasons.iter_mut().filter_map(|reason| reason.frame.as_mut());
        check(places.count() == frames.len(), "a verdict has reasons of another one")?;
        let places = verdict.reasons.iter_mut().filter_map(|reason| reason.frame.as_mut());
        for (place, since) in places.zip(frames) {
            *place = first_frame.wrapping_add(since as u64);
            check(*place <= self.frames, "a frame is none")?;
        }
        Ok(self.classifier.verdicts.restore(verdict))
    }
}

impl FlowKeeper for ShardKeeper<'_, '_> {
    fn write_flow(
        &self,
        SavedFlow { key, first_frame }: SavedFlow<'_>,
        verdict: Option<VerdictId>,
        writer: &mut StateWriter,
    ) {
        let Classifier { verdicts, examples, selection, .. } = &*self.classifier;
        if let Some(id) = verdict {
            self.write_verdict(verdicts, (id, first_frame), writer);
            let kind = verdicts.get(id).map_or(u32::MAX, |(kind, _)| kind.0);
            let ports = [0, 1].map(|end| ServicePort::new(key.endpoint(end).port, key.transport()));
            let examples = examples.as_ref();
            writer.put(&examples.and_then(|known| known.waiting(first_frame, ports, kind)));
        }
        writer.put(&selection.as_ref().and_then(|selection| selection.waiting_of(key)));
    }

    fn read_flow(
        &mut self,
        SavedFlow { key, first_frame }: SavedFlow<'_>,
        is_judged: bool,
        reader: &mut StateReader<'_>,
    ) -> Result<Option<VerdictId>, BadState> {
        let mut verdict = None;
        if is_judged {
            let id = self.read_verdict(first_frame, reader)?;
            verdict = Some(id);
            let waiting: Option<(Option<ServicePort>, Verdict)> = reader.take()?;
            let kind = self.classifier.verdicts.get(id).map(|(kind, _)| kind.0);
            if let (Some((port, verdict)), Some(kind)) = (waiting, kind)
                && let Some(examples) = &mut self.classifier.examples
            {
                examples.restore(first_frame, (port, kind), verdict);
            }
        }
        let waiting: Option<FlowEvidence> = reader.take()?;
        if let Some(waiting) = waiting
            && let Some(selection) = &mut self.classifier.selection
        {
            selection.keep(key, waiting);
        }
        Ok(verdict)
    }
}
