//! Untrusted text: everything that came from the wire, from a file name, a process or a catalogue.
//!
//! No such text may reach a terminal as it came. Types enforce this as far as possible:
//!
//! - **Tables and the full-screen view** take [`SafeText`] only. Whoever makes one has to choose
//!   between [`SafeText::escape`] and [`SafeText::trusted`].
//! - **Sentences** (`why`, the header of the table, the pages) are put together with [`escape`].
//! - **JSON and NDJSON** are serialised by `json::SafeFormatter`, which writes hidden characters as
//!   `\u` escapes, whatever the document holds.
//! - **`OpenMetrics`** labels are made by `exposition::label` only.
//! - **Any other format** takes [`SafeText`], such as that of `labels`, or calls [`escape`].
//!
//! A text is escaped once: a second pass would double its backslashes.

use std::fmt;

/// Text without control characters, and without characters that hide or change the direction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SafeText(String);

impl SafeText {
    /// Escapes untrusted text.
    #[must_use]
    pub fn escape(untrusted: &str) -> Self {
        Self(escape(untrusted))
    }

    /// Takes text that holds nothing untrusted, or nothing that was not escaped before.
    #[must_use]
    pub fn trusted(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Writes control characters, and those that change the direction or hide, as `\n`, `\x1b`,
/// `\u{202e}`.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            '\\' => safe.push_str("\\\\"),
            c if c.is_ascii_control() => safe.push_str(&format!("\\x{:02x}", c as u32)),
            c if is_hidden(c) => safe.push_str(&format!("\\u{{{:x}}}", c as u32)),
            c => safe.push(c),
        }
    }
    safe
}

/// Whether a reader cannot see the character: control characters beyond the 32 of ASCII, marks of
/// direction, joiners, separators and the like (Unicode general categories Cc, Cf, Zl, Zp).
#[must_use]
pub const fn is_hidden(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_the_wire_can_move_the_cursor_or_turn_the_text() {
        assert_eq!(escape("a\x1b[2J\r\n\u{202e}\u{9b}b\\"), "a\\x1b[2J\\r\\n\\u{202e}\\u{9b}b\\\\");
        assert_eq!(escape("Größe 中"), "Größe 中");
    }
}
