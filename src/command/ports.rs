//! `portlore ports`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use portlore::report::pages::listeners as page;
use portlore::report::pages::listening::Here;
use portlore::{Result, privilege, process};

use super::catalogue::load;
use super::output::Output;
use crate::cli::{PageFormat, PortsArgs};

pub fn run(args: &PortsArgs) -> Result<u8> {
    let catalogue = load(&args.catalogue.paths)?;
    let listeners = process::listeners(|_| true)?;
    Output::standard().write(|out, style| match args.format {
        PageFormat::Json => page::write_json(out, &catalogue, &listeners),
        PageFormat::Table => page::write(out, &catalogue, &listeners, &here(), style),
    })?;
    Ok(0)
}

/// The home of the person who asks, who may have called sudo, and this machine's time.
pub fn here() -> Here {
    let home = privilege::caller_home().or_else(std::env::home_dir);
    let is_root = privilege::is_root();
    Here { home, zone: TimeZone::system(), is_root, now: Timestamp::now().as_second() }
}
