//! Snapshots: a capture that is read in parts, each run taking up the state that the one before left,
//! gives what one run gives.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::thread;

use portlore::catalogue::Catalogue;
use portlore::columns;
use portlore::decode::TenantParts;
use portlore::flow_filter::FlowFilter;
use portlore::pipeline::{
    self, FlowSelector, FlowView, Hooks, JudgedFlow, Options, ResourceLimits, Run, SavedState,
};
use portlore::report::flows::FLOW_FORMATS;
use portlore::report::{FORMATS, Report, Show, Style, html};
use portlore::snapshot::{SnapshotAbout, SnapshotFile, SnapshotSettings};
use portlore::source::{Drops, Files, Frame, LinkType, Next, Source};
use portlore::time::Time;

use crate::run::{captures, in_folder, portlore, told};
use crate::time_window::{pcap, records};

/// A frame of a capture.
struct Captured {
    time: Time,
    link: LinkType,
    interface: u32,
    wire_len: u32,
    bytes: Vec<u8>,
}

/// The frames of a capture, and the names of their interfaces.
struct Capture {
    frames: Vec<Captured>,
    interfaces: Vec<String>,
}

/// The captures of three folders: services, then fragments, tunnels and forms of files, then gaps,
/// ICMP errors, times that go back, VLANs and payload that is cut.
fn all_captures() -> Vec<String> {
    ["fixtures", "fixtures/forms", "fixtures/cases"].into_iter().flat_map(captures).collect()
}

impl Capture {
    /// The frames of a file; none if it cannot be read.
    fn read(path: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let Ok(mut files) = Files::open(&[path]) else {
            return Self { frames: Vec::new(), interfaces: Vec::new() };
        };
        let mut frames = Vec::new();
        while let Next::Frame(frame) = files.next().unwrap() {
            let Frame { time, link, interface, wire_len, bytes, .. } = frame;
            frames.push(Captured { time, link, interface, wire_len, bytes: bytes.to_vec() });
        }
        let count = frames.iter().map(|frame| frame.interface + 1).max().unwrap_or(0);
        let interfaces = (0..count).map(|number| files.interface(number)).collect();
        Self { frames, interfaces }
    }

    /// The frames from one to before another.
    const fn part(&self, from: usize, to: usize) -> Part<'_> {
        Part { capture: self, next: from, end: to }
    }
}

/// A part of a capture.
struct Part<'c> {
    capture: &'c Capture,
    next: usize,
    end: usize,
}

impl Source for Part<'_> {
    fn next(&mut self) -> portlore::Result<Next<'_>> {
        if self.next == self.end {
            return Ok(Next::End);
        }
        let Captured { time, link, interface, wire_len, ref bytes } =
            self.capture.frames[self.next];
        self.next += 1;
        let number = self.next as u64;
        Ok(Next::Frame(Frame { number, time, link, interface, wire_len, bytes }))
    }

    fn drops(&mut self) -> Drops {
        Drops::default()
    }

    fn problems(&self) -> Vec<String> {
        Vec::new()
    }

    fn interface(&self, number: u32) -> String {
        self.capture.interfaces[number as usize].clone()
    }
}

/// How a capture is read.
#[derive(Clone, Copy)]
struct Setting<'s> {
    limits: ResourceLimits,
    tunnels: bool,
    key: TenantParts,
    selected: Option<&'s FlowFilter>,
}

impl Setting<'_> {
    const DEFAULT: Self = Self {
        limits: ResourceLimits::DEFAULT,
        tunnels: true,
        key: TenantParts::NONE,
        selected: None,
    };
}

/// The report, the page, and the rows of flows as CSV and NDJSON.
#[derive(Default, PartialEq, Eq)]
struct Written {
    report: String,
    page: String,
    rows: [Vec<u8>; 2],
}

