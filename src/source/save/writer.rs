//! The thread that writes what is saved.

use std::sync::mpsc::{Receiver, Sender, SyncSender};

use super::SaveFiles;
use crate::sentence::plural;
use crate::{Error, ErrorKind, Result};

/// A job for the thread.
pub(super) enum WriteJob {
    /// Whole blocks, and the number of frames in them.
    Append { blocks: Vec<u8>, frames: u64 },
    /// The current file is complete.
    Rotate,
}

/// The files, and what became of the blocks.
pub(super) struct Writer {
    files: Box<dyn SaveFiles>,
    /// The path of the file as the user named it.
    name: String,
    /// What each file begins with.
    header: Vec<u8>,
    /// Whole files of the series that are kept; 0 for no limit.
    keep: usize,
    tell: Sender<String>,
    /// Bytes of whole blocks in the current file: none before its header is written.
    whole: u64,
    /// Whole files before the current one.
    rotated: usize,
    /// Whether the next file could not be begun when it was due.
    is_due: bool,
    /// Frames that were not saved since there is no room; `None` while there is.
    gap: Option<u64>,
    /// Frames of all gaps.
    lost: u64,
    /// Why there was no room, the last time.
    full: Option<Error>,
}

impl Writer {
    pub(super) fn new(
        files: Box<dyn SaveFiles>,
        name: String,
        header: Vec<u8>,
        keep: usize,
        tell: Sender<String>,
    ) -> Self {
        let (whole, rotated, is_due) = (0, 0, false);
        let (gap, lost, full) = (None, 0, None);
        Self { files, name, header, keep, tell, whole, rotated, is_due, gap, lost, full }
    }

    /// Does the jobs, until there are no more. Returns what is to be said of frames that were not
    /// saved. What was written before a failure stays, cut to whole blocks.
    ///
    /// # Errors
    /// Nothing more could be written.
    pub(super) fn run(
        mut self,
        jobs: &Receiver<WriteJob>,
        give_back: &SyncSender<Vec<u8>>,
    ) -> Result<Option<String>> {
        for job in jobs {
            let done = match job {
                WriteJob::Rotate => self.rotate(),
                WriteJob::Append { mut blocks, frames } => {
                    let done = self.append(&blocks, frames);
                    blocks.clear();
                    // If the queue of spare buffers is full, the buffer is freed.
                    drop(give_back.try_send(blocks));
                    done
                }
            };
            if let Err(error) = done {
                let kept = match self.files.cut_off(self.whole) {
                    Ok(()) => "everything saved before that is complete".to_owned(),
                    Err(error) => error.to_string(),
                };
                return Err(error.with_remedy(kept));
            }
        }
        self.finish()
    }

    /// Begins the next file, or does so later where there is no room for it.
    fn rotate(&mut self) -> Result<()> {
        let begun = self.begin_next();
        self.is_due = is_full(&begun);
        if self.is_due { Ok(()) } else { begun }
    }

    fn begin_next(&mut self) -> Result<()> {
        self.files.rotate()?;
        (self.whole, self.is_due) = (0, false);
        self.rotated += 1;
        Ok(())
    }

    /// Writes blocks, or counts their frames where there is no room.
    fn append(&mut self, blocks: &[u8], frames: u64) -> Result<()> {
        let mut written = self.write(blocks);
        if is_full(&written) && self.has_oldest_to_remove() {
            written = self.remove_oldest().and_then(|()| self.write(blocks));
        }
        match written {
            Err(error) if error.kind() == ErrorKind::Full => {
                let error = error.with_object(&self.name);
                if self.gap.is_none() {
                    let remedy = format!(
                        "the data so far is in {}; capture continues without saving until there \
                         is room",
                        self.files.place()
                    );
                    self.say(error.clone().with_remedy(remedy).to_string());
                }
                *self.gap.get_or_insert_default() += frames;
                self.lost += frames;
                self.full = Some(error);
                Ok(())
            }
            Err(error) => Err(error),
            Ok(()) => {
                if let Some(frames) = self.gap.take_if(|_| !blocks.is_empty()) {
                    let (name, lost) = (&self.name, plural(frames, "packet"));
                    self.say(format!("{name}: saving continues; {lost} not saved meanwhile"));
                }
                Ok(())
            }
        }
    }

