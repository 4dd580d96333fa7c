//! The filter of the list of ports: `port:3001 tag:osc service:vite process:node`, all of which
//! must match.

use std::ops::RangeInclusive;

use crate::catalogue::Catalogue;
use crate::classify::Candidate;
use crate::decode::{ServicePort, Transport};
use crate::report::parts::labels;
use crate::stats::PortStats;

/// The filter that is typed after `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PortFilter {
    /// Each term, and whether it must match.
    terms: Vec<(bool, Term)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Port(RangeInclusive<u16>),
    Transport(Transport),
    Protocol(String),
    Service(String),
    Tag(String),
    Process(String),
    Word(String),
}

impl PortFilter {
    /// Parses a filter; a `-` or `!` before a term negates it.
    ///
    /// # Errors
    /// One line: what is wrong, and what would be right.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let term = |word: &str| {
            let bare = word.strip_prefix(['-', '!']).unwrap_or(word);
            Ok((bare.len() == word.len(), parse(&bare.to_lowercase())?))
        };
        Ok(Self { terms: text.split_whitespace().map(term).collect::<Result<_, String>>()? })
    }

    /// Whether the filter selects a port.
    pub(super) fn matches(
        &self,
        catalogue: &Catalogue,
        port: ServicePort,
        stats: &PortStats,
    ) -> bool {
        self.terms.iter().all(|(wanted, term)| term.matches(catalogue, port, stats) == *wanted)
    }
}

fn parse(word: &str) -> Result<Term, String> {
    let text = |value: &str| {
        if value.is_empty() { Err(format!("{word} what?")) } else { Ok(value.to_owned()) }
    };
    Ok(match word.split_once(':') {
        Some(("port", value)) => {
            let (from, to) = value.split_once('-').unwrap_or((value, value));
            let number = |text: &str| {
                text.parse()
                    .map_err(|_| format!("'{value}' is no port; write port:3001 or port:3000-3010"))
            };
            Term::Port(number(from)?..=number(to)?)
        }
        Some(("service", value)) => Term::Service(text(value)?),
        Some(("tag", value)) => Term::Tag(text(value)?),
        Some(("process", value)) => Term::Process(text(value)?),
        Some(("protocol", value)) => Term::Protocol(text(value)?),
        Some((other, _)) => {
            return Err(format!(
                "'{other}:' is not known; there are port: service: tag: process: protocol:"
            ));
        }
        None if word == "tcp" => Term::Transport(Transport::Tcp),
        None if word == "udp" => Term::Transport(Transport::Udp),
        None => Term::Word(text(word)?),
    })
}

impl Term {
    fn matches(&self, catalogue: &Catalogue, port: ServicePort, stats: &PortStats) -> bool {
        let mut speaking = stats.speakers.keys();
        let candidates = || stats.speakers.values().flat_map(|speaking| &speaking.candidates);
        let named = |id: &str, text: &str| {
            let has = |name: &str| name.to_lowercase().contains(text);
            has(id) || catalogue.service(id).is_some_and(|service| has(&service.name))
        };
        match self {
            Self::Port(range) => range.contains(&port.port),
            Self::Transport(transport) => *transport == port.transport,
            Self::Protocol(text) => speaking
                .any(|key| key.protocol.is_some_and(|p| p.as_str().starts_with(text.as_str()))),
            Self::Service(text) => {
                speaking.any(|key| key.service.as_deref().is_some_and(|id| named(id, text)))
            }
            Self::Tag(text) => {
                let proved = speaking.filter_map(|key| key.tag.as_deref());
                let possible = candidates().filter_map(Candidate::tag);
                proved.chain(possible).any(|tag| tag.starts_with(text.as_str()))
            }
            Self::Process(text) => {
                let sides = [&stats.processes.responders, &stats.processes.initiators];
                let mut holders = sides.into_iter().flat_map(|flows| flows.by_process.keys());
                holders.any(|holder| {
                    holder.name.to_lowercase().contains(text) || holder.pid.to_string() == *text
                })
            }
            Self::Word(text) => {
                let has = |line: &str| line.to_lowercase().contains(text);
                has(&port.to_string())
                    || stats.speakers.iter().any(|(key, speaking)| {
                        has(labels::speaker(catalogue, key, speaking).text.as_str())
                    })
                    || has(labels::registered(catalogue, port).as_str())
                    || has(labels::customary(catalogue, port).as_str())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_said_with_what_can() {
        for (text, said) in [
            ("port:x", "port:3001"),
            ("prot:osc", "protocol:"),
            ("tag:", "what?"),
            ("port:99999", "no port"),
        ] {
            let error = PortFilter::parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert_eq!(PortFilter::parse("  "), Ok(PortFilter::default()));
        assert_eq!(
            PortFilter::parse("-port:3000-3010").unwrap().terms,
            [(false, Term::Port(3000..=3010))]
        );
    }
}
