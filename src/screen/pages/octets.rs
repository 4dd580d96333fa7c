//! The first bytes of a side, as text and in hexadecimal: nothing of them reaches the terminal
//! unescaped.

use crate::flow::Stream;
use crate::report::escape;
use crate::report::parts::units::count;

/// Bytes that are shown as text, and in hexadecimal.
const AS_TEXT: usize = 4096;
const AS_HEX: usize = 512;
/// Bytes of a line in hexadecimal.
const LINE: usize = 16;

/// The lines of the text, if the bytes are one; then those in hexadecimal.
pub(super) fn lines(stream: &Stream) -> Vec<String> {
    let bytes = stream.bytes();
    let mut lines = Vec::new();
    if is_text(bytes) {
        let shown = bytes.get(..AS_TEXT).unwrap_or(bytes);
        lines.extend(
            String::from_utf8_lossy(shown)
                .split_inclusive('\n')
                .map(|line| escape(line.trim_end_matches(['\r', '\n']))),
        );
        if shown.len() < bytes.len() {
            lines.push(more(bytes.len() - shown.len()));
        }
        lines.push(String::new());
    }
    let shown = bytes.get(..AS_HEX).unwrap_or(bytes);
    lines.extend(shown.chunks(LINE).enumerate().map(|(i, chunk)| hex(i * LINE, chunk)));
    if shown.len() < bytes.len() {
        lines.push(more(bytes.len() - shown.len()));
    }
    lines
}

fn more(bytes: usize) -> String {
    format!("… {} more bytes", count(bytes as u64))
}

/// Whether nearly all bytes are characters of a text.
fn is_text(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let is_odd =
        |c: &char| *c == '\u{fffd}' || (c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    let odd = text.chars().filter(is_odd).count();
    !bytes.is_empty() && odd * 20 <= text.chars().count()
}

/// A line in hexadecimal, with the printable characters of ASCII beside it.
fn hex(offset: usize, bytes: &[u8]) -> String {
    let mut line = format!("{offset:04x} ");
    for at in 0..LINE {
        if at == LINE / 2 {
            line.push(' ');
        }
        match bytes.get(at) {
            Some(byte) => line += &format!(" {byte:02x}"),
            None => line += "   ",
        }
    }
    line += "  ";
    line.extend(bytes.iter().map(|&byte| match byte {
        b' '..=b'~' => char::from(byte),
        _ => '.',
    }));
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Transport;
    use crate::evidence::Direction;
    use crate::flow::Opening;

    fn of(bytes: &[u8]) -> Vec<String> {
        let opening = Opening::from_payloads(Transport::Tcp, &[bytes], &[]);
        lines(opening.side(Direction::Initiator))
    }

    #[test]
    fn text_is_shown_by_lines_and_every_byte_in_hexadecimal() {
        assert_eq!(
            of(b"GET / HTTP/1.1\r\n\r\n"),
            [
                "GET / HTTP/1.1",
                "",
                "",
                "0000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1..",
                "0010  0d 0a                                             ..",
            ]
        );
        let binary = of(b"\x16\x03\x01\0\xff");
        assert_eq!(binary.len(), 1);
        assert!(binary[0].ends_with("  ....."), "{binary:?}");
    }

    #[test]
    fn nothing_can_move_the_cursor_and_long_openings_are_cut() {
        let hostile = of("a text that goes on and on\x1b[2J\u{202e}\n".as_bytes());
        assert_eq!(hostile[0], "a text that goes on and on\\x1b[2J\\u{202e}");
        let long = of(&b"a line of a text\n".repeat(400));
        assert!(long.contains(&"… 2,704 more bytes".to_owned()), "{}", long.len());
        assert!(long.iter().all(|line| !line.chars().any(char::is_control)));
    }
}
