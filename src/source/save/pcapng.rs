//! Writes the blocks of a pcapng file,
//! <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html>, in the byte order of this
//! machine.
//!
//! A file has a section header, a description of each interface, frames in enhanced packet blocks
//! with nanoseconds, and at its end the statistics of the interfaces.

use crate::source::{Drops, Frame, LinkType};
use crate::time::Time;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;

const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const SHB_APPLICATION: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TIME_RESOLUTION: u16 = 9;
const ISB_RECEIVED: u16 = 4;
const ISB_INTERFACE_DROPS: u16 = 5;
const ISB_SYSTEM_DROPS: u16 = 7;

/// Times are in units of ten to the minus this power of a second.
const NANOSECONDS: u8 = 9;

/// An interface as described in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedInterface {
    /// Name of the interface.
    pub name: String,
    /// Link type of its frames.
    pub link: LinkType,
    /// Maximum captured bytes per frame.
    pub snap_len: u32,
}

/// The counters of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InterfaceCounts {
    /// Number of frames that were read.
    pub frames: u64,
    /// Numbers of frames that were lost before.
    pub drops: Drops,
}

/// The beginning of a file: section header and interface descriptions.
pub(crate) fn header(out: &mut Vec<u8>, interfaces: &[SavedInterface]) {
    block(out, SECTION, |out| {
        out.extend(0x1a2b_3c4d_u32.to_ne_bytes());
        out.extend(1_u16.to_ne_bytes());
        out.extend(0_u16.to_ne_bytes());
        // The length of the section is unknown.
        out.extend(u64::MAX.to_ne_bytes());
        option(out, SHB_APPLICATION, concat!("portlore ", env!("CARGO_PKG_VERSION")).as_bytes());
        option(out, END_OF_OPTIONS, &[]);
    });
    interfaces.iter().for_each(|described| interface(out, described));
}

/// The description of an interface.
pub(crate) fn interface(out: &mut Vec<u8>, interface: &SavedInterface) {
    block(out, INTERFACE, |out| {
        out.extend(interface.link.0.to_ne_bytes());
        out.extend(0_u16.to_ne_bytes());
        out.extend(interface.snap_len.to_ne_bytes());
        option(out, IF_NAME, interface.name.as_bytes());
        option(out, IF_TIME_RESOLUTION, &[NANOSECONDS]);
        option(out, END_OF_OPTIONS, &[]);
    });
}

/// An enhanced packet block.
pub(super) fn frame(out: &mut Vec<u8>, frame: &Frame<'_>) {
    commented_frame(out, frame, None);
}

/// An enhanced packet block with a comment, of at most 65,535 bytes.
pub(crate) fn commented_frame(out: &mut Vec<u8>, frame: &Frame<'_>, comment: Option<&str>) {
    block(out, PACKET, |out| {
        out.extend(frame.interface.to_ne_bytes());
        stamp(out, frame.time);
        out.extend((frame.bytes.len() as u32).to_ne_bytes());
        out.extend(frame.wire_len.to_ne_bytes());
        padded(out, frame.bytes);
        if let Some(comment) = comment {
            let ends = (0..=comment.len().min(u16::MAX.into())).rev();
            let end = ends.into_iter().find(|&end| comment.is_char_boundary(end)).unwrap_or(0);
            option(out, COMMENT, &comment.as_bytes()[..end]);
            option(out, END_OF_OPTIONS, &[]);
        }
    });
}

/// The statistics of an interface at `time`.
pub(super) fn statistics(out: &mut Vec<u8>, interface: u32, time: Time, counts: InterfaceCounts) {
    block(out, STATISTICS, |out| {
        out.extend(interface.to_ne_bytes());
        stamp(out, time);
        option(out, ISB_RECEIVED, &counts.frames.to_ne_bytes());
        option(out, ISB_INTERFACE_DROPS, &counts.drops.interface.to_ne_bytes());
        option(out, ISB_SYSTEM_DROPS, &counts.drops.kernel.to_ne_bytes());
        option(out, END_OF_OPTIONS, &[]);
    });
}

/// A block: type, length, body, and the length once more.
fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend(kind.to_ne_bytes());
    out.extend([0; 4]);
    body(out);
    let len = ((out.len() - start + 4) as u32).to_ne_bytes();
    out[start + 4..start + 8].copy_from_slice(&len);
    out.extend(len);
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    out.extend(code.to_ne_bytes());
    out.extend((value.len() as u16).to_ne_bytes());
    padded(out, value);
}

fn padded(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes);
    out.extend(&[0; 3][..bytes.len().next_multiple_of(4) - bytes.len()]);
}

/// A time stamp: the upper half first, in either byte order.
fn stamp(out: &mut Vec<u8>, time: Time) {
    let ns = time.0 as u64;
    out.extend(((ns >> 32) as u32).to_ne_bytes());
    out.extend((ns as u32).to_ne_bytes());
}
