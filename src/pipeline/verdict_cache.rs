//! The verdicts of one worker's flows. A flow stores a number: a million flows share few different
//! verdicts, unless each verdict has its own reasons.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::catalogue::Catalogue;
use crate::classify::{
    Candidate, Confidence, Fault, Fit, StatedFacts, Verdict, add_process_facts, affects_verdicts,
    classify,
};
use crate::decode::ServicePort;
use crate::detect::{DETECTORS, Detector};
use crate::evidence::{Evidence, Protocol, ProtocolSet, ProvedBy};
use crate::flow::VerdictId;
use crate::process::FlowProcesses;

/// Everything by which verdicts differ beside their reasons and what only one flow has: the
/// responder's product, the name that a mark takes from what it matches, and the failure.
#[derive(PartialEq, Eq)]
struct VerdictKey<'v> {
    service: Option<&'v str>,
    process_service: Option<&'v str>,
    also: Vec<&'v str>,
    protocol: Option<Protocol>,
    proved_by: Option<ProvedBy>,
    one_way: bool,
    confidence: Confidence,
    carries: Option<Protocol>,
    fit: Option<Fit>,
    candidates: &'v [Candidate],
    fault: Option<Fault>,
    announces: bool,
    is_whole: bool,
}

impl<'v> VerdictKey<'v> {
    fn new(verdict: &'v Verdict) -> Self {
        Self {
            service: verdict.service.as_ref().map(|service| &*service.id),
            process_service: verdict.process_service.as_ref().map(|service| &*service.id),
            also: verdict.also.iter().map(|service| &*service.id).collect(),
            protocol: verdict.protocol,
            proved_by: verdict.proved_by,
            one_way: verdict.one_way,
            confidence: verdict.confidence,
            carries: verdict.carries,
            fit: verdict.fit,
            candidates: &verdict.candidates,
            fault: verdict.fault,
            announces: verdict.announces,
            is_whole: verdict.is_whole,
        }
    }
}

/// A number that all verdicts share which differ in their reasons, product and failure only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct VerdictKind(pub(super) u32);

/// The numbers of all kinds of verdicts so far.
///
/// A table by the hash of a verdict: a table by owned keys would have to clone the shared ids for
/// each lookup, which is at least one for each recognised flow.
#[derive(Default)]
struct VerdictKinds {
    hasher: RandomState,
    /// By the hash of the key, each kind with a verdict that has this key.
    by_hash: HashMap<u64, Vec<(Verdict, VerdictKind)>, RandomState>,
    /// The number of kinds.
    len: u32,
}

impl VerdictKinds {
    /// The number of the verdict's kind, and a verdict of this kind without reasons, product
    /// and failure.
    /// Numbers begin at 0 and are given in order.
    fn number(&mut self, verdict: &Verdict) -> (VerdictKind, &Verdict) {
        let kinds = self.by_hash.entry(self.hasher.hash_one(hashed(verdict))).or_default();
        let key = VerdictKey::new(verdict);
        let place = kinds.iter().position(|(known, _)| VerdictKey::new(known) == key);
        let place = place.unwrap_or_else(|| {
            let kind = VerdictKind(self.len);
            self.len += 1;
            kinds.push((without_reasons(verdict), kind));
            kinds.len() - 1
        });
        let (known, kind) = &kinds[place];
        (*kind, known)
    }
}

/// The part of a [`VerdictKey`] that is hashed: of many candidates the first tells most.
fn hashed(verdict: &Verdict) -> impl Hash + use<'_> {
    (
        verdict.service.as_ref().map(|service| &*service.id),
        (verdict.protocol, verdict.proved_by, verdict.confidence, verdict.fit, verdict.fault),
        verdict.candidates.len(),
        verdict.candidates.first().map(Candidate::id),
    )
}

/// A copy of the verdict with the same [`VerdictKey`] and nothing beyond it.
fn without_reasons(verdict: &Verdict) -> Verdict {
    Verdict {
        service: verdict.service.clone(),
        service_name: None,
        also: verdict.also.clone(),
        process_service: verdict.process_service.clone(),
        product: None,
        failure: None,
        candidates: Arc::clone(&verdict.candidates),
        reasons: Vec::new(),
        facts: None,
        ..*verdict
    }
}

