//! Where every frame went. The buckets add up: `frames` is the sum of `segments`, the skips and
//! `queue`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::decode::Skip;
use crate::saved::{BadState, MOST, check};
use crate::sentence::plural;
use crate::source::{Frame, LinkType};
use crate::time::Time;

/// Counters of the capture thread.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CaptureCounters {
    /// Frames that were read.
    pub frames: u64,
    /// Bytes of these frames on the wire.
    pub bytes: u64,
    /// Frames whose segment was sent to a worker.
    pub segments: u64,
    /// Frames whose segment was dropped because the worker's queue was full (live only).
    pub queue: u64,
    /// The earliest and the latest capture time.
    pub seen: Option<(Time, Time)>,
    /// The most bytes that were captured of a frame that was cut.
    cut_at: Option<usize>,
    #[serde(with = "by_reason")]
    skipped: Skips,
    undecoded: BTreeMap<(Skip, LinkType), Undecoded>,
    /// Indexed by the interface's number.
    by_interface: Vec<PerInterface>,
}

/// Skipped frames, indexed by [`Skip`].
type Skips = [u64; Skip::ALL.len()];

/// Frames of one link type that were not decoded for one reason, where the user can do something
/// about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Undecoded {
    frames: u64,
    /// The number of the first of them.
    first: u64,
    /// The interface that captured the first of them.
    interface: u32,
    /// Other interfaces captured some as well.
    on_others: bool,
}

/// Counts of one interface.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct PerInterface {
    link: Option<LinkType>,
    frames: u64,
    #[serde(with = "by_reason")]
    skipped: Skips,
}

/// Counters of one interface.
#[derive(Debug, Clone)]
pub struct InterfaceCounters {
    /// The source's number for the interface.
    pub number: u32,
    /// The link type of the interface.
    pub link: LinkType,
    /// Frames that were read.
    pub frames: u64,
    /// Frames that were not skipped.
    pub segments: u64,
    /// Skipped frames by reason, those that occurred.
    pub skipped: Vec<(Skip, u64)>,
}

impl CaptureCounters {
    /// Checks what was read.
    pub(super) fn check(&self) -> Result<(), BadState> {
        let fits = |skipped: &Skips, frames: u64| {
            let mut sum = 0_u64;
            let added = skipped.iter().all(|&n| {
                sum = sum.saturating_add(n);
                sum <= frames
            });
            added && frames <= MOST
        };
        let interfaces = &self.by_interface;
        let is_sum = fits(&self.skipped, self.frames)
            && interfaces.iter().all(|interface| fits(&interface.skipped, interface.frames));
        check(is_sum && interfaces.len() <= 1 << 16, "packets do not add up")?;
        let numbers = [self.bytes, self.segments, self.queue].into_iter();
        let undecoded = self.undecoded.values().map(|undecoded| undecoded.frames);
        check(numbers.chain(undecoded).all(|n| n <= MOST), "a number is too large")
    }

    /// Adds the counters of another sensor, before whose interfaces and frames there are so many others.
    pub(super) fn merge(&mut self, other: Self, (interfaces, frames): (usize, u64)) {
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.segments += other.segments;
        self.queue += other.queue;
        if let Some((first, last)) = other.seen {
            let own = self.seen.unwrap_or((first, last));
            self.seen = Some((own.0.min(first), own.1.max(last)));
        }
        self.cut_at = self.cut_at.max(other.cut_at);
        self.skipped.iter_mut().zip(other.skipped).for_each(|(mine, theirs)| *mine += theirs);
        for (key, theirs) in other.undecoded {
            let interface = theirs.interface.saturating_add(interfaces as u32);
            let first = theirs.first.saturating_add(frames);
            let new = Undecoded { first, interface, frames: 0, ..theirs };
            let mine = self.undecoded.entry(key).or_insert(new);
            mine.frames += theirs.frames;
            mine.on_others |= mine.interface != interface;
        }
        self.by_interface.resize_with(interfaces, PerInterface::default);
        self.by_interface.extend(other.by_interface);
    }

    /// The numbers that interfaces have, which are below this one.
    pub(super) const fn interface_count(&self) -> usize {
        self.by_interface.len()
    }

    /// Counts a frame that was read.
    pub(super) fn count(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        self.interface_of(frame).frames += 1;
        self.bytes += u64::from(frame.wire_len);
        if frame.bytes.len() < frame.wire_len as usize {
            self.count_cut(frame.bytes.len());
        }
        self.seen = Some(
            self.seen
                .map_or((frame.time, frame.time), |(f, l)| (f.min(frame.time), l.max(frame.time))),
        );
    }

    /// Counts a frame of which so many bytes were captured.
    #[cold]
    fn count_cut(&mut self, captured: usize) {
        self.cut_at = self.cut_at.max(Some(captured));
    }

