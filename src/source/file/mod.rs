//! Capture files as one stream of frames in capture order.
//!
//! Takes paths (`-` is standard input), gives frames. Each file is in the order in which it was
//! written; several are merged by time, so that rotated and parallel captures read as one, or
//! chained: one behind the other as they were named.
//!
//! `paths` finds the files that were meant, `compressed` undoes compression, `foreign` names what
//! is no capture, `capture_file` reads one file, and this module joins them. Of many files only
//! those are held in memory whose times overlap.

mod ahead;
mod buffer;
mod capture_file;
mod compressed;
mod follow;
mod foreign;
mod interfaces;
mod lz4;
mod order;
mod paths;
mod pcap;
mod pcapng;
mod pipe;
mod places;
mod record;
mod variant;
mod xz;
mod zstd;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use self::follow::Follow;
pub use self::paths::{Found, find, folders};
pub use self::places::Places;

use self::capture_file::{CaptureFile, Opened};
use self::interfaces::Interfaces;
use super::{Block, Drops, Filled, Frame, LinkType, Next, Source};
use crate::time::Time;

/// One of several files.
enum Slot {
    /// Its turn has not come: only the system's file is held.
    Waiting { name: String, file: File, link: Option<LinkType> },
    /// Its frames are being read.
    Reading(Box<CaptureFile>),
    /// It has ended.
    Over { link: Option<LinkType>, drops: Drops, problem: Option<String>, notice: Option<String> },
}

impl Slot {
    fn link(&self) -> Option<LinkType> {
        match self {
            Self::Waiting { link, .. } | Self::Over { link, .. } => *link,
            Self::Reading(file) => file.link(),
        }
    }

    fn drops(&self) -> Drops {
        match self {
            Self::Waiting { .. } => Drops::default(),
            Self::Reading(file) => file.drops(),
            Self::Over { drops, .. } => *drops,
        }
    }

    fn problem(&self) -> Option<&String> {
        match self {
            Self::Waiting { .. } => None,
            Self::Reading(file) => file.problem(),
            Self::Over { problem, .. } => problem.as_ref(),
        }
    }

    fn notice(&self) -> Option<String> {
        match self {
            Self::Waiting { .. } => None,
            Self::Reading(file) => file.notice(),
            Self::Over { notice, .. } => notice.clone(),
        }
    }

    fn over(file: &CaptureFile) -> Self {
        Self::Over {
            link: file.link(),
            drops: file.drops(),
            problem: file.problem().cloned(),
            notice: file.notice(),
        }
    }
}

/// What comes first: the earliest frame, of several the file that was named before the others.
type Turn = Reverse<(Time, usize)>;

/// Several files as one stream.
pub struct Files {
    slots: Vec<Slot>,
    /// The files that have frames left, but not the one that is held.
    turns: BinaryHeap<Turn>,
    /// The file whose record the caller holds; it moves on at the next call.
    held: Option<usize>,
    chained: bool,
    endless: bool,
    places: Places,
    interfaces: Interfaces,
    number: u64,
    unreadable: Vec<String>,
}

impl Files {
    /// Opens all of them. Those that cannot be opened are problems of the stream, not its end.
    /// Standard input, which may be a pipe on which nothing comes, ends when `stop` is set.
    ///
    /// # Errors
    /// Where not one can be read: a line for each, with the remedy.
    pub fn open(paths: &[PathBuf], stop: &Arc<AtomicBool>) -> Result<Self, Vec<String>> {
        let alone = paths.len() == 1;
        allow_files(paths.len());
        let mut places = Places::default();
        let opened = paths.iter().map(|path| {
            let name = path.display().to_string();
            let opened = Opened::at(path, stop)?;
            if let Opened::Regular(file) = &opened {
                places.add(file);
            }
            match opened {
                Opened::Regular(file) if !alone => Self::wait(name, file),
                other => CaptureFile::open(name, other).map(Self::begun),
            }
        });
        let mut files = Self::join(opened)?;
        files.places = places;
        Ok(files)
    }

