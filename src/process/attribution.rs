//! What is known of the process behind one side of a flow.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Holder;
use crate::evidence::{Direction, Fact};

/// How the holders were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ground {
    /// They hold the very socket of the flow.
    Socket,
    /// They listen on its port: the connection itself may be another's by now, such as a worker's.
    Listener,
    /// They held it, or were behind its port, when it was last known: it may be another's by now.
    Past,
}

impl Ground {
    /// The name in output.
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
pub enum Unknown {
    /// The socket, or its process, was gone when it was asked for; or there never was one.
    Gone,
    /// It belongs to this user, whose processes the caller may not see.
    Hidden(String),
    /// The system has the socket, and no process holds it: the kernel's own, or one in another
    /// container.
    Nobody,
    /// The system does not say, for this reason.
    Silent(String),
}

impl Unknown {
    /// The name in output.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Hidden(_) => "hidden",
            Self::Nobody => "nobody",
            Self::Silent(_) => "silent",
        }
    }

    /// In words, with the remedy where there is one.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Gone => "there is no socket, or no more".into(),
            Self::Hidden(user) => {
                format!("a process of {user}, whose descriptors only root may see")
            }
            Self::Nobody => "no process that can be seen from here has it open".into(),
            Self::Silent(reason) => reason.clone(),
        }
    }
}

/// What is known of the process behind one side of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribution {
    /// These hold it, by their ids; with several it is shared, and which of them speaks is not
    /// known.
    Known(Vec<Arc<Holder>>, Ground),
    /// Why nobody can be named.
    Unknown(Unknown),
}

impl Attribution {
    /// The holders; none where they are not known.
    #[must_use]
    pub fn holders(&self) -> &[Arc<Holder>] {
        match self {
            Self::Known(holders, _) => holders,
            Self::Unknown(_) => &[],
        }
    }

    /// Whether it may not hold any more.
    #[must_use]
    pub const fn is_past(&self) -> bool {
        matches!(self, Self::Known(_, Ground::Past))
    }

    /// The same as something that was; an unknown stays one.
    pub(super) fn past(&self) -> Self {
        match self {
            Self::Known(holders, _) => Self::Known(holders.clone(), Ground::Past),
            Self::Unknown(_) => self.clone(),
        }
    }
}

/// One for each side of a flow; `None` for a side that is no socket of this machine, or of which
/// nobody asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sides {
    /// Behind the side that opened the flow.
    pub initiator: Option<Arc<Attribution>>,
    /// Behind the side that was called.
    pub responder: Option<Arc<Attribution>>,
}

impl Sides {
    /// One side's.
    #[must_use]
    pub fn of(&self, direction: Direction) -> Option<&Attribution> {
        match direction {
            Direction::Initiator => self.initiator.as_deref(),
            Direction::Responder => self.responder.as_deref(),
        }
    }

    /// Whether neither side is of this machine.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.initiator.is_none() && self.responder.is_none()
    }

    /// What the processes behind the port that was called state, for marks: of several that share a
    /// socket only that in which they agree. Who calls says nothing of what is called.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let holders = self.responder.as_deref().map_or(&[][..], Attribution::holders);
        let Some((first, others)) = holders.split_first() else { return Vec::new() };
        let agreed = first
            .facts()
            .filter(|fact| others.iter().all(|other| other.facts().any(|theirs| theirs == *fact)));
        let fact = |(name, value): (&'static str, &str)| Fact {
            name: name.into(),
            value: value.to_owned(),
            direction: Direction::Responder,
            frame: 0,
            later: Vec::new(),
            exchange: 0,
        };
        agreed.map(fact).collect()
    }

    pub(super) fn put(&mut self, direction: Direction, attribution: Arc<Attribution>) {
        match direction {
            Direction::Initiator => self.initiator = Some(attribution),
            Direction::Responder => self.responder = Some(attribution),
        }
    }
}
