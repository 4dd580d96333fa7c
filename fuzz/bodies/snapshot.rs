//! A snapshot whose checksums are right and whose state is anything: it is refused, or the run goes on
//! from it, and neither the next packets nor the report find anything on which they panic. The same of
//! two sensors that have it.
//!
//! An input has the sections behind the first one (`src/snapshot/`), each behind two bytes that are
//! its length, least byte first. Sections that are missing are those of a run without packets.

use std::sync::{Arc, LazyLock};

use portlore::pipeline::{self, CapturePart, Options, ResourceLimits, SavedState};
use portlore::report::formats::json;
use portlore::report::{Report, Show, Style};
use portlore::snapshot::{
    self, MergedFile, SensorState, SnapshotAbout, SnapshotContents, SnapshotFile, SnapshotSettings,
};
use portlore::source::{Drops, Files, Frame, FrameFiles, LinkType, Next, Source};
use portlore::time::Time;

use super::detect::CATALOGUE;

/// A frame that follows.
type LaterFrame = (Time, LinkType, u32, Vec<u8>);

/// Frames that follow those of the snapshot.
struct Later {
    /// Frames before the first of them.
    before: u64,
    /// Those that were given, beside the ones that are left out.
    given: u64,
    next: usize,
}

/// Frames of the showcase, in which flows begin, go on and end.
static FRAMES: LazyLock<Vec<LaterFrame>> = LazyLock::new(|| {
    // The body is a part of the tests and of the targets, whose manifests are in two folders.
    let paths = [
        concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/showcase.pcap"),
        concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/showcase.pcap"),
    ];
    let files = paths.iter().find_map(|path| Files::open(&[path]).ok());
    let mut files = files.expect("the showcase is there");
    let mut frames = Vec::new();
    while let Ok(Next::Frame(frame)) = files.next() {
        frames.push((frame.time, frame.link, frame.wire_len, frame.bytes.to_vec()));
    }
    frames
});

impl Source for Later {
    fn next(&mut self) -> portlore::Result<Next<'_>> {
        let Some((time, link, wire_len, bytes)) = FRAMES.get(self.next) else {
            return Ok(Next::End);
        };
        self.next += 1;
        self.given += 1;
        let (number, interface) = (self.before + self.given, 0);
        let (time, link, wire_len) = (*time, *link, *wire_len);
        Ok(Next::Frame(Frame { number, time, link, interface, wire_len, bytes }))
    }

    fn drops(&mut self) -> Drops {
        Drops::default()
    }

    fn problems(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Of what the inputs are snapshots.
fn about() -> SnapshotAbout {
    SnapshotAbout::new("fuzzed".into(), SnapshotSettings::default(), &CATALOGUE)
}

/// The sections of the state after the first frames of the showcase.
///
/// # Panics
/// Where a thread cannot be started.
#[must_use]
pub fn sections(frames: usize) -> Vec<Vec<u8>> {
    let next = FRAMES.len().saturating_sub(frames);
    let mut source = Later { before: 0, given: 0, next };
    let options = Options { saves: true, examples: true, ..Options::replay() };
    let run = pipeline::run(&mut source, None, &CATALOGUE, &options, None).expect("threads start");
    let state = *run.saved.expect("nothing failed");
    let bytes = SnapshotFile { about: about(), state }.to_bytes();
    snapshot::unpacked(&bytes).expect("it was just packed")
}

/// Sections as an input.
#[must_use]
pub fn input(sections: &[Vec<u8>]) -> Vec<u8> {
    let mut input = Vec::new();
    for section in sections.iter().skip(1).filter(|section| section.len() <= u16::MAX.into()) {
        input.extend((section.len() as u16).to_le_bytes());
        input.extend(section);
    }
    input
}

pub fn run(input: &[u8]) {
    static EMPTY: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| sections(0));
    let mut sections = EMPTY.clone();
    let mut rest = input;
    for section in sections.iter_mut().skip(1) {
        let Some((len, behind)) = rest.split_first_chunk() else { break };
        let len = usize::from(u16::from_le_bytes(*len)).min(behind.len());
        *section = behind[..len].to_vec();
        rest = &behind[len..];
    }
    let file = snapshot::packed(sections.iter().map(Vec::as_slice));
    let Ok(read) = SnapshotFile::read("fuzzed", &file, &CATALOGUE) else { return };
    let state = read.state;
    // The packets after it, and none: the state is ended as it is.
    for next in [0, FRAMES.len()] {
        let mut source = Later { before: state.frames(), given: 0, next };
        let options = Options {
            resume: Some(&state),
            saves: true,
            examples: true,
            keep_flows: true,
            limits: ResourceLimits { workers: 1, ..ResourceLimits::DEFAULT },
            ..Options::replay()
        };
        let catalogue = Arc::clone(&CATALOGUE);
        let Ok(run) = pipeline::run(&mut source, None, &catalogue, &options, None) else { return };
        // A run survives the panic of a thread, and reports it.
        let panic = run.problems.iter().find(|problem| problem.contains("panicked"));
        assert_eq!(panic, None);
        let inputs = ["fuzzed".to_owned()];
        let report = Report::new(&inputs, &run, None, Show::ALL);
        json::write(&mut Vec::new(), &report, Style::default()).expect("memory takes it");
        let again =
            run.saved.map(|state| SnapshotFile { about: about(), state: *state }.to_bytes());
        let again = again.expect("nothing failed");
        SnapshotFile::read("again", &again, &CATALOGUE).expect("what was written can be read");
    }
    merge(&state);
}

/// Merges the state as that of two sensors.
fn merge(state: &SavedState) {
    let options = Options {
        resume: Some(state),
        examples: true,
        keep_flows: true,
        limits: ResourceLimits { workers: 1, ..ResourceLimits::DEFAULT },
        ..Options::replay()
    };
    let sensors = ["east", "west"];
    let mut file = MergedFile::new(sensors.map(|_| about()).to_vec());
    for _ in sensors {
        let mut none = Later { before: state.frames(), given: 0, next: FRAMES.len() };
        let part = pipeline::run_part(&mut none, None, &CATALOGUE, &options, None);
        let Ok(mut part) = part else { return };
        file.add(&mut part);
    }
    let file = file.finish();
    let contents = SnapshotContents::read("merged", &file, &CATALOGUE);
    let contents = contents.expect("what was written can be read");
    let files = FrameFiles::of_sensors();
    let mut all = CapturePart::of_sensors(Arc::clone(&CATALOGUE), options.limits, files);
    for (place, sensor) in sensors.into_iter().enumerate() {
        let state = contents.read_sensor(place, ("merged", &file), &CATALOGUE);
        let Ok(SensorState::Closed(counts)) = state else { panic!("counts cannot be read") };
        all.add_sensor(sensor.to_owned(), CapturePart::of_counts(*counts, Arc::clone(&CATALOGUE)));
    }
    let run = all.into_run(options.limits.histogram_ports);
    let inputs = ["fuzzed".to_owned()];
    let report = Report::new(&inputs, &run, None, Show::ALL);
    json::write(&mut Vec::new(), &report, Style::default()).expect("memory takes it");
}
