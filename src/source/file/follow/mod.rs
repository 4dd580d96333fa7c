//! Capture files that are being written, one after the other: a file that grows, or the rings that
//! capturing tools rotate.
//!
//! A file is over when an unread one has come: under its name (renamed and created again), under
//! another name (the next of a ring), or in its place (truncated and written again). The rest of
//! the file is read before the next one begins. One tool is expected to write the files; what a
//! file gains after it was over is reported as a problem.
//!
//! `candidates` lists the files that the names lead to, `known` holds what is known of those that
//! were read, `scan` finds those that were not, `tail` reads a file that grows, and this module
//! reads one after the other.

mod candidates;
mod known;
mod scan;
mod tail;

pub use self::candidates::candidate_paths;

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use self::scan::{CurrentId, Pace, Scan, UnreadFile};
use self::tail::{Tail, TailState};
use super::capture_file::{CaptureFile, unreadable};
use super::interfaces::InterfaceNumbers;
use crate::platform::{file_id, open_at_once};
use crate::source::{Drops, LinkType, Next, Source};
use crate::{Error, ErrorKind, Result};

/// Maximum number of files without a frame that are read before the caller has its turn.
const MAX_WITHOUT_FRAME: usize = 64;

/// The file that is being read.
struct CurrentFile {
    file: CaptureFile,
    /// The open file, whose name may have changed.
    itself: File,
    id: CurrentId,
}

/// Growing files as one endless stream.
pub struct Follow {
    stop: Arc<AtomicBool>,
    pace: Pace,
    scan: Scan,
    current: Option<CurrentFile>,
    /// Files that were found and not read yet, the last one to be read first.
    backlog: Vec<UnreadFile>,
    number: u64,
    past_drops: Drops,
    interfaces: InterfaceNumbers,
    problems: Vec<String>,
    notices: Vec<String>,
}

/// What became of an attempt to move on.
enum Step {
    /// The current file has a frame.
    Frame,
    /// The current file has come to its end, or another one has begun.
    Moved,
    /// There is nothing to be read at the moment.
    Idle,
    /// The stream is stopped.
    End,
}

impl Follow {
    /// Opens the oldest of the files that are named: files, folders and patterns, which are scanned
    /// again and again. Waits if a folder or file has no frame yet. The stream ends when `stop` is
    /// set.
    ///
    /// # Errors
    /// A name leads to nothing: an error for each, with the remedy. Or the names lead to more than
    /// 4,194,304 files.
    pub fn open(named: &[PathBuf], stop: &Arc<AtomicBool>) -> Result<Self> {
        Self::with_pace(named, stop, Pace::PATIENT)
    }

    /// Opens as [`open`](Self::open) does, and looks and reads without a pause: for tests that write
    /// and read in turn.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[doc(hidden)]
    pub fn open_at_once(named: &[PathBuf], stop: &Arc<AtomicBool>) -> Result<Self> {
        Self::with_pace(named, stop, Pace::AT_ONCE)
    }

    fn with_pace(named: &[PathBuf], stop: &Arc<AtomicBool>, pace: Pace) -> Result<Self> {
        let leads_to_file =
            |path: &Path| candidates::of_name(path).flatten().any(|found| found.path.is_file());
        let is_missing = |path: &&PathBuf| !path.is_dir() && !leads_to_file(path);
        let missing = |path: &PathBuf| {
            Error::new(ErrorKind::Input, "does not exist yet")
                .with_object(path.display())
                .with_remedy("start the capture first, or name its folder")
        };
        if let Some(error) = Error::from_all(named.iter().filter(is_missing).map(missing)) {
            return Err(error);
        }
        let mut follow = Self {
            stop: Arc::clone(stop),
            pace,
            scan: Scan::new(named, pace),
            current: None,
            backlog: Vec::new(),
            number: 0,
            past_drops: Drops::default(),
            interfaces: InterfaceNumbers::default(),
            problems: Vec::new(),
            notices: Vec::new(),
        };
        follow.look()?;
        follow.open_next()?;
        Ok(follow)
    }

    /// The link type of the first file, if its header states it.
    #[must_use]
    pub fn links(&self) -> Vec<LinkType> {
        self.current.iter().filter_map(|current| current.file.link()).collect()
    }

    /// Finds other files once the backlog is read. If there are any, the current one is over.
    fn look(&mut self) -> Result<()> {
        if !self.backlog.is_empty() {
            return Ok(());
        }
        let id = self.current.as_ref().map(|current| &current.id);
        self.backlog = self.scan.look(id)?;
        self.backlog.reverse();
        if let Some(id) = id
            && !self.backlog.is_empty()
        {
            id.tail.set_over();
            if self.backlog.iter().any(|file| id.is(file.device, file.inode)) {
                id.tail.set_replaced();
            }
        }
        Ok(())
    }

