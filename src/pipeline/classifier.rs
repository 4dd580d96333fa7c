//! The stages behind the flow table, for one worker: detect, classify, stats.
//!
//! The data goes from `flow` to `detect` to `classify` to `stats`, but the calls go the other way
//! round: the table calls the [`Classifier`] through the trait [`Judge`]. Only the table knows when
//! an opening is worth inspecting or full, when memory for openings runs short and which flow has
//! to leave; `flow` in turn knows neither detectors nor the catalogue. The table stores nothing of
//! the answer but a [`VerdictId`], which a [`VerdictCache`] resolves.

use std::borrow::Cow;
use std::sync::Arc;

use super::context::WorkerContext;
use super::ended_flows::FlowLane;
use super::examples::{EndedFlow, Examples};
use super::flow_evidence::FlowEvidence;
use super::flow_selection::FlowSelection;
use super::outcomes::{is_cut_off, is_one_sided, is_refused, is_silent, outcome};
use super::run::SelectionCounts;
use super::snapshot::{KeptOpenings, RecentFlows, SnapshotBuilder, SnapshotJob};
use super::verdict_cache::VerdictCache;
use super::{FlowView, JudgedFlow, SnapshotRequest, anomalies, server_evidence};
use crate::catalogue::Catalogue;
use crate::decode::{Endpoint, ServicePort, Transport};
use crate::detect;
use crate::evidence::{Depth, Direction, Evidence, Protocol, Wanted};
use crate::flow::{FlowKey, FlowRecord, Judge, Opening, OpeningState, Outcome, Tenants, VerdictId};
use crate::process::FlowProcesses;
use crate::stats::{Cells, ServerKey, Stats};

/// Bytes of openings that all workers together keep of flows that were judged, where snapshots show
/// flows.
const KEPT_OPENINGS: usize = 16 << 20;

/// Detects, classifies and counts the flows of one worker.
pub(super) struct Classifier<'p> {
    context: WorkerContext<'p>,
    pub(super) verdicts: VerdictCache<'p>,
    stats: Cells,
    /// Every flow, where they are kept.
    flows: Option<Vec<JudgedFlow>>,
    /// Takes the flows that end, where somebody wants them.
    pub(super) lane: Option<FlowLane>,
    /// The flows that ended last, for snapshots.
    ended: RecentFlows,
    /// Flows that ended and of whose payload the capture cut some.
    pub(super) cut: u64,
    /// The first bytes of flows that were judged, and which flows' are kept; where snapshots show
    /// flows.
    kept: Option<(KeptOpenings, SnapshotRequest)>,
    /// What examples are made of, where they are kept.
    pub(super) examples: Option<Examples>,
    /// The evidence by which the last opening was classified.
    inspected: Evidence,
    /// The evidence on the live flow that is shown next.
    previewed: Option<Evidence>,
    /// The snapshot in progress.
    pub(super) snapshot: Option<SnapshotBuilder>,
    /// The flows that count, where not all do.
    pub(super) selection: Option<Box<FlowSelection<'p>>>,
}

