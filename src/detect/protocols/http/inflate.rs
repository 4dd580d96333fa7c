//! Decompression of bodies (RFC 9110, section 8.4.1) and of WebSocket messages (RFC 7692), within one
//! limit for all of a flow: a few kilobytes may hold gigabytes, and a few hundred bytes many bodies.

use std::io::Read;

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use flate2::{Decompress, FlushDecompress};

use crate::evidence::Role;

/// Decompressed bytes of a flow at most, for the server and for the client: what clients send takes
/// nothing from what servers answer. What servers say of themselves stands at the beginning of their
/// pages, and the limit bounds the time that a flow takes.
const SERVER: usize = 24 << 10;
const CLIENT: usize = 8 << 10;
/// What each decompressed body takes of the limit beside its bytes: a decoder has to be made.
const DECODER: usize = 512;

/// How a body is compressed.
#[derive(Clone, Copy)]
pub(super) enum BodyCompression {
    Gzip,
    /// In a frame of `zlib`, which some servers leave out (RFC 9110, section 8.4.1.2).
    Deflate,
}

/// The rooms of both sides of a flow.
pub(super) struct InflateRooms {
    client: InflateRoom,
    server: InflateRoom,
}

impl Default for InflateRooms {
    fn default() -> Self {
        Self { client: InflateRoom(CLIENT), server: InflateRoom(SERVER) }
    }
}

impl InflateRooms {
    /// The room of the side that plays `role`.
    pub(super) const fn of(&mut self, role: Role) -> &mut InflateRoom {
        match role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }
}

/// The decompressed bytes that the bodies and messages of a side may still have.
pub(super) struct InflateRoom(usize);

impl InflateRoom {
    /// The decompressed bytes, as far as there is room. Cut or damaged input gives the bytes before
    /// the damage.
    pub(super) fn decompress(&mut self, compression: BodyCompression, bytes: &[u8]) -> Vec<u8> {
        if self.0 == 0 {
            return Vec::new();
        }
        let is_framed = || {
            bytes.first_chunk().is_some_and(|&head| {
                head[0] & 15 == 8 && u16::from_be_bytes(head).is_multiple_of(31)
            })
        };
        let content = match compression {
            BodyCompression::Gzip => bounded(MultiGzDecoder::new(bytes), self.0),
            BodyCompression::Deflate if is_framed() => bounded(ZlibDecoder::new(bytes), self.0),
            BodyCompression::Deflate => bounded(DeflateDecoder::new(bytes), self.0),
        };
        let content = as_text(content, self.0);
        self.0 = self.0.saturating_sub(content.len() + DECODER);
        content
    }
}

/// The bytes up to the limit. The error of the decoder gives the end of the input, which the bytes
/// show too.
fn bounded(decoder: impl Read, limit: usize) -> Vec<u8> {
    let mut content = Vec::new();
    let _ = decoder.take(limit as u64).read_to_end(&mut content);
    content
}

/// The content as the text that facts state: what is not UTF-8 becomes up to three times as long, and
/// then counts as such.
fn as_text(content: Vec<u8>, limit: usize) -> Vec<u8> {
    let content = match String::from_utf8(content) {
        Ok(text) => return text.into_bytes(),
        Err(error) => error.into_bytes(),
    };
    let mut text = String::with_capacity(content.len().min(limit));
    for chunk in content.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
        if text.len() >= limit {
            break;
        }
    }
    let mut text = text.into_bytes();
    text.truncate(limit);
    text
}

