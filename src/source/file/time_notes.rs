//! What is notable about the times of a file: they go back, cannot be told, or are missing.

use super::super::LinkType;
use super::order::TimeOrder;
use super::record::{RecordHeader, TimeOrigin};
use crate::time::Time;

/// Frames of one kind.
#[derive(Debug, Default)]
struct NotedFrames {
    frames: u64,
    /// Number of the first in the file.
    first: u64,
}

impl NotedFrames {
    fn add(&mut self, frame: u64) {
        if self.frames == 0 {
            self.first = frame;
        }
        self.frames += 1;
    }

    /// `what` of these frames, if there are any.
    fn notice(&self, [one, many]: [&str; 2]) -> Option<String> {
        let Self { frames, first } = self;
        match frames {
            0 => None,
            1 => Some(format!("frame {first} {one}")),
            _ => Some(format!("{frames} packets, from frame {first} on, {many}")),
        }
    }
}

/// What is notable about the times of a file.
#[derive(Debug, Default)]
pub(super) struct TimeNotes {
    order: TimeOrder,
    clamped: NotedFrames,
    without: NotedFrames,
}

impl TimeNotes {
    /// Takes the next record, and its number in the file.
    #[inline]
    pub(super) fn observe(&mut self, frame: u64, head: &RecordHeader) {
        if head.origin != TimeOrigin::Stated {
            self.note(frame, head);
        }
        self.order.observe(frame, head.time);
    }

    /// As [`observe`](Self::observe) for a record that states its time.
    #[inline]
    pub(super) fn observe_stated(&mut self, frame: u64, time: Time) {
        self.order.observe(frame, time);
    }

    #[cold]
    fn note(&mut self, frame: u64, head: &RecordHeader) {
        match head.origin {
            TimeOrigin::Clamped => self.clamped.add(frame),
            TimeOrigin::Before | TimeOrigin::Ahead if head.link != LinkType::NO_PACKET => {
                self.without.add(frame);
            }
            TimeOrigin::Before | TimeOrigin::Ahead | TimeOrigin::Stated => {}
        }
    }

    /// The notices for the report.
    pub(super) fn notices(&self) -> impl Iterator<Item = String> {
        let clamped = self.clamped.notice([
            "has an invalid timestamp, or one outside the years 1677 to 2262; it was clamped",
            "have invalid timestamps, or ones outside the years 1677 to 2262; they were clamped",
        ]);
        let without = self.without.notice([
            "has no timestamp; it gets the time of the packet before it, or at the start of the file, the first timestamp of the file (1970 if it has none)",
            "have no timestamp; each gets the time of the packet before it; those at the start of the file get its first timestamp (1970 if it has none)",
        ]);
        [self.order.notice(), clamped, without].into_iter().flatten()
    }
}
