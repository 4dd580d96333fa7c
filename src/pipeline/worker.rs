//! A classifier thread: the flows of some shards, from segments to judged records.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::TryRecvError;

use super::lane::{Lesson, Mouth, Parcel};
use super::recent::Recent;
use super::verdicts::Verdicts;
use super::views::{Answer, Look as Question};
use super::walk::{STEP, Walk};
use crate::batch::{Batch, Carried};
use crate::classify::Verdict;
use crate::decode::Endpoint;
use crate::detect;
use crate::evidence::{Depth, Direction, Evidence, Wanted};
use crate::flow::{
    FlowHasher, FlowKey, FlowRecord, Heard, Judge, Limits, Look, Opening, SHARDS, ServicePorts,
    Table, VerdictId, Word,
};
use crate::process::{Ledger, Sides};
use crate::stats::{Cells, Stats};

/// Segments whose cache lines are brought in together. More would push each other out of the
/// first-level cache.
const STRIDE: usize = 64;

/// Places that are tidied after each batch: a microsecond, and a hundred thousand flows are gone
/// through in seconds.
const TIDY: usize = 256;

/// A finished flow and what it was.
#[derive(Debug, Clone)]
pub struct JudgedFlow<'c> {
    /// The flow.
    pub record: FlowRecord,
    /// What was speaking.
    pub verdict: Verdict<'c>,
    /// Whose sockets its ends are, where they are of this machine and it was asked.
    pub processes: Sides,
}

/// Whom a worker turns to beside its tables.
#[derive(Clone, Copy)]
pub(super) struct Neighbours<'p> {
    /// Who knows processes.
    pub(super) ledger: Option<&'p Ledger>,
    /// Who hears of each flow that has ended.
    pub(super) on_flow: Option<&'p (dyn Fn(&JudgedFlow<'_>) + Sync)>,
    /// How many of those that ended last are wanted for views.
    pub(super) recent_flows: usize,
    /// Of how many ports with many sizes and times these are kept.
    pub(super) histogram_ports: usize,
}

/// What a worker has when the capture is over.
pub(super) struct Outcome<'c> {
    pub(super) stats: Stats<'c>,
    pub(super) flows: Vec<JudgedFlow<'c>>,
    pub(super) evicted: u64,
}

/// Owns the tables of its shards without locks.
pub(super) struct Worker<'c, 'p> {
    ports: Arc<ServicePorts>,
    tables: Vec<Table>,
    bench: Bench<'c, 'p>,
    live: bool,
    /// The table that was tidied last.
    tidied: usize,
}

/// The stages behind the table: detect, classify, stats.
struct Bench<'c, 'p> {
    beside: Neighbours<'p>,
    verdicts: Verdicts<'c>,
    stats: Cells<'c>,
    flows: Option<Vec<JudgedFlow<'c>>>,
    /// Those that ended last, for views.
    ended: Recent<'c>,
    /// The view that is being made.
    walk: Option<Walk<'c>>,
}

/// Whether the responder ended the connection at the first words of the initiator, itself without a
/// word.
fn is_cut_off(record: &FlowRecord) -> bool {
    /// What an initiator sends until it is told: SYN, ACK, a message in up to two segments, FIN,
    /// ACK.
    const FIRST_WORDS: u64 = 6;
    record.heard() == Heard::Initiator
        && record.ended_by == Some(Direction::Responder)
        && record.packets.initiator <= FIRST_WORDS
}

impl Judge for Bench<'_, '_> {
    fn begin(&mut self, key: &FlowKey, initiator: usize) {
        if let Some(ledger) = self.beside.ledger {
            ledger.begin(key, initiator);
        }
    }

    fn look(&mut self, opening: &mut Opening, responder: Endpoint) -> Look {
        let evidence = detect::inspect(opening, Depth::Protocol);
        match evidence.wanted {
            Wanted::Nothing => Look::Judged(self.judge(opening, &evidence, responder)),
            Wanted::More => {
                Look::More(self.verdicts.known(responder.port, opening.transport(), &evidence))
            }
            Wanted::Everything => Look::Everything,
        }
    }

