//! The filter while it is typed: it applies at once, and Tab completes it.

use super::RowFilter;
use super::completion::{self, KnownValues};
use crate::flow_filter::FilterFault;

/// A filter that is being typed.
pub(in crate::screen) struct FilterPrompt {
    pub(in crate::screen) text: String,
    /// The filter from before, to which Esc returns.
    pub(in crate::screen) before: RowFilter,
    /// What is wrong with the text.
    pub(in crate::screen) fault: Option<FilterFault>,
    /// The last word as it was typed, and the number of the completion that stands in its place.
    completed: Option<(String, usize)>,
}

impl FilterPrompt {
    /// Begins with the filter that there is.
    pub(in crate::screen) fn new(text: String, filter: RowFilter) -> Self {
        Self { text, before: filter, fault: None, completed: None }
    }

    /// The filter of what is typed, if that is one; else it stays as it was.
    fn parse(&mut self) -> Option<RowFilter> {
        match RowFilter::parse_partial(&self.text) {
            Ok(filter) => {
                self.fault = None;
                Some(filter)
            }
            Err(fault) => {
                self.fault = Some(fault);
                None
            }
        }
    }

    /// Adds a character.
    pub(in crate::screen) fn push(&mut self, c: char) -> Option<RowFilter> {
        self.completed = None;
        self.text.push(c);
        self.parse()
    }

    /// Removes the last character.
    pub(in crate::screen) fn delete(&mut self) -> Option<RowFilter> {
        self.completed = None;
        self.text.pop();
        self.parse()
    }

    /// Removes everything.
    pub(in crate::screen) fn clear(&mut self) -> Option<RowFilter> {
        self.completed = None;
        self.text.clear();
        self.parse()
    }

    /// What may stand in place of the last word as it was typed.
    pub(in crate::screen) fn completions(&self, known: &KnownValues<'_>) -> Vec<String> {
        let word = self.completed.as_ref().map_or(self.last_word(), |(word, _)| word);
        completion::of(word, known)
    }

    /// The place of the completion that stands there.
    pub(in crate::screen) fn completed(&self) -> Option<usize> {
        self.completed.as_ref().map(|(_, place)| *place)
    }

    /// Completes the last word; again, by the next completion.
    pub(in crate::screen) fn complete(&mut self, known: &KnownValues<'_>) -> Option<RowFilter> {
        let all = self.completions(known);
        let place = self.completed.as_ref().map_or(0, |(_, place)| place + 1);
        let next = all.get(place).or(all.first())?;
        let word = match self.completed.take() {
            Some((word, _)) => word,
            None => self.last_word().to_owned(),
        };
        let start = self.text.rfind(' ').map_or(0, |at| at + 1);
        self.text.truncate(start);
        self.text.push_str(next);
        // A field that is complete is followed by its values; Tab then begins with these.
        self.completed = (!next.ends_with(':') || all.len() > 1).then(|| (word, place % all.len()));
        self.parse()
    }

    fn last_word(&self) -> &str {
        self.text.rsplit(' ').next().unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> FilterPrompt {
        let mut prompt = FilterPrompt::new(String::new(), RowFilter::default());
        text.chars().for_each(|c| drop(prompt.push(c)));
        prompt
    }

    #[test]
    fn tab_completes_fields_then_their_values_and_goes_round() {
        let values = |field: &str| match field {
            "tag" => vec!["csta".to_owned(), "osc".to_owned()],
            _ => Vec::new(),
        };
        let known: &KnownValues<'_> = &values;
        let mut prompt = typed("port:1 t");
        let mut texts = Vec::new();
        for _ in 0..4 {
            prompt.complete(known);
            texts.push(prompt.text.clone());
        }
        assert_eq!(texts, ["port:1 tag:", "port:1 tag:csta", "port:1 tag:osc", "port:1 tag:csta"]);
        let mut prompt = typed("-p");
        let mut texts = Vec::new();
        for _ in 0..4 {
            prompt.complete(known);
            texts.push(prompt.text.clone());
        }
        assert_eq!(texts, ["-port:", "-protocol:", "-process:", "-port:"]);
        assert!(typed("nothing:like").complete(known).is_none());
    }

    #[test]
    fn a_fault_leaves_the_filter_as_it_was_until_it_is_mended() {
        let mut prompt = typed("tag:osc prt");
        assert!(prompt.fault.is_none());
        assert!(prompt.push(':').is_none());
        let fault = prompt.fault.as_ref().map(FilterFault::reason);
        assert_eq!(fault, Some("there is no field 'prt'"));
        assert!(prompt.delete().is_some() && prompt.fault.is_none());
        assert!(prompt.clear().unwrap().is_empty());
    }
}
