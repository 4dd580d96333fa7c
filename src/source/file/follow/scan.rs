//! The search for files that were not read yet.
//!
//! A look costs the same however many files there are. It examines (by `stat`) a thousand
//! files in turn, and where there are not more, it has examined all. Where there are more, it also
//! lists a folder whose entries have changed, and examines those entries that the listing shows to
//! be new. A file is opened only if it was modified since it was known.
//!
//! What this misses for a while is a file among many thousands that is written again in its place:
//! its folder does not change, and its turn comes after `FILES / EXAMINED` looks. Missed for good
//! is a file that is written again in its place, is not shorter than before, and whose old time of
//! modification is set again.

use std::collections::{BTreeSet, HashSet};
use std::fs::Metadata;
use std::hash::BuildHasher;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use foldhash::quality::RandomState;

use super::candidates::{ListedFiles, candidates, folder_modified, is_listed};
use super::known::{DIGESTED, KnownFile, KnownFiles, MAX_KNOWN};
use super::tail::TailState;
use crate::platform::{open_at_once, path_id};
use crate::source::file::compressed::Compression;
use crate::source::file::pcap::Pcap;
use crate::source::file::pcapng::Pcapng;
use crate::{Error, ErrorKind, Result};

/// Minimum bytes of a file that has begun: the header of either format.
const MIN_FILE_BYTES: u64 = 28;
/// Age of a time of modification that a later change cannot give again. The coarsest clock of a
/// file system (FAT) has steps of two seconds.
const SETTLED: Duration = Duration::from_secs(3);

/// How often and how much is searched.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// Time that a read waits for bytes.
    pub(super) wait: Duration,
    /// Time between two looks.
    pub(super) interval: Duration,
    /// Files that a look examines in turn.
    pub(super) examined: u64,
    /// Multiple of the time of a listing that passes before the next one.
    pub(super) rest: u32,
    /// Maximum number of files that are known.
    pub(super) known: usize,
}

impl Pace {
    /// The pace of the program.
    pub(super) const PATIENT: Self = Self {
        wait: Duration::from_millis(50),
        interval: Duration::from_millis(200),
        examined: 1 << 10,
        rest: 10,
        known: MAX_KNOWN,
    };

    /// Looks without a pause, so that nothing sleeps.
    pub(super) const AT_ONCE: Self =
        Self { wait: Duration::ZERO, interval: Duration::ZERO, rest: 0, ..Self::PATIENT };
}

/// A file that was not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnreadFile {
    modified: SystemTime,
    pub(super) path: PathBuf,
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl UnreadFile {
    pub(super) fn is(&self, id: (u64, u64)) -> bool {
        (self.device, self.inode) == id
    }
}

/// The identity of the file that is being read.
pub(super) struct CurrentId {
    pub(super) path: PathBuf,
    pub(super) device: u64,
    pub(super) inode: u64,
    /// [`KnownFile::modified`] before the first byte was read.
    pub(super) modified: u32,
    pub(super) tail: Arc<TailState>,
}

impl CurrentId {
    pub(super) fn is(&self, device: u64, inode: u64) -> bool {
        (self.device, self.inode) == (device, inode)
    }
}

/// The search, and what it knows.
pub(super) struct Scan {
    named: Arc<[PathBuf]>,
    pace: Pace,
    known: KnownFiles,
    /// Keyed anew in each process, fast, and strong enough: a digest is only ever compared with
    /// that of the same inode, so that one rewritten file in 2^64 is taken for the old one.
    hash: RandomState,
    /// Times at which the folders of the names were modified when they were listed last; none where
    /// that cannot be relied on.
    folders: Vec<Option<SystemTime>>,
    /// The candidates whose turn is next.
    turn: Option<ListedFiles>,
    /// Files without a header yet.
    begun: BTreeSet<PathBuf>,
    looked_at: Option<Instant>,
    list_at: Instant,
    /// Number of files examined so far.
    pub(super) examined: u64,
    pub(super) problems: Vec<String>,
}

impl Scan {
    pub(super) fn new(named: &[PathBuf], pace: Pace) -> Self {
        Self {
            named: named.into(),
            pace,
            known: KnownFiles::new(pace.known),
            hash: RandomState::default(),
            folders: vec![None; named.len()],
            turn: None,
            begun: BTreeSet::new(),
            looked_at: None,
            list_at: Instant::now(),
            examined: 0,
            problems: Vec::new(),
        }
    }

