//! Capture files of which it is recorded what was read of each, for a snapshot.

use std::sync::{Arc, Mutex, PoisonError};

use portlore::snapshot::{FileDigest, RecordedFile};
use portlore::source::{Block, Drops, Files, Filled, FrameFiles, Next, Source};
use portlore::{Error, ErrorKind, Result};

/// Chained files, with the digest of each.
pub struct RecordedFiles {
    files: Files,
    record: Arc<Mutex<FileRecord>>,
}

/// What is read of files.
pub struct FileRecord {
    /// The files by name, in the order in which they are read.
    digests: Vec<(String, FileDigest)>,
    /// The number of files that have begun.
    begun: usize,
}

impl RecordedFiles {
    /// Records `files`, which have these names; and the record.
    pub fn new(files: Files, names: &[String]) -> (Self, Arc<Mutex<FileRecord>>) {
        let digests = names.iter().map(|name| (name.clone(), FileDigest::default())).collect();
        let record = Arc::new(Mutex::new(FileRecord { digests, begun: 0 }));
        (Self { files, record: Arc::clone(&record) }, record)
    }
}

impl FileRecord {
    /// What was read of the files of `before`, and of these.
    ///
    /// # Errors
    /// One has the same frames as one of `before`, or as another one.
    pub fn files(&self, before: &[RecordedFile]) -> Result<Vec<RecordedFile>> {
        let mut all = before.to_vec();
        for (name, digest) in &self.digests {
            let file = digest.clone().finish(name.clone());
            let is_same = |known: &&RecordedFile| file.frames > 0 && known.digest == file.digest;
            if let Some(known) = all.iter().find(is_same) {
                let reason = format!("has the packets of {}, which were read before", known.name);
                return Err(Error::new(ErrorKind::Input, reason)
                    .with_object(&file.name)
                    .with_remedy("leave it out"));
            }
            all.push(file);
        }
        Ok(all)
    }
}

impl Source for RecordedFiles {
    fn next(&mut self) -> Result<Next<'_>> {
        self.files.next()
    }

    /// Records what it reads, unlike [`next`](Self::next).
    fn read(&mut self, block: &mut Block) -> Result<Filled> {
        let before = block.len();
        let record = &mut *self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let mut end = Filled::Frames;
        while end == Filled::Frames && block.has_room() {
            let (time, captured, wire_len) = match self.files.next()? {
                Next::Frame(frame) => {
                    block.push(&frame);
                    (frame.time, frame.bytes.len(), frame.wire_len)
                }
                Next::Idle => {
                    end = Filled::Idle;
                    continue;
                }
                Next::End => {
                    end = Filled::End;
                    continue;
                }
            };
            if let Some((name, 1)) = self.files.place() {
                let next = record.digests.iter().skip(record.begun);
                record.begun += 1 + next.take_while(|(known, _)| known != name).count();
            }
            let file = record.begun.checked_sub(1).and_then(|begun| record.digests.get_mut(begun));
            if let Some((_, digest)) = file {
                digest.add(time, captured, wire_len);
            }
        }
        Ok(if block.len() > before { Filled::Frames } else { end })
    }

    fn drops(&mut self) -> Drops {
        self.files.drops()
    }

    fn problems(&self) -> Vec<String> {
        self.files.problems()
    }

    fn notices(&self) -> Vec<String> {
        self.files.notices()
    }

    fn frame_files(&self) -> Option<FrameFiles> {
        self.files.frame_files()
    }

    fn interface(&self, number: u32) -> String {
        self.files.interface(number)
    }
}
