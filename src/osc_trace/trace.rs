//! All connections of a capture, bounded.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::EntrySink;
use super::conversation::Conversation;
use crate::decode::{FiveTuple, Segment, TcpFlags, Transport};
use crate::flow::FlowKey;
use crate::time::Time;

/// Connections that are known at once.
const CONVERSATIONS: usize = 1 << 14;
/// Payload bytes that all of them hold in memory.
const BYTES: usize = 64 << 20;
/// Nanoseconds of the capture between two looks at what waits.
const TICK: u64 = 100_000_000;

/// Which connections are wanted. The default wants all.
#[derive(Debug, Clone, Default)]
pub struct TraceScope {
    /// Only those with one of these ports, at either end; empty for all. There, what was not
    /// recognised as anything is told too.
    pub ports: Vec<u16>,
    /// Only those with one of these addresses, at either end; empty for all.
    pub hosts: Vec<IpAddr>,
}

impl TraceScope {
    fn has(&self, tuple: &FiveTuple) -> bool {
        let ends = [tuple.source, tuple.destination];
        (self.ports.is_empty() || ends.iter().any(|end| self.ports.contains(&end.port)))
            && (self.hosts.is_empty() || ends.iter().any(|end| self.hosts.contains(&end.address)))
    }
}

/// The OSC packets of a capture.
#[derive(Debug, Default)]
pub struct OscTrace {
    scope: TraceScope,
    conversations: HashMap<FlowKey, Conversation>,
    /// Those that time alone can change, by their number.
    waiting: BTreeMap<u64, FlowKey>,
    next_id: u64,
    bytes: usize,
    looked_at: Time,
    given_up: u64,
}

impl OscTrace {
    /// A trace of the connections that are wanted.
    #[must_use]
    pub fn new(scope: TraceScope) -> Self {
        Self { scope, ..Self::default() }
    }

    /// Number of connections that were given up because too many were open at once. What they sent
    /// afterwards was read as a connection joined in the middle.
    #[must_use]
    pub const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Adds a segment with the captured part of its payload. Segments must come in capture order.
    pub fn push(&mut self, segment: &Segment, payload: &[u8], emit: &mut EntrySink<'_>) {
        self.tick(segment.time, emit);
        if !self.scope.has(&segment.five_tuple) {
            return;
        }
        let (key, end) = FlowKey::new(&segment.five_tuple);
        let mut known = self.conversations.get(&key);
        if known.is_some_and(|known| known.is_reopened_by(end, segment)) {
            self.end(key, emit);
            known = None;
        }
        if known.is_none() {
            let opens = segment.payload_len > 0 || segment.flags.has(TcpFlags::SYN);
            if !opens {
                return;
            }
            let is_wanted = !self.scope.ports.is_empty();
            self.conversations.insert(key, Conversation::new(self.next_id, segment, is_wanted));
            self.next_id += 1;
        }
        if segment.payload_len == 0 && segment.five_tuple.transport == Transport::Udp {
            return;
        }
        let Some(conversation) = self.conversations.get_mut(&key) else { return };
        let before = conversation.footprint();
        conversation.push(end, segment, payload, emit);
        self.settle(key, before);
        if self.conversations.len() > CONVERSATIONS || self.bytes > BYTES {
            self.give_up(emit);
        }
    }

    /// Counts the memory of a connection anew, which took `before` bytes, and whether it waits.
    fn settle(&mut self, key: FlowKey, before: usize) {
        let Some(conversation) = self.conversations.get(&key) else { return };
        self.bytes = (self.bytes + conversation.footprint()).saturating_sub(before);
        if conversation.needs_time() {
            self.waiting.insert(conversation.id, key);
        } else {
            self.waiting.remove(&conversation.id);
        }
    }

    /// Lets time pass, by the clock of the capture.
    pub fn tick(&mut self, now: Time, emit: &mut EntrySink<'_>) {
        if now.since(self.looked_at) < TICK {
            return;
        }
        self.looked_at = now;
        let waiting: Vec<FlowKey> = self.waiting.values().copied().collect();
        for key in waiting {
            let Some(conversation) = self.conversations.get_mut(&key) else { continue };
            if conversation.is_over(now) {
                self.end(key, emit);
                continue;
            }
            let before = conversation.footprint();
            conversation.tick(now, emit);
            self.settle(key, before);
        }
    }

    /// Tells what is left: the capture is over.
    pub fn finish(&mut self, emit: &mut EntrySink<'_>) {
        let mut left: Vec<_> = self.conversations.iter().map(|(key, c)| (c.id, *key)).collect();
        left.sort_unstable_by_key(|&(id, _)| id);
        left.into_iter().for_each(|(_, key)| self.end(key, emit));
    }

    fn end(&mut self, key: FlowKey, emit: &mut EntrySink<'_>) {
        if let Some(mut conversation) = self.conversations.remove(&key) {
            self.waiting.remove(&conversation.id);
            self.bytes = self.bytes.saturating_sub(conversation.footprint());
            conversation.finish(emit);
        }
    }

    /// Ends the quarter of the connections that are idle for longest.
    #[cold]
    fn give_up(&mut self, emit: &mut EntrySink<'_>) {
        let mut all: Vec<_> =
            self.conversations.iter().map(|(key, c)| (c.last, c.id, *key)).collect();
        all.sort_unstable_by_key(|&(last, id, _)| (last, id));
        for (_, _, key) in all.iter().take(all.len() / 4 + 1) {
            self.end(*key, emit);
            self.given_up += 1;
        }
    }
}