    /// Opens the next file of the backlog. Returns whether one was begun.
    fn open_next(&mut self) -> Result<bool> {
        while self.current.is_none()
            && !self.stop.load(Ordering::Relaxed)
            && let Some(next) = self.backlog.pop()
        {
            let path = next.path.clone();
            match open_at_once(&path).and_then(|file| Ok((file.metadata()?, file))) {
                Ok((metadata, file)) if next.is(file_id(&file, &metadata)) => {
                    if !self.scan.is_known(&path, file_id(&file, &metadata), &metadata) {
                        self.begin(path, file, &metadata)?;
                    }
                }
                // The file was renamed or removed while others were read: the backlog is out of
                // date.
                Ok((metadata, file)) => match self.scan.look_again()? {
                    Some(found) => self.backlog = found.into_iter().rev().collect(),
                    None if self.scan.is_known(&path, file_id(&file, &metadata), &metadata) => {}
                    None => self.begin(path, file, &metadata)?,
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if let Some(found) = self.scan.look_again()? {
                        self.backlog = found.into_iter().rev().collect();
                    }
                }
                Err(error) => {
                    let name = path.display().to_string();
                    self.problems.push(unreadable(&name, &error).to_string());
                }
            }
        }
        Ok(self.current.is_some())
    }

    /// Begins to read a file. One whose header cannot be read is a problem.
    fn begin(&mut self, path: PathBuf, file: File, metadata: &Metadata) -> Result<()> {
        let name = path.display().to_string();
        let itself = match file.try_clone() {
            Ok(itself) => itself,
            Err(error) => {
                self.problems.push(unreadable(&name, &error).to_string());
                return Ok(());
            }
        };
        let state = Arc::<TailState>::default();
        if !self.backlog.is_empty() {
            state.set_over();
        }
        let (device, inode) = file_id(&file, metadata);
        let id = CurrentId {
            path,
            device,
            inode,
            modified: self.scan.modified_hash(metadata),
            tail: Arc::clone(&state),
        };
        let tail = Tail {
            file,
            state,
            stop: Arc::clone(&self.stop),
            wait: self.pace.wait,
            was_idle: false,
        };
        match CaptureFile::header(name, Box::new(tail)) {
            Ok(file) => self.current = Some(CurrentFile { file, itself, id }),
            Err(error) => {
                // One report is enough.
                self.problems.push(error.to_string());
                self.scan.remember(&id)?;
            }
        }
        Ok(())
    }

    /// Ends the current file.
    fn close_current(&mut self) -> Result<()> {
        let Some(CurrentFile { file, itself, id }) = self.current.take() else { return Ok(()) };
        let drops = file.drops();
        self.past_drops.kernel = self.past_drops.kernel.saturating_add(drops.kernel);
        self.past_drops.interface = self.past_drops.interface.saturating_add(drops.interface);
        self.problems.extend(file.problem().cloned());
        self.notices.extend(file.notices());
        // A file that was written again in its place is another one, and not known.
        let is_shorter = |metadata: Metadata| metadata.len() < id.tail.taken();
        if id.tail.is_replaced() || itself.metadata().is_ok_and(is_shorter) {
            self.scan.examine_soon(id.path);
            return Ok(());
        }
        self.scan.remember(&id)
    }

    fn step(&mut self) -> Result<Step> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(Step::End);
        }
        let Some(current) = &mut self.current else {
            self.look()?;
            if self.open_next()? {
                return Ok(Step::Moved);
            }
            thread::sleep(self.pace.wait);
            return Ok(Step::Idle);
        };
        if !current.file.advance() {
            self.look()?;
            return Ok(Step::Idle);
        }
        if current.file.head().is_none() {
            self.close_current()?;
            return Ok(Step::Moved);
        }
        Ok(Step::Frame)
    }
}

impl Source for Follow {
    fn next(&mut self) -> Result<Next<'_>> {
        let mut step = self.step()?;
        for _ in 0..2 * MAX_WITHOUT_FRAME {
            if !matches!(step, Step::Moved) {
                break;
            }
            step = self.step()?;
        }
        match step {
            Step::Frame => {}
            Step::Moved | Step::Idle => return Ok(Next::Idle),
            Step::End => return Ok(Next::End),
        }
        let Some(CurrentFile { file, .. }) = &self.current else { return Ok(Next::Idle) };
        let Some(head) = file.head() else { return Ok(Next::Idle) };
        self.number += 1;
        // The files of a ring are one interface.
        let interface = self.interfaces.number(0, file, head.interface);
        Ok(file.numbered(self.number, interface).map_or(Next::Idle, Next::Frame))
    }

    fn drops(&mut self) -> Drops {
        let now = self.current.as_ref().map_or(Drops::default(), |current| current.file.drops());
        Drops {
            kernel: self.past_drops.kernel.saturating_add(now.kernel),
            interface: self.past_drops.interface.saturating_add(now.interface),
        }
    }

    fn problems(&self) -> Vec<String> {
        self.problems.iter().chain(&self.scan.problems).cloned().collect()
    }

    fn notices(&self) -> Vec<String> {
        let current = self.current.iter().flat_map(|current| current.file.notices());
        self.notices.iter().cloned().chain(current).collect()
    }

    fn interface(&self, number: u32) -> String {
        self.interfaces.name(number)
    }

    fn is_endless(&self) -> bool {
        true
    }

    fn finish(&mut self) {
        self.scan.finish(self.current.as_ref().map(|current| &current.id));
    }
}

#[cfg(test)]
mod tests;
