//! How many flows `--where` selected.

use super::units::{count, plural};
use crate::pipeline::{Run, SelectedFlows};
use crate::report::escape;

/// `12 of 345 flows: tag = osc`; `None` where all flows count.
#[must_use]
pub fn sentence(run: &Run) -> Option<String> {
    let SelectedFlows { expression, selected, seen } = run.selected.as_ref()?;
    let flows = plural(*seen, "flow");
    Some(format!("{} of {flows}: {}", count(*selected), escape(expression)))
}
