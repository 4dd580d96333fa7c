//! A service: its name, its protocols, the ports that it claims and the marks that identify it.

use std::sync::Arc;

use super::{Conflict, Layer, Mark, Prevalence, ProcessForm, Reach, Standing};
use crate::decode::Transport;
use crate::evidence::{Protocol, ProtocolSet};

/// Where a service's file comes from. The user's services take precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Origin {
    /// A file of the user.
    User,
    /// A file that is part of the program.
    Shipped,
}

/// A service's claim on a port.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Claim {
    /// The port.
    pub port: u16,
    /// TCP, UDP or both.
    pub transports: Vec<Transport>,
    /// The ground of the claim.
    pub standing: Standing,
    /// How often traffic without payload on the port means the service.
    pub prevalence: Prevalence,
    /// When the service takes the port.
    pub reach: Reach,
    /// Whether the file says so, instead of leaving it at the default.
    pub(super) states_reach: bool,
    /// The protocols that the service speaks on this port.
    pub protocols: Vec<Protocol>,
    /// The service's name in the IANA registry, for registered and dormant claims.
    pub registry: Option<String>,
    /// The version since which the service uses the port.
    pub since: Option<String>,
    /// The source, a URL or an RFC.
    pub cite: Option<String>,
    /// A remark for people.
    pub note: Option<String>,
    /// How the server behaves if the port is taken.
    pub on_conflict: Option<Conflict>,
    /// Advice for people who do not expect the service on this port.
    pub unexpected: Option<String>,
    /// Advice for people who find something else on this port.
    pub foreign: Option<String>,
    /// Advice for people whose attempts to reach the service on this port are refused or unanswered.
    pub closed: Option<String>,
    /// The line of the catalogue file, counted from 1.
    pub line: usize,
}

/// A service of the catalogue.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Service {
    /// The id: lower-case letters, digits and hyphens, the stem of the file's name.
    pub id: Arc<str>,
    /// The name for people.
    pub name: String,
    /// The family in lower case, such as `dev-server`; a contract of the machine-readable output.
    pub tag: Arc<str>,
    /// What the service is in the stack of software that answers.
    pub layer: Layer,
    /// The protocols that the service is known to speak, on whatever port.
    pub protocols: Vec<Protocol>,
    /// Whether the service may use a wire format that has no public description. Such a service
    /// cannot be ruled out.
    pub wire_unknown: bool,
    /// The ids of services whose marks also hold for this service.
    pub builds_on: Vec<String>,
    /// A remark for people.
    pub note: Option<String>,
    /// The ports that the service claims.
    pub claims: Vec<Claim>,
    /// The marks that identify the service.
    pub marks: Vec<Mark>,
    /// How its processes are called, which proves nothing of what is spoken.
    pub processes: Vec<ProcessForm>,
    /// Captures in which the service must be found.
    pub fixtures: Vec<String>,
    /// Captures in which the service must not be found.
    pub lookalikes: Vec<String>,
    /// Where the service's file comes from.
    pub origin: Origin,
}

impl Service {
    /// Whether the service is known to speak a protocol.
    #[must_use]
    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.protocols.contains(&protocol)
    }

    /// How exactly one of the service's forms describes a process; `None` where none does.
    #[must_use]
    pub fn process_fit(&self, name: &str, command: &str) -> Option<usize> {
        self.processes.iter().filter_map(|form| form.fit(name, command)).max()
    }

    /// Whether payload that is of none of these protocols can still be this service's.
    #[must_use]
    pub fn remains_possible(&self, ruled_out: ProtocolSet) -> bool {
        self.wire_unknown || self.protocols.iter().any(|&protocol| !ruled_out.contains(protocol))
    }
}
