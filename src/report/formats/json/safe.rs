//! JSON that a terminal may print.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::visibility::visibility;

/// Writes a value as one line of JSON.
///
/// # Errors
/// If `out` cannot be written.
pub(in crate::report) fn write_line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    // A document is written in small pieces: `out` is called for large ones.
    let mut buffer = BufWriter::with_capacity(BUFFER, out);
    value.serialize(&mut Serializer::with_formatter(&mut buffer, SafeFormatter))?;
    writeln!(buffer)?;
    buffer.flush()
}

/// Bytes that are written at once.
const BUFFER: usize = 1 << 14;

/// Compact JSON that writes hidden characters and control characters as `\u` escapes.
struct SafeFormatter;

impl Formatter for SafeFormatter {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Control characters below are escaped by the serializer.
        if fragment.bytes().all(|byte| byte < 0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut written = 0;
        for (at, hidden, _) in visibility(fragment).filter(|&(.., is_hidden)| is_hidden) {
            writer.write_all(&fragment.as_bytes()[written..at])?;
            let mut units = [0; 2];
            for unit in hidden.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            written = at + hidden.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_document_can_steer_a_terminal() {
        let mut out = Vec::new();
        let text = "a\u{9b}31m\u{7f}\u{202e}\u{e0001}\"\u{301}\n\x1bäo\u{308}\u{3164}\u{ffff}";
        write_line(&mut out, &text).unwrap();
        let json = String::from_utf8(out).unwrap();
        assert_eq!(
            json,
            "\"a\\u009b31m\\u007f\\u202e\\udb40\\udc01\\\"\\u0301\\n\\u001bäo\u{308}\\u3164\\uffff\"\n"
        );
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