    /// The files that were not read yet, oldest modification first; none if the last look was a
    /// moment ago.
    ///
    /// # Errors
    /// There are more files than can be known.
    pub(super) fn look(&mut self, current: Option<&CurrentId>) -> Result<Vec<UnreadFile>> {
        if self.looked_at.is_some_and(|looked_at| looked_at.elapsed() < self.pace.interval) {
            return Ok(Vec::new());
        }
        let is_first = self.looked_at.is_none();
        self.looked_at = Some(Instant::now());
        if is_first {
            return self.list(false, current);
        }
        let mut found = Vec::new();
        let is_whole = self.examine_next(current, &mut found);
        if is_whole {
            self.begun.clear();
        } else {
            if !found.is_empty() {
                // Files that come later in the listing may have been written earlier.
                return self.list(true, current);
            }
            if self.list_at <= Instant::now() && self.have_folders_changed() {
                found = self.list(false, current)?;
            }
            let begun = std::mem::take(&mut self.begun);
            let paths = begun.into_iter().chain(current.map(|current| current.path.clone()));
            found.extend(paths.filter_map(|path| self.examine(path, current)));
        }
        self.sorted(found)
    }

    /// As [`look`](Self::look), from a listing at once, unless the last one was a moment ago: files
    /// that were found have another name now, or none.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub(super) fn look_again(&mut self) -> Result<Option<Vec<UnreadFile>>> {
        let is_time = self.list_at <= Instant::now();
        is_time.then(|| self.list(true, None)).transpose()
    }

    /// Examines all files once more, for those that went on.
    pub(super) fn finish(&mut self, current: Option<&CurrentId>) {
        candidates(&Arc::clone(&self.named)).flatten().for_each(|candidate| {
            self.examine(candidate.path, current);
        });
    }

    /// Examines the next files in turn. Returns whether these are all there are.
    fn examine_next(&mut self, current: Option<&CurrentId>, found: &mut Vec<UnreadFile>) -> bool {
        let is_begin = self.turn.is_none();
        let mut turn = self.turn.take().unwrap_or_else(|| candidates(&self.named));
        let until = self.examined + self.pace.examined;
        while self.examined < until {
            match turn.next() {
                Some(Ok(candidate)) => found.extend(self.examine(candidate.path, current)),
                Some(Err(_)) => {}
                None => return is_begin,
            }
        }
        self.turn = Some(turn);
        false
    }

    fn have_folders_changed(&self) -> bool {
        let mut folders = self.named.iter().zip(&self.folders);
        folders.any(|(path, listed)| {
            is_listed(path) && (listed.is_none() || folder_modified(path) != *listed)
        })
    }

    /// Lists all candidates and examines those that are new by inode or name, or `all`.
    fn list(&mut self, all: bool, current: Option<&CurrentId>) -> Result<Vec<UnreadFile>> {
        let (begin, now) = (Instant::now(), SystemTime::now());
        let folders = self.named.iter().map(|path| folder_modified(path));
        self.folders = folders.map(|time| time.filter(|time| is_settled(*time, now))).collect();
        let mut found = Vec::new();
        for candidate in candidates(&self.named).flatten() {
            let is_known = candidate.listed.is_some_and(|(device, inode)| {
                let name = self.name_hash(&candidate.path);
                let known = self.known.get_mut(device, inode);
                known.is_some_and(|known| known.name == name)
                    || current.is_some_and(|current| current.is(device, inode))
            });
            if all || !is_known {
                found.extend(self.examine(candidate.path, current));
            }
        }
        self.list_at = Instant::now() + begin.elapsed() * self.pace.rest;
        self.sorted(found)
    }

    /// The found files in their order, each once.
    fn sorted(&mut self, mut found: Vec<UnreadFile>) -> Result<Vec<UnreadFile>> {
        found.sort_unstable_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
        let mut seen = HashSet::new();
        found.retain(|file| seen.insert((file.device, file.inode)));
        self.make_room(|known| {
            found.iter().filter(|file| known.get_mut(file.device, file.inode).is_none()).count()
        })?;
        Ok(found)
    }

    /// Makes room for more files, in place of those that are gone.
    fn make_room(&mut self, mut more: impl FnMut(&mut KnownFiles) -> usize) -> Result<()> {
        if self.known.excess(0) == 0 && {
            let more = more(&mut self.known);
            self.known.excess(more) == 0
        } {
            return Ok(());
        }
        self.forget_absent();
        let more = more(&mut self.known);
        if self.known.excess(more) == 0 {
            return Ok(());
        }
        let named: Vec<_> = self.named.iter().map(|path| path.display().to_string()).collect();
        let reason =
            format!("--follow handles at most {} files, and there are more", self.pace.known);
        Err(Error::new(ErrorKind::Input, reason)
            .with_object(named.join(", "))
            .with_remedy("move finished files elsewhere, or use a narrower pattern"))
    }

    /// Forgets the files that are gone, unless a folder cannot be listed.
    fn forget_absent(&mut self) {
        self.known.mark_absent();
        for candidate in candidates(&self.named) {
            let Ok(candidate) = candidate else { return };
            let metadata = candidate.path.metadata().ok();
            let id = metadata.map(|metadata| path_id(&candidate.path, &metadata));
            if let Some((device, inode)) = id
                && let Some(known) = self.known.get_mut(device, inode)
            {
                known.is_present = true;
            }
        }
        self.known.forget_absent();
    }

    /// Compares a file with what is known; returns it if it is a capture that was not read yet.
    fn examine(&mut self, path: PathBuf, current: Option<&CurrentId>) -> Option<UnreadFile> {
        self.examined += 1;
        let metadata = path.metadata().ok().filter(Metadata::is_file)?;
        let (device, inode) = path_id(&path, &metadata);
        let is_same = match current.filter(|current| current.is(device, inode)) {
            Some(current) => is_still_current(&path, &metadata, &current.tail),
            None => self.is_known(&path, (device, inode), &metadata),
        };
        if is_same {
            return None;
        }
        if metadata.len() < MIN_FILE_BYTES {
            if (self.begun.len() as u64) < self.pace.examined {
                self.begun.insert(path);
            }
            return None;
        }
        let modified = self.modified_hash(&metadata);
        match can_grow(&path) {
            // Permissions may change.
            Err(_) => None,
            Ok(false) => {
                let name = self.name_hash(&path);
                let file = KnownFile {
                    inode,
                    digest: 0,
                    taken: 0,
                    modified,
                    name,
                    is_reported: false,
                    is_present: false,
                };
                // Without room it is opened again in its turn.
                let _ = self.known.insert(device, file);
                None
            }
            Ok(true) => {
                let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                Some(UnreadFile { modified, path, device, inode })
            }
        }
    }

    /// Whether a file is one that was read, and not another in its place. Reports it if it went on.
    pub(super) fn is_known(
        &mut self,
        path: &Path,
        (device, inode): (u64, u64),
        metadata: &Metadata,
    ) -> bool {
        let (name, modified) = (self.name_hash(path), self.modified_hash(metadata));
        let Some(known) = self.known.get_mut(device, inode) else { return false };
        let (len, taken) = (metadata.len(), known.taken);
        known.name = name;
        if modified == 0 || modified != known.modified {
            let is_same = taken > 0
                && len >= taken
                && first_bytes(path, taken.min(DIGESTED))
                    .is_ok_and(|first| self.hash.hash_one(first) == known.digest);
            if !is_same {
                return false;
            }
            known.modified = modified;
        }
        if taken > 0 && len > taken && !known.is_reported {
            known.is_reported = true;
            let name = path.display();
            self.problems.push(format!(
                "{name}: bytes added after byte {taken} were not read, because a later file had already begun"
            ));
        }
        true
    }

    /// Adds a file that was read.
    ///
    /// # Errors
    /// There are more files than can be known.
    pub(super) fn remember(&mut self, current: &CurrentId) -> Result<()> {
        let CurrentId { path, device, inode, modified, tail } = current;
        let file = KnownFile {
            inode: *inode,
            digest: self.hash.hash_one(tail.first()),
            taken: tail.taken(),
            modified: *modified,
            name: self.name_hash(path),
            is_reported: false,
            is_present: false,
        };
        if self.known.insert(*device, file) {
            return Ok(());
        }
        self.make_room(|_| 1)?;
        let _ = self.known.insert(*device, file);
        Ok(())
    }

    /// Examines a path with the next look: it leads to another file by now.
    pub(super) fn examine_soon(&mut self, path: PathBuf) {
        self.begun.insert(path);
    }

    /// The value of [`KnownFile::modified`].
    pub(super) fn modified_hash(&self, metadata: &Metadata) -> u32 {
        match metadata.modified() {
            Ok(time) if is_settled(time, SystemTime::now()) => {
                (self.hash.hash_one(time) as u32).max(1)
            }
            _ => 0,
        }
    }

    fn name_hash(&self, path: &Path) -> u16 {
        self.hash.hash_one(path.file_name()) as u16
    }
}

/// Whether a change after `now` would give another time than `modified`.
fn is_settled(modified: SystemTime, now: SystemTime) -> bool {
    now.duration_since(modified).is_ok_and(|age| age > SETTLED)
}

/// Whether the file that is being read still begins as it did.
fn is_still_current(path: &Path, metadata: &Metadata, tail: &TailState) -> bool {
    let first = tail.first();
    metadata.len() >= tail.taken()
        && first_bytes(path, first.len() as u64).is_ok_and(|bytes| bytes == first)
}

fn first_bytes(path: &Path, len: u64) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(len as usize);
    open_at_once(path)?.take(len).read_to_end(&mut first).map(|_| first)
}

/// Whether a file begins like one that grows: a capture that is not compressed.
fn can_grow(path: &Path) -> io::Result<bool> {
    let first = first_bytes(path, 16)?;
    let is_magic = |&magic| Pcap::is_magic(magic) || Pcapng::is_magic(magic);
    Ok(Compression::from_magic(&first).is_none() && first.first_chunk().is_some_and(is_magic))
}