    /// Counts a frame as skipped.
    pub(super) fn skip(&mut self, reason: Skip, frame: &Frame<'_>) {
        self.skipped[reason as usize] += 1;
        self.interface_of(frame).skipped[reason as usize] += 1;
        if matches!(reason, Skip::LinkType | Skip::Truncated | Skip::WifiAggregate) {
            let new = Undecoded {
                frames: 0,
                first: frame.number,
                interface: frame.interface,
                on_others: false,
            };
            let undecoded = self.undecoded.entry((reason, frame.link)).or_insert(new);
            undecoded.frames += 1;
            undecoded.on_others |= undecoded.interface != frame.interface;
        }
    }

    #[inline]
    fn interface_of(&mut self, frame: &Frame<'_>) -> &mut PerInterface {
        let number = frame.interface as usize;
        if self.by_interface.len() <= number {
            self.by_interface.resize_with(number + 1, PerInterface::default);
        }
        let interface = &mut self.by_interface[number];
        interface.link.get_or_insert(frame.link);
        interface
    }

    /// Counters of the interfaces that captured frames, ordered by number.
    pub fn interfaces(&self) -> impl Iterator<Item = InterfaceCounters> + '_ {
        self.by_interface.iter().enumerate().filter_map(|(number, interface)| {
            let skipped = nonzero(&interface.skipped).collect::<Vec<_>>();
            let segments = interface.frames - skipped.iter().map(|(_, n)| n).sum::<u64>();
            Some(InterfaceCounters {
                number: number as u32,
                link: interface.link?,
                frames: interface.frames,
                segments,
                skipped,
            })
        })
    }

    /// Skipped frames by reason, those that occurred.
    pub fn skipped(&self) -> impl Iterator<Item = (Skip, u64)> + '_ {
        nonzero(&self.skipped)
    }

    /// The snap length in bytes, as the longest of the cut frames shows it; `None` if no frame was
    /// cut.
    pub(super) const fn snap_len(&self) -> Option<usize> {
        self.cut_at
    }

    /// Frames that were selected: they passed the filter, and were captured in the time window.
    #[must_use]
    pub const fn selected(&self) -> u64 {
        let [filtered, outside] = [Skip::Filtered, Skip::OutsideTime];
        self.frames - self.skipped[filtered as usize] - self.skipped[outside as usize]
    }

    /// Frames that were skipped for this reason.
    #[must_use]
    pub const fn skipped_for(&self, reason: Skip) -> u64 {
        self.skipped[reason as usize]
    }

    /// A line for each link type and reason for which frames were not decoded: there is no decoder,
    /// or the capture cut the headers. `interface` returns the name of the interface with a number.
    pub(super) fn problems(&self, interface: impl Fn(u32) -> String) -> Vec<String> {
        let describe = |(&(reason, link), undecoded): (&(Skip, LinkType), &Undecoded)| {
            let what = match reason {
                Skip::LinkType => {
                    format!("{link} is not supported; see https://www.tcpdump.org/linktypes.html")
                }
                Skip::Truncated => {
                    "the snap length cut the headers of packets; capture with a larger one (-s)"
                        .into()
                }
                _ => "802.11 aggregates are not supported".into(),
            };
            let (place, Undecoded { frames, first, .. }) =
                (interface(undecoded.interface), undecoded);
            let others = if undecoded.on_others { " and others" } else { "" };
            let skipped = plural(*frames, "packet");
            format!("{place}{others}: {what} ({skipped} skipped, first at frame {first})")
        };
        let mut problems: Vec<String> = self.undecoded.iter().map(describe).collect();
        problems.extend(self.no_segments());
        problems
    }

    /// A line where no segment was decoded although skipped frames may have held some: an empty
    /// report must not pass for an idle network.
    fn no_segments(&self) -> Option<String> {
        /// Reasons to skip a frame that may hold TCP or UDP.
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
                "no TCP or UDP could be read; skipped packets may have held some ({})",
                hidden.join(", ")
            )
        })
    }
}

/// The reasons that occurred, with their counts.
fn nonzero(skipped: &Skips) -> impl Iterator<Item = (Skip, u64)> + '_ {
    Skip::ALL.iter().map(|&reason| (reason, skipped[reason as usize])).filter(|&(_, n)| n > 0)
}

/// Skipped frames, written by the names of the reasons that occurred.
mod by_reason {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Skip, Skips, nonzero};

    pub(super) fn serialize<S: Serializer>(
        skipped: &Skips,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(nonzero(skipped).collect::<Vec<_>>())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Skips, D::Error> {
        let mut skipped = [0; Skip::ALL.len()];
        for (reason, frames) in Vec::<(Skip, u64)>::deserialize(deserializer)? {
            skipped[reason as usize] = frames;
        }
        Ok(skipped)
    }
}
