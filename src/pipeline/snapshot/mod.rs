//! Views of a capture that goes on.
//!
//! ```text
//!   view thread ── Look ──▶ capture thread ── Look, behind the batches ──▶ classifiers
//!        ▲                        │ counts                                      │ finished flows' figures, then the live ones'
//!        └────────────────────────┴─────────────────── Answer ──────────────────┘
//! ```
//!
//! The capture thread passes a question on and never waits for an answer. A classifier hands over
//! the figures of the flows that ended since it was last asked, which costs nothing, and then walks
//! over its live flows a few at a time between its batches. The view thread adds up what ended,
//! merges the live flows to it and gives the whole to whoever watches, who may take their time:
//! frames are not lost for it.
//!
//! What it costs is bounded: the next view waits until the last one's work is at most [`SHARE`] of
//! the time, however large the tables are. Memory: the figures of all ports once more, for each
//! view that somebody holds.
//!
//! The counts are exact at one point of the capture, and so are the finished flows. A live flow is
//! counted once, as it was when the walk came to it, which is later by the time that the walk
//! takes.

mod builder;
mod recent;

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, at, bounded, never, select};

pub(super) use self::builder::{STEP, Walk};
pub(super) use self::recent::Recent;

use super::{JudgedFlow, Run, Tally};
use crate::catalogue::Catalogue;
use crate::decode::Transport;
use crate::flow::FlowRecord;
use crate::source::{Drops, Source};
use crate::stats::Stats;

/// Views take at most one part in so many of a thread's time.
const SHARE: u32 = 20;

/// Who wants to see a capture while it goes on.
pub struct Views<'v, 'c> {
    /// Time between two views; `None` for those that are asked for only. With very many live flows
    /// it becomes longer.
    pub every: Option<Duration>,
    /// Flows that each view brings, the most recent ones with their reasons; 0 for none. Reasons
    /// cost every live flow some memory.
    pub flows: usize,
    /// Asks for views out of turn; [`asker`] makes one.
    pub asks: Asks,
    /// Gets each view on a thread of its own.
    pub on_view: &'v mut (dyn FnMut(View<'c>) + Send),
}

/// A capture as it stands.
pub struct View<'c> {
    /// Time from the begin of the capture until the counts were taken.
    pub elapsed: Duration,
    /// The capture as if it had ended then. `flows` are the most recent ones that were asked for,
    /// the latest first.
    pub run: Run<'c>,
    /// Live flows, which `run` has too.
    pub live_flows: u64,
}

/// What a view is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ask {
    /// Flows of this service port only; of all where it is `None`.
    pub port: Option<(u16, Transport)>,
}

/// Asks for a view now, and for what those that follow are to show.
#[derive(Debug, Clone)]
pub struct Asker(Sender<Ask>);

/// Where asks arrive.
#[derive(Debug)]
pub struct Asks(Receiver<Ask>);

/// A pair of both.
#[must_use]
pub fn asker() -> (Asker, Asks) {
    let (asker, asks) = bounded(16);
    (Asker(asker), Asks(asks))
}

impl Asker {
    /// Does not wait: where sixteen asks are unanswered, one more changes nothing.
    pub fn ask(&self, ask: Ask) {
        let _ = self.0.try_send(ask);
    }
}

/// A question on its way.
#[derive(Clone)]
pub(super) struct Look<'c> {
    port: Option<(u16, Transport)>,
    pub(super) flows: usize,
    pub(super) answers: Sender<Answer<'c>>,
}

impl<'c> Look<'c> {
    /// Whether the flow is one of those that are asked for.
    pub(super) fn is_about(&self, record: &FlowRecord) -> bool {
        self.port.is_none_or(|port| port == (record.responder.port, record.transport))
    }

    /// The capture thread's answer.
    pub(super) fn counts(
        &self,
        tally: &Tally,
        source: &mut dyn Source,
        catalogue: &'c Catalogue,
        elapsed: Duration,
    ) {
        let (drops, problems) = (source.drops(), source.problems());
        drop(self.answers.try_send(Answer::Counts {
            catalogue,
            tally: Box::new(tally.clone()),
            drops,
            problems,
            elapsed,
        }));
    }

    #[cfg(test)]
    pub(super) fn nobodys() -> Self {
        Self { port: None, flows: 0, answers: bounded(1).0 }
    }
}

/// What comes back.
pub(super) enum Answer<'c> {
    /// From the capture thread, once.
    Counts {
        catalogue: &'c Catalogue,
        tally: Box<Tally>,
        drops: Drops,
        problems: Vec<String>,
        elapsed: Duration,
    },
    /// From each classifier: what ended since it was last asked. It is not counted elsewhere any
    /// more.
    Ended(Stats<'c>),
    /// From each classifier: what is live.
    Live { stats: Stats<'c>, flows: Vec<JudgedFlow<'c>>, live: u64, evicted: u64, cost: Duration },
}

