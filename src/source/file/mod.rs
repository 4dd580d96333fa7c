//! Capture files as one stream of frames in capture order.
//!
//! Takes paths (`-` is standard input), gives frames. The frames of one file stay in the order in
//! which they were written. Several files are merged by time, so that rotated and parallel captures
//! read as one, or chained: one after the other as they were named.
//!
//! `paths` finds the named files, `compressed` decompresses, `unsupported` names other formats,
//! `capture_file` reads one file, and this module merges. Of many files only those with overlapping
//! times are held in memory.

mod buffer;
mod capture_file;
mod compressed;
mod follow;
mod interfaces;
mod lz4;
mod order;
mod paths;
mod pcap;
mod pcapng;
mod pipe;
mod positions;
mod read_ahead;
mod record;
mod time_notes;
mod unsupported;
mod variant;
mod xz;
mod zstd;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use self::follow::{Follow, candidate_paths};
pub use self::paths::{FoundFiles, find, folders};
pub use self::positions::FilePositions;

use self::capture_file::{CaptureFile, Opened, unreadable};
use self::interfaces::InterfaceNumbers;
use super::{Block, Drops, Filled, FrameFiles, LinkType, Next, Source};
use crate::platform;
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// One of several files.
enum FileSlot {
    /// Not begun: only the open file is held.
    Deferred { name: String, file: File, link: Option<LinkType> },
    /// Being read.
    Reading(Box<CaptureFile>),
    /// At its end.
    Ended { link: Option<LinkType>, drops: Drops, problem: Option<String>, notices: Vec<String> },
}

impl FileSlot {
    fn link(&self) -> Option<LinkType> {
        match self {
            Self::Deferred { link, .. } | Self::Ended { link, .. } => *link,
            Self::Reading(file) => file.link(),
        }
    }

    fn drops(&self) -> Drops {
        match self {
            Self::Deferred { .. } => Drops::default(),
            Self::Reading(file) => file.drops(),
            Self::Ended { drops, .. } => *drops,
        }
    }

    fn problem(&self) -> Option<&String> {
        match self {
            Self::Deferred { .. } => None,
            Self::Reading(file) => file.problem(),
            Self::Ended { problem, .. } => problem.as_ref(),
        }
    }

    fn notices(&self) -> Vec<String> {
        match self {
            Self::Deferred { .. } => Vec::new(),
            Self::Reading(file) => file.notices(),
            Self::Ended { notices, .. } => notices.clone(),
        }
    }

    fn ended(file: &CaptureFile) -> Self {
        Self::Ended {
            link: file.link(),
            drops: file.drops(),
            problem: file.problem().cloned(),
            notices: file.notices(),
        }
    }
}

/// Order of the merge, which is that of `mergecap`: the earliest frame first, of equal ones that of
/// the file named last.
type MergeKey = (Reverse<Time>, usize);

/// Capture files as one stream.
pub struct Files {
    slots: Vec<FileSlot>,
    /// Files with frames left, without the held one.
    queue: BinaryHeap<MergeKey>,
    /// The file whose record the caller holds; it moves on with the next call.
    held: Option<usize>,
    chained: bool,
    endless: bool,
    positions: FilePositions,
    interfaces: InterfaceNumbers,
    number: u64,
    /// Where frames are, if there are several files.
    frame_files: Option<FrameFiles>,
    /// The file of the last frame.
    last: Option<usize>,
    /// Frames that [`next`](Source::next) gave of each file.
    given: Vec<u64>,
    unreadable: Vec<Error>,
}

