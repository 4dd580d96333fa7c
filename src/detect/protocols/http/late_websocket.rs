//! A WebSocket whose upgrade was not captured: RFC 6455, sections 5.2 to 5.5.
//!
//! A frame has few fixed bits, so the rules are strict. All that was captured of a side must be
//! frames, from the beginning of a segment on: the client's masked, each with a mask of its own, the
//! server's not; lengths in their shortest form, fragments in order, control frames short and whole,
//! texts UTF-8. The ends of frames must be ends of segments, several times: bytes of another protocol
//! with a length in the second place seldom have the client's mask, and random ones no ends.

use super::inflate::InflateRooms;
use super::websocket::{BINARY, LAST_OPCODE, TEXT, state_frames};
use crate::detect::statement::{Side, combine_with_client};
use crate::evidence::{Depth, Detection, Direction, Protocol};
use crate::flow::{Opening, Stream};

const CLOSE: u8 = 8;
const FINAL: u8 = 0x80;
const COMPRESSED: u8 = 0x40;
const RESERVED: u8 = 0x30;
const MASKED: u8 = 0x80;
/// Bytes of a control frame's payload at most.
const SHORT: usize = 125;
/// Frames of each side that are read at most, and segments that the first may begin.
const FRAMES: usize = 64;
const ORIGINS: usize = 3;
/// Ends of frames that are ends of segments: of both sides together, or of one alone.
const IN_STEP: usize = 3;
/// Such ends of a side whose first bytes are the end of a frame that began before the capture.
const IN_STEP_BEHIND: usize = 2;
const IN_STEP_ALONE: usize = 4;
/// Bytes of text that one side alone must have.
const TEXT_ALONE: usize = 16;

/// Recognises frames on both sides, or texts on one; `None` where the bytes prove nothing.
pub(super) fn inspect(opening: &Opening, depth: Depth) -> Option<Detection> {
    let runs = Direction::BOTH.map(|direction| FrameRun::read(opening.side(direction)));
    let heard = Direction::BOTH.map(|direction| !opening.side(direction).is_empty());
    let client = match &runs {
        [Some(a), Some(b)] => {
            let is_enough = a.in_step + b.in_step >= IN_STEP;
            (is_enough && a.masked != b.masked).then_some(a.masked)?
        }
        [Some(run), None] if !heard[1] && run.proves_alone() => run.masked,
        [None, Some(run)] if !heard[0] && run.proves_alone() => !run.masked,
        _ => return None,
    };
    let client = if client { Direction::Initiator } else { Direction::Responder };
    let mut rooms = InflateRooms::default();
    Some(combine_with_client(client, Protocol::Websocket, opening, depth, |statement| {
        let Some(run) = &runs[statement.direction as usize] else { return Side::Silent };
        statement.role(statement.read_as);
        statement.fact("websocket.frame", run.first.as_bytes(), run.origin);
        if statement.wants_facts() {
            state_frames(
                statement,
                statement.stream.head(),
                run.origin,
                rooms.of(statement.read_as),
            );
        }
        Side::Matches
    }))
}

/// The frames of a side.
struct FrameRun {
    /// Where the first frame begins.
    origin: usize,
    masked: bool,
    /// What the first frame is.
    first: &'static str,
    /// Ends of frames at which a segment ends.
    in_step: usize,
    /// Bytes of text in whole messages.
    text: usize,
}

impl FrameRun {
    /// Reads what was captured before the first gap; `None` where it is not all frames.
    fn read(stream: &Stream) -> Option<Self> {
        let bytes = stream.head();
        let from = |origin| {
            let run = Self::read_from(stream, bytes, origin)?;
            (origin == 0 || run.in_step >= IN_STEP_BEHIND).then_some(run)
        };
        stream.starts(0..bytes.len()).take(ORIGINS).find_map(from)
    }

    fn read_from(stream: &Stream, bytes: &[u8], origin: usize) -> Option<Self> {
        let first = LateFrame::read(&bytes[origin..])?;
        let mut run =
            Self { origin, masked: first.mask.is_some(), first: first.name(), in_step: 0, text: 0 };
        let mut at = origin;
        let mut fragmented = None;
        let mut last_mask = None;
        let mut ends = stream.starts(origin + 1..bytes.len()).chain([bytes.len()]).peekable();
        for _ in 0..FRAMES {
            let rest = &bytes[at..];
            // The rest of the frame was not captured yet.
            let is_begun = |rest: &[u8]| rest.len() < 2 || LateFrame::may_begin(rest, run.masked);
            let Some(frame) = LateFrame::read(rest) else {
                return (at > origin && is_begun(rest)).then_some(run);
            };
            if frame.mask.is_some() != run.masked || frame.mask.is_some() && frame.mask == last_mask
            {
                return None;
            }
            last_mask = frame.mask;
            match frame.opcode() {
                0 if fragmented == Some(false) => return None,
                TEXT | BINARY if fragmented == Some(true) => return None,
                0..=BINARY => fragmented = Some(!frame.is_final()),
                CLOSE => {
                    let code =
                        frame.unmasked().take(2).fold(0, |code, byte| code << 8 | u16::from(byte));
                    let fits = frame.payload.is_empty()
                        || frame.payload.len() >= 2 && (1000..5000).contains(&code);
                    // Nothing follows.
                    if !fits || frame.len != rest.len() {
                        return None;
                    }
                }
                _ => {}
            }
            if frame.is_text() {
                let is_good = match frame.mask {
                    None => is_text(frame.payload),
                    Some(_) => is_text(&frame.unmasked().collect::<Vec<u8>>()),
                };
                if !is_good {
                    return None;
                }
                run.text += frame.payload.len();
            }
            at += frame.len;
            while ends.peek().is_some_and(|&end| end < at) {
                ends.next();
            }
            run.in_step += usize::from(ends.peek() == Some(&at));
            if at == bytes.len() {
                break;
            }
        }
        Some(run)
    }