/// The capture thread's end: where questions arrive. When it is dropped, the capture is over.
pub(super) struct Questions<'c> {
    looks: Receiver<Look<'c>>,
    _goes_on: Sender<()>,
}

impl<'c> Questions<'c> {
    /// The question that waits, if one does.
    pub(super) fn next(&self) -> Option<Look<'c>> {
        self.looks.try_recv().ok()
    }
}

/// The view thread.
pub(super) struct Viewer<'c> {
    to_capture: Sender<Look<'c>>,
    ended: Receiver<()>,
    workers: usize,
    histogram_ports: usize,
    /// Figures of the flows that have ended.
    stats: Stats<'c>,
}

/// A view thread and the capture thread's end of it.
pub(super) fn viewer<'c>(workers: usize, histogram_ports: usize) -> (Viewer<'c>, Questions<'c>) {
    let (to_capture, looks) = bounded(1);
    let (goes_on, ended) = bounded(0);
    (
        Viewer { to_capture, ended, workers, histogram_ports, stats: Stats::default() },
        Questions { looks, _goes_on: goes_on },
    )
}

impl<'c> Viewer<'c> {
    /// Serves views until the capture ends; gives the figures that the classifiers have handed
    /// over.
    pub(super) fn run(mut self, views: Views<'_, 'c>) -> Stats<'c> {
        let mut asks = views.asks.0;
        let mut ask = Ask::default();
        let mut due = views.every.map(|every| Instant::now() + every);
        let mut earliest = Instant::now();
        loop {
            let timer = due.map_or_else(never, |due| at(due.max(earliest)));
            select! {
                recv(self.ended) -> _ => return self.stats,
                recv(timer) -> _ => {}
                recv(asks) -> asked => if let Ok(asked) = asked {
                    ask = asked;
                } else {
                    // Nobody can ask any more; the clock goes on.
                    asks = never();
                    continue;
                },
            }
            // An ask out of turn has to wait until the last view is paid for; those that came
            // meanwhile are answered with it.
            select! {
                recv(self.ended) -> _ => return self.stats,
                recv(at(earliest)) -> _ => {}
            }
            ask = asks.try_iter().last().unwrap_or(ask);
            let Some((view, cost)) = self.look(ask, views.flows) else { return self.stats };
            let made = Instant::now();
            earliest = made + cost * SHARE;
            due = due
                .zip(views.every)
                .map(|(due, every)| if due <= made { (due + every).max(made) } else { due });
            (views.on_view)(view);
        }
    }

    /// Asks and puts the answers together; `None` where the capture ended meanwhile.
    fn look(&mut self, ask: Ask, flows: usize) -> Option<(View<'c>, Duration)> {
        // Room for every answer: nobody waits to give one.
        let (to_here, answers) = bounded(2 * self.workers + 1);
        self.to_capture.send(Look { port: ask.port, flows, answers: to_here }).ok()?;
        let mut counts = None;
        let mut parts = Vec::with_capacity(self.workers);
        let mut busy = Duration::ZERO;
        for answer in answers {
            let since = Instant::now();
            match answer {
                Answer::Counts { catalogue, tally, drops, problems, elapsed } => {
                    counts = Some((catalogue, tally, drops, problems, elapsed));
                }
                Answer::Ended(stats) => self.stats.merge(stats),
                Answer::Live { stats, flows, live, evicted, cost } => {
                    parts.push((stats, flows, live, evicted, cost));
                }
            }
            busy += since.elapsed();
        }
        let (catalogue, tally, drops, problems, elapsed) =
            counts.filter(|_| parts.len() == self.workers)?;
        let since = Instant::now();
        self.stats.limit(self.histogram_ports);
        let mut run = Run {
            catalogue,
            tally: *tally,
            interfaces: Vec::new(),
            drops,
            problems,
            notices: Vec::new(),
            evicted: 0,
            stats: self.stats.clone(),
            flows: Vec::new(),
        };
        let mut recent = Recent::new(flows);
        let (mut live_flows, mut slowest) = (0, Duration::ZERO);
        for (stats, flows, live, evicted, cost) in parts {
            run.stats.merge(stats);
            run.evicted += evicted;
            live_flows += live;
            slowest = slowest.max(cost);
            flows.into_iter().for_each(|flow| recent.push(flow));
        }
        run.flows = recent.into_flows();
        run.limit_figures(self.histogram_ports);
        let cost = slowest.max(busy + since.elapsed());
        Some((View { elapsed, run, live_flows }, cost))
    }
}
