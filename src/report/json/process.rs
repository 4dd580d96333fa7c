//! Processes in the document; only where sockets of this machine were asked for.

use serde::Serialize;

use crate::process::{self, Attribution, Holder};
use crate::stats;

#[derive(Serialize)]
pub(super) struct Sides<'a> {
    initiator: Option<Side<'a>>,
    responder: Option<Side<'a>>,
}

#[derive(Serialize)]
struct Side<'a> {
    holders: Vec<Process<'a>>,
    ground: Option<&'static str>,
    unknown: Option<&'static str>,
}

#[derive(Serialize)]
struct Process<'a> {
    name: &'a str,
    pid: i32,
    command: &'a str,
    user: &'a str,
    container: Option<&'a str>,
}

impl<'a> From<&'a Holder> for Process<'a> {
    fn from(holder: &'a Holder) -> Self {
        let Holder { name, pid, command, user, container } = holder;
        Self { name, pid: *pid, command, user, container: container.as_deref() }
    }
}

#[derive(Serialize)]
pub(super) struct Behind<'a> {
    responder: Vec<Counted<'a>>,
    initiator: Vec<Counted<'a>>,
    unknown_responder_flows: u64,
    unknown_initiator_flows: u64,
    shared: bool,
    past: bool,
}

#[derive(Serialize)]
struct Counted<'a> {
    #[serde(flatten)]
    process: Process<'a>,
    flows: u64,
}

/// `None` where neither side is of this machine.
pub(super) fn sides(sides: &process::FlowProcesses) -> Option<Sides<'_>> {
    let (initiator, responder) = (sides.initiator.as_deref(), sides.responder.as_deref());
    (!sides.is_empty())
        .then(|| Sides { initiator: initiator.map(side), responder: responder.map(side) })
}

fn side(attribution: &Attribution) -> Side<'_> {
    let holders = attribution.holders().iter().map(|holder| Process::from(&**holder)).collect();
    let (ground, unknown) = match attribution {
        Attribution::Known(_, ground) => (Some(ground.as_str()), None),
        Attribution::Unknown(why) => (None, Some(why.as_str())),
    };
    Side { holders, ground, unknown }
}

/// `None` where no socket of this machine was behind the port or called it.
pub(super) fn behind(behind: &stats::Behind) -> Option<Behind<'_>> {
    if behind.is_empty() {
        return None;
    }
    Some(Behind {
        responder: counted(&behind.responders),
        initiator: counted(&behind.initiators),
        unknown_responder_flows: behind.responders.unknown,
        unknown_initiator_flows: behind.initiators.unknown,
        shared: behind.responders.shared,
        past: behind.responders.past,
    })
}

fn counted(flows: &stats::Flows) -> Vec<Counted<'_>> {
    flows
        .by
        .iter()
        .map(|(holder, flows)| Counted { process: Process::from(&**holder), flows: *flows })
        .collect()
}
