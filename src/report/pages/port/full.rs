//! The page of a port with every claim, its notes and its source.

use std::io::{self, Write};

use super::claimant::Claimant;
use super::{PortPage, iana, summary};
use crate::catalogue::PortRange;
use crate::report::pages::listening::ListeningGroup;
use crate::report::parts::layout::wrap;
use crate::report::{Style, escape};

pub(super) fn write(out: &mut dyn Write, page: &PortPage<'_>, style: Style) -> io::Result<()> {
    let &PortPage { port, transports, catalogue, .. } = page;
    writeln!(out, "Port {port}, {}", PortRange::from_port(port).text())?;
    writeln!(out, "\nListening here")?;
    match page.listeners {
        Err(reason) => {
            let reason = escape(&reason.to_string());
            paragraph(out, style, 2, &format!("unknown: {reason}"))?;
        }
        Ok([]) => writeln!(out, "  nothing")?,
        Ok(sockets) => {
            for group in ListeningGroup::from_sockets(sockets) {
                paragraph(out, style, 2, &group.sentence(page.here))?;
            }
        }
    }
    writeln!(out, "\nIn short")?;
    paragraph(out, style, 2, &summary::sentence(catalogue, port, transports))?;
    writeln!(out, "\nIANA {}", catalogue.registry.date)?;
    paragraph(out, style, 2, &iana(catalogue, port, transports))?;
    let claimants = Claimant::on(catalogue, port, transports);
    // A service may have a claim for each transport; its note stands once.
    let mut described: Vec<&str> = Vec::new();
    for (heading, members) in Claimant::by_family(&claimants) {
        writeln!(out, "\n{}", escape(heading))?;
        for claimant in members {
            let is_described = described.contains(&&*claimant.service.id);
            described.push(&claimant.service.id);
            write_claimant(out, style, claimant, is_described)?;
        }
    }
    Ok(())
}

/// A claim with its notes. The note of the service is left out if it `is_described` already.
fn write_claimant(
    out: &mut dyn Write,
    style: Style,
    claimant: &Claimant<'_>,
    is_described: bool,
) -> io::Result<()> {
    let Claimant { service, claim } = claimant;
    let protocols: Vec<_> = claim.protocols.iter().map(|p| p.name()).collect();
    let speaks = match (protocols.is_empty(), service.wire_unknown) {
        (true, _) => "protocol not known".to_owned(),
        (false, true) => format!("speaks {}; other protocols undocumented", protocols.join(", ")),
        (false, false) => format!("speaks {}", protocols.join(", ")),
    };
    let head = format!(
        "{} [{}], {}: {}, {}; {speaks}",
        escape(&service.name),
        escape(&service.id),
        claimant.transports(),
        claim.standing.as_str(),
        claim.prevalence.as_str(),
    );
    paragraph(out, style, 2, &head)?;
    let notes = [
        service.note.as_deref().filter(|_| !is_described).map(escape),
        claimant.overflow().map(|when| format!("Uses this port {when}.")),
        claim.since.as_ref().map(|since| format!("Since {}.", escape(since))),
        claim.note.as_deref().filter(|note| !claimant.is_overflow(note)).map(escape),
        claim.on_conflict.map(|conflict| format!("It {}.", conflict.text())),
    ];
    let notes: Vec<String> = notes.into_iter().flatten().chain(claimant.advice()).collect();
    paragraph(out, style, 6, &notes.join(" "))?;
    claim.cite.as_ref().map_or(Ok(()), |cite| writeln!(out, "      {}", escape(cite)))
}

fn paragraph(out: &mut dyn Write, style: Style, indent: usize, text: &str) -> io::Result<()> {
    let lines = wrap(text, style.width.saturating_sub(indent));
    lines.iter().try_for_each(|line| writeln!(out, "{:indent$}{line}", ""))
}
