//! `portlore report`: the report of a snapshot, as if the capture had ended there; and `portlore merge`,
//! that of several.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portlore::catalogue::Catalogue;
use portlore::flow_filter::FlowFilter;
use portlore::pipeline::CapturePart;
use portlore::privilege::Keep;
use portlore::snapshot::{
    ChosenSensor, MergedFile, SensorState, Sensors, SnapshotAbout, SnapshotContents,
    SnapshotSettings, choose_sensors,
};
use portlore::source::FrameFiles;
use portlore::stats::IpNetwork;
use portlore::{Error, ErrorKind, Result};

use super::catalogue::{load, places};
use super::inputs::InputFiles;
use super::messages;
use super::observers::EventPlan;
use super::output::{Output, OutputPlan, Outputs};
use super::sensors::{NoFrames, SensorCapture, SensorRun, SensorRuns};
use super::session::{Frames, Session, check_table, drop_privileges, zone};
use super::signal_flags::SignalFlags;
use super::snapshot::{SnapshotInput, SnapshotPlan};
use crate::cli::{
    CaptureArgs, KeyPart, MOST_FLOWS, MOST_HISTOGRAM_PORTS, MOST_OPENING_MIB, MOST_SERVERS,
    MergeArgs, OutputArgs, ProcessArgs, ReadingArgs, ReportArgs,
};

/// The report of one snapshot.
pub fn run(args: ReportArgs) -> Result<u8> {
    let ReportArgs { snapshot, outputs, process } = args;
    report(&[snapshot], outputs, process, false)
}

/// The report of several snapshots, and a file with all of them.
pub fn merge(args: MergeArgs) -> Result<u8> {
    let MergeArgs { snapshots, outputs, mut process } = args;
    // The states are many and small.
    process.workers.get_or_insert(1);
    report(&snapshots, outputs, process, true)
}

fn report(
    paths: &[PathBuf],
    mut args: OutputArgs,
    process: ProcessArgs,
    merges: bool,
) -> Result<u8> {
    check_table(&args)?;
    let catalogue = Arc::new(load(&args.catalogue)?);
    let signals = SignalFlags::register()?;
    portlore::source::file::allow_files(paths.len());
    let files = paths.iter().map(|path| SnapshotInput::open(path)).collect::<Result<Vec<_>>>()?;
    let merged = if merges { args.output.take() } else { None };
    let prepared = prepare(&args, paths, merged.as_deref())?;
    let (outputs, merged) = (prepared.open_all()?, prepared.open_snapshot()?);
    drop(prepared);
    let keep = Keep { unsandboxed: process.no_sandbox, ..Keep::default() };
    let sandbox_gaps = drop_privileges(&keep, zone(&args))?;
    let input = SnapshotInputs::read(files, catalogue)?;
    let Some((name, first)) = input.contents.first() else { return Ok(0) };
    let settings = first.abouts().first().map(|about| about.settings.clone());
    let settings = settings.unwrap_or_default();
    check_facts(&args, &settings).map_err(|error| error.with_object(name))?;
    let capture = capture_args(&settings, process).map_err(|error| error.with_object(name))?;
    let (read, catalogue) = ((&capture, &args), Arc::clone(&input.catalogue));
    let session = Session::new(read, catalogue, &signals, outputs, sandbox_gaps);
    match first {
        SnapshotContents::Open(about) if !merges => report_one(session, &input, about),
        _ => report_sensors(session, &input, merged),
    }
}

/// The report of one sensor, as if its captures had ended there.
fn report_one(session: Session<'_>, input: &SnapshotInputs, about: &SnapshotAbout) -> Result<u8> {
    let [file, ..] = &input.files[..] else { return Ok(0) };
    let state = file.parse(&input.catalogue)?.state;
    let read = about.files.iter().map(|file| (&*file.name, file.frames));
    let mut frames = NoFrames(FrameFiles::of_chain(read));
    let session = Session {
        inputs: about.files.iter().map(|file| file.name.clone()).collect(),
        snapshot: SnapshotPlan { resume: Some(state), writes: None },
        ..session
    };
    session.run(Frames::One(&mut frames)).map(|end| end.status)
}

/// The report of all sensors, whose counts are written to `merged`.
fn report_sensors(
    session: Session<'_>,
    input: &SnapshotInputs,
    merged: Option<Output>,
) -> Result<u8> {
    let Sensors { chosen, notices } = choose_sensors(&input.contents)?;
    notices.iter().for_each(|line| messages::print(line));
    let (inputs, files) = files_of(&chosen);
    let mut merged = merged.map(|output| MergedSnapshot::new(output, &chosen));
    let mut held = None;
    let mut sensors = chosen.into_iter().map(|sensor| input.sensor(sensor, &mut held));
    let runs = SensorRuns {
        sensors: &mut sensors,
        files,
        on_part: &mut |part| merged.iter_mut().for_each(|merged| merged.file.add(part)),
    };
    let status = Session { inputs, ..session }.run(Frames::Sensors(runs))?.status;
    merged.map_or(Ok(()), MergedSnapshot::write)?;
    Ok(status)
}

