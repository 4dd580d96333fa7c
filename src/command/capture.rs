//! What `replay` and `live` share: from an open source to its report.

use std::path::PathBuf;
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
pub struct Kind<'a> {
    pub inputs: Vec<String>,
    pub files: Vec<PathBuf>,
    pub live: bool,
    pub span: Option<Duration>,
    /// What of its rights the program goes on to need.
    pub keep: Keep<'a>,
}

/// Captures, classifies, writes the report: the same for files and interfaces.
pub fn capture(
    source: &mut dyn Source,
    filter: Option<Filter>,
    catalogue: &Catalogue,
    common: &Common,
    wishes: &Wishes,
    kind: &Kind<'_>,
) -> Result<u8, Errors> {
    let output = Output::open(common.output.as_ref(), &kind.files)?;
    // The device and the files are open: from here on nothing needs root or the file system.
    if let Err(reason) = privilege::give_up(&kind.keep) {
        say(&format!("warning: {reason}"));
    }
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
    };
    let run = pipeline::run(source, filter, catalogue, &options, None).map_err(one)?;
    let report = Report { inputs: &kind.inputs, run: &run, catalogue };
    let flows = common.flows || common.why;
    output.write(|out, style| match common.format {
        Format::Json => report::json::write(out, &report, flows),
        Format::Table => {
            let parts = report::text::Parts { flows: common.flows, why: common.why, top: common.top };
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