impl Judge for Classifier<'_> {
    fn begin(&mut self, key: &FlowKey, initiator: usize) {
        if let Some(cache) = self.context.process_cache {
            cache.begin(key, initiator);
        }
    }

    fn inspect_partial(
        &mut self,
        opening: &mut Opening,
        key: &FlowKey,
    ) -> (Wanted, Option<VerdictId>) {
        let evidence = inspect_oriented(opening, Depth::Protocol);
        let wanted = evidence.wanted;
        let verdict = match wanted {
            Wanted::Nothing => Some(self.classify(opening, evidence, key)),
            Wanted::More if self.needs_lines(opening, &evidence) => None,
            Wanted::More => self.verdicts.provisional(service_port(opening, key), &evidence),
            Wanted::Everything => None,
        };
        (wanted, verdict)
    }

    fn take_evidence(&mut self) -> Evidence {
        std::mem::take(&mut self.inspected)
    }

    fn conclude(&mut self, opening: &Opening, key: &FlowKey, id: VerdictId, evidence: &Evidence) {
        self.keep_opening(id, opening, key);
        let Self { verdicts, stats, context, selection, examples, .. } = self;
        let Some((kind, verdict)) = verdicts.get(id) else { return };
        if let Some(examples) = examples {
            examples.conclude(opening, (service_port(opening, key), kind.0), verdicts);
        }
        let (ends, proof) = (opening.endpoints(key), (verdict, evidence));
        if let Some(selection) = selection {
            let mut waiting = FlowEvidence::default();
            server_evidence::keep(&mut waiting, ends, opening, proof);
            selection.keep(key, waiting);
            return;
        }
        server_evidence::keep(&mut stats.servers_and_parents(), ends, opening, proof);
        // Long before their flows end, openings may show as many servers as there are flows.
        if let Some(shared) = context.shared_servers
            && verdict.protocol.is_some()
        {
            stats.share_servers(shared);
        }
    }

    fn forget(&mut self, id: VerdictId) {
        self.verdicts.release(id);
    }

    fn reads_on(&self, id: VerdictId) -> bool {
        self.verdicts.get(id).is_some_and(|(_, verdict)| verdict.protocol == Some(Protocol::Dns))
    }

    fn read_on(
        &mut self,
        key: &FlowKey,
        ends: [Endpoint; 2],
        sender: Direction,
        frame: u64,
        payload: &[u8],
    ) {
        let server = ServerKey::new(ends[1], Transport::Udp);
        let Some(name) = detect::long_name(payload, frame, sender) else { return };
        if let Some(selection) = &mut self.selection {
            let mut waiting = FlowEvidence::default();
            anomalies::keep_long_name(&mut waiting, server, &name);
            selection.keep(key, waiting);
        } else {
            anomalies::keep_long_name(&mut self.stats.servers_and_parents(), server, &name);
        }
    }

    fn inspect(&mut self, opening: &mut Opening, key: &FlowKey) -> VerdictId {
        // Facts are needed for certain: they come late in this protocol, or verdicts have reasons.
        if opening.is_kept() || self.verdicts.keeps_reasons() {
            let evidence = inspect_oriented(opening, Depth::Facts);
            return self.judge(opening, evidence, key);
        }
        let evidence = inspect_oriented(opening, Depth::Protocol);
        self.classify(opening, evidence, key)
    }

    fn preview(&mut self, opening: &mut Opening) {
        self.previewed = self.snapshot.is_some().then(|| inspect_oriented(opening, Depth::Facts));
    }

    fn show(&mut self, record: &FlowRecord, word: OpeningState<'_>) {
        let previewed = self.previewed.take();
        let Self { verdicts, snapshot: Some(snapshot), context, kept, selection, .. } = self else {
            return;
        };
        let is_wanted = snapshot.wanted_flow() == Some(record.first_frame);
        let opening = match (&word, kept) {
            (OpeningState::Opening(opening), _) if is_wanted => Some((*opening).clone()),
            (&OpeningState::Judged(id), Some((kept, _))) if is_wanted => kept.of_live(id).cloned(),
            _ => None,
        };
        let classify =
            |evidence: Option<&Evidence>| verdicts.verdict(record.service_port(), evidence);
        let mut evidence_now = FlowEvidence::default();
        let verdict = match word {
            OpeningState::Judged(id) => verdicts.get(id).map(|(_, verdict)| Cow::Borrowed(verdict)),
            OpeningState::Opening(opening) => {
                let evidence = previewed.unwrap_or_default();
                let verdict = classify(Some(&evidence));
                let (ends, proof) = ([record.initiator, record.responder], (&verdict, &evidence));
                if selection.is_some() {
                    server_evidence::keep(&mut evidence_now, ends, opening, proof);
                } else {
                    let mut stored = snapshot.servers_and_parents();
                    server_evidence::keep(&mut stored, ends, opening, proof);
                }
                Some(Cow::Owned(verdict))
            }
            OpeningState::None => Some(Cow::Owned(classify(None))),
        };
        let Some(mut verdict) = verdict else { return };
        let record = match outcome(record, &verdict) {
            outcome if outcome == record.outcome => Cow::Borrowed(record),
            outcome => Cow::Owned(FlowRecord { outcome, ..record.clone() }),
        };
        if is_one_sided(&record, &verdict) {
            verdict.to_mut().retract(is_refused(&record));
        }
        let record = &*record;
        let processes = context.process_cache.map(|cache| cache.get(record)).unwrap_or_default();
        if !processes.is_empty() {
            verdict = Cow::Owned(verdicts.with_processes(
                verdict.into_owned(),
                is_silent(record),
                &processes,
            ));
        }
        if let Some(selection) = selection {
            let files = context.frame_files;
            let flow = FlowView { record, verdict: &verdict, processes: &processes, files };
            let is_selected = selection.selects(flow);
            snapshot.select(is_selected);
            if !is_selected {
                return;
            }
            evidence_now.pass_to(snapshot.servers_and_parents());
            if let Some(evidence) = selection.waiting(record) {
                evidence.pass_to(snapshot.servers_and_parents());
            }
        }
        snapshot.add(record, &verdict, &processes);
        if is_wanted {
            let (record, verdict) = (record.clone(), verdict.into_owned());
            let files = context.frame_files.cloned();
            let flow = JudgedFlow { record, verdict, processes, files };
            snapshot.add_detail(flow, opening);
        }
    }

    fn end(&mut self) {
        if let Some(examples) = &mut self.examples {
            examples.end();
        }
    }

    fn close(&mut self, mut record: FlowRecord, verdict: Option<VerdictId>) {
        #[cfg(test)]
        self.context.on_close.iter().for_each(|hook| hook(&record));
        if let (Some((kept, _)), Some(verdict)) = (&mut self.kept, verdict) {
            kept.end(verdict, record.first_frame);
        }
        let id = verdict.unwrap_or_else(|| self.verdicts.classify(record.service_port(), None));
        let examples = self.examples.is_some();
        let judged = verdict.filter(|_| examples).and_then(|id| self.verdicts.get(id));
        let judged = judged.map(|(kind, _)| kind.0);
        let mut id = if is_cut_off(&record) { self.verdicts.cut_off(id) } else { id };
        if record.packets.responder == 0 || record.outcome == Outcome::Refused {
            id = self.settle(&mut record, id);
        }
        let mut processes = FlowProcesses::default();
        if let Some(cache) = self.context.process_cache {
            processes = cache.end(&record);
            id = self.verdicts.attribute(id, is_silent(&record), &processes);
        }
        if let Some(selection) = &mut self.selection
            && let Some((_, verdict)) = self.verdicts.get(id)
        {
            let files = self.context.frame_files;
            let flow = FlowView { record: &record, verdict, processes: &processes, files };
            if !selection.end(flow, self.stats.servers_and_parents()) {
                self.verdicts.release(id);
                return;
            }
        }
        self.cut += u64::from(record.cut);
        if let Some((kind, verdict)) = self.verdicts.get(id) {
            let wanted = self.stats.add(&record, kind.0, verdict);
            if let Some(examples) = &mut self.examples {
                let (record, processes) = (&record, &processes);
                let flow = EndedFlow { record, verdict, judged, processes };
                examples.close(wanted, &flow, &self.verdicts, &mut self.stats);
            }
            self.stats.attribute(&record, &processes);
            if let Some(shared) = self.context.shared_servers {
                self.stats.share_servers(shared);
            }
        }
        let is_wanted =
            self.flows.is_some() || self.lane.is_some() || self.ended.has_place(record.last);
        if !is_wanted {
            self.verdicts.release(id);
            return;
        }
        let Some(verdict) = self.verdicts.take(id) else { return };
        let files = self.context.frame_files.cloned();
        self.keep(JudgedFlow { record, verdict, processes, files });
    }
}

