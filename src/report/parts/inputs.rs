//! What was read, by name.

use super::escape::escape;
use crate::sentence::count;

/// The names of captures, escaped: all of them up to three, else the first two and how many more.
#[must_use]
pub fn input_names(inputs: &[String]) -> String {
    let shown = if inputs.len() <= 3 { inputs } else { &inputs[..2] };
    let names: Vec<_> = shown.iter().map(|input| escape(input)).collect();
    let names = names.join(", ");
    match inputs.len() - shown.len() {
        0 => names,
        more => format!("{names} and {} more", count(more as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_captures_two_are_named() {
        let names = |n: usize| input_names(&["a", "b\u{202e}", "c", "d"].map(String::from)[..n]);
        let expected = ["a", "a, b\\u{202e}", "a, b\\u{202e}, c", "a, b\\u{202e} and 2 more"];
        assert_eq!([1, 2, 3, 4].map(names), expected);
    }
}
