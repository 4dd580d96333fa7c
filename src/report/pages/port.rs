//! The page of a port: who listens on it here, who is likely there and why, whose it is by the
//! registry.

mod brief;
mod claimant;
mod full;
mod json;
mod markdown;
mod summary;

use std::fmt;
use std::io::{self, Write};

pub use self::json::write as write_json;
pub use self::markdown::write as write_markdown;
use super::listening::Here;
use crate::catalogue::Catalogue;
use crate::decode::{ServicePort, Transport};
use crate::process::Listener;
use crate::report::Style;

/// What stands behind the names of services, in words.
const LABELS: &str = "registered with IANA, documented by the vendor, or customary (undocumented); then \
                      how common that use is";

/// What the page of a port shows.
pub struct PortPage<'p> {
    /// The port.
    pub port: u16,
    /// The transports that are shown.
    pub transports: &'p [Transport],
    /// The catalogue with the registry and the claims.
    pub catalogue: &'p Catalogue,
    /// The sockets that listen on the port, or the reason why they are not known.
    pub listeners: Result<&'p [Listener], &'p dyn fmt::Display>,
    /// What this machine adds to its sockets.
    pub here: &'p Here,
    /// Whether every claim is shown with all its notes.
    pub all: bool,
}

impl PortPage<'_> {
    /// The BPF expression for the port.
    fn filter(&self) -> String {
        match self.transports {
            [only] => format!("{only} port {}", self.port),
            _ => format!("port {}", self.port),
        }
    }

    /// The options of `ss` for sockets that listen, numbers and processes.
    fn ss_options(&self) -> &'static str {
        if self.transports == [Transport::Udp] { "-ulnp" } else { "-tlnp" }
    }
}

/// Writes the page of a port.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, page: &PortPage<'_>, style: Style) -> io::Result<()> {
    if page.all { full::write(out, page, style) } else { brief::write(out, page, style) }
}

/// What the registry has for a port: `3001/tcp origo-native (OrigoDB Server Native Interface);
/// 3001/udp reserved`.
fn iana(catalogue: &Catalogue, port: u16, transports: &[Transport]) -> String {
    let texts = transports.iter().map(|&transport| {
        let entries = catalogue.registry.entries(ServicePort::new(port, transport));
        let names = entries.map(|entry| match (entry.name, entry.description) {
            ("", description) => description.to_lowercase(),
            (name, "") => name.to_owned(),
            (name, description) => format!("{name} ({description})"),
        });
        let names: Vec<String> = names.collect();
        if names.is_empty() { "not assigned".to_owned() } else { names.join(", ") }
    });
    let texts: Vec<String> = texts.collect();
    match (&texts[..], transports) {
        ([tcp, udp], _) if tcp == udp => format!("{port}, TCP and UDP: {tcp}"),
        _ => {
            let named = texts.iter().zip(transports).map(|(text, t)| format!("{port}/{t} {text}"));
            named.collect::<Vec<_>>().join("; ")
        }
    }
}
