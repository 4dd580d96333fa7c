//! One capture file: its format, by its first bytes, and its current record.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::buffer::Buffer;
use super::compressed::{Compression, peek};
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::pipe::Pipe;
use super::read_ahead::ReadAhead;
use super::record::{Damage, NextRecord, RecordHeader};
use super::time_notes::TimeNotes;
use super::unsupported;
use crate::platform::{self, open_at_once};
use crate::source::{Block, Drops, Frame, LinkType};
use crate::{Error, ErrorKind, Result};

enum FileFormat {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl FileFormat {
    /// Identifies the format and reads the file header.
    fn open(buffer: &mut Buffer, first: &[u8]) -> Result<Self> {
        let magic: [u8; 4] = std::array::from_fn(|i| first.get(i).copied().unwrap_or(0));
        if Pcap::is_magic(magic) {
            Pcap::open(buffer).map(Self::Pcap)
        } else if Pcapng::is_magic(magic) {
            Pcapng::open(buffer).map(Self::Pcapng)
        } else {
            Err(unsupported::describe(first))
        }
    }

    fn advance(&mut self, buffer: &mut Buffer) -> NextRecord {
        match self {
            Self::Pcap(pcap) => pcap.advance(buffer),
            Self::Pcapng(pcapng) => pcapng.advance(buffer),
        }
    }
}

/// The name of standard input in errors.
const STANDARD_INPUT: &str = "standard input";

/// The name of a path in errors.
pub(super) fn named(path: &Path) -> String {
    if path.as_os_str() == "-" { STANDARD_INPUT.to_owned() } else { path.display().to_string() }
}

/// An opened path: a regular file, which can be read again from its start, or a pipe.
pub(super) enum Opened {
    Regular(File),
    Piped(Box<dyn Read + Send>),
}

impl Opened {
    pub(super) fn at(path: &Path, stop: &Arc<AtomicBool>) -> Result<Self> {
        if path.as_os_str() == "-" {
            // Its own descriptor: the screen may put the terminal in place of standard input.
            let input = platform::standard_input();
            let input = input.map_err(|error| unreadable(STANDARD_INPUT, &error))?;
            return Ok(Self::Piped(Box::new(Pipe { input, stop: Arc::clone(stop) })));
        }
        let file = open_at_once(path).map_err(|error| {
            let (kind, remedy) = match error.kind() {
                io::ErrorKind::NotFound => (ErrorKind::Input, "check the path"),
                io::ErrorKind::PermissionDenied => {
                    (ErrorKind::Permission, "make it readable, or run as its owner")
                }
                _ => (ErrorKind::Input, "check that it is a readable file"),
            };
            Error::new(kind, format!("cannot be opened: {error}"))
                .with_object(path.display())
                .with_remedy(remedy)
        })?;
        if file.metadata().is_ok_and(|m| m.is_dir()) {
            return Err(Error::new(ErrorKind::Input, "is a folder")
                .with_object(path.display())
                .with_remedy("name the capture files in it"));
        }
        if file.metadata().is_ok_and(|m| m.is_file()) {
            return Ok(Self::Regular(file));
        }
        Ok(Self::Piped(Box::new(Pipe { input: file, stop: Arc::clone(stop) })))
    }
}

/// An open file and its current record.
pub(super) struct CaptureFile {
    pub(super) name: String,
    buffer: Buffer,
    format: FileFormat,
    head: Option<RecordHeader>,
    compression: Option<Compression>,
    frames: u64,
    times: TimeNotes,
    problem: Option<String>,
}

impl CaptureFile {
    pub(super) fn open(name: String, input: Opened) -> Result<Self> {
        match input {
            Opened::Piped(input) => Self::begin(name, input),
            Opened::Regular(file) => Self::begin(name, Box::new(file)),
        }
    }

    /// Reads the file header and the header of the first record.
    pub(super) fn begin(name: String, input: Box<dyn Read + Send>) -> Result<Self> {
        let mut file = Self::header(name, input)?;
        while !file.advance() {}
        Ok(file)
    }

    /// Reads the file header.
    pub(super) fn header(name: String, input: Box<dyn Read + Send>) -> Result<Self> {
        let fail = |error: io::Error| unreadable(&name, &error);
        let (mut first, input) = peek(input).map_err(fail)?;
        if first.is_empty() {
            return Err(Error::new(ErrorKind::Input, "is empty")
                .with_object(name)
                .with_remedy("check that the capture was started"));
        }
        let compression = Compression::from_magic(&first);
        let input: Box<dyn Read + Send> = match compression {
            None => Box::new(input),
            Some(compression) => {
                let (unpacked, stream) = compression.open(input).and_then(peek).map_err(fail)?;
                if unpacked.is_empty() {
                    let reason = format!("contains only an empty {compression} stream");
                    return Err(Error::new(ErrorKind::Input, reason).with_object(name));
                }
                first = unpacked;
                Box::new(stream)
            }
        };
        let mut buffer = Buffer::new(input);
        let format = FileFormat::open(&mut buffer, &first).map_err(|error| match compression {
            None => error.with_object(&name),
            Some(compression) => error.with_object(format!("{name} (unpacked from {compression})")),
        })?;
        Ok(Self {
            name,
            buffer,
            format,
            head: None,
            compression,
            frames: 0,
            times: TimeNotes::default(),
            problem: None,
        })
    }

