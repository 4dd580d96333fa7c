//! The blocks of a capture, used again when the last classifier has let them go.

use std::sync::Arc;

use crate::source::Block;

/// Blocks and batches that are kept for the next ones: more than a replay ever has on their way.
/// Live, a crowd leaves ten times as many, whose memory is given back.
pub(super) const SPARE: usize = 8;

/// Blocks that are, or were, with the classifiers.
#[derive(Default)]
pub(super) struct Blocks {
    away: Vec<Arc<Block>>,
}

impl Blocks {
    /// Keeps a block until it is free again; gives an empty one.
    pub(super) fn exchange(&mut self, block: Arc<Block>) -> Block {
        self.away.push(block);
        let mut spare = 0;
        // The block that came back last is the most likely to be in a cache.
        let mut empty = None;
        for at in (0..self.away.len()).rev() {
            if Arc::get_mut(&mut self.away[at]).is_none() {
                continue;
            }
            if empty.is_none() {
                empty = Some(self.away.swap_remove(at));
            } else {
                spare += 1;
                if spare > SPARE {
                    self.away.swap_remove(at);
                    break;
                }
            }
        }
        let mut empty = empty.and_then(|block| Arc::try_unwrap(block).ok()).unwrap_or_default();
        empty.clear();
        empty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crowd_took_is_given_back_one_by_one() {
        let mut blocks = Blocks::default();
        let crowd: Vec<_> = (0..70).map(|_| Arc::new(Block::default())).collect();
        crowd.iter().for_each(|block| drop(blocks.exchange(Arc::clone(block))));
        assert_eq!(blocks.away.len(), 70);
        drop(crowd);
        for left in (SPARE..70).rev() {
            let block = blocks.exchange(Arc::default());
            assert_eq!(blocks.away.len(), left);
            drop(block);
        }
        drop(blocks.exchange(Arc::default()));
        assert_eq!(blocks.away.len(), SPARE);
    }
}
