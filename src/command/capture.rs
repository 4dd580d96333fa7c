//! What `replay` and `live` share: from an open source to its report.

use std::sync::mpsc::Receiver;

use portlore::catalogue::Catalogue;
use portlore::pipeline::{self, Run, Tally, View};
use portlore::privilege::{self, Keep};
use portlore::process::Ledger;
use portlore::report::formats::FlowOutput;
use portlore::report::{Report, Show};
use portlore::source::{Drops, Filter, Source};

use super::events::Events;
use super::output::Output;
use super::signals::Wishes;
use super::talk::{one, say};
use super::watch::{Doors, Watchers};
use super::{Errors, INCOMPLETE};
use crate::cli::{Common, Live};

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
    let format = common.format.definition();
    let show =
        Show { flows: common.flows, why: common.why, interfaces: common.verbose, top: common.top };
    let options = pipeline::Options {
        workers: common.workers.map_or_else(cores, usize::from),
        max_flows: common.max_flows as usize,
        opening_bytes: (common.opening_mib as usize) << 20,
        histogram_ports: common.histogram_ports as usize,
        tunnels: !common.no_tunnels,
        // Of files the events come in the order of the frames; live, each when it happens.
        keep_flows: format.keeps_flows(show, live.is_some()),
        live: live.is_some(),
        frames: common.count,
        span: live.as_ref().and_then(|live| live.args.span),
        on_tell: &tell,
        ..pipeline::Options::replay(&wishes.stop, &wishes.tell)
    };
    let (run, output) = match live {
        None => (pipeline::run(source, filter, catalogue, &options, None).map_err(one)?, output),
        Some(live) => attended(source, catalogue, &options, wishes, &inputs, live, output)?,
    };
    let report = Report { inputs: &inputs, run: &run, show };
    output.write(|out, style| (format.write)(out, &report, style))?;
    if report.is_complete() {
        return Ok(0);
    }
    run.problems.iter().for_each(|line| say(line));
    Ok(INCOMPLETE)
}

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
    let options =
        pipeline::Options { ledger: ledger.as_ref(), catalogues: catalogues.as_ref(), ..*options };
    let (title, colour) = (inputs.join(", "), output.style().colour);
    let format = args.common.format.definition();
    let intervals = format
        .intervals
        .and_then(|intervals| Some((args.interval.or(intervals.default)?, intervals.writer)));
    let ran = if let FlowOutput::Streamed(write_flow) = format.flows {
        let events = Events::open(output, &wishes.stop).map_err(one)?;
        let clock = intervals.map(|(every, writer)| events.clock(every, writer()));
        let on_flow = events.teller(write_flow);
        let options = pipeline::Options { on_flow: Some(&on_flow), ..options };
        let watchers = Watchers { doors, title, catalogue, wishes, colour, events: clock };
        let run = watchers
            .over(|views| pipeline::run(source, None, catalogue, &options, views))
            .map_err(one)?;
        drop(on_flow);
        (run, events.close().map_err(one)?)
    } else if let Some((every, writer)) = intervals {
        let events = Events::open(output, &wishes.stop).map_err(one)?;
        let clock = events.clock(every, writer());
        let watchers = Watchers { doors, title, catalogue, wishes, colour, events: Some(clock) };
        let run = watchers
            .over(|views| pipeline::run(source, None, catalogue, &options, views))
            .map_err(one)?;
        (run, events.close().map_err(one)?)
    } else {
        let watchers =
            Watchers { doors, title, catalogue, wishes, colour, events: None::<fn(&View<'_>)> };
        (
            watchers
                .over(|views| pipeline::run(source, None, catalogue, &options, views))
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
fn tell(tally: &Tally, drops: Drops) {
    let skipped: u64 = tally.skipped().map(|(_, n)| n).sum();
    say(&format!(
        "{} frames, {} segments, {skipped} skipped; dropped: kernel {}, interface {}, queue {}",
        tally.frames, tally.segments, drops.kernel, drops.interface, tally.queue
    ));
}
