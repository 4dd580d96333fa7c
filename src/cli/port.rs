//! `portlore port` and `portlore ports`.

use std::ops::RangeInclusive;

use clap::{Args, ValueEnum};
use portlore::decode::Transport;

use super::CatalogueArgs;

/// `portlore port`.
#[derive(Debug, Args)]
pub struct PortArgs {
    /// Port, range or service name: 3001, 3000-3003, ssh, 8000/udp
    ///
    /// Names are those of the IANA registry and of the services that portlore knows. Without /tcp
    /// or /udp, both are shown. At most 64 ports.
    #[arg(required = true, value_name = "PORT", value_parser = port)]
    pub ports: Vec<PortWord>,
    /// Show every service that uses the port, with all notes
    #[arg(long)]
    pub all: bool,
    /// Output format: table, json or md
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = PortFormat::Table)]
    pub format: PortFormat,
    /// The user's own services.
    #[command(flatten)]
    pub catalogue: CatalogueArgs,
}

/// `portlore ports`.
#[derive(Debug, Args)]
pub struct PortsArgs {
    /// Output format: table or json
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = PageFormat::Table)]
    pub format: PageFormat,
    /// The user's own services.
    #[command(flatten)]
    pub catalogue: CatalogueArgs,
}

/// Forms of what the commands that capture nothing print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PageFormat {
    /// Human-readable text
    Table,
    /// One JSON document
    Json,
}

/// Forms of the page of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PortFormat {
    /// Text for people
    Table,
    /// One JSON document
    Json,
    /// Markdown: what is known of the port, without what listens here
    Md,
}

/// The ports that a word of the command line stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortWord {
    pub ports: PortSelection,
    /// `None` for both.
    pub transport: Option<Transport>,
}

/// Ports by number or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortSelection {
    Range(RangeInclusive<u16>),
    /// A service of the registry or of the catalogue.
    Name(String),
}

fn port(text: &str) -> Result<PortWord, String> {
    let (ports, transport) = match text.split_once('/') {
        None => (text, None),
        Some((ports, name)) if name.eq_ignore_ascii_case("tcp") => (ports, Some(Transport::Tcp)),
        Some((ports, name)) if name.eq_ignore_ascii_case("udp") => (ports, Some(Transport::Udp)),
        Some((_, other)) => {
            return Err(format!("'{other}' is not a supported transport; use /tcp or /udp"));
        }
    };
    let number = |text: &str| -> Result<u16, String> {
        text.parse().map_err(|_| format!("'{text}' is out of range; ports are 0 to 65535"))
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let ports = match ports.split_once('-') {
        _ if is_number(ports) => number(ports).map(|port| port..=port)?,
        Some((first, last)) if is_number(first) && is_number(last) => {
            number(first)?..=number(last)?
        }
        _ if ports.is_empty() => return Err("a port, a range or a name is missing".to_owned()),
        _ => return Ok(PortWord { ports: PortSelection::Name(ports.to_owned()), transport }),
    };
    if ports.is_empty() {
        return Err(format!("'{text}' is an empty range; write the lower port first"));
    }
    Ok(PortWord { ports: PortSelection::Range(ports), transport })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_people_write_them() {
        let range =
            |ports, transport| Ok(PortWord { ports: PortSelection::Range(ports), transport });
        let name = |name: &str| {
            Ok(PortWord { ports: PortSelection::Name(name.to_owned()), transport: None })
        };
        assert_eq!(port("3002"), range(3002..=3002, None));
        assert_eq!(port("3002/udp"), range(3002..=3002, Some(Transport::Udp)));
        assert_eq!(port("3002/UDP"), range(3002..=3002, Some(Transport::Udp)));
        assert_eq!(port("3000-3003/tcp"), range(3000..=3003, Some(Transport::Tcp)));
        assert_eq!((port("ssh"), port("x11-ssh-offset")), (name("ssh"), name("x11-ssh-offset")));
        assert!(port("70000").unwrap_err().contains("0 to 65535"));
        assert!(port("1-70000").unwrap_err().contains("'70000'"));
        assert!(port("5-1").unwrap_err().contains("lower port first"));
        assert!(port("1/sctp").unwrap_err().contains("/tcp or /udp"));
        assert!(port("/tcp").is_err());
    }
}