    fn inspect(&mut self, opening: &mut Opening, responder: Endpoint) -> VerdictId {
        // Facts are wanted for certain: they come late in its language, or somebody sees reasons.
        if opening.is_kept() || self.verdicts.explains() {
            return self.verdicts.judge(
                responder.port,
                opening.transport(),
                Some(&detect::inspect(opening, Depth::Facts)),
            );
        }
        let evidence = detect::inspect(opening, Depth::Protocol);
        self.judge(opening, &evidence, responder)
    }

    fn show(&mut self, record: &FlowRecord, word: Word<'_>) {
        let Self { verdicts, walk: Some(walk), beside, .. } = self else { return };
        let made = |evidence: Option<&Evidence>| {
            verdicts.made(record.responder.port, record.transport, evidence)
        };
        let verdict = match word {
            Word::Judged(id) => verdicts.get(id).map(|(_, verdict)| Cow::Borrowed(verdict)),
            Word::Opening(opening) => {
                Some(Cow::Owned(made(Some(&detect::inspect(opening, Depth::Facts)))))
            }
            Word::None => Some(Cow::Owned(made(None))),
        };
        let Some(mut verdict) = verdict else { return };
        let processes = beside.ledger.map(|ledger| ledger.of(record)).unwrap_or_default();
        if !processes.is_empty() {
            verdict =
                Cow::Owned(verdicts.made_of(verdict.into_owned(), is_silent(record), &processes));
        }
        walk.show(record, &verdict, &processes);
    }

    fn close(&mut self, record: FlowRecord, verdict: Option<VerdictId>) {
        let id = verdict
            .unwrap_or_else(|| self.verdicts.judge(record.responder.port, record.transport, None));
        let mut id = if is_cut_off(&record) { self.verdicts.cut_off(id) } else { id };
        let mut processes = Sides::default();
        if let Some(ledger) = self.beside.ledger {
            processes = ledger.end(&record);
            id = self.verdicts.attributed(id, is_silent(&record), &processes);
            self.stats.attribute(&record, &processes);
        }
        if let Some((kind, verdict)) = self.verdicts.get(id) {
            self.stats.add(&record, *kind, verdict);
        }
        let shown = self.flows.is_some()
            || self.beside.on_flow.is_some()
            || self.ended.has_place(record.last);
        if !shown && !self.verdicts.explains() {
            return;
        }
        let Some(verdict) = self.verdicts.take(id).filter(|_| shown) else { return };
        let flow = JudgedFlow { record, verdict, processes };
        if let Some(on_flow) = self.beside.on_flow {
            on_flow(&flow);
        }
        match &mut self.flows {
            Some(flows) => {
                self.ended.show(&flow.record, &flow.verdict, &flow.processes);
                flows.push(flow);
            }
            None if self.ended.has_place(flow.record.last) => self.ended.push(flow),
            None => {}
        }
    }
}

impl Bench<'_, '_> {
    /// Judges by the language, and by the facts where a mark or a reader looks at them.
    fn judge(&mut self, opening: &Opening, evidence: &Evidence, responder: Endpoint) -> VerdictId {
        let more = evidence
            .protocol
            .is_some_and(|protocol| self.verdicts.needs_facts(protocol))
            .then(|| detect::inspect(opening, Depth::Facts));
        self.verdicts.judge(
            responder.port,
            opening.transport(),
            Some(more.as_ref().unwrap_or(evidence)),
        )
    }
}

/// Whether nothing was said in a flow.
fn is_silent(record: &FlowRecord) -> bool {
    record.payload_bytes.sum() == 0
}

impl<'c, 'p> Worker<'c, 'p> {
    pub(super) fn new(
        Lesson { catalogue, ports }: Lesson<'c>,
        beside: Neighbours<'p>,
        limits: Limits,
        hasher: &FlowHasher,
        workers: usize,
        keep_flows: bool,
        live: bool,
    ) -> Self {
        Self {
            ports,
            tables: (0..SHARDS.div_ceil(workers)).map(|_| Table::new(limits, hasher)).collect(),
            bench: Bench {
                beside,
                verdicts: Verdicts::new(
                    catalogue,
                    keep_flows || beside.recent_flows > 0 || beside.on_flow.is_some(),
                ),
                stats: Cells::new(beside.histogram_ports),
                flows: keep_flows.then(Vec::new),
                ended: Recent::new(beside.recent_flows),
                walk: None,
            },
            live,
            tidied: 0,
        }
    }