impl Files {
    /// Opens capture files; `-` is standard input. A file that cannot be opened is a problem of the
    /// stream, not its end.
    ///
    /// # Errors
    /// No file can be read: an error for each, with the remedy.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Self> {
        Self::open_with_stop(paths, &Arc::default())
    }

    /// As [`open`](Self::open). Pipes, standard input among them, on which nothing may come for
    /// long, end when `stop` is set, also while they are being opened.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_stop<P: AsRef<Path>>(paths: &[P], stop: &Arc<AtomicBool>) -> Result<Self> {
        let alone = paths.len() == 1;
        allow_files(paths.len());
        let mut positions = FilePositions::default();
        let opened = paths.iter().map(|path| {
            let path = path.as_ref();
            let name = capture_file::named(path);
            let opened = Opened::at(path, stop)?;
            if let Opened::Regular(file) = &opened {
                positions.add(file);
            }
            match opened {
                Opened::Regular(file) if !alone => Self::defer(name, file),
                other => {
                    let begun = CaptureFile::open(name.clone(), other).map(Self::begun);
                    begun.map_err(|error| {
                        if !stop.load(Ordering::Relaxed) {
                            return error;
                        }
                        Error::new(ErrorKind::Input, "no packet came before the end")
                            .with_object(name)
                    })
                }
            }
        });
        let mut files = Self::join(opened)?;
        files.positions = positions;
        Ok(files)
    }

    /// Takes the positions of the regular files, for a display of progress; `None` if there is no
    /// regular file.
    pub fn positions(&mut self) -> Option<FilePositions> {
        let positions = std::mem::take(&mut self.positions);
        (!positions.is_empty()).then_some(positions)
    }

    /// Reads captures from anywhere, each with a name for errors.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_readers(inputs: Vec<(String, Box<dyn io::Read + Send>)>) -> Result<Self> {
        Self::join(
            inputs
                .into_iter()
                .map(|(name, input)| CaptureFile::begin(name, input).map(Self::begun)),
        )
    }

    fn begun(file: CaptureFile) -> (Option<Time>, FileSlot) {
        match file.head() {
            Some(head) => (Some(head.merge_time()), FileSlot::Reading(Box::new(file))),
            None => (None, FileSlot::ended(&file)),
        }
    }

    /// Reads the first record of a file and frees everything else until the file begins.
    fn defer(name: String, file: File) -> Result<(Option<Time>, FileSlot)> {
        let again = file.try_clone().map_err(|error| unreadable(&name, &error))?;
        let begun = CaptureFile::open(name.clone(), Opened::Regular(file))?;
        Ok(match begun.head() {
            None => (None, FileSlot::ended(&begun)),
            Some(head) => {
                let (time, link) = (head.merge_time(), begun.link());
                let file =
                    CaptureFile::rewound(again).map_err(|error| unreadable(&name, &error))?;
                (Some(time), FileSlot::Deferred { name, file, link })
            }
        })
    }

    fn join(opened: impl Iterator<Item = Result<(Option<Time>, FileSlot)>>) -> Result<Self> {
        let (slots, queue, unreadable) = (Vec::new(), BinaryHeap::new(), Vec::new());
        let mut files = Self {
            slots,
            queue,
            held: None,
            chained: false,
            endless: false,
            positions: FilePositions::default(),
            interfaces: InterfaceNumbers::default(),
            number: 0,
            frame_files: None,
            last: None,
            given: Vec::new(),
            unreadable,
        };
        for slot in opened {
            match slot {
                Err(error) => files.unreadable.push(error),
                Ok((first, slot)) => {
                    files.queue.extend(first.map(|time| (Reverse(time), files.slots.len())));
                    files.slots.push(slot);
                    files.given.push(0);
                }
            }
        }
        let named = files.slots.len() + files.unreadable.len();
        files.frame_files = (named > 1).then(FrameFiles::default);
        if files.slots.is_empty()
            && let Some(error) = Error::from_all(files.unreadable.iter().cloned())
        {
            return Err(error);
        }
        Ok(files)
    }

    /// Chains the files in the order in which they were named, instead of merging them by time.
    #[must_use]
    pub fn chained(mut self) -> Self {
        self.chained = true;
        self.frame_files.get_or_insert_default();
        self.queue = self.queue.into_iter().map(|(_, index)| chain_key(index)).collect();
        self
    }

    /// Lets the frames follow `frames` others, which came from interfaces with these names.
    #[must_use]
    pub fn following(mut self, frames: u64, interfaces: &[String]) -> Self {
        self.number = frames;
        self.interfaces = InterfaceNumbers::following(interfaces);
        self
    }

    /// Adds where the frames are to `files`.
    #[must_use]
    pub fn recorded_in(self, files: FrameFiles) -> Self {
        Self { frame_files: Some(files), ..self }
    }

    /// Marks the stream as endless: a pipe from a capture that is expected to be stopped.
    #[must_use]
    pub fn endless(self) -> Self {
        Self { endless: true, ..self }
    }

    /// The link types of the first frames.
    #[must_use]
    pub fn links(&self) -> Vec<LinkType> {
        let mut links: Vec<_> = self.slots.iter().filter_map(FileSlot::link).collect();
        links.sort_unstable();
        links.dedup();
        links
    }

    /// The errors of the files that could not be opened.
    #[must_use]
    pub fn unreadable(&self) -> &[Error] {
        &self.unreadable
    }

    /// The place of the frame that [`next`](Source::next) gave last: the name of its file, and its
    /// number there, from 1. `None` before the first frame.
    #[must_use]
    pub fn place(&self) -> Option<(&str, u64)> {
        let slot = self.held?;
        let FileSlot::Reading(file) = self.slots.get(slot)? else { return None };
        Some((&file.name, *self.given.get(slot)?))
    }

    /// Moves to the next record of a file; false if no byte comes at the moment.
    fn advance(&mut self, index: usize) -> bool {
        let slot = &mut self.slots[index];
        if let FileSlot::Reading(file) = slot {
            if !file.advance() {
                return false;
            }
            match file.head() {
                Some(head) => {
                    self.queue.push(if self.chained {
                        chain_key(index)
                    } else {
                        (Reverse(head.merge_time()), index)
                    });
                }
                None => *slot = FileSlot::ended(file),
            }
        }
        true
    }

    /// Moves to the next frame in order, which is then that of the `held` file. Neither reads nor
    /// numbers it.
    #[inline]
    fn move_on(&mut self) -> Filled {
        if let Some(held) = self.held {
            if !self.advance(held) {
                return Filled::Idle;
            }
            self.held = None;
        }
        while let Some((_, index)) = self.queue.pop() {
            let is_started =
                matches!(&self.slots[index], FileSlot::Reading(file) if file.is_started());
            if is_started || self.begin(index) {
                self.held = Some(index);
                return Filled::Frames;
            }
        }
        Filled::End
    }

    /// Begins to read a file; false if it cannot be read.
    fn begin(&mut self, index: usize) -> bool {
        let slot = &mut self.slots[index];
        if let FileSlot::Deferred { name, file, link } = slot {
            let begun = file
                .try_clone()
                .and_then(CaptureFile::rewound)
                .map_err(|error| unreadable(name, &error))
                .and_then(|file| CaptureFile::open(name.clone(), Opened::Regular(file)));
            *slot = match begun {
                Ok(file) => FileSlot::Reading(Box::new(file)),
                Err(error) => FileSlot::Ended {
                    link: *link,
                    drops: Drops::default(),
                    problem: Some(error.to_string()),
                    notices: Vec::new(),
                },
            };
        }
        let FileSlot::Reading(file) = slot else { return false };
        let started = file.read_ahead();
        if let Err(error) = started {
            *slot = FileSlot::Ended {
                link: file.link(),
                drops: file.drops(),
                problem: Some(error.to_string()),
                notices: file.notices(),
            };
            return false;
        }
        true
    }
}

