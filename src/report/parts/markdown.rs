//! Text in Markdown.

/// Text in which no character has a meaning of Markdown's or HTML's: each that may have one is
/// behind a backslash.
#[must_use]
pub fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_[]<>#|~&!$".contains(c) {
            literal.push('\\');
        }
        literal.push(c);
    }
    literal
}
