//! What is known of a port: range, registry, claimants with their sources, and what listens on it
//! here and now.

use std::io::{self, Write};

use super::{Style, escape, layout, process};
use crate::catalogue::{Catalogue, Claim, PortRange, Service};
use crate::decode::{ServicePort, Transport};
use crate::process::Listener;

/// Writes the page of a port for the given transports. `listeners` are those on the port, or why
/// they cannot be known.
///
/// # Errors
/// Where `out` cannot be written.
pub fn write(
    out: &mut dyn Write,
    style: Style,
    catalogue: &Catalogue,
    port: u16,
    transports: &[Transport],
    listeners: &Result<Vec<Listener>, String>,
) -> io::Result<()> {
    writeln!(out, "Port {port}, {}", PortRange::from_port(port).text())?;
    for &transport in transports {
        writeln!(out, "\n{port}/{transport}")?;
        registered(out, catalogue, ServicePort::new(port, transport))?;
        let mut unexpected: Vec<&str> = Vec::new();
        for (service, claim) in catalogue.claims_on(ServicePort::new(port, transport)) {
            claimant(out, style, service, claim)?;
            unexpected.extend(claim.unexpected.as_deref());
        }
        for advice in unexpected {
            paragraph(out, style, 2, &format!("Unexpected? {}", escape(advice)))?;
        }
    }
    writeln!(out, "\nListening on this machine")?;
    match listeners {
        Err(reason) => writeln!(out, "  cannot be told: {}", escape(reason))?,
        Ok(none) if none.is_empty() => writeln!(out, "  nothing")?,
        Ok(listeners) => {
            for listener in listeners {
                let who = process::names(listener.holders.iter().map(AsRef::as_ref));
                let who = who.unwrap_or_else(|| {
                    "a process that the system does not show (try with sudo)".to_owned()
                });
                writeln!(out, "  {} {}  {who}", listener.transport, listener.bound)?;
                for holder in &listener.holders {
                    let place = holder
                        .container
                        .as_deref()
                        .map_or_else(String::new, |place| format!(" in {place}"));
                    let text =
                        format!("{} of {}{place}: {}", holder.pid, holder.user, holder.command);
                    writeln!(out, "      {}", escape(&text))?;
                }
            }
        }
    }
    writeln!(out, "  check with: {}", system_command(port))
}

fn registered(out: &mut dyn Write, catalogue: &Catalogue, port: ServicePort) -> io::Result<()> {
    let date = catalogue.registry.date;
    let entries = catalogue.registry.entries(port);
    if entries.is_empty() {
        return writeln!(out, "  IANA ({date}): not assigned");
    }
    for entry in entries {
        if entry.name.is_empty() {
            writeln!(out, "  IANA ({date}): {}", entry.description.to_lowercase())?;
        } else {
            writeln!(out, "  IANA ({date}): {}, {}", entry.name, entry.description)?;
        }
    }
    Ok(())
}

fn claimant(out: &mut dyn Write, style: Style, service: &Service, claim: &Claim) -> io::Result<()> {
    let languages: Vec<_> = service.protocols.iter().map(|p| p.as_str()).collect();
    let speaks = match (languages.is_empty(), service.wire_unknown) {
        (true, _) => "wire format unknown".to_owned(),
        (false, true) => {
            format!("speaks {} and perhaps something nobody has described", languages.join(", "))
        }
        (false, false) => format!("speaks {}", languages.join(", ")),
    };
    let (name, id) = (escape(&service.name), escape(&service.id));
    paragraph(
        out,
        style,
        2,
        &format!(
            "{name} [{id}]: {}, {}; {speaks}",
            claim.standing.as_str(),
            claim.prevalence.as_str()
        ),
    )?;
    let since = claim.since.as_ref().map(|since| format!("Since {}.", escape(since)));
    let conflict = claim.on_conflict.map(|conflict| format!("It {}.", conflict.text()));
    let notes =
        [since, claim.note.as_deref().map(escape), service.note.as_deref().map(escape), conflict];
    let text: Vec<String> = notes.into_iter().flatten().collect();
    paragraph(out, style, 6, &text.join(" "))?;
    claim.cite.as_ref().map_or(Ok(()), |cite| writeln!(out, "      {}", escape(cite)))
}

fn paragraph(out: &mut dyn Write, style: Style, indent: usize, text: &str) -> io::Result<()> {
    let lines = layout::wrap(text, style.width.saturating_sub(indent));
    lines.iter().try_for_each(|line| writeln!(out, "{:indent$}{line}", ""))
}

/// What the system itself offers to ask.
fn system_command(port: u16) -> String {
    if cfg!(target_os = "linux") {
        format!("sudo ss -tulnp 'sport = :{port}'")
    } else if cfg!(windows) {
        format!("netstat -ano | findstr :{port}")
    } else {
        format!("sudo lsof -nP -i :{port}")
    }
}
