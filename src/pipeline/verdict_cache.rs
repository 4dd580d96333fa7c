//! The verdicts of one worker's flows. A flow stores a number: a million flows share few different
//! verdicts, unless each verdict has its own reasons.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::verdict_kinds::{VerdictKind, VerdictKinds};
use super::verdict_templates::VerdictTemplates;
use crate::catalogue::Catalogue;
use crate::classify::{
    FirstValues, StatedFacts, Verdict, add_process_facts, affects_verdicts, classify,
};
use crate::decode::ServicePort;
use crate::detect::{DETECTORS, Detector};
use crate::evidence::{Evidence, Protocol, ProtocolSet, ProvedBy};
use crate::flow::VerdictId;
use crate::process::FlowProcesses;

/// The verdicts of live flows, by number.
pub(super) struct VerdictCache<'p> {
    catalogue: Arc<Catalogue>,
    /// Verdicts have reasons, and no two flows share one. Otherwise flows share all verdicts without
    /// a product, a failure and values of facts.
    keeps_reasons: bool,
    /// Verdicts have all facts of their flows, too.
    keeps_facts: bool,
    /// The facts whose first values verdicts have.
    first_values: &'p [&'static str],
    verdicts: Vec<Option<(VerdictKind, Verdict)>>,
    /// In place of `verdicts`, if those of live flows are looked at without the frames of their
    /// reasons.
    templates: Option<Box<VerdictTemplates>>,
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

impl<'p> VerdictCache<'p> {
    pub(super) fn new(
        catalogue: Arc<Catalogue>,
        keeps_reasons: bool,
        keeps_facts: bool,
        first_values: &'p [&'static str],
    ) -> Self {
        Self {
            with_facts: protocols_with_facts(&catalogue, first_values, |_, _| true),
            with_deep_facts: protocols_with_facts(&catalogue, first_values, takes_time),
            catalogue,
            keeps_reasons,
            keeps_facts,
            first_values,
            verdicts: Vec::new(),
            templates: None,
            free: Vec::new(),
            kinds: VerdictKinds::default(),
            shared: Vec::new(),
            by_port: HashMap::default(),
            by_protocol: HashMap::default(),
        }
    }

    /// Shares reasons between flows: verdicts have no frames until they are taken.
    pub(super) fn sharing_reasons(self) -> Self {
        let templates = self.keeps_reasons.then(Box::default);
        Self { templates, ..self }
    }

    /// Classifies by another catalogue from now on. Verdicts that flows have stay valid.
    pub(super) fn update_catalogue(&mut self, catalogue: Arc<Catalogue>) {
        self.with_facts = protocols_with_facts(&catalogue, self.first_values, |_, _| true);
        self.with_deep_facts = protocols_with_facts(&catalogue, self.first_values, takes_time);
        self.catalogue = catalogue;
        // New kinds name the services of this catalogue; their numbers go on.
        self.kinds.clear();
        self.by_port.clear();
        self.by_protocol.clear();
        self.shared.fill(None);
    }

    /// The catalogue by which flows are classified.
    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
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
        // Flows of no recognised protocol share their verdicts.
        if let Some(evidence) = evidence.filter(|evidence| evidence.protocol.is_some()) {
            verdict.first_values = FirstValues::new(evidence, self.first_values);
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

    /// The verdict of a flow as state: a number that others with the same template have, the
    /// template, and the frames of its reasons. `None` where verdicts have no reasons.
    pub(super) fn parts(&self, id: VerdictId) -> Option<(u32, &Verdict, Vec<u64>)> {
        let (number, frames) = self.templates.as_ref()?.parts(id)?;
        Some((number, &self.get(id)?.1, frames))
    }

    /// Stores a verdict that was a flow's before.
    pub(super) fn restore(&mut self, verdict: Verdict) -> VerdictId {
        self.store(verdict)
    }

    /// The verdict with this number.
    pub(super) fn get(&self, id: VerdictId) -> Option<&(VerdictKind, Verdict)> {
        if let Some(templates) = &self.templates {
            return templates.get(id);
        }
        self.verdicts.get(id.0 as usize)?.as_ref()
    }

    /// The verdict of a flow that has ended. Frees the number, unless flows share it.
    pub(super) fn take(&mut self, id: VerdictId) -> Option<Verdict> {
        if let Some(templates) = &mut self.templates {
            return templates.take(id);
        }
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
        if let Some(templates) = &mut self.templates {
            return templates.store(kind, verdict);
        }
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
    verdict.product.is_none()
        && verdict.service_name.is_none()
        && verdict.failure.is_none()
        && verdict.facts.is_none()
        && verdict.first_values.is_empty()
}

/// Whether a detector states a fact only where facts are wanted that take time to read.
fn takes_time(detector: &Detector, fact: &str) -> bool {
    !detector.facts_at_any_depth.contains(&fact)
}

/// The protocols whose detectors state facts that marks test, whose values are kept, or that affect verdicts
/// whatever the catalogue has; only facts that satisfy `counts`.
fn protocols_with_facts(
    catalogue: &Catalogue,
    kept: &[&'static str],
    counts: fn(&Detector, &str) -> bool,
) -> ProtocolSet {
    // Most marks test the same few facts.
    let marked: HashSet<&str, RandomState> =
        catalogue.marked_facts().chain(kept.iter().copied()).collect();
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

    fn cache() -> VerdictCache<'static> {
        VerdictCache::new(Catalogue::shipped().unwrap(), false, false, &[])
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
        assert_eq!((cache.verdicts.len(), cache.kinds.len()), (3, 1));
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
        assert_eq!((cache.verdicts.len(), cache.kinds.len()), (3, 1));
    }
}
