//! A classifier's verdicts. A flow keeps a number; a million flows have few different verdicts,
//! unless each has its reasons.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use crate::catalogue::Catalogue;
use crate::classify::{Candidate, Confidence, Fault, Fit, Verdict, by_process, classify, heeds};
use crate::decode::Transport;
use crate::detect::{DETECTORS, Detector};
use crate::evidence::{Evidence, Protocol, ProtocolSet};
use crate::flow::VerdictId;
use crate::process::Sides;

/// What tells verdicts without reasons apart: service, language, ground, the language inside, fit,
/// first candidate, fault.
type Content<'c> = (
    Option<&'c str>,
    Option<Protocol>,
    Confidence,
    Option<Protocol>,
    Fit,
    Option<&'c str>,
    Option<Fault>,
);

/// A number for verdicts that differ in their reasons only.
pub(super) type Kind = u32;

/// The verdicts of live flows.
pub(super) struct Verdicts<'c> {
    catalogue: &'c Catalogue,
    /// Somebody will see reasons: no two flows share a verdict.
    explains: bool,
    places: Vec<Option<(Kind, Verdict<'c>)>>,
    free: Vec<u32>,
    kinds: HashMap<Content<'c>, Kind, RandomState>,
    /// The verdict that all flows of a kind share.
    of_kind: Vec<Option<VerdictId>>,
    /// Those that rest on the port and on what the bytes are not. At most a few for each port.
    by_port: HashMap<(u16, Transport, Option<ProtocolSet>), VerdictId, RandomState>,
    /// The languages in which what is said makes a difference.
    telling: ProtocolSet,
}

impl<'c> Verdicts<'c> {
    pub(super) fn new(catalogue: &'c Catalogue, explains: bool) -> Self {
        Self {
            catalogue,
            explains,
            places: Vec::new(),
            free: Vec::new(),
            kinds: HashMap::default(),
            of_kind: Vec::new(),
            by_port: HashMap::default(),
            telling: telling(catalogue),
        }
    }

    /// Judges by another catalogue from now on.
    pub(super) fn learn(&mut self, catalogue: &'c Catalogue) {
        self.catalogue = catalogue;
        self.telling = telling(catalogue);
        self.by_port.clear();
        self.of_kind.fill(None);
    }

    /// Whether somebody will see reasons.
    pub(super) const fn explains(&self) -> bool {
        self.explains
    }

    /// Whether more than the language makes a difference: somebody sees reasons, or marks look at
    /// facts of this language.
    pub(super) const fn needs_facts(&self, protocol: Protocol) -> bool {
        self.explains || self.telling.contains(protocol)
    }

    /// The verdict on what is no known language so far, should nothing more be said; none where
    /// each flow has its own reasons.
    pub(super) fn known(
        &mut self,
        port: u16,
        transport: Transport,
        evidence: &Evidence,
    ) -> Option<VerdictId> {
        let shared = !self.explains && evidence.protocol.is_none();
        shared.then(|| self.judge(port, transport, Some(evidence)))
    }

    /// Judges what was heard on a port, or silence.
    pub(super) fn judge(
        &mut self,
        port: u16,
        transport: Transport,
        evidence: Option<&Evidence>,
    ) -> VerdictId {
        let heard = evidence.is_some_and(|evidence| evidence.protocol.is_some());
        if self.explains || heard {
            let verdict = self.made(port, transport, evidence);
            return self.place(verdict);
        }
        let key = (port, transport, evidence.map(|evidence| evidence.ruled_out));
        if let Some(&known) = self.by_port.get(&key) {
            return known;
        }
        let verdict = self.made(port, transport, evidence);
        let id = self.place(verdict);
        self.by_port.insert(key, id);
        id
    }

    /// A verdict without a number, with what processes add to it.
    pub(super) fn made_of(
        &self,
        verdict: Verdict<'c>,
        silent: bool,
        processes: &Sides,
    ) -> Verdict<'c> {
        by_process(self.catalogue, verdict, silent, &processes.facts(), self.explains)
    }

    /// The same without a number.
    pub(super) fn made(
        &self,
        port: u16,
        transport: Transport,
        evidence: Option<&Evidence>,
    ) -> Verdict<'c> {
        classify(self.catalogue, port, transport, evidence, self.explains)
    }

    /// The verdict of a number.
    pub(super) fn get(&self, id: VerdictId) -> Option<&(Kind, Verdict<'c>)> {
        self.places.get(id.0 as usize)?.as_ref()
    }

    /// The verdict of a flow that has ended; the number is nobody's any more, unless flows share
    /// it.
    pub(super) fn take(&mut self, id: VerdictId) -> Option<Verdict<'c>> {
        if !self.explains {
            return self.get(id).map(|(_, verdict)| verdict.clone());
        }
        let (_, verdict) = self.places.get_mut(id.0 as usize)?.take()?;
        self.free.push(id.0);
        Some(verdict)
    }

    /// The verdict of a flow whose responder ended it at the first words.
    pub(super) fn cut_off(&mut self, id: VerdictId) -> VerdictId {
        let Some(mut verdict) = self.take(id) else { return id };
        verdict.cut_off(self.explains);
        self.place(verdict)
    }

    /// The verdict, with what the processes behind a flow's port add to it. `silent`: nothing was
    /// said.
    pub(super) fn attributed(
        &mut self,
        id: VerdictId,
        silent: bool,
        processes: &Sides,
    ) -> VerdictId {
        let facts = processes.facts();
        if facts.is_empty() {
            return id;
        }
        let Some(verdict) = self.take(id) else { return id };
        let verdict = by_process(self.catalogue, verdict, silent, &facts, self.explains);
        self.place(verdict)
    }

    /// Keeps a verdict, where no flow shares it that has one already.
    fn place(&mut self, verdict: Verdict<'c>) -> VerdictId {
        let content = (
            verdict.service.map(|service| service.id.as_str()),
            verdict.protocol,
            verdict.confidence,
            verdict.carries,
            verdict.fit,
            verdict.candidates.first().map(Candidate::id),
            verdict.fault,
        );
        let kind = *self.kinds.entry(content).or_insert_with(|| {
            self.of_kind.push(None);
            self.of_kind.len() as u32 - 1
        });
        let shared = &mut self.of_kind[kind as usize];
        if let Some(known) = shared {
            return *known;
        }
        let id = VerdictId(self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() as u32 - 1
        }));
        self.places[id.0 as usize] = Some((kind, verdict));
        if !self.explains {
            *shared = Some(id);
        }
        id
    }
}

/// The languages in which facts are stated that marks look at, or that are heeded whatever the
/// catalogue has.
fn telling(catalogue: &Catalogue) -> ProtocolSet {
    // Most marks look at the same few.
    let marked: HashSet<&str, RandomState> = catalogue.marked_facts().collect();
    let is_telling = |detector: &&Detector| {
        detector.facts.iter().any(|fact| heeds(fact))
            || marked.iter().any(|fact| detector.states(fact))
    };
    let mut set = ProtocolSet::EMPTY;
    for detector in DETECTORS.iter().filter(is_telling) {
        std::iter::once(&detector.protocol)
            .chain(detector.leads_to)
            .for_each(|&protocol| set.insert(protocol));
    }
    set
}