    const fn proves_alone(&self) -> bool {
        self.in_step >= IN_STEP_ALONE && self.text >= TEXT_ALONE
    }
}

/// Whether a text is one: UTF-8 without control characters, but for the ends of lines and what
/// STOMP and `SignalR` end their messages with.
fn is_text(bytes: &[u8]) -> bool {
    let is_plain = |&byte: &u8| !byte.is_ascii_control() || b"\t\n\r\0\x1e".contains(&byte);
    bytes.iter().all(is_plain) && std::str::from_utf8(bytes).is_ok()
}

/// A whole frame that keeps all rules.
struct LateFrame<'a> {
    first: u8,
    mask: Option<[u8; 4]>,
    payload: &'a [u8],
    /// Bytes of the whole frame.
    len: usize,
}

impl<'a> LateFrame<'a> {
    /// Whether the first two bytes may be those of a frame.
    fn may_begin(bytes: &[u8], masked: bool) -> bool {
        let &[first, second, ..] = bytes else { return false };
        let opcode = first & 0x0f;
        let is_control = opcode >= CLOSE;
        first & RESERVED == 0
            && (opcode <= BINARY || (CLOSE..=LAST_OPCODE).contains(&opcode))
            && (first & COMPRESSED == 0 || matches!(opcode, TEXT | BINARY))
            && (second & MASKED != 0) == masked
            && (!is_control || first & FINAL != 0 && usize::from(second & !MASKED) <= SHORT)
    }