/// The verdicts of live flows, by number.
pub(super) struct VerdictCache {
    catalogue: Arc<Catalogue>,
    /// Verdicts have reasons, and no two flows share one. Otherwise flows share all verdicts without
    /// a product and without a failure.
    keeps_reasons: bool,
    /// Verdicts have all facts of their flows, too.
    keeps_facts: bool,
    verdicts: Vec<Option<(VerdictKind, Verdict)>>,
    /// Numbers that are not in use.
    free: Vec<u32>,
    kinds: VerdictKinds,
    /// The verdict that all flows of a kind share, indexed by the kind.
    shared: Vec<Option<VerdictId>>,
    /// Verdicts that rest on the port, on whether the payload is whole and on the protocols that it
    /// rules out: at most a few for each port.
    by_port: HashMap<PortKey, VerdictId, RandomState>,
    /// Verdicts that rest on a protocol whose facts make no difference.
    by_protocol: HashMap<ProtocolKey, VerdictId, RandomState>,
    /// The protocols whose facts make a difference.
    with_facts: ProtocolSet,
    /// Those of them whose facts take time to read.
    with_deep_facts: ProtocolSet,
}

/// All that a verdict rests on where no protocol is known: the port, whether the payload is whole, the
/// protocols that it rules out, and whether bytes of it came twice and differ.
type PortKey = (ServicePort, Option<(bool, ProtocolSet, bool)>);

/// All that a verdict rests on where facts make no difference: the port, the protocol, who proves
/// it, whether the initiator expects no answer, whether it announces something, and whether bytes
/// came twice and differ.
type ProtocolKey = (ServicePort, Protocol, Option<ProvedBy>, bool, bool, bool);

impl VerdictCache {
    pub(super) fn new(catalogue: Arc<Catalogue>, keeps_reasons: bool, keeps_facts: bool) -> Self {
        Self {
            with_facts: protocols_with_facts(&catalogue, |_, _| true),
            with_deep_facts: protocols_with_facts(&catalogue, takes_time),
            catalogue,
            keeps_reasons,
            keeps_facts,
            verdicts: Vec::new(),
            free: Vec::new(),
            kinds: VerdictKinds::default(),
            shared: Vec::new(),
            by_port: HashMap::default(),
            by_protocol: HashMap::default(),
        }
    }

    /// Classifies by another catalogue from now on. Verdicts that flows have stay valid.
    pub(super) fn update_catalogue(&mut self, catalogue: Arc<Catalogue>) {
        self.with_facts = protocols_with_facts(&catalogue, |_, _| true);
        self.with_deep_facts = protocols_with_facts(&catalogue, takes_time);
        self.catalogue = catalogue;
        // New kinds name the services of this catalogue; their numbers go on.
        self.kinds.by_hash.clear();
        self.by_port.clear();
        self.by_protocol.clear();
        self.shared.fill(None);
    }

    /// Whether verdicts have reasons.
    pub(super) const fn keeps_reasons(&self) -> bool {
        self.keeps_reasons
    }

    /// Whether facts of this protocol that take time to read make a difference: verdicts have
    /// reasons, or marks test such facts, or responders name their product in them.
    pub(super) const fn needs_facts(&self, protocol: Protocol) -> bool {
        self.keeps_reasons || self.with_deep_facts.contains(protocol)
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
        let Some((evidence, protocol)) = evidence.and_then(|e| Some((e, e.protocol?))) else {
            let has_lines = evidence.is_some_and(|evidence| !evidence.facts.is_empty());
            if !has_lines {
                return self.classify_unrecognised(port, evidence);
            }
            // The first lines of text: a mark may name the service by them.
            let verdict = self.verdict(port, evidence);
            return self.store(verdict);
        };
        let is_tampered = evidence.tampered.is_some();
        let (proved_by, one_way) = (evidence.proved_by, evidence.one_way);
        let key = (port, protocol, proved_by, one_way, evidence.announces(), is_tampered);
        // No facts are stated of bytes that came twice and differ.
        let has_facts = self.with_facts.contains(protocol) && !is_tampered;
        let is_shared = !self.keeps_reasons && !has_facts && evidence.failure.is_none();
        if let Some(&known) = self.by_protocol.get(&key).filter(|_| is_shared) {
            return known;
        }
        let verdict = self.verdict(port, Some(evidence));
        let id = self.store(verdict);
        if is_shared {
            self.by_protocol.insert(key, id);
        }
        id
    }

