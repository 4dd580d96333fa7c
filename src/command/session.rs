//! One capture from an open source to its report: what `replay` and `live` share.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use portlore::catalogue::Catalogue;
use portlore::columns::{COLUMNS, facts_of};
use portlore::decode::TenantParts;
use portlore::flow_filter::FlowFilter;
use portlore::pipeline::{
    self, CaptureCounters, CountersHook, FlowSelector, FlowView, Hooks, JudgedFlow, Options,
    ResourceLimits, Run, Snapshots, StopConditions, snapshot_requests,
};
use portlore::privilege::{self, Keep};
use portlore::process::ProcessCache;
use portlore::report::parts::display_filter::FilterOn;
use portlore::report::{Report, Show, Zone, html};
use portlore::source::{Drops, Filter, Source, TimeWindow};
use portlore::stats::IpNetwork;
use portlore::{Error, ErrorKind, Result};

use super::expectations::{ExpectationsFile, FlowCheck};
use super::flow_outputs::FlowOutputs;
use super::observers::{IntervalObserver, LiveOutputs, Observers, OutputStream, ScreenContext};
use super::output::{OpenOutputs, Output, OutputState};
use super::progress::ProgressBar;
use super::sensors::{SensorRuns, run_sensors};
use super::signal_flags::SignalFlags;
use super::snapshot::{SnapshotPlan, SnapshotWriter, UnwrittenSnapshot};
use super::{FAILED, INCOMPLETE, messages};
use crate::cli::{CaptureArgs, Format, KeyPart, OutputArgs, ReadingArgs, SortChoice, TableChoice};

/// A capture that is about to start.
pub struct Session<'s> {
    /// Names of the files or interfaces.
    pub inputs: Vec<String>,
    pub filter: Option<Filter>,
    /// Only frames of this part of the capture count.
    pub window: TimeWindow,
    pub catalogue: Arc<Catalogue>,
    /// How packets are read.
    pub capture: &'s CaptureArgs,
    /// What is written.
    pub args: &'s OutputArgs,
    pub signals: &'s SignalFlags,
    /// What the sandbox does not restrict here, for the report.
    pub sandbox_gaps: Vec<String>,
    pub mode: Mode,
    pub outputs: OpenOutputs,
    /// What the capture must show.
    pub expectations: Option<ExpectationsFile>,
    /// The snapshot from which the run continues, and the one that it writes.
    pub snapshot: SnapshotPlan,
    /// Observers of the running capture.
    pub live_outputs: LiveOutputs,
    /// The bar on stderr, which ends before the report is written.
    pub progress: Option<ProgressBar>,
}

/// How a run ended.
pub struct SessionEnd {
    /// The exit status.
    pub status: u8,
    /// The snapshot that is still to be written.
    pub snapshot: Option<UnwrittenSnapshot>,
}

/// Whether the frames come from files or from interfaces.
pub enum Mode {
    /// Files and pipes: the capture waits for its workers.
    Replay,
    /// The same while they are being written.
    Follow,
    /// Interfaces of this machine: the capture drops batches rather than wait.
    Live(LiveContext),
}

impl Mode {
    /// What a live capture has beside its frames; `None` for files.
    fn into_context(self) -> Option<LiveContext> {
        match self {
            Self::Replay | Self::Follow => None,
            Self::Live(context) => Some(context),
        }
    }
}

/// What a live capture has beside its frames.
#[derive(Default)]
pub struct LiveContext {
    /// End after this time.
    pub span: Option<Duration>,
    /// Resolves sockets to processes.
    pub process_cache: Option<ProcessCache>,
    /// Brings newer catalogues.
    pub catalogues: Option<Receiver<Arc<Catalogue>>>,
    /// What the display filters of flows select: frames, if they are saved.
    pub filter_on: FilterOn,
    /// Networks that count as local.
    pub local_networks: Vec<IpNetwork>,
}

