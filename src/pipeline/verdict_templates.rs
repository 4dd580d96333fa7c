//! Verdicts with reasons, of which many flows share one: most differ only in the frames that their
//! reasons name. A template has the reasons without these numbers, and each flow its own.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::RandomState;

use super::verdict_kinds::VerdictKind;
use crate::classify::{Reason, Verdict};
use crate::flow::{ChunkedVec, VerdictId};

/// A verdict whose reasons name no frames.
struct VerdictTemplate {
    verdict: (VerdictKind, Verdict),
    hash: u64,
    /// Flows that have it.
    flows: u32,
}

/// The verdict of one flow.
struct FlowVerdict {
    template: u32,
    /// The frames of those reasons that have one, in their order.
    frames: ReasonFrames,
}

/// Numbers of frames: mostly few, and small ones. Millions of flows wait for their ends with theirs.
enum ReasonFrames {
    Few { len: u8, frames: [u32; 3] },
    Many(Box<ManyFrames>),
}

struct ManyFrames(Vec<u64>);

impl ReasonFrames {
    fn new(numbers: Vec<u64>) -> Self {
        let mut frames = [0; 3];
        let fits = numbers.len() <= frames.len()
            && frames.iter_mut().zip(&numbers).all(|(place, &number)| {
                *place = number as u32;
                u64::from(*place) == number
            });
        if fits {
            return Self::Few { len: numbers.len() as u8, frames };
        }
        Self::Many(Box::new(ManyFrames(numbers)))
    }

    fn into_numbers(self) -> Vec<u64> {
        match self {
            Self::Few { .. } => self.numbers(),
            Self::Many(many) => many.0,
        }
    }

    fn numbers(&self) -> Vec<u64> {
        match self {
            Self::Few { len, frames } => {
                frames.iter().take((*len).into()).map(|&number| number.into()).collect()
            }
            Self::Many(many) => many.0.clone(),
        }
    }
}

/// The verdicts of live flows, by number; each flow has a number of its own.
#[derive(Default)]
pub(super) struct VerdictTemplates {
    hasher: RandomState,
    /// The template that others may share, by its hash.
    by_hash: HashMap<u64, u32, RandomState>,
    templates: ChunkedVec<Option<VerdictTemplate>, 256>,
    free_templates: Vec<u32>,
    flows: ChunkedVec<Option<FlowVerdict>, 4096>,
    free: Vec<u32>,
}

impl VerdictTemplates {
    /// The verdict with this number, without the frames of its reasons.
    pub(super) fn get(&self, id: VerdictId) -> Option<&(VerdictKind, Verdict)> {
        let flow = self.flows.get(id.0 as usize)?.as_ref()?;
        let template = self.templates.get(flow.template as usize)?.as_ref()?;
        Some(&template.verdict)
    }

    /// Stores the verdict of a flow.
    pub(super) fn store(&mut self, kind: VerdictKind, mut verdict: Verdict) -> VerdictId {
        let frames = verdict.reasons.iter_mut().filter_map(|reason| reason.frame.as_mut());
        let frames = ReasonFrames::new(frames.map(std::mem::take).collect());
        let template = self.template(kind, verdict);
        put(&mut self.flows, &mut self.free, FlowVerdict { template, frames })
    }

    /// The number of a flow's template, and the frames of its reasons.
    pub(super) fn parts(&self, id: VerdictId) -> Option<(u32, Vec<u64>)> {
        let flow = self.flows.get(id.0 as usize)?.as_ref()?;
        Some((flow.template, flow.frames.numbers()))
    }

    /// Removes the verdict of a flow.
    pub(super) fn take(&mut self, id: VerdictId) -> Option<Verdict> {
        let flow = self.flows.get_mut(id.0 as usize)?.take()?;
        self.free.push(id.0);
        let place = self.templates.get_mut(flow.template as usize)?;
        let mut verdict = match place {
            Some(template) if template.flows > 1 => {
                template.flows -= 1;
                template.verdict.1.clone()
            }
            _ => {
                let template = place.take()?;
                self.free_templates.push(flow.template);
                if self.by_hash.get(&template.hash) == Some(&flow.template) {
                    self.by_hash.remove(&template.hash);
                }
                template.verdict.1
            }
        };
        let places = verdict.reasons.iter_mut().filter_map(|reason| reason.frame.as_mut());
        places.zip(flow.frames.into_numbers()).for_each(|(place, frame)| *place = frame);
        Some(verdict)
    }

