//! Capture files as one stream of frames in capture order.
//!
//! Takes paths (`-` is standard input), gives frames. Each file is in the order in which it was written; several are merged
//! by time, so that rotated and parallel captures read as one.

mod buffer;
mod pcap;
mod pcapng;
mod pipe;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use self::buffer::Buffer;
use self::pcap::Pcap;
use self::pcapng::Pcapng;
use self::pipe::Pipe;
use super::{Drops, Frame, LinkType, Next, Source};
use crate::time::Time;

/// Bytes that a frame may have; a record that promises more is damage. Wireshark's largest is 128 MiB for one bus; real
/// networks stay below 512 KiB.
const MAX_FRAME: usize = 16 << 20;

/// Where a record is and what its header said; `from..to` within the buffer's window.
struct Head {
    time: Time,
    link: LinkType,
    wire_len: u32,
    from: usize,
    to: usize,
}

/// Why a file cannot be read on.
#[derive(Debug)]
enum Damage {
    Cut { promised: usize, there: usize },
    Corrupt(String),
    Unreadable(io::Error),
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// The next record, nothing at the end of the file.
type Advance = Result<Option<Head>, Damage>;

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// One open file and the record it stands on.
struct CaptureFile {
    name: String,
    buffer: Buffer,
    format: Format,
    head: Option<Head>,
    frames: u64,
    problem: Option<String>,
}

impl CaptureFile {
    fn open(path: &Path, stop: &Arc<AtomicBool>) -> Result<Self, String> {
        let name = path.display().to_string();
        let fail = |reason: String| format!("{name}: {reason}");
        let input: Box<dyn io::Read + Send> = if path.as_os_str() == "-" {
            Box::new(Pipe { input: io::stdin(), stop: Arc::clone(stop) })
        } else {
            let remedy = |error: &io::Error| match error.kind() {
                io::ErrorKind::NotFound => "check the path",
                io::ErrorKind::PermissionDenied => "make it readable, or run as its owner",
                _ => "check that it is a readable file",
            };
            let file = File::open(path).map_err(|e| fail(format!("cannot be opened: {}; {}", reason(&e), remedy(&e))))?;
            if file.metadata().is_ok_and(|m| m.is_dir()) {
                return Err(fail("is a folder; name the capture files in it".into()));
            }
            if file.metadata().is_ok_and(|m| m.is_file()) {
                Box::new(file)
            } else {
                Box::new(Pipe { input: file, stop: Arc::clone(stop) })
            }
        };
        Self::begin(name, input)
    }

    /// Reads the file header and the first record's.
    fn begin(name: String, input: Box<dyn io::Read + Send>) -> Result<Self, String> {
        let fail = |reason: String| format!("{name}: {reason}");
        let mut buffer = Buffer::new(input);
        let there = buffer.wait(4).map_err(|e| fail(format!("cannot be read: {}", reason(&e))))?;
        if there == 0 {
            return Err(fail("is empty: not even a file header; was the capture ever started?".into()));
        }
        let magic: [u8; 4] = std::array::from_fn(|i| buffer.get(4).get(i).copied().unwrap_or(0));
        let format = if Pcap::knows(magic) {
            Pcap::open(&mut buffer).map(Format::Pcap)
        } else if Pcapng::knows(magic) {
            Pcapng::open(&mut buffer).map(Format::Pcapng)
        } else {
            Err(foreign(magic))
        };
        let format = format.map_err(fail)?;
        let mut file = Self { name, buffer, format, head: None, frames: 0, problem: None };
        while !file.advance() {}
        Ok(file)
    }

    /// Moves to the next record; damage ends the file and is kept as its problem. False where nothing comes at the moment.
    fn advance(&mut self) -> bool {
        let advanced = match &mut self.format {
            Format::Pcap(pcap) => pcap.advance(&mut self.buffer),
            Format::Pcapng(pcapng) => pcapng.advance(&mut self.buffer),
        };
        if matches!(&advanced, Err(Damage::Unreadable(error)) if error.kind() == io::ErrorKind::WouldBlock) {
            return false;
        }
        self.head = advanced.unwrap_or_else(|damage| {
            let next = self.frames + 1;
            let what = match damage {
                Damage::Cut { promised, there } => {
                    format!("the file ends inside frame {next}: {there} of {promised} bytes are there; the capture was cut")
                }
                Damage::Corrupt(what) => format!("damaged at frame {next}: {what}; the rest cannot be read"),
                Damage::Unreadable(error) => format!("cannot be read on at frame {next}: {}", reason(&error)),
            };
            self.problem = Some(format!("{}: {what}", self.name));
            None
        });
        self.frames += u64::from(self.head.is_some());
        true
    }

