//! The flows that stand as examples of what spoke on a port: of which of them reasons are made, and
//! when.
//!
//! Reasons take longer than the verdict itself, so only those flows get some that may be the first of
//! their kind, by frame. Whether a flow is that depends on no other flow that another worker has:
//!
//! - Where the server has sent when a flow gets its verdict, the verdict says of which kind it is.
//!   Reasons are made unless a flow of that kind is known which began earlier.
//! - Where the client alone has sent, the kind depends on how the flow goes on. If it ends just then,
//!   its opening waits until that is known; else reasons are made and kept while it lasts, for as many
//!   flows as [`EarlyFrames`] holds.
//! - A flow without payload has reasons that its port and its outcome give.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::outcomes::{is_cut_off, is_one_sided, is_refused, is_silent};
use super::verdict_cache::VerdictCache;
use crate::classify::{Verdict, add_process_facts, classify};
use crate::decode::ServicePort;
use crate::detect;
use crate::evidence::{Depth, Direction};
use crate::flow::{FlowRecord, Opening, Outcome};
use crate::process::FlowProcesses;
use crate::stats::{CellNumber, Cells, EarlyFrames, ExampleFlow};

/// A port and the number of a kind of verdicts.
type KindOfPort = (ServicePort, u32);

/// The first flow of a kind so far.
#[derive(Debug)]
struct FirstFlow {
    /// The number of its first frame.
    frame: u64,
    /// Its verdict with reasons, until it ends.
    verdict: Option<Box<Verdict>>,
}

/// What examples of one worker's flows are made of.
#[derive(Debug)]
pub(super) struct Examples {
    /// Of the flows in which the server has sent.
    first: HashMap<KindOfPort, FirstFlow, RandomState>,
    /// The verdicts with reasons of flows that last, by first frame.
    early: HashMap<u64, Box<Verdict>, RandomState>,
    early_frames: EarlyFrames,
    /// The opening of the flow that is ending.
    ending: Option<Box<Opening>>,
    is_ending: bool,
    /// The kind of any flow may change at its end, by what processes prove, or it may not count.
    is_late: bool,
}

/// A flow that has ended.
pub(super) struct EndedFlow<'f> {
    pub(super) record: &'f FlowRecord,
    /// Its final verdict.
    pub(super) verdict: &'f Verdict,
    /// The kind of the verdict that its payload gave; `None` without payload.
    pub(super) judged: Option<u32>,
    pub(super) processes: &'f FlowProcesses,
}

impl Examples {
    pub(super) fn new(is_late: bool) -> Self {
        Self {
            first: HashMap::default(),
            early: HashMap::default(),
            early_frames: EarlyFrames::default(),
            ending: None,
            is_ending: false,
            is_late,
        }
    }

    /// The next flow that [`close`](Self::close) receives is over.
    pub(super) const fn end(&mut self) {
        self.is_ending = true;
    }

    /// Takes the opening of a flow whose verdict is final.
    pub(super) fn conclude(
        &mut self,
        opening: &Opening,
        kind: KindOfPort,
        verdicts: &VerdictCache<'_>,
    ) {
        let frame = opening.first_frame();
        if opening.side(Direction::Responder).is_empty() || self.is_late {
            if self.is_ending {
                self.ending = Some(Box::new(opening.clone()));
                return;
            }
            let beyond = self.early_frames.insert(frame);
            if beyond != Some(frame) {
                self.early.insert(frame, Box::new(explain(opening, kind.0, verdicts)));
            }
            beyond.into_iter().for_each(|beyond| drop(self.early.remove(&beyond)));
            return;
        }
        if self.first.get(&kind).is_some_and(|first| first.frame <= frame) {
            return;
        }
        let verdict = Some(Box::new(explain(opening, kind.0, verdicts)));
        self.first.insert(kind, FirstFlow { frame, verdict });
    }