    /// Starts to decompress in a thread of its own. Not before privileges are dropped: a thread
    /// keeps those with which it was started.
    pub(super) fn read_ahead(&mut self) -> Result<()> {
        if self.compression.take().is_none() {
            return Ok(());
        }
        let started = self.buffer.exchange(|input| {
            ReadAhead::start(input).map(|ahead| Box::new(ahead) as Box<dyn Read + Send>)
        });
        started.map_err(|error| {
            let reason = format!("the decompression thread cannot be started: {error}");
            Error::new(ErrorKind::System, reason).with_object(&self.name)
        })
    }

    /// Whether [`read_ahead`](Self::read_ahead) has nothing to do.
    #[inline]
    pub(super) fn is_started(&self) -> bool {
        self.compression.is_none()
    }

    /// Moves to the next record. Damage ends the file and becomes its problem. Returns false if no
    /// byte comes at the moment.
    #[inline]
    pub(super) fn advance(&mut self) -> bool {
        match self.format.advance(&mut self.buffer) {
            Ok(head) => self.head = head,
            Err(Damage::Unreadable(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return false;
            }
            Err(damage) => self.end(&damage),
        }
        if let Some(head) = &self.head {
            self.frames += 1;
            self.times.observe(self.frames, head);
        }
        true
    }

    #[cold]
    fn end(&mut self, damage: &Damage) {
        let (next, at) = (self.frames + 1, self.buffer.offset());
        let what = match damage {
            Damage::Cut { promised, there } => {
                format!(
                    "the file ends inside frame {next}, whose record starts at byte {at} ({there} of {promised} bytes present); the capture was truncated"
                )
            }
            Damage::Corrupt(what) => {
                format!("damaged at frame {next}, byte {at}: {what}; the rest cannot be read")
            }
            Damage::Unreadable(error) => {
                let reason = Error::system_reason(error);
                format!("nothing can be read from frame {next} (byte {at}) on: {reason}")
            }
        };
        self.problem = Some(format!("{}: {what}", self.name));
        self.head = None;
    }

    /// Moves the current frame and those behind it that are buffered into an empty block.
    /// Afterwards the last of these is current, or the file is at its end.
    pub(super) fn fill(
        &mut self,
        block: &mut Block,
        number: &mut u64,
        mut interface: impl FnMut(&Self, u32) -> u32,
    ) {
        self.buffer.set_buffered_only(true);
        while let Some(head) = &self.head {
            *number += 1;
            let RecordHeader { time, link, wire_len, .. } = *head;
            let interface = interface(self, head.interface);
            let frame = Frame { number: *number, time, link, interface, wire_len, bytes: &[] };
            block.add(&frame, self.buffer.position(head.from), self.buffer.position(head.to));
            if let FileFormat::Pcap(pcap) = &mut self.format {
                let start = self.buffer.position(0);
                pcap.pass(&self.buffer, |time, wire_len, Range { start: from, end: to }| {
                    *number += 1;
                    self.frames += 1;
                    self.times.observe_stated(self.frames, time);
                    let frame = Frame { number: *number, time, wire_len, ..frame };
                    block.add(&frame, start + from, start + to);
                });
            }
            if !self.advance() {
                break;
            }
        }
        self.buffer.set_buffered_only(false);
        let frames = block.len();
        self.buffer.lend(block.memory(), frames);
    }

    /// The current record; none at the end.
    #[inline]
    pub(super) fn head(&self) -> Option<&RecordHeader> {
        self.head.as_ref()
    }

    /// The bytes of the current frame.
    #[inline]
    pub(super) fn frame(&self, head: &RecordHeader) -> &[u8] {
        self.buffer.range(head.from, head.to)
    }

    /// The current record as frame `number` of the stream, on this interface; none at the end.
    #[inline]
    pub(super) fn numbered(&self, number: u64, interface: u32) -> Option<Frame<'_>> {
        let head = self.head()?;
        Some(Frame {
            number,
            time: head.time,
            link: head.link,
            interface,
            wire_len: head.wire_len,
            bytes: self.frame(head),
        })
    }

    /// The link type of the current frame; without one, that of the file.
    pub(super) fn link(&self) -> Option<LinkType> {
        match (&self.head, &self.format) {
            (Some(head), _) => Some(head.link).filter(|&link| link != LinkType::NO_PACKET),
            (None, FileFormat::Pcap(pcap)) => Some(pcap.link()),
            (None, FileFormat::Pcapng(_)) => None,
        }
    }

    /// The name of an interface of the file.
    pub(super) fn interface(&self, number: u32) -> String {
        match &self.format {
            FileFormat::Pcap(_) => self.name.clone(),
            FileFormat::Pcapng(pcapng) => {
                format!("{}: {}", self.name, pcapng.interface_name(number))
            }
        }
    }

    /// Drops that the capturing tool recorded.
    pub(super) fn drops(&self) -> Drops {
        match &self.format {
            FileFormat::Pcap(_) => Drops::default(),
            FileFormat::Pcapng(pcapng) => pcapng.drops(),
        }
    }

    /// What was wrong with the file, if anything.
    pub(super) fn problem(&self) -> Option<&String> {
        self.problem.as_ref()
    }

    /// What is notable about the file although nothing is wrong, a line each.
    pub(super) fn notices(&self) -> Vec<String> {
        self.times.notices().map(|notice| format!("{}: {notice}", self.name)).collect()
    }

    /// The file at its start.
    pub(super) fn rewound(mut file: File) -> io::Result<File> {
        file.rewind().map(|()| file)
    }
}

/// The error of a file whose bytes cannot be read.
pub(super) fn unreadable(name: &str, error: &io::Error) -> Error {
    Error::new(ErrorKind::Input, format!("cannot be read: {error}")).with_object(name)
}
