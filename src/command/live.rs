//! `portlore live`.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portlore::privilege::{Account, Keep, Successor};
use portlore::process::{ProcessCache, ProcessHelper};
use portlore::report::parts::display_filter::FilterOn;
use portlore::source::live::{LiveOptions, networks};
use portlore::source::save::{Plan, check_single, is_special, unfinished};
use portlore::source::{Live, TimeWindow};
use portlore::stats::IpNetwork;
use portlore::{Error, ErrorKind, Result};

use super::catalogue::{places, read};
use super::inputs::InputFiles;
use super::interfaces::chosen;
use super::messages;
use super::observers::{Keyboard, LiveOutputs};
use super::output::Output;
use super::session::{LiveContext, Mode, Session, drop_privileges, zone};
use super::signals::{CatalogueReload, SignalFlags};
use crate::cli::LiveArgs;

/// Default snap length in bytes: openings are 8 KiB a side, behind the headers, and a jumbo frame
/// fits whole.
pub const EVIDENCE: u32 = 9_216;
/// Default snap length where frames are saved: whole frames.
pub const WHOLE: u32 = 262_144;

pub fn run(args: &LiveArgs) -> Result<u8> {
    if args.observers.interval.is_some() {
        args.common.format.definition().require_intervals()?;
    }
    // Absolute, because SIGHUP reads them again.
    let places: Vec<PathBuf> = places(&args.common.catalogue)
        .into_iter()
        .map(|path| path.canonicalize().unwrap_or(path))
        .collect();
    let catalogue = Arc::new(read(&places)?);
    let signals = SignalFlags::register()?;
    let reload = if io::stdin().is_terminal() { None } else { Some(CatalogueReload::register()?) };
    let user = args.user.as_deref().map(Account::from_name).transpose()?;
    let folders = args.write.iter().map(|path| folder_of(path)).collect::<Result<Vec<_>>>()?;
    let inputs = InputFiles { captures: Vec::new(), services: places.clone() };
    let plan = save_plan(args);
    if let Some(plan) = &plan {
        check_save(plan, args.common.output.as_deref(), &inputs)?;
    }
    let interfaces = chosen(&args.interfaces, args.common.quiet)?;
    let local_networks = local_networks(args, &interfaces);
    let mut live = Live::open(&device_options(args, interfaces), messages::print)?;
    let output = Output::open(args.common.output.as_ref(), args.common.force, &inputs)?;
    let keyboard = Keyboard::StandardInput;
    let live_outputs = LiveOutputs::open(&args.observers, &args.common, &output, keyboard)?;
    // Processes are inspected by another process, which parses no packets.
    let helper = ProcessHelper::start(args.user.as_deref());
    // The devices are open: from here on nothing needs root.
    zone(&args.common).load();
    let successor = Successor::of_root(user);
    drop_privileges(&Keep { user, write: &folders, read: &places });
    let catalogues = reload.map(|reload| reload.start(places, successor)).transpose()?;
    let process_cache = helper
        .and_then(ProcessCache::open)
        .inspect_err(|reason| messages::print(&format!("warning: {reason}")))
        .ok();
    // Numbers mean something in a single file that has all frames.
    let filter_on = match &plan {
        Some(plan) if !plan.is_series() => FilterOn::Frames,
        _ => FilterOn::Conversation,
    };
    if let Some(plan) = plan {
        live.save(plan)?;
    }
    if !args.common.quiet {
        let (devices, outputs) = (devices(&live), live_outputs.description());
        messages::print(&format!(
            "capturing on {devices}{outputs}; press Ctrl-C to stop and print the report"
        ));
    }
    let session = Session {
        inputs: live.devices().map(|(name, _)| name.to_owned()).collect(),
        // The kernel filters.
        filter: None,
        window: TimeWindow::default(),
        catalogue,
        args: &args.common,
        signals: &signals,
        mode: Mode::Live(LiveContext {
            span: args.span,
            process_cache,
            catalogues,
            filter_on,
            local_networks,
        }),
        output,
        live_outputs,
        progress: None,
    };
    session.run(&mut live)
}

/// The networks that count as local: those of the interfaces, and those that the user names.
fn local_networks(args: &LiveArgs, interfaces: &[String]) -> Vec<IpNetwork> {
    let own = networks(interfaces).into_iter().map(|(ip, bits)| IpNetwork::new(ip, bits));
    own.chain(args.common.local_nets.iter().copied()).collect()
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
        filter: args.common.filter.clone(),
    }
}

/// Which files frames are to be saved in, if any.
fn save_plan(args: &LiveArgs) -> Option<Plan> {
    let path = args.write.clone()?;
    Some(Plan {
        path,
        size: args.rotate_size,
        time: args.rotate_time,
        keep: args.keep.unwrap_or_default().into(),
        frames: args.common.count,
        force: args.common.force,
    })
}

/// Refuses, before anything is opened, to save frames over a file that exists, over an input or
/// over the report. The names of a series are new with every file.
fn check_save(plan: &Plan, report: Option<&Path>, inputs: &InputFiles) -> Result<()> {
    if plan.is_series() {
        return Ok(());
    }
    let names = [plan.path.clone(), unfinished(&plan.path)];
    for name in &names {
        if let Ok(metadata) = name.metadata() {
            inputs.refuse(&name.display().to_string(), &metadata, "choose another file with -w")?;
        }
    }
    let report = report.filter(|report| !is_special(report)).map(resolved);
    if report.is_some_and(|report| names.iter().any(|name| resolved(name) == report)) {
        return Err(Error::new(ErrorKind::Output, "-o and -w name the same file")
            .with_object(plan.path.display())
            .with_remedy("choose another name for one of them"));
    }
    check_single(&plan.path, plan.force)
}

/// The path without links; of a file that does not exist, with its folder's.
fn resolved(path: &Path) -> PathBuf {
    let in_folder = || Some(folder_of(path).ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(in_folder).unwrap_or_else(|| path.to_owned())
}

/// The folder in which a file is to be written.
///
/// # Errors
/// [`ErrorKind::Output`] where the path names a folder, or its folder does not exist.
fn folder_of(path: &Path) -> Result<PathBuf> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.file_name().is_none() || path.is_dir() {
        return Err(Error::new(ErrorKind::Output, "is a folder")
            .with_object(path.display())
            .with_remedy("name a file in it"));
    }
    folder.canonicalize().map_err(|error| {
        Error::new(ErrorKind::Output, format!("cannot be written in: {error}"))
            .with_object(folder.display())
            .with_remedy("choose a folder that is there")
    })
}