    /// Takes the end of a flow. Where its cell wants it, it becomes the example there.
    pub(super) fn close(
        &mut self,
        wanted: Option<CellNumber>,
        flow: &EndedFlow<'_>,
        verdicts: &VerdictCache<'_>,
        stats: &mut Cells,
    ) {
        self.is_ending = false;
        let opening = self.ending.take();
        let frame = flow.record.first_frame;
        let early = if self.early.is_empty() { None } else { self.early.remove(&frame) };
        let Some(cell) = wanted else { return };
        let port = flow.record.service_port();
        let mut was_early = early.is_some();
        let verdict = match (flow.judged, opening, early) {
            (None, ..) => Some(classify(verdicts.catalogue(), port, None, true)),
            (_, Some(opening), _) => Some(explain(&opening, port, verdicts)),
            (_, None, Some(verdict)) => Some(*verdict),
            (Some(kind), None, None) => {
                let first = self.first.get_mut(&(port, kind));
                let first = first.filter(|first| first.frame == frame);
                let verdict = first.and_then(|first| first.verdict.take());
                // Beyond the early flows that are kept.
                was_early = verdict.is_none();
                verdict.map(|verdict| *verdict)
            }
        };
        let verdict = verdict.map_or_else(
            || Verdict { reasons: Vec::new(), ..flow.verdict.clone() },
            |verdict| settle(verdict, flow, verdicts),
        );
        let record = flow.record.clone();
        stats.set_example(cell, ExampleFlow { record, verdict, was_early });
    }

    /// The verdict with reasons that waits for the end of a flow, and the port for whose example it is
    /// the first of its kind; `None` for the port where the client alone has sent.
    pub(super) fn waiting(
        &self,
        frame: u64,
        ports: [ServicePort; 2],
        kind: u32,
    ) -> Option<(Option<ServicePort>, &Verdict)> {
        if let Some(verdict) = self.early.get(&frame) {
            return Some((None, verdict));
        }
        ports.into_iter().find_map(|port| {
            let first = self.first.get(&(port, kind)).filter(|first| first.frame == frame)?;
            Some((Some(port), &**first.verdict.as_ref()?))
        })
    }

    /// Takes a verdict that waited for the end of a flow with a verdict of this kind.
    pub(super) fn restore(
        &mut self,
        frame: u64,
        (port, kind): (Option<ServicePort>, u32),
        verdict: Verdict,
    ) {
        let verdict = Box::new(verdict);
        let Some(port) = port else {
            self.early.insert(frame, verdict);
            return;
        };
        let first = FirstFlow { frame, verdict: Some(verdict) };
        let known = self.first.get(&(port, kind));
        if known.is_none_or(|known| frame < known.frame) {
            self.first.insert((port, kind), first);
        }
    }

    /// Takes out the first frames of the flows whose reasons were kept while they lasted.
    pub(super) fn take_early_frames(&mut self) -> EarlyFrames {
        std::mem::take(&mut self.early_frames)
    }

    /// The first frames of the flows whose reasons were kept while they lasted.
    pub(super) fn finish(self) -> EarlyFrames {
        self.early_frames
    }
}

/// The verdict by an opening, with reasons.
fn explain(opening: &Opening, port: ServicePort, verdicts: &VerdictCache<'_>) -> Verdict {
    let evidence = detect::inspect(opening, Depth::Facts);
    classify(verdicts.catalogue(), port, Some(&evidence), true)
}

/// Changes a verdict by what the end of its flow shows, as the classifier changes those without
/// reasons.
fn settle(mut verdict: Verdict, flow: &EndedFlow<'_>, verdicts: &VerdictCache<'_>) -> Verdict {
    let EndedFlow { record, processes, .. } = flow;
    if is_cut_off(record) {
        verdict.set_cut_off(true);
    }
    let is_unanswered = record.packets.responder == 0 || record.outcome == Outcome::Refused;
    if is_unanswered && is_one_sided(record, &verdict) {
        verdict.retract(is_refused(record));
    }
    add_process_facts(verdicts.catalogue(), verdict, is_silent(record), &processes.facts(), true)
}
