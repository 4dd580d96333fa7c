//! Blocks: their types and headers, their options, and which of them Wireshark numbers as frames.

use crate::source::file::buffer::ByteOrder;

pub(super) const SECTION: u32 = 0x0a0d_0d0a;
pub(super) const INTERFACE: u32 = 1;
pub(super) const OBSOLETE_PACKET: u32 = 2;
pub(super) const SIMPLE_PACKET: u32 = 3;
pub(super) const STATISTICS: u32 = 5;
pub(super) const ENHANCED_PACKET: u32 = 6;
const JOURNAL: u32 = 9;
/// Custom blocks, those that tools may copy and those that they may not.
const CUSTOM: [u32; 2] = [0x0bad, 0x4000_0bad];
/// sysdig's system calls: version 1, 2, 2 with large parameters. Those with flags have no number
/// (Wireshark 4.0 to 4.6).
const SYSTEM_CALL: [u32; 3] = [0x204, 0x216, 0x221];

/// Bytes of type and total length before the body of a block. The total length is repeated behind
/// the body.
pub(super) const BLOCK_HEADER: usize = 8;
/// Bytes of a block without its body.
pub(super) const BLOCK_FRAME: usize = 12;

/// The first fields of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockStart {
    pub(super) block_type: u32,
    /// The length of the block as it states it.
    pub(super) stated: usize,
}

impl BlockStart {
    /// Reads the first [`BLOCK_FRAME`] bytes of a block. `order` becomes that of a section which
    /// begins here; `None` if the section states none.
    #[inline]
    pub(super) fn read(header: &[u8], order: &mut ByteOrder) -> Option<Self> {
        if ByteOrder::Little.u32(header, 0) == SECTION {
            *order = section_order(header)?;
        }
        Some(Self { block_type: order.u32(header, 0), stated: order.u32(header, 4) as usize })
    }

    /// The length of the block in the file. Some writers leave the padding out of the stated length,
    /// but not out of the file; Wireshark reads them too.
    #[inline]
    pub(super) const fn total(self) -> usize {
        self.stated.next_multiple_of(4)
    }

    /// What kind of record without a packet the block is; `None` for packets and for what has no
    /// number in Wireshark: descriptions, statistics, names, secrets, unknown blocks.
    /// <https://gitlab.com/wireshark/wireshark/-/blob/master/wiretap/pcapng.c>, where a block that
    /// is numbered is not `internal`.
    pub(super) fn foreign_record(self) -> Option<ForeignRecord> {
        match self.block_type {
            JOURNAL => Some(ForeignRecord::Journal),
            custom if CUSTOM.contains(&custom) => Some(ForeignRecord::Custom),
            call if SYSTEM_CALL.contains(&call) => Some(ForeignRecord::SystemCall),
            _ => None,
        }
    }
}

/// A record that holds no packet and has a number in Wireshark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ForeignRecord {
    /// Anything that somebody defined.
    Custom,
    /// An entry of systemd's journal in its export format.
    Journal,
    /// A system call as sysdig records it.
    SystemCall,
}

/// Bytes of a record that are looked at for its time.
pub(super) const FOREIGN_BYTES: usize = 4096;

impl ForeignRecord {
    /// Nanoseconds since 1970 that the record states, given its first bytes, if it states them.
    pub(super) fn nanoseconds(self, order: ByteOrder, body: &[u8]) -> Option<i128> {
        match self {
            Self::Custom => None,
            // <https://systemd.io/JOURNAL_EXPORT_FORMATS/>; microseconds.
            Self::Journal => {
                const FIELD: &[u8] = b"__REALTIME_TIMESTAMP=";
                let line =
                    body.split(|&byte| byte == b'\n').find(|line| line.starts_with(FIELD))?;
                let digits = line[FIELD.len()..].trim_ascii_end();
                let microseconds: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
                Some(i128::from(microseconds) * 1_000)
            }
            // The number of the processor, then nanoseconds.
            Self::SystemCall => (body.len() >= 10).then(|| order.u64(body, 2).into()),
        }
    }
}

/// The byte order of a section, given the first twelve bytes of its header.
pub(super) fn section_order(header: &[u8]) -> Option<ByteOrder> {
    match ByteOrder::Little.u32(header, 8) {
        0x1a2b_3c4d => Some(ByteOrder::Little),
        0x4d3c_2b1a => Some(ByteOrder::Big),
        _ => None,
    }
}

/// The options of a block: code and value, up to the end marker or the first that does not fit.
pub(super) fn options(order: ByteOrder, bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.len() < 4 {
            return None;
        }
        let (code, len) = (order.u16(rest, 0), usize::from(order.u16(rest, 2)));
        let value = rest.get(4..4 + len)?;
        rest = rest.get(4 + len.next_multiple_of(4)..).unwrap_or(&[]);
        (code != 0).then_some((code, value))
    })
}
