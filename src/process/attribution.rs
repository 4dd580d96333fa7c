//! What is known of the processes behind a flow.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Holder;
use crate::evidence::{Direction, Fact};

/// How the holders were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Ground {
    /// They hold the socket of the flow itself.
    Socket,
    /// They listen on the flow's port. Another process, such as a worker, may have taken over the
    /// connection since.
    Listener,
    /// They held the socket, or were behind its port, at the last successful lookup. Another
    /// process may hold it now.
    Past,
}

impl Ground {
    /// The name in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Listener => "listener",
            Self::Past => "past",
        }
    }
}

/// Why no process can be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Unknown {
    /// The socket or its process was gone when the lookup ran, or there never was one.
    Gone,
    /// The socket belongs to this user, whose processes the helper process may not read.
    Hidden(String),
    /// The system lists the socket, and no visible process holds it: the kernel's own socket, or
    /// one of another container.
    Nobody,
    /// The helper process has ended or was stopped. Whether the side is of this machine is not known
    /// either.
    Unanswered,
    /// The system refused the lookup for this reason.
    Silent(String),
}

impl Unknown {
    /// The name in machine-readable output.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Hidden(_) => "hidden",
            Self::Nobody => "nobody",
            Self::Unanswered => "unanswered",
            Self::Silent(_) => "silent",
        }
    }

    /// The reason in words, with the remedy if there is one.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Gone => "its socket had already closed".into(),
            Self::Hidden(user) => {
                format!("it belongs to {user}, and only root can name it")
            }
            Self::Nobody => "no visible process holds the socket".into(),
            Self::Unanswered => "the process lookup does not answer".into(),
            Self::Silent(reason) => reason.clone(),
        }
    }
}

/// The processes behind one side of a flow, or why they are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attribution {
    /// The processes that hold the socket, by their ids. Several share it: which of them sends and
    /// receives is not known.
    Known(Vec<Arc<Holder>>, Ground),
    /// No process can be named, for this reason.
    Unknown(Unknown),
}

impl Attribution {
    /// The holders; empty if they are not known.
    #[must_use]
    pub fn holders(&self) -> &[Arc<Holder>] {
        match self {
            Self::Known(holders, _) => holders,
            Self::Unknown(_) => &[],
        }
    }

    /// Whether the attribution may be out of date.
    #[must_use]
    pub const fn is_past(&self) -> bool {
        matches!(self, Self::Known(_, Ground::Past))
    }

    /// The same attribution, marked as out of date; [`Self::Unknown`] is unchanged.
    pub(super) fn as_past(&self) -> Self {
        match self {
            Self::Known(holders, _) => Self::Known(holders.clone(), Ground::Past),
            Self::Unknown(_) => self.clone(),
        }
    }
}

/// The processes behind both sides of a flow. A side is `None` if its address is not of this
/// machine, or if no lookup was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowProcesses {
    /// The processes behind the side that opened the flow.
    pub initiator: Option<Arc<Attribution>>,
    /// The processes behind the side with the service port.
    pub responder: Option<Arc<Attribution>>,
}

impl FlowProcesses {
    /// The attribution of one side.
    #[must_use]
    pub fn get(&self, direction: Direction) -> Option<&Attribution> {
        match direction {
            Direction::Initiator => self.initiator.as_deref(),
            Direction::Responder => self.responder.as_deref(),
        }
    }

    /// Whether nothing is known of either side.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.initiator.is_none() && self.responder.is_none()
    }

    /// The facts of the processes behind the service port, for marks. Of processes that share a
    /// socket only the facts in which all agree. The initiator's processes state none, because a
    /// client does not identify the service.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let holders = self.responder.as_deref().map_or(&[][..], Attribution::holders);
        let Some((first, others)) = holders.split_first() else { return Vec::new() };
        let agreed = first
            .facts()
            .filter(|fact| others.iter().all(|other| other.facts().any(|theirs| theirs == *fact)));
        agreed.map(fact).collect()
    }
}

impl Holder {
    /// The facts of a process behind a service port, for marks.
    #[must_use]
    pub fn stated_facts(&self) -> Vec<Fact> {
        self.facts().map(fact).collect()
    }
}

fn fact((name, value): (&'static str, &str)) -> Fact {
    Fact {
        name: name.into(),
        value: value.to_owned(),
        direction: Direction::Responder,
        frame: 0,
        later: Vec::new(),
        exchange: 0,
    }
}
