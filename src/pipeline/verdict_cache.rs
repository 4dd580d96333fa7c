//! The verdicts of one worker's flows. A flow stores a number: a million flows share few different
//! verdicts, unless each verdict has its own reasons.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::catalogue::Catalogue;
use crate::classify::{
    Candidate, Confidence, Fault, Fit, Verdict, add_process_facts, affects_verdicts, classify,
};
use crate::decode::ServicePort;
use crate::detect::{DETECTORS, Detector};
use crate::evidence::{Evidence, Protocol, ProtocolSet};
use crate::flow::VerdictId;
use crate::process::FlowProcesses;

/// Everything by which verdicts without reasons differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct VerdictKey<'v> {
    service: Option<&'v str>,
    protocol: Option<Protocol>,
    confidence: Confidence,
    carries: Option<Protocol>,
    fit: Option<Fit>,
    first_candidate: Option<&'v str>,
    fault: Option<Fault>,
    announces: bool,
}

impl<'v> VerdictKey<'v> {
    fn new(verdict: &'v Verdict) -> Self {
        Self {
            service: verdict.service.as_ref().map(|service| &*service.id),
            protocol: verdict.protocol,
            confidence: verdict.confidence,
            carries: verdict.carries,
            fit: verdict.fit,
            first_candidate: verdict.candidates.first().map(Candidate::id),
            fault: verdict.fault,
            announces: verdict.announces,
        }
    }
}

/// A number that all verdicts share which differ in their reasons only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct VerdictKind(pub(super) u32);

/// The numbers of all kinds of verdicts so far.
///
/// A table by the hash of a borrowed [`VerdictKey`]: a table by owned keys would have to clone the
/// shared ids for each lookup, which is at least one for each recognised flow.
#[derive(Default)]
struct VerdictKinds {
    hasher: RandomState,
    /// By the hash of the key, each kind with a verdict that has this key.
    by_hash: HashMap<u64, Vec<(Verdict, VerdictKind)>, RandomState>,
    /// The number of kinds.
    len: u32,
}

impl VerdictKinds {
    /// The number of the verdict's kind. Numbers begin at 0 and are given in order.
    fn number(&mut self, verdict: &Verdict) -> VerdictKind {
        let key = VerdictKey::new(verdict);
        let kinds = self.by_hash.entry(self.hasher.hash_one(key)).or_default();
        if let Some((_, kind)) = kinds.iter().find(|(known, _)| VerdictKey::new(known) == key) {
            return *kind;
        }
        let kind = VerdictKind(self.len);
        self.len += 1;
        kinds.push((without_reasons(verdict), kind));
        kind
    }
}

/// A copy of the verdict with the same [`VerdictKey`] and nothing beyond it.
fn without_reasons(verdict: &Verdict) -> Verdict {
    Verdict {
        service: verdict.service.clone(),
        also: verdict.also.clone(),
        product: verdict.product.clone(),
        candidates: verdict.candidates.first().cloned().into_iter().collect(),
        reasons: Vec::new(),
        ..*verdict
    }
}

/// The verdicts of live flows, by number.
pub(super) struct VerdictCache {
    catalogue: Arc<Catalogue>,
    /// Verdicts have reasons, and no two flows share one.
    keeps_reasons: bool,
    verdicts: Vec<Option<(VerdictKind, Verdict)>>,
    /// Numbers that are not in use.
    free: Vec<u32>,
    kinds: VerdictKinds,
    /// The verdict that all flows of a kind share, indexed by the kind.
    shared: Vec<Option<VerdictId>>,
    /// Verdicts that rest on the port and on the protocols that are ruled out: at most a few for
    /// each port.
    by_port: HashMap<(ServicePort, Option<ProtocolSet>), VerdictId, RandomState>,
    /// The protocols whose facts make a difference.
    with_facts: ProtocolSet,
}

impl VerdictCache {
    pub(super) fn new(catalogue: Arc<Catalogue>, keeps_reasons: bool) -> Self {
        Self {
            with_facts: protocols_with_facts(&catalogue),
            catalogue,
            keeps_reasons,
            verdicts: Vec::new(),
            free: Vec::new(),
            kinds: VerdictKinds::default(),
            shared: Vec::new(),
            by_port: HashMap::default(),
        }
    }

    /// Classifies by another catalogue from now on. Verdicts that flows have stay valid.
    pub(super) fn update_catalogue(&mut self, catalogue: Arc<Catalogue>) {
        self.with_facts = protocols_with_facts(&catalogue);
        self.catalogue = catalogue;
        self.by_port.clear();
        self.shared.fill(None);
    }

    /// Whether verdicts have reasons.
    pub(super) const fn keeps_reasons(&self) -> bool {
        self.keeps_reasons
    }

    /// Whether facts of this protocol make a difference: verdicts have reasons, or marks test facts
    /// of this protocol.
    pub(super) const fn needs_facts(&self, protocol: Protocol) -> bool {
        self.keeps_reasons || self.with_facts.contains(protocol)
    }

