//! The differences for people: a line for each.

use std::fmt::Display;
use std::io::{self, Write};

use crate::catalogue::Catalogue;
use crate::decode::ServicePort;
use crate::diff::{
    Change, ClientChange, Differences, FieldChange, FindingChange, ServerChange, ServerTraits,
    ServiceChange, SpokenService,
};
use crate::report::parts::escape::escape;
use crate::report::parts::layout::{Style, Tone, write_toned, write_wrapped};
use crate::report::parts::units::count;
use crate::stats::ServerKey;

/// Values that are named at most.
const NAMED: usize = 8;

/// Writes the differences between two inputs.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(
    out: &mut dyn Write,
    names: [&str; 2],
    catalogue: &Catalogue,
    differences: &Differences,
    style: Style,
) -> io::Result<()> {
    let [first, second] = names.map(escape);
    if differences.is_empty() {
        writeln!(
            out,
            "{first} and {second} show the same servers, services, clients and findings"
        )?;
    } else {
        writeln!(out, "from {first} to {second}")?;
    }
    let Differences { servers, services, clients, findings, notices } = differences;
    let servers = servers.iter().map(|server| (server.change, server_line(catalogue, server)));
    section(out, "servers", servers.collect(), style)?;
    let services = services.iter().map(|service| service_line(catalogue, service));
    section(out, "services", services.collect(), style)?;
    section(out, "clients", clients.iter().map(client_line).collect(), style)?;
    section(out, "findings", findings.iter().map(finding_line).collect(), style)?;
    if !notices.is_empty() {
        writeln!(out)?;
    }
    notices.iter().try_for_each(|notice| write_wrapped(out, style, "note: ", notice, 0))
}

/// Writes one kind of differences below its heading, which counts them; nothing where there are none.
fn section(
    out: &mut dyn Write,
    heading: &str,
    lines: Vec<(Change, String)>,
    style: Style,
) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let counts = Change::ALL.map(|change| {
        let n = lines.iter().filter(|(other, _)| *other == change).count();
        (n > 0).then(|| format!("{} {}", count(n as u64), change.as_str()))
    });
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    writeln!(out, "\n{heading}: {}", counts.join(", "))?;
    for (change, line) in lines {
        let tone = match change {
            Change::Added => Tone::Good,
            Change::Removed => Tone::Bad,
            Change::Changed => Tone::Fair,
        };
        let head = format!("  {:9}", change.as_str());
        write_toned(out, style, (&head, tone), &line, 2)?;
    }
    Ok(())
}

fn server_line(catalogue: &Catalogue, server: &ServerChange) -> String {
    let ServerChange { change, key, traits, fields } = server;
    let names =
        if traits.names.is_empty() { String::new() } else { format!(" ({})", list(&traits.names)) };
    let subject = format!("{key}{names}");
    match change {
        Change::Changed => format!("{subject}: {}", changes(catalogue, fields)),
        Change::Added | Change::Removed => {
            let frame = traits.frame.map_or_else(String::new, |frame| format!("; frame {frame}"));
            format!("{subject}: {}{frame}", speaking(catalogue, traits))
        }
    }
}

/// What a server speaks: protocols, services, products.
fn speaking(catalogue: &Catalogue, traits: &ServerTraits) -> String {
    let protocols = match list(&traits.protocols) {
        none if none.is_empty() => "protocol not recognised".to_owned(),
        some => some,
    };
    let services: Vec<&str> = traits.services.iter().map(|id| catalogue.name_of(id)).collect();
    let services = list(services);
    let products = list(&traits.products);
    let mut text = protocols;
    if !services.is_empty() {
        text += &format!(": {services}");
    }
    if !products.is_empty() {
        text += &format!(" ({products})");
    }
    text
}

fn service_line(catalogue: &Catalogue, change: &ServiceChange) -> (Change, String) {
    let ServiceChange { change, service, ports, fields } = change;
    let subject = service_name(catalogue, service);
    let text = match change {
        Change::Changed => format!("{subject}: {}", changes(catalogue, fields)),
        Change::Added | Change::Removed => format!("{subject} on {}", list(ports)),
    };
    (*change, text)
}

fn service_name(
    catalogue: &Catalogue,
    SpokenService { service, protocol }: &SpokenService,
) -> String {
    match (service, protocol) {
        (Some(service), Some(protocol)) => {
            format!("{} ({})", escape(catalogue.name_of(service)), escape(protocol))
        }
        (Some(service), None) => escape(catalogue.name_of(service)),
        (None, protocol) => escape(protocol.as_deref().unwrap_or_default()),
    }
}

fn client_line(client: &ClientChange) -> (Change, String) {
    let ClientChange { change, address, servers, fields } = client;
    let text = match (change, &fields[..]) {
        (Change::Changed, [FieldChange { before, after, .. }, ..]) => {
            let called = [("no longer calls", before), ("also calls", after)];
            let called = called.into_iter().filter(|(_, servers)| !servers.is_empty());
            let called: Vec<_> =
                called.map(|(verb, servers)| format!("{verb} {}", list(servers))).collect();
            format!("{address} {}", called.join("; "))
        }
        (Change::Removed, _) => format!("{address}, which called {}", list(servers)),
        _ => format!("{address} calls {}", list(servers)),
    };
    (*change, text)
}

fn finding_line(change: &FindingChange) -> (Change, String) {
    let FindingChange { change, finding, fields } = change;
    let place = match finding.server {
        Some(address) => {
            let ServicePort { port, transport } = finding.port;
            ServerKey { address, port, transport, sensor: 0 }.to_string()
        }
        None => finding.port.to_string(),
    };
    let severity = match &fields[..] {
        [FieldChange { before, after, .. }] => {
            format!("{} → {}", list(before), list(after))
        }
        _ => escape(&finding.severity),
    };
    let frame = finding.frame.map_or_else(String::new, |frame| format!("; frame {frame}"));
    let (kind, sentence) = (escape(&finding.kind), escape(&finding.sentence));
    (*change, format!("{severity} ({kind}) at {place}: {sentence}{frame}"))
}

/// What changed: `products: nginx/1.18 → nginx/1.27; names: none → web.example`.
fn changes(catalogue: &Catalogue, fields: &[FieldChange]) -> String {
    let change = |FieldChange { field, before, after }: &FieldChange| {
        let values = |values: &[String]| {
            let name = |value: &String| match *field {
                "services" => catalogue.name_of(value).to_owned(),
                _ => value.clone(),
            };
            let values: Vec<String> = values.iter().map(name).collect();
            if values.is_empty() { "none".to_owned() } else { list(values) }
        };
        match (before.is_empty(), after.is_empty()) {
            (true, false) => format!("{field}: {} added", values(after)),
            (false, true) => format!("{field}: {} removed", values(before)),
            _ => format!("{field}: {} → {}", values(before), values(after)),
        }
    };
    fields.iter().map(change).collect::<Vec<_>>().join("; ")
}

/// Some values, escaped, and the number of others.
fn list<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    let mut texts: Vec<String> =
        values.into_iter().map(|value| escape(&value.to_string())).collect();
    if texts.len() > NAMED {
        let more = texts.len() - NAMED;
        texts.truncate(NAMED);
        texts.push(format!("{} more", count(more as u64)));
    }
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn lists_name_a_few_values_and_count_the_others() {
        let numbers = |n: u32| super::list((0..n).collect::<std::collections::BTreeSet<_>>());
        assert_eq!(numbers(2), "0, 1");
        assert!(numbers(20).ends_with("7, 12 more"));
        assert_eq!(super::list(["a\x1b[2J"]), "a\\x1b[2J");
    }
}
