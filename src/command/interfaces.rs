//! `portlore interfaces`.

use portlore::report::pages;
use portlore::{Result, source};

use super::output::Output;

pub fn run() -> Result<u8> {
    let list = source::devices::list()?;
    Output::standard().write(|out, style| pages::interfaces::write(out, &list, style))?;
    Ok(0)
}
