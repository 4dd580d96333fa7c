//! `portlore interfaces`.

use portlore::{ErrorKind, Result, report, source};

use super::errors::with_kind;
use super::output::Output;

pub fn run() -> Result<u8> {
    let list = source::devices::list().map_err(with_kind(ErrorKind::Input))?;
    Output::open(None, &[])?.write(|out, style| report::interfaces::write(out, style, &list))?;
    Ok(0)
}
