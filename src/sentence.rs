//! Pieces of sentences for people.

use std::borrow::Borrow;

/// `A`, `A and B`, `A, B and C`; `last` is the word before the last one.
pub(crate) fn joined<S: Borrow<str>>(parts: &[S], last: &str) -> String {
    match parts {
        [] => String::new(),
        [only] => only.borrow().to_owned(),
        [first @ .., end] => format!("{} {last} {}", first.join(", "), end.borrow()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_commas_and_one_word_before_its_end() {
        assert_eq!(joined(&["A", "B", "C"], "or"), "A, B or C");
        assert_eq!(joined(&["A".to_owned(), "B".to_owned()], "and"), "A and B");
        assert_eq!((joined(&["A"], "or"), joined::<&str>(&[], "or")), ("A".into(), String::new()));
    }
}
