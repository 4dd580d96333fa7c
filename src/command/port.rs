//! `portlore port`.

use std::collections::BTreeSet;
use std::fmt;

use portlore::catalogue::{Catalogue, Claim, Reach};
use portlore::decode::Transport;
use portlore::evidence::Protocol;
use portlore::process::{self, Listener};
use portlore::report::pages::port::{self as page, PortPage};
use portlore::{Error, ErrorKind, Result};

use super::catalogue::load;
use super::output::Output;
use super::ports::here;
use crate::cli::{PortArgs, PortFormat, PortSelection, PortWord};

/// Pages that one command prints; more would hide what was asked for.
const MAX_PAGES: usize = 64;
/// Ports of a protocol that an error names.
const NAMED_PORTS: usize = 8;

pub fn run(args: &PortArgs) -> Result<u8> {
    let catalogue = load(&args.catalogue.paths)?;
    let asked = asked_for(&catalogue, &args.ports)?;
    let found = process::listeners(|port| asked.iter().any(|&(asked, _)| asked == port));
    let (found, reason) = match found {
        Ok(found) => (found, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let listeners = asked.iter().map(|&(port, transports)| {
        let is_here = |l: &&Listener| l.bound.port() == port && transports.contains(&l.transport);
        found.iter().filter(is_here).cloned().collect()
    });
    let listeners: Vec<Vec<Listener>> = listeners.collect();
    let here = here();
    let pages = asked.iter().zip(&listeners).map(|(&(port, transports), listeners)| PortPage {
        port,
        transports,
        catalogue: &catalogue,
        listeners: match &reason {
            Some(reason) => Err(reason as &dyn fmt::Display),
            None => Ok(listeners),
        },
        here: &here,
        all: args.all,
    });
    let pages: Vec<PortPage<'_>> = pages.collect();
    Output::standard().write(|out, style| match args.format {
        PortFormat::Json => page::write_json(out, &pages),
        PortFormat::Table | PortFormat::Md => pages.iter().enumerate().try_for_each(|(i, page)| {
            if i > 0 {
                writeln!(out)?;
            }
            match args.format {
                PortFormat::Md => page::write_markdown(out, page),
                _ => page::write(out, page, style),
            }
        }),
    })?;
    Ok(0)
}

/// A port and the transports of its page.
type AskedPort = (u16, &'static [Transport]);

/// The transports of a page: the one that was asked for, or both.
const fn transports(only: Option<Transport>) -> &'static [Transport] {
    match only {
        None => &[Transport::Tcp, Transport::Udp],
        Some(Transport::Tcp) => &[Transport::Tcp],
        Some(Transport::Udp) => &[Transport::Udp],
    }
}

/// The ports that the words stand for, in their order, each once.
fn asked_for(catalogue: &Catalogue, words: &[PortWord]) -> Result<Vec<AskedPort>> {
    let mut asked: Vec<AskedPort> = Vec::new();
    for word in words {
        let ports = match &word.ports {
            PortSelection::Range(range) => range.clone().collect(),
            PortSelection::Name(name) => ports_of(catalogue, name, transports(word.transport))?,
        };
        for port in ports {
            let page = (port, transports(word.transport));
            if !asked.contains(&page) {
                asked.push(page);
            }
            if asked.len() > MAX_PAGES {
                let reason = format!("more than {MAX_PAGES} ports");
                return Err(Error::new(ErrorKind::Usage, reason)
                    .with_remedy("ask for a shorter range, or list what listens: portlore ports"));
            }
        }
    }
    Ok(asked)
}

/// The ports on which services speak a protocol by default, as the remedy of an error.
fn where_spoken(catalogue: &Catalogue, protocol: Protocol) -> String {
    let claims = catalogue.services().iter().flat_map(|service| &service.claims);
    let speaks =
        |claim: &&Claim| claim.reach == Reach::Default && claim.protocols.contains(&protocol);
    let ports: BTreeSet<u16> = claims.filter(speaks).map(|claim| claim.port).collect();
    let shown: Vec<String> = ports.iter().take(NAMED_PORTS).map(u16::to_string).collect();
    match ports.len().checked_sub(NAMED_PORTS) {
        _ if ports.is_empty() => "write a port".to_owned(),
        None | Some(0) => format!("write one of its ports: {}", shown.join(", ")),
        Some(more) => format!("write one of its ports: {} and {more} more", shown.join(", ")),
    }
}

/// The ports of a name: those that the registry assigns to it, and those that the service of that
/// id or name uses by default.
fn ports_of(catalogue: &Catalogue, name: &str, transports: &[Transport]) -> Result<Vec<u16>> {
    let registered = catalogue.registry.ports_of(name);
    let registered = registered.filter(|port| transports.contains(&port.transport));
    let named = catalogue.services().iter().filter(|service| {
        service.id.eq_ignore_ascii_case(name) || service.name.eq_ignore_ascii_case(name)
    });
    let claims = named.flat_map(|service| &service.claims);
    let claimed = claims.filter(|claim| {
        claim.reach == Reach::Default && claim.transports.iter().any(|t| transports.contains(t))
    });
    let mut ports: Vec<u16> =
        registered.map(|port| port.port).chain(claimed.map(|claim| claim.port)).collect();
    ports.sort_unstable();
    ports.dedup();
    if ports.is_empty()
        && let Some(protocol) = Protocol::from_id(&name.to_lowercase())
    {
        return Err(Error::new(ErrorKind::Usage, "is a protocol, not the name of a service")
            .with_object(name)
            .with_remedy(where_spoken(catalogue, protocol)));
    }
    if ports.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "no service has this name")
            .with_object(name)
            .with_remedy(catalogue.did_you_mean(name).unwrap_or_else(|| {
                "give a port number or a name from the IANA registry, such as ssh".to_owned()
            })));
    }
    Ok(ports)
}
