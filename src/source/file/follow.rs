//! Capture files that are being written, one after the other: a file that grows, or the rings that
//! capturing tools rotate.
//!
//! A file is over when an unread one has come: under its name (renamed and created again), under
//! another name (the next of a ring), or in its place (truncated and written again). The rest of
//! the file is read before the next one begins. One tool is expected to write the files; what a
//! file gains after it was over is reported as a problem.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::capture_file::{CaptureFile, unreadable};
use super::compressed::Compression;
use super::interfaces::InterfaceNumbers;
use super::paths;
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use crate::source::{Drops, Frame, LinkType, Next, Source};
use crate::{Error, ErrorKind, Result};

/// Time that a read waits for bytes.
const TIMEOUT: Duration = Duration::from_millis(50);
/// Time between two scans for other files.
const SCAN_INTERVAL: Duration = Duration::from_millis(200);
/// Bytes by which a file is recognised: more than any header, so that a frame is among them.
const FINGERPRINT: u64 = 1 << 10;
/// Minimum bytes of a file that has begun: the header of either format.
const MIN_FILE_BYTES: u64 = 28;
/// Maximum number of files that are remembered; the oldest are forgotten.
const MAX_REMEMBERED: usize = 1 << 12;

/// A file that is being read, or was.
struct KnownFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    /// First bytes of the file.
    first: Vec<u8>,
    /// Number of bytes that were read.
    taken: Arc<AtomicU64>,
    reported: bool,
}

impl KnownFile {
    fn is(&self, metadata: &Metadata) -> bool {
        (self.device, self.inode) == (metadata.dev(), metadata.ino())
    }

    /// Whether the file at `path` is still this one, and not another in its place.
    fn is_still(&self, path: &Path, metadata: &Metadata) -> bool {
        self.is(metadata)
            && metadata.len() >= self.taken.load(Ordering::Relaxed)
            && first_bytes(path, self.first.len() as u64).is_ok_and(|first| first == self.first)
    }
}

fn first_bytes(path: &Path, len: u64) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    File::open(path)?.take(len).read_to_end(&mut first).map(|_| first)
}

/// The file that is being read.
struct CurrentFile {
    file: CaptureFile,
    /// The open file, whose name may have changed.
    itself: File,
    known: KnownFile,
    /// Another file has come: the end of this one is final.
    over: Arc<AtomicBool>,
}

/// Growing files as one endless stream.
pub struct Follow {
    named: Vec<PathBuf>,
    stop: Arc<AtomicBool>,
    current: Option<CurrentFile>,
    read: Vec<KnownFile>,
    scanned_at: Option<Instant>,
    number: u64,
    past_drops: Drops,
    interfaces: InterfaceNumbers,
    problems: Vec<String>,
    notices: Vec<String>,
}

impl Follow {
    /// Opens the oldest of the files that are named: files, folders and patterns, which are scanned
    /// again and again. Waits if a folder or file has no frame yet. The stream ends when `stop` is
    /// set.
    ///
    /// # Errors
    /// A name leads to nothing: an error for each, with the remedy.
    pub fn open(named: &[PathBuf], stop: &Arc<AtomicBool>) -> Result<Self> {
        let is_missing = |path: &&PathBuf| {
            !path.is_dir() && paths::candidates(std::slice::from_ref(*path)).is_empty()
        };
        let missing = |path: &PathBuf| {
            Error::new(ErrorKind::Input, "is not there yet")
                .with_object(path.display())
                .with_remedy("start the capture first, or name its folder")
        };
        if let Some(error) = Error::from_all(named.iter().filter(is_missing).map(missing)) {
            return Err(error);
        }
        let mut follow = Self {
            named: named.to_vec(),
            stop: Arc::clone(stop),
            current: None,
            read: Vec::new(),
            scanned_at: None,
            number: 0,
            past_drops: Drops::default(),
            interfaces: InterfaceNumbers::default(),
            problems: Vec::new(),
            notices: Vec::new(),
        };
        follow.open_next();
        Ok(follow)
    }

    /// The link type of the first file, if its header states it.
    #[must_use]
    pub fn links(&self) -> Vec<LinkType> {
        self.current.iter().filter_map(|current| current.file.link()).collect()
    }

