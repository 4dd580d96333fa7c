//! A classifier thread: the flows of some shards, from segments to judged records.

use crossbeam_channel::{Receiver, Sender};

use crate::batch::Batch;
use crate::catalogue::Catalogue;
use crate::classify::{Verdict, classify};
use crate::detect;
use crate::evidence::Evidence;
use crate::flow::{Closed, FlowKey, FlowRecord, Inspected, Limits, Opening, SHARDS, ServicePorts, Table, shard};
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
    tables: Vec<Table<Evidence>>,
    judge: Judge<'c>,
    ahead: Vec<Ahead>,
}

/// What is worked out for a whole stride before the first flow is changed.
struct Ahead {
    key: FlowKey,
    end: usize,
    hash: u64,
    table: usize,
}

/// The stages behind the table.
struct Judge<'c> {
    catalogue: &'c Catalogue,
    stats: Stats<'c>,
    flows: Option<Vec<JudgedFlow<'c>>>,
}

impl Judge<'_> {
    fn close(&mut self, closed: Closed<Evidence>) {
        let Closed { record, evidence } = closed;
        let verdict = classify(self.catalogue, record.responder.port, record.transport, evidence.as_ref(), self.flows.is_some());
        self.stats.add(&record, &verdict);
        if let Some(flows) = &mut self.flows {
            flows.push(JudgedFlow { record, verdict });
        }
    }
}

/// The detectors as the table asks them.
fn inspect(opening: &Opening) -> Inspected<Evidence> {
    let evidence = detect::inspect(opening);
    Inspected { settled: evidence.settled, evidence }
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
            judge: Judge { catalogue, stats: Stats::default(), flows: keep_flows.then(Vec::new) },
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
        let judge = &mut self.judge;
        for table in &mut self.tables {
            table.drain(&mut inspect, &mut |closed| judge.close(closed));
        }
        Outcome {
            evicted: self.tables.iter().map(Table::evicted).sum(),
            stats: self.judge.stats,
            flows: self.judge.flows.unwrap_or_default(),
        }
    }

    /// Hash all, touch all, update all: the waits for memory overlap instead of adding up.
    fn observe(&mut self, batch: &Batch) {
        let judge = &mut self.judge;
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
                    &mut inspect,
                    &mut |closed| judge.close(closed),
                );
            }
        }
    }
}
