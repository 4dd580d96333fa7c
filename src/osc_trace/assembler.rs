//! One side of a TCP connection in order.
//!
//! Segments that came too early wait, bounded by their number, their bytes and their time. What is
//! missing for good is said to be missing.

use crate::time::Time;

/// Segments and bytes that wait at most.
const SEGMENTS: usize = 256;
const BYTES: usize = 256 << 10;
/// Bytes by which a segment may be early or late: farther off, sequence numbers mean nothing.
const WINDOW: i32 = 1 << 24;
/// Nanoseconds to wait for missing bytes: where the other side has acknowledged them, so that they
/// are not sent again; where its acknowledgements were not captured; and where it still waits.
const ACKNOWLEDGED: u64 = 250_000_000;
const UNKNOWN: u64 = 3_000_000_000;
const AWAITED: u64 = 30_000_000_000;

/// A segment's payload.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Bytes on the wire: more than in `bytes` where the capture cut the frame.
    pub(super) wire_len: usize,
    pub(super) frame: u64,
    pub(super) time: Time,
}

/// What comes next in the stream.
#[derive(Debug)]
pub(super) enum InOrder {
    Bytes(Piece),
    /// Bytes are missing before the frame; `None` where their number is not known.
    Missing {
        bytes: Option<u64>,
        frame: u64,
        time: Time,
    },
}

/// Puts segments in order.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// The sequence number of the next byte.
    expected: Option<u32>,
    /// Segments that came too early, the nearest first.
    waiting: Vec<(u32, Piece)>,
    /// When the first of them came.
    since: Time,
    bytes: usize,
}

impl Assembler {
    /// The stream begins with this sequence number.
    pub(super) fn start(&mut self, first: u32) {
        if self.expected.is_none() {
            self.expected = Some(first);
        }
    }

    /// Bytes that wait.
    pub(super) const fn footprint(&self) -> usize {
        self.bytes
    }

    /// Whether segments wait for bytes that are missing.
    pub(super) const fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Adds a segment, and what is in order now to `out`.
    pub(super) fn push(&mut self, seq: u32, piece: Piece, out: &mut Vec<InOrder>) {
        let expected = *self.expected.get_or_insert(seq);
        let ahead = seq.wrapping_sub(expected).cast_signed();
        if !(-WINDOW..=WINDOW).contains(&ahead) {
            self.close_gaps(out);
            out.push(InOrder::Missing { bytes: None, frame: piece.frame, time: piece.time });
            self.expected = Some(seq);
            self.take(seq, piece, out);
        } else if ahead > 0 {
            self.wait(seq, ahead, piece);
            while self.waiting.len() > SEGMENTS || self.bytes > BYTES {
                self.close_gap(out);
            }
        } else {
            self.take(seq, piece, out);
            self.drain(out);
        }
    }

    fn wait(&mut self, seq: u32, ahead: i32, piece: Piece) {
        if self.waiting.is_empty() {
            self.since = piece.time;
        }
        let expected = seq.wrapping_sub(ahead.cast_unsigned());
        let place = self.waiting.partition_point(|(s, _)| s.wrapping_sub(expected) <= ahead as u32);
        self.bytes += piece.bytes.len();
        self.waiting.insert(place, (seq, piece));
    }

    /// Takes what is new in a segment that begins at the expected byte or before it.
    fn take(&mut self, seq: u32, mut piece: Piece, out: &mut Vec<InOrder>) {
        let Some(expected) = self.expected else { return };
        let known = expected.wrapping_sub(seq) as usize;
        if known >= piece.wire_len {
            return;
        }
        self.expected = Some(seq.wrapping_add(piece.wire_len as u32));
        let captured = piece.bytes.len();
        let cut = piece.wire_len - captured.max(known);
        let (frame, time) = (piece.frame, piece.time);
        piece.bytes.drain(..known.min(captured));
        if !piece.bytes.is_empty() {
            out.push(InOrder::Bytes(piece));
        }
        if cut > 0 {
            out.push(InOrder::Missing { bytes: Some(cut as u64), frame, time });
        }
    }

    /// Takes the waiting segments that are in order now.
    fn drain(&mut self, out: &mut Vec<InOrder>) {
        while let (Some(expected), Some((seq, _))) = (self.expected, self.waiting.first()) {
            if seq.wrapping_sub(expected).cast_signed() > 0 {
                // The next gap has its own time.
                self.since = self.since.max(self.waiting[0].1.time);
                break;
            }
            let (seq, piece) = self.waiting.remove(0);
            self.bytes -= piece.bytes.len();
            self.take(seq, piece, out);
        }
    }

