//! The tables of a service file, as TOML for people and in the compact form that `build.rs` makes
//! of the shipped files. `build.rs` compiles this file too: it knows nothing of the crate beyond
//! the words of service files.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Conflict, Layer, Prevalence, Reach, Standing};

/// A value with the line where it stands, counted from 1.
pub(super) struct Lined<T> {
    pub(super) line: usize,
    pub(super) value: T,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceTable {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) tag: String,
    #[serde(default)]
    pub(super) layer: Layer,
    pub(super) speaks: Lined<Vec<String>>,
    #[serde(default)]
    pub(super) wire: WireFormat,
    #[serde(default)]
    pub(super) builds_on: Vec<String>,
    pub(super) note: Option<String>,
    #[serde(default)]
    pub(super) fixtures: Vec<String>,
    #[serde(default)]
    pub(super) lookalikes: Vec<String>,
    /// Of every mark that does not say it for itself.
    #[serde(default)]
    pub(super) proved: Vec<String>,
    pub(super) document: Option<String>,
    #[serde(default)]
    pub(super) claim: Vec<Lined<ClaimTable>>,
    #[serde(default)]
    pub(super) mark: Vec<Lined<MarkTable>>,
    #[serde(default)]
    pub(super) process: Vec<Lined<ProcessTable>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProcessTable {
    pub(super) name: Option<String>,
    pub(super) command: Option<String>,
}

#[derive(Deserialize, Serialize, Default, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum WireFormat {
    #[default]
    Known,
    Unknown,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimTable {
    pub(super) port: u16,
    pub(super) transport: ClaimTransport,
    pub(super) standing: Standing,
    #[serde(default)]
    pub(super) prevalence: Prevalence,
    pub(super) reach: Option<Reach>,
    pub(super) speaks: Option<Lined<Vec<String>>>,
    pub(super) registry: Option<String>,
    pub(super) since: Option<String>,
    pub(super) cite: Option<String>,
    pub(super) note: Option<String>,
    pub(super) on_conflict: Option<Conflict>,
    pub(super) unexpected: Option<String>,
    pub(super) foreign: Option<String>,
    pub(super) closed: Option<String>,
}

#[derive(Deserialize, Serialize)]
pub(super) enum ClaimTransport {
    #[serde(rename = "tcp")]
    Tcp,
    #[serde(rename = "udp")]
    Udp,
    #[serde(rename = "tcp+udp")]
    Both,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MarkTable {
    pub(super) fact: String,
    pub(super) equals: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) suffix: Option<String>,
    pub(super) contains: Option<String>,
    pub(super) matches: Option<String>,
    #[serde(default)]
    pub(super) ignore_case: bool,
    pub(super) direction: Option<MarkDirection>,
    pub(super) name: Option<String>,
    pub(super) cite: Option<String>,
    #[serde(default)]
    pub(super) proved: Vec<String>,
    pub(super) document: Option<String>,
    #[serde(default)]
    pub(super) and: Vec<MarkTable>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum MarkDirection {
    Initiator,
    Responder,
}

impl ServiceTable {
    /// Reads the text of a service file.
    ///
    /// # Errors
    /// The first fault of the text with its line.
    pub(super) fn from_toml(text: &str) -> Result<Self, (usize, String)> {
        let ends: Vec<_> = text.match_indices('\n').map(|(end, _)| end).collect();
        let line_of = |offset: usize| ends.partition_point(|&end| end < offset) + 1;
        let mut table: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(span.start));
            (line, error.message().replace('\n', ", "))
        })?;
        // The parser knows offsets only.
        for line in table.lines_mut() {
            *line = line_of(*line);
        }
        Ok(table)
    }

    fn lines_mut(&mut self) -> impl Iterator<Item = &mut usize> {
        let claims = self.claim.iter_mut().flat_map(|claim| {
            let speaks = claim.value.speaks.as_mut().map(|speaks| &mut speaks.line);
            std::iter::once(&mut claim.line).chain(speaks)
        });
        let marks = self.mark.iter_mut().map(|mark| &mut mark.line);
        let processes = self.process.iter_mut().map(|process| &mut process.line);
        std::iter::once(&mut self.speaks.line).chain(claims).chain(marks).chain(processes)
    }
}

/// In TOML the value, whose offset in the text takes the place of the line; in the compact form
/// line and value.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lined<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let spanned = toml::Spanned::<T>::deserialize(deserializer)?;
            return Ok(Self { line: spanned.span().start, value: spanned.into_inner() });
        }
        let (line, value) = Deserialize::deserialize(deserializer)?;
        Ok(Self { line, value })
    }
}

impl<T: Serialize> Serialize for Lined<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.line, &self.value).serialize(serializer)
    }
}
