//! Saves a live capture as pcapng.
//!
//! The capture thread only copies frames into buffers; a thread of its own writes them, because a
//! disk may be slow. If it is too slow, buffers are discarded and their frames counted, and the
//! capture goes on. The files themselves are [`SaveFiles`]: this module opens none.

mod pcapng;

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use self::pcapng::{InterfaceCounts, SavedInterface};

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
    /// The next file cannot be created, or an earlier one of the series has not got its name.
    fn rotate(&mut self) -> Result<()>;

    /// The last file is whole.
    ///
    /// # Errors
    /// It has not got its name.
    fn finish(self: Box<Self>) -> Result<()>;

    /// Writing has failed; the first `length` bytes of the last file are whole blocks.
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
    /// Number of frames after which no more are saved: more may be read at once than the capture
    /// then counts.
    pub frames: Option<u64>,
}

/// A capture that is being saved.
pub struct Save {
    plan: Plan,
    interfaces: Vec<SavedInterface>,
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
    thread: Option<JoinHandle<Result<()>>>,
    problem: Option<String>,
}

/// A job for the writing thread.
enum WriteJob {
    Append(Vec<u8>),
    Rotate(Vec<u8>),
}

impl Save {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// The thread cannot be started ([`ErrorKind::System`]).
    pub fn start(
        plan: Plan,
        files: Box<dyn SaveFiles>,
        interfaces: Vec<SavedInterface>,
    ) -> Result<Self> {
        let name = plan.path.display().to_string();
        let (to_disk, jobs) = sync_channel(QUEUE);
        let (give_back, spare) = sync_channel(QUEUE);
        let thread = thread::Builder::new()
            .name("save".into())
            .spawn(move || write(files, &name, &jobs, &give_back))
            .map_err(|error| {
                let reason = format!("the saving thread cannot be started: {error}");
                Error::new(ErrorKind::System, reason)
            })?;
        let now = Instant::now();
        let mut save = Self {
            plan,
            interfaces,
            buffer: Vec::with_capacity(BUFFER),
            taken: 0,
            frames: 0,
            bytes: 0,
            opened_at: now,
            flushed_at: now,
            last: Time(0),
            left_out: 0,
            to_disk: Some(to_disk),
            spare,
            thread: Some(thread),
            problem: None,
        };
        pcapng::header(&mut save.buffer, &save.interfaces);
        Ok(save)
    }

    /// Saves a frame; its interface is an index into the list of interfaces.
    pub(super) fn frame(&mut self, frame: &Frame<'_>) {
        if self.plan.frames.is_some_and(|frames| self.taken >= frames) {
            return;
        }
        self.taken += 1;
        pcapng::frame(&mut self.buffer, frame.interface, frame.time, frame.wire_len, frame.bytes);
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
    }

    /// Ends the current file with the counters of the interfaces, and begins the next.
    pub(super) fn rotate(&mut self, counts: &[InterfaceCounts]) {
        self.end_with(counts);
        self.flush();
        let mut header = self.spare.try_recv().unwrap_or_default();
        pcapng::header(&mut header, &self.interfaces);
        self.bytes = header.len() as u64;
        self.opened_at = Instant::now();
        self.send(WriteJob::Rotate(header));
    }

    /// Ends the last file; waits for the disk.
    pub(super) fn finish(&mut self, counts: &[InterfaceCounts]) {
        self.end_with(counts);
        let last = std::mem::take(&mut self.buffer);
        if let Some(to_disk) = self.to_disk.take() {
            // Fails only if the thread is gone, whose result states why.
            drop(to_disk.send(WriteJob::Append(last)));
        }
        self.join();
        if self.left_out > 0 && self.problem.is_none() {
            let name = self.plan.path.display();
            self.problem = Some(format!(
                "{name}: {} not saved: the disk was too slow",
                plural(self.left_out, "packet")
            ));
        }
    }

    /// What went wrong, if anything.
    pub(super) fn problem(&self) -> Option<&String> {
        self.problem.as_ref()
    }

    /// Whether frames are still being saved.
    pub(super) fn is_open(&self) -> bool {
        self.to_disk.is_some()
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
        self.send(WriteJob::Append(full));
        self.frames = 0;
    }

    fn send(&mut self, job: WriteJob) {
        let Some(to_disk) = &self.to_disk else { return };
        match to_disk.try_send(job) {
            // If the queue is full, the next file begins once the disk has caught up, and this one
            // becomes larger.
            Ok(()) | Err(TrySendError::Full(WriteJob::Rotate(_))) => {}
            Err(TrySendError::Full(WriteJob::Append(mut buffer))) => {
                self.left_out += self.frames;
                buffer.clear();
                self.buffer = buffer;
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
        if let Some(Err(error)) = ended {
            self.problem = Some(error.to_string());
        }
    }
}

/// Runs the writing thread. What was written before a failure stays, cut to whole blocks.
fn write(
    mut files: Box<dyn SaveFiles>,
    name: &str,
    jobs: &Receiver<WriteJob>,
    give_back: &SyncSender<Vec<u8>>,
) -> Result<()> {
    // Bytes of whole blocks in the current file.
    let mut whole = 0;
    for job in jobs {
        let (rotated, mut blocks) = match job {
            WriteJob::Append(blocks) => (Ok(()), blocks),
            WriteJob::Rotate(header) => (files.rotate().inspect(|()| whole = 0), header),
        };
        let written = rotated.and_then(|()| {
            files.write_all(&blocks).map_err(|error| {
                Error::new(ErrorKind::Output, format!("cannot be written: {error}"))
                    .with_object(name)
            })
        });
        if let Err(error) = written {
            let kept = match files.cut_off(whole) {
                Ok(()) => "everything saved before that is complete".to_owned(),
                Err(error) => error.to_string(),
            };
            return Err(error.with_remedy(kept));
        }
        whole += blocks.len() as u64;
        blocks.clear();
        // If the queue of spare buffers is full, the buffer is freed.
        drop(give_back.try_send(blocks));
    }
    files.finish()
}
