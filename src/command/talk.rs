//! Lines for stderr.

use std::io::{self, Write};

use portlore::catalogue::Fault;
use portlore::report;

use super::Errors;

/// A line on stderr. Where nobody reads it there is nobody to tell.
pub fn say(line: &str) {
    drop(writeln!(io::stderr(), "portlore: {}", report::escape(line)));
}

pub fn one(line: String) -> Errors {
    vec![line]
}

pub fn lines(faults: Vec<Fault>) -> Errors {
    faults.into_iter().map(|fault| fault.to_string()).collect()
}