impl Written {
    /// Compares, and says where the two differ.
    fn assert_same(&self, whole: &Self, what: &str) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let parts = |written: &Self| {
            let [csv, ndjson] = &written.rows;
            [written.report.clone(), text(csv), text(ndjson), written.page.clone()]
        };
        for (mine, theirs) in parts(self).iter().zip(parts(whole)) {
            let differ = mine.lines().zip(theirs.lines()).find(|(mine, theirs)| mine != theirs);
            assert_eq!(differ, None, "{what}");
            assert!(*mine == theirs, "{what}: one has more lines");
        }
    }
}

/// Reads a part, which follows a state; adds the rows of its flows.
fn read(
    mut part: Part<'_>,
    (setting, workers): (Setting<'_>, usize),
    resume: Option<&SavedState>,
    saves: bool,
    rows: &mut [Vec<u8>; 2],
) -> Run {
    let catalogue = Catalogue::shipped().unwrap();
    let facts = columns::facts_of(columns::COLUMNS);
    let sinks = FLOW_FORMATS[..2].iter().zip(std::mem::take(rows)).map(|(format, mut bytes)| {
        let mut beginning = Vec::new();
        let sink = (format.start)(&mut beginning).unwrap();
        if bytes.is_empty() {
            bytes = beginning;
        }
        (sink, bytes)
    });
    let sinks = Mutex::new(sinks.collect::<Vec<_>>());
    let on_flow = |flow: &JudgedFlow| {
        sinks.lock().unwrap().iter_mut().for_each(|(sink, out)| sink.flow(flow, out).unwrap());
    };
    let selects = |flow: FlowView<'_>| setting.selected.is_some_and(|filter| filter.matches(flow));
    let selector = setting
        .selected
        .map(|filter| FlowSelector { expression: filter.text(), selects: &selects });
    let options = Options {
        limits: ResourceLimits { workers, ..setting.limits },
        tunnels: setting.tunnels,
        key: setting.key,
        examples: true,
        first_values: &facts,
        resume,
        saves,
        hooks: Hooks { on_flow: Some(&on_flow), selector, ..Hooks::default() },
        ..Options::replay()
    };
    let run = pipeline::run(&mut part, None, &catalogue, &options, None).unwrap();
    let sinks = sinks.into_inner().unwrap();
    let ended = sinks.into_iter().map(|(sink, mut out)| {
        sink.end(&mut out).unwrap();
        out
    });
    *rows = ended.collect::<Vec<_>>().try_into().unwrap();
    run
}

/// What is written of a run.
fn write(run: &Run, rows: [Vec<u8>; 2]) -> Written {
    let inputs = ["capture".to_owned()];
    let show = Show { flows: false, why: false, ..Show::ALL };
    let report = Report::new(&inputs, run, None, show);
    let json = FORMATS.iter().find(|format| format.name == "json").unwrap();
    let (mut bytes, mut page) = (Vec::new(), Vec::new());
    (json.write)(&mut bytes, &report, Style::default()).unwrap();
    html::write(&mut page, &report).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let report = text(bytes).replace(",\"", ",\n\"");
    Written { report, page: text(page), rows }
}

/// The state as it comes back from a file.
fn stored(state: SavedState) -> SavedState {
    let settings = SnapshotSettings::default();
    let catalogue = Catalogue::shipped().unwrap();
    let about = SnapshotAbout::new("east".into(), settings, &catalogue);
    let bytes = SnapshotFile { about, state }.to_bytes();
    SnapshotFile::read("a.plore", &bytes, &catalogue).unwrap().state
}

/// What one run gives.
fn whole(capture: &Capture, setting: Setting<'_>) -> Written {
    let (mut rows, all) = (Default::default(), capture.part(0, capture.frames.len()));
    let run = read(all, (setting, 1), None, false, &mut rows);
    write(&run, rows)
}

/// What runs give of which each takes up the state of the one before, and after them a report of the
/// last state. The parts end where `cuts` says, and have these numbers of workers in turn.
fn in_parts(
    capture: &Capture,
    setting: Setting<'_>,
    cuts: impl IntoIterator<Item = usize>,
    workers: &[usize],
) -> Written {
    let (mut from, mut state) = (0, None);
    let (mut rows, mut workers) = (Default::default(), workers.iter().cycle());
    let mut reading = || (setting, *workers.next().unwrap());
    let end = capture.frames.len();
    for cut in cuts.into_iter().chain([end]) {
        let part = capture.part(from, cut);
        let run = read(part, reading(), state.as_ref(), true, &mut rows);
        state = Some(stored(*run.saved.unwrap()));
        from = cut;
    }
    let run = read(capture.part(end, end), reading(), state.as_ref(), false, &mut rows);
    write(&run, rows)
}

/// Every frame of short captures and some fifty places of others, where all are tried; else a few.
fn cuts(frames: usize) -> impl Iterator<Item = usize> {
    let all = std::env::var_os("PORTLORE_ALL_CUTS").is_some();
    let places = if all { frames.min(200) } else { 4 };
    let each = match frames / places.max(1) {
        each if all && frames >= 200 => each.max(frames / 50),
        each => each.max(1),
    };
    // Not at the same place of every capture.
    (1 + frames % each.max(1)..frames).step_by(each)
}

/// Runs a test for each of some captures, on two threads.
fn for_each(captures: &[String], test: impl Fn(&str) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(path) =
                    captures.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    test(path);
                }
            });
        }
    });
}