impl<'p> Classifier<'p> {
    pub(super) fn new(
        catalogue: Arc<Catalogue>,
        context: WorkerContext<'p>,
        lane: Option<FlowLane>,
        tenants: &Tenants,
    ) -> Self {
        let shows = context.keep_flows || context.recent_flows > 0 || lane.is_some();
        let keeps = shows || context.is_part;
        let keeps_facts = keeps && context.keep_facts;
        // Facts are each flow's own, as reasons are.
        let keeps_reasons = keeps && (context.keep_reasons || keeps_facts);
        let first_values =
            if keeps || context.selector.is_some() { context.first_values } else { &[] };
        let verdicts = VerdictCache::new(catalogue, keeps_reasons, keeps_facts, first_values);
        // Snapshots show the reasons of live flows.
        let verdicts = if context.recent_flows > 0 { verdicts } else { verdicts.sharing_reasons() };
        // What is known at the end only decides of which kind a flow is, or whether it counts.
        let is_late = context.process_cache.is_some() || context.selector.is_some();
        Self {
            context,
            verdicts,
            stats: Cells::new(context.histogram_ports, context.max_servers)
                .with_local_networks(context.local_networks())
                .with_names(context.names)
                .with_examples(context.examples),
            flows: context.keep_flows.then(Vec::new),
            lane,
            ended: RecentFlows::new(context.recent_flows),
            cut: 0,
            kept: (context.recent_flows > 0).then(|| {
                (KeptOpenings::new(KEPT_OPENINGS / context.workers), SnapshotRequest::default())
            }),
            examples: context.examples.then(|| Examples::new(is_late)),
            inspected: Evidence::default(),
            previewed: None,
            snapshot: None,
            selection: context
                .selector
                .map(|selector| Box::new(FlowSelection::new(selector, tenants.clone()))),
        }
    }

