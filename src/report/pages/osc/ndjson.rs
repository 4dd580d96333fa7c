//! The entries as events, one JSON object a line: `message`, `bundle`, `fault`, `unread`, `gap`,
//! `mismatch`, `left_out`, `end`. They are lossless: from its fields each packet can be written
//! again as it was, with its framing; `docs/formats.md` says how.

use std::io::{self, Write};

use serde::Serialize;

use super::{OscCounts, OscWriter, hex, sha256};
use crate::osc::{AddressPattern, OscArgument, OscBundle, OscFault, OscMessage, OscPacket};
use crate::osc_trace::{OscContent, OscEntry, PacketFraming};
use crate::report::formats::json::{EndpointJson, SCHEMA, write_line};
use crate::time::Time;

/// Writes events.
#[derive(Debug, Default)]
pub struct OscEvents;

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum OscEventJson<'a> {
    Message {
        #[serde(flatten)]
        head: HeadJson,
        #[serde(flatten)]
        framing: FramingJson,
        message: MessageJson<'a>,
    },
    Bundle {
        #[serde(flatten)]
        head: HeadJson,
        #[serde(flatten)]
        framing: FramingJson,
        bundle: BundleJson<'a>,
    },
    Fault {
        #[serde(flatten)]
        head: HeadJson,
        #[serde(flatten)]
        framing: FramingJson,
        fault: FaultJson,
        bytes_hex: String,
    },
    Unread {
        #[serde(flatten)]
        head: HeadJson,
        reason: String,
        stream_hex: String,
    },
    Gap {
        #[serde(flatten)]
        head: HeadJson,
        missing_bytes: Option<u64>,
    },
    Mismatch {
        #[serde(flatten)]
        head: HeadJson,
        framing: &'static str,
        other_framing: &'static str,
    },
    LeftOut {
        second: String,
        messages: u64,
    },
    End {
        schema: &'static str,
        #[serde(flatten)]
        counts: &'a OscCounts,
    },
}

#[derive(Serialize)]
struct HeadJson {
    frame: u64,
    last_frame: u64,
    time: String,
    transport: &'static str,
    source: EndpointJson,
    destination: EndpointJson,
    recognised: bool,
}

#[derive(Serialize)]
struct FramingJson {
    framing: &'static str,
    /// END bytes of SLIP before and after the packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    slip_ends: Option<[usize; 2]>,
}

/// A text from the wire, and its bytes where they are not UTF-8.
#[derive(Serialize)]
struct WireTextJson<'a> {
    text: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

impl<'a> WireTextJson<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let hex = std::str::from_utf8(bytes).is_err().then(|| hex(bytes));
        Self { text, hex }
    }
}

#[derive(Serialize)]
struct MessageJson<'a> {
    address: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_hex: Option<String>,
    types: Option<std::borrow::Cow<'a, str>>,
    arguments: Vec<ArgumentJson<'a>>,
}