#[test]
fn a_capture_in_parts_gives_what_one_run_gives_wherever_it_is_cut() {
    for_each(&all_captures(), |path| {
        let capture = Capture::read(path);
        let whole = whole(&capture, Setting::DEFAULT);
        let parts = in_parts(&capture, Setting::DEFAULT, cuts(capture.frames.len()), &[1]);
        parts.assert_same(&whole, path);
    });
}

/// One after another, captures bring all that a sensor may see.
#[test]
fn limits_selections_and_workers_change_nothing_of_that() {
    let few = all_captures().into_iter().step_by(7).chain(["fixtures/showcase.pcap".into()]);
    let mut all = Capture { frames: Vec::new(), interfaces: Vec::new() };
    for path in few {
        let Capture { frames, interfaces } = Capture::read(&path);
        let before = all.interfaces.len() as u32;
        all.frames.extend(
            frames
                .into_iter()
                .map(|frame| Captured { interface: frame.interface + before, ..frame }),
        );
        all.interfaces.extend(interfaces);
    }
    let default = Setting::DEFAULT;
    let limits = ResourceLimits::DEFAULT;
    let both = TenantParts { vlan: true, vni: true };
    let osc = FlowFilter::parse("tag = osc or packets > 20").unwrap();
    let settings = [
        ("--max-flows", Setting { limits: ResourceLimits { max_flows: 16, ..limits }, ..default }),
        (
            "--opening-mib",
            Setting { limits: ResourceLimits { opening_bytes: 1 << 16, ..limits }, ..default },
        ),
        (
            "--histogram-ports",
            Setting { limits: ResourceLimits { histogram_ports: 2, ..limits }, ..default },
        ),
        (
            "--max-servers",
            Setting { limits: ResourceLimits { max_servers: 8, ..limits }, ..default },
        ),
        ("--no-tunnels", Setting { tunnels: false, ..default }),
        ("--key", Setting { key: both, ..default }),
        ("--where", Setting { selected: Some(&osc), ..default }),
    ];
    let settings: Vec<_> = settings
        .into_iter()
        .zip([&[1][..], &[2], &[16], &[1, 2, 16, 3]].into_iter().cycle())
        .collect();
    let frames = all.frames.len();
    let names: Vec<String> = (0..settings.len()).map(|n| n.to_string()).collect();
    for_each(&names, |n| {
        let ((option, setting), workers) = settings[n.parse::<usize>().unwrap()];
        let whole = whole(&all, setting);
        let cuts = (1..16).map(|part| frames * part / 16);
        in_parts(&all, setting, cuts, workers).assert_same(&whole, option);
    });
}

