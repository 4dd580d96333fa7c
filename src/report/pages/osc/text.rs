//! The entries for people: a heading for each change of connection, a line for each packet with its
//! time and frame, and below a bundle a line for each of its elements.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::{OscCounts, OscWriter, is_wanted, sha256};
use crate::osc::{AddressPattern, OscArgument, OscBundle, OscFault, OscMessage, OscPacket};
use crate::osc_trace::{OscContent, OscEntry, PacketFraming, UnreadReason};
use crate::report::parts::escape::escape;
use crate::report::parts::labels::framed;
use crate::report::parts::layout::Tone;
use crate::report::parts::units::plural;
use crate::report::{Style, Zone};
use crate::time::Time;

/// Columns before what a packet says: time, frame, direction.
const MARGIN: usize = 25;
/// Bytes that are shown of what fails: before its place, and from there on.
const SHOWN_BEFORE: usize = 8;
const SHOWN: usize = 16;

/// Writes text.
#[derive(Debug)]
pub struct OscText {
    style: Style,
    /// The time zone of days and clocks.
    zone: Zone,
    /// Lines are broken at the terminal's width; elsewhere each is one line.
    wraps: bool,
    /// The heading that stands above.
    heading: String,
    /// The day that the last heading named.
    day: String,
}

impl OscText {
    /// Text in a style, with times in a zone; with `wraps` in lines that fit the style's width.
    #[must_use]
    pub const fn new(style: Style, zone: Zone, wraps: bool) -> Self {
        Self { style, zone, wraps, heading: String::new(), day: String::new() }
    }

