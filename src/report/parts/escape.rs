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

use crate::visibility::visibility;

/// Text without characters that steer a terminal, change the direction or are not seen.
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
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len());
    for (_, c, is_hidden) in visibility(text) {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            '\\' => safe.push_str("\\\\"),
            c if c.is_ascii_control() => safe.push_str(&format!("\\x{:02x}", c as u32)),
            c if is_hidden => safe.push_str(&format!("\\u{{{:x}}}", c as u32)),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthChar;

    use super::*;
    use crate::visibility::{MARKS, is_never_seen};

    #[test]
    fn nothing_from_the_wire_can_move_the_cursor_or_turn_the_text() {
        assert_eq!(escape("a\x1b[2J\r\n\u{202e}\u{9b}b\\"), "a\\x1b[2J\\r\\n\\u{202e}\\u{9b}b\\\\");
        assert_eq!(escape("Größe 中"), "Größe 中");
    }

    #[test]
    fn what_no_reader_sees_is_written_by_its_number() {
        for (from, to) in [
            ('\u{fe00}', '\u{fe0f}'),
            ('\u{e0000}', '\u{e01ef}'),
            ('\u{180b}', '\u{180f}'),
            ('\u{115f}', '\u{1160}'),
            ('\u{3164}', '\u{3164}'),
            ('\u{ffa0}', '\u{ffa0}'),
            ('\u{fff0}', '\u{fffb}'),
            ('\u{34f}', '\u{34f}'),
            ('\u{2800}', '\u{2800}'),
            ('\u{fdd0}', '\u{fdef}'),
            ('\u{fffe}', '\u{ffff}'),
            ('\u{1fffe}', '\u{1ffff}'),
            ('\u{10fffe}', '\u{10ffff}'),
            ('\u{e000}', '\u{f8ff}'),
        ] {
            for c in from..=to {
                assert_eq!(escape(&format!("a{c}b")), format!("a\\u{{{:x}}}b", c as u32));
            }
        }
    }

    #[test]
    fn letters_of_all_scripts_keep_their_marks() {
        for text in [
            "Gro\u{308}ße",
            "Vie\u{323}\u{302}t Nam",
            "ที่นี่",
            "हिन्दी",
            "שָׁלוֹם",
            "한국어",
            "\u{1112}\u{1161}\u{11ab}",
            "தமிழ்",
            "😀 → ½ €",
        ] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn marks_without_a_letter_and_more_than_two_of_them_are_written_by_their_numbers() {
        assert_eq!(escape("\u{301}a"), "\\u{301}a");
        assert_eq!(escape("\"\u{336} \u{20dd}"), "\"\\u{336} \\u{20dd}");
        assert_eq!(escape("a\u{301}\u{301}\u{301}b\u{301}"), "a\\u{301}\\u{301}\\u{301}b\u{301}");
        assert_eq!(escape("a\u{301}\u{200d}\u{301}"), "a\u{301}\\u{200d}\\u{301}");
    }

    proptest! {
        #[test]
        fn nothing_that_no_reader_sees_is_left_in_any_text(
            text in proptest::collection::vec(
                prop_oneof![
                    any::<char>(),
                    (0x300_u32..0x370).prop_map(|c| char::from_u32(c).unwrap()),
                    (0xfdd0_u32..=0xffff).prop_map(|c| char::from_u32(c).unwrap()),
                    (0xe0000_u32..0xe0200).prop_map(|c| char::from_u32(c).unwrap()),
                ],
                0..40,
            )
        ) {
            let text: String = text.into_iter().collect();
            let safe = escape(&text);
            prop_assert!(!safe.chars().any(|c| c.is_control() || is_never_seen(c)), "{safe:?}");
            let (mut base, mut marks) = ('"', 0);
            for c in safe.chars() {
                if c.width() == Some(0) {
                    marks += 1;
                    prop_assert!(marks <= MARKS && base.is_alphanumeric(), "{safe:?}");
                } else {
                    (base, marks) = (c, 0);
                }
            }
        }
    }
}