/// As a job that is run again, or on another machine, must leave the same file.
#[test]
fn the_same_packets_leave_the_same_bytes_with_any_number_of_workers() {
    let capture = Capture::read("fixtures/showcase.pcap");
    let bytes = |workers| {
        let part = capture.part(0, capture.frames.len() * 2 / 3);
        let mut rows = Default::default();
        let run = read(part, (Setting::DEFAULT, workers), None, true, &mut rows);
        let catalogue = Catalogue::shipped().unwrap();
        let about = SnapshotAbout::new("east".into(), SnapshotSettings::default(), &catalogue);
        SnapshotFile { about, state: *run.saved.unwrap() }.to_bytes()
    };
    let one = bytes(1);
    for workers in [1, 2, 3, 16] {
        let these = bytes(workers);
        let differ = one.iter().zip(&these).position(|(one, these)| one != these);
        assert!(these == one, "{workers} workers: {differ:?} of {}", one.len());
    }
}

/// The showcase as three files of a sensor, in a folder of their own.
fn rotated() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (header, records) = records("fixtures/showcase.pcap");
    for (number, part) in records.chunks(records.len().div_ceil(3)).enumerate() {
        let path = folder.path().join(format!("east-{number}.pcap"));
        fs::write(path, pcap(&header, part)).unwrap();
    }
    folder
}

#[test]
fn rotated_files_in_parts_give_the_report_and_the_rows_of_one_run() {
    let rotated = rotated();
    let folder = rotated.path();
    let run = |line: &str| {
        let (status, stdout, stderr) = in_folder(folder, line);
        assert_eq!(status, 0, "{line}: {stderr}");
        stdout
    };
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let rows = |part: &str| format!("--flows-to @{part}.csv --flows-to @{part}.ndjson");
    let part = "replay --sensor east --chain --workers";
    let first = format!("{part} 2 @east-0.pcap --snapshot @0.plore {}", rows("0"));
    let second =
        format!("@east-1.pcap @east-2.pcap --resume @0.plore --snapshot @1.plore {}", rows("1"));
    run(&first);
    let printed = run(&format!("{part} 16 --format json {second}"));
    let whole = run(&format!(
        "replay --chain --format json @east-0.pcap @east-1.pcap @east-2.pcap {}",
        rows("whole")
    ));
    let report = run(&format!("report @1.plore --format json {}", rows("open")));
    assert_eq!(printed, whole);
    assert_eq!(report, whole);
    let ndjson = ["0", "1", "open"].map(|part| read(&format!("{part}.ndjson"))).concat();
    assert_eq!(ndjson, read("whole.ndjson"));
    let csv = ["1", "open"].map(|part| {
        let rows = read(&format!("{part}.csv"));
        rows.split_once('\n').map_or_else(String::new, |(_, rows)| rows.to_owned())
    });
    assert_eq!(read("0.csv") + &csv.concat(), read("whole.csv"));
    for output in ["--stats --servers", "--format md", "--only findings"] {
        let whole = run(&format!("replay --chain @east-0.pcap @east-1.pcap @east-2.pcap {output}"));
        assert_eq!(run(&format!("report @1.plore {output}")), whole, "{output}");
    }
}

#[test]
fn a_snapshot_is_read_from_a_pipe_as_from_its_file() {
    let rotated = rotated();
    let folder = rotated.path();
    let line = "replay --sensor east --chain @east-0.pcap --snapshot @0.plore";
    assert_eq!(in_folder(folder, line).0, 0);
    let from_file = in_folder(folder, "report @0.plore --format json").1;
    for command in ["report", "merge"] {
        let mut portlore = portlore(&[command, "/dev/stdin", "--format", "json"]);
        let mut running = portlore.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let snapshot = fs::read(folder.join("0.plore")).unwrap();
        running.stdin.take().unwrap().write_all(&snapshot).unwrap();
        let (status, stdout, _) = told(&running.wait_with_output().unwrap());
        assert_eq!(status, 0);
        assert!(command == "merge" || stdout == from_file);
    }
}

