//! Pieces of sentences for people.

use std::borrow::Borrow;

/// A number with commas between thousands.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what it counts, in the plural unless it is 1: `1 flow`, `2,000 flows`.
#[must_use]
pub fn plural(n: u64, one: &str) -> String {
    format!("{} {one}{}", count(n), if n == 1 { "" } else { "s" })
}

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
    fn one_is_singular_and_all_other_numbers_are_plural() {
        let texts = [0, 1, 2, 1_234_567].map(|n| plural(n, "answer"));
        assert_eq!(texts, ["0 answers", "1 answer", "2 answers", "1,234,567 answers"]);
    }

    #[test]
    fn a_list_has_commas_and_one_word_before_its_end() {
        assert_eq!(joined(&["A", "B", "C"], "or"), "A, B or C");
        assert_eq!(joined(&["A".to_owned(), "B".to_owned()], "and"), "A and B");
        assert_eq!((joined(&["A"], "or"), joined::<&str>(&[], "or")), ("A".into(), String::new()));
    }
}
