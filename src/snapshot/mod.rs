//! Snapshots: the state of a run in a file, from which the next run continues, and of which a report
//! can be made.
//!
//! `container` is the file: sections with lengths and checksums. `about` says what the snapshot
//! covers. The state itself is [`SavedState`], which the pipeline writes and reads.

mod about;
mod container;

use std::sync::Arc;

pub use about::{FileDigest, RecordedFile, SnapshotAbout, SnapshotSettings};

use container::{Container, ContainerFault};

use crate::catalogue::Catalogue;
use crate::pipeline::{SavedCounts, SavedState};
use crate::saved::{self, BadState};
use crate::{Error, ErrorKind, Result};

/// A snapshot.
#[derive(Debug, Clone)]
pub struct SnapshotFile {
    /// What it covers.
    pub about: SnapshotAbout,
    /// The state.
    pub state: SavedState,
}

impl SnapshotFile {
    /// The bytes of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { about, state } = self;
        let mut container = Container::default();
        container.add(&saved::to_bytes(about));
        container.add(&state.counts.to_bytes());
        container.add(&state.open.capture);
        state.open.shards.iter().for_each(|shard| container.add(shard));
        container.finish()
    }

    /// Reads the bytes of a file of this name, in which services of `catalogue` are named.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] if this is no snapshot, if it is damaged, or if it is of another version
    /// or another catalogue.
    pub fn read(name: &str, bytes: &[u8], catalogue: &Arc<Catalogue>) -> Result<Self> {
        let fault = |fault: ContainerFault| fault.error().with_object(name);
        let mut sections = container::sections(bytes).map_err(fault)?;
        let mut next = || sections.next().unwrap_or(Err(ContainerFault::Cut));
        let about = next().map_err(fault)?;
        let damaged = |BadState(reason)| fault(ContainerFault::Damaged(reason));
        let about: SnapshotAbout = saved::from_bytes(&about).map_err(damaged)?;
        about.check(catalogue).map_err(|error| error.with_object(name))?;
        let counts = SavedCounts::from_bytes(&next().map_err(fault)?, catalogue);
        let (counts, capture) = (counts.map_err(damaged)?, next().map_err(fault)?);
        let shards = (0..crate::flow::SHARDS).map(|_| next()).collect::<Result<_, _>>();
        let shards = shards.map_err(fault)?;
        if sections.next().is_some() {
            return Err(fault(ContainerFault::Damaged("there are more bytes than values")));
        }
        Ok(Self { about, state: SavedState::from_parts(counts, capture, shards) })
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