    /// Writes the heading of the entry's connection unless it stands above, and returns the arrow
    /// of its direction. The left end is the one that opened the connection.
    fn heading(&mut self, out: &mut dyn Write, entry: &OscEntry<'_>) -> io::Result<&'static str> {
        let tuple = &entry.five_tuple;
        let is_there = entry.from_initiator;
        let (left, right) = if is_there {
            (tuple.source, tuple.destination)
        } else {
            (tuple.destination, tuple.source)
        };
        let (left, right) = (left, right);
        let doubt = if entry.recognised { "" } else { ", not recognised as OSC" };
        let (day, _) = self.zone.day_and_clock(entry.time);
        let framing = match &entry.content {
            OscContent::Packet { framing, .. } => framing_name(*framing),
            // These say nothing of the framing: the heading stays where it is of the connection.
            _ => None,
        };
        let ends = format!("{left} → {right}  {}", tuple.transport);
        let framed = framing.map_or(String::new(), |name| format!(", {name}"));
        let heading = format!("{ends}{framed}{doubt}");
        let stands = match framing {
            Some(_) => self.heading == heading,
            None => self.heading.starts_with(&ends),
        };
        if !stands || self.day != day {
            let dated = if self.day == day {
                String::new()
            } else {
                format!("  {day} {}", self.zone.name(entry.time))
            };
            let line = Tone::Good.paint(&format!("{heading}{dated}"), self.style);
            writeln!(out, "{line}")?;
            (self.heading, self.day) = (heading, day);
        }
        Ok(if is_there { "→" } else { "←" })
    }

    /// Writes a line that begins with time, frame and direction; it and what follows of `words` are
    /// broken to the width.
    fn line(
        &self,
        out: &mut dyn Write,
        entry: &OscEntry<'_>,
        arrow: &str,
        words: &[String],
        tone: Tone,
    ) -> io::Result<()> {
        let (_, clock) = self.zone.day_and_clock(entry.time);
        let margin = format!("{clock} {:>7}", entry.frame);
        let margin = Tone::Dim.paint(&margin, self.style);
        write!(out, "  {margin} {arrow} ")?;
        self.words(out, words, MARGIN, tone)
    }

    /// Writes a line of words that begins in this column.
    fn words(
        &self,
        out: &mut dyn Write,
        words: &[String],
        column: usize,
        tone: Tone,
    ) -> io::Result<()> {
        let mut used = column;
        for (i, word) in words.iter().enumerate() {
            let width = word.width();
            if i > 0 {
                // What is longer than a line is broken by the terminal wherever it stands.
                let fits_a_line = column + 2 + width <= self.style.width;
                if self.wraps && used + 1 + width > self.style.width && fits_a_line {
                    write!(out, "\n{:1$}", "", column + 2)?;
                    used = column + 2;
                } else {
                    write!(out, " ")?;
                    used += 1;
                }
            }
            write!(out, "{}", tone.paint(word, self.style))?;
            used += width;
        }
        writeln!(out)
    }

    /// Writes the elements of a bundle that are wanted, and how many are not.
    fn elements(
        &self,
        out: &mut dyn Write,
        bundle: &OscBundle<'_>,
        wanted: &[AddressPattern],
        column: usize,
    ) -> io::Result<()> {
        let mut others = 0;
        for element in &bundle.elements {
            if !element.has_address(&|address| is_wanted(wanted, address)) && !wanted.is_empty() {
                others += element.messages() as u64;
                continue;
            }
            write!(out, "{:1$}", "", column)?;
            match element {
                OscPacket::Message(message) => {
                    self.words(out, &message_words(message), column, Tone::Plain)?;
                }
                OscPacket::Bundle(inner) => {
                    self.words(out, &bundle_words(inner), column, Tone::Plain)?;
                    self.elements(out, inner, wanted, column + 2)?;
                }
            }
        }
        if others > 0 {
            let said = format!("and {}", plural(others, "other message"));
            writeln!(out, "{:2$}{}", "", Tone::Dim.paint(&said, self.style), column)?;
        }
        Ok(())
    }

    /// Writes what fails: the reason, then the message as far as it can be read, then the bytes.
    fn fault(
        &self,
        out: &mut dyn Write,
        entry: &OscEntry<'_>,
        arrow: &str,
        fault: &OscFault<'_>,
        bytes: &[u8],
    ) -> io::Result<()> {
        let said = format!("malformed at byte {} of {}: {}", fault.at, bytes.len(), fault.reason);
        self.line(out, entry, arrow, &words(&said), Tone::Bad)?;
        if let Some(address) = fault.address {
            let tags = fault.types.filter(|types| !types.is_empty());
            let tags = tags.map(|types| format!(",{}", text(types)));
            let shown: Vec<String> = std::iter::once(text(address)).chain(tags).collect();
            write!(out, "{:1$}", "", MARGIN)?;
            self.words(out, &shown, MARGIN, Tone::Plain)?;
        }
        self.bytes(out, bytes, fault.at)
    }

    /// Writes the bytes around a place, which is marked.
    fn bytes(&self, out: &mut dyn Write, bytes: &[u8], at: usize) -> io::Result<()> {
        let from = at.saturating_sub(SHOWN_BEFORE).min(bytes.len());
        let to = (at + SHOWN).min(bytes.len());
        let mut shown: Vec<String> = Vec::new();
        if from > 0 {
            shown.push("…".to_owned());
        }
        for (i, byte) in bytes.iter().enumerate().take(to).skip(from) {
            shown.push(if i == at { format!("▸{byte:02x}") } else { format!("{byte:02x}") });
        }
        if to < bytes.len() {
            shown.push("…".to_owned());
        } else if at >= bytes.len() {
            shown.push("▸end".to_owned());
        }
        write!(out, "{:1$}", "", MARGIN)?;
        self.words(out, &shown, MARGIN, Tone::Dim)
    }
}

impl OscWriter for OscText {
    fn entry(
        &mut self,
        out: &mut dyn Write,
        entry: &OscEntry<'_>,
        wanted: &[AddressPattern],
    ) -> io::Result<()> {
        if matches!(entry.content, OscContent::Unread { reason: UnreadReason::Ends, .. }) {
            return Ok(());
        }
        let arrow = self.heading(out, entry)?;
        match &entry.content {
            OscContent::Packet { packet: Ok(OscPacket::Message(message)), .. } => {
                self.line(out, entry, arrow, &message_words(message), Tone::Plain)
            }
            OscContent::Packet { packet: Ok(OscPacket::Bundle(bundle)), .. } => {
                self.line(out, entry, arrow, &bundle_words(bundle), Tone::Plain)?;
                self.elements(out, bundle, wanted, MARGIN + 2)
            }
            OscContent::Packet { packet: Err(fault), bytes, .. } => {
                self.fault(out, entry, arrow, fault, bytes)
            }
            OscContent::Unread { bytes, reason } => {
                let said =
                    format!("{} outside any packet: {reason}", plural(bytes.len() as u64, "byte"));
                self.line(out, entry, arrow, &words(&said), Tone::Bad)?;
                self.bytes(out, bytes, 0)
            }
            OscContent::Gap(missing) => {
                let many = missing.map_or("bytes".to_owned(), |n| plural(n, "byte"));
                let said = format!("{many} before this frame not captured");
                self.line(out, entry, arrow, &words(&said), Tone::Bad)
            }
            OscContent::Mismatch { own, other } => {
                let said = format!(
                    "framing mismatch: this side uses {}, the other side {}",
                    framed(own.as_str()),
                    framed(other.as_str())
                );
                self.line(out, entry, arrow, &words(&said), Tone::Bad)
            }
        }
    }

