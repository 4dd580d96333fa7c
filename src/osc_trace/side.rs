//! One direction of a connection.

use super::assembler::{Assembler, InOrder, Piece};
use super::deframer::{Deframer, PartContent, StreamPart};
use super::{EntrySink, OscContent, OscEntry, PacketFraming};
use crate::decode::{FiveTuple, Segment, TcpFlags};
use crate::detect::OscFraming;
use crate::osc::{OscFault, OscFaultReason, OscPacket};
use crate::time::Time;

/// Who sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender {
    pub(super) five_tuple: FiveTuple,
    pub(super) from_initiator: bool,
}

/// What one side of a connection sends.
#[derive(Debug)]
pub(super) struct TracedSide {
    sender: Sender,
    assembler: Assembler,
    deframer: Deframer,
    /// The last number that it acknowledged of the other side.
    pub(super) acknowledged: Option<u32>,
}

impl TracedSide {
    pub(super) fn new(sender: Sender) -> Self {
        Self {
            sender,
            assembler: Assembler::default(),
            deframer: Deframer::default(),
            acknowledged: None,
        }
    }

    /// Bytes in memory.
    pub(super) fn footprint(&self) -> usize {
        self.assembler.footprint() + self.deframer.footprint()
    }

    /// Whether something waits that time can end.
    pub(super) const fn is_waiting(&self) -> bool {
        self.assembler.is_waiting()
    }

    /// The framing of its stream, once it is known.
    pub(super) const fn framing(&self) -> Option<OscFraming> {
        self.deframer.framing()
    }

    /// Adds a datagram.
    pub(super) fn datagram(
        &self,
        segment: &Segment,
        payload: &[u8],
        recognised: bool,
        emit: &mut EntrySink<'_>,
    ) {
        let cut = (segment.payload_len as usize > payload.len())
            .then_some((payload.len(), segment.payload_len as usize));
        let content = OscContent::Packet {
            packet: parse(payload, cut),
            bytes: payload,
            framing: PacketFraming::Datagram,
        };
        emit(&self.entry(segment, recognised, content));
    }

    /// Adds a segment of a stream.
    pub(super) fn segment(
        &mut self,
        segment: &Segment,
        payload: &[u8],
        recognised: bool,
        emit: &mut EntrySink<'_>,
    ) {
        let mut seq = segment.seq;
        if segment.flags.has(TcpFlags::SYN) {
            seq = seq.wrapping_add(1);
            self.assembler.start(seq);
            self.deframer.start();
        }
        if segment.flags.has(TcpFlags::ACK) {
            self.acknowledged = Some(segment.ack);
        }
        if segment.payload_len == 0 {
            return;
        }
        let mut out = Vec::new();
        let piece = Piece {
            bytes: payload.to_vec(),
            wire_len: (segment.payload_len as usize).max(payload.len()),
            frame: segment.frame,
            time: segment.time,
        };
        self.assembler.push(seq, piece, &mut out);
        self.read(out, recognised, emit);
    }

    /// Gives up what is missing for too long.
    pub(super) fn tick(
        &mut self,
        now: Time,
        acknowledged: Option<u32>,
        recognised: bool,
        emit: &mut EntrySink<'_>,
    ) {
        let mut out = Vec::new();
        self.assembler.close_old_gaps(now, acknowledged, &mut out);
        self.read(out, recognised, emit);
    }

    /// Tells what is left: the connection is over.
    pub(super) fn finish(&mut self, recognised: bool, emit: &mut EntrySink<'_>) {
        let mut out = Vec::new();
        self.assembler.close_gaps(&mut out);
        self.read(out, recognised, emit);
        let sender = self.sender;
        self.deframer.interrupt(&mut |part| emit_part(&part, sender, recognised, emit));
    }

    fn read(&mut self, in_order: Vec<InOrder>, recognised: bool, emit: &mut EntrySink<'_>) {
        let sender = self.sender;
        for item in in_order {
            match item {
                InOrder::Bytes(Piece { bytes, frame, time, .. }) => {
                    let each = &mut |part: StreamPart<'_>| {
                        emit_part(&part, sender, recognised, emit);
                    };
                    self.deframer.push(&bytes, frame, time, each);
                }
                InOrder::Missing { bytes, frame, time } => {
                    let each = &mut |part: StreamPart<'_>| {
                        emit_part(&part, sender, recognised, emit);
                    };
                    self.deframer.interrupt(each);
                    let content = OscContent::Gap(bytes);
                    let last_frame = frame;
                    let Sender { five_tuple, from_initiator } = sender;
                    emit(&OscEntry {
                        time,
                        frame,
                        last_frame,
                        five_tuple,
                        from_initiator,
                        recognised,
                        content,
                    });
                }
            }
        }
    }

    /// Tells that the other side uses another framing than this one.
    pub(super) fn mismatch(
        &self,
        segment: &Segment,
        framings: (OscFraming, OscFraming),
        recognised: bool,
        emit: &mut EntrySink<'_>,
    ) {
        let (own, other) = framings;
        emit(&self.entry(segment, recognised, OscContent::Mismatch { own, other }));
    }

    /// What one segment of the side shows.
    fn entry<'e>(
        &self,
        segment: &Segment,
        recognised: bool,
        content: OscContent<'e>,
    ) -> OscEntry<'e> {
        OscEntry {
            time: segment.time,
            frame: segment.frame,
            last_frame: segment.frame,
            five_tuple: self.sender.five_tuple,
            from_initiator: self.sender.from_initiator,
            recognised,
            content,
        }
    }
}

fn emit_part(part: &StreamPart<'_>, sender: Sender, recognised: bool, emit: &mut EntrySink<'_>) {
    let &StreamPart { time, frame, last_frame, ref content } = part;
    let content = match content {
        PartContent::Packet(bytes, framing) => {
            OscContent::Packet { packet: parse(bytes, None), bytes, framing: *framing }
        }
        PartContent::Unread(bytes, reason) => OscContent::Unread { bytes, reason: *reason },
    };
    let Sender { five_tuple, from_initiator } = sender;
    emit(&OscEntry { time, frame, last_frame, five_tuple, from_initiator, recognised, content });
}

/// Reads a packet, of which the capture may have kept the first bytes: `cut` has their number and
/// that of all.
fn parse(bytes: &[u8], cut: Option<(usize, usize)>) -> Result<OscPacket<'_>, OscFault<'_>> {
    let found = OscPacket::parse(bytes);
    let Some((captured, of)) = cut else { return found };
    let reason = OscFaultReason::Captured { captured, of };
    let (address, types) = match &found {
        Ok(OscPacket::Message(message)) => (Some(message.address), message.types),
        Ok(OscPacket::Bundle(_)) => (None, None),
        Err(fault) => (fault.address, fault.types),
    };
    Err(OscFault { at: captured, reason, address, types })
}