#[test]
fn what_does_not_belong_together_is_refused_with_the_remedy() {
    let rotated = rotated();
    let folder = rotated.path();
    let part = "replay --sensor east --chain";
    let (status, ..) = in_folder(folder, &format!("{part} @east-0.pcap --snapshot @0.plore"));
    assert_eq!(status, 0);
    fs::write(folder.join("cut.plore"), &fs::read(folder.join("0.plore")).unwrap()[..900]).unwrap();
    fs::write(folder.join("text.plore"), "what").unwrap();
    let go_on = format!("{part} @east-1.pcap --resume @0.plore --snapshot @1.plore");
    for (line, said) in [
        (
            format!("{go_on} --max-flows 99"),
            "with --max-flows 4194304, not 99; use the same options",
        ),
        (format!("{go_on} --where port=1"), "with --where (none), not 'port=1'"),
        (format!("{go_on} -f tcp"), "with --filter (none), not 'tcp'"),
        (format!("{go_on} --key vlan"), "with --key (none), not vlan"),
        (format!("{go_on} --no-tunnels"), "with --no-tunnels off, not on"),
        (format!("{go_on} --catalogue @mine.toml"), "with other service files; use the same"),
        (go_on.replace("sensor east", "sensor west"), "--sensor east is not west"),
        (go_on.replace("east-1", "east-0"), "has the packets of"),
        (go_on.replace("@east-1.pcap", "@east-1.pcap @none.pcap"), "none.pcap cannot be opened"),
        (
            go_on.replace("--resume @0", "--resume @cut"),
            "cut.plore is cut off; read the captures again",
        ),
        (go_on.replace("--snapshot @1", "--force --snapshot @0"), "it is one of the input files"),
        ("report @text.plore".into(), "text.plore is not a snapshot; name a file"),
        ("report @east-1.pcap".into(), "is a capture, not a snapshot"),
        ("report @0.plore --why".into(), "was written without --why; use --flows"),
        ("report @none.plore".into(), "none.plore cannot be read: no such file or directory"),
    ] {
        fs::write(folder.join("mine.toml"), crate::run::DESK.replace("\"desk\"", "\"mine\""))
            .unwrap();
        let (status, stdout, stderr) = in_folder(folder, &line);
        let said_alone = (status, stdout.as_str(), stderr.lines().count());
        assert_eq!(said_alone, (2, "", 1), "{line}: {stderr}");
        assert!(stderr.contains(said), "{line}: {stderr}");
        assert!(!folder.join("1.plore").exists(), "{line}");
    }
}

/// A snapshot that is cut or changed anywhere is refused: each section has a checksum.
#[test]
fn a_snapshot_that_is_cut_or_changed_at_any_byte_is_refused() {
    let capture = Capture::read("fixtures/x32-udp-10023.pcap");
    let catalogue = Catalogue::shipped().unwrap();
    let part = capture.part(0, capture.frames.len());
    let run = read(part, (Setting::DEFAULT, 1), None, true, &mut Default::default());
    let about = SnapshotAbout::new("east".into(), SnapshotSettings::default(), &catalogue);
    let file = SnapshotFile { about, state: *run.saved.unwrap() };
    let bytes = file.to_bytes();
    let mut older = file;
    older.about.version = "0.0.9".into();
    let error = SnapshotFile::read("a.plore", &older.to_bytes(), &catalogue).unwrap_err();
    let said =
        "a.plore was written by portlore 0.0.9; use that version, or read the captures again";
    assert!(error.to_string().starts_with(said), "{error}");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        for bytes in [&bytes[..at], &changed] {
            let error = SnapshotFile::read("a.plore", bytes, &catalogue).unwrap_err().to_string();
            assert!(error.starts_with("a.plore ") && !error.contains('\n'), "{at}: {error}");
        }
    }
}
