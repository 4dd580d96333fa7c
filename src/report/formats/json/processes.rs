//! Processes in the document; absent unless sockets of this machine were looked up.

use std::sync::Arc;

use serde::Serialize;

use crate::process::{Attribution, FlowProcesses, Holder};
use crate::stats::{PortProcesses, ProcessFlows};

/// The processes of a flow.
#[derive(Serialize)]
pub(super) struct FlowProcessesJson<'a> {
    initiator: Option<AttributionJson<'a>>,
    responder: Option<AttributionJson<'a>>,
}

impl<'a> FlowProcessesJson<'a> {
    /// `None` if neither side is of this machine.
    pub(super) fn new(sides: &'a FlowProcesses) -> Option<Self> {
        let json = |side: &'a Option<Arc<Attribution>>| side.as_deref().map(AttributionJson::from);
        (!sides.is_empty())
            .then(|| Self { initiator: json(&sides.initiator), responder: json(&sides.responder) })
    }
}

#[derive(Serialize)]
struct AttributionJson<'a> {
    holders: Vec<HolderJson<'a>>,
    ground: Option<&'static str>,
    unknown: Option<&'static str>,
}

impl<'a> From<&'a Attribution> for AttributionJson<'a> {
    fn from(attribution: &'a Attribution) -> Self {
        let (ground, unknown) = match attribution {
            Attribution::Known(_, ground) => (Some(ground.as_str()), None),
            Attribution::Unknown(why) => (None, Some(why.as_str())),
        };
        let holders = attribution.holders().iter().map(|holder| HolderJson::from(&**holder));
        Self { holders: holders.collect(), ground, unknown }
    }
}

#[derive(Serialize)]
pub(super) struct HolderJson<'a> {
    name: &'a str,
    pid: i32,
    command: &'a str,
    user: &'a str,
    container: Option<&'a str>,
}

impl<'a> From<&'a Holder> for HolderJson<'a> {
    fn from(holder: &'a Holder) -> Self {
        let Holder { name, pid, command, user, container } = holder;
        Self { name, pid: *pid, command, user, container: container.as_deref() }
    }
}

/// The processes of a port.
#[derive(Serialize)]
pub(super) struct PortProcessesJson<'a> {
    responder: Vec<ProcessFlowsJson<'a>>,
    initiator: Vec<ProcessFlowsJson<'a>>,
    unknown_responder_flows: u64,
    unknown_initiator_flows: u64,
    shared: bool,
    past: bool,
}

impl<'a> PortProcessesJson<'a> {
    /// `None` if no socket of this machine was behind the port or called it.
    pub(super) fn new(processes: &'a PortProcesses) -> Option<Self> {
        let (responders, initiators) = (&processes.responders, &processes.initiators);
        (!processes.is_empty()).then(|| Self {
            responder: by_process(responders),
            initiator: by_process(initiators),
            unknown_responder_flows: responders.unknown,
            unknown_initiator_flows: initiators.unknown,
            shared: responders.shared,
            past: responders.past,
        })
    }
}

#[derive(Serialize)]
struct ProcessFlowsJson<'a> {
    #[serde(flatten)]
    process: HolderJson<'a>,
    flows: u64,
}

fn by_process(flows: &ProcessFlows) -> Vec<ProcessFlowsJson<'_>> {
    let rows = flows.by_process.iter();
    rows.map(|(holder, &flows)| ProcessFlowsJson { process: HolderJson::from(&**holder), flows })
        .collect()
}