    /// Whether the next file would make room: the oldest of a full series is removed for it. A file
    /// with nothing but its header is not ended for that.
    fn has_oldest_to_remove(&self) -> bool {
        let has_frames = self.whole > self.header.len() as u64;
        self.keep > 0 && self.rotated >= self.keep && has_frames
    }

    fn remove_oldest(&mut self) -> Result<()> {
        self.begin_next()?;
        self.files.settle()
    }

    /// Writes blocks as a whole or not at all, behind the header if it is still missing.
    fn write(&mut self, blocks: &[u8]) -> Result<()> {
        if self.is_due {
            self.begin_next()?;
        }
        let header: &[u8] = if self.whole == 0 { &self.header } else { &[] };
        let written = self.files.write_all(header).and_then(|()| self.files.write_all(blocks));
        written.map_err(|error| {
            let mut kind = ErrorKind::of_output(&error);
            if self.files.cut_back(self.whole).is_err() {
                kind = ErrorKind::Output;
            }
            Error::new(kind, format!("cannot be written: {error}")).with_object(&self.name)
        })?;
        self.whole += (header.len() + blocks.len()) as u64;
        Ok(())
    }

    /// Ends the last file. One with a gap replaces none.
    fn finish(self) -> Result<Option<String>> {
        let Some(full) = self.full else { return self.files.finish().map(|()| None) };
        let kept = match self.files.cut_off(self.whole) {
            Ok(()) => "everything else that was saved is complete".to_owned(),
            Err(error) => error.to_string(),
        };
        let lost = plural(self.lost, "packet");
        Ok(Some(full.with_remedy(format!("{lost} not saved; {kept}")).to_string()))
    }

    /// Tells the capture, if it still listens.
    fn say(&self, line: String) {
        drop(self.tell.send(line));
    }
}