    /// Gives the bytes before the first waiting segment up.
    fn close_gap(&mut self, out: &mut Vec<InOrder>) {
        if let (Some(expected), Some((seq, piece))) = (self.expected, self.waiting.first()) {
            let bytes = Some(u64::from(seq.wrapping_sub(expected)));
            out.push(InOrder::Missing { bytes, frame: piece.frame, time: piece.time });
            self.expected = Some(*seq);
        }
        self.drain(out);
    }

    /// Gives up all that is missing: the stream is over.
    pub(super) fn close_gaps(&mut self, out: &mut Vec<InOrder>) {
        while self.is_waiting() {
            self.close_gap(out);
        }
    }

    /// Gives up what is missing for too long. `acknowledged` is the last number that the other side
    /// acknowledged, if any of its segments was captured.
    pub(super) fn close_old_gaps(
        &mut self,
        now: Time,
        acknowledged: Option<u32>,
        out: &mut Vec<InOrder>,
    ) {
        while let (Some(expected), true) = (self.expected, self.is_waiting()) {
            let patience = match acknowledged {
                Some(ack) if ack.wrapping_sub(expected).cast_signed() > 0 => ACKNOWLEDGED,
                Some(_) => AWAITED,
                None => UNKNOWN,
            };
            if now.since(self.since) < patience {
                break;
            }
            self.close_gap(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(bytes: &[u8], wire_len: usize, at: i64) -> Piece {
        Piece { bytes: bytes.to_vec(), wire_len, frame: at as u64, time: Time::new(at, 0) }
    }

    /// The stream with `?` for each missing byte.
    fn text(out: &[InOrder]) -> Vec<u8> {
        let part = |item: &InOrder| match item {
            InOrder::Bytes(piece) => piece.bytes.clone(),
            InOrder::Missing { bytes, .. } => vec![b'?'; bytes.unwrap_or(99) as usize],
        };
        out.iter().flat_map(part).collect()
    }

    const FIRST: u32 = u32::MAX - 5;

    proptest! {
        #[test]
        fn any_order_and_repetition_gives_the_stream(
            order in prop::collection::vec((0_usize..40, 1_usize..20), 0..80),
        ) {
            let stream: Vec<u8> = (0..60).map(|i| b'A' + i % 26).collect();
            let mut assembler = Assembler::default();
            assembler.start(FIRST);
            let mut out = Vec::new();
            let all = (0..60).step_by(10).map(|at| (at, 10));
            for (at, len) in order.into_iter().chain(all) {
                let bytes = &stream[at..(at + len).min(60)];
                let seq = FIRST.wrapping_add(at as u32);
                assembler.push(seq, piece(bytes, bytes.len(), 1), &mut out);
            }
            prop_assert_eq!(text(&out), stream);
            prop_assert_eq!((assembler.footprint(), assembler.is_waiting()), (0, false));
        }
    }

    #[test]
    fn a_gap_is_given_up_when_nobody_will_fill_it() {
        for (acknowledged, before, after) in
            [(Some(FIRST + 4), 1, 2), (None, 3, 4), (Some(FIRST), 30, 31)]
        {
            let (mut assembler, mut out) = (Assembler::default(), Vec::new());
            assembler.start(FIRST);
            assembler.push(FIRST + 2, piece(b"cd", 2, 1), &mut out);
            assembler.close_old_gaps(Time::new(before, 0), acknowledged, &mut out);
            assert!(out.is_empty());
            assembler.close_old_gaps(Time::new(after, 0), acknowledged, &mut out);
            assert_eq!(text(&out), b"??cd");
        }
    }

    #[test]
    fn what_the_capture_cut_is_missing_behind_the_segment() {
        let (mut assembler, mut out) = (Assembler::default(), Vec::new());
        assembler.push(1, piece(b"ab", 5, 1), &mut out);
        assembler.push(6, piece(b"fg", 2, 1), &mut out);
        assembler.push(1, piece(b"ab", 5, 1), &mut out);
        assert_eq!(text(&out), b"ab???fg");
    }

    #[test]
    fn what_waits_is_bounded() {
        let (mut assembler, mut out) = (Assembler::default(), Vec::new());
        assembler.start(0);
        for i in 0..5_000_u32 {
            assembler.push(100 + i * 200, piece(&[7; 100], 100, 1), &mut out);
            assert!(assembler.waiting.len() <= SEGMENTS && assembler.footprint() <= BYTES);
        }
        assert!(!out.is_empty());
    }
}
