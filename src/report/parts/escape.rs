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

use unicode_width::UnicodeWidthChar;

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

/// Each character of a text with its offset, and whether a reader cannot see it there: it is a
/// control character, is never seen, or is a combining mark that has no base or is one of many.
pub fn visibility(text: &str) -> impl Iterator<Item = (usize, char, bool)> {
    let mut has_base = false;
    // Of the run of combining marks that the character is part of.
    let mut run_is_hidden: Option<bool> = None;
    text.char_indices().map(move |(at, c)| {
        let is_hidden = if c.is_ascii() {
            c.is_ascii_control()
        } else if is_never_seen(c) {
            true
        } else if is_combining(c) {
            let run = || text[at..].chars().take(MARKS + 1).take_while(|&c| is_combining(c));
            let is_hidden =
                *run_is_hidden.get_or_insert_with(|| !has_base || run().count() > MARKS);
            return (at, c, is_hidden);
        } else {
            false
        };
        has_base = !is_hidden && c.is_alphanumeric();
        run_is_hidden = None;
        (at, c, is_hidden)
    })
}

/// The combining marks that a letter may carry. Vietnamese and Thai need two; more of them cover
/// the lines above and below.
const MARKS: usize = 2;

/// Whether the character is drawn over the one before it, or joins it: it takes no column itself.
fn is_combining(c: char) -> bool {
    c.width() == Some(0) && !is_never_seen(c)
}

/// Whether no reader sees the character, or knows what it is, wherever it stands (Unicode 16):
///
/// - control and format characters, line and paragraph separators: Cc, Cf, Zl, Zp;
/// - those that are to be ignored where they have no effect, such as fillers, variation selectors
///   and tags: `Default_Ignorable_Code_Point` (`DerivedCoreProperties.txt`);
/// - letters and symbols that are drawn empty: U+2800, U+1D159;
/// - private use, and the 66 that are no characters.
const fn is_never_seen(c: char) -> bool {
    let is_format = matches!(c,
        '\0'..='\x1f' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}'
        | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}');
    let is_ignorable = matches!(c,
        '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}');
    let is_empty = matches!(c, '\u{2800}' | '\u{1d159}');
    let is_private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    let is_none = matches!(c, '\u{fdd0}'..='\u{fdef}') || c as u32 & 0xfffe == 0xfffe;
    is_format || is_ignorable || is_empty || is_private || is_none
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
