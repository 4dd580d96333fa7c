//! `portlore live`.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portlore::commit::OutputRole;
use portlore::privilege::{Account, Keep, Successor};
use portlore::process::{ProcessCache, ProcessHelper};
use portlore::report::parts::display_filter::FilterOn;
use portlore::source::Live;
use portlore::source::live::{LiveOptions, RebindHelper, networks};
use portlore::source::save::Plan;
use portlore::stats::IpNetwork;
use portlore::{Error, ErrorKind, Result};

use super::catalogue::{places, read};
use super::expectations::ExpectationsFile;
use super::inputs::{InputFiles, is_standard};
use super::interfaces::chosen;
use super::messages;
use super::observers::{EventPlan, Keyboard, LiveOutputs};
use super::output::{OutputPlan, Outputs};
use super::service_files::ServiceFiles;
use super::session::{Frames, LiveContext, Mode, Session, check_table, drop_privileges, zone};
use super::signal_flags::SignalFlags;
use super::signals::CatalogueReload;
use crate::cli::LiveArgs;

/// Default snap length in bytes: openings are 8 KiB a side, behind the headers, and a jumbo frame
/// fits whole.
pub const EVIDENCE: u32 = 9_216;
/// Default snap length where frames are saved: whole frames.
pub const WHOLE: u32 = 262_144;

pub fn run(args: &LiveArgs) -> Result<u8> {
    check_table(&args.outputs)?;
    if args.write.as_deref().is_some_and(is_standard) {
        return Err(Error::new(ErrorKind::Usage, "standard output is for the report")
            .with_object("-w -")
            .with_remedy("name a file, or pipe packets with -w /dev/stdout -o FILE"));
    }
    if args.observers.interval.is_some() {
        args.outputs.format.definition().require_intervals()?;
    }
    // Absolute, because SIGHUP reads them again.
    let places: Vec<PathBuf> = places(&args.outputs.catalogue)
        .into_iter()
        .map(|path| path.canonicalize().unwrap_or(path))
        .collect();
    let catalogue = Arc::new(read(&places)?);
    let signals = SignalFlags::register()?;
    let reload = if io::stdin().is_terminal() { None } else { Some(CatalogueReload::register()?) };
    let user = args.user.as_deref().map(Account::from_name).transpose()?;
    let file = args.expect.as_deref();
    let expectations = file.map(|path| ExpectationsFile::read(path, &catalogue)).transpose()?;
    let others = file.map(Path::to_owned).into_iter().collect();
    let inputs = InputFiles { services: places.clone(), others, ..InputFiles::default() };
    // Outputs are committed by another process, which parses no packets.
    let prepared = Outputs::prepare(output_plan(args), &inputs)?;
    let interfaces = chosen(&args.interfaces, args.outputs.quiet)?;
    let local_networks = local_networks(args, &interfaces);
    // Processes are inspected by another process, which parses no packets, and which is started
    // before there are devices that it could inherit.
    let helper = ProcessHelper::start(args.user.as_deref());
    // The same goes for the processes that bind devices again and read service files again.
    let files = reload.is_some().then(|| ServiceFiles::start(&places, args.user.as_deref()));
    let files = files.transpose()?;
    let rebinding = RebindHelper::start(args.user.as_deref());
    let mut live = Live::open(&device_options(args, interfaces), messages::print)?;
    rebind_by(&mut live, rebinding);
    let (outputs, capture) = (prepared.open_all()?, prepared.open_capture()?);
    let keyboard = Keyboard::StandardInput;
    let live_outputs =
        LiveOutputs::open(&args.observers, &args.outputs, &outputs.report, keyboard)?;
    let successor = Successor::of_root(user);
    // The devices are open: from here on nothing needs root.
    let keep =
        Keep { user, unsandboxed: args.capture.reading.process.no_sandbox, ..Keep::default() };
    let sandbox_gaps = drop_privileges(&keep, zone(&args.outputs))?;
    prepared.watch()?;
    let catalogues = reload.zip(files).map(|(reload, files)| reload.start(files, successor));
    let catalogues = catalogues.transpose()?;
    let process_cache = helper
        .and_then(|helper| ProcessCache::open(helper, messages::print))
        .inspect_err(|reason| messages::print(&format!("warning: {reason}")))
        .ok();
    // Numbers mean something in a single file that has all frames.
    let is_single = args.write.is_some() && !is_series(args);
    let filter_on = if is_single { FilterOn::Frames } else { FilterOn::Conversation };
    if let (Some(path), Some(file)) = (&args.write, capture) {
        let plan = Plan {
            path: path.clone(),
            size: args.rotate_size,
            time: args.rotate_time,
            keep: args.keep.unwrap_or_default().into(),
            frames: args.capture.count,
        };
        live.save(plan, Box::new(file))?;
    }
    if !args.outputs.quiet {
        let (devices, outputs) = (devices(&live), live_outputs.description());
        messages::print(&format!(
            "capturing on {devices}{outputs}; press Ctrl-C to stop and print the report"
        ));
    }
    let session = Session {
        inputs: live.devices().map(|(name, _)| name.to_owned()).collect(),
        // The kernel filters, not the session.
        mode: Mode::Live(LiveContext {
            span: args.span,
            process_cache,
            catalogues,
            filter_on,
            local_networks,
        }),
        expectations,
        live_outputs,
        ..Session::new((&args.capture, &args.outputs), catalogue, &signals, outputs, sandbox_gaps)
    };
    session.run(Frames::One(&mut live)).map(|end| end.status)
}

/// Lets another process bind devices again, where the system can.
pub fn rebind_by(live: &mut Live<'_>, helper: Result<RebindHelper>) {
    match helper {
        Ok(helper) => live.rebind_by(helper),
        Err(reason) => messages::print(&format!("warning: {reason}")),
    }
}

/// The networks that count as local: those of the interfaces, and those that the user names.
fn local_networks(args: &LiveArgs, interfaces: &[String]) -> Vec<IpNetwork> {
    let own = networks(interfaces).into_iter().map(|(ip, bits)| IpNetwork::new(ip, bits));
    own.chain(args.capture.reading.local_nets.iter().copied()).collect()
}

/// The interfaces, for people.
pub fn devices(live: &Live<'_>) -> String {
    live.devices().map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}

/// How the interfaces are to be opened.
fn device_options(args: &LiveArgs, interfaces: Vec<String>) -> LiveOptions {
    let snap_len = if args.write.is_some() { WHOLE } else { EVIDENCE };
    LiveOptions {
        interfaces,
        promiscuous: !args.no_promiscuous,
        snap_len: args.snap_length.unwrap_or(snap_len),
        buffer_bytes: args.buffer,
        filter: args.capture.filter.clone(),
    }
}

/// What is going to be written.
fn output_plan(args: &LiveArgs) -> OutputPlan<'_> {
    let role = if is_series(args) {
        OutputRole::Series { keep: args.keep.unwrap_or_default() }
    } else {
        OutputRole::Capture
    };
    OutputPlan {
        report: args.outputs.output.as_deref(),
        events: !EventPlan::new(&args.observers, &args.outputs).is_empty(),
        capture: args.write.as_deref().map(|path| (path, role)),
        flows: &args.outputs.flows_to,
        page: args.outputs.html.as_deref(),
        is_unique: true,
        force: args.outputs.force,
        user: args.user.as_deref(),
        snapshot: None,
    }
}

/// Whether frames are saved in several files, whose names are numbered.
const fn is_series(args: &LiveArgs) -> bool {
    args.rotate_size.is_some() || args.rotate_time.is_some()
}
