//! A service: what it is called, what it speaks, which ports it claims, by which facts it is known.

use serde::Deserialize;

use super::Mark;
use crate::decode::Transport;
use crate::evidence::{Protocol, ProtocolSet};

/// Where a service's file came from. What the user says comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The user's.
    User,
    /// Ours.
    Shipped,
}

/// How often a silent port means this service; in the order in which candidates are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Prevalence {
    /// What one would expect.
    Common,
    /// It happens.
    #[default]
    Occasional,
    /// Hardly ever.
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

/// On what ground a service claims a port; in the order in which candidates of the same prevalence
/// are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It has the port in the IANA registry.
    Registered,
    /// Its vendor says so.
    Documented,
    /// People do it.
    Customary,
    /// Registered, and nothing was ever seen of it.
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

/// What a server does when its port is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conflict {
    /// Takes the next free port by itself.
    Increments,
    /// Asks.
    Asks,
    /// Gives up.
    Fails,
    /// Takes some free port.
    PicksFree,
}

impl Conflict {
    /// What it does, for people.
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

/// A service's claim on a port.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The port.
    pub port: u16,
    /// TCP, UDP or both.
    pub transports: Vec<Transport>,
    /// On what ground.
    pub standing: Standing,
    /// How often a silent port means it.
    pub prevalence: Prevalence,
    /// Its name in the IANA registry.
    pub registry: Option<String>,
    /// Since which version.
    pub since: Option<String>,
    /// The source of all this.
    pub cite: Option<String>,
    /// Whatever else is worth knowing.
    pub note: Option<String>,
    /// What its server does when the port is taken.
    pub on_conflict: Option<Conflict>,
    /// What to think when it is seen where it does not belong.
    pub unexpected: Option<String>,
    /// The line of the file where it stands.
    pub line: usize,
}

/// A service.
#[derive(Debug, Clone)]
pub struct Service {
    /// Lower-case letters, digits and hyphens; the file's name.
    pub id: String,
    /// For people.
    pub name: String,
    /// Its family in lower case, as output has it.
    pub tag: String,
    /// The languages that it is known to speak.
    pub speaks: Vec<Protocol>,
    /// It may speak something that nobody has described, so it cannot be ruled out.
    pub wire_unknown: bool,
    /// Services whose marks this one carries too.
    pub builds_on: Vec<String>,
    /// Whatever is worth knowing.
    pub note: Option<String>,
    /// Its claims.
    pub claims: Vec<Claim>,
    /// The facts that name it.
    pub marks: Vec<Mark>,
    /// Captures on which it must be tagged.
    pub fixtures: Vec<String>,
    /// Captures on which it must not.
    pub lookalikes: Vec<String>,
    /// Whose file it is.
    pub origin: Origin,
}

impl Service {
    /// Whether it is known to speak this.
    #[must_use]
    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.speaks.contains(&protocol)
    }

    /// Whether bytes that are none of these languages can still be this service's.
    #[must_use]
    pub fn remains(&self, ruled_out: ProtocolSet) -> bool {
        self.wire_unknown || self.speaks.iter().any(|&protocol| !ruled_out.contains(protocol))
    }
}
