//! The page of a port in at most thirty lines: the answer first, then the claimants by family.

use std::io::{self, Write};

use super::claimant::Claimant;
use super::{LABELS, PortPage, iana, summary};
use crate::decode::{ServicePort, Transport};
use crate::report::pages::listening::ListeningGroup;
use crate::report::parts::layout::wrap;
use crate::report::{Style, escape};

/// Columns of the labels at the left.
const LABEL: usize = 20;
/// Lines of claimants.
const MAX_LINES: usize = 16;
/// Lines of processes.
const MAX_LISTENING: usize = 4;

pub(super) fn write(out: &mut dyn Write, page: &PortPage<'_>, style: Style) -> io::Result<()> {
    let &PortPage { port, transports, catalogue, .. } = page;
    let transport = match transports {
        [only] => format!("/{only}"),
        _ => String::new(),
    };
    writeln!(out, "Port {port}{transport}\n")?;
    let mut block = |label: &str, texts: &[String]| block(out, style, label, texts);
    block("Listening here", &listening(page))?;
    block("In short", &[summary::sentence(catalogue, port, transports)])?;
    let date = format!("IANA {}", catalogue.registry.date);
    block(&date, &[iana(catalogue, port, transports)])?;
    for (heading, texts) in families(page, style) {
        block(&heading, &texts)?;
    }
    if page
        .transports
        .iter()
        .any(|&t| catalogue.claims_on(ServicePort::new(port, t)).next().is_some())
    {
        block("Labels", &[LABELS.to_owned()])?;
    }
    block("On another machine", &elsewhere(page))?;
    let filter = page.filter();
    let more = format!("portlore port {port}{transport} --all · portlore live -f '{filter}'");
    block("More", &[more])
}

/// Writes texts behind a label, each wrapped below its own beginning.
fn block(out: &mut dyn Write, style: Style, label: &str, texts: &[String]) -> io::Result<()> {
    let mut label = label;
    for line in texts.iter().flat_map(|text| wrap(text, room(style))) {
        writeln!(out, "{label:LABEL$}{line}")?;
        label = "";
    }
    Ok(())
}

fn room(style: Style) -> usize {
    style.width.saturating_sub(LABEL)
}

/// The processes behind the port, or why they are not known.
fn listening(page: &PortPage<'_>) -> Vec<String> {
    let sockets = match page.listeners {
        Err(reason) => return vec![format!("unknown: {}", escape(&reason.to_string()))],
        Ok([]) => return vec!["nothing".to_owned()],
        Ok(sockets) => sockets,
    };
    let groups = ListeningGroup::from_sockets(sockets);
    let mut texts: Vec<String> =
        groups.iter().take(MAX_LISTENING).map(|group| group.sentence(page.here)).collect();
    if groups.len() > MAX_LISTENING {
        texts.push(format!("and {} more: portlore ports", groups.len() - MAX_LISTENING));
    }
    texts
}

/// The claimants under the heading of their family: of each family the first, then as many more as
/// there is room for. The heading has the number of all where some are left out.
fn families(page: &PortPage<'_>, style: Style) -> Vec<(String, Vec<String>)> {
    let claimants = Claimant::on(page.catalogue, page.port, page.transports);
    let mut families = Claimant::by_family(&claimants);
    // What carries advice is what people look for: it comes before the rest of its family.
    for (_, members) in &mut families {
        if let [_likeliest, rest @ ..] = &mut members[..] {
            rest.sort_by_key(|claimant| claimant.advice().is_empty());
        }
    }
    let cost = |claimant: &Claimant<'_>| -> usize {
        texts(page, claimant).iter().map(|text| wrap(text, room(style)).len()).sum()
    };
    let mut shown = vec![0_usize; families.len()];
    let mut lines = 0;
    for turn in 0.. {
        let mut added = false;
        for ((_, members), shown) in families.iter().zip(&mut shown) {
            let Some(next) = members.get(turn).filter(|_| *shown == turn) else { continue };
            let needed = cost(next);
            if turn == 0 || lines + needed <= MAX_LINES {
                lines += needed;
                *shown += 1;
                added = true;
            }
        }
        if !added {
            break;
        }
    }
    let described = families.into_iter().zip(shown).map(|((heading, members), shown)| {
        let lines = members.iter().take(shown).flat_map(|claimant| texts(page, claimant));
        let heading = match members.len() {
            all if all > shown => format!("{} ({all})", escape(heading)),
            _ => escape(heading),
        };
        (heading, lines.collect())
    });
    described.collect()
}

/// A claimant: name, when it comes here, standing and source; then the advice, if there is any.
fn texts(page: &PortPage<'_>, claimant: &Claimant<'_>) -> Vec<String> {
    let Claimant { service, claim } = claimant;
    let mut text = escape(&service.name);
    let mut remarks: Vec<String> = claimant.overflow().into_iter().collect();
    if page.transports.len() > 1
        && claim.transports.len() == 1
        && claim.transports[0] == Transport::Udp
    {
        remarks.push("UDP".to_owned());
    }
    if !remarks.is_empty() {
        text += &format!(" ({})", remarks.join(", "));
    }
    text += &format!(": {}, {}", claim.standing.as_str(), claim.prevalence.as_str());
    if let Some(cite) = &claim.cite {
        text += &format!("; {}", escape(cite));
    }
    std::iter::once(text).chain(claimant.advice()).collect()
}

/// How other machines are asked: the commands of the three systems.
fn elsewhere(page: &PortPage<'_>) -> Vec<String> {
    let (port, options) = (page.port, page.ss_options());
    vec![
        format!("macOS: lsof -i :{port} · Windows: netstat -ano | findstr :{port}"),
        format!("Linux: ss {options} 'sport = :{port}'"),
    ]
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::catalogue::Catalogue;
    use crate::report::pages::listening::Here;

    #[test]
    fn every_claimed_port_has_a_page_of_thirty_lines_that_fits_the_terminal() {
        let catalogue = Catalogue::shipped().unwrap();
        let here = Here { home: None, zone: TimeZone::UTC, is_root: true, now: 0 };
        let transports = [Transport::Tcp, Transport::Udp];
        for port in catalogue.claimed_ports().map(|claimed| claimed.port) {
            for width in [80, 100] {
                let mut out = Vec::new();
                let page = PortPage {
                    port,
                    transports: &transports,
                    catalogue: &catalogue,
                    listeners: Ok(&[]),
                    here: &here,
                    all: false,
                };
                write(&mut out, &page, Style { width, ..Style::default() }).unwrap();
                let text = String::from_utf8(out).unwrap();
                assert!(text.lines().count() <= 30, "{width} columns:\n{text}");
                // A source is never cut: it is to be copied.
                let is_wide = |line: &&str| line.width() > width && !line.contains("https://");
                assert_eq!(text.lines().find(is_wide), None);
            }
        }
    }
}
