//! The string literals of Rust source.

use std::path::Path;

/// Whether a file of `src` holds nothing but tests.
pub fn is_test(path: &Path) -> bool {
    let path = path.to_string_lossy();
    path.contains("/tests/") || path.ends_with("tests.rs") || path.contains("/testing")
}

/// The string literals of a file before its tests, each with its line. Byte strings are data from
/// the wire and left out, and so are comments.
pub fn of(source: &str) -> Vec<(usize, String)> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or(source);
    let mut literals = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(['"', '\'', '/', 'r']) {
        let before = rest[..at].chars().next_back();
        let line = code[..code.len() - rest.len() + at].matches('\n').count() + 1;
        let from = &rest[at..];
        rest = if from.starts_with("//") {
            from.split_once('\n').map_or("", |(_, rest)| rest)
        } else if let Some(text) = from.strip_prefix('"') {
            let (literal, rest) = quoted(text);
            if before != Some('b') {
                literals.push((line, literal));
            }
            rest
        } else if let Some(rest) = character(from) {
            rest
        } else if let Some((literal, rest)) = raw(from) {
            if !before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                literals.push((line, literal.to_owned()));
            }
            rest
        } else {
            &from[1..]
        };
    }
    literals
}

/// A literal up to its closing quote, with its lines joined, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut literal = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (literal, &text[at + 1..]),
            '\\' => match chars.next() {
                Some((at, '\n')) => {
                    let line = &text[at..];
                    let blanks = line.len() - line.trim_start().len();
                    chars = text.char_indices();
                    chars.by_ref().take_while(|(i, _)| i + 1 < at + blanks).for_each(drop);
                }
                Some((_, 'n')) => literal.push('\n'),
                Some((_, escaped)) => literal.push(escaped),
                None => {}
            },
            c => literal.push(c),
        }
    }
    (literal, "")
}

/// What follows a literal of a character; `None` where a lifetime begins.
fn character(from: &str) -> Option<&str> {
    let inside = from.strip_prefix('\'')?;
    if let Some(escaped) = inside.strip_prefix('\\') {
        let skipped = escaped.chars().next()?.len_utf8();
        return Some(escaped[skipped..].split_once('\'')?.1);
    }
    let first = inside.chars().next()?;
    inside[first.len_utf8()..].strip_prefix('\'')
}

/// A raw literal and what follows.
fn raw(from: &str) -> Option<(&str, &str)> {
    let hashes = from.strip_prefix('r')?;
    let text = hashes.trim_start_matches('#');
    let end = format!("\"{}", "#".repeat(hashes.len() - text.len()));
    text.strip_prefix('"')?.split_once(&end)
}

#[test]
fn literals_are_found_with_their_lines_and_comments_and_bytes_are_not() {
    let source = "// \"no\"\nlet a = \"one \\\n     two\\\"\"; b\"no\"; '\"'; &'a str;\nr#\"three\"#\n\
                  #[cfg(test)]\nmod tests {\n\"no\"";
    let expected = [(2, "one two\""), (4, "three")];
    assert_eq!(of(source), expected.map(|(line, text)| (line, text.to_owned())));
}
