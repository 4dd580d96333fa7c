//! The frames of one side and the header fields in them: RFC 9113, sections 4 and 6. `loona_hpack`
//! decodes HPACK (RFC 7541).

use loona_hpack::Decoder;

/// Bytes of a frame's header: length, type, flags, stream.
const HEADER: usize = 9;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 0x04;
const PADDED: u8 = 0x08;
const PRIORITY: u8 = 0x20;
/// Bytes of a parameter: identifier and value.
const PARAMETER: usize = 6;
/// Parameters that a server may send at once; about ten are defined (RFC 9113, section 6.5.2).
const PARAMETERS: usize = 32;
/// Bytes of a header block at most, and of HPACK's dynamic table, which has its default size.
const BLOCK: usize = 1 << 14;
const TABLE: usize = 4096;

/// The bytes are not the frame that is required in their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InvalidFrame;

/// The identifiers in a SETTINGS frame on stream 0 that is no acknowledgement; `None` where more
/// bytes are needed.
pub(super) fn settings(bytes: &[u8]) -> Result<Option<String>, InvalidFrame> {
    let fixed = [None, None, None, Some(SETTINGS), Some(0), Some(0), Some(0), Some(0), Some(0)];
    if bytes.iter().zip(fixed).any(|(byte, wanted)| wanted.is_some_and(|wanted| *byte != wanted)) {
        return Err(InvalidFrame);
    }
    let Some(head) = bytes.first_chunk::<3>() else {
        return if bytes.iter().all(|&b| b == 0) { Ok(None) } else { Err(InvalidFrame) };
    };
    let len = length(*head);
    if !len.is_multiple_of(PARAMETER) || len > PARAMETERS * PARAMETER {
        return Err(InvalidFrame);
    }
    let Some(parameters) = bytes.get(HEADER..HEADER + len) else { return Ok(None) };
    let ids: Vec<String> = parameters
        .chunks_exact(PARAMETER)
        .map(|p| u16::from_be_bytes([p[0], p[1]]).to_string())
        .collect();
    Ok(Some(ids.join(" ")))
}

fn length([high, middle, low]: [u8; 3]) -> usize {
    usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
}

/// The name and the value of a header field.
pub(super) type HeaderField = (Vec<u8>, Vec<u8>);

/// The header fields of a request or a response.
pub(super) struct HeaderBlock {
    /// The offset of the frame.
    pub(super) at: usize,
    /// The HTTP/2 stream that the fields belong to.
    pub(super) stream: u32,
    pub(super) fields: Vec<HeaderField>,
}

/// The reserved bit before a stream's number.
const RESERVED: u32 = 1 << 31;

/// Iterates over the header blocks of one side, until a frame was not captured whole or HPACK's
/// table is lost.
pub(super) struct HeaderBlocks<'a> {
    bytes: &'a [u8],
    at: usize,
    decoder: Decoder<'a>,
}

impl<'a> HeaderBlocks<'a> {
    /// The header blocks from the frame at the offset `at` on.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        let mut decoder = Decoder::new();
        decoder.set_max_allowed_table_size(TABLE);
        Self { bytes, at, decoder }
    }

    /// The next frame: its offset, type, flags, stream and payload.
    fn read(&mut self) -> Option<(usize, u8, u8, u32, &'a [u8])> {
        let at = self.at;
        let rest = self.bytes.get(at..)?;
        let &[high, middle, low, kind, flags, ref stream @ ..] = rest.first_chunk::<HEADER>()?;
        let content = rest.get(HEADER..HEADER + length([high, middle, low]))?;
        self.at = at + HEADER + content.len();
        Some((at, kind, flags, u32::from_be_bytes(*stream) & !RESERVED, content))
    }
}

impl Iterator for HeaderBlocks<'_> {
    type Item = HeaderBlock;

    fn next(&mut self) -> Option<HeaderBlock> {
        loop {
            let (at, kind, mut flags, stream, content) = self.read()?;
            if kind != HEADERS {
                // A push promise changes HPACK's table, and pushes are no longer in use.
                if kind == PUSH_PROMISE {
                    return None;
                }
                continue;
            }
            let padding = if flags & PADDED != 0 { usize::from(*content.first()?) } else { 0 };
            let before =
                usize::from(flags & PADDED != 0) + if flags & PRIORITY != 0 { 5 } else { 0 };
            let mut block = content.get(before..content.len().checked_sub(padding)?)?.to_vec();
            while flags & END_HEADERS == 0 {
                let (_, kind, more, same, content) = self.read()?;
                if kind != CONTINUATION || same != stream || block.len() + content.len() > BLOCK {
                    return None;
                }
                block.extend_from_slice(content);
                flags = more;
            }
            let mut fields = Vec::new();
            self.decoder
                .decode_with_cb(&block, |name, value| {
                    fields.push((name.into_owned(), value.into_owned()));
                })
                .ok()?;
            return Some(HeaderBlock { at, stream, fields });
        }
    }
}