    /// The verdict for a flow of no recognised protocol, in case no more payload follows. `None`
    /// where each flow has its own reasons.
    pub(super) fn provisional(
        &mut self,
        port: ServicePort,
        evidence: &Evidence,
    ) -> Option<VerdictId> {
        let is_shared = !self.keeps_reasons && evidence.protocol.is_none();
        is_shared.then(|| self.classify(port, Some(evidence)))
    }

    /// Classifies a flow by the evidence on it; `None` for a flow without payload.
    pub(super) fn classify(&mut self, port: ServicePort, evidence: Option<&Evidence>) -> VerdictId {
        self.classify_and(port, evidence, |_, _| {})
    }

    /// As [`classify`](Self::classify); `on_recognised` gets the verdict of a recognised protocol
    /// before flows share it, and the catalogue.
    pub(super) fn classify_and(
        &mut self,
        port: ServicePort,
        evidence: Option<&Evidence>,
        on_recognised: impl FnOnce(&Verdict, &Catalogue),
    ) -> VerdictId {
        let is_recognised = evidence.is_some_and(|evidence| evidence.protocol.is_some());
        if self.keeps_reasons || is_recognised {
            let verdict = self.verdict(port, evidence);
            if is_recognised {
                on_recognised(&verdict, &self.catalogue);
            }
            return self.store(verdict);
        }
        let key = (port, evidence.map(|evidence| evidence.ruled_out));
        if let Some(&known) = self.by_port.get(&key) {
            return known;
        }
        let verdict = self.verdict(port, evidence);
        let id = self.store(verdict);
        self.by_port.insert(key, id);
        id
    }

    /// As [`classify`](Self::classify), without storing the verdict.
    pub(super) fn verdict(&self, port: ServicePort, evidence: Option<&Evidence>) -> Verdict {
        classify(&self.catalogue, port, evidence, self.keeps_reasons)
    }

    /// Adds to a verdict what the processes at a flow's ends prove, without storing it.
    /// `is_silent`: the flow has no payload.
    pub(super) fn with_processes(
        &self,
        verdict: Verdict,
        is_silent: bool,
        processes: &FlowProcesses,
    ) -> Verdict {
        add_process_facts(
            &self.catalogue,
            verdict,
            is_silent,
            &processes.facts(),
            self.keeps_reasons,
        )
    }

    /// The catalogue in use.
    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The verdict with this number.
    pub(super) fn get(&self, id: VerdictId) -> Option<&(VerdictKind, Verdict)> {
        self.verdicts.get(id.0 as usize)?.as_ref()
    }

    /// The verdict of a flow that has ended. Frees the number, unless flows share it.
    pub(super) fn take(&mut self, id: VerdictId) -> Option<Verdict> {
        if !self.keeps_reasons {
            return self.get(id).map(|(_, verdict)| verdict.clone());
        }
        let (_, verdict) = self.verdicts.get_mut(id.0 as usize)?.take()?;
        self.free.push(id.0);
        Some(verdict)
    }

    /// The verdict of a flow whose responder ended it at the first message, in place of `id`.
    pub(super) fn cut_off(&mut self, id: VerdictId) -> VerdictId {
        let Some(mut verdict) = self.take(id) else { return id };
        verdict.set_cut_off(self.keeps_reasons);
        self.store(verdict)
    }

    /// The verdict with what the processes at the flow's ends prove, in place of `id`.
    /// `is_silent`: the flow has no payload.
    pub(super) fn attribute(
        &mut self,
        id: VerdictId,
        is_silent: bool,
        processes: &FlowProcesses,
    ) -> VerdictId {
        let facts = processes.facts();
        if facts.is_empty() {
            return id;
        }
        let Some(verdict) = self.take(id) else { return id };
        let verdict =
            add_process_facts(&self.catalogue, verdict, is_silent, &facts, self.keeps_reasons);
        self.store(verdict)
    }

    /// Stores a verdict, unless flows share one of this kind already.
    fn store(&mut self, verdict: Verdict) -> VerdictId {
        let kind = self.kinds.number(&verdict);
        if kind.0 as usize == self.shared.len() {
            self.shared.push(None);
        }
        let shared = &mut self.shared[kind.0 as usize];
        if let Some(known) = shared {
            return *known;
        }
        let id = VerdictId(self.free.pop().unwrap_or_else(|| {
            self.verdicts.push(None);
            self.verdicts.len() as u32 - 1
        }));
        self.verdicts[id.0 as usize] = Some((kind, verdict));
        if !self.keeps_reasons {
            *shared = Some(id);
        }
        id
    }
}

/// The protocols whose detectors state facts that marks test, or that affect verdicts whatever the
/// catalogue has.
fn protocols_with_facts(catalogue: &Catalogue) -> ProtocolSet {
    // Most marks test the same few facts.
    let marked: HashSet<&str, RandomState> = catalogue.marked_facts().collect();
    let matters = |detector: &&Detector| {
        detector.facts.iter().any(|fact| affects_verdicts(fact))
            || marked.iter().any(|fact| detector.states(fact))
    };
    let mut set = ProtocolSet::EMPTY;
    for detector in DETECTORS.iter().filter(matters) {
        std::iter::once(&detector.protocol)
            .chain(detector.leads_to)
            .for_each(|&protocol| set.insert(protocol));
    }
    set
}
