//! Divides the stream of one side into packets.
//!
//! Behind a gap, and in a stream that was joined in the middle, it goes on with the next packet
//! that the framing allows to find: behind an END of SLIP, at a plausible length that the first
//! byte of a packet follows, or, without framing, where a segment begins as a packet does.

use std::borrow::Cow;

use super::{PacketFraming, UnreadReason};
use crate::detect::OscFraming;
use crate::osc::{BUNDLE, END, LENGTH, OscPacket, first_length, own_len, unescape};
use crate::time::Time;

/// Bytes of a packet at most, and of a SLIP frame, in which each byte may be escaped.
const LONGEST: usize = 1 << 20;
/// Bytes in which no packet is found after which they are given up.
const SEARCHED: usize = 1 << 16;
/// Bytes by which the framing of a stream is told that begins with a packet.
const TELLING: usize = 4096;

/// A part of the stream.
#[derive(Debug)]
pub(super) struct StreamPart<'a> {
    pub(super) time: Time,
    pub(super) frame: u64,
    pub(super) last_frame: u64,
    pub(super) content: PartContent<'a>,
}

#[derive(Debug)]
pub(super) enum PartContent<'a> {
    /// Bytes in the place of a packet.
    Packet(Cow<'a, [u8]>, PacketFraming),
    /// Bytes that stand in no packet.
    Unread(&'a [u8], UnreadReason),
}

/// What the next bytes are.
enum NextPart<'a> {
    Packet {
        packet: Cow<'a, [u8]>,
        len: usize,
        framing: PacketFraming,
    },
    /// So many bytes are unread. The reading goes on in step behind them, or not.
    Unread(usize, UnreadReason, bool),
    /// This cannot be the length of a packet: the next one that can is looked for.
    Refuse(u32),
    /// A packet begins here.
    Resume,
    /// More bytes are needed.
    Wait,
}

/// The stream of one side.
#[derive(Debug, Default)]
pub(super) struct Deframer {
    buffer: Vec<u8>,
    /// Offsets in the buffer where frames begin.
    starts: Vec<(usize, u64, Time)>,
    framing: Option<OscFraming>,
    /// The first byte of the buffer is the first of a frame.
    in_step: bool,
    /// A length that cannot be one stands where a frame should begin.
    refused: Option<u32>,
    /// What of the frame that is not whole has been looked at.
    searched: Searched,
}

/// How far a frame that is not whole has been looked at, so that no byte is looked at for every
/// segment that comes.
#[derive(Debug, Clone, Copy, Default)]
struct Searched {
    /// ENDs at its beginning.
    ends: usize,
    /// Bytes without another END.
    bytes: usize,
}

impl Deframer {
    /// The first byte to come is the first of the connection.
    pub(super) const fn start(&mut self) {
        self.in_step = true;
    }

    /// The framing, once it is known.
    pub(super) const fn framing(&self) -> Option<OscFraming> {
        self.framing
    }

    /// Bytes in memory.
    pub(super) fn footprint(&self) -> usize {
        self.buffer.len() + self.starts.len() * size_of::<(usize, u64, Time)>()
    }

    /// Adds bytes, and passes what is whole to `each`.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        frame: u64,
        time: Time,
        each: &mut dyn FnMut(StreamPart<'_>),
    ) {
        self.starts.push((self.buffer.len(), frame, time));
        self.buffer.extend_from_slice(bytes);
        self.run(false, each);
    }

