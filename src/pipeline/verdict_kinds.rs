//! The kinds of verdicts of one worker: each stands for all verdicts that differ only in what single
//! flows have.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::classify::{Candidate, Confidence, Fault, FirstValues, Fit, Verdict};
use crate::evidence::{Protocol, ProvedBy};

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
pub(super) struct VerdictKinds {
    hasher: RandomState,
    /// By the hash of the key, each kind with a verdict that has this key.
    by_hash: HashMap<u64, Vec<(Verdict, VerdictKind)>, RandomState>,
    /// The number of kinds.
    len: u32,
}

impl VerdictKinds {
    /// The number of kinds so far.
    #[cfg(test)]
    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    /// Forgets the verdicts; the numbers go on.
    pub(super) fn clear(&mut self) {
        self.by_hash.clear();
    }

    /// The number of the verdict's kind, and a verdict of this kind without reasons, product
    /// and failure.
    /// Numbers begin at 0 and are given in order.
    pub(super) fn number(&mut self, verdict: &Verdict) -> (VerdictKind, &Verdict) {
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
        first_values: FirstValues::default(),
        ..*verdict
    }
}
