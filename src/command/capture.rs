//! What `replay` and `live` share: from an open source to its report.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use portlore::catalogue::Catalogue;
use portlore::pipeline::{
    self, CaptureCounters, CountersHook, Hooks, ResourceLimits, Run, Snapshot, StopConditions,
};
use portlore::privilege::{self, Keep};
use portlore::process::Ledger;
use portlore::report::{self, Report};
use portlore::source::{Drops, Filter, Source};

use super::events::Events;
use super::output::Output;
use super::signals::Wishes;
use super::talk::{one, say};
use super::watch::{Doors, Watchers};
use super::{Errors, INCOMPLETE};
use crate::cli::{Common, Format, Live};

/// What differs between the two ways of reading.
pub struct Kind<'a, 'c> {
    pub inputs: Vec<String>,
    pub output: Output,
    pub live: Option<Attended<'a, 'c>>,
}

/// What a live capture has beside its frames.
pub struct Attended<'a, 'c> {
    pub args: &'a Live,
    pub doors: Doors,
    pub ledger: Option<Ledger>,
    /// Where newer catalogues come from.
    pub catalogues: Option<Receiver<&'c Catalogue>>,
}

/// Gives up what is not to be kept: from here on nothing needs root, and only little the file
/// system.
pub fn close_doors(keep: &Keep<'_>) {
    if let Err(reason) = privilege::give_up(keep) {
        say(&format!("warning: {reason}"));
    }
}

/// Captures, classifies, writes the report: the same for files and interfaces.
pub fn capture<'c>(
    source: &mut dyn Source,
    filter: Option<Filter>,
    catalogue: &'c Catalogue,
    common: &Common,
    wishes: &Wishes,
    kind: Kind<'_, 'c>,
) -> Result<u8, Errors> {
    let Kind { inputs, output, live } = kind;
    let events = common.format == Format::Ndjson;
    let options = pipeline::Options {
        live: live.is_some(),
        tunnels: !common.no_tunnels,
        // Of files the events come in the order of the frames; live, each when it happens.
        keep_flows: if events { live.is_none() } else { common.flows || common.why },
        limits: ResourceLimits {
            workers: common.workers.map_or_else(cores, usize::from),
            max_flows: common.max_flows as usize,
            opening_bytes: (common.opening_mib as usize) << 20,
            histogram_ports: common.histogram_ports as usize,
        },
        until: StopConditions {
            frames: common.count,
            span: live.as_ref().and_then(|live| live.args.span),
            stop: Some(&wishes.stop),
        },
        hooks: Hooks {
            counters: Some(CountersHook { is_requested: &wishes.tell, report: &tell }),
            ..Hooks::default()
        },
    };
    let (run, output) = match live {
        None => (
            pipeline::run(source, filter, catalogue, &options, None)
                .map_err(|e| one(e.to_string()))?,
            output,
        ),
        Some(live) => attended(source, catalogue, &options, wishes, &inputs, live, output)?,
    };
    let report = Report { inputs: &inputs, run: &run, catalogue: run.catalogue };
    let flows = common.flows || common.why;
    output.write(|out, style| match common.format {
        Format::Json => report::json::write(out, &report, flows),
        Format::Ndjson => {
            run.flows.iter().try_for_each(|flow| report::ndjson::flow(out, flow))?;
            report::ndjson::end(out, &report)
        }
        Format::Table => {
            let parts = report::text::Parts {
                flows: common.flows,
                why: common.why,
                origins: common.verbose,
                top: common.top,
            };
            report::text::write(out, &report, style, parts)
        }
    })?;
    if report.is_complete() {
        return Ok(0);
    }
    run.problems.iter().for_each(|line| say(line));
    Ok(INCOMPLETE)
}

/// Time between the interval events of NDJSON where nobody chose.
const EVENTS_EVERY: Duration = Duration::from_secs(10);

/// A live capture, with those who watch it and those who know its processes.
fn attended<'c>(
    source: &mut dyn Source,
    catalogue: &'c Catalogue,
    options: &pipeline::Options<'_, 'c>,
    wishes: &Wishes,
    inputs: &[String],
    live: Attended<'_, 'c>,
    output: Output,
) -> Result<(Run<'c>, Output), Errors> {
    let Attended { args, doors, ledger, catalogues } = live;
    let options = pipeline::Options {
        hooks: Hooks { ledger: ledger.as_ref(), catalogues: catalogues.as_ref(), ..options.hooks },
        ..*options
    };
    let (title, colour) = (inputs.join(", "), output.style().colour);
    let ran = if args.common.format == Format::Ndjson {
        let events = Events::open(output, &wishes.stop).map_err(one)?;
        let mut intervals = report::ndjson::Intervals::default();
        let tell = move |out: &mut Vec<u8>, view: &Snapshot<'_>| intervals.write(out, view);
        let (on_flow, clock) =
            (events.teller(), events.clock(args.interval.unwrap_or(EVENTS_EVERY), tell));
        let options = pipeline::Options {
            hooks: Hooks { on_flow: Some(&on_flow), ..options.hooks },
            ..options
        };
        let watchers = Watchers { doors, title, catalogue, wishes, colour, events: Some(clock) };
        let run = watchers
            .over(|views| {
                pipeline::run(source, None, catalogue, &options, views).map_err(|e| e.to_string())
            })
            .map_err(one)?;
        drop(on_flow);
        (run, events.close().map_err(one)?)
    } else if let Some(every) = args.interval {
        let events = Events::open(output, &wishes.stop).map_err(one)?;
        let mut intervals = report::interval::Intervals::default();
        let clock = events
            .clock(every, move |out: &mut Vec<u8>, view: &Snapshot<'_>| intervals.write(out, view));
        let watchers = Watchers { doors, title, catalogue, wishes, colour, events: Some(clock) };
        let run = watchers
            .over(|views| {
                pipeline::run(source, None, catalogue, &options, views).map_err(|e| e.to_string())
            })
            .map_err(one)?;
        (run, events.close().map_err(one)?)
    } else {
        let watchers =
            Watchers { doors, title, catalogue, wishes, colour, events: None::<fn(&Snapshot<'_>)> };
        (
            watchers
                .over(|views| {
                    pipeline::run(source, None, catalogue, &options, views)
                        .map_err(|e| e.to_string())
                })
                .map_err(one)?,
            output,
        )
    };
    ledger.iter().flat_map(Ledger::remarks).for_each(|line| say(&format!("warning: {line}")));
    Ok(ran)
}

/// Classifier threads where nobody chose: more than four have never been kept busy by one capture
/// thread.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4))
}

/// The counts so far, on SIGUSR1.
fn tell(counters: &CaptureCounters, drops: Drops) {
    let skipped: u64 = counters.skipped().map(|(_, n)| n).sum();
    say(&format!(
        "{} frames, {} segments, {skipped} skipped; dropped: kernel {}, interface {}, queue {}",
        counters.frames, counters.segments, drops.kernel, drops.interface, counters.queue
    ));
}
