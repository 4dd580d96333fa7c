//! `portlore replay`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portlore::catalogue::Catalogue;
use portlore::privilege::{Keep, Successor};
use portlore::snapshot::{SnapshotAbout, SnapshotFile};
use portlore::source::{Files, Filter, Follow, FrameFiles, LinkType, file};
use portlore::{Error, ErrorKind, Result};

use super::catalogue::{load, places};
use super::inputs::{InputFiles, find_captures, is_standard, names};
use super::observers::{EventPlan, Keyboard, LiveOutputs};
use super::output::{Output, OutputPlan, Outputs};
use super::progress::ProgressBar;
use super::recorded_files::RecordedFiles;
use super::sensors::{SensorCapture, SensorRun, SensorRuns, sensor_folders};
use super::session::{Frames, Mode, Session, check_table, drop_privileges, zone};
use super::signal_flags::SignalFlags;
use super::snapshot::{SnapshotInput, SnapshotPlan, SnapshotWriter, UnwrittenSnapshot, settings};
use super::{UNREADABLE, messages};
use crate::cli::ReplayArgs;

pub fn run(args: &ReplayArgs) -> Result<u8> {
    check_observers(args)?;
    check_table(&args.outputs)?;
    if args.window().is_empty() {
        return Err(Error::new(ErrorKind::Usage, "must be later than --since")
            .with_object("--until")
            .with_remedy("packets at --until itself are left out"));
    }
    let catalogue = Arc::new(load(&args.outputs.catalogue)?);
    let signals = SignalFlags::register()?;
    if let Some(folder) = &args.sensors {
        return replay_sensors(args, folder, catalogue, &signals);
    }
    if args.follow && !args.files.iter().all(|path| is_standard(path)) {
        return follow(args, catalogue, &signals);
    }
    let paths = find_captures(&args.files, args.outputs.quiet)?;
    let mut files = Files::open_with_stop(&paths, &signals.stop)?;
    if args.chain {
        files = files.chained();
    }
    if let Some(path) = &args.snapshots.snapshot {
        return replay_part(args, path, (files, paths), (catalogue, &signals));
    }
    if args.follow {
        files = files.endless();
    }
    let filter = compile(args, &files.links())?;
    let some_unreadable = !files.unreadable().is_empty();
    let outputs = prepare_outputs(args, paths.clone())?.open_all()?;
    let (mode, live_outputs) = if args.follow {
        (Mode::Follow, live_outputs(args, &outputs.report, Keyboard::ControllingTerminal)?)
    } else {
        (Mode::Replay, LiveOutputs::of_replay(&args.outputs))
    };
    let keep = Keep { unsandboxed: args.capture.reading.process.no_sandbox, ..Keep::default() };
    let sandbox_gaps = drop_privileges(&keep, zone(&args.outputs))?;
    let progress = ProgressBar::start(&mut files, args.outputs.quiet);
    if args.follow {
        announce(args, &live_outputs);
    }
    let session = Session {
        inputs: names(&paths),
        filter,
        window: args.window(),
        mode,
        live_outputs,
        progress,
        ..Session::new((&args.capture, &args.outputs), catalogue, &signals, outputs, sandbox_gaps)
    };
    let status = session.run(Frames::One(&mut files))?.status;
    Ok(if some_unreadable { UNREADABLE } else { status })
}

