//! `portlore interfaces`.

use portlore::report::pages;
use portlore::source;

use super::Errors;
use super::output::Output;
use super::talk::one;

pub fn run() -> Result<u8, Errors> {
    let list = source::devices::list().map_err(one)?;
    Output::open(None, &[])?.write(|out, style| pages::interfaces::write(out, &list, style))?;
    Ok(0)
}