    /// Classifies a flow of no recognised protocol.
    fn classify_unrecognised(
        &mut self,
        port: ServicePort,
        evidence: Option<&Evidence>,
    ) -> VerdictId {
        let of_payload =
            |evidence: &Evidence| (evidence.whole, evidence.ruled_out, evidence.tampered.is_some());
        let key = (port, evidence.map(of_payload));
        if let Some(&known) = self.by_port.get(&key).filter(|_| !self.keeps_reasons) {
            return known;
        }
        let verdict = self.verdict(port, evidence);
        let id = self.store(verdict);
        if !self.keeps_reasons {
            self.by_port.insert(key, id);
        }
        id
    }

    /// As [`classify`](Self::classify), without storing the verdict.
    pub(super) fn verdict(&self, port: ServicePort, evidence: Option<&Evidence>) -> Verdict {
        let mut verdict = classify(&self.catalogue, port, evidence, self.keeps_reasons);
        if self.keeps_facts {
            verdict.facts = Some(evidence.map_or_else(StatedFacts::default, StatedFacts::new));
        }
        verdict
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

    /// The verdict with this number.
    pub(super) fn get(&self, id: VerdictId) -> Option<&(VerdictKind, Verdict)> {
        self.verdicts.get(id.0 as usize)?.as_ref()
    }

    /// The verdict of a flow that has ended. Frees the number, unless flows share it.
    pub(super) fn take(&mut self, id: VerdictId) -> Option<Verdict> {
        if self.is_shared(id) {
            return self.get(id).map(|(_, verdict)| verdict.clone());
        }
        let (_, verdict) = self.verdicts.get_mut(id.0 as usize)?.take()?;
        self.free.push(id.0);
        Some(verdict)
    }

    /// Frees the number of a verdict that is not wanted any more, unless flows share it.
    pub(super) fn release(&mut self, id: VerdictId) {
        if !self.is_shared(id) {
            self.take(id);
        }
    }

    /// Whether flows share the verdict. One with a product is its flow's own: servers may call
    /// themselves anything. So is one with a failure, which has a frame.
    fn is_shared(&self, id: VerdictId) -> bool {
        !self.keeps_reasons && self.get(id).is_none_or(|(_, verdict)| is_common(verdict))
    }

    /// The verdict of a flow whose responder ended it at the first message, in place of `id`.
    pub(super) fn cut_off(&mut self, id: VerdictId) -> VerdictId {
        let Some(mut verdict) = self.take(id) else { return id };
        verdict.set_cut_off(self.keeps_reasons);
        self.store(verdict)
    }

    /// The verdict of a flow whose responder is not known to have taken the protocol, or even
    /// `is_refused`, in place of `id`.
    pub(super) fn retract(&mut self, id: VerdictId, is_refused: bool) -> VerdictId {
        let Some(mut verdict) = self.take(id) else { return id };
        verdict.retract(is_refused);
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
    fn store(&mut self, mut verdict: Verdict) -> VerdictId {
        let (kind, known) = self.kinds.number(&verdict);
        // Candidates are many, and the same for all verdicts of a kind.
        verdict.candidates = Arc::clone(&known.candidates);
        if kind.0 as usize == self.shared.len() {
            self.shared.push(None);
        }
        let shares = !self.keeps_reasons && is_common(&verdict);
        let shared = &mut self.shared[kind.0 as usize];
        if let Some(known) = shared.filter(|_| shares) {
            return known;
        }
        let id = VerdictId(self.free.pop().unwrap_or_else(|| {
            self.verdicts.push(None);
            self.verdicts.len() as u32 - 1
        }));
        self.verdicts[id.0 as usize] = Some((kind, verdict));
        if shares {
            *shared = Some(id);
        }
        id
    }
}

/// Whether a verdict has nothing that its flow alone has.
const fn is_common(verdict: &Verdict) -> bool {
    verdict.product.is_none() && verdict.service_name.is_none() && verdict.failure.is_none()
}

/// Whether a detector states a fact only where facts are wanted that take time to read.
fn takes_time(detector: &Detector, fact: &str) -> bool {
    !detector.facts_at_any_depth.contains(&fact)
}

/// The protocols whose detectors state facts that marks test, or that affect verdicts whatever the
/// catalogue has; only facts that satisfy `counts`.
fn protocols_with_facts(catalogue: &Catalogue, counts: fn(&Detector, &str) -> bool) -> ProtocolSet {
    // Most marks test the same few facts.
    let marked: HashSet<&str, RandomState> = catalogue.marked_facts().collect();
    let matters = |detector: &&Detector| {
        let affecting = detector.facts.iter().copied().filter(|fact| affects_verdicts(fact));
        let tested = marked.iter().copied().filter(|fact| detector.states(fact));
        affecting.chain(tested).any(|fact| counts(detector, fact))
    };
    let mut set = ProtocolSet::EMPTY;
    for detector in DETECTORS.iter().filter(matters) {
        std::iter::once(&detector.protocol)
            .chain(detector.leads_to)
            .for_each(|&protocol| set.insert(protocol));
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Transport;
    use crate::detect;
    use crate::evidence::Depth;
    use crate::flow::Opening;

    fn cache() -> VerdictCache {
        VerdictCache::new(Catalogue::shipped().unwrap(), false, false)
    }

    fn port() -> ServicePort {
        ServicePort::new(3001, Transport::Tcp)
    }

    fn evidence(server: &str) -> Evidence {
        let answer = format!("HTTP/1.1 200 OK\r\n{server}Content-Length: 0\r\n\r\n");
        let opening = Opening::from_payloads(
            Transport::Tcp,
            &[b"GET / HTTP/1.1\r\n\r\n"],
            &[answer.as_bytes()],
        );
        detect::inspect(&opening, Depth::Facts)
    }

    #[test]
    fn flows_share_a_verdict_without_product() {
        let mut cache = cache();
        let (first, second) = (evidence(""), evidence("X-Other: 1\r\n"));
        let id = cache.classify(port(), Some(&first));
        assert_eq!(cache.classify(port(), Some(&second)), id);
        cache.release(id);
        assert!(cache.take(id).is_some_and(|verdict| verdict.candidates.len() > 8), "it stays");
    }

    #[test]
    fn a_failure_is_of_its_flow_alone_and_leaves_no_memory() {
        let mut cache = cache();
        let answered = |answer: &[u8]| {
            let opening =
                Opening::from_payloads(Transport::Tcp, &[b"*1\r\n$4\r\nPING\r\n"], &[answer]);
            detect::inspect(&opening, Depth::Protocol)
        };
        let (failed, worked) = (&answered(b"-WRONGPASS x\r\n"), &answered(b"+PONG\r\n"));
        let shared = cache.classify(port(), Some(worked));
        for _ in 0..1000 {
            let ids = [(); 2].map(|()| cache.classify(port(), Some(failed)));
            assert_ne!(ids[0], ids[1]);
            assert_eq!(cache.classify(port(), Some(worked)), shared);
            for id in ids {
                let verdict = cache.take(id).unwrap();
                assert_eq!(
                    verdict.failure.map(|failure| failure.cause).unwrap(),
                    "Redis WRONGPASS"
                );
            }
        }
        assert!(cache.get(shared).unwrap().1.failure.is_none());
        assert_eq!((cache.verdicts.len(), cache.kinds.len), (3, 1));
    }

    #[test]
    fn whatever_servers_call_themselves_one_kind_and_no_memory_is_left_of_it() {
        let mut cache = cache();
        for n in 0..1000 {
            let ids: Vec<_> = (0..3)
                .map(|i| {
                    let evidence = evidence(&format!("Server: own/{n}.{i}\r\n"));
                    cache.classify(port(), Some(&evidence))
                })
                .collect();
            for (i, id) in ids.iter().enumerate() {
                let product = cache.get(*id).unwrap().1.product.clone();
                assert_eq!(product, Some(format!("own/{n}.{i}")));
            }
            ids.into_iter().for_each(|id| cache.release(id));
        }
        assert_eq!((cache.verdicts.len(), cache.kinds.len), (3, 1));
    }
}
