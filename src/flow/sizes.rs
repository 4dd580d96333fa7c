//! How often each frame size occurred in one flow, exactly: the input of the size histograms.

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::short_vec::uncounted;
use crate::saved::{BadState, check};

/// Number of sizes that are enough for most flows.
const FEW: usize = 4;
/// Sizes below this are exact, larger ones have eleven significant bits, as in the histograms.
const EXACT_BELOW: u32 = 2048;
/// Frame sizes that are collected before they are counted together.
const FRESH: usize = 24;
/// Number of codes of larger sizes that have the same highest bit.
const STEPS: u32 = EXACT_BELOW / 2;
/// The code of the largest size.
const LAST: u16 = ((32 - EXACT_BELOW.ilog2()) * STEPS + 2 * STEPS - 1) as u16;

/// A few sizes of a live flow, sixteen bytes in all: codes and counts; a count of zero is a free
/// entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Pod, Zeroable, Serialize, Deserialize)]
#[repr(transparent)]
pub(super) struct FewSizes([[u16; 2]; FEW]);

impl FewSizes {
    /// Counts one frame. Returns what does not fit here: the code of a size and its count.
    #[inline]
    pub(super) fn add(&mut self, bytes: u32) -> Option<(u16, u16)> {
        let code = encode(bytes);
        for [size, count] in &mut self.0 {
            if *count == 0 {
                *size = code;
            }
            if *size == code {
                let before = *count;
                *count = before.wrapping_add(1);
                if before < u16::MAX {
                    return None;
                }
                *count = 1;
                return Some((code, before));
            }
        }
        Some((code, 1))
    }

    /// Checks what was read.
    pub(super) fn check(&self) -> Result<(), BadState> {
        check(self.0.iter().all(|[code, _]| *code <= LAST), "a size is none")
    }

    fn iter(self) -> impl Iterator<Item = (u32, u32)> {
        self.0
            .into_iter()
            .filter(|[_, count]| *count > 0)
            .map(|[code, count]| (decode(code), count.into()))
    }
}

/// The sizes that do not fit in [`FewSizes`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MoreSizes(Option<Box<Heap>>);

/// Codes in the order of the frames, and codes that were counted. Counting some together touches
/// less memory than finding the count of each frame.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Heap {
    /// Sorted by code; at most a few thousand, because large sizes are rounded.
    counted: Vec<(u16, u32)>,
    #[serde(with = "uncounted")]
    fresh: SmallVec<[u16; FRESH]>,
}

impl MoreSizes {
    /// Counts a code that [`FewSizes::add`] returned.
    #[inline]
    pub(super) fn add(&mut self, (code, count): (u16, u16)) {
        let heap = self.0.get_or_insert_default();
        if count > 1 {
            heap.count([(code, count.into())].into_iter());
            return;
        }
        heap.fresh.push(code);
        if heap.fresh.len() == FRESH {
            heap.count_fresh();
        }
    }

    /// Checks what was read.
    pub(super) fn check(&self) -> Result<(), BadState> {
        let Some(heap) = &self.0 else { return Ok(()) };
        let mut codes = heap.counted.iter().map(|(code, _)| code).chain(&heap.fresh);
        let is_sorted = heap.counted.is_sorted_by(|(one, _), (next, _)| one < next);
        let are_sizes = codes.all(|&code| code <= LAST) && heap.fresh.len() < FRESH;
        check(is_sorted && are_sizes, "sizes are not in order")
    }

    fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let counted = self
            .0
            .iter()
            .flat_map(|heap| &heap.counted)
            .map(|&(code, count)| (decode(code), count));
        counted.chain(self.0.iter().flat_map(|heap| &heap.fresh).map(|&code| (decode(code), 1)))
    }
}

impl Heap {
    #[inline(never)]
    fn count_fresh(&mut self) {
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.sort_unstable();
        self.count(
            fresh
                .chunk_by(|a, b| a == b)
                .filter_map(|equal| Some((*equal.first()?, equal.len() as u32))),
        );
    }

