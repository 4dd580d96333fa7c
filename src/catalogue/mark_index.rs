//! Which marks on a fact can hold of a value: an index, as users load marks by the thousand.

use std::collections::HashMap;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use foldhash::fast::RandomState;

use super::mark::{Compare, Condition};

/// How many substring searches of a value are made one by one. With vector instructions these are
/// as fast as an automaton that finds all of them, and need no preparation.
const FEW: usize = 64;

/// The place of a mark among all marks on the fact.
type Place = u32;

/// Finds the marks on one fact by one comparison of each: the whole value, its beginning, its end,
/// or a part of it. Letters are compared in either case; whoever asks looks at the mark itself.
#[derive(Default)]
pub(super) struct MarkIndex {
    /// The texts that are the whole value.
    equals: TextTable,
    /// The texts with which values begin.
    prefixes: TextTable,
    /// The texts with which values end.
    suffixes: TextTable,
    /// The texts that values contain, where there are many.
    parts: Option<PartTable>,
    /// The marks that are tried on every value.
    always: Vec<Place>,
}

/// Texts that values contain, and the marks that look for them.
struct PartTable {
    texts: Vec<Box<[u8]>>,
    places: Vec<Place>,
    /// Whether a mark looks for letters in either case.
    ignore_case: bool,
    /// Finds every one of the texts in one pass over a value; `None` where they have more bytes
    /// together than 31 bits can count. Made for the first value: many captures have none.
    automaton: OnceLock<Option<AhoCorasick>>,
}

impl PartTable {
    fn find(&self, value: &str, found: &mut Vec<Place>) {
        let make = || {
            AhoCorasickBuilder::new()
                .ascii_case_insensitive(self.ignore_case)
                .build(&self.texts)
                .ok()
        };
        match self.automaton.get_or_init(make) {
            Some(automaton) => {
                let matches = automaton.find_overlapping_iter(value);
                found.extend(matches.map(|part| self.places[part.pattern().as_usize()]));
            }
            None => found.extend(&self.places),
        }
    }
}

/// Texts in lower case, with the marks that look for each.
#[derive(Default)]
struct TextTable {
    places: HashMap<Box<str>, Vec<Place>, RandomState>,
    /// The lengths of the texts in bytes, ascending, each once.
    lengths: Vec<usize>,
}

impl TextTable {
    fn insert(&mut self, text: &str, place: Place) {
        if let Err(at) = self.lengths.binary_search(&text.len()) {
            self.lengths.insert(at, text.len());
        }
        self.places.entry(text.to_ascii_lowercase().into()).or_default().push(place);
    }

    /// Adds the marks of every text that `part` takes from the value, given the text's length.
    fn find<'v>(&self, part: impl Fn(usize) -> Option<&'v str>, found: &mut Vec<Place>) {
        for &length in &self.lengths {
            let Some(part) = part(length) else { continue };
            // Most values are in lower case but for a letter or two.
            let places = self.places.get(part.to_ascii_lowercase().as_str());
            found.extend(places.into_iter().flatten());
        }
    }
}

impl MarkIndex {
    /// Indexes marks by their first conditions.
    pub(super) fn new<'m>(conditions: impl Iterator<Item = &'m Condition>) -> Self {
        let mut index = Self::default();
        let mut parts = Vec::new();
        let mut ignore_case = false;
        for (condition, place) in conditions.zip(0..) {
            // All comparisons hold of one value: one of them is enough to find it by.
            match condition.compare.iter().min_by_key(|compare| rank(compare)) {
                Some(Compare::Equals(text)) => index.equals.insert(text, place),
                Some(Compare::Prefix(text)) => index.prefixes.insert(text, place),
                Some(Compare::Suffix(text)) => index.suffixes.insert(text, place),
                Some(Compare::Contains(needle)) => {
                    ignore_case |= condition.ignore_case;
                    parts.push((needle.text().into(), place));
                }
                Some(Compare::Matches(_)) | None => index.always.push(place),
            }
        }
        let (texts, places): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        if places.len() > FEW {
            index.parts =
                Some(PartTable { texts, places, ignore_case, automaton: OnceLock::new() });
        } else {
            index.always.extend(places);
        }
        index
    }

    /// The places of the marks that can hold of `value`, ascending; `found` is cleared first.
    pub(super) fn find(&self, value: &str, found: &mut Vec<Place>) {
        found.clear();
        found.extend(&self.always);
        let length = value.len();
        self.equals.find(|wanted| (wanted == length).then_some(value), found);
        self.prefixes.find(|wanted| value.get(..wanted), found);
        self.suffixes.find(|wanted| value.get(length.checked_sub(wanted)?..), found);
        if let Some(parts) = &self.parts {
            parts.find(value, found);
        }
        found.sort_unstable();
        found.dedup();
    }
}

/// The kind of comparison, the one first by which a mark is found with the least work.
const fn rank(compare: &Compare) -> u8 {
    match compare {
        Compare::Equals(_) => 0,
        Compare::Prefix(_) => 1,
        Compare::Suffix(_) => 2,
        Compare::Contains(_) => 3,
        Compare::Matches(_) => 4,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::mark::{Needle, Pattern};
    use super::*;

    fn compare() -> impl Strategy<Value = Compare> {
        let text = "[abé]{0,3}";
        prop_oneof![
            text.prop_map(Compare::Equals),
            text.prop_map(Compare::Prefix),
            text.prop_map(Compare::Suffix),
            text.prop_map(|text| Compare::Contains(Needle::new(&text))),
            text.prop_map(|text| Compare::Matches(Pattern::new(&text).unwrap())),
        ]
    }

    fn condition() -> impl Strategy<Value = Condition> {
        let compare = prop::collection::vec(compare(), 0..3);
        (compare, any::<bool>()).prop_map(|(compare, ignore_case)| Condition {
            fact: "http.response-header.server".into(),
            compare,
            ignore_case,
            direction: None,
        })
    }

    proptest! {
        #[test]
        fn every_mark_that_holds_is_found_and_the_order_is_kept(
            conditions in prop::collection::vec(condition(), 0..300),
            value in "[abéAB]{0,6}",
        ) {
            let mut found = Vec::new();
            MarkIndex::new(conditions.iter()).find(&value, &mut found);
            prop_assert!(found.is_sorted_by(|a, b| a < b));
            for (condition, place) in conditions.iter().zip(0..) {
                if condition.accepts(&value) {
                    prop_assert!(found.contains(&place), "{condition}");
                }
            }
        }
    }

    #[test]
    fn a_value_leads_to_few_of_many_marks() {
        let conditions: Vec<_> = (0..1000_u32)
            .map(|n| {
                let text = format!("product-{n}/");
                let compare = match n % 4 {
                    0 => Compare::Equals(text),
                    1 => Compare::Prefix(text),
                    2 => Compare::Suffix(text),
                    _ => Compare::Contains(Needle::new(&text)),
                };
                let fact = "http.response-header.server".into();
                Condition { fact, compare: vec![compare], ignore_case: false, direction: None }
            })
            .collect();
        let index = MarkIndex::new(conditions.iter());
        let found = |value: &str| {
            let mut found = Vec::new();
            index.find(value, &mut found);
            found
        };
        assert!(found("nginx").is_empty());
        assert_eq!(found("product-44/"), [44]);
        assert_eq!(found("product-45/ of product-47/ by product-46/"), [45, 46, 47]);
    }
}