    /// The number of the template for a verdict.
    fn template(&mut self, kind: VerdictKind, verdict: Verdict) -> u32 {
        let hash = self.hash(kind, &verdict);
        let known = self.by_hash.get(&hash).copied();
        if let Some(known) = known
            && let Some(Some(template)) = self.templates.get_mut(known as usize)
            && is_same(&template.verdict, (kind, &verdict))
        {
            template.flows += 1;
            return known;
        }
        let template = VerdictTemplate { verdict: (kind, verdict), hash, flows: 1 };
        let VerdictId(number) = put(&mut self.templates, &mut self.free_templates, template);
        self.by_hash.entry(hash).or_insert(number);
        number
    }

    fn hash(&self, kind: VerdictKind, verdict: &Verdict) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        (kind.0, &verdict.product, &verdict.service_name).hash(&mut hasher);
        for Reason { fact, value, direction, .. } in &verdict.reasons {
            (fact, value, direction.map(|side| side as u8)).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// Whether two verdicts without frames are the same. Those with a failure or with facts, which have
/// frames as well, are each flow's own.
fn is_same(
    (kind, one): &(VerdictKind, Verdict),
    (other_kind, other): (VerdictKind, &Verdict),
) -> bool {
    let has_frames = |verdict: &Verdict| verdict.failure.is_some() || verdict.facts.is_some();
    *kind == other_kind
        && !has_frames(one)
        && !has_frames(other)
        && one.product == other.product
        && one.service_name == other.service_name
        && one.reasons == other.reasons
        && one.first_values == other.first_values
}

/// Puts a value in a place that is free, or behind the others.
fn put<T, const CHUNK: usize>(
    places: &mut ChunkedVec<Option<T>, CHUNK>,
    free: &mut Vec<u32>,
    value: T,
) -> VerdictId {
    let number = free.pop().unwrap_or_else(|| places.push(None) as u32);
    if let Some(place) = places.get_mut(number as usize) {
        *place = Some(value);
    }
    VerdictId(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::classify::classify;
    use crate::decode::{ServicePort, Transport};

    /// A verdict with two reasons, of which the first names this frame.
    fn verdict(frame: u64, value: &str) -> Verdict {
        let catalogue = Catalogue::shipped().unwrap();
        let port = ServicePort::new(9, Transport::Tcp);
        let mut verdict = classify(&catalogue, port, None, false);
        let reason =
            |frame| Reason { fact: "protocol".into(), value: value.into(), direction: None, frame };
        verdict.reasons = vec![reason(Some(frame)), reason(None)];
        verdict
    }

    #[test]
    fn numbers_of_frames_come_back_whether_few_or_many_small_or_large() {
        assert_eq!(size_of::<ReasonFrames>(), 16);
        for numbers in [vec![], vec![7], vec![3, 1, u32::MAX.into()], vec![1 << 32], vec![5; 9]] {
            assert_eq!(ReasonFrames::new(numbers.clone()).into_numbers(), numbers);
        }
    }

    #[test]
    fn flows_share_reasons_and_each_gets_its_own_frames_back() {
        let mut templates = VerdictTemplates::default();
        let kind = VerdictKind(0);
        let ids: Vec<_> = (0..1000).map(|n| templates.store(kind, verdict(n, "a"))).collect();
        let other = templates.store(kind, verdict(7, "b"));
        assert_eq!(templates.templates.len(), 2);
        for (n, &id) in (0..).zip(&ids) {
            assert_eq!(templates.take(id).unwrap().reasons, verdict(n, "a").reasons);
            assert!(templates.take(id).is_none());
        }
        assert_eq!(templates.take(other).unwrap().reasons, verdict(7, "b").reasons);
        assert!(
            templates.by_hash.is_empty()
                && (0..2).all(|i| templates.templates.get(i).is_some_and(Option::is_none))
        );
        let again = templates.store(kind, verdict(1, "a"));
        assert!(again.0 < 1001 && templates.templates.len() == 2);
    }
}
