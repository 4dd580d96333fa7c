//! Files of expectations: what `check` and `live --expect` share.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use portlore::catalogue::Catalogue;
use portlore::expect::{Checked, Checker, Expectations};
use portlore::findings::Finding;
use portlore::pipeline::{JudgedFlow, Run};
use portlore::report::pages::check::{CheckPage, lines};
use portlore::report::parts::display_filter::FilterOn;
use portlore::{Error, ErrorKind, Result};

use super::messages;

/// A file of expectations.
pub struct ExpectationsFile {
    /// As the user named it.
    pub name: String,
    pub expectations: Expectations,
}

impl ExpectationsFile {
    /// Reads a file. To be called before privileges are dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Expectations`] where it cannot be read or is not valid.
    pub fn read(path: &Path, catalogue: &Catalogue) -> Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| {
            Error::new(ErrorKind::Expectations, format!("cannot be read: {error}"))
                .with_object(&name)
                .with_remedy("name a file of expectations; portlore check --learn writes one")
        })?;
        let expectations = Expectations::read(file, &name, catalogue)?;
        Ok(Self { name, expectations })
    }
}

/// A check of flows that end on another thread.
pub struct FlowCheck<'e> {
    file: &'e ExpectationsFile,
    checker: Mutex<Checker<'e>>,
}

impl<'e> FlowCheck<'e> {
    pub fn new(file: &'e ExpectationsFile) -> Self {
        Self { file, checker: Mutex::new(Checker::new(&file.expectations)) }
    }

    /// Counts a flow that has ended.
    pub fn flow(&self, flow: &JudgedFlow) {
        self.checker.lock().unwrap_or_else(PoisonError::into_inner).flow(flow);
    }

    /// Ends the check, when the capture is over; `findings` are those of its report.
    pub fn end(self, run: &Run, findings: &[Finding]) -> Checked<'e> {
        self.checker.into_inner().unwrap_or_else(PoisonError::into_inner).end(run, findings)
    }

    /// Ends the check, and prints what does not hold. Returns whether everything holds.
    pub fn end_and_print(
        self,
        inputs: &[String],
        (run, findings): (&Run, &[Finding]),
        filter_on: FilterOn,
    ) -> bool {
        let file = self.file;
        let checked = self.end(run, findings);
        if !checked.holds() {
            let page = CheckPage {
                file: &file.name,
                name: file.expectations.name.as_deref(),
                inputs,
                checked: &checked,
                problems: &run.problems,
                // They are in the report.
                notices: &[],
                filter_on,
            };
            lines(&page).iter().for_each(|line| messages::print_safe(line));
        }
        checked.holds()
    }
}
