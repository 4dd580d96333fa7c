//! WebSocket frames after an upgrade: RFC 6455, section 5.2, and their compression, RFC 7692. The
//! content of text frames is stated, and the length of the first binary frame.

use super::inflate::{InflateRoom, Inflater};
use crate::detect::json_document;
use crate::detect::statement::Statement;

pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const LAST_OPCODE: u8 = 10;
/// The bit of a compressed message, and the bits that are reserved.
const COMPRESSED: u8 = 0x40;
const RESERVED: u8 = 0x30;
/// Frames of each side that are read at most.
const FRAMES: usize = 16;
/// The end of a compressed message, which the sender leaves out (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// States the frames from the offset `at` on.
pub(super) fn state_frames(
    statement: &mut Statement<'_>,
    bytes: &[u8],
    mut at: usize,
    room: &mut InflateRoom,
) {
    let (mut binary, mut inflater) = (false, None);
    for _ in 0..FRAMES {
        let Some(frame) = read(bytes.get(at..).unwrap_or(&[])) else { return };
        let mut content: Vec<u8> = bytes[at + frame.from..at + frame.to].to_vec();
        if let Some(mask) = frame.mask {
            for (i, byte) in content.iter_mut().enumerate() {
                *byte ^= mask[i % 4];
            }
        }
        // Later messages may refer to earlier ones (RFC 7692, section 7.2.3.2), so all are
        // decompressed as one.
        if frame.compressed {
            content.extend(TAIL);
            content = inflater.get_or_insert_with(Inflater::new).next(&content, room);
        }
        match frame.opcode {
            // The limit of decompressed bytes is reached.
            TEXT if content.is_empty() && frame.compressed => return,
            TEXT => {
                statement.fact("websocket.text", &content, at);
                json_document::state(statement, &content, at);
            }
            BINARY if !binary => {
                binary = true;
                statement.fact(
                    "websocket.binary",
                    format!("{} bytes", content.len()).as_bytes(),
                    at,
                );
            }
            _ => {}
        }
        at += frame.to;
    }
}

struct WebsocketFrame {
    opcode: u8,
    compressed: bool,
    mask: Option<[u8; 4]>,
    from: usize,
    to: usize,
}

/// The frame at the beginning of `bytes`, if it was captured whole.
fn read(bytes: &[u8]) -> Option<WebsocketFrame> {
    let [first, second, rest @ ..] = bytes else { return None };
    let opcode = first & 0x0f;
    if first & RESERVED != 0 || opcode > LAST_OPCODE {
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
    Some(WebsocketFrame { opcode, compressed: first & COMPRESSED != 0, mask, from, to })
}
