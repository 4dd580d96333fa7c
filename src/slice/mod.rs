//! The packets of selected flows as a capture of their own, with the verdicts as comments.
//!
//! A capture is read three times, so that no packet is kept: [`pipeline::run`](crate::pipeline::run)
//! finds the flows ([`SlicedFlows`]), [`SlicedFlows::frames`] their frames, and [`copy()`] copies
//! these. Memory grows with the selected flows, and by a bit for each frame of the capture.

mod copy;
mod flows;
mod frame_set;

pub use self::copy::copy;
pub use self::flows::{SlicePart, SlicedFlows};
pub use self::frame_set::FrameSet;
