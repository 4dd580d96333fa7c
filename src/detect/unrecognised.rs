//! The first lines of a conversation in text whose protocol no detector knows: a start line with a
//! version, a reply, a header, JSON. Plain text has no such lines, so they prove no protocol; a mark
//! of the catalogue can name the service by them.

use crate::decode::Transport;
use crate::detect::formats::lines::{self, FirstLine, TextLine};
use crate::detect::protocols::text::{LINE, LONGEST, TEXT_LINE, counts, is_text, may_be_secret};
use crate::detect::statement::{PATIENCE, Statement};
use crate::evidence::{Depth, Direction, Fact};
use crate::flow::{Opening, Stream};

/// Lines of a side in which the first that counts is looked for.
const LINES: usize = 8;

/// The text that a side begins with.
#[derive(Default)]
struct Beginning<'a> {
    /// The first line that counts.
    line: Option<TextLine<'a>>,
    /// The end of the first line is still to come.
    is_open: bool,
}

/// What the sides of a conversation in text begin with; a side that sent nothing with nothing.
pub(super) struct TextOpening<'a>([Beginning<'a>; 2]);

/// Whether each side that sent anything may begin with a line, by a test that takes little time.
#[must_use]
pub fn may_have_lines(opening: &Opening) -> bool {
    let may_begin = |(_, stream): (_, &Stream)| {
        let bytes = beginning(stream, opening.transport());
        let bytes = bytes.get(..LINE).unwrap_or(bytes);
        stream.is_empty() || !bytes.is_empty() && bytes.iter().all(|&byte| may_be_text(byte))
    };
    opening.sides().all(may_begin)
}

const fn may_be_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..)
}

impl<'a> TextOpening<'a> {
    /// Reads the first lines; `None` if either side begins with something else than text.
    pub(super) fn read(opening: &'a Opening) -> Option<Self> {
        if !may_have_lines(opening) {
            return None;
        }
        let [initiator, responder] = Direction::BOTH.map(|direction| {
            let stream = opening.side(direction);
            if stream.is_empty() {
                return Some(Beginning::default());
            }
            Beginning::read(stream, opening.transport())
        });
        Some(Self([initiator?, responder?]))
    }

    /// Whether a line is still to come that is worth a short wait.
    pub(super) fn awaits_line(&self, opening: &Opening) -> bool {
        opening.transport() == Transport::Tcp
            && opening.pushes() < PATIENCE
            && self.0.iter().any(|side| side.is_open)
    }

    /// The first line of each side as a fact, unless it may have a secret.
    pub(super) fn facts(&self, opening: &Opening) -> Vec<Fact> {
        let mut facts = Vec::new();
        for (direction, side) in Direction::BOTH.into_iter().zip(&self.0) {
            if let Some(line) = side.line.filter(|line| !may_be_secret(line.text)) {
                Statement::new(opening, Depth::Facts, direction, &mut facts)
                    .fact(TEXT_LINE, line.text, line.at);
            }
        }
        facts
    }
}

/// The bytes in which a side's first line is looked for.
fn beginning(stream: &Stream, transport: Transport) -> &[u8] {
    match transport {
        Transport::Tcp if stream.from_start() => stream.head(),
        Transport::Tcp => &[],
        Transport::Udp => stream.datagrams().next().map_or(&[][..], |(bytes, ..)| bytes),
    }
}

