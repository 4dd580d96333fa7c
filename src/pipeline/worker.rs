//! A classifier thread: the flows of some shards, from segments to judged records.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::TryRecvError;

use super::lane::{Lesson, Mouth, Parcel};
use super::recent::Recent;
use super::views::{Answer, Look as Question};
use super::walk::{STEP, Walk};
use crate::batch::Batch;
use crate::catalogue::Catalogue;
use crate::classify::{Verdict, classify};
use crate::decode::Endpoint;
use crate::detect;
use crate::evidence::{Direction, Evidence, Wanted};
use crate::flow::{FlowKey, FlowRecord, Heard, Judge, Limits, Look, Opening, SHARDS, ServicePorts, Table, shard};
use crate::stats::Stats;

/// Segments whose cache lines are brought in together. More would push each other out of the first-level cache.
const STRIDE: usize = 64;

/// A finished flow and what it was.
#[derive(Debug, Clone)]
pub struct JudgedFlow<'c> {
    /// The flow.
    pub record: FlowRecord,
    /// What was speaking.
    pub verdict: Verdict<'c>,
}

/// What a worker has when the capture is over.
pub(super) struct Outcome<'c> {
    pub(super) stats: Stats<'c>,
    pub(super) flows: Vec<JudgedFlow<'c>>,
    pub(super) evicted: u64,
}

/// Owns the tables of its shards without locks.
pub(super) struct Worker<'c> {
    ports: Arc<ServicePorts>,
    workers: usize,
    tables: Vec<Table<Verdict<'c>>>,
    bench: Bench<'c>,
    ahead: Vec<Ahead>,
}

/// What is worked out for a whole stride before the first flow is changed.
struct Ahead {
    key: FlowKey,
    end: usize,
    hash: u64,
    table: usize,
}

/// The stages behind the table: detect, classify, stats.
struct Bench<'c> {
    catalogue: &'c Catalogue,
    stats: Stats<'c>,
    flows: Option<Vec<JudgedFlow<'c>>>,
    /// Those that ended last, for views.
    ended: Recent<'c>,
    /// The view that is being made.
    walk: Option<Walk<'c>>,
}

impl<'c> Bench<'c> {
    fn judge(&self, opening: &Opening, responder: Endpoint, evidence: &Evidence) -> Verdict<'c> {
        classify(self.catalogue, responder.port, opening.transport(), Some(evidence), self.explains())
    }

    /// What was judged without a word.
    fn silent(&self, record: &FlowRecord) -> Verdict<'c> {
        classify(self.catalogue, record.responder.port, record.transport, None, self.explains())
    }

    /// Whether somebody will see reasons.
    fn explains(&self) -> bool {
        self.flows.is_some() || !self.ended.is_idle()
    }
}

/// Whether the responder ended the connection at the first words of the initiator, itself without a word.
fn is_cut_off(record: &FlowRecord) -> bool {
    /// What an initiator sends until it is told: SYN, ACK, a message in up to two segments, FIN, ACK.
    const FIRST_WORDS: u64 = 6;
    record.heard() == Heard::Initiator && record.ended_by == Some(Direction::Responder) && record.packets.initiator <= FIRST_WORDS
}

impl<'c> Judge for Bench<'c> {
    type Verdict = Verdict<'c>;

    fn look(&mut self, opening: &Opening, responder: Endpoint) -> Look<Verdict<'c>> {
        let evidence = detect::inspect(opening);
        match evidence.wanted {
            Wanted::Nothing => Look::Judged(self.judge(opening, responder, &evidence)),
            Wanted::More => Look::More,
            Wanted::Everything => Look::Everything,
        }
    }

    fn inspect(&mut self, opening: &Opening, responder: Endpoint) -> Verdict<'c> {
        self.judge(opening, responder, &detect::inspect(opening))
    }

    fn show(&mut self, record: &FlowRecord, verdict: Option<&Verdict<'c>>) {
        let silent = verdict.is_none().then(|| self.silent(record));
        if let (Some(walk), Some(verdict)) = (&mut self.walk, verdict.or(silent.as_ref())) {
            walk.show(record, verdict);
        }
    }

    fn close(&mut self, record: FlowRecord, verdict: Option<Verdict<'c>>) {
        let mut verdict = verdict.unwrap_or_else(|| self.silent(&record));
        if is_cut_off(&record) {
            verdict.cut_off(self.explains());
        }
        self.stats.add(&record, &verdict);
        let flow = JudgedFlow { record, verdict };
        match &mut self.flows {
            Some(flows) => {
                self.ended.show(&flow.record, &flow.verdict);
                flows.push(flow);
            }
            None if self.ended.has_place(flow.record.last) => self.ended.push(flow),
            None => {}
        }
    }
}

