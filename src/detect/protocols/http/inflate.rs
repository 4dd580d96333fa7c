//! Decompression of bodies (RFC 9110, section 8.4.1) and of WebSocket messages (RFC 7692), within one
//! limit for all of a flow: a few kilobytes may hold gigabytes, and a few hundred bytes many bodies.

use flate2::bufread::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

use crate::evidence::Role;

/// Decompressed bytes of a flow at most, for the server and for the client: what clients send takes
/// nothing from what servers answer. A page is read as far as one that is not compressed; what servers
/// say of themselves stands at its beginning. The limit bounds the time that a flow
/// takes: `benches/detector_cost.py`.
const SERVER: usize = 8 << 10;
const CLIENT: usize = 2 << 10;
/// What each decompressed body takes of the limit beside its bytes: a decoder has to be made.
const DECODER: usize = 512;
/// What each byte, or cut character, that is no text takes of the limit: it is found and replaced one
/// by one, and says nothing.
const INVALID: usize = 12;

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
    /// The decompressed bytes as text, as far as there is room. Cut or damaged input gives the bytes
    /// before the damage.
    pub(super) fn decompress(&mut self, compression: BodyCompression, bytes: &[u8]) -> String {
        if self.0 == 0 {
            return String::new();
        }
        let is_framed = || {
            bytes.first_chunk().is_some_and(|&head| {
                head[0] & 15 == 8 && u16::from_be_bytes(head).is_multiple_of(31)
            })
        };
        let content = match compression {
            BodyCompression::Gzip => gunzip(bytes, self.0),
            BodyCompression::Deflate => {
                let mut content = Vec::new();
                inflate(is_framed(), bytes, &mut content, self.0);
                content
            }
        };
        let (text, taken) = as_text(content, self.0);
        self.0 = self.0.saturating_sub(taken + DECODER);
        text
    }
}

/// The bytes of all members (RFC 1952, section 2.2) up to the limit.
fn gunzip(mut bytes: &[u8], limit: usize) -> Vec<u8> {
    /// Checksum and length behind each member.
    const TRAILER: usize = 8;
    let mut content = Vec::new();
    while content.len() < limit {
        let member = GzDecoder::new(bytes);
        if member.header().is_none() {
            break;
        }
        let member = member.into_inner();
        let Some(taken) = inflate(false, member, &mut content, limit) else { break };
        bytes = member.get(taken + TRAILER..).unwrap_or(&[]);
    }
    content
}

/// Adds the bytes of a stream of `deflate`, in a frame of `zlib` or not, up to the limit of all content.
/// Returns how long the stream was if all of it is there. Unlike a decoder that is a reader, this
/// decompresses nothing beyond the limit.
fn inflate(is_framed: bool, bytes: &[u8], content: &mut Vec<u8>, limit: usize) -> Option<usize> {
    let begin = content.len();
    content.resize(limit.max(begin), 0);
    let mut state = Decompress::new(is_framed);
    let into = content.get_mut(begin..).unwrap_or_default();
    let status = state.decompress(bytes, into, FlushDecompress::Finish);
    // An error gives the end of what can be read, which the bytes show too.
    content.truncate(begin + state.total_out() as usize);
    matches!(status, Ok(Status::StreamEnd)).then(|| state.total_in() as usize)
}

/// The content as the text that facts state, and what it takes of the limit.
fn as_text(content: Vec<u8>, limit: usize) -> (String, usize) {
    let content = match String::from_utf8(content) {
        Ok(text) => {
            let taken = text.len();
            return (text, taken);
        }
        Err(error) => error.into_bytes(),
    };
    let mut text = String::with_capacity(content.len());
    let mut taken = 0;
    for chunk in content.utf8_chunks() {
        text.push_str(chunk.valid());
        taken += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
            taken += INVALID;
        }
        if taken >= limit {
            break;
        }
    }
    (text, taken.min(limit))
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

    fn gunzipped(bytes: &[u8]) -> String {
        InflateRoom(SERVER).decompress(BodyCompression::Gzip, bytes)
    }

    fn inflated(bytes: &[u8]) -> String {
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
    fn bytes_that_are_not_text_count_several_times() {
        let mut room = InflateRoom(SERVER);
        let bomb = compressed(&vec![0xff; 1 << 20]);
        let text = room.decompress(BodyCompression::Gzip, &bomb);
        assert_eq!((text, room.0), ("\u{fffd}".repeat(SERVER.div_ceil(INVALID)), 0));
        let mut room = InflateRoom(SERVER);
        let page = compressed(b"caf\xe9, na\xefve");
        assert_eq!(room.decompress(BodyCompression::Gzip, &page), "caf\u{fffd}, na\u{fffd}ve");
        assert_eq!(room.0, SERVER - DECODER - 2 * INVALID - 9);
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
        assert!((15..=17).contains(&read), "{read}");
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
        let cut = gunzipped(&body[..8000]);
        assert!(cut.len() > 8000 && text.starts_with(&cut), "{}", cut.len());
        assert_eq!(gunzipped(b"not compressed at all"), "");
    }

    #[test]
    fn members_of_gzip_are_joined_within_the_limit() {
        let two = [compressed(b"one, "), compressed(b"two")].concat();
        assert_eq!(gunzipped(&two), "one, two");
        let long = [compressed(&[b'a'; SERVER - 1]), compressed(b"bc")].concat();
        assert!(gunzipped(&long).len() == SERVER && gunzipped(&long).ends_with("ab"));
        assert_eq!(gunzipped(&[&compressed(b"one")[..], b"\x1f\x8bnot"].concat()), "one");
    }

    #[test]
    fn deflate_is_read_with_its_frame_and_without() {
        let mut framed =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        framed.write_all(b"some words").unwrap();
        let framed = framed.finish().unwrap();
        assert_eq!(inflated(&framed), "some words");
        assert_eq!(inflated(&framed[2..framed.len() - 4]), "some words");
    }
}
