//! Captures that are read to their end for one answer: what `check` and `diff` share.

use std::path::PathBuf;
use std::sync::Arc;

use portlore::Result;
use portlore::catalogue::Catalogue;
use portlore::flow_filter::FlowFilter;
use portlore::pipeline::{self, Options, Run};
use portlore::source::{Files, Filter};

use super::inputs::find_captures;
use super::output::OutputPlan;
use super::progress::ProgressBar;
use super::session::{reading_options, selector, selects};
use super::signal_flags::SignalFlags;
use crate::cli::AnalysisArgs;

/// Capture files that are open.
pub struct OpenCaptures {
    files: Files,
    filter: Option<Filter>,
    /// The files.
    pub paths: Vec<PathBuf>,
}

impl OpenCaptures {
    /// Opens capture files, folders and patterns. To be called before privileges are dropped.
    ///
    /// # Errors
    /// Where none can be read, or the filter is not valid.
    pub fn open(named: &[PathBuf], args: &AnalysisArgs, signals: &SignalFlags) -> Result<Self> {
        let paths = find_captures(named, args.quiet)?;
        let files = Files::open_with_stop(&paths, &signals.stop)?;
        let filter = args.filter.as_deref();
        let filter = filter.map(|filter| Filter::compile(filter, &files.links())).transpose()?;
        Ok(Self { files, filter, paths })
    }

    /// Whether some file cannot be read.
    pub fn has_unreadable(&self) -> bool {
        !self.files.unreadable().is_empty()
    }

    /// Reads the captures.
    ///
    /// # Errors
    /// Where a thread cannot be started, or the user ends the run: part of a capture is no answer.
    pub fn run(
        mut self,
        catalogue: &Arc<Catalogue>,
        options: &Options<'_>,
        (args, signals): (&AnalysisArgs, &SignalFlags),
    ) -> Result<Run> {
        let selects = args.selected.as_ref().map(selects);
        let mut facts = options.first_values.to_vec();
        facts.extend(args.selected.as_ref().map(FlowFilter::facts).unwrap_or_default());
        facts.sort_unstable();
        facts.dedup();
        let mut options = Options { first_values: &facts, ..*options };
        options.hooks.selector = selector(args.selected.as_ref(), selects.as_ref());
        let progress = ProgressBar::start(&mut self.files, args.quiet);
        let run = pipeline::run(&mut self.files, self.filter, catalogue, &options, None);
        progress.into_iter().for_each(ProgressBar::finish);
        signals.check_not_stopped()?;
        run
    }
}

/// How captures are read, without hooks.
pub fn options<'a>(args: &'a AnalysisArgs, signals: &'a SignalFlags) -> Options<'a> {
    let mut options = reading_options(&args.reading);
    options.keep_reasons = false;
    options.until.stop = Some(&signals.stop);
    // No answer has sizes or times.
    options.limits.histogram_ports = 0;
    options
}

/// What is going to be written.
pub fn output_plan<'a>(output: Option<&'a std::path::Path>, args: &AnalysisArgs) -> OutputPlan<'a> {
    OutputPlan { report: output, force: args.force, ..OutputPlan::default() }
}
