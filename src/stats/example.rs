//! An example of what spoke on a port: the first flow, with the reasons of its verdict.

use std::collections::BinaryHeap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::classify::Verdict;
use crate::flow::FlowRecord;

/// A flow that stands for others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExampleFlow {
    /// The flow.
    pub record: FlowRecord,
    /// What spoke in it, with reasons.
    pub verdict: Verdict,
    /// The flow had its verdict while only its client had sent, and before it ended: its reasons had
    /// to be kept until then.
    pub was_early: bool,
}

impl ExampleFlow {
    /// Keeps the earlier of two examples.
    pub(super) fn keep_first(known: &mut Option<Box<Self>>, other: Option<Box<Self>>) {
        let Some(other) = other else { return };
        if known.as_ref().is_none_or(|known| other.record.first_frame < known.record.first_frame) {
            *known = Some(other);
        }
    }
}

/// The lowest first frames of flows whose reasons are kept while they last: of any part of a
/// capture, those that it shares with the whole.
#[derive(Debug, Clone, Default)]
pub struct EarlyFrames(BinaryHeap<u64>);

/// Written in ascending order, so that the same frames have the same bytes.
impl Serialize for EarlyFrames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.clone().into_sorted_vec().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for EarlyFrames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut frames = Self::default();
        for frame in Vec::<u64>::deserialize(deserializer)? {
            frames.insert(frame);
        }
        Ok(frames)
    }
}

impl EarlyFrames {
    /// Flows whose reasons are kept at most: 8 MiB.
    pub const LIMIT: usize = 4096;

    /// Adds the first frame of a flow. Returns the one that is none of the lowest now: this or
    /// another.
    pub fn insert(&mut self, frame: u64) -> Option<u64> {
        self.0.push(frame);
        if self.0.len() > Self::LIMIT { self.0.pop() } else { None }
    }

    /// Whether some frames may be missing.
    #[must_use]
    pub fn are_limited(&self) -> bool {
        self.0.len() >= Self::LIMIT
    }

    /// Whether a frame that was inserted is one of the lowest.
    #[must_use]
    pub fn has(&self, frame: u64) -> bool {
        !self.are_limited() || self.0.peek().is_some_and(|&highest| frame <= highest)
    }

    /// Adds the frames of another part.
    pub(super) fn merge(&mut self, other: Self) {
        for frame in other.0 {
            self.insert(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_frames_of_parts_are_those_of_the_whole() {
        let of = |is_it: fn(&u64) -> bool| {
            let mut frames = EarlyFrames::default();
            (0..20_000).rev().filter(is_it).for_each(|frame| {
                frames.insert(frame);
            });
            frames
        };
        let (mut parts, whole) = (of(|frame| frame % 3 == 0), of(|_| true));
        parts.merge(of(|frame| frame % 3 != 0));
        assert_eq!(parts.0.clone().into_sorted_vec(), whole.0.into_sorted_vec());
        assert!(parts.has(4095) && !parts.has(4096));
    }
}