    /// Classifies by another catalogue from now on.
    pub(super) fn update_catalogue(&mut self, catalogue: Arc<Catalogue>) {
        self.verdicts.update_catalogue(catalogue);
    }

    /// Starts a snapshot: sends the statistics of the flows that have ended, and prepares the walk
    /// over the live ones. `held` and `evicted` are the worker's numbers of flows.
    pub(super) fn start_snapshot(&mut self, job: SnapshotJob, held: u64, evicted: u64) {
        job.reply_ended(self.stats.take());
        if let Some((_, watched)) = &mut self.kept {
            *watched = *job.request();
        }
        let stats = self.context.stats();
        let (counts, selected) = ((held, evicted, self.cut), self.selected());
        let mut snapshot = SnapshotBuilder::new(job, stats, counts, selected, self.ended.iter());
        if let Some(wanted) = snapshot.wanted_flow()
            && let Some(flow) = self.ended.iter().find(|flow| flow.record.first_frame == wanted)
        {
            let opening = self.kept.as_ref().and_then(|(kept, _)| kept.of_ended(wanted)).cloned();
            snapshot.add_detail(flow.clone(), opening);
        }
        self.snapshot = Some(snapshot);
    }

    /// Keeps the opening of a flow that has its verdict for snapshots that want it. While only some
    /// flows are shown, theirs are kept the longer.
    fn keep_opening(&mut self, verdict: VerdictId, opening: &Opening, key: &FlowKey) {
        if let Some((kept, watched)) = &mut self.kept
            && watched.wants_between(
                service_port(opening, key),
                opening.endpoints(key).map(|end| end.address),
            )
        {
            kept.keep(verdict, opening);
        }
    }

    /// The figures of the flows that have ended so far, which are counted from zero from now on: all of
    /// them, those of whose payload some was cut, those that were selected.
    pub(super) fn take_ended(&mut self) -> (Stats, u64, Option<SelectionCounts>) {
        let mut stats = self.stats.take();
        let examples = self.examples.as_mut();
        stats.early_frames = examples.map(Examples::take_early_frames).unwrap_or_default();
        let selected = self.selection.as_mut().map(|flows| std::mem::take(&mut flows.ended));
        (stats, std::mem::take(&mut self.cut), selected)
    }

    /// The flows that have ended, where not all count.
    pub(super) fn selected(&self) -> Option<SelectionCounts> {
        self.selection.as_ref().map(|selection| selection.ended)
    }

