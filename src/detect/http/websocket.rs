//! WebSocket frames after an upgrade: RFC 6455, section 5.2. Only what is said in text frames is stated.

use super::super::Statement;

const TEXT: u8 = 1;
const LAST_OPCODE: u8 = 10;
/// Frames of each side that are read.
const FRAMES: usize = 16;

/// States the text frames that begin at `at`.
pub(super) fn state_texts(statement: &mut Statement<'_>, mut at: usize) {
    let stream = statement.stream;
    for _ in 0..FRAMES {
        let bytes = stream.head().get(at..).unwrap_or(&[]);
        let Some(frame) = read(bytes) else { return };
        let mut text: Vec<u8> = bytes[frame.from..frame.to].to_vec();
        if let Some(mask) = frame.mask {
            for (i, byte) in text.iter_mut().enumerate() {
                *byte ^= mask[i % 4];
            }
        }
        if frame.opcode == TEXT {
            statement.say("websocket.text", &text, at);
        }
        at += frame.to;
    }
}

struct Frame {
    opcode: u8,
    mask: Option<[u8; 4]>,
    from: usize,
    to: usize,
}

/// The frame that these bytes begin with, where it is whole.
fn read(bytes: &[u8]) -> Option<Frame> {
    let [first, second, rest @ ..] = bytes else { return None };
    let opcode = first & 0x0f;
    // Reserved bits are zero but for compressed messages, which are of no use here.
    if first & 0x70 != 0 || opcode > LAST_OPCODE {
        return None;
    }
    let (len, mut from) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?, 10),
        len => (usize::from(len), 2),
    };
    let mask = if second & 0x80 == 0 {
        None
    } else {
        from += 4;
        Some(*bytes.get(from - 4..)?.first_chunk()?)
    };
    let to = from.checked_add(len).filter(|&to| to <= bytes.len())?;
    Some(Frame { opcode, mask, from, to })
}
