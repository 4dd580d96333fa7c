//! Copies frames into a capture, with comments.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{FrameSet, SlicedFlows};
use crate::Result;
use crate::report::escape;
use crate::source::save::{SavedInterface, pcapng};
use crate::source::{Files, Frame, LinkType, Next, Source};

/// Bytes of blocks that are handed on together.
const TOGETHER: usize = 256 << 10;

/// Copies `frames` of the files to a pcapng file, with the comments of `flows` and each such frame's
/// file and number in it. Blocks go to `write`, which says whether more are wanted. Returns the number
/// of frames. Ends early once `stop` is set.
///
/// # Errors
/// The source fails for good, or `write` fails.
pub fn copy(
    files: &mut Files,
    (frames, flows): (&FrameSet, &SlicedFlows),
    stop: &AtomicBool,
    mut write: impl FnMut(&[u8]) -> Result<bool>,
) -> Result<u64> {
    let mut out = Vec::new();
    pcapng::header(&mut out, &[]);
    let mut interfaces = WrittenInterfaces::default();
    let (mut bytes, mut copied) = (Vec::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        let frame = match files.next()? {
            Next::Frame(frame) => frame,
            Next::Idle => continue,
            Next::End => break,
        };
        if !frames.contains(frame.number) {
            continue;
        }
        // The frame is in the way of questions about its file and its interface.
        bytes.clear();
        bytes.extend(frame.bytes);
        let frame = Frame { bytes: &bytes, ..frame };
        let interface = interfaces.number(&mut out, (frame.interface, frame.link), files);
        let comment = flows.comment(frame.number).map(|text| match files.place() {
            Some((file, number)) => format!("{text} ({} frame {number})", escape(file)),
            None => text.to_owned(),
        });
        let frame = Frame { interface, ..frame };
        pcapng::commented_frame(&mut out, &frame, comment.as_deref());
        copied += 1;
        if out.len() >= TOGETHER {
            if !write(&out)? {
                return Ok(copied);
            }
            out.clear();
        }
    }
    write(&out)?;
    Ok(copied)
}

/// The interfaces that are described in the file so far.
#[derive(Default)]
struct WrittenInterfaces(HashMap<(u32, LinkType), u32>);

impl WrittenInterfaces {
    /// The number of an interface in the file, which is described there when it is first used.
    fn number(&mut self, out: &mut Vec<u8>, of: (u32, LinkType), files: &Files) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(of).or_insert_with(|| {
            let (number, link) = of;
            // No limit: what was cut says so itself.
            let interface = SavedInterface { name: files.interface(number), link, snap_len: 0 };
            pcapng::interface(out, &interface);
            next
        })
    }
}
