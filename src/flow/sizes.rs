//! How often each frame size occurred in one flow: the part of a record from which the size histograms are made, exactly.

/// Sizes that most flows get by with.
const INLINE: usize = 4;
/// Sizes below this are kept to the byte, larger ones to eleven significant bits, as the histograms keep them.
const EXACT_BELOW: u32 = 2048;

/// A small multiset of frame sizes in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Size and count; a count of zero is a free place.
    first: [(u32, u32); INLINE],
    /// The rest, by size. At most a few thousand, because large sizes are rounded.
    #[allow(clippy::box_collection, reason = "eight bytes in every flow instead of twenty-four")]
    more: Option<Box<Vec<(u32, u32)>>>,
}

impl Sizes {
    /// Counts one frame.
    pub fn add(&mut self, bytes: u32) {
        let size = rounded(bytes);
        for place in &mut self.first {
            if place.1 == 0 {
                *place = (size, 1);
                return;
            }
            if place.0 == size {
                place.1 = place.1.saturating_add(1);
                return;
            }
        }
        let more = self.more.get_or_insert_default();
        match more.binary_search_by_key(&size, |&(size, _)| size) {
            Ok(at) => more[at].1 = more[at].1.saturating_add(1),
            Err(at) => more.insert(at, (size, 1)),
        }
    }

    /// Size and count of each.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let first = self.first.iter().filter(|(_, count)| *count > 0);
        first.chain(self.more.iter().flat_map(|more| more.iter())).copied()
    }
}

/// The largest size of the step that a size falls in.
fn rounded(bytes: u32) -> u32 {
    if bytes < EXACT_BELOW {
        return bytes;
    }
    let lost = bytes.ilog2() - (EXACT_BELOW.ilog2() - 1);
    bytes | ((1 << lost) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_every_size_once_inline_and_behind() {
        let mut sizes = Sizes::default();
        for bytes in (60..80).chain(60..80).chain([60]) {
            sizes.add(bytes);
        }
        let mut all: Vec<_> = sizes.iter().collect();
        all.sort_unstable();
        assert_eq!(all[0], (60, 3));
        assert!(all[1..].iter().all(|&(_, count)| count == 2));
        assert_eq!(all.len(), 20);
    }

    #[test]
    fn ethernet_sizes_are_exact_and_larger_ones_within_a_tenth_of_a_percent() {
        assert_eq!(rounded(1514), 1514);
        for bytes in [2048, 9014, 65_549, u32::MAX] {
            let error = f64::from(rounded(bytes) - bytes) / f64::from(bytes);
            assert!(error < 0.001, "{bytes}: {error}");
        }
    }
}