impl<'c> Worker<'c> {
    pub(super) fn new(
        Lesson { catalogue, ports }: Lesson<'c>,
        limits: Limits,
        workers: usize,
        keep_flows: bool,
        recent_flows: usize,
    ) -> Self {
        Self {
            ports,
            workers,
            tables: (0..SHARDS.div_ceil(workers)).map(|_| Table::new(limits)).collect(),
            bench: Bench {
                catalogue,
                stats: Stats::default(),
                flows: keep_flows.then(Vec::new),
                ended: Recent::new(recent_flows),
                walk: None,
            },
            ahead: Vec::with_capacity(STRIDE),
        }
    }

    /// Classifies batches, and answers between them, until no more can come.
    pub(super) fn run(mut self, mouth: &Mouth<'c>) -> Outcome<'c> {
        loop {
            // While a view is being made, an empty queue is the time to go on with it.
            let next = match self.bench.walk {
                Some(_) => mouth.parcels.try_recv(),
                None => mouth.parcels.recv().map_err(|_| TryRecvError::Disconnected),
            };
            match next {
                Ok(Parcel::Batch(mut batch)) => {
                    self.observe(&batch);
                    batch.clear();
                    // Full only when the capture thread holds none: then it is let go.
                    drop(mouth.give_back.try_send(batch));
                }
                Ok(Parcel::Look(question)) => self.begin(question),
                Ok(Parcel::Lesson(lesson)) => {
                    self.ports = lesson.ports;
                    self.bench.catalogue = lesson.catalogue;
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break,
            }
            self.step();
        }
        // The capture is over before the view was made.
        self.bench.walk = None;
        for table in &mut self.tables {
            table.drain(&mut self.bench);
        }
        Outcome {
            evicted: self.tables.iter().map(Table::evicted).sum(),
            stats: self.bench.stats,
            flows: self.bench.flows.unwrap_or_default(),
        }
    }

    /// Hands over what has ended, and begins to look at what is live.
    fn begin(&mut self, question: Question<'c>) {
        drop(question.answers.try_send(Answer::Ended(std::mem::take(&mut self.bench.stats))));
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

    /// Hash all, touch all, update all: the waits for memory overlap instead of adding up.
    fn observe(&mut self, batch: &Batch) {
        for stride in batch.segments().chunks(STRIDE) {
            self.ahead.clear();
            for segment in stride {
                let (key, end) = FlowKey::new(&segment.five_tuple);
                let table = shard(&key) / self.workers;
                let hash = self.tables[table].hash(&key);
                self.ahead.push(Ahead { key, end, hash, table });
            }
            let mut slots = [0; STRIDE];
            for (slot, ahead) in slots.iter_mut().zip(&self.ahead) {
                *slot = self.tables[ahead.table].touch_index(ahead.hash);
            }
            let touched = slots.iter().zip(&self.ahead).map(|(slot, ahead)| self.tables[ahead.table].touch_slot(*slot));
            std::hint::black_box(touched.fold(0, |sum, word| sum ^ word));
            for (segment, ahead) in stride.iter().zip(&self.ahead) {
                self.tables[ahead.table].observe(
                    ahead.key,
                    ahead.end,
                    ahead.hash,
                    segment,
                    batch.payload(segment),
                    &self.ports,
                    &mut self.bench,
                );
            }
        }
    }
}