    /// The frame at the beginning of `bytes`; `None` where it is none, or not whole.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let &[first, second, ref rest @ ..] = bytes else { return None };
        if !Self::may_begin(bytes, second & MASKED != 0) {
            return None;
        }
        let (len, size) = match second & !MASKED {
            126 => {
                let len = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
                (Some(len).filter(|&len| len > SHORT)?, 4)
            }
            127 => {
                let len = u64::from_be_bytes(*rest.first_chunk()?);
                (usize::try_from(len).ok().filter(|&len| len > usize::from(u16::MAX))?, 10)
            }
            len => (usize::from(len), 2),
        };
        let behind = bytes.get(size..)?;
        let (mask, behind) = if second & MASKED == 0 {
            (None, behind)
        } else {
            let (mask, behind) = behind.split_first_chunk()?;
            (Some(*mask), behind)
        };
        let payload = behind.get(..len)?;
        let len = bytes.len() - behind.len() + len;
        Some(Self { first, mask, payload, len })
    }

    const fn opcode(&self) -> u8 {
        self.first & 0x0f
    }

    const fn is_final(&self) -> bool {
        self.first & FINAL != 0
    }

    /// Whether the payload is a whole message of text.
    const fn is_text(&self) -> bool {
        self.first == FINAL | TEXT
    }

    fn unmasked(&self) -> impl Iterator<Item = u8> {
        let mask = self.mask.unwrap_or_default();
        self.payload.iter().zip(mask.into_iter().cycle()).map(|(byte, key)| byte ^ key)
    }

    const fn name(&self) -> &'static str {
        match self.opcode() {
            0 => "continuation",
            TEXT => "text",
            BINARY => "binary",
            CLOSE => "close",
            9 => "ping",
            _ => "pong",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::DETECTOR;
    use super::*;
    use crate::detect::registry;
    use crate::evidence::Role;

    fn masked(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let body = payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key);
        [first, MASKED | payload.len() as u8].into_iter().chain(mask).chain(body).collect()
    }

    fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
        [&[first, payload.len() as u8], payload].concat()
    }

    /// A connection without a handshake, of one segment for each entry.
    fn joined(sent: &[(usize, &[u8])]) -> Opening {
        let mut next = [1, 1];
        let mut segments = Vec::new();
        for &(end, bytes) in sent {
            segments.push((end, next[end], bytes));
            next[end] += bytes.len() as u32;
        }
        Opening::from_segments(None, &segments)
    }

    fn is_websocket(sent: &[(usize, &[u8])]) -> bool {
        let detection = (DETECTOR.inspect)(&joined(sent), Depth::Facts);
        matches!(detection, Detection::Yes(found) if found.protocol == Protocol::Websocket)
    }

    #[test]
    fn frames_of_both_sides_are_a_websocket_and_the_masked_side_is_the_client() {
        let (ask, ping) =
            (masked(0x82, [9, 8, 7, 6], b"\0\x01\x02"), masked(0x89, [5, 6, 7, 8], b""));
        let (answer, text) = (plain(0x82, b"\xff\xfe"), plain(0x81, b"{\"tide\":4}"));
        let sent = [(1, &ask[..]), (0, &answer), (1, &ping), (0, &text)];
        let found = registry::inspect(&joined(&sent), Depth::Facts);
        assert_eq!(found.protocol, Some(Protocol::Websocket));
        assert_eq!(found.roles, [Some(Role::Server), Some(Role::Client)]);
        assert!(
            found.facts.iter().any(|f| f.name.is("websocket.text") && f.value == "{\"tide\":4}")
        );
        // From the end of a long frame on.
        let late = [&[(0, &b"rest of a picture"[..])], &sent[..]].concat();
        assert!(is_websocket(&late));
        // The handshake of the connection was seen, so an upgrade would have been too.
        let whole = Opening::from_payloads(
            crate::decode::Transport::Tcp,
            &[&ask, &ping],
            &[&answer, &text],
        );
        assert_ne!(registry::inspect(&whole, Depth::Facts).protocol, Some(Protocol::Websocket));
    }

    #[test]
    fn one_side_alone_needs_text() {
        let texts: Vec<_> = (0..4).map(|n| masked(0x81, [n, 7, n, 9], b"{\"up\":1}")).collect();
        let of = |frames: &[Vec<u8>]| {
            let sent: Vec<_> = frames.iter().map(|frame| (1, &frame[..])).collect();
            is_websocket(&sent)
        };
        assert!(of(&texts) && !of(&texts[..3]));
        let binary: Vec<_> = (0..6).map(|n| masked(0x82, [n, 7, n, 9], b"\xff\0\x01")).collect();
        assert!(!of(&binary));
        // MQTT: subscriptions begin with 82 and a length.
        let subscribe: Vec<_> = (0..6).map(|n| plain(0x82, &[0, n, 0, 1, b'a', 0])).collect();
        assert!(!of(&subscribe));
    }

    #[test]
    fn a_broken_rule_is_not_websocket() {
        let good = [
            (1, masked(0x82, [9, 8, 7, 6], b"abc")),
            (0, plain(0x82, b"def")),
            (1, masked(0x82, [1, 8, 7, 6], b"ghi")),
            (0, plain(0x82, b"jkl")),
        ];
        let with = |place: usize, frame: Vec<u8>| {
            let mut sent = good.clone();
            sent[place].1 = frame;
            let sent: Vec<_> = sent.iter().map(|(end, bytes)| (*end, &bytes[..])).collect();
            is_websocket(&sent)
        };
        assert!(with(0, good[0].1.clone()));
        for (place, frame) in [
            // Reserved bits and opcode; a compressed ping; a ping in fragments.
            (1, plain(0xa2, b"def")),
            (1, plain(0x83, b"def")),
            (1, plain(0xc9, b"def")),
            (1, plain(0x09, b"def")),
            // A message begins within another; a fragment of none.
            (1, plain(0x02, b"def")),
            (3, plain(0x80, b"jkl")),
            // No text; a length that is not the shortest; a close with a wrong code.
            (1, plain(0x81, b"\xff\xff\xff")),
            (1, [&[0x82, 126, 0, 3], &b"def"[..]].concat()),
            (3, plain(0x88, &[0, 1])),
            // The client's without mask, with the mask of the one before; the server's with a mask.
            (2, plain(0x82, b"ghi")),
            (2, masked(0x82, [9, 8, 7, 6], b"ghi")),
            (3, masked(0x82, [4, 4, 5, 5], b"jkl")),
            // A byte more than the frame has.
            (3, plain(0x82, b"jkl").into_iter().chain([7, 7]).collect()),
        ] {
            assert!(!with(place, frame.clone()), "{place} {frame:x?}");
        }
    }

    #[test]
    fn random_bytes_are_not_websocket() {
        let mut state = 0x2545_f491_u32;
        let mut byte = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        };
        for _ in 0..20_000 {
            let sent: Vec<(usize, Vec<u8>)> = (0..6)
                .map(|n| {
                    let len = 2 + usize::from(byte() & 31);
                    (n % 2, (0..len).map(|_| byte()).collect())
                })
                .collect();
            let sent: Vec<_> = sent.iter().map(|(end, bytes)| (*end, &bytes[..])).collect();
            assert!(!is_websocket(&sent), "{sent:x?}");
        }
    }
}
