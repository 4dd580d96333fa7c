//! What deserves a look: one sentence for each server and cause, with its severity and frame.
//!
//! Takes the figures of a capture and the catalogue, gives [`Finding`]s. Knows nothing of output.
//! Findings are made when a report or a view is made, from aggregates that merge exactly (servers,
//! ports, domains), never from flows: they are the same for every order of flows and every number
//! of workers.
//!
//! `expected` says what a port's claims lead to expect, `names` how protocols are called. `servers`,
//! `ports` and `tunnels` find.

mod expected;
mod ports;
mod servers;
mod tunnels;

use std::net::IpAddr;

use crate::catalogue::Catalogue;
use crate::decode::ServicePort;
use crate::stats::{Server, ServerKey, Stats};

/// How much a finding matters; the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something is where it does not belong.
    Alert,
    /// Something is probably wrong.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// Every severity, the gravest first.
    pub const ALL: [Self; 3] = [Self::Alert, Self::Warning, Self::Note];

    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    /// Whether it is an alert or a warning, which no limit of the tables leaves out.
    #[must_use]
    pub const fn is_grave(self) -> bool {
        matches!(self, Self::Alert | Self::Warning)
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// A server speaks what contradicts the claims on its port.
    Contradicts,
    /// Clear text where TLS or QUIC is expected, a shell in clear text, a log-in without TLS.
    Cleartext,
    /// It speaks, but does not work: most answers say that something went wrong.
    Failing,
    /// The sides of OSC do not understand each other.
    Framing,
    /// Bytes came twice and differ.
    Tampered,
    /// A whole conversation in no known protocol.
    Unrecognised,
    /// A service is, or may be, where it does not belong.
    Unexpected,
    /// A development server or a database is reached from outside its network.
    Exposed,
    /// Many long random names under one domain.
    Tunnel,
    /// A protocol that the port is not registered for, where nobody claims the port.
    Misused,
    /// Attempts were refused.
    Refused,
    /// Attempts were not answered.
    Unanswered,
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Contradicts,
        Self::Cleartext,
        Self::Failing,
        Self::Framing,
        Self::Tampered,
        Self::Unrecognised,
        Self::Unexpected,
        Self::Exposed,
        Self::Tunnel,
        Self::Misused,
        Self::Refused,
        Self::Unanswered,
    ];

    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contradicts => "contradicts",
            Self::Cleartext => "cleartext",
            Self::Failing => "failing",
            Self::Framing => "framing",
            Self::Tampered => "tampered",
            Self::Unrecognised => "unrecognised",
            Self::Unexpected => "unexpected",
            Self::Exposed => "exposed",
            Self::Tunnel => "tunnel",
            Self::Misused => "misused",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
        }
    }
}

/// One sentence that somebody should read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What it is about.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// The port.
    pub port: ServicePort,
    /// The server; `None` where it is about a port as a whole.
    pub server: Option<IpAddr>,
    /// The number of the sensor that saw the server, from 1; 0 where there is only one.
    pub sensor: u16,
    /// The id of the service that is proved, or whose advice this is.
    pub service: Option<String>,
    /// The number of the frame that shows it.
    pub frame: Option<u64>,
    /// What was found, without a full stop. Has untrusted text from the wire.
    pub sentence: String,
    /// What to do, from the catalogue.
    pub advice: Option<String>,
}

impl Finding {
    /// The key of the server; `None` where it is about a port as a whole.
    #[must_use]
    pub fn server_key(&self) -> Option<ServerKey> {
        let ServicePort { port, transport } = self.port;
        let sensor = self.sensor;
        self.server.map(|address| ServerKey { address, port, transport, sensor })
    }

    /// A finding at a server, with nothing but its sentence.
    fn at_server(
        server: &Server<'_>,
        kind: FindingKind,
        severity: Severity,
        sentence: String,
    ) -> Self {
        Self {
            kind,
            severity,
            port: server.key.service_port(),
            server: Some(server.key.address),
            sensor: server.key.sensor,
            service: None,
            frame: None,
            sentence,
            advice: None,
        }
    }

    /// The finding with this frame.
    const fn with_frame(mut self, frame: Option<u64>) -> Self {
        self.frame = frame;
        self
    }

    /// The finding with this service.
    fn with_service(mut self, service: Option<&str>) -> Self {
        self.service = service.map(str::to_owned);
        self
    }

    /// The finding with this advice.
    fn with_advice(mut self, advice: Option<&str>) -> Self {
        self.advice = advice.map(str::to_owned);
        self
    }
}

/// What of a capture deserves a look: by severity, then by port, server and kind.
#[must_use]
pub fn find(stats: &Stats, catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings = servers::find(stats, catalogue);
    tunnels::find(stats, &mut findings);
    ports::find(stats, catalogue, &mut findings);
    findings.sort_by(|one, other| {
        let key = |finding: &Finding| {
            let server = (finding.server, finding.sensor);
            (finding.severity, finding.port, server, finding.kind, finding.frame)
        };
        key(one).cmp(&key(other)).then_with(|| one.sentence.cmp(&other.sentence))
    });
    findings
}

#[cfg(test)]
mod tests;
