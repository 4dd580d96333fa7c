//! The time with which a file begins, where its first frames state none: that of the first block
//! which does.

use std::io;

use super::blocks::{
    BLOCK_FRAME, BLOCK_HEADER, BlockStart, ENHANCED_PACKET, FOREIGN_BYTES, INTERFACE,
    OBSOLETE_PACKET, SECTION,
};
use super::clock::Clock;
use super::section;
use crate::source::file::buffer::{Buffer, ByteOrder};
use crate::source::file::record::clamped;
use crate::time::Time;

/// Bytes in which a block with a time is searched.
const BYTES: usize = 64 << 10;

/// How often no byte came until the search is given up: a file that grows, or a pipe, may hold no
/// time at all.
const MAX_PAUSES: u32 = 20;

/// The search in one file.
#[derive(Debug, Default)]
pub(super) struct TimeAhead {
    /// Pauses since the last byte came, and the bytes that were there.
    pauses: u32,
    there: usize,
}

impl TimeAhead {
    /// The first time that the blocks of the window state, the interfaces so far having these
    /// clocks; `None` if they state none.
    ///
    /// # Errors
    /// As [`Buffer::want`]: no byte comes at the moment.
    pub(super) fn find(
        &mut self,
        buffer: &mut Buffer,
        order: ByteOrder,
        clocks: Vec<Clock>,
    ) -> io::Result<Option<Time>> {
        match find(buffer, order, clocks) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let there = buffer.held();
                self.pauses = if there > self.there { 0 } else { self.pauses + 1 };
                self.there = there;
                if self.pauses < MAX_PAUSES { Err(error) } else { Ok(None) }
            }
            Err(_) => Ok(None),
            found => found,
        }
    }
}

fn find(
    buffer: &mut Buffer,
    mut order: ByteOrder,
    mut clocks: Vec<Clock>,
) -> io::Result<Option<Time>> {
    let mut at = 0;
    while at < BYTES {
        let Some(header) = range(buffer, at, BLOCK_FRAME)? else { return Ok(None) };
        let Some(start) = BlockStart::read(header, &mut order) else { return Ok(None) };
        if start.stated < BLOCK_FRAME {
            return Ok(None);
        }
        let body = start.total() - BLOCK_FRAME;
        match start.block_type {
            SECTION => clocks.clear(),
            INTERFACE => {
                let Some(body) = range(buffer, at + BLOCK_HEADER, body.min(BYTES))? else {
                    return Ok(None);
                };
                clocks.push(section::clock(order, body));
            }
            ENHANCED_PACKET | OBSOLETE_PACKET if body >= 12 => {
                let Some(body) = range(buffer, at + BLOCK_HEADER, 12)? else { return Ok(None) };
                let index = match start.block_type {
                    ENHANCED_PACKET => order.u32(body, 0) as usize,
                    _ => order.u16(body, 0).into(),
                };
                return Ok(clocks.get(index).map(|clock| clock.time(units(order, body)).0));
            }
            _ => {
                if let Some(record) = start.foreign_record()
                    && let Some(body) = range(buffer, at + BLOCK_HEADER, body.min(FOREIGN_BYTES))?
                    && let Some(nanoseconds) = record.nanoseconds(order, body)
                {
                    return Ok(Some(clamped(nanoseconds).0));
                }
            }
        }
        at = at.saturating_add(start.total());
    }
    Ok(None)
}

/// `len` bytes of the window at `at`; `None` if the stream ends before.
fn range(buffer: &mut Buffer, at: usize, len: usize) -> io::Result<Option<&[u8]>> {
    let there = buffer.want(at + len)?;
    Ok((there == at + len).then(|| buffer.range(at, there)))
}

/// The units of a packet, given its body.
#[inline]
pub(super) fn units(order: ByteOrder, body: &[u8]) -> u64 {
    u64::from(order.u32(body, 4)) << 32 | u64::from(order.u32(body, 8))
}