    /// Passes what is left to `each`: the stream ends, or bytes are missing here.
    pub(super) fn interrupt(&mut self, each: &mut dyn FnMut(StreamPart<'_>)) {
        self.run(true, each);
        self.in_step = false;
        self.refused = None;
    }

    fn run(&mut self, ends: bool, each: &mut dyn FnMut(StreamPart<'_>)) {
        let mut at = 0;
        while at < self.buffer.len() {
            self.framing = self.framing.or_else(|| self.choose(&self.buffer[at..], ends));
            let step = match self.framing {
                Some(framing) => self.step(framing, at, ends),
                None => NextPart::Wait,
            };
            let rest = &self.buffer[at..];
            let (content, len, in_step) = match step {
                NextPart::Packet { packet, len, framing } => {
                    (PartContent::Packet(packet, framing), len, true)
                }
                NextPart::Unread(len, reason, in_step) => {
                    (PartContent::Unread(&rest[..len], reason), len, in_step)
                }
                NextPart::Refuse(length) => {
                    (self.in_step, self.refused) = (false, Some(length));
                    continue;
                }
                NextPart::Resume => {
                    self.in_step = true;
                    continue;
                }
                NextPart::Wait if !ends && rest.len() <= 2 * LONGEST => {
                    self.searched.pass(rest, self.framing);
                    break;
                }
                NextPart::Wait => {
                    (PartContent::Unread(rest, self.last_reason(rest)), rest.len(), false)
                }
            };
            let (_, frame, time) = self.start_of(at);
            let (_, last_frame, _) = self.start_of(at + len - 1);
            each(StreamPart { time, frame, last_frame, content });
            at += len;
            self.in_step = in_step;
            self.refused = None;
            self.searched = Searched::default();
        }
        self.drop_read(at);
    }

    /// Why the last bytes are in no packet.
    fn last_reason(&self, rest: &[u8]) -> UnreadReason {
        match self.refused {
            Some(length) => UnreadReason::Length(length),
            None if rest.iter().all(|&byte| byte == END) => UnreadReason::Ends,
            None if self.in_step => UnreadReason::Cut,
            None => UnreadReason::Resync,
        }
    }

    /// The frame that has the byte at `offset`.
    fn start_of(&self, offset: usize) -> (usize, u64, Time) {
        let after = self.starts.partition_point(|&(from, ..)| from <= offset);
        self.starts[after.saturating_sub(1)]
    }

    /// Forgets the first bytes.
    fn drop_read(&mut self, len: usize) {
        if len == 0 {
            return;
        }
        self.buffer.drain(..len);
        let after = self.starts.partition_point(|&(from, ..)| from <= len).saturating_sub(1);
        self.starts.drain(..after);
        if self.buffer.is_empty() {
            self.starts.clear();
        }
        self.starts.iter_mut().for_each(|(from, ..)| *from = from.saturating_sub(len));
    }

    /// The framing of a stream that goes on with these bytes. A stream that begins with a packet
    /// may be SLIP with END behind packets only: that shows at the first packet's end.
    fn choose(&self, rest: &[u8], ends: bool) -> Option<OscFraming> {
        let begins = matches!(rest[0], b'/' | b'#');
        if begins
            && !ends
            && rest.len() < TELLING
            && !rest.contains(&END)
            && own_len(rest).is_none_or(|len| len > rest.len())
        {
            return None;
        }
        OscFraming::detect(rest, self.in_step).or_else(|| OscFraming::detect(rest, false))
    }

    fn step(&self, framing: OscFraming, at: usize, ends: bool) -> NextPart<'_> {
        match framing {
            OscFraming::LengthPrefix => self.prefixed(at),
            OscFraming::Slip => slip(&self.buffer[at..], self.in_step, self.searched),
            OscFraming::Unframed => self.unframed(at, ends),
        }
    }

    fn prefixed(&self, at: usize) -> NextPart<'_> {
        let rest = &self.buffer[at..];
        let Some((length, behind)) = rest.split_first_chunk::<LENGTH>() else {
            return NextPart::Wait;
        };
        let length = u32::from_be_bytes(*length);
        let len = length as usize;
        if self.in_step && len.is_multiple_of(4) && (4..=LONGEST).contains(&len) {
            return behind.get(..len).map_or(NextPart::Wait, |packet| NextPart::Packet {
                packet: Cow::Borrowed(packet),
                len: LENGTH + len,
                framing: PacketFraming::LengthPrefix,
            });
        }
        if self.in_step {
            return NextPart::Refuse(length);
        }
        let from = usize::from(self.refused.is_some());
        let reason = self.last_reason(rest);
        match first_length(&rest[from..]).map(|found| found + from) {
            Some(0) => NextPart::Resume,
            Some(found) => NextPart::Unread(found, reason, true),
            None if rest.len() > SEARCHED => NextPart::Unread(rest.len() - LENGTH, reason, false),
            None => NextPart::Wait,
        }
    }

    fn unframed(&self, at: usize, ends: bool) -> NextPart<'_> {
        let rest = &self.buffer[at..];
        if !ends && !self.searched.is_worth_another(rest) {
            return NextPart::Wait;
        }
        let is_begin = |byte: &u8| matches!(byte, b'/' | b'#');
        let next = self
            .starts
            .iter()
            .map(|&(from, ..)| from)
            .find(|&from| from > at && self.buffer.get(from).is_some_and(is_begin));
        let found = is_begin(&rest[0]).then(|| own_len(rest)).flatten();
        match (found.and_then(|len| rest.get(..len)), next) {
            (Some(packet), _) if !ends && packet.len() == rest.len() && may_go_on(packet) => {
                NextPart::Wait
            }
            (Some(packet), _) => NextPart::Packet {
                packet: Cow::Borrowed(packet),
                len: packet.len(),
                framing: PacketFraming::Unframed,
            },
            (None, Some(next)) if !is_begin(&rest[0]) || rest.len() > SEARCHED => {
                NextPart::Unread(next - at, UnreadReason::Resync, true)
            }
            _ if rest.len() > LONGEST => NextPart::Unread(rest.len(), UnreadReason::Endless, false),
            _ => NextPart::Wait,
        }
    }
}

