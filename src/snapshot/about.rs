//! What a snapshot covers. Figures of runs that had other settings do not belong together.

use std::fmt::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalogue::Catalogue;
use crate::pipeline::ResourceLimits;
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// What a snapshot covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotAbout {
    /// The version of portlore that wrote it.
    pub version: String,
    /// A digest of all services of the catalogue.
    pub catalogue: [u8; 32],
    /// How the captures were read.
    pub settings: SnapshotSettings,
    /// Where the captures come from.
    pub sensor: String,
    /// The captures, in the order in which they were read.
    pub files: Vec<RecordedFile>,
}

/// What decides the figures of a capture, beside its frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct SnapshotSettings {
    /// `--max-flows`.
    pub max_flows: u64,
    /// `--opening-mib`, in bytes.
    pub opening_bytes: u64,
    /// `--histogram-ports`.
    pub histogram_ports: u64,
    /// `--max-servers`.
    pub max_servers: u64,
    /// `--filter`.
    pub filter: Option<String>,
    /// `--where`.
    pub selected: Option<String>,
    /// `--key`: VLANs, virtual networks.
    pub key: (bool, bool),
    /// Without `--no-tunnels`.
    pub tunnels: bool,
    /// Without `--no-names`.
    pub names: bool,
    /// `--local-nets`.
    pub local_networks: Vec<String>,
    /// `--why`: the facts of connections are kept.
    pub facts: bool,
}

/// A capture that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFile {
    /// The name, as it was given.
    pub name: String,
    /// Frames.
    pub frames: u64,
    /// Bytes of these frames on the wire.
    pub bytes: u64,
    /// The earliest and the latest time.
    pub seen: Option<(Time, Time)>,
    /// A digest of time and lengths of each frame.
    pub digest: [u8; 32],
}

/// Computes a [`RecordedFile`] from frames.
#[derive(Debug, Clone, Default)]
pub struct FileDigest {
    frames: u64,
    bytes: u64,
    seen: Option<(Time, Time)>,
    hash: Sha256,
}

impl FileDigest {
    /// Adds the next frame: its time, and its bytes as captured and on the wire.
    pub fn add(&mut self, time: Time, captured: usize, wire_len: u32) {
        self.frames += 1;
        self.bytes += u64::from(wire_len);
        self.seen = Some(self.seen.map_or((time, time), |(f, l)| (f.min(time), l.max(time))));
        let mut header = [0; 16];
        header[..8].copy_from_slice(&time.0.to_le_bytes());
        header[8..12].copy_from_slice(&(captured as u32).to_le_bytes());
        header[12..].copy_from_slice(&wire_len.to_le_bytes());
        self.hash.update(header);
    }

    /// The file of this name.
    #[must_use]
    pub fn finish(self, name: String) -> RecordedFile {
        let Self { frames, bytes, seen, hash } = self;
        RecordedFile { name, frames, bytes, seen, digest: hash.finalize().into() }
    }
}

impl SnapshotAbout {
    /// Nothing yet: captures of this sensor that are to be read with these settings.
    #[must_use]
    pub fn new(sensor: String, settings: SnapshotSettings, catalogue: &Catalogue) -> Self {
        let (version, files) = (env!("CARGO_PKG_VERSION").to_owned(), Vec::new());
        Self { version, catalogue: catalogue.digest(), settings, sensor, files }
    }

    /// Checks that this version can continue from the snapshot with this catalogue.
    pub(super) fn check(&self, catalogue: &Arc<Catalogue>) -> Result<()> {
        let Self { version, .. } = self;
        if version != env!("CARGO_PKG_VERSION") {
            let reason = format!("was written by portlore {version}");
            let own = env!("CARGO_PKG_VERSION");
            let remedy = format!("use that version, or read the captures again with {own}");
            return Err(Error::new(ErrorKind::Input, reason).with_remedy(remedy));
        }
        if self.catalogue != catalogue.digest() {
            return Err(Error::new(ErrorKind::Input, "was written with other service files")
                .with_remedy("use the same files, or read the captures again"));
        }
        Ok(())
    }

    /// Checks that the figures of another snapshot may be added to those of this one, which has this
    /// name.
    pub(super) fn check_same(&self, other: &Self, name: &str) -> Result<()> {
        let reason = if self.version != other.version {
            format!("of portlore {}, not {}", other.version, self.version)
        } else if self.catalogue != other.catalogue {
            "with other service files".to_owned()
        } else if let Some((option, there, here)) = self.settings.difference(&other.settings) {
            format!("with {option} {here}, not {there}")
        } else {
            return Ok(());
        };
        let reason = format!("cannot be added to {name}: it was written {reason}");
        let remedy = "read all captures with the same options, services and version";
        Err(Error::new(ErrorKind::Input, reason).with_remedy(remedy))
    }

    /// Checks that captures of `sensor`, read with these settings, may follow.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] where a setting or the sensor is another.
    pub fn check_settings(&self, sensor: &str, settings: &SnapshotSettings) -> Result<()> {
        let mut reasons = String::new();
        if self.sensor != sensor {
            let _ = write!(reasons, "--sensor {} is not {sensor}", self.sensor);
        } else if let Some((option, there, here)) = self.settings.difference(settings) {
            let _ = write!(reasons, "it was written with {option} {there}, not {here}");
        } else {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Usage, format!("cannot be continued: {reasons}"))
            .with_remedy("use the same options, or read the captures again"))
    }
}

/// The settings of a run without options.
impl Default for SnapshotSettings {
    fn default() -> Self {
        let limits = ResourceLimits::DEFAULT;
        Self {
            max_flows: limits.max_flows as u64,
            opening_bytes: limits.opening_bytes as u64,
            histogram_ports: limits.histogram_ports as u64,
            max_servers: limits.max_servers as u64,
            filter: None,
            selected: None,
            key: (false, false),
            tunnels: true,
            names: true,
            local_networks: Vec::new(),
            facts: false,
        }
    }
}

impl SnapshotSettings {
    /// The first option that differs, with both values.
    fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let text = |text: &Option<String>| {
            text.as_ref().map_or_else(|| "(none)".to_owned(), |text| format!("'{text}'"))
        };
        let list = |list: &Vec<String>| {
            if list.is_empty() { "(none)".to_owned() } else { list.join(",") }
        };
        let key = |key: (bool, bool)| match key {
            (false, false) => "(none)",
            (true, false) => "vlan",
            (false, true) => "vni",
            (true, true) => "vlan,vni",
        };
        let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
        let all = |one: &Self| {
            [
                ("--max-flows", one.max_flows.to_string()),
                ("--opening-mib", (one.opening_bytes >> 20).to_string()),
                ("--histogram-ports", one.histogram_ports.to_string()),
                ("--max-servers", one.max_servers.to_string()),
                ("--filter", text(&one.filter)),
                ("--where", text(&one.selected)),
                ("--key", key(one.key).to_owned()),
                ("--no-tunnels", switch(!one.tunnels)),
                ("--no-names", switch(!one.names)),
                ("--local-nets", list(&one.local_networks)),
                ("--why", switch(one.facts)),
            ]
        };
        let pairs = all(self).into_iter().zip(all(other));
        pairs.into_iter().find_map(|((option, there), (_, here))| {
            (there != here).then_some((option, there, here))
        })
    }
}