    /// Takes out how far they were read, for whoever shows it; nothing where there is no regular
    /// file.
    pub fn places(&mut self) -> Option<Places> {
        let places = std::mem::take(&mut self.places);
        (!places.is_empty()).then_some(places)
    }

    /// The same for bytes from anywhere, each with a name for errors.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn of(inputs: Vec<(String, Box<dyn io::Read + Send>)>) -> Result<Self, Vec<String>> {
        Self::join(
            inputs
                .into_iter()
                .map(|(name, input)| CaptureFile::begin(name, input).map(Self::begun)),
        )
    }

    fn begun(file: CaptureFile) -> (Option<Time>, Slot) {
        match file.head() {
            Some(head) => (Some(head.time), Slot::Reading(Box::new(file))),
            None => (None, Slot::over(&file)),
        }
    }

    /// Looks at the first record of a file and lets go of all else until its turn comes.
    fn wait(name: String, file: File) -> Result<(Option<Time>, Slot), String> {
        let again = file
            .try_clone()
            .map_err(|e| format!("{name}: cannot be read: {}", capture_file::reason(&e)))?;
        let begun = CaptureFile::open(name.clone(), Opened::Regular(file))?;
        Ok(match begun.head() {
            None => (None, Slot::over(&begun)),
            Some(head) => {
                let (time, link) = (head.time, Some(head.link));
                let file = CaptureFile::rewound(again)
                    .map_err(|e| format!("{name}: cannot be read: {}", capture_file::reason(&e)))?;
                (Some(time), Slot::Waiting { name, file, link })
            }
        })
    }

    fn join(
        opened: impl Iterator<Item = Result<(Option<Time>, Slot), String>>,
    ) -> Result<Self, Vec<String>> {
        let (slots, turns, unreadable) = (Vec::new(), BinaryHeap::new(), Vec::new());
        let mut files = Self {
            slots,
            turns,
            held: None,
            chained: false,
            endless: false,
            places: Places::default(),
            interfaces: Interfaces::default(),
            number: 0,
            unreadable,
        };
        for slot in opened {
            match slot {
                Err(line) => files.unreadable.push(line),
                Ok((first, slot)) => {
                    files.turns.extend(first.map(|time| Reverse((time, files.slots.len()))));
                    files.slots.push(slot);
                }
            }
        }
        if files.slots.is_empty() { Err(files.unreadable) } else { Ok(files) }
    }

    /// Reads one file behind the other, as they were named, instead of merging them by time.
    #[must_use]
    pub fn chained(mut self) -> Self {
        self.chained = true;
        self.turns =
            self.turns.into_iter().map(|Reverse((_, index))| Reverse((Time(0), index))).collect();
        self
    }

    /// Says that it goes on until somebody ends it: a pipe from a capture that is meant to be ended
    /// so.
    #[must_use]
    pub fn endless(self) -> Self {
        Self { endless: true, ..self }
    }

    /// The link types of the first frames.
    #[must_use]
    pub fn links(&self) -> Vec<LinkType> {
        let mut links: Vec<_> = self.slots.iter().filter_map(Slot::link).collect();
        links.sort_unstable();
        links.dedup();
        links
    }

    /// Files that could not be opened, a line each.
    #[must_use]
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    /// Moves the held file on; false where nothing comes at the moment.
    fn advance(&mut self, index: usize) -> bool {
        let slot = &mut self.slots[index];
        if let Slot::Reading(file) = slot {
            if !file.advance() {
                return false;
            }
            match file.head() {
                Some(head) => {
                    let time = if self.chained { Time(0) } else { head.time };
                    self.turns.push(Reverse((time, index)));
                }
                None => *slot = Slot::over(file),
            }
        }
        true
    }

    /// Begins a file whose turn has come; false where it cannot be.
    fn begin(&mut self, index: usize) -> bool {
        let slot = &mut self.slots[index];
        if let Slot::Waiting { name, file, link } = slot {
            let begun = file
                .try_clone()
                .and_then(CaptureFile::rewound)
                .map_err(|e| format!("{name}: cannot be read: {}", capture_file::reason(&e)))
                .and_then(|file| CaptureFile::open(name.clone(), Opened::Regular(file)));
            *slot = match begun {
                Ok(file) => Slot::Reading(Box::new(file)),
                Err(problem) => Slot::Over {
                    link: *link,
                    drops: Drops::default(),
                    problem: Some(problem),
                    notice: None,
                },
            };
        }
        let Slot::Reading(file) = slot else { return false };
        let started = file.read_ahead();
        if let Err(problem) = started {
            *slot = Slot::Over {
                link: file.link(),
                drops: file.drops(),
                problem: Some(problem),
                notice: file.notice(),
            };
            return false;
        }
        true
    }
}