/// Whether a packet that nothing delimits may have type tags, or elements, that have not come yet.
fn may_go_on(packet: &[u8]) -> bool {
    if packet.starts_with(BUNDLE) {
        packet.len() == 2 * BUNDLE.len()
    } else {
        !packet.contains(&b',')
    }
}

impl Searched {
    /// Goes on to the first byte that is no END.
    fn pass_ends(&mut self, rest: &[u8]) {
        if self.ends >= self.bytes {
            self.ends += rest[self.ends..].iter().take_while(|&&byte| byte == END).count();
        }
    }

    /// All of `rest` has been looked at, as far as its framing asks for that.
    fn pass(&mut self, rest: &[u8], framing: Option<OscFraming>) {
        if framing == Some(OscFraming::Slip) {
            self.pass_ends(rest);
            self.bytes = rest.len();
        } else if framing == Some(OscFraming::Unframed) && self.is_worth_another(rest) {
            self.bytes = rest.len();
        }
    }

    /// Whether enough has come since to look at all of it again, where nothing marks the end.
    const fn is_worth_another(&self, rest: &[u8]) -> bool {
        rest.len() <= SEARCHED || rest.len() >= self.bytes + self.bytes / 8
    }
}

fn slip(rest: &[u8], in_step: bool, mut searched: Searched) -> NextPart<'_> {
    searched.pass_ends(rest);
    let before = searched.ends;
    let body = &rest[before..];
    let from = searched.bytes.max(before) - before;
    let Some(end) = body[from..].iter().position(|&byte| byte == END).map(|end| from + end) else {
        let is_endless = body.len() > 2 * LONGEST;
        let endless = NextPart::Unread(rest.len(), UnreadReason::Endless, false);
        return if is_endless { endless } else { NextPart::Wait };
    };
    let in_step = in_step || before > 0;
    match unescape(&body[..end]) {
        Some(packet) if in_step || OscPacket::parse(&packet).is_ok() => NextPart::Packet {
            packet: Cow::Owned(packet),
            len: before + end + 1,
            framing: PacketFraming::Slip { before, after: 1 },
        },
        None if in_step => NextPart::Unread(before + end + 1, UnreadReason::Escape, true),
        // The rest of a packet. Its END stands before the next one.
        _ => NextPart::Unread(before + end, UnreadReason::Resync, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: &[u8] = b"/eos/ping\0\0\0,\0\0\0";

    /// What comes out of a stream in pieces of a size, each in a frame of its own: packets, and
    /// what is unread with its reason. `None` is a gap.
    fn parts(stream: &[Option<&[u8]>], size: usize, from_start: bool) -> Vec<String> {
        let mut deframer = Deframer::default();
        if from_start {
            deframer.start();
        }
        let mut found = Vec::new();
        let mut each = |part: StreamPart<'_>| {
            found.push(match part.content {
                PartContent::Packet(packet, framing) => {
                    let address = packet.split(|&b| b == 0).next().unwrap().to_vec();
                    format!("{} {}", framing.as_str(), String::from_utf8_lossy(&address))
                }
                PartContent::Unread(bytes, reason) => format!("{} {reason:?}", bytes.len()),
            });
        };
        let mut frame = 0;
        for bytes in stream {
            match bytes {
                Some(bytes) => bytes.chunks(size).for_each(|chunk| {
                    frame += 1;
                    deframer.push(chunk, frame, Time(0), &mut each);
                }),
                None => deframer.interrupt(&mut each),
            }
        }
        deframer.interrupt(&mut each);
        found
    }

    fn prefixed(packet: &[u8]) -> Vec<u8> {
        [&(packet.len() as u32).to_be_bytes()[..], packet].concat()
    }

    #[test]
    fn every_framing_gives_its_packets_in_pieces_of_any_size() {
        let both = [b"\xc0", PING, b"\xc0\xc0", PING, b"\xc0"].concat();
        let behind = [PING, b"\xc0", PING, b"\xc0"].concat();
        let lengths = [prefixed(PING), prefixed(PING)].concat();
        let bare = [PING, PING].concat();
        for (stream, name) in
            [(both, "slip"), (behind, "slip"), (lengths, "length-prefix"), (bare, "none")]
        {
            for size in [1, 3, 16, 17, 1000] {
                // Without an END in the first piece nothing tells SLIP.
                let expected = vec![format!("{name} /eos/ping"); 2];
                if name != "slip" || stream[0] == END || size > 16 {
                    assert_eq!(parts(&[Some(&stream)], size, true), expected, "{name} {size}");
                }
            }
        }
    }

    #[test]
    fn a_long_packet_in_small_segments_is_read_whole() {
        let mut text = vec![b'a'; 40_000];
        text[0] = b'/';
        for (first, framing) in [([b"\xc0", PING, b"\xc0"].concat(), "slip"), (PING.into(), "none")]
        {
            let end =
                [&b"\0\0\0\0,\0\0\0"[..], if framing == "slip" { b"\xc0" } else { b"" }].concat();
            let mut stream = vec![Some(&first[..]), Some(&first[..])];
            stream.extend(text.chunks(4).map(Some));
            stream.push(Some(&end));
            let mut found = parts(&stream, 1000, true);
            assert_eq!(found.pop().unwrap().len(), framing.len() + 1 + text.len());
            assert_eq!(found, vec![format!("{framing} /eos/ping"); 2]);
        }
    }

    #[test]
    fn bytes_without_an_end_are_not_looked_at_again_with_every_segment() {
        for (begin, bytes) in [(&b"\xc0/a"[..], b"aaaa"), (b"\xc0\xc0", &[END; 4])] {
            let mut deframer = Deframer::default();
            deframer.start();
            deframer.framing = Some(OscFraming::Slip);
            let mut none = |part: StreamPart<'_>| panic!("{:?} is whole", part.frame);
            deframer.push(begin, 1, Time::default(), &mut none);
            for _ in 0..100 {
                deframer.push(bytes, 1, Time::default(), &mut none);
                let Searched { ends, bytes: looked_at } = deframer.searched;
                assert_eq!(looked_at, deframer.buffer.len());
                assert_eq!(ends, if bytes[0] == END { looked_at } else { 1 });
            }
        }
    }

    #[test]
    fn where_nothing_marks_the_end_a_growing_packet_is_looked_at_a_few_times() {
        let mut searched = Searched::default();
        let rest = vec![b'a'; 400_000];
        let looks = (SEARCHED..rest.len()).step_by(4).filter(|&len| {
            let is_worth = searched.is_worth_another(&rest[..len]);
            searched.pass(&rest[..len], Some(OscFraming::Unframed));
            is_worth
        });
        assert!((2..60).contains(&looks.count()));
    }

    #[test]
    fn behind_a_gap_the_next_packet_is_found() {
        let slip = [b"\xc0", PING, b"\xc0"].concat();
        let tail = [&PING[5..], b"\xc0", &slip].concat();
        assert_eq!(
            parts(&[Some(&slip), Some(&slip[..9]), None, Some(&tail)], 7, true),
            ["slip /eos/ping", "9 Cut", "11 Resync", "slip /eos/ping"]
        );
        let lengths = prefixed(PING);
        let tail = [&PING[5..], &lengths].concat();
        assert_eq!(
            parts(&[Some(&lengths), Some(&lengths[..9]), None, Some(&tail)], 100, true),
            ["length-prefix /eos/ping", "9 Cut", "11 Resync", "length-prefix /eos/ping"]
        );
        assert_eq!(
            parts(&[Some(PING), Some(&PING[..9]), None, Some(&PING[6..]), Some(PING)], 100, true),
            ["none /eos/ping", "9 Cut", "10 Resync", "none /eos/ping"]
        );
        assert_eq!(parts(&[Some(&tail)], 100, false), ["11 Resync", "length-prefix /eos/ping"]);
    }

    #[test]
    fn what_is_no_frame_is_said_and_passed_over() {
        let lengths = [prefixed(PING), b"\0\0\0\x07badness".to_vec(), prefixed(PING)].concat();
        let good = "length-prefix /eos/ping";
        assert_eq!(parts(&[Some(&lengths)], 100, true), [good, "11 Length(7)", good]);
        assert_eq!(parts(&[Some(&lengths[..31])], 100, true), [good, "11 Length(7)"]);
        let slip = [b"\xc0", PING, b"\xc0\xc0a\xdbb\xc0\xc0", PING, b"\xc0\xc0"].concat();
        let good = "slip /eos/ping";
        assert_eq!(parts(&[Some(&slip)], 100, true), [good, "5 Escape", good, "1 Ends"]);
    }
}
