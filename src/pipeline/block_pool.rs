//! The blocks of a capture, reused once every classifier has released them.

use std::sync::Arc;

use crate::source::Block;

/// Spare blocks and batches that are kept for reuse: more than a replay ever has in flight. A burst
/// of a live capture leaves ten times as many, whose memory is freed again.
pub(super) const SPARE: usize = 8;

/// Blocks that classifiers hold or held.
#[derive(Default)]
pub(super) struct BlockPool {
    lent: Vec<Arc<Block>>,
}

impl BlockPool {
    /// Stores `block` until every classifier has released it, and returns an empty block. Frees one
    /// spare block where more than [`SPARE`] of them are unused.
    pub(super) fn exchange(&mut self, block: Arc<Block>) -> Block {
        self.lent.push(block);
        let mut spare = 0;
        // The block that was released last is the most likely to be in a cache.
        let mut empty = None;
        for at in (0..self.lent.len()).rev() {
            if Arc::get_mut(&mut self.lent[at]).is_none() {
                continue;
            }
            if empty.is_none() {
                empty = Some(self.lent.swap_remove(at));
            } else {
                spare += 1;
                if spare > SPARE {
                    self.lent.swap_remove(at);
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
    fn the_memory_of_a_burst_is_freed_block_by_block() {
        let mut pool = BlockPool::default();
        let burst: Vec<_> = (0..70).map(|_| Arc::new(Block::default())).collect();
        burst.iter().for_each(|block| drop(pool.exchange(Arc::clone(block))));
        assert_eq!(pool.lent.len(), 70);
        drop(burst);
        for left in (SPARE..70).rev() {
            let block = pool.exchange(Arc::default());
            assert_eq!(pool.lent.len(), left);
            drop(block);
        }
        drop(pool.exchange(Arc::default()));
        assert_eq!(pool.lent.len(), SPARE);
    }
}
