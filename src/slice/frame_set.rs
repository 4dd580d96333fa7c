//! Numbers of frames.

/// A set of numbers of frames: a bit for each frame up to the last one in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FrameSet {
    words: Vec<u64>,
    len: u64,
}

impl FrameSet {
    /// Adds a frame.
    pub fn insert(&mut self, frame: u64) {
        let (word, bit) = place(frame);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.len += u64::from(self.words[word] & bit == 0);
        self.words[word] |= bit;
    }

    /// Whether the set has a frame.
    #[must_use]
    pub fn contains(&self, frame: u64) -> bool {
        let (word, bit) = place(frame);
        self.words.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// The number of frames in the set.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether the set has no frame.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

const fn place(frame: u64) -> (usize, u64) {
    ((frame / 64) as usize, 1 << (frame % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_in_the_set_once_it_was_added_and_counts_once() {
        let mut set = FrameSet::default();
        assert!(set.is_empty() && !set.contains(64));
        for frame in [64, 1, 1_000_000, 64] {
            set.insert(frame);
        }
        let there: Vec<u64> = (0..1_000_002).filter(|&frame| set.contains(frame)).collect();
        assert_eq!((there, set.len()), (vec![1, 64, 1_000_000], 3));
    }
}
