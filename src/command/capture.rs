//! What `replay` and `live` share: from an open source to its report.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use portlore::catalogue::Catalogue;
use portlore::pipeline::{self, Tally};
use portlore::privilege::{self, Keep};
use portlore::report::{self, Report};
use portlore::source::{Drops, Filter, Source};

use super::output::Output;
use super::signals::Wishes;
use super::talk::{one, say};
use super::{Errors, INCOMPLETE};
use crate::cli::{Common, Format};

/// What differs between the two ways of reading.
pub struct Kind<'c> {
    pub inputs: Vec<String>,
    pub live: bool,
    pub span: Option<Duration>,
    pub output: Output,
    /// Where newer catalogues come from.
    pub catalogues: Option<Receiver<&'c Catalogue>>,
}

/// Gives up what is not to be kept: from here on nothing needs root, and only little the file system.
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
    kind: Kind<'c>,
) -> Result<u8, Errors> {
    let options = pipeline::Options {
        workers: common.workers.map_or_else(cores, usize::from),
        max_flows: common.max_flows as usize,
        opening_bytes: (common.opening_mib as usize) << 20,
        tunnels: !common.no_tunnels,
        keep_flows: common.flows || common.why,
        live: kind.live,
        frames: common.count,
        span: kind.span,
        stop: &wishes.stop,
        tell: &wishes.tell,
        on_tell: &tell,
        catalogues: kind.catalogues.as_ref(),
    };
    let run = pipeline::run(source, filter, catalogue, &options, None).map_err(one)?;
    let report = Report { inputs: &kind.inputs, run: &run, catalogue: run.catalogue };
    let flows = common.flows || common.why;
    kind.output.write(|out, style| match common.format {
        Format::Json => report::json::write(out, &report, flows),
        Format::Table => {
            let parts = report::text::Parts { flows: common.flows, why: common.why, origins: common.verbose, top: common.top };
            report::text::write(out, &report, style, parts)
        }
    })?;
    if report.is_complete() {
        return Ok(0);
    }
    run.problems.iter().for_each(|line| say(line));
    Ok(INCOMPLETE)
}

/// Classifier threads where nobody chose: more than four have never been kept busy by one capture thread.
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
