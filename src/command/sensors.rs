//! Runs over several sensors, whose figures are added: each has its own connections.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portlore::catalogue::Catalogue;
use portlore::pipeline::{self, CapturePart, Hooks, JudgedFlow, Options, Run, SavedState};
use portlore::report::parts::units::plural;
use portlore::source::{Drops, Files, Filter, FrameFiles, Next, Source, file};
use portlore::{Error, ErrorKind, Result};

use super::messages;

/// What one sensor captured.
pub struct SensorRun {
    pub name: String,
    pub captured: SensorCapture,
}

/// What one sensor captured, as it is there.
pub enum SensorCapture {
    /// Files in one chain, whose frames have numbers from 1.
    Frames(Box<Files>, Option<Filter>),
    /// State at the end of its frames, which have numbers from 1.
    State(Box<SavedState>),
    /// What is counted, with nothing open.
    Part(Box<CapturePart>),
}

/// No frames: the capture ends where the state was saved.
pub struct NoFrames(pub FrameFiles);

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

    fn frame_files(&self) -> Option<FrameFiles> {
        Some(self.0.clone())
    }
}

/// The runs over some sensors.
pub struct SensorRuns<'r> {
    /// The sensors, in the order of their names.
    pub sensors: &'r mut dyn Iterator<Item = Result<SensorRun>>,
    /// Where frames are.
    pub files: FrameFiles,
    /// Gets what is counted of each sensor.
    pub on_part: &'r mut dyn FnMut(&mut CapturePart),
}

/// Runs over each sensor, and adds them up.
///
/// # Errors
/// As [`pipeline::run`], and those of the sensors.
pub fn run_sensors(
    runs: SensorRuns<'_>,
    catalogue: &Arc<Catalogue>,
    options: &Options<'_>,
) -> Result<Run> {
    let SensorRuns { sensors, files, on_part } = runs;
    let mut all = CapturePart::of_sensors(Arc::clone(catalogue), options.limits, files.clone());
    for sensor in sensors {
        let SensorRun { name, captured } = sensor?;
        let before = all.frames();
        files.enter_sensor(&name, before);
        let on_flow = options.hooks.on_flow.map(|on_flow| {
            let files = files.clone();
            move |flow: &JudgedFlow| on_flow(&flow.clone().behind(before, files.clone()))
        });
        let on_flow = on_flow.as_ref().map(|hook| hook as &(dyn Fn(&JudgedFlow) + Sync));
        let options = Options { hooks: Hooks { on_flow, ..options.hooks }, ..*options };
        let mut part = match captured {
            SensorCapture::Frames(captures, filter) => {
                let mut captures = captures.recorded_in(files.clone());
                pipeline::run_part(&mut captures, filter, catalogue, &options, None)?
            }
            SensorCapture::State(state) => {
                let options = Options { resume: Some(&state), ..options };
                let mut frames = NoFrames(files.clone());
                pipeline::run_part(&mut frames, None, catalogue, &options, None)?
            }
            SensorCapture::Part(part) => *part,
        };
        on_part(&mut part);
        all.add_sensor(name, part);
    }
    Ok(all.into_run(options.limits.histogram_ports))
}

/// The folders of sensors in a folder: their names, in order, and the captures of each. Unless `quiet`,
/// says what was left out.
///
/// # Errors
/// [`ErrorKind::Input`] where a folder cannot be listed, or no folder has captures.
pub fn sensor_folders(folder: &Path, quiet: bool) -> Result<Vec<(String, Vec<PathBuf>)>> {
    let fail = |reason: String| Error::new(ErrorKind::Input, reason).with_object(folder.display());
    let entries = folder.read_dir().map_err(|e| fail(format!("cannot be listed: {e}")))?;
    let mut paths: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    let (folders, others): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.is_dir());
    let mut notices = Vec::new();
    let others = others.len() as u64;
    if others > 0 {
        let files = plural(others, "file");
        notices
            .push(format!("{}: skipped {files} outside the folders of sensors", folder.display()));
    }
    let mut sensors = Vec::new();
    for path in folders {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            continue;
        };
        match file::find(&[path]) {
            Ok(found) => {
                notices.extend(found.passed_over);
                sensors.push((name, found.paths));
            }
            Err(error) => notices.push(format!("skipped: {error}")),
        }
    }
    if !quiet {
        notices.iter().for_each(|line| messages::print(line));
    }
    if sensors.is_empty() {
        return Err(fail("contains no folders with captures".into())
            .with_remedy("name a folder in which each sensor has a folder"));
    }
    Ok(sensors)
}