/// Gives up every right that is not to be kept: from here on nothing needs root, and hardly
/// anything the file system. The time zone is loaded before that, because it is read from a file.
/// Prints and returns what is not restricted as it should be.
///
/// # Errors
/// Packets must not be parsed, because too little is restricted.
pub fn drop_privileges(keep: &Keep<'_>, zone: Zone) -> Result<Vec<String>> {
    zone.load();
    let gaps = privilege::drop_privileges(keep)?;
    gaps.iter().for_each(|gap| messages::print(&format!("warning: {gap}")));
    Ok(gaps)
}

/// The frames of a session.
pub enum Frames<'f> {
    /// Those of one stream.
    One(&'f mut dyn Source),
    /// Those of some sensors.
    Sensors(SensorRuns<'f>),
}

impl<'s> Session<'s> {
    /// A replay without filter, snapshot and observers.
    pub fn new(
        (capture, args): (&'s CaptureArgs, &'s OutputArgs),
        catalogue: Arc<Catalogue>,
        signals: &'s SignalFlags,
        outputs: OpenOutputs,
        sandbox_gaps: Vec<String>,
    ) -> Self {
        Self {
            inputs: Vec::new(),
            filter: None,
            window: TimeWindow::default(),
            catalogue,
            capture,
            args,
            signals,
            sandbox_gaps,
            mode: Mode::Replay,
            outputs,
            expectations: None,
            snapshot: SnapshotPlan::NONE,
            live_outputs: LiveOutputs::of_replay(args),
            progress: None,
        }
    }

    /// Captures, classifies and writes the report.
    ///
    /// # Errors
    /// Where a thread cannot be started, or the output cannot be written.
    pub fn run(self, frames: Frames<'_>) -> Result<SessionEnd> {
        let Self {
            inputs,
            filter,
            window,
            catalogue,
            capture,
            args,
            signals,
            sandbox_gaps,
            mode,
            outputs: OpenOutputs { report: output, flows: flow_outputs, page },
            expectations,
            snapshot,
            mut live_outputs,
            progress,
        } = self;
        let (title, colour) = (inputs.join(", "), output.style().colour);
        let (stream, intervals) =
            OutputStream::open(output, live_outputs.take_events(), &signals.stop)?;
        let event_hook = stream.flow_hook();
        let is_replay = matches!(mode, Mode::Replay);
        let rows = FlowOutputs::begin(flow_outputs, &signals.stop, !is_replay)?;
        let check = expectations.as_ref().map(FlowCheck::new);
        let on_flow = |flow: &JudgedFlow| {
            event_hook.iter().for_each(|hook| hook(flow));
            rows.write(flow);
            check.iter().for_each(|check| check.flow(flow));
        };
        let on_flow: Option<&(dyn Fn(&JudgedFlow) + Sync)> =
            (event_hook.is_some() || !rows.formats().is_empty() || check.is_some())
                .then_some(&on_flow);
        let keep_flows = args.format.definition().keeps_flows(show(args));
        let is_part = snapshot.is_some() || matches!(frames, Frames::Sensors(_));
        let SnapshotPlan { resume, mut writes } = snapshot;
        let first_values = wanted_facts(&rows, capture, expectations.as_ref(), is_part);
        let selects = capture.selected.as_ref().map(selects);
        let context = mode.into_context();
        let no_context = LiveContext::default();
        let LiveContext { span, process_cache, catalogues, filter_on, local_networks } =
            context.as_ref().unwrap_or(&no_context);
        let mut read = reading_options(&capture.reading);
        read.limits.histogram_ports = capture.histogram_ports as usize;
        let options = Options {
            live: context.is_some(),
            keep_flows,
            local_networks: if context.is_some() { local_networks } else { read.local_networks },
            // The report of the snapshot may be of any kind.
            examples: page.is_some() || is_part,
            keep_reasons: keep_flows
                || is_part
                || event_hook.is_some()
                || check.is_some()
                || live_outputs.shows_flows()
                || rows.formats().iter().any(|format| format.has_reasons),
            keep_facts: args.why,
            first_values: &first_values,
            window,
            resume: resume.as_ref(),
            saves: writes.is_some(),
            until: StopConditions { frames: capture.count, span: *span, stop: Some(&signals.stop) },
            hooks: Hooks {
                processes: process_cache.as_ref(),
                on_flow,
                selector: selector(capture.selected.as_ref(), selects.as_ref()),
                counters: Some(CountersHook {
                    is_requested: &signals.print_counters,
                    report: &print_counters,
                }),
                catalogues: catalogues.as_ref(),
            },
            ..read
        };
        let started = Instant::now();
        let seen = (live_outputs, intervals, (title, colour, *filter_on));
        let mut run = match frames {
            Frames::One(source) => {
                run_observed(source, filter, &catalogue, &options, seen, signals)?
            }
            Frames::Sensors(sensors) => run_sensors(sensors, &catalogue, &options)?,
        };
        writes.as_mut().map_or(Ok(()), SnapshotWriter::check)?;
        run.notices.extend(sandbox_gaps);
        progress.into_iter().for_each(ProgressBar::finish);
        drop(event_hook);
        let rows = rows.finish()?;
        let state = run.saved.take();
        let snapshot = |state| writes.map(|writer| UnwrittenSnapshot { writer, state });
        let (Some(output), OutputState::Open) = (stream.finish()?, rows) else {
            // Who read the flows has left.
            return Ok(SessionEnd { status: 0, snapshot: snapshot(None) });
        };
        process_cache.iter().for_each(print_warnings);
        // A capture that is still being written takes as long as it is let run.
        let read_in = (is_replay && !is_part).then(|| started.elapsed());
        let filter = (capture.filter.as_deref(), *filter_on);
        let time = (read_in, window);
        let status = report(&inputs, &run, (output, page), args, filter, time, check)?;
        Ok(SessionEnd { status, snapshot: snapshot(state) })
    }
}

/// Runs the capture while its observers see it.
fn run_observed(
    source: &mut dyn Source,
    filter: Option<Filter>,
    catalogue: &Arc<Catalogue>,
    options: &Options<'_>,
    (live_outputs, intervals, (title, colour, filter_on)): (
        LiveOutputs,
        Option<IntervalObserver>,
        (String, bool, FilterOn),
    ),
    signals: &SignalFlags,
) -> Result<Run> {
    thread::scope(|scope| {
        let (requester, requests) = snapshot_requests();
        let screen = ScreenContext { title, signals, requester, colour, filter_on };
        let mut observers = Observers::start(scope, live_outputs, intervals, screen)?;
        let (is_observed, flows) = (!observers.is_empty(), observers.flows());
        let every = Some(observers.interval());
        let mut on_snapshot = |snapshot| observers.observe(snapshot);
        let snapshots = is_observed.then(|| Snapshots {
            every,
            flows,
            requests,
            on_snapshot: &mut on_snapshot,
        });
        let run = pipeline::run(source, filter, catalogue, options, snapshots);
        let panic = observers.finish();
        run.map(|mut run| {
            run.problems.extend(panic.iter().map(ToString::to_string));
            run
        })
    })
}

/// Prints what is known less well of processes than it could be.
fn print_warnings(cache: &ProcessCache) {
    cache.warnings().into_iter().for_each(|line| messages::print(&format!("warning: {line}")));
}

/// The facts whose first values rows, `--where` or expectations need.
fn wanted_facts(
    rows: &FlowOutputs,
    capture: &CaptureArgs,
    file: Option<&ExpectationsFile>,
    is_part: bool,
) -> Vec<&'static str> {
    let mut facts = if is_part { facts_of(COLUMNS) } else { rows.facts() };
    facts.extend(capture.selected.as_ref().map(FlowFilter::facts).unwrap_or_default());
    facts.extend(file.map(|file| file.expectations.facts()).unwrap_or_default());
    facts.sort_unstable();
    facts.dedup();
    facts
}

