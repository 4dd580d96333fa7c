//! Snapshots: the state of a run in a file, from which the next run continues, and of which a report
//! can be made.
//!
//! `container` is the file: sections with lengths and checksums. `about` says what the snapshot
//! covers, `sensors` chooses of several snapshots the one that covers most of each sensor. The state
//! itself is [`SavedState`], which the pipeline writes and reads.

mod about;
mod container;
mod sensors;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use about::{FileDigest, RecordedFile, SnapshotAbout, SnapshotSettings};
pub use sensors::{ChosenSensor, Sensors, choose_sensors};

use container::{Container, ContainerFault};

use crate::catalogue::Catalogue;
use crate::pipeline::{CapturePart, SavedCounts, SavedState};
use crate::saved::{self, BadState};
use crate::{Error, ErrorKind, Result};

/// The snapshot of one sensor, from which a run can continue.
#[derive(Debug, Clone)]
pub struct SnapshotFile {
    /// What it covers.
    pub about: SnapshotAbout,
    /// The state.
    pub state: SavedState,
}

/// What a file covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnapshotContents {
    /// The captures of a sensor up to a frame, with what is open there.
    Open(SnapshotAbout),
    /// Those of some sensors, in the order of their names, as if they had ended there.
    Merged(Vec<SnapshotAbout>),
}

/// What is read of one sensor in a file.
#[derive(Debug)]
pub enum SensorState {
    /// What is counted, and what is open.
    Open(Box<SavedState>),
    /// What is counted of all connections.
    Closed(Box<SavedCounts>),
}

impl SnapshotFile {
    /// The bytes of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { about, state } = self;
        let mut container = Container::default();
        container.add(&saved::to_bytes(&SnapshotContents::Open(about.clone())));
        container.add(&state.counts.to_bytes());
        container.add(&state.open.capture);
        state.open.shards.iter().for_each(|shard| container.add(shard));
        container.finish()
    }

    /// Reads the bytes of a file of this name, in which services of `catalogue` are named.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] if this is no snapshot, if it is damaged, if it has several sensors, or if
    /// it is of another version or another catalogue.
    pub fn read(name: &str, bytes: &[u8], catalogue: &Arc<Catalogue>) -> Result<Self> {
        let SnapshotContents::Open(about) = SnapshotContents::read(name, bytes, catalogue)? else {
            return Err(Error::new(ErrorKind::Input, "cannot be continued: merge has written it")
                .with_object(name)
                .with_remedy("name a snapshot that replay --snapshot has written"));
        };
        let state = read_open(bytes, catalogue);
        let state = state.map_err(|fault: ContainerFault| fault.error().with_object(name))?;
        Ok(Self { about, state })
    }
}

impl SnapshotContents {
    /// Bytes of a file from which its length up to the end of the contents is known.
    pub const BEGINNING: u64 = 64;

    /// The bytes of a file that [`read`](Self::read) needs, by those with which it begins.
    #[must_use]
    pub fn end(beginning: &[u8]) -> u64 {
        container::first_end(beginning)
    }

    /// Reads what the file of this name covers, of which these are the first bytes.
    ///
    /// # Errors
    /// As [`SnapshotFile::read`].
    pub fn read(name: &str, bytes: &[u8], catalogue: &Arc<Catalogue>) -> Result<Self> {
        let contents = read_contents(bytes).map_err(|fault| fault.error().with_object(name))?;
        for about in contents.abouts() {
            // Counts are read whichever version wrote them.
            let is_counts = matches!(contents, Self::Merged(_));
            if !is_counts || about.version == env!("CARGO_PKG_VERSION") {
                about.check(catalogue).map_err(|error| error.with_object(name))?;
            }
        }
        Ok(contents)
    }

    /// What it covers of each sensor.
    #[must_use]
    pub fn abouts(&self) -> &[SnapshotAbout] {
        match self {
            Self::Open(about) => std::slice::from_ref(about),
            Self::Merged(abouts) => abouts,
        }
    }

