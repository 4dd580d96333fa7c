//! Where every frame went. The buckets add up: frames are segments, skips and what the queue dropped.

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
    skipped: [u64; Skip::ALL.len()],
    unknown_links: BTreeMap<LinkType, u64>,
}

impl Tally {
    pub(super) fn see(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        self.bytes += u64::from(frame.wire_len);
        self.seen = Some(self.seen.map_or((frame.time, frame.time), |(f, l)| (f.min(frame.time), l.max(frame.time))));
    }

    pub(super) fn skip(&mut self, reason: Skip, link: LinkType) {
        self.skipped[reason as usize] += 1;
        if reason == Skip::LinkType {
            *self.unknown_links.entry(link).or_default() += 1;
        }
    }

    /// Frames that were skipped, by reason, those that occurred.
    pub fn skipped(&self) -> impl Iterator<Item = (Skip, u64)> + '_ {
        Skip::ALL.iter().map(|&reason| (reason, self.skipped[reason as usize])).filter(|&(_, n)| n > 0)
    }

    /// Frames that the filter let pass.
    pub(super) fn passed(&self) -> u64 {
        self.frames - self.skipped[Skip::Filtered as usize]
    }

    /// Frames that could not be understood: for want of a decoder, or because the capture cut their headers.
    pub(super) fn problem(&self) -> Vec<String> {
        let describe = |(link, n): (&LinkType, &u64)| {
            format!("{link} is not decoded: {n} frames were skipped; https://www.tcpdump.org/linktypes.html says what it is")
        };
        let mut problems: Vec<String> = self.unknown_links.iter().map(describe).collect();
        let cut = self.skipped[Skip::Truncated as usize];
        if cut > 0 {
            problems.push(format!("{cut} frames were cut before their headers end; capture with a larger snap length (-s)"));
        }
        let several = self.skipped[Skip::WifiAggregate as usize];
        if several > 0 {
            problems.push(format!("{several} frames of 802.11 hold several packets each, which are not taken apart"));
        }
        problems.extend(self.silence());
        problems
    }

    /// Where no segment was found, but frames that may have been some: nobody is to take that for silence.
    fn silence(&self) -> Option<String> {
        /// Where TCP or UDP may have been, but could not be read.
        const MAY_HIDE: [Skip; 4] = [Skip::Malformed, Skip::Nested, Skip::Fragment, Skip::FragmentOverlap];
        let hidden = MAY_HIDE.iter().map(|&reason| (reason.id(), self.skipped[reason as usize])).filter(|&(_, n)| n > 0);
        let hidden: Vec<String> = hidden.map(|(id, n)| format!("{id} {n}")).collect();
        let is_silent = self.segments == 0 && self.queue == 0 && !hidden.is_empty();
        is_silent
            .then(|| format!("no TCP or UDP could be read; frames that may have been some were skipped ({})", hidden.join(", ")))
    }
}