    /// The files that were not read yet, oldest modification first.
    fn unread_files(&self) -> Vec<PathBuf> {
        let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
        for path in paths::candidates(&self.named) {
            let Ok(metadata) = path.metadata() else { continue };
            let mut known =
                self.read.iter().chain(self.current.iter().map(|current| &current.known));
            let is_known = known.any(|known| known.is_still(&path, &metadata));
            if !is_known && metadata.len() >= MIN_FILE_BYTES && can_grow(&path) {
                found.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), path));
            }
        }
        found.sort();
        found.into_iter().map(|(_, path)| path).collect()
    }

    /// Scans for other files, and marks the current one as over if there are any.
    fn scan(&mut self) {
        if self.scanned_at.is_some_and(|scanned_at| scanned_at.elapsed() < SCAN_INTERVAL) {
            return;
        }
        self.scanned_at = Some(Instant::now());
        if let Some(current) = &self.current
            && !self.unread_files().is_empty()
        {
            current.over.store(true, Ordering::Relaxed);
        }
        self.report_growth();
    }

    /// Reports files that grew after they were over.
    fn report_growth(&mut self) {
        for known in &mut self.read {
            let Ok(metadata) = known.path.metadata() else { continue };
            let taken = known.taken.load(Ordering::Relaxed);
            if !known.reported && metadata.len() > taken && known.is_still(&known.path, &metadata) {
                known.reported = true;
                let name = known.path.display();
                self.problems.push(format!("{name}: went on after byte {taken}, when another file had begun; that was not read"));
            }
        }
    }

    fn open_next(&mut self) {
        let Some(path) = self.unread_files().into_iter().next() else { return };
        match self.begin(&path) {
            Ok(current) => self.current = Some(current),
            Err(error) => self.problems.push(error.to_string()),
        }
    }

    fn begin(&mut self, path: &Path) -> Result<CurrentFile> {
        let name = path.display().to_string();
        let fail = |error: io::Error| unreadable(&name, &error);
        let mut file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        let mut first = Vec::new();
        file.by_ref().take(MIN_FILE_BYTES).read_to_end(&mut first).map_err(fail)?;
        file.rewind().map_err(fail)?;
        let itself = file.try_clone().map_err(fail)?;
        let (taken, over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let known = KnownFile {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
            first,
            taken: Arc::clone(&taken),
            reported: false,
        };
        let tail = Tail { file, taken, over: Arc::clone(&over), stop: Arc::clone(&self.stop) };
        match CaptureFile::header(name, Box::new(tail)) {
            Ok(file) => Ok(CurrentFile { file, itself, known, over }),
            Err(error) => {
                // One report is enough.
                self.remember(known);
                Err(error)
            }
        }
    }

    /// Ends the current file.
    fn close_current(&mut self) {
        let Some(CurrentFile { file, itself, mut known, .. }) = self.current.take() else { return };
        let drops = file.drops();
        self.past_drops.kernel = self.past_drops.kernel.saturating_add(drops.kernel);
        self.past_drops.interface = self.past_drops.interface.saturating_add(drops.interface);
        self.problems.extend(file.problem().cloned());
        self.notices.extend(file.notice());
        let taken = known.taken.load(Ordering::Relaxed);
        // A file that was written again in its place is another one, and not known.
        if itself.metadata().is_ok_and(|metadata| metadata.len() >= taken) {
            // By more than the header: in its next round of a ring the file begins with another
            // frame.
            let mut first = vec![0; FINGERPRINT.min(taken) as usize];
            if itself.read_exact_at(&mut first, 0).is_ok() {
                known.first = first;
            }
            self.remember(known);
        }
    }

    fn remember(&mut self, known: KnownFile) {
        self.read.retain(|other| other.path != known.path || other.inode != known.inode);
        if self.read.len() >= MAX_REMEMBERED {
            self.read.remove(0);
        }
        self.read.push(known);
    }
}

/// Whether a file begins like one that grows: a capture that is not compressed.
fn can_grow(path: &Path) -> bool {
    let Ok(first) = first_bytes(path, 16) else { return false };
    Compression::from_magic(&first).is_none()
        && first
            .first_chunk()
            .is_some_and(|&magic| Pcap::is_magic(magic) || Pcapng::is_magic(magic))
}

impl Source for Follow {
    fn next(&mut self) -> Result<Next<'_>> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(Next::End);
        }
        let Some(current) = &mut self.current else {
            self.open_next();
            if self.current.is_none() {
                thread::sleep(TIMEOUT);
            }
            return Ok(Next::Idle);
        };
        if !current.file.advance() {
            self.scan();
            return Ok(Next::Idle);
        }
        if current.file.head().is_none() {
            self.close_current();
            return Ok(Next::Idle);
        }
        let Some(CurrentFile { file, .. }) = &self.current else { return Ok(Next::Idle) };
        let Some(head) = file.head() else { return Ok(Next::Idle) };
        self.number += 1;
        // The files of a ring are one interface.
        let interface = self.interfaces.number(0, file, head.interface);
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

    fn drops(&mut self) -> Drops {
        let now = self.current.as_ref().map_or(Drops::default(), |current| current.file.drops());
        Drops {
            kernel: self.past_drops.kernel.saturating_add(now.kernel),
            interface: self.past_drops.interface.saturating_add(now.interface),
        }
    }

    fn problems(&self) -> Vec<String> {
        self.problems.clone()
    }

    fn notices(&self) -> Vec<String> {
        let current = self.current.iter().filter_map(|current| current.file.notice());
        self.notices.iter().cloned().chain(current).collect()
    }

    fn interface(&self, number: u32) -> String {
        self.interfaces.name(number)
    }

    fn is_endless(&self) -> bool {
        true
    }

    fn finish(&mut self) {
        self.report_growth();
    }
}

/// The bytes of a file up to its end at the moment.
struct Tail {
    file: File,
    taken: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
}

impl Read for Tail {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // Read before the file is: what was written until another file began is still read.
        let is_over = self.over.load(Ordering::Relaxed) || self.stop.load(Ordering::Relaxed);
        let read = self.file.read(into)?;
        self.taken.fetch_add(read as u64, Ordering::Relaxed);
        if read == 0 && !is_over && !into.is_empty() {
            thread::sleep(TIMEOUT);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
