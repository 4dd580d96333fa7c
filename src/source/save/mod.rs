//! Saves a live capture as pcapng.
//!
//! The capture thread only copies frames into buffers; a thread of its own writes them, because a
//! disk may be slow. If it is too slow or full, buffers are discarded and their frames counted, and
//! the capture goes on. The files themselves are [`SaveFiles`]: this module opens none.

pub(crate) mod pcapng;
mod writer;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use self::pcapng::{InterfaceCounts, SavedInterface};

use self::writer::{WriteJob, Writer};
use crate::sentence::plural;
use crate::source::Frame;
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// Bytes per write.
const BUFFER: usize = 1 << 20;
/// Buffers that wait for the disk: with [`BUFFER`], the maximum memory that saving takes.
const QUEUE: usize = 64;
/// Time after which a buffer that is not full is written, so that the file follows the capture.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// The open file that a capture is saved in, or the newest one of a series.
pub trait SaveFiles: Write + Send {
    /// The current file is whole; begins the next.
    ///
    /// # Errors
    /// The next file cannot be created ([`ErrorKind::Full`] where there is no room), or an earlier
    /// one of the series has not got its name.
    fn rotate(&mut self) -> Result<()>;

    /// Waits until what rotation asked for is done: only then the files that a series no longer
    /// keeps leave room.
    ///
    /// # Errors
    /// A file of the series has not got its name, or cannot be removed.
    fn settle(&mut self) -> Result<()>;

    /// Makes the current file `length` bytes long again, after a write for which there was no room;
    /// the next write goes there.
    ///
    /// # Errors
    /// It cannot be shortened: it is not a regular file.
    fn cut_back(&mut self, length: u64) -> io::Result<()>;

    /// Where the data of the current file is, for people.
    fn place(&self) -> String;

    /// The last file is whole.
    ///
    /// # Errors
    /// It has not got its name.
    fn finish(self: Box<Self>) -> Result<()>;

    /// Frames are missing, because writing has failed for good or for a while; the first `length`
    /// bytes of the last file are whole blocks.
    ///
    /// # Errors
    /// The file has not got its name.
    fn cut_off(self: Box<Self>, length: u64) -> Result<()>;
}

/// How to save.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Path of the file, for people.
    pub path: PathBuf,
    /// Bytes after which the next file begins.
    pub size: Option<u64>,
    /// Time after which the next file begins.
    pub time: Option<Duration>,
    /// Whole files of a series that are kept: one more removes the oldest. 0 for no limit.
    pub keep: usize,
    /// Number of frames after which no more are saved: more may be read at once than the capture
    /// then counts.
    pub frames: Option<u64>,
}

/// A capture that is being saved.
pub struct Save {
    plan: Plan,
    /// Bytes with which each file begins.
    header_bytes: u64,
    buffer: Vec<u8>,
    /// Frames so far.
    taken: u64,
    /// Frames in the buffer.
    frames: u64,
    /// Bytes of the current file, written or not.
    bytes: u64,
    opened_at: Instant,
    flushed_at: Instant,
    last: Time,
    /// Frames that were discarded because the disk was too slow.
    left_out: u64,
    to_disk: Option<SyncSender<WriteJob>>,
    spare: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<Result<Option<String>>>>,
    /// What the thread has to say meanwhile.
    from_thread: Receiver<String>,
    /// What was not told yet.
    news: Vec<String>,
    problems: Vec<String>,
}

impl Save {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// The thread cannot be started ([`ErrorKind::System`]).
    pub fn start(
        plan: Plan,
        files: Box<dyn SaveFiles>,
        interfaces: &[SavedInterface],
    ) -> Result<Self> {
        let name = plan.path.display().to_string();
        let (to_disk, jobs) = sync_channel(QUEUE);
        let (give_back, spare) = sync_channel(QUEUE);
        let (tell, from_thread) = channel();
        let mut header = Vec::new();
        pcapng::header(&mut header, interfaces);
        let bytes = header.len() as u64;
        let writer = Writer::new(files, name, header, plan.keep, tell);
        let thread = thread::Builder::new()
            .name("save".into())
            .spawn(move || writer.run(&jobs, &give_back))
            .map_err(|error| {
                let reason = format!("the saving thread cannot be started: {error}");
                Error::new(ErrorKind::System, reason)
            })?;
        let now = Instant::now();
        Ok(Self {
            plan,
            header_bytes: bytes,
            buffer: Vec::with_capacity(BUFFER),
            taken: 0,
            frames: 0,
            bytes,
            opened_at: now,
            flushed_at: now,
            last: Time(0),
            left_out: 0,
            to_disk: Some(to_disk),
            spare,
            thread: Some(thread),
            from_thread,
            news: Vec::new(),
            problems: Vec::new(),
        })
    }