    /// Reads what the file has of the sensor at this place among [`abouts`](Self::abouts).
    ///
    /// # Errors
    /// As [`SnapshotFile::read`].
    pub fn read_sensor(
        &self,
        place: usize,
        (name, bytes): (&str, &[u8]),
        catalogue: &Arc<Catalogue>,
    ) -> Result<SensorState> {
        let state = match self {
            Self::Open(_) => {
                read_open(bytes, catalogue).map(|state| SensorState::Open(Box::new(state)))
            }
            Self::Merged(_) => read_counts(bytes, place, catalogue)
                .map(|counts| SensorState::Closed(Box::new(counts))),
        };
        state.map_err(|fault: ContainerFault| fault.error().with_object(name))
    }
}

/// A file of several sensors that is being made.
#[derive(Debug)]
pub struct MergedFile(Container);

impl MergedFile {
    /// A file of these sensors, in the order of their names.
    #[must_use]
    pub fn new(abouts: Vec<SnapshotAbout>) -> Self {
        let mut container = Container::default();
        container.add(&saved::to_bytes(&SnapshotContents::Merged(abouts)));
        Self(container)
    }

    /// Adds the counts of the next sensor.
    pub fn add(&mut self, part: &mut CapturePart) {
        self.0.add(&part.counts().to_bytes());
    }

    /// The bytes of the file.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0.finish()
    }
}

fn read_contents(bytes: &[u8]) -> std::result::Result<SnapshotContents, ContainerFault> {
    let mut sections = container::sections(bytes)?;
    let first = sections.next().unwrap_or(Err(ContainerFault::Cut))?;
    Ok(saved::from_bytes(&first)?)
}

/// Reads the state of the only sensor.
fn read_open(
    bytes: &[u8],
    catalogue: &Arc<Catalogue>,
) -> std::result::Result<SavedState, ContainerFault> {
    let mut sections = container::sections(bytes)?.skip(1);
    let mut next = || sections.next().unwrap_or(Err(ContainerFault::Cut));
    let (counts, capture) = (SavedCounts::from_bytes(&next()?, catalogue)?, next()?);
    let shards = (0..crate::flow::SHARDS).map(|_| next()).collect::<std::result::Result<_, _>>()?;
    if sections.next().is_some() {
        return Err(ContainerFault::Damaged("there are more bytes than values"));
    }
    Ok(SavedState::from_parts(counts, capture, shards))
}

/// Reads the counts of the sensor at this place.
fn read_counts(
    bytes: &[u8],
    place: usize,
    catalogue: &Arc<Catalogue>,
) -> std::result::Result<SavedCounts, ContainerFault> {
    let section = container::section_behind(bytes, place + 1)?;
    Ok(SavedCounts::from_bytes(&section, catalogue)?)
}

impl From<BadState> for ContainerFault {
    fn from(BadState(reason): BadState) -> Self {
        Self::Damaged(reason)
    }
}

impl ContainerFault {
    /// What is wrong with the file, for people.
    fn error(self) -> Error {
        let again = "read the captures again";
        let (reason, remedy) = match self {
            Self::Capture => {
                ("is a capture, not a snapshot".into(), "name it as a file to be read")
            }
            Self::Foreign => {
                ("is not a snapshot".into(), "name a file that --snapshot has written")
            }
            Self::Later(format) => (
                format!("was written by a later version of portlore (format {format})"),
                "use that version",
            ),
            Self::Cut => ("is cut off".into(), again),
            Self::Checksum => ("is damaged: a checksum is wrong".into(), again),
            Self::Damaged(reason) => (format!("is damaged: {reason}"), again),
        };
        Error::new(ErrorKind::Input, reason).with_remedy(remedy)
    }
}

/// The sections of a file, unpacked: what it covers, what is counted, what is open. For fuzzing.
#[doc(hidden)]
#[must_use]
pub fn unpacked(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    container::sections(bytes).ok()?.collect::<Result<_, _>>().ok()
}

/// A file of these sections, with checksums that are right. For fuzzing.
#[doc(hidden)]
#[must_use]
pub fn packed<'s>(sections: impl IntoIterator<Item = &'s [u8]>) -> Vec<u8> {
    let mut container = Container::default();
    sections.into_iter().for_each(|section| container.add(section));
    container.finish()
}