/// Whether a flow is selected.
pub fn selects(filter: &FlowFilter) -> impl Fn(FlowView<'_>) -> bool + Sync + '_ {
    |flow| filter.matches(flow)
}

/// What `--where` selects; `None` without it.
pub fn selector<'s>(
    filter: Option<&'s FlowFilter>,
    selects: Option<&'s (impl Fn(FlowView<'_>) -> bool + Sync)>,
) -> Option<FlowSelector<'s>> {
    let (filter, selects) = filter.zip(selects)?;
    Some(FlowSelector { expression: filter.text(), selects })
}

/// Writes the report, prints the problems of an incomplete input, and returns the exit status.
fn report(
    inputs: &[String],
    run: &Run,
    (output, page): (Output, Option<Output>),
    args: &OutputArgs,
    (filter, filter_on): (Option<&str>, FilterOn),
    (read_in, window): (Option<Duration>, TimeWindow),
    check: Option<FlowCheck<'_>>,
) -> Result<u8> {
    // In files and pipes the same capture gives the same bytes.
    let read_in = read_in.filter(|_| output.is_terminal());
    let report = Report::new(inputs, run, read_in, Show { filter_on, ..show(args) });
    let report = report.with_filter(filter).with_window(window);
    if let Some(page) = page {
        page.write(|out, _| html::write(out, &report))?;
    }
    output.write(|out, style| (args.format.definition().write)(out, &report, style))?;
    run.problems.iter().for_each(|line| messages::print(line));
    let is_as_expected =
        check.is_none_or(|check| check.end_and_print(inputs, (run, report.findings()), filter_on));
    let has_grave = args.fail_on.is_some_and(|fail_on| {
        report.findings().iter().any(|finding| finding.severity <= fail_on.severity())
    });
    let has_failed = has_grave || !is_as_expected;
    Ok(match report.is_complete() {
        _ if has_failed => FAILED,
        true => 0,
        false => INCOMPLETE,
    })
}