    /// The link type of the frame it stands on; of the file where it has no frame.
    fn link(&self) -> Option<LinkType> {
        match (&self.head, &self.format) {
            (Some(head), _) => Some(head.link),
            (None, Format::Pcap(pcap)) => Some(pcap.link()),
            (None, Format::Pcapng(_)) => None,
        }
    }
}

/// Several files as one stream.
pub struct Files {
    files: Vec<CaptureFile>,
    /// The file whose record the caller holds; it moves on at the next call.
    held: Option<usize>,
    number: u64,
    unreadable: Vec<String>,
}

impl Files {
    /// Opens all of them. Those that cannot be opened are problems of the stream, not its end. Standard input, which may be a
    /// pipe on which nothing comes, ends when `stop` is set.
    ///
    /// # Errors
    /// Where not one can be read: a line for each, with the remedy.
    pub fn open(paths: &[PathBuf], stop: &Arc<AtomicBool>) -> Result<Self, Vec<String>> {
        Self::merge(paths.iter().map(|path| CaptureFile::open(path, stop)))
    }

    /// The same for bytes from anywhere, each with a name for errors.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn of(inputs: Vec<(String, Box<dyn io::Read + Send>)>) -> Result<Self, Vec<String>> {
        Self::merge(inputs.into_iter().map(|(name, input)| CaptureFile::begin(name, input)))
    }

    fn merge(opened: impl Iterator<Item = Result<CaptureFile, String>>) -> Result<Self, Vec<String>> {
        let mut files = Vec::new();
        let mut unreadable = Vec::new();
        for file in opened {
            match file {
                Ok(file) => files.push(file),
                Err(line) => unreadable.push(line),
            }
        }
        if files.is_empty() {
            return Err(unreadable);
        }
        Ok(Self { files, held: None, number: 0, unreadable })
    }

    /// The link types that the stream begins with.
    #[must_use]
    pub fn links(&self) -> Vec<LinkType> {
        let mut links: Vec<_> = self.files.iter().filter_map(CaptureFile::link).collect();
        links.sort_unstable();
        links.dedup();
        links
    }

    /// Files that could not be opened, a line each.
    #[must_use]
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }
}

impl Source for Files {
    fn next(&mut self) -> Result<Next<'_>, String> {
        if let Some(held) = self.held {
            if !self.files[held].advance() {
                return Ok(Next::Idle);
            }
            self.held = None;
        }
        // The first of those with the earliest time: a file before the one that was named after it.
        let earliest = self
            .files
            .iter()
            .enumerate()
            .filter_map(|(i, file)| file.head.as_ref().map(|head| (head.time, i)))
            .min()
            .map(|(_, i)| i);
        let Some(index) = earliest else { return Ok(Next::End) };
        let file = &self.files[index];
        let Some(head) = &file.head else { return Ok(Next::End) };
        self.held = Some(index);
        self.number += 1;
        Ok(Next::Frame(Frame {
            number: self.number,
            time: head.time,
            link: head.link,
            wire_len: head.wire_len,
            bytes: file.buffer.range(head.from, head.to),
        }))
    }

    fn drops(&mut self) -> Drops {
        self.files.iter().fold(Drops::default(), |sum, file| match &file.format {
            Format::Pcap(_) => sum,
            Format::Pcapng(pcapng) => {
                let drops = pcapng.drops();
                Drops { kernel: sum.kernel + drops.kernel, interface: sum.interface + drops.interface }
            }
        })
    }

    fn problems(&self) -> Vec<String> {
        self.unreadable.iter().chain(self.files.iter().filter_map(|f| f.problem.as_ref())).cloned().collect()
    }
}

/// The reason of an error without the number that Rust adds.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// What a file that is no capture probably is, and what to do.
fn foreign(magic: [u8; 4]) -> String {
    let remedy = match magic {
        [0x1f, 0x8b, ..] => "it is compressed with gzip: `gunzip -c FILE | portlore replay -`",
        [0x28, 0xb5, 0x2f, 0xfd] => "it is compressed with zstd: `zstd -dc FILE | portlore replay -`",
        [0xfd, b'7', b'z', b'X'] => "it is compressed with xz: `xz -dc FILE | portlore replay -`",
        [0x04, 0x22, 0x4d, 0x18] => "it is compressed with lz4: `lz4 -dc FILE | portlore replay -`",
        [b's', b'n', b'o', b'o'] => "it is a snoop file: convert it with `editcap -F pcap`",
        _ => "wanted pcap or pcapng; `editcap -F pcap IN OUT` converts other capture formats",
    };
    let [a, b, c, d] = magic;
    format!("is not a capture file (it begins {a:02x} {b:02x} {c:02x} {d:02x}); {remedy}")
}

#[cfg(test)]
mod tests;
