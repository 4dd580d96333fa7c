//! What a writer does with capture files while they are followed: files grow, by whole frames and by
//! pieces of them, are rotated, renamed, written again in their place, deleted, damaged. Frames are
//! numbered in turn. Of an undamaged series each frame that was whole comes once.
//!
//! The input: a byte for each step, and behind a step that damages a file its length and the bytes.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portlore::source::{Follow, Next, Source};
use tempfile::TempDir;

/// Steps of an input at most.
const STEPS: usize = 64;
/// Times without a frame after which nothing more is to come: a look for each, and some more.
const IDLE: usize = 8;
/// More reads than any series of [`STEPS`] takes.
const READS: usize = 4096;

const HEADER: [u8; 24] =
    [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
const FRAME: usize = 20;

struct Scene {
    folder: TempDir,
    follow: Follow,
    stop: Arc<AtomicBool>,
    /// The number of the file that is being written. Names are in the order of writing: files of one
    /// tick of the clock are read by name.
    file: usize,
    /// Files that were renamed.
    renamed: usize,
    /// The second of the last frame that was written, which no other has.
    second: u32,
    /// What is missing of that frame.
    rest: Vec<u8>,
    /// The seconds of the frames that must come.
    expected: BTreeSet<i64>,
    seen: BTreeSet<i64>,
    frames: u64,
    /// Bytes of no capture were written: whatever comes of them may be a frame.
    is_damaged: bool,
}

impl Scene {
    fn new() -> Self {
        // In memory, where there is such a folder.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let folder = folder.expect("a folder can be made");
        let first = folder.path().join("ring0000-now");
        fs::write(&first, HEADER).expect("a file can be written");
        let stop = Arc::<AtomicBool>::default();
        let named = [folder.path().join("ring*")];
        let follow = Follow::open_at_once(&named, &stop).expect("the file is there");
        Self {
            folder,
            follow,
            stop,
            file: 0,
            renamed: 0,
            second: 0,
            rest: Vec::new(),
            expected: BTreeSet::new(),
            seen: BTreeSet::new(),
            frames: 0,
            is_damaged: false,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(format!("ring{:04}-now", self.file))
    }

    fn append(&mut self, bytes: &[u8]) {
        let open = OpenOptions::new().append(true).create(true).open(self.path());
        open.and_then(|mut file| file.write_all(bytes)).expect("a file can be written");
    }

    /// Writes what is missing of the last frame.
    fn complete(&mut self) {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            self.append(&rest);
            self.expected.insert(self.second.into());
        }
    }

    /// Writes so many bytes of the next frame; the others follow with the next step that writes.
    fn write(&mut self, bytes: usize) {
        self.complete();
        self.second += 1;
        let second = self.second.to_le_bytes();
        let frame = [&second[..], &[0; 4], &[4, 0, 0, 0], &[4, 0, 0, 0], b"data"].concat();
        self.rest = frame[bytes..].to_vec();
        self.append(&frame[..bytes]);
        if self.rest.is_empty() {
            self.expected.insert(self.second.into());
        }
    }

    /// Begins the next file of the series.
    fn rotate(&mut self) {
        self.complete();
        self.file += 1;
        self.append(&HEADER);
    }

    /// Reads until nothing more comes.
    fn read(&mut self) {
        let (mut idle, mut reads) = (0, 0);
        while idle < IDLE {
            idle += usize::from(!self.read_one());
            reads += 1;
            assert!(reads < READS, "reading comes to no end");
        }
    }

    fn read_one(&mut self) -> bool {
        match self.follow.next().expect("a followed file is no failure") {
            Next::Frame(frame) => {
                self.frames += 1;
                assert_eq!(frame.number, self.frames);
                let second = frame.time.0 / 1_000_000_000;
                assert!(self.seen.insert(second) || self.is_damaged, "{second} comes twice");
                true
            }
            Next::Idle => false,
            Next::End => panic!("it ends although nobody stopped it"),
        }
    }

    fn step(&mut self, step: u8, input: &mut &[u8]) {
        match step % 8 {
            0 | 1 => self.write(FRAME),
            2 => self.write(usize::from(step >> 3) % FRAME),
            3 => self.rotate(),
            // Another name for the file, and the next one under the old name.
            4 => {
                self.complete();
                let name = format!("ring{:04}-{:04}", self.file, self.renamed);
                let renamed = self.folder.path().join(name);
                self.renamed += 1;
                fs::rename(self.path(), renamed).expect("a file can be renamed");
                self.append(&HEADER);
                self.write(FRAME);
            }
            // Written again in its place, when all of it was read.
            5 => {
                self.complete();
                self.read();
                fs::write(self.path(), HEADER).expect("a file can be written");
                self.write(FRAME);
            }
            6 if step & 8 == 0 => {
                self.complete();
                self.read();
                fs::remove_file(self.path()).expect("a file can be removed");
                self.rotate();
            }
            6 => {
                let len = input.split_off_first().map_or(0, |&len| usize::from(len));
                let bytes = input.split_off(..len.min(input.len())).unwrap_or_default();
                self.is_damaged = true;
                self.append(bytes);
            }
            _ if step & 8 == 0 => self.read(),
            _ => drop(self.read_one()),
        }
    }
}

pub fn run(mut input: &[u8]) {
    let mut scene = Scene::new();
    for _ in 0..STEPS {
        let Some(&step) = input.split_off_first() else { break };
        scene.step(step, &mut input);
    }
    scene.complete();
    scene.read();
    if !scene.is_damaged {
        assert_eq!((scene.seen, scene.follow.problems()), (scene.expected, Vec::new()));
    }
    scene.stop.store(true, Ordering::Relaxed);
    assert!(matches!(scene.follow.next(), Ok(Next::End)));
    scene.follow.finish();
    let _ = (scene.follow.problems(), scene.follow.notices());
}