/// Refuses `--table` where a format writes no single table.
///
/// # Errors
/// [`ErrorKind::Usage`] where it does not go with `--format`.
pub fn check_table(args: &OutputArgs) -> Result<()> {
    if args.table.is_some() && !matches!(args.format, Format::Csv | Format::Md) {
        return Err(Error::new(ErrorKind::Usage, "needs --format csv or md")
            .with_object("--table")
            .with_remedy("add one of them, or leave out --table"));
    }
    Ok(())
}

/// The parts of the report that the command line asks for.
fn show(args: &OutputArgs) -> Show {
    Show {
        flows: args.flows,
        why: args.why,
        filter_on: FilterOn::default(),
        stats: args.stats,
        servers: args.servers,
        interfaces: args.verbose,
        findings_only: args.only.is_some(),
        table: args.table.map(TableChoice::definition),
        top: args.top,
        sort: args.sort.map(SortChoice::definition),
        zone: zone(args),
    }
}

/// The time zone of the report.
pub fn zone(args: &OutputArgs) -> Zone {
    if args.local { Zone::Local } else { Zone::Utc }
}

/// How packets are read, without hooks.
pub fn reading_options(args: &ReadingArgs) -> Options<'_> {
    Options {
        tunnels: !args.no_tunnels,
        key: tenant_parts(&args.key),
        local_networks: &args.local_nets,
        names: !args.no_names,
        limits: ResourceLimits {
            workers: worker_count(args.process.workers),
            max_flows: args.max_flows as usize,
            opening_bytes: (args.opening_mib as usize) << 20,
            max_servers: args.max_servers as usize,
            ..ResourceLimits::DEFAULT
        },
        ..Options::replay()
    }
}

/// The number of classifier threads: as wanted, or by the cores.
pub fn worker_count(wanted: Option<u8>) -> usize {
    // More than four workers have never been kept busy by one capture thread.
    let cores = || thread::available_parallelism().map_or(1, |cores| cores.get().min(4));
    wanted.map_or_else(cores, usize::from)
}

/// What of its tenant belongs to the key of a flow.
pub fn tenant_parts(key: &[KeyPart]) -> TenantParts {
    TenantParts { vlan: key.contains(&KeyPart::Vlan), vni: key.contains(&KeyPart::Vni) }
}

/// Prints the counters so far, on SIGUSR1.
fn print_counters(counters: &CaptureCounters, drops: Drops) {
    let skipped: u64 = counters.skipped().map(|(_, n)| n).sum();
    messages::print(&format!(
        "{} packets, {} segments, {skipped} not analysed; dropped: kernel {}, interface {}, queue {}",
        counters.frames, counters.segments, drops.kernel, drops.interface, counters.queue
    ));
}