/// Replays a part of the captures of a sensor: continues from the snapshot of the part before, if there
/// is one, and writes its own.
fn replay_part(
    args: &ReplayArgs,
    path: &Path,
    (mut files, paths): (Files, Vec<PathBuf>),
    (catalogue, signals): (Arc<Catalogue>, &SignalFlags),
) -> Result<u8> {
    if let Some(error) = Error::from_all(files.unreadable().iter().cloned()) {
        // Once it can be read, it would come too late.
        return Err(error);
    }
    let before = args.snapshots.resume.as_deref().map(SnapshotInput::open).transpose()?;
    let filter = compile(args, &files.links())?;
    let prepared = prepare_outputs(args, paths.clone())?;
    let (outputs, snapshot) = (prepared.open_all()?, prepared.open_snapshot()?);
    drop(prepared);
    let keep = Keep { unsandboxed: args.capture.reading.process.no_sandbox, ..Keep::default() };
    let sandbox_gaps = drop_privileges(&keep, zone(&args.outputs))?;
    let sensor = args.snapshots.sensor.clone().unwrap_or_default();
    let settings = settings(&args.capture, args.outputs.why);
    let (about, resume) = match before.map(|before| before.parse(&catalogue)).transpose()? {
        None => (SnapshotAbout::new(sensor, settings, &catalogue), None),
        Some(SnapshotFile { about, state }) => {
            let name = args.snapshots.resume.as_deref().unwrap_or(path).display();
            let same = about.check_settings(&sensor, &settings);
            same.map_err(|error| error.with_object(name))?;
            let read = about.files.iter().map(|file| (&*file.name, file.frames));
            let read = FrameFiles::of_chain(read);
            files = files.following(state.frames(), state.interfaces()).recorded_in(read);
            (about, Some(state))
        }
    };
    let progress = ProgressBar::start(&mut files, args.outputs.quiet);
    let new = names(&paths);
    let read = about.files.iter().map(|file| file.name.clone());
    let inputs = read.chain(new.iter().cloned()).collect();
    let (mut files, record) = RecordedFiles::new(files, &new);
    let writes = snapshot.map(|output| SnapshotWriter { about, output, record });
    let session = Session {
        inputs,
        filter,
        snapshot: SnapshotPlan { resume, writes },
        progress,
        ..Session::new((&args.capture, &args.outputs), catalogue, signals, outputs, sandbox_gaps)
    };
    let end = session.run(Frames::One(&mut files))?;
    end.snapshot.map_or(Ok(()), UnwrittenSnapshot::write)?;
    Ok(end.status)
}