    /// People are told on standard error.
    fn left_out(&mut self, _: &mut dyn Write, _: Time, _: u64) -> io::Result<()> {
        Ok(())
    }

    /// People are told on standard error.
    fn end(&mut self, _: &mut dyn Write, _: &OscCounts) -> io::Result<()> {
        Ok(())
    }
}

/// The framing of a stream.
fn framing_name(framing: PacketFraming) -> Option<&'static str> {
    match framing {
        PacketFraming::Datagram => None,
        PacketFraming::Unframed => Some("no framing"),
        other => Some(framed(other.as_str())),
    }
}

/// The words of a sentence.
fn words(sentence: &str) -> Vec<String> {
    sentence.split(' ').map(str::to_owned).collect()
}

/// Untrusted text, escaped.
fn text(bytes: &[u8]) -> String {
    escape(&String::from_utf8_lossy(bytes))
}

fn message_words(message: &OscMessage<'_>) -> Vec<String> {
    let tags = match message.types {
        None => Some("(no type tags)".to_owned()),
        Some([]) => None,
        Some(types) => Some(format!(",{}", text(types))),
    };
    let address = std::iter::once(text(message.address));
    address.chain(tags).chain(message.arguments.iter().map(argument)).collect()
}

fn bundle_words(bundle: &OscBundle<'_>) -> Vec<String> {
    words(&format!("#bundle {}", bundle.time))
}

fn argument(argument: &OscArgument<'_>) -> String {
    match argument {
        OscArgument::Int(value) => value.to_string(),
        OscArgument::Long(value) => value.to_string(),
        OscArgument::Float(value) => format!("{value:?}"),
        OscArgument::Double(value) => format!("{value:?}"),
        OscArgument::Text(value) | OscArgument::Symbol(value) => {
            format!("\"{}\"", text(value).replace('"', "\\\""))
        }
        OscArgument::Blob(blob) => {
            let bytes = plural(blob.len() as u64, "byte");
            format!("({bytes}, sha256 {})", &sha256(blob)[..16])
        }
        OscArgument::TimeTag(time) => time.to_string(),
        OscArgument::Char(code) => match char::from_u32(*code).filter(char::is_ascii_graphic) {
            Some(c) => format!("'{c}'"),
            None => format!("0x{code:x}"),
        },
        OscArgument::Colour([r, g, b, a]) => format!("#{r:02x}{g:02x}{b:02x}{a:02x}"),
        OscArgument::Midi([port, status, one, two]) => {
            format!("midi({port} {status:02x} {one:02x} {two:02x})")
        }
        OscArgument::True => "true".to_owned(),
        OscArgument::False => "false".to_owned(),
        OscArgument::Nil => "nil".to_owned(),
        OscArgument::Impulse => "impulse".to_owned(),
        OscArgument::ArrayBegin => "[".to_owned(),
        OscArgument::ArrayEnd => "]".to_owned(),
    }
}
