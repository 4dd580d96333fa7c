//! The words of service files that stand for a choice. `build.rs` compiles this file too: it knows
//! nothing of the crate.

use serde::{Deserialize, Serialize};

/// How often traffic without payload on the port means this service; in the order in which
/// candidates are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, Default)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
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
            Self::PicksFree => "picks any free port when this one is taken",
        }
    }
}

/// When a service takes a port that it claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, Default)]
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
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, Default,
)]
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
