//! The OSC packets of a capture, in both directions, as they come.
//!
//! Takes segments in capture order, gives an [`OscEntry`] for each packet, for bytes that fail to
//! be one, and for each gap. Which connections carry OSC is the judgement of `detect`, not a
//! question of ports: the first payloads of a connection are held back until it is made, and come
//! out then. What was not recognised and nevertheless begins as OSC does is reported too, as such,
//! because a packet that fails by one byte is what people look for.
//!
//! - `conversation`: one connection, held back, accepted or rejected;
//! - `assembler`: puts the segments of one side of a TCP connection in order, and says what is missing;
//! - `deframer`: divides a stream into packets, and finds the next one behind a gap;
//! - `trace`: all connections, bounded.

mod assembler;
mod conversation;
mod deframer;
mod entry;
mod side;
mod trace;

pub use entry::{OscContent, OscEntry, PacketFraming, UnreadReason};
pub use trace::{OscTrace, TraceScope};

/// Receives the entries of a trace.
pub type EntrySink<'s> = dyn FnMut(&OscEntry<'_>) + 's;

#[cfg(test)]
mod tests;
