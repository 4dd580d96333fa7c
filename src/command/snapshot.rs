//! The snapshot from which a run continues, and the one that it writes.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use portlore::catalogue::Catalogue;
use portlore::pipeline::SavedState;
use portlore::snapshot::{SnapshotAbout, SnapshotContents, SnapshotFile, SnapshotSettings};
use portlore::{Error, ErrorKind, Result};

use super::output::Output;
use super::recorded_files::FileRecord;
use super::session::tenant_parts;
use crate::cli::CaptureArgs;

/// Bytes of a snapshot that are read at most.
const LARGEST: u64 = 64 << 30;

/// The file of a snapshot, opened before the process gives up the right to open files.
pub struct SnapshotInput {
    pub name: String,
    bytes: SnapshotBytes,
}

/// Where the bytes of a snapshot are.
enum SnapshotBytes {
    /// In a file, which is read whenever they are needed.
    File(File),
    /// They came from a pipe, which cannot be read again.
    Piped(Vec<u8>),
}

impl SnapshotInput {
    /// Opens the file.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] where it cannot be opened, or is a pipe that cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let fail = |error: io::Error| cannot_be_read(&name, &error);
        let file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if metadata.is_dir() {
            return Err(Error::new(ErrorKind::Input, "is a folder")
                .with_object(name)
                .with_remedy("name a file that --snapshot has written"));
        }
        let bytes = if metadata.is_file() {
            SnapshotBytes::File(file)
        } else {
            let mut bytes = Vec::new();
            file.take(LARGEST).read_to_end(&mut bytes).map_err(fail)?;
            SnapshotBytes::Piped(bytes)
        };
        Ok(Self { name, bytes })
    }

    /// Its bytes, of which there are no more than a snapshot may have.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] where it cannot be read.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>> {
        self.first_bytes(LARGEST)
    }

    /// What it covers.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes) and [`SnapshotContents::read`].
    pub fn contents(&self, catalogue: &Arc<Catalogue>) -> Result<SnapshotContents> {
        let beginning = self.first_bytes(SnapshotContents::BEGINNING)?;
        let bytes = self.first_bytes(SnapshotContents::end(&beginning))?;
        SnapshotContents::read(&self.name, &bytes, catalogue)
    }

    fn first_bytes(&self, most: u64) -> Result<Cow<'_, [u8]>> {
        let mut file = match &self.bytes {
            SnapshotBytes::File(file) => file,
            SnapshotBytes::Piped(bytes) => return Ok(Cow::Borrowed(bytes)),
        };
        let mut bytes = Vec::new();
        let read = file.rewind().and_then(|()| file.take(most).read_to_end(&mut bytes));
        read.map_err(|error| cannot_be_read(&self.name, &error))?;
        Ok(Cow::Owned(bytes))
    }

    /// The snapshot, in which services of `catalogue` are named.
    ///
    /// # Errors
    /// As [`SnapshotFile::read`].
    pub fn parse(&self, catalogue: &Arc<Catalogue>) -> Result<SnapshotFile> {
        SnapshotFile::read(&self.name, &self.bytes()?, catalogue)
    }
}

fn cannot_be_read(name: &str, error: &io::Error) -> Error {
    Error::new(ErrorKind::Input, format!("cannot be read: {error}")).with_object(name)
}

/// The state with which a run begins, and the snapshot that it writes.
pub struct SnapshotPlan {
    /// The state with which it begins.
    pub resume: Option<SavedState>,
    /// The snapshot that it writes.
    pub writes: Option<SnapshotWriter>,
}

impl SnapshotPlan {
    /// A run that begins without state and writes no snapshot.
    pub const NONE: Self = Self { resume: None, writes: None };

    /// Whether the run is part of a longer one.
    pub const fn is_some(&self) -> bool {
        self.resume.is_some() || self.writes.is_some()
    }
}

/// The snapshot that a run writes at its end.
pub struct SnapshotWriter {
    /// What it covers; the files are those that were read before, until [`check`](Self::check).
    pub about: SnapshotAbout,
    pub output: Output,
    /// What is read in this run.
    pub record: Arc<Mutex<FileRecord>>,
}

/// A snapshot with the final state of a run.
pub struct UnwrittenSnapshot {
    pub writer: SnapshotWriter,
    pub state: Option<Box<SavedState>>,
}

impl SnapshotWriter {
    /// Takes the files of this run.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] where one was read before: then nothing is written.
    pub fn check(&mut self) -> Result<()> {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        self.about.files = record.files(&self.about.files)?;
        Ok(())
    }
}

impl UnwrittenSnapshot {
    /// Writes the snapshot.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] if not all was read, [`ErrorKind::Output`] if it cannot be written.
    pub fn write(self) -> Result<()> {
        let Self { writer: SnapshotWriter { about, output, .. }, state } = self;
        let Some(state) = state else {
            let reason = "the captures were not read to their end: no snapshot was written";
            return Err(Error::new(ErrorKind::Input, reason).with_remedy("run it again"));
        };
        let bytes = SnapshotFile { about, state: *state }.to_bytes();
        output.write(|out, _| out.write_all(&bytes))
    }
}

/// The settings of a run with these options.
pub fn settings(args: &CaptureArgs, facts: bool) -> SnapshotSettings {
    let key = tenant_parts(&args.reading.key);
    SnapshotSettings {
        max_flows: args.reading.max_flows.into(),
        opening_bytes: u64::from(args.reading.opening_mib) << 20,
        histogram_ports: args.histogram_ports.into(),
        max_servers: args.reading.max_servers.into(),
        filter: args.filter.clone(),
        selected: args.selected.as_ref().map(|filter| filter.text().to_owned()),
        key: (key.vlan, key.vni),
        tunnels: !args.reading.no_tunnels,
        names: !args.reading.no_names,
        local_networks: args.reading.local_nets.iter().map(ToString::to_string).collect(),
        facts,
    }
}