impl<'a> MessageJson<'a> {
    fn new(message: &'a OscMessage<'a>) -> Self {
        let WireTextJson { text: address, hex: address_hex } = WireTextJson::new(message.address);
        Self {
            address,
            address_hex,
            types: message.types.map(String::from_utf8_lossy),
            arguments: message.arguments.iter().map(ArgumentJson::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct BundleJson<'a> {
    #[serde(flatten)]
    time: TimeTagJson,
    elements: Vec<ElementJson<'a>>,
}

impl<'a> BundleJson<'a> {
    fn new(bundle: &'a OscBundle<'a>) -> Self {
        let elements = bundle.elements.iter().map(|element| match element {
            OscPacket::Message(message) => ElementJson::Message(MessageJson::new(message)),
            OscPacket::Bundle(bundle) => ElementJson::Bundle(Self::new(bundle)),
        });
        Self { time: TimeTagJson::new(bundle.time.0), elements: elements.collect() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum ElementJson<'a> {
    Message(MessageJson<'a>),
    Bundle(BundleJson<'a>),
}

/// A time tag: its meaning, and its 64 bits.
#[derive(Serialize)]
struct TimeTagJson {
    time_tag: String,
    time_tag_hex: String,
}

impl TimeTagJson {
    fn new(bits: u64) -> Self {
        Self {
            time_tag: crate::osc::OscTimeTag(bits).to_string(),
            time_tag_hex: format!("{bits:016x}"),
        }
    }
}

/// An argument: its type tag, its value, and its bits where the value alone does not have them all.
#[derive(Serialize)]
struct ArgumentJson<'a> {
    #[serde(rename = "type")]
    tag: char,
    #[serde(flatten)]
    value: ValueJson<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ValueJson<'a> {
    Int { value: i64 },
    Float { value: Option<f64>, hex: String },
    Text(WireTextJson<'a>),
    Blob { length: usize, sha256: String, hex: String },
    TimeTag(TimeTagJson),
    Bits { hex: String },
    Bool { value: bool },
    None {},
}

impl<'a> ArgumentJson<'a> {
    fn new(argument: &OscArgument<'a>) -> Self {
        let finite = |value: f64| value.is_finite().then_some(value);
        let value = match *argument {
            OscArgument::Int(value) => ValueJson::Int { value: value.into() },
            OscArgument::Long(value) => ValueJson::Int { value },
            OscArgument::Float(value) => {
                // The shortest decimal of the 32 bits, not of their 64.
                let shortest = value.to_string().parse().ok().and_then(finite);
                ValueJson::Float { value: shortest, hex: hex(&value.to_be_bytes()) }
            }
            OscArgument::Double(value) => {
                ValueJson::Float { value: finite(value), hex: hex(&value.to_be_bytes()) }
            }
            OscArgument::Text(text) | OscArgument::Symbol(text) => {
                ValueJson::Text(WireTextJson::new(text))
            }
            OscArgument::Blob(blob) => {
                ValueJson::Blob { length: blob.len(), sha256: sha256(blob), hex: hex(blob) }
            }
            OscArgument::TimeTag(time) => ValueJson::TimeTag(TimeTagJson::new(time.0)),
            OscArgument::Char(code) => ValueJson::Bits { hex: format!("{code:08x}") },
            OscArgument::Colour(bytes) | OscArgument::Midi(bytes) => {
                ValueJson::Bits { hex: hex(&bytes) }
            }
            OscArgument::True => ValueJson::Bool { value: true },
            OscArgument::False => ValueJson::Bool { value: false },
            OscArgument::Nil
            | OscArgument::Impulse
            | OscArgument::ArrayBegin
            | OscArgument::ArrayEnd => ValueJson::None {},
        };
        Self { tag: argument.tag(), value }
    }
}

#[derive(Serialize)]
struct FaultJson {
    at: usize,
    reason: String,
    address: Option<String>,
    types: Option<String>,
}

impl FaultJson {
    fn new(fault: &OscFault<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            at: fault.at,
            reason: fault.reason.to_string(),
            address: fault.address.map(text),
            types: fault.types.map(text),
        }
    }
}

impl OscWriter for OscEvents {
    fn entry(
        &mut self,
        out: &mut dyn Write,
        entry: &OscEntry<'_>,
        _wanted: &[AddressPattern],
    ) -> io::Result<()> {
        let head = HeadJson {
            frame: entry.frame,
            last_frame: entry.last_frame,
            time: entry.time.to_string(),
            transport: entry.five_tuple.transport.as_str(),
            source: entry.five_tuple.source.into(),
            destination: entry.five_tuple.destination.into(),
            recognised: entry.recognised,
        };
        let framed = |framing: &PacketFraming| FramingJson {
            framing: framing.as_str(),
            slip_ends: match *framing {
                PacketFraming::Slip { before, after } => Some([before, after]),
                _ => None,
            },
        };
        let event = match &entry.content {
            OscContent::Packet { packet: Ok(OscPacket::Message(message)), framing, .. } => {
                let (framing, message) = (framed(framing), MessageJson::new(message));
                OscEventJson::Message { head, framing, message }
            }
            OscContent::Packet { packet: Ok(OscPacket::Bundle(bundle)), framing, .. } => {
                let (framing, bundle) = (framed(framing), BundleJson::new(bundle));
                OscEventJson::Bundle { head, framing, bundle }
            }
            OscContent::Packet { packet: Err(fault), bytes, framing } => OscEventJson::Fault {
                head,
                framing: framed(framing),
                fault: FaultJson::new(fault),
                bytes_hex: hex(bytes),
            },
            OscContent::Unread { bytes, reason } => {
                OscEventJson::Unread { head, reason: reason.to_string(), stream_hex: hex(bytes) }
            }
            OscContent::Gap(missing_bytes) => {
                OscEventJson::Gap { head, missing_bytes: *missing_bytes }
            }
            OscContent::Mismatch { own, other } => OscEventJson::Mismatch {
                head,
                framing: own.as_str(),
                other_framing: other.as_str(),
            },
        };
        write_line(out, &event)
    }

    fn left_out(&mut self, out: &mut dyn Write, second: Time, messages: u64) -> io::Result<()> {
        write_line(out, &OscEventJson::LeftOut { second: second.to_string(), messages })
    }

    fn end(&mut self, out: &mut dyn Write, counts: &OscCounts) -> io::Result<()> {
        write_line(out, &OscEventJson::End { schema: SCHEMA, counts })
    }
}