/// Raises how many files the process may have open, as far as it may itself, where there are many.
fn allow_files(files: usize) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    // Two for each, and some for the rest.
    let wanted = 2 * files as u64 + 64;
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < wanted
    {
        // Where it is not enough, opening says so.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard);
    }
}

impl Source for Files {
    fn next(&mut self) -> Result<Next<'_>, String> {
        if let Some(held) = self.held {
            if !self.advance(held) {
                return Ok(Next::Idle);
            }
            self.held = None;
        }
        while let Some(Reverse((_, index))) = self.turns.pop() {
            let is_started = matches!(&self.slots[index], Slot::Reading(file) if file.is_started());
            if is_started || self.begin(index) {
                self.held = Some(index);
                break;
            }
        }
        let Some(Slot::Reading(file)) = self.held.map(|index| &self.slots[index]) else {
            return Ok(Next::End);
        };
        let Some(head) = file.head() else { return Ok(Next::End) };
        self.number += 1;
        let interface = self.interfaces.number(self.held.unwrap_or(0), file, head.interface);
        let (number, bytes) = (self.number, file.frame(head));
        Ok(Next::Frame(Frame {
            number,
            time: head.time,
            link: head.link,
            interface,
            wire_len: head.wire_len,
            bytes,
        }))
    }

    fn read(&mut self, block: &mut Block) -> Result<Filled, String> {
        // One file alone: its frames stay where they were read.
        if self.slots.len() > 1 || !block.is_empty() {
            return super::copy(self, block);
        }
        // Makes its first frame the held one, or moves on to the one behind the last block's.
        match self.next()? {
            Next::Idle => return Ok(Filled::Idle),
            Next::End => return Ok(Filled::End),
            Next::Frame(_) => self.number -= 1,
        }
        let [slot] = &mut self.slots[..] else { return Ok(Filled::End) };
        if let Slot::Reading(file) = slot {
            let interfaces = &mut self.interfaces;
            file.fill(block, &mut self.number, |file, place| interfaces.number(0, file, place));
            if file.head().is_none() {
                *slot = Slot::over(file);
                self.held = None;
            }
        }
        Ok(Filled::Frames)
    }

    fn drops(&mut self) -> Drops {
        self.slots.iter().map(Slot::drops).fold(Drops::default(), |sum, drops| Drops {
            kernel: sum.kernel.saturating_add(drops.kernel),
            interface: sum.interface.saturating_add(drops.interface),
        })
    }

    fn interface(&self, number: u32) -> String {
        self.interfaces.name(number)
    }

    fn is_endless(&self) -> bool {
        self.endless
    }

    fn problems(&self) -> Vec<String> {
        self.unreadable.iter().chain(self.slots.iter().filter_map(Slot::problem)).cloned().collect()
    }

    fn notices(&self) -> Vec<String> {
        self.slots.iter().filter_map(Slot::notice).collect()
    }
}

#[cfg(test)]
mod tests;