impl<'a> Beginning<'a> {
    /// Reads the beginning of a side that sent something; `None` if it is not text.
    fn read(stream: &'a Stream, transport: Transport) -> Option<Self> {
        let bytes = beginning(stream, transport);
        let Some(at) = bytes.iter().position(|byte| !byte.is_ascii_whitespace()) else {
            return Some(Self { line: None, is_open: true });
        };
        let rest = bytes.get(at..).unwrap_or(&[]);
        let (line, is_open) = match lines::first_line(rest, LONGEST) {
            FirstLine::Whole(first) if is_text(first.text) => {
                let lines = lines::whole_lines(rest).take(LINES);
                (lines.take_while(|line| is_text(line.text)).find(counts), false)
            }
            FirstLine::Begun(text) if is_text(text) => {
                (Some(TextLine { text, at: 0 }).filter(counts), true)
            }
            _ => return None,
        };
        Some(Self { line: line.map(|line| TextLine { at: at + line.at, ..line }), is_open })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::inspect;
    use crate::evidence::{Evidence, Protocol, Wanted};

    fn of(transport: Transport, client: &[&[u8]], server: &[&[u8]]) -> Evidence {
        inspect(&Opening::from_payloads(transport, client, server), Depth::Facts)
    }

    fn stated(evidence: &Evidence) -> Vec<(&str, Direction)> {
        let lines = evidence.facts.iter().filter(|fact| fact.name.stem == TEXT_LINE);
        lines.map(|fact| (fact.value.as_str(), fact.direction)).collect()
    }

    #[test]
    fn the_first_lines_of_a_protocol_that_nobody_knows_are_stated_and_no_protocol() {
        use Direction::{Initiator, Responder};
        for (client, server) in [
            ("HELLO/1.0 tides", "TIDES/1.0 ready"),
            ("{\"cmd\":\"tides\"}", "{\"level\":3}"),
            ("Level: all", "Level: 3"),
        ] {
            let ended = |line: &str| format!("\r\n{line}\r\nand more\r\n").into_bytes();
            let found = of(Transport::Tcp, &[&ended(client)], &[&ended(server)]);
            assert_eq!(found.protocol, None, "{client}");
            let rules_out = |protocol| found.ruled_out.contains(protocol);
            assert!(rules_out(Protocol::Redis) && !rules_out(Protocol::Text), "{client}");
            assert_eq!(stated(&found), [(client, Initiator), (server, Responder)]);
            let found = of(Transport::Udp, &[client.as_bytes()], &[server.as_bytes()]);
            assert_eq!((found.protocol, stated(&found).len()), (None, 2), "{client}");
        }
    }

    #[test]
    fn a_side_that_is_not_text_spoils_the_lines_of_the_other() {
        for other in [&b"\0\x01\x02\x03"[..], b"four\x01\n", b"caf\xe9 au lait\n", b"SSH\xff-x\n"] {
            assert!(stated(&of(Transport::Tcp, &[b"HELLO/1.0 x\n"], &[other])).is_empty());
            assert!(stated(&of(Transport::Tcp, &[other], &[b"HELLO/1.0 x\n"])).is_empty());
        }
    }

    #[test]
    fn no_line_with_a_secret_is_stated() {
        for line in ["Action: Login", "X-Token: 17", "{\"password\":\"tides\"}", "AUTH/1.0 x"] {
            let found = of(Transport::Tcp, &[format!("{line}\r\n").as_bytes()], &[]);
            assert!(stated(&found).is_empty(), "{line}");
        }
    }

    #[test]
    fn a_line_that_has_begun_is_awaited_a_while_and_then_stated_as_it_is() {
        let begun = &b"HELLO/1.0"[..];
        let found = of(Transport::Tcp, &[begun], &[b"TIDES/1.0 ready\n"]);
        assert_eq!(found.wanted, Wanted::More);
        let found = of(Transport::Tcp, &[b"HELLO/1.0 x\n"], &[b"TIDES/1.0 ready\n"]);
        assert_eq!(found.wanted, Wanted::Nothing);
        let found = of(Transport::Tcp, &[begun; PATIENCE], &[b"TIDES/1.0 ready\n"]);
        assert_eq!((found.wanted, stated(&found).len()), (Wanted::Nothing, 2));
    }

    #[test]
    fn a_line_is_bounded() {
        let line = [&b"HELLO/1.0 "[..], &[b'x'; 900], b"\n"].concat();
        let found = of(Transport::Tcp, &[&line], &[]);
        assert_eq!(found.facts[0].value.len(), 512);
        let endless = of(Transport::Tcp, &[&[b'{'; LONGEST + 1]], &[]);
        assert!(stated(&endless).is_empty());
    }
}