    /// The statistics of the ended flows, and every flow where they are kept.
    pub(super) fn finish(mut self) -> (Stats, Vec<JudgedFlow>) {
        let mut stats = self.stats.take();
        stats.early_frames = self.examples.map(Examples::finish).unwrap_or_default();
        (stats, self.flows.unwrap_or_default())
    }

    /// Settles the outcome of a flow in which nothing but a refusal came back, and takes back what
    /// its verdict cannot know then.
    fn settle(&mut self, record: &mut FlowRecord, id: VerdictId) -> VerdictId {
        let Some((_, verdict)) = self.verdicts.get(id) else { return id };
        record.outcome = outcome(record, verdict);
        if is_one_sided(record, verdict) {
            self.verdicts.retract(id, is_refused(record))
        } else {
            id
        }
    }

    /// Whether the first lines of text in no known protocol make a difference.
    #[inline]
    fn needs_lines(&self, opening: &Opening, evidence: &Evidence) -> bool {
        evidence.protocol.is_none()
            && detect::may_have_lines(opening)
            && self.verdicts.needs_facts(Protocol::Text)
    }

    /// Classifies by the protocol, and by the facts where a mark or a reader of reasons needs them.
    #[inline]
    fn classify(&mut self, opening: &Opening, mut evidence: Evidence, key: &FlowKey) -> VerdictId {
        if evidence.protocol.is_some_and(|protocol| self.verdicts.needs_facts(protocol)) {
            return self.judge_by_facts(opening, key);
        }
        if self.needs_lines(opening, &evidence) {
            detect::add_lines(opening, &mut evidence);
        }
        self.judge(opening, evidence, key)
    }

    #[inline(never)]
    fn judge_by_facts(&mut self, opening: &Opening, key: &FlowKey) -> VerdictId {
        self.judge(opening, detect::inspect(opening, Depth::Facts), key)
    }

    /// Classifies by this evidence, which stays until the table takes it.
    fn judge(&mut self, opening: &Opening, evidence: Evidence, key: &FlowKey) -> VerdictId {
        self.inspected = evidence;
        self.verdicts.classify(service_port(opening, key), Some(&self.inspected))
    }

    /// Passes a finished flow to the recent ones, to the kept flows and to the lane.
    fn keep(&mut self, flow: JudgedFlow) {
        let others = usize::from(self.flows.is_some()) + usize::from(self.lane.is_some());
        if others > 0 {
            self.ended.add(&flow.record, &flow.verdict, &flow.processes);
        }
        match (&mut self.flows, &mut self.lane) {
            (Some(flows), Some(lane)) => {
                flows.push(flow.clone());
                lane.send(flow);
            }
            (Some(flows), None) => flows.push(flow),
            (None, Some(lane)) => lane.send(flow),
            (None, None) => self.ended.push(flow),
        }
    }
}

/// Inspects an opening. If what the sides sent shows that initiator and responder are swapped, turns
/// the opening and inspects it again, as detectors read a side by its part.
#[inline]
fn inspect_oriented(opening: &mut Opening, depth: Depth) -> Evidence {
    let mut evidence = detect::inspect(opening, depth);
    if evidence.roles != [None; 2] && !opening.is_fixed() {
        orient(opening, depth, &mut evidence);
    }
    evidence
}

/// Orients an opening by the roles in the evidence.
#[inline(never)]
fn orient(opening: &mut Opening, depth: Depth, evidence: &mut Evidence) {
    if evidence.is_reversed() {
        opening.turn();
        let turned = detect::inspect(opening, depth);
        if !turned.is_oriented() {
            // Swapped either way: nothing is shown.
            opening.turn();
            return;
        }
        *evidence = turned;
    }
    if evidence.is_oriented() {
        opening.prove();
    }
}

/// The port that the responder of a flow serves.
fn service_port(opening: &Opening, key: &FlowKey) -> ServicePort {
    ServicePort::new(opening.responder(key).port, opening.transport())
}

#[cfg(test)]
mod tests;
