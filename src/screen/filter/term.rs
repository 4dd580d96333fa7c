//! A term of the filter, and what a row offers to it.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::classify::Fit;
use crate::decode::{ServicePort, Transport};
use crate::evidence::Protocol;
use crate::findings::{Finding, FindingKind, Severity};
use crate::process::Holder;
use crate::report::parts::layout::fit;

/// Columns of a word in a fault.
const WORD: usize = 16;

/// A condition on a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FilterTerm {
    Port(RangeInclusive<u16>),
    Transport(Transport),
    Protocol(String),
    Service(String),
    Tag(String),
    Process(String),
    Server(String),
    Fit(String),
    Finding(String),
    Word(String),
}

/// What speaks at a row.
pub(in crate::screen) struct SpokenHere<'r> {
    pub(in crate::screen) protocol: Option<Protocol>,
    /// Ids and names of services.
    pub(in crate::screen) services: Vec<&'r str>,
    /// Families that are proved or possible.
    pub(in crate::screen) tags: Vec<&'r str>,
    pub(in crate::screen) fit: Option<Fit>,
}

/// A row of a view, as filters see it.
pub(in crate::screen) trait FilterRow {
    fn port(&self) -> ServicePort;
    fn spoken(&self) -> Vec<SpokenHere<'_>>;
    fn holders(&self) -> Vec<&Holder>;
    /// The addresses of its servers.
    fn addresses(&self) -> Vec<IpAddr>;
    /// The names of its servers.
    fn names(&self) -> Vec<&str>;
    fn findings(&self) -> Vec<&Finding>;
    /// What its columns show, uncut.
    fn text(&self) -> String;
}

/// The values of `fit:`.
pub(super) const FITS: [(&str, Fit); 4] = [
    ("!", Fit::Contradicts),
    ("agrees", Fit::Agrees),
    ("unclaimed", Fit::Unclaimed),
    ("contradicts", Fit::Contradicts),
];

/// The values of `finding:`.
pub(super) fn finding_values() -> impl Iterator<Item = &'static str> {
    let severities = Severity::ALL.iter().map(|severity| severity.as_str());
    severities.chain(FindingKind::ALL.iter().map(|kind| kind.as_str()))
}

impl FilterTerm {
    /// Parses a word in lower case.
    pub(super) fn parse(word: &str) -> Result<Self, String> {
        let Some((field, value)) = word.split_once(':') else {
            return Ok(match word {
                "tcp" => Self::Transport(Transport::Tcp),
                "udp" => Self::Transport(Transport::Udp),
                "!" => Self::Fit("!".to_owned()),
                _ => Self::Word(word.to_owned()),
            });
        };
        let make = match field {
            "port" => |value| Ok(Self::Port(ports(value)?)),
            "service" => |value: &str| Ok(Self::Service(value.to_owned())),
            "tag" => |value: &str| Ok(Self::Tag(value.to_owned())),
            "process" => |value: &str| Ok(Self::Process(value.to_owned())),
            "protocol" => |value: &str| Ok(Self::Protocol(value.to_owned())),
            "server" => |value: &str| Ok(Self::Server(value.to_owned())),
            "fit" => |value: &str| {
                let is_known = FITS.iter().any(|(name, _)| name.starts_with(value));
                let fault = "fit is !, agrees or unclaimed".to_owned();
                is_known.then(|| Self::Fit(value.to_owned())).ok_or(fault)
            },
            "finding" => |value: &str| {
                let is_known = finding_values().any(|name| name.starts_with(value));
                let fault = || format!("no finding kind or severity: {}", fit(value, WORD));
                is_known.then(|| Self::Finding(value.to_owned())).ok_or_else(fault)
            },
            _ => return Err(format!("unknown field {}:", fit(field, WORD))),
        };
        if value.is_empty() { Err(format!("{field} needs a value")) } else { make(value) }
    }

    pub(super) fn matches(&self, row: &dyn FilterRow) -> bool {
        let has = |text: &str, part: &str| text.to_lowercase().contains(part);
        match self {
            Self::Port(range) => range.contains(&row.port().port),
            Self::Transport(transport) => *transport == row.port().transport,
            Self::Protocol(text) => {
                let mut protocols = row.spoken().into_iter().filter_map(|spoken| spoken.protocol);
                protocols.any(|protocol| protocol.as_str().starts_with(text.as_str()))
            }
            Self::Service(text) => {
                row.spoken().iter().any(|one| one.services.iter().any(|name| has(name, text)))
            }
            Self::Tag(text) => {
                let starts = |tag: &&str| tag.starts_with(text.as_str());
                row.spoken().iter().any(|one| one.tags.iter().any(starts))
            }
            Self::Fit(text) => {
                let is_meant = |fit: Fit| {
                    FITS.iter().any(|(name, other)| *other == fit && name.starts_with(&**text))
                };
                row.spoken().iter().any(|one| one.fit.is_some_and(is_meant))
            }
            Self::Finding(text) => row.findings().iter().any(|finding| {
                [finding.severity.as_str(), finding.kind.as_str()]
                    .iter()
                    .any(|name| name.starts_with(text.as_str()))
            }),
            Self::Process(text) => row.holders().iter().any(|holder| {
                has(&holder.name, text)
                    || has(&holder.command, text)
                    || holder.pid.to_string() == *text
            }),
            Self::Server(text) => {
                row.addresses().iter().any(|address| has(&address.to_string(), text))
                    || row.names().iter().any(|name| has(name, text))
            }
            Self::Word(text) => has(&row.text(), text),
        }
    }
}

/// A port, or a range of ports whose ends may be left out.
fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str, open: u16| match text {
        "" => Ok(open),
        text => text.parse().map_err(|_| format!("{} is not a port", fit(text, WORD))),
    };
    Ok(number(from, 0)?..=number(to, u16::MAX)?)
}