    /// Classifies batches, and answers between them, until no more can come.
    pub(super) fn run(mut self, mouth: &Mouth<'c>) -> Outcome<'c> {
        loop {
            // While a view is being made, an empty queue is the time to go on with it.
            let next = match self.bench.walk {
                Some(_) => mouth.parcels.try_recv(),
                None => mouth.wait(),
            };
            match next {
                Ok(Parcel::Batch(mut batch)) => {
                    self.observe(&batch);
                    self.tidy(&batch);
                    batch.clear();
                    // Full only when the capture thread holds none: then it is let go.
                    drop(mouth.give_back.try_send(batch));
                }
                Ok(Parcel::Look(question)) => self.begin(question),
                Ok(Parcel::Lesson(lesson)) => {
                    self.ports = lesson.ports;
                    self.bench.verdicts.learn(lesson.catalogue);
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break,
            }
            self.step();
        }
        // The capture is over before the view was made.
        self.bench.walk = None;
        if let Some(ledger) = self.bench.beside.ledger {
            ledger.settle();
        }
        for table in &mut self.tables {
            table.drain(&mut self.bench);
        }
        Outcome {
            evicted: self.tables.iter().map(Table::evicted).sum(),
            stats: self.bench.stats.take(),
            flows: self.bench.flows.unwrap_or_default(),
        }
    }

    /// Live, ends some flows that are over, in each table in its turn.
    fn tidy(&mut self, batch: &Batch) {
        if !self.live {
            return;
        }
        let Some(last) = batch.segments().last() else { return };
        self.tidied = (self.tidied + 1) % self.tables.len();
        self.tables[self.tidied].tidy(last.keyed.time, TIDY, &mut self.bench);
    }

    /// Hands over what has ended, and begins to look at what is live.
    fn begin(&mut self, question: Question<'c>) {
        drop(question.answers.try_send(Answer::Ended(self.bench.stats.take())));
        self.tables.iter_mut().for_each(Table::begin_walk);
        let live = self.tables.iter().map(|table| table.live() as u64).sum();
        let evicted = self.tables.iter().map(Table::evicted).sum();
        self.bench.walk = Some(Walk::new(question, live, evicted, self.bench.ended.iter()));
    }

    /// Goes on with the view that is being made, for the time of a few flows.
    fn step(&mut self) {
        let Some(mut at) = self.bench.walk.as_ref().map(|walk| walk.table) else { return };
        let since = Instant::now();
        let mut flows = STEP;
        while flows > 0
            && let Some(table) = self.tables.get_mut(at)
        {
            flows = table.walk(flows, &mut self.bench);
            at += usize::from(flows > 0);
        }
        if let Some(walk) = &mut self.bench.walk {
            walk.table = at;
            walk.took(since);
        }
        if at == self.tables.len()
            && let Some(walk) = self.bench.walk.take()
        {
            walk.finish();
        }
    }

    /// Asks for all that a few segments need before the first of them needs it: the waits for
    /// memory overlap instead of adding up.
    fn observe(&mut self, batch: &Batch) {
        let table = |segment: &Carried| usize::from(segment.table);
        let mut slots = [0; STRIDE];
        for stride in batch.segments().chunks(STRIDE) {
            for segment in stride {
                self.tables[table(segment)].prefetch_index(segment.keyed.hash);
            }
            for (slot, segment) in slots.iter_mut().zip(stride) {
                *slot = self.tables[table(segment)].prefetch_flow(segment.keyed.hash);
            }
            for (&slot, segment) in slots.iter().zip(stride) {
                self.tables[table(segment)].prefetch_rest(slot, &segment.keyed);
            }
            for (slot, segment) in slots.into_iter().zip(stride) {
                let payload = batch.payload(segment);
                self.tables[table(segment)].observe(
                    slot,
                    &segment.keyed,
                    payload,
                    &self.ports,
                    &mut self.bench,
                );
            }
        }
    }
}
