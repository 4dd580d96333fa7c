//! Google's QUIC before TLS: its `CHLO` message, a list of tagged values (QUIC Crypto, 2016,
//! <https://docs.google.com/document/d/1g5nIXAIkN_Y-7XJW5K45IblHd_L2f5LTaDUDwvZ5L6g>). Up to Q046
//! the message is in the clear, and the tags of version and message, eight bytes in their places,
//! prove it; in Q050 it is in an Initial packet.

/// A `CHLO`.
#[derive(Debug, Default)]
pub(super) struct Chlo<'a> {
    pub(super) server_name: Option<&'a [u8]>,
    pub(super) user_agent: Option<&'a [u8]>,
}

const TAG: &[u8] = b"CHLO";
/// Bytes among which the message begins, after public header, hash and stream frame.
const BEFORE: usize = 80;
/// Tagged values of a message at most.
const VALUES: usize = 128;
/// Tag and end of each value.
const ENTRY: usize = 8;

impl<'a> Chlo<'a> {
    /// The message that begins within the first 80 bytes.
    pub(super) fn find(bytes: &'a [u8]) -> Option<Self> {
        let near = bytes.get(..bytes.len().min(BEFORE))?;
        let at = near.windows(TAG.len()).position(|window| window == TAG)?;
        Self::read(bytes.get(at + TAG.len()..)?)
    }

    /// Reads the number of values, two bytes of padding, the tags with the end of each value, and
    /// the values.
    fn read(message: &'a [u8]) -> Option<Self> {
        let [low, high, 0, 0, rest @ ..] = message else { return None };
        let values = usize::from(u16::from_le_bytes([*low, *high]));
        if !(1..=VALUES).contains(&values) {
            return None;
        }
        let (entries, content) = rest.split_at_checked(values * ENTRY)?;
        let mut chlo = Self::default();
        let mut begin = 0;
        for entry in entries.chunks_exact(ENTRY) {
            let (tag, end) = entry.split_at(4);
            let end = u32::from_le_bytes(end.try_into().ok()?) as usize;
            if end < begin {
                return None;
            }
            // The end of the message may be in a later packet.
            let value = content.get(begin..end);
            match tag {
                b"SNI\0" => chlo.server_name = value,
                b"UAID" => chlo.user_agent = value,
                _ => {}
            }
            begin = end;
        }
        Some(chlo)
    }
}

/// The version in a datagram in the clear: after flags and connection identifier up to Q043, at the
/// place of other versions since Q046.
pub(super) fn version(datagram: &[u8]) -> Option<&[u8]> {
    let at = match datagram.first()? {
        // A version and an identifier of eight bytes are there; of the other flags, only a nonce
        // and the number's length may be set.
        flags if flags & 0x89 == 0x09 && flags & 0x40 == 0 => 9,
        0xc0.. => 1,
        _ => return None,
    };
    let name = datagram.get(at..at + 4)?;
    matches!(name, [b'Q', b'0', b'0'..=b'9', b'0'..=b'9']).then_some(name)
}
