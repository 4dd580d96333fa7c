//! A service: its name, its protocols, the ports that it claims and the marks that identify it.

use std::sync::Arc;

use serde::Deserialize;

use super::Mark;
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

/// How often traffic without payload on the port means this service; in the order in which
/// candidates are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Prevalence {
    /// The usual service of the port.
    Common,
    /// Seen now and then.
    #[default]
    Occasional,
    /// Hardly ever seen.
    Rare,
}

impl Prevalence {
    /// The name in catalogue files and output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Common => "common",
            Self::Occasional => "occasional",
            Self::Rare => "rare",
        }
    }
}

/// The ground on which a service claims a port; in the order in which candidates of the same
/// prevalence are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Standing {
    /// The IANA registry assigns the port to the service.
    Registered,
    /// The vendor documents the port.
    Documented,
    /// The port is in common use, without documentation.
    Customary,
    /// The IANA registry assigns the port, but no use of it is known.
    Dormant,
}

impl Standing {
    /// The name in catalogue files and output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Documented => "documented",
            Self::Customary => "customary",
            Self::Dormant => "dormant",
        }
    }

    /// Whether the registry has a name for such a claim.
    #[must_use]
    pub const fn is_in_registry(self) -> bool {
        matches!(self, Self::Registered | Self::Dormant)
    }
}

/// How a server behaves if its port is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Conflict {
    /// Takes the next free port without asking.
    Increments,
    /// Asks the user for another port.
    Asks,
    /// Exits.
    Fails,
    /// Takes an arbitrary free port.
    PicksFree,
}

impl Conflict {
    /// The behaviour in words, for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Increments => "takes the next free port when this one is taken",
            Self::Asks => "asks for another port when this one is taken",
            Self::Fails => "fails when this port is taken",
            Self::PicksFree => "picks some free port when this one is taken",
        }
    }
}

/// When a service takes a port that it claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Reach {
    /// By its own or its administrator's choice: the service is expected there.
    #[default]
    Default,
    /// Only where the ports before it are taken.
    Overflow,
}

impl Reach {
    /// The name in catalogue files and output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Overflow => "overflow",
        }
    }
}

/// What a service is in the stack of software that answers; the highest comes first. Of several
/// services in one flow the highest is the verdict, and the others stand beside it.
///
/// One question decides: what would its user say is running? `CONTRIBUTING.md` has examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Layer {
    /// What a user installs and names: Grafana, a lighting console, a database, a mail server.
    #[default]
    Application,
    /// An interface that many applications offer: uaCSTA, TUIO, MCP.
    Api,
    /// What an application is written with, and the dev server that comes with it: Express,
    /// Next.js, Vite.
    Framework,
    /// What runs it: Node.
    Runtime,
    /// What speaks the protocol for it: nginx, Uvicorn, the server of a language's library.
    Server,
    /// What only stands before it: a load balancer, an API gateway.
    Proxy,
}

impl Layer {
    /// The name in catalogue files and output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Api => "api",
            Self::Framework => "framework",
            Self::Runtime => "runtime",
            Self::Server => "server",
            Self::Proxy => "proxy",
        }
    }
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

    /// Whether payload that is of none of these protocols can still be this service's.
    #[must_use]
    pub fn remains_possible(&self, ruled_out: ProtocolSet) -> bool {
        self.wire_unknown || self.protocols.iter().any(|&protocol| !ruled_out.contains(protocol))
    }
}
