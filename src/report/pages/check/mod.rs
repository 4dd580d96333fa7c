//! The pages of `portlore check`: which rules of a file of expectations hold, and what breaks the
//! others.

mod json;
mod junit;
mod text;

pub use self::json::write as write_json;
pub use self::junit::write as write_junit;
pub use self::text::{lines, write};

use crate::expect::{Checked, Violation};
use crate::report::parts::display_filter::{FilterOn, display_filter, of_server};

/// A check, and what it was made of.
pub struct CheckPage<'p> {
    /// The file of expectations, as the user named it.
    pub file: &'p str,
    /// What the file calls itself; untrusted.
    pub name: Option<&'p str>,
    /// The captures or interfaces, as the user named them.
    pub inputs: &'p [String],
    /// What was found.
    pub checked: &'p Checked<'p>,
    /// What was wrong with the input, a line each.
    pub problems: &'p [String],
    /// What is worth knowing of it, a line each.
    pub notices: &'p [String],
    /// What display filters select.
    pub filter_on: FilterOn,
}

/// The Wireshark display filter that shows what breaks a rule, where there is one.
fn wireshark(violation: &Violation, on: FilterOn) -> Option<String> {
    let frame = violation.frame.filter(|_| on == FilterOn::Frames);
    match (&violation.flows[..], violation.server, frame) {
        ([flow], ..) => display_filter(on, &flow.record, &flow.verdict.reasons),
        (_, _, Some(frame)) if violation.finding.is_some() => {
            Some(format!("frame.number == {frame}"))
        }
        (_, Some(key), _) => Some(of_server(key)),
        (_, None, Some(frame)) => Some(format!("frame.number == {frame}")),
        (_, None, None) => None,
    }
}
