//! A series of files with numbered names, of which the newest may be all that is kept.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The names of a series.
#[derive(Debug)]
pub(super) struct Series {
    /// The file name that the numbers go into.
    name: OsString,
    /// The number that was handed out last.
    number: u32,
    keep: usize,
    whole: VecDeque<OsString>,
}

impl Series {
    /// A series that keeps `keep` files; 0 for no limit.
    pub(super) fn new(name: &OsStr, keep: usize) -> Self {
        Self { name: name.to_owned(), number: 0, keep, whole: VecDeque::new() }
    }

    /// The next name.
    pub(super) fn next_name(&mut self) -> OsString {
        self.number += 1;
        numbered(&self.name, self.number, jiff::Timestamp::now())
    }

    /// Takes note of a whole file, and returns those that are to be removed.
    pub(super) fn add(&mut self, name: OsString) -> impl Iterator<Item = OsString> {
        if self.keep > 0 {
            self.whole.push_back(name);
        }
        let surplus = self.whole.len().saturating_sub(self.keep);
        self.whole.drain(..surplus)
    }
}

/// `show.pcapng` becomes `show_00001_20261127T150000Z.pcapng`: sorted by name, and new with every
/// run.
fn numbered(name: &OsStr, number: u32, now: jiff::Timestamp) -> OsString {
    let name = Path::new(name);
    let mut numbered = name.file_stem().unwrap_or_default().to_owned();
    numbered.push(format!("_{number:05}_{}", now.strftime("%Y%m%dT%H%M%SZ")));
    if let Some(ending) = name.extension() {
        numbered.push(".");
        numbered.push(ending);
    }
    numbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_before_the_extension() {
        let now = "2026-11-27T15:00:00Z".parse().unwrap();
        assert_eq!(numbered("a.b.pcapng".as_ref(), 7, now), "a.b_00007_20261127T150000Z.pcapng");
        assert_eq!(numbered("a".as_ref(), 123_456, now), "a_123456_20261127T150000Z");
    }

    #[test]
    fn the_oldest_are_to_be_removed() {
        let mut series = Series::new("a".as_ref(), 2);
        let removed: Vec<_> =
            ["1", "2", "3", "4"].map(|name| series.add(name.into()).collect::<Vec<_>>()).into();
        assert_eq!(removed, [vec![], vec![], vec![OsString::from("1")], vec!["2".into()]]);
        let mut series = Series::new("a".as_ref(), 0);
        assert!((0..9).all(|_| series.add("1".into()).next().is_none()));
    }
}