/// Replays the captures of several sensors, each of which has a folder.
fn replay_sensors(
    args: &ReplayArgs,
    folder: &Path,
    catalogue: Arc<Catalogue>,
    signals: &SignalFlags,
) -> Result<u8> {
    let folders = sensor_folders(folder, args.outputs.quiet)?;
    let paths: Vec<PathBuf> = folders.iter().flat_map(|(_, paths)| paths).cloned().collect();
    file::allow_files(paths.len());
    let (mut inputs, mut sensors, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for (sensor, paths) in folders {
        let files = Files::open_with_stop(&paths, &signals.stop)?.chained();
        unreadable.extend(files.unreadable().iter().cloned());
        let names = names(&paths).into_iter();
        inputs.extend(names.map(|name| FrameFiles::name_in_sensor(&sensor, &name)));
        sensors.push((sensor, compile(args, &files.links())?, files));
    }
    if let Some(error) = Error::from_all(unreadable) {
        return Err(error);
    }
    let outputs = prepare_outputs(args, paths)?.open_all()?;
    let keep = Keep { unsandboxed: args.capture.reading.process.no_sandbox, ..Keep::default() };
    let sandbox_gaps = drop_privileges(&keep, zone(&args.outputs))?;
    let mut sensors = sensors.into_iter().map(|(name, filter, files)| {
        Ok(SensorRun { name, captured: SensorCapture::Frames(Box::new(files), filter) })
    });
    let files = FrameFiles::of_sensors();
    let runs = SensorRuns { sensors: &mut sensors, files, on_part: &mut |_| {} };
    let session = Session {
        inputs,
        ..Session::new((&args.capture, &args.outputs), catalogue, signals, outputs, sandbox_gaps)
    };
    session.run(Frames::Sensors(runs)).map(|end| end.status)
}

/// Replays files that are being written.
fn follow(args: &ReplayArgs, catalogue: Arc<Catalogue>, signals: &SignalFlags) -> Result<u8> {
    if args.files.iter().any(|path| is_standard(path)) {
        return Err(Error::new(ErrorKind::Usage, "--follow takes files or `-`, not both")
            .with_remedy("leave out one of them"));
    }
    let mut files = Follow::open(&args.files, &signals.stop)?;
    let filter = compile(args, &files.links())?;
    let captures = file::candidate_paths(&args.files);
    warn_of_rights(args, &captures);
    let outputs = prepare_outputs(args, captures)?.open_all()?;
    let live_outputs = live_outputs(args, &outputs.report, Keyboard::StandardInput)?;
    // Rings go on in files that do not exist yet.
    let (read, unsandboxed) =
        (&file::folders(&args.files)[..], args.capture.reading.process.no_sandbox);
    let keep = Keep { read, unsandboxed, ..Keep::default() };
    let sandbox_gaps = drop_privileges(&keep, zone(&args.outputs))?;
    announce(args, &live_outputs);
    let session = Session {
        inputs: names(&args.files),
        filter,
        window: args.window(),
        mode: Mode::Follow,
        live_outputs,
        ..Session::new((&args.capture, &args.outputs), catalogue, signals, outputs, sandbox_gaps)
    };
    session.run(Frames::One(&mut files)).map(|end| end.status)
}

/// Refuses flags of a running capture where the files are read to their end.
fn check_observers(args: &ReplayArgs) -> Result<()> {
    if let Some(flag) = args.observers.flag().filter(|_| !args.follow) {
        return Err(Error::new(ErrorKind::Usage, "needs a capture that is still being written")
            .with_object(flag)
            .with_remedy(format!("add --follow, or leave out {flag}")));
    }
    if args.observers.interval.is_some() {
        args.outputs.format.definition().require_intervals()?;
    }
    Ok(())
}

/// Opens what people and programs see of the capture while it is followed.
fn live_outputs(args: &ReplayArgs, output: &Output, keyboard: Keyboard) -> Result<LiveOutputs> {
    LiveOutputs::open(&args.observers, &args.outputs, output, keyboard)
}

/// Warns where the user that portlore becomes cannot read the files that are still to come: those
/// that are there show how they are written.
fn warn_of_rights(args: &ReplayArgs, captures: &[PathBuf]) {
    let Some(user) = Successor::of_root(None).filter(|_| !args.outputs.quiet) else { return };
    let folders = file::folders(&args.files);
    let Some(path) = folders.iter().chain(captures).find(|path| !user.may_read(path)) else {
        return;
    };
    let (name, path) = (&user.name, path.display());
    messages::print(&format!(
        "warning: {path}: portlore drops its privileges to \"{name}\", who cannot read this: files \
         that appear from now on will be missing; make them readable for that user, or run \
         portlore as their owner"
    ));
}

/// Says what is followed, and how it ends.
fn announce(args: &ReplayArgs, live_outputs: &LiveOutputs) {
    if !args.outputs.quiet {
        let (followed, outputs) = (names(&args.files).join(", "), live_outputs.description());
        messages::print(&format!(
            "following {followed}{outputs}; press Ctrl-C to stop and print the report"
        ));
    }
}

/// Prepares the outputs, none of which is a file that is read.
fn prepare_outputs(args: &ReplayArgs, captures: Vec<PathBuf>) -> Result<Outputs<'_>> {
    let inputs = InputFiles {
        captures,
        services: places(&args.outputs.catalogue),
        others: args.snapshots.resume.iter().cloned().collect(),
    };
    let events = if args.follow {
        EventPlan::new(&args.observers, &args.outputs)
    } else {
        EventPlan::of_replay(&args.outputs)
    };
    let plan = OutputPlan {
        report: args.outputs.output.as_deref(),
        events: !events.is_empty(),
        flows: &args.outputs.flows_to,
        page: args.outputs.html.as_deref(),
        snapshot: args.snapshots.snapshot.as_deref(),
        is_unique: args.follow,
        force: args.outputs.force,
        ..OutputPlan::default()
    };
    Outputs::prepare(plan, &inputs)
}

fn compile(args: &ReplayArgs, links: &[LinkType]) -> Result<Option<Filter>> {
    let filter = args.capture.filter.as_deref();
    filter.map(|f| Filter::compile(f, links)).transpose()
}
