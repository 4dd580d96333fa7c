//! IEEE 802.11 data that is not encrypted, bare or behind the header of the capturing driver.

use super::ether;
use crate::decode::{Packet, Skip};

/// Whether the driver padded the 802.11 header to four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Padding {
    None,
    Words,
}

/// Frame control, second byte.
const TO_SYSTEM: u8 = 0x01;
const FROM_SYSTEM: u8 = 0x02;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

/// The IP packet in an 802.11 frame.
pub(in crate::decode) fn frame(frame: Packet<'_>) -> Result<Packet<'_>, Skip> {
    data(frame, Padding::None)
}

fn data(frame: Packet<'_>, padding: Padding) -> Result<Packet<'_>, Skip> {
    /// Frame control, first byte: type with version, and bits of the subtypes of data.
    const VERSION_AND_TYPE: u8 = 0x0f;
    const VERSION: u8 = 0x03;
    const DATA: u8 = 0x08;
    const WITHOUT_DATA: u8 = 0x40;
    const QUALITY: u8 = 0x80;
    /// The bit of the quality field for aggregated packets.
    const AGGREGATE: u8 = 0x80;
    let [kind, flags] = frame.array(0)?;
    match kind & VERSION_AND_TYPE {
        DATA if kind & WITHOUT_DATA == 0 => {}
        other if other & VERSION != 0 => return Err(Skip::Malformed),
        _ => return Err(Skip::Wifi),
    }
    if flags & PROTECTED != 0 {
        return Err(Skip::WifiEncrypted);
    }
    // The lower four bits of the sequence control number the fragment.
    if flags & MORE_FRAGMENTS != 0 || frame.byte(22)? & 15 != 0 {
        return Err(Skip::Fragment);
    }
    let mut len =
        if flags & (TO_SYSTEM | FROM_SYSTEM) == TO_SYSTEM | FROM_SYSTEM { 30 } else { 24 };
    let mut is_aggregate = false;
    if kind & QUALITY != 0 {
        is_aggregate = frame.byte(len)? & AGGREGATE != 0;
        len += if flags & ORDER != 0 { 6 } else { 2 };
    }
    let body =
        frame.after(if padding == Padding::Words { len.next_multiple_of(4) } else { len })?;
    if is_aggregate { only_one(body) } else { ether::llc(body) }
}

/// The IP packet in an aggregate of one: addresses, length, data. A frame gives at most one
/// segment, so an aggregate of several packets is skipped as such.
fn only_one(body: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const HEADER: usize = 14;
    /// Bytes that may follow the only packet: padding and the frame check sequence.
    const TRAILER: usize = 3 + 4;
    let len = usize::from(body.be_u16(12)?);
    if body.wire_len() > HEADER + len + TRAILER {
        return Err(Skip::WifiAggregate);
    }
    ether::llc(body.after(HEADER)?.limit(len))
}

/// The IP packet behind a radiotap header (<https://www.radiotap.org>): version, padding, length,
/// then words whose bits name the fields.
pub(super) fn radiotap(frame: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const TIME: u32 = 1;
    const FLAGS: u32 = 2;
    const MORE_WORDS: u32 = 1 << 31;
    /// The flag for a padded 802.11 header.
    const PADDED: u8 = 0x20;
    if frame.byte(0)? != 0 {
        return Err(Skip::Malformed);
    }
    let len = usize::from(frame.le_u16(2)?);
    let present = frame.le_u32(4)?;
    // The fields begin behind the last word. Of the fields before the flags there is only the time,
    // of eight bytes and aligned.
    let mut at = 4;
    while frame.le_u32(at)? & MORE_WORDS != 0 && at < len {
        at += 4;
    }
    at += 4;
    if present & TIME != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    let is_padded = present & FLAGS != 0 && at < len && frame.byte(at)? & PADDED != 0;
    data(frame.after(len)?, if is_padded { Padding::Words } else { Padding::None })
}

/// The IP packet behind an AVS header: its version, its length.
pub(super) fn avs(frame: Packet<'_>) -> Result<Packet<'_>, Skip> {
    self::frame(frame.after(frame.be_u32(4)? as usize)?)
}

/// The IP packet behind a Prism header of 144 bytes, or the AVS header that replaced it.
pub(super) fn prism(frame: Packet<'_>) -> Result<Packet<'_>, Skip> {
    const AVS: u32 = 0x8021_1000;
    const PRISM: usize = 144;
    if frame.be_u32(0)? & 0xffff_f000 == AVS {
        avs(frame)
    } else {
        self::frame(frame.after(PRISM)?)
    }
}
