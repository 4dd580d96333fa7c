//! Saves a live capture as pcapng.
//!
//! The capture thread only copies frames into buffers; a thread of its own writes them, because a
//! disk may be slow. If it is too slow, buffers are discarded and their frames counted, and the
//! capture goes on.

mod files;
mod pcapng;
mod target;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use self::files::{check_single, unfinished};
pub use self::pcapng::{InterfaceCounts, SavedInterface};
pub use self::target::{exists_already, holds_data, is_descriptor, is_special, open_special};

use self::files::RotatedFiles;
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

/// Where and how to save.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Path of the file; the files of a series are numbered before the extension.
    pub path: PathBuf,
    /// Bytes after which the next file begins.
    pub size: Option<u64>,
    /// Time after which the next file begins.
    pub time: Option<Duration>,
    /// Maximum number of whole files of a series; 0 for no limit.
    pub keep: usize,
    /// Number of frames after which no more are saved: more may be read at once than the capture
    /// then counts.
    pub frames: Option<u64>,
    /// Whether a single file may replace one that exists. The files of a series never do: they take
    /// names that are free.
    pub force: bool,
}

impl Plan {
    /// Whether the capture is saved in several files, whose names are numbered.
    #[must_use]
    pub const fn is_series(&self) -> bool {
        self.size.is_some() || self.time.is_some()
    }
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
    thread: Option<JoinHandle<Result<(), String>>>,
    problem: Option<String>,
}

/// A job for the writing thread.
enum WriteJob {
    Append(Vec<u8>),
    Rotate(Vec<u8>),
}

impl Save {
    /// Creates the first file and starts the thread that writes.
    ///
    /// # Errors
    /// The file exists or cannot be created ([`ErrorKind::Output`]), or the thread not started
    /// ([`ErrorKind::System`]).
    pub fn create(plan: Plan, interfaces: Vec<SavedInterface>) -> Result<Self> {
        let name = plan.path.display().to_string();
        let files = RotatedFiles::create(&plan.path, plan.is_series(), plan.keep, plan.force)?;
        let (to_disk, jobs) = sync_channel(QUEUE);
        let (give_back, spare) = sync_channel(QUEUE);
        let thread = thread::Builder::new()
            .name("save".into())
            .spawn(move || {
                write(files, &jobs, &give_back)
                    .map_err(|error| format!("{name}: cannot be written: {error}"))
            })
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
        let died = |_| Err("the saving thread died".to_owned());
        if let Some(Err(reason)) =
            self.thread.take().map(|thread| thread.join().unwrap_or_else(died))
        {
            self.problem = Some(format!("{reason}; everything saved before that is complete"));
        }
    }
}

/// Runs the writing thread. What was written before a failure stays, cut to whole blocks.
fn write(
    mut files: RotatedFiles,
    jobs: &Receiver<WriteJob>,
    give_back: &SyncSender<Vec<u8>>,
) -> std::io::Result<()> {
    let mut done = Ok(());
    for job in jobs {
        let (rotated, mut blocks) = match job {
            WriteJob::Append(blocks) => (Ok(()), blocks),
            WriteJob::Rotate(header) => (files.rotate(), header),
        };
        done = rotated.and_then(|()| files.write(&blocks));
        if done.is_err() {
            break;
        }
        blocks.clear();
        // If the queue of spare buffers is full, the buffer is freed.
        drop(give_back.try_send(blocks));
    }
    done.and(files.finish())
}
