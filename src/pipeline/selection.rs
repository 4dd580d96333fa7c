//! The frames that are decoded, where not all of them are.

use crate::decode::Skip;
use crate::source::{Filter, Frame, TimeWindow, WindowedTime};

/// What selects frames: a filter, a time window, or both.
pub(super) struct Selection<'r> {
    filter: Option<&'r mut Filter>,
    window: Option<WindowedTime>,
}

impl<'r> Selection<'r> {
    /// `None` where every frame is selected: then a frame costs one branch.
    pub(super) fn new(filter: Option<&'r mut Filter>, window: TimeWindow) -> Option<Self> {
        let window = (!window.is_unbounded()).then(|| WindowedTime::new(window));
        (filter.is_some() || window.is_some()).then_some(Self { filter, window })
    }

    /// Why the frame is not selected; `None` if it is.
    pub(super) fn excludes(&mut self, frame: &Frame<'_>) -> Option<Skip> {
        if self.window.as_mut().is_some_and(|window| !window.contains(frame)) {
            return Some(Skip::OutsideTime);
        }
        let filter = self.filter.as_deref_mut();
        filter.is_some_and(|filter| !filter.matches(frame)).then_some(Skip::Filtered)
    }
}
