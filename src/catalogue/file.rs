//! The schema of a service's TOML file, and its parser, whose errors name file, line and remedy.

use serde::Deserialize;
use toml::Spanned;

use super::{
    Claim, Compare, Condition, Conflict, Layer, Mark, NameTemplate, Needle, Origin, Pattern,
    Prevalence, Reach, Service, Standing,
};
use crate::decode::Transport;
use crate::evidence::{Direction, Protocol};
use crate::{Error, ErrorKind, Result};

/// An error at a line of a catalogue file; lines are counted from 1.
pub(super) fn error_at(file: &str, line: usize, reason: impl Into<String>) -> Error {
    located(Error::new(ErrorKind::Catalogue, reason), file, line)
}

/// Names the line of a catalogue file that an error is about.
pub(super) fn located(error: Error, file: &str, line: usize) -> Error {
    error.with_object(format!("{file}:{line}"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceTable {
    id: Spanned<String>,
    name: String,
    tag: String,
    #[serde(default)]
    layer: Layer,
    speaks: Spanned<Vec<String>>,
    #[serde(default)]
    wire: WireFormat,
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
enum WireFormat {
    #[default]
    Known,
    Unknown,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimTable {
    port: u16,
    transport: ClaimTransport,
    standing: Standing,
    #[serde(default)]
    prevalence: Prevalence,
    reach: Option<Reach>,
    speaks: Option<Spanned<Vec<String>>>,
    registry: Option<String>,
    since: Option<String>,
    cite: Option<String>,
    note: Option<String>,
    on_conflict: Option<Conflict>,
    unexpected: Option<String>,
    foreign: Option<String>,
    closed: Option<String>,
}

#[derive(Deserialize)]
enum ClaimTransport {
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
    direction: Option<MarkDirection>,
    name: Option<String>,
    cite: Option<String>,
    #[serde(default)]
    and: Vec<MarkTable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum MarkDirection {
    Initiator,
    Responder,
}

/// Parses the text of a service file; errors name the file as `name`.
///
/// # Errors
/// The first fault of the file, with its line and the remedy.
pub fn parse(text: &str, name: &str, origin: Origin) -> Result<Service> {
    let line_of = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
    let file: ServiceTable = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(span.start));
        error_at(name, line, error.message().replace('\n', ", "))
    })?;
    let speaks = |list: Spanned<Vec<String>>| {
        let line = line_of(list.span().start);
        let protocols = list.into_inner().iter().map(|id| protocol(id)).collect::<Result<Vec<_>>>();
        protocols.map_err(|error| located(error, name, line))
    };
    let protocols = speaks(file.speaks)?;
    let claims = file.claim.into_iter().map(|table| {
        let line = line_of(table.span().start);
        let mut table = table.into_inner();
        let own = table.speaks.take().map(speaks).transpose()?;
        Ok(claim(table, own.unwrap_or_else(|| protocols.clone()), line))
    });
    let claims = claims.collect::<Result<_>>()?;
    let marks = file.mark.into_iter().map(|table| {
        let line = line_of(table.span().start);
        mark(table.into_inner(), line).map_err(|error| located(error, name, line))
    });
    Ok(Service {
        id: file.id.into_inner().into(),
        name: file.name,
        tag: file.tag.to_lowercase().into(),
        wire_unknown: protocols.is_empty() || file.wire == WireFormat::Unknown,
        layer: file.layer,
        protocols,
        builds_on: file.builds_on,
        note: file.note,
        marks: marks.collect::<Result<_>>()?,
        claims,
        fixtures: file.fixtures,
        lookalikes: file.lookalikes,
        origin,
    })
}

fn protocol(id: &str) -> Result<Protocol> {
    Protocol::from_id(id).ok_or_else(|| {
        let known: Vec<_> = Protocol::ALL.iter().map(|p| p.as_str()).collect();
        Error::new(ErrorKind::Catalogue, format!("speaks: no such protocol '{id}'"))
            .with_remedy(format!("known are {}", known.join(", ")))
    })
}

fn claim(table: ClaimTable, protocols: Vec<Protocol>, line: usize) -> Claim {
    Claim {
        port: table.port,
        transports: match table.transport {
            ClaimTransport::Tcp => vec![Transport::Tcp],
            ClaimTransport::Udp => vec![Transport::Udp],
            ClaimTransport::Both => vec![Transport::Tcp, Transport::Udp],
        },
        standing: table.standing,
        prevalence: table.prevalence,
        reach: table.reach.unwrap_or_default(),
        states_reach: table.reach.is_some(),
        protocols,
        registry: table.registry,
        since: table.since,
        cite: table.cite,
        note: table.note,
        on_conflict: table.on_conflict,
        unexpected: table.unexpected,
        foreign: table.foreign,
        closed: table.closed,
        line,
    }
}

fn mark(mut table: MarkTable, line: usize) -> Result<Mark> {
    let and = std::mem::take(&mut table.and);
    let cite = table.cite.take();
    let name = table.name.take().as_deref().map(NameTemplate::new).transpose()?;
    let and = and.into_iter().map(|inner| {
        let reason = if !inner.and.is_empty() {
            "mark.and stands in a mark, not in another mark.and"
        } else if inner.name.is_some() {
            "name stands in a mark, not in mark.and: it is made from the first condition's match"
        } else {
            return condition(inner);
        };
        Err(Error::new(ErrorKind::Catalogue, reason))
    });
    let and = and.collect::<Result<_>>()?;
    Ok(Mark { first: condition(table)?, and, name, cite, line })
}

fn condition(table: MarkTable) -> Result<Condition> {
    let lowered = |text: String| if table.ignore_case { text.to_ascii_lowercase() } else { text };
    let given = [
        table.equals.map(lowered).map(Compare::Equals),
        table.prefix.map(lowered).map(Compare::Prefix),
        table.suffix.map(lowered).map(Compare::Suffix),
        table.contains.map(lowered).map(|text| Compare::Contains(Needle::new(&text))),
        table
            .matches
            .map(|text| if table.ignore_case { format!("(?i){text}") } else { text })
            .as_deref()
            .map(Pattern::new)
            .transpose()?
            .map(Compare::Matches),
    ];
    let direction = table.direction.map(|side| match side {
        MarkDirection::Initiator => Direction::Initiator,
        MarkDirection::Responder => Direction::Responder,
    });
    let compare = given.into_iter().flatten().collect();
    Ok(Condition { fact: table.fact, compare, ignore_case: table.ignore_case, direction })
}