/// Decompresses `deflate` without a frame that comes in parts.
pub(super) struct Inflater {
    state: Decompress,
    is_damaged: bool,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { state: Decompress::new(false), is_damaged: false }
    }

    /// The decompressed bytes of the next part, as far as there is room. Damaged input gives the
    /// bytes before the damage, and none from then on.
    pub(super) fn next(&mut self, mut part: &[u8], room: &mut InflateRoom) -> Vec<u8> {
        const STEP: usize = 1024;
        let mut content = Vec::new();
        let mut chunk = [0; STEP];
        while room.0 > 0 && !self.is_damaged {
            let (taken, given) = (self.state.total_in(), self.state.total_out());
            let into = &mut chunk[..room.0.min(STEP)];
            let status = self.state.decompress(part, into, FlushDecompress::Sync);
            let taken = (self.state.total_in() - taken) as usize;
            let given = (self.state.total_out() - given) as usize;
            content.extend_from_slice(into.get(..given).unwrap_or(&[]));
            part = part.get(taken..).unwrap_or(&[]);
            room.0 = room.0.saturating_sub(given);
            match status {
                Ok(_) if given > 0 || taken > 0 && !part.is_empty() => {}
                Ok(_) => break,
                Err(_) => self.is_damaged = true,
            }
        }
        content
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn compressed(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn gunzip(bytes: &[u8]) -> Vec<u8> {
        InflateRoom(SERVER).decompress(BodyCompression::Gzip, bytes)
    }

    fn inflate(bytes: &[u8]) -> Vec<u8> {
        InflateRoom(SERVER).decompress(BodyCompression::Deflate, bytes)
    }

    #[test]
    fn all_bodies_of_a_flow_share_one_limit() {
        let mut room = InflateRoom(SERVER);
        let mut read =
            |text: &[u8]| room.decompress(BodyCompression::Gzip, &compressed(text)).len();
        assert_eq!(read(&[b'a'; 1000]), 1000);
        assert_eq!(read(&vec![b'a'; 1 << 22]), SERVER - 1000 - DECODER);
        assert_eq!(read(b"a"), 0);
    }

    #[test]
    fn bytes_that_are_not_text_count_as_the_text_that_is_made_of_them() {
        let mut room = InflateRoom(SERVER);
        let bomb = compressed(&vec![0xff; 1 << 20]);
        let text = room.decompress(BodyCompression::Gzip, &bomb);
        assert_eq!((text.len(), room.0), (SERVER, 0));
        assert!(text.starts_with("\u{fffd}\u{fffd}".as_bytes()));
    }

    #[test]
    fn what_clients_send_takes_nothing_from_what_servers_answer() {
        let (mut rooms, bomb) = (InflateRooms::default(), compressed(&vec![b'a'; 1 << 20]));
        let mut read = |role| rooms.of(role).decompress(BodyCompression::Gzip, &bomb).len();
        assert_eq!([Role::Client, Role::Server, Role::Client].map(&mut read), [CLIENT, SERVER, 0]);
    }

    #[test]
    fn many_small_bodies_come_to_the_limit() {
        let (mut room, body) = (InflateRoom(SERVER), compressed(b"a"));
        let mut read = 0;
        while !room.decompress(BodyCompression::Gzip, &body).is_empty() {
            read += 1;
        }
        assert!((32..60).contains(&read), "{read}");
    }

    #[test]
    fn messages_share_the_limit_with_bodies() {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&vec![b'a'; 1 << 20]).unwrap();
        let bomb = encoder.finish().unwrap();
        let mut room = InflateRoom(SERVER);
        room.decompress(BodyCompression::Gzip, &compressed(&[b'b'; 5000]));
        let left = room.0;
        assert_eq!(Inflater::new().next(&bomb, &mut room).len(), left);
        assert_eq!(Inflater::new().next(&bomb, &mut room).len(), 0);
    }

    #[test]
    fn what_was_cut_gives_what_is_there() {
        let text: String = (0..9000_u32).map(|i| i.wrapping_mul(0x9e37_79b9).to_string()).collect();
        let body = compressed(text.as_bytes());
        let cut = gunzip(&body[..8000]);
        assert!(cut.len() > 8000 && text.as_bytes().starts_with(&cut), "{}", cut.len());
        assert_eq!(gunzip(b"not compressed at all"), b"");
    }

    #[test]
    fn deflate_is_read_with_its_frame_and_without() {
        let mut framed =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        framed.write_all(b"some words").unwrap();
        let framed = framed.finish().unwrap();
        assert_eq!(inflate(&framed), b"some words");
        assert_eq!(inflate(&framed[2..framed.len() - 4]), b"some words");
    }
}