/// Whether there may be room later.
fn is_full(done: &Result<()>) -> bool {
    done.as_ref().is_err_and(|error| error.kind() == ErrorKind::Full)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::mpsc::{channel, sync_channel};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A disk with little room, on which a series keeps some files.
    #[derive(Default)]
    struct Disk {
        room: usize,
        keep: usize,
        files: Vec<Vec<u8>>,
        /// Whether the last file was ended as one that is not whole.
        is_cut_off: bool,
    }

    #[derive(Clone)]
    struct DiskFiles(Arc<Mutex<Disk>>);

    impl Write for DiskFiles {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let disk = &mut *self.0.lock().unwrap();
            let room = disk.room - disk.files.iter().map(Vec::len).sum::<usize>();
            let taken = bytes.len().min(room);
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            disk.files.last_mut().unwrap().extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl SaveFiles for DiskFiles {
        fn rotate(&mut self) -> Result<()> {
            let disk = &mut *self.0.lock().unwrap();
            let used: usize = disk.files.iter().map(Vec::len).sum();
            if used == disk.room && disk.keep == 0 {
                return Err(Error::new(ErrorKind::Full, "cannot be written: no space"));
            }
            disk.files.push(Vec::new());
            Ok(())
        }

        fn settle(&mut self) -> Result<()> {
            let disk = &mut *self.0.lock().unwrap();
            let surplus = disk.files.len().saturating_sub(disk.keep + 1);
            drop(disk.files.drain(..surplus));
            Ok(())
        }

        fn cut_back(&mut self, length: u64) -> io::Result<()> {
            self.0.lock().unwrap().files.last_mut().unwrap().truncate(length as usize);
            Ok(())
        }

        fn place(&self) -> String {
            "a.part".to_owned()
        }

        fn finish(self: Box<Self>) -> Result<()> {
            Ok(())
        }

        fn cut_off(self: Box<Self>, length: u64) -> Result<()> {
            self.0.lock().unwrap().is_cut_off = true;
            self.clone().cut_back(length).unwrap();
            Ok(())
        }
    }

    /// What is on the disk after these jobs, what was told, and what is said at the end. A text is
    /// a job with as many frames as letters, a number another amount of
    /// room, and an empty text a new file.
    fn saved(
        keep: usize,
        jobs: &[Result<&str, usize>],
    ) -> (Vec<String>, Vec<String>, Option<String>) {
        let disk = Arc::new(Mutex::new(Disk { keep, files: vec![Vec::new()], ..Disk::default() }));
        let (tell, told) = channel();
        let files = Box::new(DiskFiles(Arc::clone(&disk)));
        let mut writer = Writer::new(files, "a".into(), b"<".to_vec(), keep, tell);
        for job in jobs {
            match *job {
                Err(room) => disk.lock().unwrap().room = room,
                Ok("") => writer.rotate().unwrap(),
                Ok(blocks) => writer.append(blocks.as_bytes(), blocks.len() as u64).unwrap(),
            }
        }
        let (give, jobs) = sync_channel(0);
        drop(give);
        let said = writer.run(&jobs, &sync_channel(0).0).unwrap();
        let disk = disk.lock().unwrap();
        assert_eq!(disk.is_cut_off, said.is_some());
        let files = disk.files.iter().map(|file| String::from_utf8(file.clone()).unwrap());
        (files.collect(), told.try_iter().collect(), said)
    }

    #[test]
    fn saving_goes_on_when_there_is_room_again_and_the_gap_is_counted() {
        let (files, told, said) = saved(
            0,
            &[Err(10), Ok("abc"), Ok("defghijk"), Ok("lmnopqr"), Err(30), Ok("stuvw"), Ok("x")],
        );
        assert_eq!(files, ["<abcstuvwx"], "whole blocks only");
        assert!(told[0].contains("the data so far is in a.part"), "{told:?}");
        assert!(
            told[0].ends_with("capture continues without saving until there is room"),
            "{told:?}"
        );
        assert_eq!(told[1], "a: saving continues; 15 packets not saved meanwhile");
        assert_eq!(told.len(), 2);
        assert!(said.unwrap().contains("; 15 packets not saved; "));
    }

    #[test]
    fn a_file_for_whose_beginning_there_was_no_room_gets_it_later() {
        let (files, told, said) = saved(0, &[Err(0), Ok("ab"), Err(9), Ok("cd")]);
        assert_eq!((files, told.len()), (vec!["<cd".to_owned()], 2));
        assert!(said.unwrap().contains("; 2 packets not saved; "));
        let (files, _, said) = saved(0, &[Err(9), Ok("ab")]);
        assert_eq!((files, said), (vec!["<ab".to_owned()], None));
    }

    #[test]
    fn a_full_series_makes_room_by_the_file_that_it_would_remove() {
        let (files, told, said) =
            saved(1, &[Err(10), Ok("abcd"), Ok(""), Ok("efg"), Ok("hij"), Ok("k")]);
        assert_eq!(files, ["<efg", "<hijk"]);
        assert_eq!((told, said), (Vec::new(), None), "nothing was lost");
        // A single file too large for the disk is not removed for its own rest.
        let (files, told, _) = saved(1, &[Err(10), Ok("abcd"), Ok("efghij"), Ok("k")]);
        assert_eq!((files, told.len()), (vec!["<abcdk".to_owned()], 2));
    }

    #[test]
    fn a_file_that_cannot_be_begun_for_lack_of_room_is_begun_later() {
        let (files, told, said) =
            saved(0, &[Err(4), Ok("abc"), Ok(""), Ok("de"), Err(20), Ok("fg"), Ok("hi")]);
        assert_eq!(files, ["<abc", "<fghi"]);
        assert_eq!(told[1], "a: saving continues; 2 packets not saved meanwhile");
        assert!(said.unwrap().contains("; 2 packets not saved; "));
    }
}
