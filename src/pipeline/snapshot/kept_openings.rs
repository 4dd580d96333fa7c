//! The first bytes of flows that were judged, for those who look at single flows. Live flows give
//! their openings up as soon as they have their verdict.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use crate::flow::{Opening, VerdictId};

/// The openings that were kept last, within a limit of memory; the oldest leave first.
pub(in crate::pipeline) struct KeptOpenings {
    openings: VecDeque<(Owner, Opening)>,
    /// The serial number of the first of them.
    first: u64,
    /// The serial numbers of those whose flows are live.
    live: HashMap<VerdictId, u64, RandomState>,
    bytes: usize,
    limit: usize,
}

/// The flow of an opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The one that has this verdict, which no other flow has.
    Live(VerdictId),
    /// The one that began with the frame of this number.
    Ended(u64),
}

impl KeptOpenings {
    /// Keeps up to `limit` bytes.
    pub(in crate::pipeline) fn new(limit: usize) -> Self {
        let (openings, live) = (VecDeque::new(), HashMap::default());
        Self { openings, first: 0, live, bytes: 0, limit }
    }

    /// Keeps a copy of the opening of the live flow that has this verdict.
    pub(in crate::pipeline) fn keep(&mut self, verdict: VerdictId, opening: &Opening) {
        let opening = opening.clone();
        self.bytes += opening.footprint();
        self.live.insert(verdict, self.first + self.openings.len() as u64);
        self.openings.push_back((Owner::Live(verdict), opening));
        while self.bytes > self.limit
            && let Some((owner, opening)) = self.openings.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(opening.footprint());
            if let Owner::Live(verdict) = owner {
                self.live.remove(&verdict);
            }
            self.first += 1;
        }
    }

    /// The flow that has this verdict has ended; it began with the frame of this number.
    pub(in crate::pipeline) fn end(&mut self, verdict: VerdictId, first_frame: u64) {
        if let Some(serial) = self.live.remove(&verdict)
            && let Some((owner, _)) = self.openings.get_mut((serial - self.first) as usize)
        {
            *owner = Owner::Ended(first_frame);
        }
    }

    /// The opening of the live flow that has this verdict.
    pub(in crate::pipeline) fn of_live(&self, verdict: VerdictId) -> Option<&Opening> {
        let serial = self.live.get(&verdict)?;
        self.openings.get((serial - self.first) as usize).map(|(_, opening)| opening)
    }

    /// The opening of the flow that has ended and began with the frame of this number.
    pub(in crate::pipeline) fn of_ended(&self, first_frame: u64) -> Option<&Opening> {
        let mut openings = self.openings.iter().rev();
        openings.find(|(owner, _)| *owner == Owner::Ended(first_frame)).map(|(_, opening)| opening)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Transport;
    use crate::evidence::Direction;

    #[test]
    fn the_latest_openings_are_found_while_their_flows_live_and_after_and_memory_is_bounded() {
        let opening =
            |n: u32| Opening::from_payloads(Transport::Tcp, &[format!("flow {n}").as_bytes()], &[]);
        let one = opening(0).footprint();
        let mut kept = KeptOpenings::new(10 * one + one / 2);
        for n in 0..100 {
            kept.keep(VerdictId(n), &opening(n));
            if n % 2 == 0 {
                kept.end(VerdictId(n), 1000 + u64::from(n));
            }
        }
        assert_eq!((kept.openings.len(), kept.live.len()), (10, 5));
        let bytes = |found: Option<&Opening>| {
            found.map(|found| found.side(Direction::Initiator).bytes().to_vec())
        };
        assert_eq!(bytes(kept.of_live(VerdictId(99))), Some(b"flow 99".to_vec()));
        assert_eq!(bytes(kept.of_live(VerdictId(98))), None, "it has ended");
        assert_eq!(bytes(kept.of_ended(1098)), Some(b"flow 98".to_vec()));
        assert_eq!(bytes(kept.of_ended(1088)), None, "it is no longer held");
        assert_eq!(bytes(kept.of_live(VerdictId(89))), None, "it is no longer held");
        // A flow that is larger than all memory leaves at once, and takes all others with it.
        let large = Opening::from_payloads(Transport::Tcp, &[&[7; 8000]], &[]);
        kept.keep(VerdictId(5), &large);
        assert!(kept.openings.is_empty() && kept.live.is_empty() && kept.bytes == 0);
    }
}
