//! Reading capture files as a library: the short way to a [`Run`].

use std::path::Path;
use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::pipeline::{self, Options, Run};
use crate::source::{Files, Filter};
use crate::{Error, ErrorKind, Result};

/// Capture files that are about to be read and classified.
///
/// Several files are one stream, merged by time. Compressed files are recognised by content; `-` is
/// standard input. Every flow is kept in memory until the end, with the reasons of its verdict.
///
/// ```
/// # fn main() -> portlore::Result<()> {
/// let run = portlore::Replay::open(["fixtures/showcase.pcap"])?.workers(2).run()?;
/// let verdict = &run.flows[0].verdict;
/// println!("{verdict}, because of frame {:?}", verdict.reasons[0].frame);
/// # assert_eq!(run.counters.frames, 291);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is read before `run`"]
pub struct Replay {
    files: Files,
    filter: Option<Filter>,
    catalogue: Option<Arc<Catalogue>>,
    workers: usize,
    tunnels: bool,
    facts: bool,
}

impl Replay {
    /// Opens capture files. One that cannot be opened is among [`Run::problems`] as long as another
    /// can be.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if no file is named, [`ErrorKind::Input`] if none can be read.
    pub fn open<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self> {
        let paths: Vec<P> = paths.into_iter().collect();
        if paths.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "no capture file given"));
        }
        let files = Files::open(&paths)?;
        Ok(Self { files, filter: None, catalogue: None, workers: 1, tunnels: true, facts: false })
    }

    /// Reads only frames that pass a BPF expression (`man pcap-filter`). Exists only with the
    /// feature `pcap`, because libpcap compiles the expression.
    ///
    /// # Errors
    /// [`ErrorKind::Filter`] if libpcap cannot compile the expression.
    #[cfg(feature = "pcap")]
    pub fn filter(mut self, expression: &str) -> Result<Self> {
        self.filter = Some(Filter::compile(expression, &self.files.links())?);
        Ok(self)
    }

    /// Classifies by this catalogue instead of the shipped one.
    pub fn catalogue(self, catalogue: Arc<Catalogue>) -> Self {
        Self { catalogue: Some(catalogue), ..self }
    }

    /// Classifies with this number of threads, 1 to 16, beside the calling one, which reads. The
    /// result does not depend on it.
    pub fn workers(self, workers: usize) -> Self {
        Self { workers, ..self }
    }

    /// Reports the outer packets of tunnels instead of what they carry.
    pub fn without_tunnels(self) -> Self {
        Self { tunnels: false, ..self }
    }

    /// Also keeps what detectors stated of each flow: `Verdict::facts`.
    pub fn with_facts(self) -> Self {
        Self { facts: true, ..self }
    }

    /// Reads the files to their end.
    ///
    /// # Errors
    /// [`ErrorKind::System`] if a thread cannot be started. Damaged or unreadable input is not an
    /// error: what was read counts, and [`Run::problems`] says what is missing.
    pub fn run(mut self) -> Result<Run> {
        let catalogue = self.catalogue.take().map_or_else(Catalogue::shipped, Ok)?;
        let mut options = Options::replay();
        options.keep_flows = true;
        options.tunnels = self.tunnels;
        options.keep_facts = self.facts;
        options.limits.workers = self.workers;
        pipeline::run(&mut self.files, self.filter, &catalogue, &options, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_needs_a_file_that_can_be_read() {
        let kind = |paths: &[&str]| Replay::open(paths).err().map(|error| error.kind());
        assert_eq!(kind(&[]), Some(ErrorKind::Usage));
        assert_eq!(kind(&["fixtures/nowhere.pcap"]), Some(ErrorKind::Input));
    }

    #[test]
    fn a_run_outlives_the_function_that_loaded_its_catalogue() {
        fn run() -> Run {
            let catalogue = Arc::new(Catalogue::load(&[]).unwrap());
            Replay::open(["fixtures/showcase.pcap"]).unwrap().catalogue(catalogue).run().unwrap()
        }
        let names: Vec<_> = run().flows.iter().map(|flow| flow.verdict.to_string()).collect();
        assert!(names.contains(&"http: Express".to_owned()), "{names:?}");
    }

    #[cfg(feature = "pcap")]
    #[test]
    fn a_filter_leaves_out_the_other_frames() {
        let open = || Replay::open(["fixtures/showcase.pcap"]).unwrap();
        let run = open().filter("tcp port 3037").unwrap().run().unwrap();
        assert!(!run.flows.is_empty() && run.flows.iter().all(|f| f.record.responder.port == 3037));
        assert_eq!(open().filter("port of call").err().unwrap().kind(), ErrorKind::Filter);
    }
}
