//! A classifier thread: the flows of some shards, from segments to judged records.

use crossbeam_channel::{Receiver, Sender};

use crate::batch::Batch;
use crate::catalogue::Catalogue;
use crate::classify::{Verdict, classify};
use crate::decode::Endpoint;
use crate::detect;
use crate::evidence::{Evidence, Wanted};
use crate::flow::{FlowKey, FlowRecord, Judge, Limits, Look, Opening, SHARDS, ServicePorts, Table, shard};
use crate::stats::Stats;

/// Segments whose cache lines are brought in together. More would push each other out of the first-level cache.
const STRIDE: usize = 64;

/// A finished flow and what it was.
#[derive(Debug)]
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
pub(super) struct Worker<'c, 'p> {
    ports: &'p ServicePorts,
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
}

impl<'c> Bench<'c> {
    fn judge(&self, opening: &Opening, responder: Endpoint, evidence: &Evidence) -> Verdict<'c> {
        classify(self.catalogue, responder.port, opening.transport(), Some(evidence), self.flows.is_some())
    }
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

    fn close(&mut self, record: FlowRecord, verdict: Option<Verdict<'c>>) {
        let explain = self.flows.is_some();
        let silent = || classify(self.catalogue, record.responder.port, record.transport, None, explain);
        let verdict = verdict.unwrap_or_else(silent);
        self.stats.add(&record, &verdict);
        if let Some(flows) = &mut self.flows {
            flows.push(JudgedFlow { record, verdict });
        }
    }
}

impl<'c, 'p> Worker<'c, 'p> {
    pub(super) fn new(
        catalogue: &'c Catalogue,
        ports: &'p ServicePorts,
        limits: Limits,
        workers: usize,
        keep_flows: bool,
    ) -> Self {
        Self {
            ports,
            workers,
            tables: (0..SHARDS.div_ceil(workers)).map(|_| Table::new(limits)).collect(),
            bench: Bench { catalogue, stats: Stats::default(), flows: keep_flows.then(Vec::new) },
            ahead: Vec::with_capacity(STRIDE),
        }
    }

    /// Classifies batches until no more can come.
    pub(super) fn run(mut self, batches: &Receiver<Batch>, give_back: &Sender<Batch>) -> Outcome<'c> {
        for mut batch in batches {
            self.observe(&batch);
            batch.clear();
            // Full only when the capture thread holds none: then it is let go.
            drop(give_back.try_send(batch));
        }
        for table in &mut self.tables {
            table.drain(&mut self.bench);
        }
        Outcome {
            evicted: self.tables.iter().map(Table::evicted).sum(),
            stats: self.bench.stats,
            flows: self.bench.flows.unwrap_or_default(),
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
                    self.ports,
                    &mut self.bench,
                );
            }
        }
    }
}