    /// Saves a frame; its interface is an index into the list of interfaces.
    pub(super) fn frame(&mut self, frame: &Frame<'_>) {
        if self.plan.frames.is_some_and(|frames| self.taken >= frames) {
            return;
        }
        self.taken += 1;
        pcapng::frame(&mut self.buffer, frame);
        self.frames += 1;
        self.last = self.last.max(frame.time);
        if self.buffer.len() >= BUFFER {
            self.flush();
        }
    }

    /// Whether the current file is complete and [`rotate`](Self::rotate) is due.
    pub(super) fn is_due(&self) -> bool {
        self.plan.size.is_some_and(|size| self.bytes + self.buffer.len() as u64 >= size)
            || self.plan.time.is_some_and(|time| self.opened_at.elapsed() >= time)
    }

    /// Writes what is buffered, if it has waited long enough. Called when no frame comes.
    pub(super) fn idle(&mut self) {
        if self.flushed_at.elapsed() >= FLUSH_INTERVAL {
            self.flush();
        }
        self.news.extend(self.from_thread.try_iter());
    }

    /// Ends the current file with the counters of the interfaces, and begins the next.
    pub(super) fn rotate(&mut self, counts: &[InterfaceCounts]) {
        self.end_with(counts);
        self.flush();
        self.bytes = self.header_bytes;
        self.opened_at = Instant::now();
        self.send(WriteJob::Rotate);
    }

    /// Ends the last file; waits for the disk.
    pub(super) fn finish(&mut self, counts: &[InterfaceCounts]) {
        self.end_with(counts);
        let (blocks, frames) = (std::mem::take(&mut self.buffer), self.frames);
        if let Some(to_disk) = self.to_disk.take() {
            // Fails only if the thread is gone, whose result states why.
            drop(to_disk.send(WriteJob::Append { blocks, frames }));
        }
        self.join();
        if self.left_out > 0 {
            let (name, lost) = (self.plan.path.display(), plural(self.left_out, "packet"));
            self.problems.push(format!("{name}: {lost} not saved: the disk was too slow"));
        }
    }

    /// What went wrong.
    pub(super) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Whether frames are still being saved.
    pub(super) fn is_open(&self) -> bool {
        self.to_disk.is_some()
    }

    /// Whether there is something to be told.
    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// What happened since the last call, a line each.
    pub(super) fn take_news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    fn end_with(&mut self, counts: &[InterfaceCounts]) {
        for (interface, counts) in (0..).zip(counts) {
            pcapng::statistics(&mut self.buffer, interface, self.last, *counts);
        }
    }

    fn flush(&mut self) {
        self.flushed_at = Instant::now();
        let next = self.spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(BUFFER));
        let full = std::mem::replace(&mut self.buffer, next);
        self.bytes += full.len() as u64;
        self.send(WriteJob::Append { blocks: full, frames: self.frames });
        self.frames = 0;
        self.news.extend(self.from_thread.try_iter());
    }

    fn send(&mut self, job: WriteJob) {
        let Some(to_disk) = &self.to_disk else { return };
        match to_disk.try_send(job) {
            // If the queue is full, the next file begins once the disk has caught up, and this one
            // becomes larger.
            Ok(()) | Err(TrySendError::Full(WriteJob::Rotate)) => {}
            Err(TrySendError::Full(WriteJob::Append { mut blocks, frames })) => {
                self.left_out += frames;
                blocks.clear();
                self.buffer = blocks;
            }
            Err(TrySendError::Disconnected(_)) => {
                self.to_disk = None;
                self.join();
            }
        }
    }

    fn join(&mut self) {
        let ended = self.thread.take().map(|thread| {
            let panicked = |panic: Box<_>| Err(Error::from_panic("the saving thread", &*panic));
            thread.join().unwrap_or_else(panicked)
        });
        let problem = ended.and_then(|ended| ended.unwrap_or_else(|error| Some(error.to_string())));
        self.problems.extend(problem);
    }
}
