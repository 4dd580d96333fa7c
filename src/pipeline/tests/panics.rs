//! A bug met at run time: what a thread that panics leaves to the report.

use super::*;
use crate::report::formats::table;

/// A run of the capture in which a classifier panics at the first flow of a port.
fn panicking(source: &mut dyn Source, workers: usize, port: u16) -> Run {
    let catalogue = Catalogue::shipped().unwrap();
    let on_close = |record: &FlowRecord| {
        assert!(record.service_port().port != port, "\x1b[2Jon purpose");
    };
    let hooks = Hooks { on_close: Some(&on_close), ..Hooks::default() };
    let limits = ResourceLimits { workers, ..ResourceLimits::DEFAULT };
    run(source, None, &catalogue, &Options { limits, hooks, ..Options::replay() }, None).unwrap()
}

/// The packets of all ports.
fn packets(run: &Run) -> u64 {
    run.stats.ports.values().map(|port| port.all.packets.sum()).sum()
}

#[test]
fn a_classifier_that_panics_costs_its_own_flows_and_the_report_says_so() {
    let open = || Files::open(&[Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)]).unwrap();
    let whole = panicking(&mut open(), 4, 1);
    assert_eq!((packets(&whole), whole.problems.len()), (291, 0));
    let run = panicking(&mut open(), 4, 22);
    let [problem] = &run.problems[..] else { panic!("{:?}", run.problems) };
    let (missing, rest) = problem
        .strip_prefix("a classifier thread, whose ")
        .and_then(|rest| rest.split_once(' '))
        .unwrap();
    assert_eq!(
        rest,
        "packets are missing from the report, panicked: \x1b[2Jon purpose; this is a bug in \
         portlore, please report it (SECURITY.md says how)"
    );
    let missing: u64 = missing.parse().unwrap();
    assert_eq!((run.counters.frames, packets(&run)), (291, 291 - missing));
    assert!(missing > 0 && missing < 291, "{missing}");
    // The report of an incomplete run has exit status 3, and its text is escaped.
    let inputs = [CAPTURE.to_owned()];
    let report = Report::new(&inputs, &run, None, Show::default());
    assert!(!report.is_complete());
    let mut text = Vec::new();
    (table::FORMAT.write)(&mut text, &report, Style::default()).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("on purpose") && !text.contains('\x1b'), "{text}");
}

/// Datagrams of 1,000 flows, and nothing more for ever.
struct ThenIdle(Flood);

impl ThenIdle {
    fn new(requester: SnapshotRequester) -> Self {
        Self(Flood { left: 1000, ..Flood::new(requester) })
    }
}

impl Source for ThenIdle {
    fn next(&mut self) -> crate::Result<Next<'_>> {
        match self.0.next()? {
            Next::Frame(frame) => Ok(Next::Frame(frame)),
            Next::End | Next::Idle => Ok(Next::Idle),
        }
    }

    fn drops(&mut self) -> Drops {
        Drops::default()
    }

    fn problems(&self) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn a_live_capture_ends_when_a_classifier_panics_although_nothing_more_arrives() {
    let catalogue = Catalogue::shipped().unwrap();
    let stop = AtomicBool::new(false);
    let on_close = |_: &FlowRecord| panic!("on purpose");
    let mut options = live(&stop);
    options.hooks.on_close = Some(&on_close);
    // The second flow of a table has the first one leave.
    options.limits.max_flows = 16;
    let mut source = ThenIdle::new(snapshot_requests().0);
    let run = run(&mut source, None, &catalogue, &options, None).unwrap();
    assert!(run.problems[0].contains("panicked: on purpose"), "{:?}", run.problems);
    assert_eq!(packets(&run), 0);
}

#[test]
fn a_hook_of_ended_flows_that_panics_ends_a_live_capture_and_costs_no_packet() {
    let catalogue = Catalogue::shipped().unwrap();
    let stop = AtomicBool::new(false);
    let on_flow = |_: &JudgedFlow| panic!("on purpose");
    let mut options = live(&stop);
    options.hooks.on_flow = Some(&on_flow);
    options.limits.max_flows = 16;
    let mut source = ThenIdle::new(snapshot_requests().0);
    let run = run(&mut source, None, &catalogue, &options, None).unwrap();
    let [problem] = &run.problems[..] else { panic!("{:?}", run.problems) };
    assert!(problem.starts_with("the thread that writes flows panicked: on purpose;"), "{problem}");
    assert_eq!(packets(&run), run.counters.frames);
}

#[test]
fn an_observer_of_snapshots_that_panics_ends_the_capture_and_costs_no_flow() {
    let catalogue = Catalogue::shipped().unwrap();
    let stop = AtomicBool::new(false);
    let (requester, requests) = snapshot_requests();
    let mut on_snapshot = |_: Snapshot| panic!("on purpose");
    let snapshots = Snapshots { every: None, flows: 0, requests, on_snapshot: &mut on_snapshot };
    let mut source = ThenIdle::new(requester);
    let run = run(&mut source, None, &catalogue, &live(&stop), Some(snapshots)).unwrap();
    let [problem] = &run.problems[..] else { panic!("{:?}", run.problems) };
    assert!(problem.starts_with("the thread of the view panicked: on purpose;"), "{problem}");
    assert_eq!((run.counters.frames, packets(&run)), (1000, 1000));
}

/// A capture whose reader panics behind its first frames.
struct Damaging(Files, u64);

impl Source for Damaging {
    fn next(&mut self) -> crate::Result<Next<'_>> {
        self.1 = self.1.checked_sub(1).expect("on purpose");
        self.0.next()
    }

    fn drops(&mut self) -> Drops {
        Drops::default()
    }

    fn problems(&self) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn a_reader_that_panics_ends_the_run_with_what_was_read() {
    let files = Files::open(&[Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)]).unwrap();
    let run = panicking(&mut Damaging(files, 100), 2, 1);
    let [problem] = &run.problems[..] else { panic!("{:?}", run.problems) };
    assert!(problem.starts_with("the capture thread panicked: on purpose; "), "{problem}");
    assert_eq!(run.counters.frames, packets(&run));
}
