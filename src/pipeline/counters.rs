//! Where every frame went. The buckets add up: frames are segments, skips and what the queue
//! dropped.

use std::collections::BTreeMap;

use crate::decode::Skip;
use crate::source::{Frame, LinkType};
use crate::time::Time;

/// Counts of a capture.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Frames that were read.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Those that reached a classifier.
    pub segments: u64,
    /// Those that were decoded and dropped because the classifiers were behind.
    pub queue: u64,
    /// The earliest and latest capture time.
    pub seen: Option<(Time, Time)>,
    skipped: Skips,
    puzzles: BTreeMap<(Skip, LinkType), Puzzle>,
    /// By the interface's number.
    by_interface: Vec<Part>,
}

type Skips = [u64; Skip::ALL.len()];

/// Frames of one link type that could not be understood for one reason.
#[derive(Debug, Clone)]
struct Puzzle {
    frames: u64,
    /// The number of the first.
    first: u64,
    /// Where it was captured.
    interface: u32,
    /// Some were captured elsewhere.
    more: bool,
}

/// Counts of one interface.
#[derive(Debug, Clone, Default)]
struct Part {
    link: Option<LinkType>,
    frames: u64,
    skipped: Skips,
}

/// What came of the frames of one interface.
#[derive(Debug, Clone)]
pub struct Interface {
    /// The source's number for it.
    pub number: u32,
    /// Its link type.
    pub link: LinkType,
    /// Frames that were read.
    pub frames: u64,
    /// Those that were not skipped.
    pub segments: u64,
    /// Those that were, by reason.
    pub skipped: Vec<(Skip, u64)>,
}

impl Tally {
    pub(super) fn see(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        self.part(frame).frames += 1;
        self.bytes += u64::from(frame.wire_len);
        self.seen = Some(
            self.seen
                .map_or((frame.time, frame.time), |(f, l)| (f.min(frame.time), l.max(frame.time))),
        );
    }

    pub(super) fn skip(&mut self, reason: Skip, frame: &Frame<'_>) {
        self.skipped[reason as usize] += 1;
        self.part(frame).skipped[reason as usize] += 1;
        if matches!(reason, Skip::LinkType | Skip::Truncated | Skip::WifiAggregate) {
            let new =
                Puzzle { frames: 0, first: frame.number, interface: frame.interface, more: false };
            let puzzle = self.puzzles.entry((reason, frame.link)).or_insert(new);
            puzzle.frames += 1;
            puzzle.more |= puzzle.interface != frame.interface;
        }
    }

    /// The counts of a frame's interface.
    #[inline]
    fn part(&mut self, frame: &Frame<'_>) -> &mut Part {
        let number = frame.interface as usize;
        if self.by_interface.len() <= number {
            self.by_interface.resize_with(number + 1, Part::default);
        }
        let part = &mut self.by_interface[number];
        part.link.get_or_insert(frame.link);
        part
    }

    /// The interfaces that frames came from, by number.
    pub fn interfaces(&self) -> impl Iterator<Item = Interface> + '_ {
        self.by_interface.iter().enumerate().filter_map(|(number, part)| {
            let skipped = named(&part.skipped).collect::<Vec<_>>();
            let segments = part.frames - skipped.iter().map(|(_, n)| n).sum::<u64>();
            Some(Interface {
                number: number as u32,
                link: part.link?,
                frames: part.frames,
                segments,
                skipped,
            })
        })
    }

    /// Frames that were skipped, by reason, those that occurred.
    pub fn skipped(&self) -> impl Iterator<Item = (Skip, u64)> + '_ {
        named(&self.skipped)
    }

    /// Frames that the filter let pass.
    pub(super) fn passed(&self) -> u64 {
        self.frames - self.skipped[Skip::Filtered as usize]
    }

    /// Frames that could not be understood: for want of a decoder, or because the capture cut their
    /// headers. `interface` says what the source calls the one with a number.
    pub(super) fn problem(&self, interface: impl Fn(u32) -> String) -> Vec<String> {
        let describe = |(&(reason, link), puzzle): (&(Skip, LinkType), &Puzzle)| {
            let what = match reason {
                Skip::LinkType => format!("{link} is not decoded; https://www.tcpdump.org/linktypes.html says what it is"),
                Skip::Truncated => "frames were cut before their headers end; capture with a larger snap length (-s)".into(),
                _ => "frames of 802.11 hold several packets each, which are not taken apart".into(),
            };
            let (place, Puzzle { frames, first, .. }) = (interface(puzzle.interface), puzzle);
            let others = if puzzle.more { " and others" } else { "" };
            let skipped = if *frames == 1 {
                "1 frame was".to_owned()
            } else {
                format!("{frames} frames were")
            };
            format!("{place}{others}: {what} ({skipped} skipped, the first is number {first})")
        };
        let mut problems: Vec<String> = self.puzzles.iter().map(describe).collect();
        problems.extend(self.silence());
        problems
    }

    /// Where no segment was found, but frames that may have been some: nobody is to take that for
    /// silence.
    fn silence(&self) -> Option<String> {
        /// Where TCP or UDP may have been, but could not be read.
        const MAY_HIDE: [Skip; 4] =
            [Skip::Malformed, Skip::Nested, Skip::Fragment, Skip::FragmentOverlap];
        let hidden = MAY_HIDE
            .iter()
            .map(|&reason| (reason.as_str(), self.skipped[reason as usize]))
            .filter(|&(_, n)| n > 0);
        let hidden: Vec<String> = hidden.map(|(id, n)| format!("{id} {n}")).collect();
        let is_silent = self.segments == 0 && self.queue == 0 && !hidden.is_empty();
        is_silent.then(|| {
            format!(
                "no TCP or UDP could be read; frames that may have been some were skipped ({})",
                hidden.join(", ")
            )
        })
    }
}

/// The reasons that occurred.
fn named(skipped: &Skips) -> impl Iterator<Item = (Skip, u64)> + '_ {
    Skip::ALL.iter().map(|&reason| (reason, skipped[reason as usize])).filter(|&(_, n)| n > 0)
}
