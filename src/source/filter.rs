//! BPF filters over captured frames, in the syntax of `man pcap-filter`.
//!
//! libpcap compiles the expression once per link type. Lengths (`len`, `greater`, `less`) are those
//! of the captured bytes.

#[cfg(feature = "pcap")]
use std::collections::BTreeMap;

#[cfg(feature = "pcap")]
use pcap::{BpfProgram, Capture, Linktype};

use super::Frame;
#[cfg(feature = "pcap")]
use super::{LinkType, pcap_error::invalid_filter};
#[cfg(feature = "pcap")]
use crate::Result;

/// A filter expression and its programs.
///
/// Without the feature `pcap` no value of this type exists, so that code which takes an
/// `Option<Filter>` stays the same.
pub struct Filter {
    #[cfg(feature = "pcap")]
    expression: String,
    /// `None` where libpcap cannot apply the expression to that link type.
    #[cfg(feature = "pcap")]
    programs: BTreeMap<LinkType, Option<BpfProgram>>,
    #[cfg(not(feature = "pcap"))]
    never: std::convert::Infallible,
}

#[cfg(not(feature = "pcap"))]
impl Filter {
    /// Whether the frame passes.
    pub fn matches(&mut self, _: &Frame<'_>) -> bool {
        match self.never {}
    }

    /// Problems of the filter, one line each.
    pub fn problems(&self) -> std::iter::Empty<String> {
        match self.never {}
    }
}

#[cfg(feature = "pcap")]
impl Filter {
    /// Compiles the expression for the link types with which a capture begins; for Ethernet if none
    /// is known. Requires the feature `pcap`.
    ///
    /// # Errors
    /// libpcap cannot compile the expression for one of the link types ([`ErrorKind::Filter`]).
    ///
    /// [`ErrorKind::Filter`]: crate::ErrorKind::Filter
    pub fn compile(expression: &str, links: &[LinkType]) -> Result<Self> {
        let links = if links.is_empty() { &[LinkType::ETHERNET] } else { links };
        let mut programs = BTreeMap::new();
        for &link in links {
            programs.insert(link, Some(compile(expression, link)?));
        }
        Ok(Self { expression: expression.to_owned(), programs })
    }

    /// Whether the frame passes; what holds no packet does not.
    pub fn matches(&mut self, frame: &Frame<'_>) -> bool {
        if frame.link == LinkType::NO_PACKET {
            return false;
        }
        let program = self
            .programs
            .entry(frame.link)
            .or_insert_with(|| compile(&self.expression, frame.link).ok());
        program.as_ref().is_some_and(|program| program.filter(frame.bytes))
    }

    /// Link types of frames for which the expression cannot be compiled, one line each.
    pub fn problems(&self) -> impl Iterator<Item = String> + '_ {
        self.programs.iter().filter(|(_, program)| program.is_none()).map(|(link, _)| {
            format!(
                "filter '{}' cannot be applied to {link}; packets of that link type were left out",
                self.expression
            )
        })
    }
}

#[cfg(feature = "pcap")]
fn compile(expression: &str, link: LinkType) -> Result<BpfProgram> {
    // Files number raw IP 101 (and some systems 14); libpcap's own number on Linux and macOS is 12.
    let dlt = match link {
        LinkType::RAW | LinkType::RAW_OPENBSD => LinkType::RAW_BSD,
        other => other,
    };
    Capture::dead(Linktype(dlt.0.into()))
        .and_then(|dead| dead.compile(expression, true))
        .map_err(|error| invalid_filter(expression, &error))
}