/// The files of all snapshots.
struct SnapshotInputs {
    files: Vec<SnapshotInput>,
    contents: Vec<(String, SnapshotContents)>,
    catalogue: Arc<Catalogue>,
}

impl SnapshotInputs {
    /// Reads what the files cover.
    fn read(files: Vec<SnapshotInput>, catalogue: Arc<Catalogue>) -> Result<Self> {
        let contents = files.iter().map(|file| Ok((file.name.clone(), file.contents(&catalogue)?)));
        let contents = contents.collect::<Result<_>>()?;
        Ok(Self { files, contents, catalogue })
    }

    /// What a file has of a sensor; read when its turn comes, so that one is in memory at a time. `held`
    /// is the last file and its bytes: many sensors may be in one.
    fn sensor<'s>(
        &'s self,
        ChosenSensor { about, place: (file, place) }: ChosenSensor,
        held: &mut Option<(usize, Cow<'s, [u8]>)>,
    ) -> Result<SensorRun> {
        let (name, contents) = &self.contents[file];
        let (_, bytes) = match held.take() {
            Some(last) if last.0 == file => held.insert(last),
            _ => held.insert((file, self.files[file].bytes()?)),
        };
        let state = contents.read_sensor(place, (name, bytes), &self.catalogue)?;
        let captured = match state {
            SensorState::Open(state) => SensorCapture::State(state),
            SensorState::Closed(counts) => {
                let part = CapturePart::of_counts(*counts, Arc::clone(&self.catalogue));
                SensorCapture::Part(Box::new(part))
            }
        };
        Ok(SensorRun { name: about.sensor, captured })
    }
}

/// The file of several sensors that is written.
struct MergedSnapshot {
    output: Output,
    file: MergedFile,
}

impl MergedSnapshot {
    fn new(output: Output, sensors: &[ChosenSensor]) -> Self {
        let abouts = sensors.iter().map(|sensor| sensor.about.clone()).collect();
        Self { output, file: MergedFile::new(abouts) }
    }

    fn write(self) -> Result<()> {
        let Self { output, file } = self;
        let bytes = file.finish();
        output.write(|out, _| out.write_all(&bytes))
    }
}

/// The captures of all sensors: their names, and where frames are.
fn files_of(sensors: &[ChosenSensor]) -> (Vec<String>, FrameFiles) {
    let (mut names, files) = (Vec::new(), FrameFiles::of_sensors());
    let mut before = 0_u64;
    for ChosenSensor { about, .. } in sensors {
        files.enter_sensor(&about.sensor, before);
        files.add_chain(about.files.iter().map(|file| (&*file.name, file.frames)));
        for file in &about.files {
            before = before.saturating_add(file.frames);
            names.push(FrameFiles::name_in_sensor(&about.sensor, &file.name));
        }
    }
    (names, files)
}

/// Prepares the outputs, none of which is a snapshot that is read.
fn prepare<'a>(
    args: &'a OutputArgs,
    snapshots: &[PathBuf],
    merged: Option<&'a Path>,
) -> Result<Outputs<'a>> {
    let inputs = InputFiles {
        services: places(&args.catalogue),
        others: snapshots.to_vec(),
        ..InputFiles::default()
    };
    let plan = OutputPlan {
        report: args.output.as_deref(),
        events: !EventPlan::of_replay(args).is_empty(),
        flows: &args.flows_to,
        page: args.html.as_deref(),
        snapshot: merged,
        force: args.force,
        ..OutputPlan::default()
    };
    Outputs::prepare(plan, &inputs)
}

/// Checks that facts are in the snapshot if they are to be listed.
fn check_facts(args: &OutputArgs, settings: &SnapshotSettings) -> Result<()> {
    if args.why && !settings.facts {
        return Err(Error::new(ErrorKind::Usage, "was written without --why")
            .with_remedy("use --flows, or read the captures again with --why"));
    }
    Ok(())
}

/// The options with which the captures were read.
fn capture_args(settings: &SnapshotSettings, process: ProcessArgs) -> Result<CaptureArgs> {
    let bad = || Error::new(ErrorKind::Input, "is damaged: an option is not valid");
    let within = |number: u64, most: u32| u32::try_from(number).map_or(most, |n| n.min(most));
    let selected = settings.selected.as_deref().map(FlowFilter::parse).transpose();
    let key = [KeyPart::Vlan, KeyPart::Vni].into_iter().zip([settings.key.0, settings.key.1]);
    let networks = settings.local_networks.iter().map(|text| IpNetwork::parse(text));
    Ok(CaptureArgs {
        filter: settings.filter.clone(),
        selected: selected.map_err(|_| bad())?,
        count: None,
        reading: ReadingArgs {
            local_nets: networks.collect::<Option<_>>().ok_or_else(bad)?,
            no_names: !settings.names,
            no_tunnels: !settings.tunnels,
            key: key.filter_map(|(part, is_in_key)| is_in_key.then_some(part)).collect(),
            max_flows: within(settings.max_flows, MOST_FLOWS),
            opening_mib: within(settings.opening_bytes >> 20, MOST_OPENING_MIB),
            max_servers: within(settings.max_servers, MOST_SERVERS),
            process,
        },
        histogram_ports: within(settings.histogram_ports, MOST_HISTOGRAM_PORTS),
    })
}
