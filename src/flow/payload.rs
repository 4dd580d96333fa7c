//! The payload of a segment as the flow table takes it: its bytes are looked up only where an opening
//! wants them.

use super::KeyedSegment;
use super::received::{self, Received};
use super::stream::{SIDE_BYTES, SegmentPayload};
use crate::decode::TcpFlags;

/// The captured payload of a segment, as much of it as an opening can hold.
pub trait CapturedPayload {
    /// The number of bytes.
    fn captured_len(&self) -> usize;

    /// The bytes.
    fn bytes(&self) -> &[u8];

    /// The bytes of the frame before the payload, the last of which end the TCP header, as many as
    /// that may have; empty if no frame holds the payload.
    fn before(&self) -> &[u8];
}

/// Bytes that come from no frame.
impl<T: AsRef<[u8]> + ?Sized> CapturedPayload for T {
    fn captured_len(&self) -> usize {
        self.as_ref().len()
    }

    fn bytes(&self) -> &[u8] {
        self.as_ref()
    }

    fn before(&self) -> &[u8] {
        &[]
    }
}

impl<'p> SegmentPayload<'p> {
    /// The payload of a TCP segment, and the place in it of an urgent byte.
    pub(super) fn of_tcp(
        segment: &KeyedSegment,
        payload: &'p (impl CapturedPayload + ?Sized),
    ) -> (Self, Option<usize>) {
        let (bytes, wire_len) = (payload.bytes(), segment.payload_len);
        let ends = [segment.end(), 1 - segment.end()].map(|end| segment.key.endpoint(end));
        let header = received::header_in(payload.before(), ends.map(|end| end.port), segment.seq);
        let is_whole = bytes.len() == wire_len as usize;
        let received = match header {
            Some(header) if is_whole => {
                Received::new(header, ends.map(|end| end.address), wire_len)
            }
            _ => Received::unknown(bytes.len() < (wire_len as usize).min(SIDE_BYTES)),
        };
        let urgent = header.and_then(|header| received::urgent_byte(header, wire_len as usize));
        // Data may travel with SYN (RFC 7413); it follows the sequence number of SYN.
        let seq = segment.seq.wrapping_add(u32::from(segment.flags.has(TcpFlags::SYN)));
        (Self { seq, frame: segment.frame, bytes, wire_len, received }, urgent)
    }
}