    /// Adds counts, which are sorted by code.
    fn count(&mut self, counts: impl Iterator<Item = (u16, u32)>) {
        let mut new: SmallVec<[(u16, u32); FRESH]> = SmallVec::new();
        let mut from = 0;
        for (code, count) in counts {
            match self.counted[from..].binary_search_by_key(&code, |&(known, _)| known) {
                Ok(at) => {
                    from += at;
                    self.counted[from].1 = self.counted[from].1.saturating_add(count);
                }
                Err(at) => {
                    from += at;
                    new.push((code, count));
                }
            }
        }
        // From the last to the first, so that each element moves once.
        let (mut from, mut to) = (self.counted.len(), self.counted.len() + new.len());
        self.counted.resize(to, (0, 0));
        for added in new.into_iter().rev() {
            while from > 0 && self.counted[from - 1].0 > added.0 {
                (from, to) = (from - 1, to - 1);
                self.counted[to] = self.counted[from];
            }
            to -= 1;
            self.counted[to] = added;
        }
    }
}

/// A multiset of frame sizes in bytes; a size may occur in both parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    few: FewSizes,
    more: MoreSizes,
}

impl Sizes {
    pub(super) const fn new(few: FewSizes, more: MoreSizes) -> Self {
        Self { few, more }
    }

    /// Returns the sizes that a live flow stores elsewhere.
    pub(super) fn into_more(self) -> MoreSizes {
        self.more
    }

    /// Checks what was read.
    pub(crate) fn check(&self) -> Result<(), BadState> {
        self.few.check()?;
        self.more.check()
    }

    /// Each size with its count.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.few.iter().chain(self.more.iter())
    }
}

/// The code of the step that a size falls in.
#[inline]
fn encode(bytes: u32) -> u16 {
    if bytes < EXACT_BELOW {
        return bytes as u16;
    }
    let lost = bytes.ilog2() - (EXACT_BELOW.ilog2() - 1);
    (lost * STEPS + (bytes >> lost)) as u16
}

/// The largest size of a step.
fn decode(code: u16) -> u32 {
    let code = u32::from(code);
    if code < EXACT_BELOW {
        return code;
    }
    let lost = code / STEPS - 1;
    ((code - lost * STEPS) << lost) | ((1 << lost) - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn count(frames: impl IntoIterator<Item = u32>) -> BTreeMap<u32, u32> {
        let (mut few, mut more) = (FewSizes::default(), MoreSizes::default());
        for bytes in frames {
            if let Some(rest) = few.add(bytes) {
                more.add(rest);
            }
        }
        let mut all = BTreeMap::new();
        Sizes::new(few, more)
            .iter()
            .for_each(|(size, count)| *all.entry(size).or_default() += count);
        all
    }

    #[test]
    fn counts_every_size_once_inline_and_behind() {
        let all = count((60..80).chain(60..80).chain([60]));
        assert_eq!(all.len(), 20);
        assert!(all.iter().all(|(&size, &count)| count == if size == 60 { 3 } else { 2 }));
    }

    #[test]
    fn a_size_that_occurs_very_often_is_counted_on() {
        let n = 3 * u32::from(u16::MAX) + 7;
        assert_eq!(count(std::iter::repeat_n(1514, n as usize)), BTreeMap::from([(1514, n)]));
    }

    #[test]
    fn sizes_in_any_order_are_counted_as_often_as_they_occurred() {
        let mut state = 1_u32;
        let frames: Vec<u32> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            60 + (state >> 20) % 300
        })
        .take(5000)
        .collect();
        let mut expected = BTreeMap::new();
        frames.iter().for_each(|&bytes| *expected.entry(bytes).or_insert(0) += 1);
        assert_eq!(count(frames), expected);
    }

    #[test]
    fn ethernet_sizes_are_exact_and_larger_ones_within_a_tenth_of_a_percent() {
        let rounded = |bytes| decode(encode(bytes));
        assert_eq!(
            (rounded(0), rounded(1514), rounded(2047), rounded(2048)),
            (0, 1514, 2047, 2049)
        );
        for bytes in [2048, 9014, 65_549, u32::MAX] {
            let error = f64::from(rounded(bytes) - bytes) / f64::from(bytes);
            assert!(error < 0.001, "{bytes}: {error}");
        }
        for bytes in (0..200_000).step_by(37) {
            assert_eq!(rounded(rounded(bytes)), rounded(bytes));
        }
    }
}
