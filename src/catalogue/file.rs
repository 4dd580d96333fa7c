//! A service's TOML file: its schema, and errors that name file, line and remedy.

use std::fmt;
use std::io;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::{
    Claim, Compare, Condition, Conflict, Mark, Needle, Origin, Pattern, Prevalence, Service,
    Standing,
};
use crate::decode::Transport;
use crate::evidence::{Direction, Protocol};

/// What is wrong with a catalogue file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// Reason and remedy.
    pub text: String,
}

impl Fault {
    pub(super) fn new(file: &str, line: usize, text: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: Some(line), text: text.into() }
    }

    pub(super) fn empty(folder: &Path) -> Self {
        let text = "the folder has no .toml files; a service is one file in it".to_owned();
        Self { file: folder.display().to_string(), line: None, text }
    }

    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let text = error.to_string();
        let reason = text.split(" (os error").next().unwrap_or(&text).to_lowercase();
        Self {
            file: path.display().to_string(),
            line: None,
            text: format!("cannot be read: {reason}; check the path"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.text),
            None => write!(f, "{}: {}", self.file, self.text),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: Spanned<String>,
    name: String,
    tag: String,
    speaks: Spanned<Vec<String>>,
    #[serde(default)]
    wire: Wire,
    #[serde(default)]
    builds_on: Vec<String>,
    note: Option<String>,
    #[serde(default)]
    fixtures: Vec<String>,
    #[serde(default)]
    lookalikes: Vec<String>,
    #[serde(default)]
    claim: Vec<Spanned<ClaimTable>>,
    #[serde(default)]
    mark: Vec<Spanned<MarkTable>>,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Wire {
    #[default]
    Known,
    Unknown,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimTable {
    port: u16,
    transport: Carriers,
    standing: Standing,
    #[serde(default)]
    prevalence: Prevalence,
    registry: Option<String>,
    since: Option<String>,
    cite: Option<String>,
    note: Option<String>,
    on_conflict: Option<Conflict>,
    unexpected: Option<String>,
}

#[derive(Deserialize)]
enum Carriers {
    #[serde(rename = "tcp")]
    Tcp,
    #[serde(rename = "udp")]
    Udp,
    #[serde(rename = "tcp+udp")]
    Both,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkTable {
    fact: String,
    equals: Option<String>,
    prefix: Option<String>,
    suffix: Option<String>,
    contains: Option<String>,
    matches: Option<String>,
    #[serde(default)]
    ignore_case: bool,
    direction: Option<Side>,
    cite: Option<String>,
    #[serde(default)]
    and: Vec<MarkTable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Initiator,
    Responder,
}

/// Reads a service out of a file's text; `name` is the file's, for errors.
///
/// # Errors
/// The first thing that is wrong, with its line and the remedy.
pub fn parse(text: &str, name: &str, origin: Origin) -> Result<Service, Fault> {
    let line_of = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
    let file: File = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(span.start));
        Fault::new(name, line, error.message().replace('\n', ", "))
    })?;
    let line = line_of(file.speaks.span().start);
    let speaks =
        file.speaks.into_inner().iter().map(|id| protocol(id)).collect::<Result<Vec<_>, _>>();
    let speaks = speaks.map_err(|text| Fault::new(name, line, text))?;
    let marks = file.mark.into_iter().map(|table| {
        let line = line_of(table.span().start);
        mark(table.into_inner(), line).map_err(|text| Fault::new(name, line, text))
    });
    Ok(Service {
        id: file.id.into_inner(),
        name: file.name,
        tag: file.tag.to_lowercase(),
        wire_unknown: speaks.is_empty() || file.wire == Wire::Unknown,
        speaks,
        builds_on: file.builds_on,
        note: file.note,
        marks: marks.collect::<Result<_, _>>()?,
        claims: file
            .claim
            .into_iter()
            .map(|t| (line_of(t.span().start), t.into_inner()))
            .map(claim)
            .collect(),
        fixtures: file.fixtures,
        lookalikes: file.lookalikes,
        origin,
    })
}

fn protocol(id: &str) -> Result<Protocol, String> {
    Protocol::from_id(id).ok_or_else(|| {
        let known: Vec<_> = Protocol::ALL.iter().map(|p| p.as_str()).collect();
        format!("speaks: no such protocol '{id}'; known are {}", known.join(", "))
    })
}

fn claim((line, table): (usize, ClaimTable)) -> Claim {
    Claim {
        port: table.port,
        transports: match table.transport {
            Carriers::Tcp => vec![Transport::Tcp],
            Carriers::Udp => vec![Transport::Udp],
            Carriers::Both => vec![Transport::Tcp, Transport::Udp],
        },
        standing: table.standing,
        prevalence: table.prevalence,
        registry: table.registry,
        since: table.since,
        cite: table.cite,
        note: table.note,
        on_conflict: table.on_conflict,
        unexpected: table.unexpected,
        line,
    }
}

fn mark(mut table: MarkTable, line: usize) -> Result<Mark, String> {
    let and = std::mem::take(&mut table.and);
    let cite = table.cite.take();
    let and = and.into_iter().map(|inner| {
        if inner.and.is_empty() {
            condition(inner)
        } else {
            Err("mark.and stands in a mark, not in another mark.and".to_owned())
        }
    });
    let and = and.collect::<Result<_, _>>()?;
    Ok(Mark { first: condition(table)?, and, cite, line })
}

fn condition(table: MarkTable) -> Result<Condition, String> {
    let cased = |text: String| if table.ignore_case { text.to_ascii_lowercase() } else { text };
    let given = [
        table.equals.map(cased).map(Compare::Equals),
        table.prefix.map(cased).map(Compare::Prefix),
        table.suffix.map(cased).map(Compare::Suffix),
        table.contains.map(cased).map(|text| Compare::Contains(Needle::new(&text))),
        table
            .matches
            .map(|text| if table.ignore_case { format!("(?i){text}") } else { text })
            .as_deref()
            .map(Pattern::new)
            .transpose()?
            .map(Compare::Matches),
    ];
    let direction = table.direction.map(|side| match side {
        Side::Initiator => Direction::Initiator,
        Side::Responder => Direction::Responder,
    });
    let compare = given.into_iter().flatten().collect();
    Ok(Condition { fact: table.fact, compare, ignore_case: table.ignore_case, direction })
}
