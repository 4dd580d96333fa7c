//! `portlore interfaces`.

use portlore::{report, source};

use super::Errors;
use super::output::Output;
use super::talk::one;

pub fn run() -> Result<u8, Errors> {
    let list = source::devices::list().map_err(|error| one(error.to_string()))?;
    Output::open(None, &[])?.write(|out, style| report::interfaces::write(out, style, &list))?;
    Ok(0)
}
