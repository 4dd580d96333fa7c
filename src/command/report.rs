//! `portlore report`: the report of a snapshot, as if the capture had ended there.

use std::sync::Arc;

use portlore::flow_filter::FlowFilter;
use portlore::privilege::Keep;
use portlore::snapshot::{SnapshotFile, SnapshotSettings};
use portlore::source::{Drops, Next, Source, TimeWindow};
use portlore::stats::IpNetwork;
use portlore::{Error, ErrorKind, Result};

use super::catalogue::{load, places};
use super::inputs::InputFiles;
use super::observers::{EventPlan, LiveOutputs};
use super::output::{OutputPlan, Outputs};
use super::session::{Mode, Session, check_table, drop_privileges, zone};
use super::signals::SignalFlags;
use super::snapshot::{SnapshotBytes, SnapshotPlan};
use crate::cli::{
    CommonArgs, KeyPart, MOST_FLOWS, MOST_HISTOGRAM_PORTS, MOST_OPENING_MIB, MOST_SERVERS,
    ReportArgs,
};

/// No frames: the capture ends where the snapshot was written.
struct NoFrames;

impl Source for NoFrames {
    fn next(&mut self) -> Result<Next<'_>> {
        Ok(Next::End)
    }

    fn drops(&mut self) -> Drops {
        Drops::default()
    }

    fn problems(&self) -> Vec<String> {
        Vec::new()
    }
}

pub fn run(args: ReportArgs) -> Result<u8> {
    let ReportArgs { snapshot: path, mut common } = args;
    check_table(&common)?;
    let catalogue = Arc::new(load(&common.catalogue)?);
    let signals = SignalFlags::register()?;
    let bytes = SnapshotBytes::read(&path)?;
    let inputs = InputFiles {
        services: places(&common.catalogue),
        others: vec![path],
        ..InputFiles::default()
    };
    let plan = OutputPlan {
        report: common.output.as_deref(),
        events: !EventPlan::of_replay(&common).is_empty(),
        flows: &common.flows_to,
        page: common.html.as_deref(),
        force: common.force,
        ..OutputPlan::default()
    };
    let outputs = Outputs::prepare(plan, &inputs)?.open_all()?;
    let keep = Keep { unsandboxed: common.reading.no_sandbox, ..Keep::default() };
    let sandbox_gaps = drop_privileges(&keep, zone(&common))?;
    let SnapshotFile { about, state } = bytes.parse(&catalogue)?;
    if common.why && !about.settings.facts {
        return Err(Error::new(ErrorKind::Usage, "was written without --why")
            .with_object(bytes.name)
            .with_remedy("use --flows, or read the captures again with --why"));
    }
    adopt(&mut common, &about.settings).map_err(|error| error.with_object(&bytes.name))?;
    let session = Session {
        inputs: about.files.into_iter().map(|file| file.name).collect(),
        filter: None,
        window: TimeWindow::default(),
        catalogue,
        args: &common,
        signals: &signals,
        sandbox_gaps,
        mode: Mode::Replay,
        outputs,
        expectations: None,
        snapshot: SnapshotPlan { resume: Some(state), writes: None },
        live_outputs: LiveOutputs::of_replay(&common),
        progress: None,
    };
    session.run(&mut NoFrames).map(|end| end.status)
}

/// Sets the options with which the captures were read.
fn adopt(args: &mut CommonArgs, settings: &SnapshotSettings) -> Result<()> {
    let bad = || Error::new(ErrorKind::Input, "is damaged: an option is not valid");
    let within = |number: u64, most: u32| u32::try_from(number).map_or(most, |n| n.min(most));
    args.reading.max_flows = within(settings.max_flows, MOST_FLOWS);
    args.reading.opening_mib = within(settings.opening_bytes >> 20, MOST_OPENING_MIB);
    args.histogram_ports = within(settings.histogram_ports, MOST_HISTOGRAM_PORTS);
    args.reading.max_servers = within(settings.max_servers, MOST_SERVERS);
    args.filter.clone_from(&settings.filter);
    let selected = settings.selected.as_deref().map(FlowFilter::parse).transpose();
    args.selected = selected.map_err(|_| bad())?;
    args.reading.key = [KeyPart::Vlan, KeyPart::Vni]
        .into_iter()
        .zip([settings.key.0, settings.key.1])
        .filter_map(|(part, is_in_key)| is_in_key.then_some(part))
        .collect();
    args.reading.no_tunnels = !settings.tunnels;
    args.reading.no_names = !settings.names;
    let networks = settings.local_networks.iter().map(|text| IpNetwork::parse(text));
    args.reading.local_nets = networks.collect::<Option<_>>().ok_or_else(bad)?;
    Ok(())
}
