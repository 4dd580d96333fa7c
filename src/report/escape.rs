//! Untrusted bytes before a terminal sees them.

/// Control characters, and those that change the direction or hide, are written as `\n`, `\x1b`,
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

/// Control characters beyond ASCII's first 32, and marks of direction, joiners, separators and the
/// like, which a reader cannot see (Unicode general categories Cc, Cf, Zl, Zp).
pub(super) const fn is_hidden(c: char) -> bool {
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
