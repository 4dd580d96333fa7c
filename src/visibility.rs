//! Which characters of a text a reader sees.

use unicode_width::UnicodeWidthChar;

/// Each character of a text with its offset, and whether a reader cannot see it there: it is a
/// control character, is never seen, or is a combining mark that has no base or is one of many.
pub(crate) fn visibility(text: &str) -> impl Iterator<Item = (usize, char, bool)> {
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
pub(crate) const MARKS: usize = 2;

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
pub(crate) const fn is_never_seen(c: char) -> bool {
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
