//! What is written of a trace: filters by address, the limit of the rate, counts.

use std::io;

use portlore::flow_filter::FlowFilter;
use portlore::osc::AddressPattern;
use portlore::osc_trace::{OscContent, OscEntry, UnreadReason};
use portlore::report::pages::osc::{OscCounts, OscWriter};
use portlore::report::parts::units::plural;
use portlore::time::Time;

use super::rate::RateLimit;
use super::selection::OscSubject;
use crate::command::messages;

/// Writes entries into memory, which is handed over to the output batch by batch.
pub struct Display<'a> {
    wanted: &'a [AddressPattern],
    /// Selects entries by their connection.
    selected: Option<&'a FlowFilter>,
    writer: Box<dyn OscWriter>,
    rate: RateLimit,
    /// Messages after which nothing more is written.
    count: Option<u64>,
    /// Say on stderr what each second leaves out.
    tells_seconds: bool,
    pub counts: OscCounts,
    /// What was written and not handed over.
    pub buffer: Vec<u8>,
}

impl<'a> Display<'a> {
    pub const fn new(
        (wanted, selected): (&'a [AddressPattern], Option<&'a FlowFilter>),
        writer: Box<dyn OscWriter>,
        rate: RateLimit,
        count: Option<u64>,
        tells_seconds: bool,
    ) -> Self {
        let counts = OscCounts {
            frames: 0,
            packets: 0,
            messages: 0,
            failed: 0,
            gaps: 0,
            left_out: 0,
            given_up: 0,
        };
        Self { wanted, selected, writer, rate, count, tells_seconds, counts, buffer: Vec::new() }
    }

    /// Whether as many messages as wanted were written, those that fail among them.
    pub fn is_done(&self) -> bool {
        self.count.is_some_and(|count| self.counts.messages + self.counts.failed >= count)
    }

    /// Writes an entry, if it is wanted and within the rate.
    pub fn show(&mut self, entry: &OscEntry<'_>) {
        let wanted = self.wanted;
        let is_wanted =
            |address: &[u8]| wanted.is_empty() || wanted.iter().any(|p| p.matches(address));
        let (passes, messages) = match &entry.content {
            OscContent::Packet { packet: Ok(packet), .. } => {
                let passes = wanted.is_empty() || packet.has_address(&is_wanted);
                (passes, packet.messages() as u64)
            }
            // What fails before its address can be read may be what is looked for.
            OscContent::Packet { packet: Err(fault), .. } => {
                (fault.address.is_none_or(is_wanted), 1)
            }
            OscContent::Unread { reason: UnreadReason::Ends, .. } => (true, 0),
            OscContent::Unread { .. } | OscContent::Gap(_) | OscContent::Mismatch { .. } => {
                (true, 1)
            }
        };
        self.advance(entry.time);
        let is_selected = |filter: &FlowFilter| filter.expression().matches(&OscSubject(entry));
        let passes = passes && self.selected.is_none_or(is_selected);
        if !passes || self.is_done() || !self.rate.admits(messages) {
            return;
        }
        match &entry.content {
            OscContent::Packet { packet, .. } => {
                self.counts.packets += 1;
                let counted = match packet {
                    Ok(_) => &mut self.counts.messages,
                    Err(_) => &mut self.counts.failed,
                };
                *counted += messages;
            }
            OscContent::Unread { reason, .. } => {
                self.counts.failed += u64::from(*reason != UnreadReason::Ends);
            }
            OscContent::Gap(_) => self.counts.gaps += 1,
            OscContent::Mismatch { .. } => {}
        }
        in_memory(self.writer.entry(&mut self.buffer, entry, self.wanted));
    }

    /// Goes on to this time: a second that is over says what it has left out.
    pub fn advance(&mut self, now: Time) {
        let over = self.rate.advance(now);
        self.say_left_out(over);
    }

    fn say_left_out(&mut self, over: Option<(Time, u64)>) {
        let Some((second, messages)) = over else { return };
        self.counts.left_out += messages;
        in_memory(self.writer.left_out(&mut self.buffer, second, messages));
        if self.tells_seconds {
            let second = second.to_string();
            let clock = second.get(11..19).unwrap_or_default();
            messages::print(&format!(
                "{clock}: {} left out by --rate",
                plural(messages, "message")
            ));
        }
    }

    /// Writes the end.
    pub fn finish(&mut self) {
        let over = self.rate.finish();
        self.say_left_out(over);
        in_memory(self.writer.end(&mut self.buffer, &self.counts));
    }
}

/// Writing to memory cannot fail.
fn in_memory(written: io::Result<()>) {
    drop(written);
}
