//! The blocks of a capture, used again when the last classifier has let them go.

use std::sync::Arc;

use crate::source::Block;

/// Blocks that are, or were, with the classifiers; about as many as their queues hold.
#[derive(Default)]
pub(super) struct Blocks {
    away: Vec<Arc<Block>>,
}

impl Blocks {
    /// Keeps a block until it is free again; gives an empty one.
    pub(super) fn exchange(&mut self, block: Arc<Block>) -> Block {
        self.away.push(block);
        // The block that came back last is the most likely to be in a cache.
        let free = self.away.iter_mut().rposition(|block| Arc::get_mut(block).is_some());
        let mut empty = free.and_then(|at| Arc::try_unwrap(self.away.swap_remove(at)).ok()).unwrap_or_default();
        empty.clear();
        empty
    }
}