/// The key of a file of a chain.
const fn chain_key(index: usize) -> MergeKey {
    (Reverse(Time(index as i64)), index)
}

/// Raises the process's limit of open files as far as the system allows, if there are many files.
pub fn allow_files(files: usize) {
    // Two for each file, and some for the rest.
    platform::allow_files(2 * files as u64 + 64);
}

impl Source for Files {
    fn next(&mut self) -> Result<Next<'_>> {
        match self.move_on() {
            Filled::Frames => {}
            Filled::Idle => return Ok(Next::Idle),
            Filled::End => return Ok(Next::End),
        }
        let Some(FileSlot::Reading(file)) = self.held.map(|index| &self.slots[index]) else {
            return Ok(Next::End);
        };
        let Some(head) = file.head() else { return Ok(Next::End) };
        self.number += 1;
        let slot = self.held.unwrap_or(0);
        if let Some(given) = self.given.get_mut(slot) {
            *given += 1;
        }
        if let Some(files) = &self.frame_files {
            if self.last != Some(slot) {
                files.begin(self.number, &file.name, self.given.get(slot).copied().unwrap_or(1));
            }
            self.last = Some(slot);
        }
        let interface = self.interfaces.number(slot, file, head.interface);
        Ok(file.numbered(self.number, interface).map_or(Next::End, Next::Frame))
    }

    fn read(&mut self, block: &mut Block) -> Result<Filled> {
        // The frames of a single file stay where they were read.
        if self.frame_files.is_some() || !block.is_empty() {
            return super::fill_by_frame(self, block);
        }
        match self.move_on() {
            Filled::Frames => {}
            other => return Ok(other),
        }
        let [slot] = &mut self.slots[..] else { return Ok(Filled::End) };
        let FileSlot::Reading(file) = slot else { return Ok(Filled::End) };
        if file.head().is_none() {
            return Ok(Filled::End);
        }
        let interfaces = &mut self.interfaces;
        file.fill(block, &mut self.number, |file, place| interfaces.number(0, file, place));
        if file.head().is_none() {
            *slot = FileSlot::ended(file);
            self.held = None;
        }
        Ok(Filled::Frames)
    }

    fn drops(&mut self) -> Drops {
        self.slots.iter().map(FileSlot::drops).fold(Drops::default(), |sum, drops| Drops {
            kernel: sum.kernel.saturating_add(drops.kernel),
            interface: sum.interface.saturating_add(drops.interface),
        })
    }

    fn frame_files(&self) -> Option<FrameFiles> {
        self.frame_files.clone()
    }

    fn interface(&self, number: u32) -> String {
        self.interfaces.name(number)
    }

    fn is_endless(&self) -> bool {
        self.endless
    }

    fn problems(&self) -> Vec<String> {
        let unreadable = self.unreadable.iter().flat_map(Error::lines);
        unreadable.chain(self.slots.iter().filter_map(FileSlot::problem).cloned()).collect()
    }

    fn notices(&self) -> Vec<String> {
        self.slots.iter().flat_map(FileSlot::notices).collect()
    }
}

#[cfg(test)]
mod tests;
