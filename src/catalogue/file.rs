//! The parser of a service's file, whose errors name file, line and remedy.

use super::fault;
use super::schema::{
    ClaimTable, ClaimTransport, Lined, MarkDirection, MarkTable, ProcessTable, ServiceTable,
    WireFormat,
};
use super::{
    Claim, Compare, Condition, Mark, NameTemplate, Needle, Origin, Pattern, ProcessForm, Service,
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

/// Parses the text of a service file; errors name the file as `name`.
///
/// # Errors
/// The first fault of the file, with its line and the remedy.
pub fn parse(text: &str, name: &str, origin: Origin) -> Result<Service> {
    let table = ServiceTable::from_toml(text);
    let table = table
        .map_err(|(line, message)| located(fault::of_toml(text, line, &message), name, line))?;
    service(table, name, origin)
}

/// The service that a table states; errors name the file as `name`.
pub(super) fn service(table: ServiceTable, name: &str, origin: Origin) -> Result<Service> {
    let speaks = |list: Lined<Vec<String>>| {
        let protocols = list.value.iter().map(|id| protocol(id)).collect::<Result<Vec<_>>>();
        protocols.map_err(|error| located(error, name, list.line))
    };
    let protocols = speaks(table.speaks)?;
    let claims = table.claim.into_iter().map(|Lined { line, value: mut table }| {
        let own = table.speaks.take().map(speaks).transpose()?;
        Ok(claim(table, own.unwrap_or_else(|| protocols.clone()), line))
    });
    let claims = claims.collect::<Result<_>>()?;
    let (proved, document) = (table.proved, table.document);
    let marks = table.mark.into_iter().map(|Lined { line, mut value }| {
        if value.proved.is_empty() && value.document.is_none() {
            (value.proved, value.document) = (proved.clone(), document.clone());
        }
        mark(value, line, origin).map_err(|error| located(error, name, line))
    });
    let processes = table.process.into_iter().map(|Lined { line, value }| {
        let ProcessTable { name: process, command } = value;
        ProcessForm::new(process, command.as_deref()).map_err(|reason| error_at(name, line, reason))
    });
    Ok(Service {
        id: table.id.into(),
        name: table.name,
        tag: table.tag.to_lowercase().into(),
        wire_unknown: protocols.is_empty() || table.wire == WireFormat::Unknown,
        layer: table.layer,
        protocols,
        builds_on: table.builds_on,
        note: table.note,
        marks: marks.collect::<Result<_>>()?,
        processes: processes.collect::<Result<_>>()?,
        claims,
        fixtures: table.fixtures,
        lookalikes: table.lookalikes,
        origin,
    })
}

fn protocol(id: &str) -> Result<Protocol> {
    Protocol::from_id(id).ok_or_else(|| {
        let known: Vec<_> = Protocol::ALL.iter().map(|p| p.as_str()).collect();
        Error::new(ErrorKind::Catalogue, format!("speaks: unknown protocol '{id}'"))
            .with_remedy(format!("known protocols: {}", known.join(", ")))
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

fn mark(mut table: MarkTable, line: usize, origin: Origin) -> Result<Mark> {
    let and = std::mem::take(&mut table.and);
    let cite = table.cite.take();
    let name = table.name.take().as_deref().map(NameTemplate::new).transpose()?;
    let proved = std::mem::take(&mut table.proved);
    let document = table.document.take();
    let and = and.into_iter().map(|inner| {
        let reason = if !inner.and.is_empty() {
            "mark.and cannot contain another mark.and"
        } else if inner.name.is_some() {
            "name belongs in the mark, not in mark.and: it comes from the match of the first condition"
        } else if !inner.proved.is_empty() || inner.document.is_some() {
            "proved and document belong in the mark, not in mark.and"
        } else {
            return condition(inner, origin);
        };
        Err(Error::new(ErrorKind::Catalogue, reason))
    });
    let and = and.collect::<Result<_>>()?;
    Ok(Mark { first: condition(table, origin)?, and, name, cite, proved, document, line })
}

fn condition(table: MarkTable, origin: Origin) -> Result<Condition> {
    let lowered = |text: String| if table.ignore_case { text.to_ascii_lowercase() } else { text };
    let given = [
        table.equals.map(lowered).map(Compare::Equals),
        table.prefix.map(lowered).map(Compare::Prefix),
        table.suffix.map(lowered).map(Compare::Suffix),
        table.contains.map(lowered).map(|text| Compare::Contains(Needle::new(&text))),
        table
            .matches
            .map(|text| if table.ignore_case { format!("(?i){text}") } else { text })
            .map(|text| match origin {
                Origin::Shipped => Ok(Pattern::shipped(text)),
                Origin::User => Pattern::new(&text),
            })
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
