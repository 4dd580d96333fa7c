//! `portlore live`.

use portlore::privilege::{Account, Keep};
use portlore::source::Live as Device;
use portlore::source::live::Options;

use super::Errors;
use super::capture::{Kind, capture};
use super::catalogue::load;
use super::signals::Wishes;
use super::talk::{one, say};
use crate::cli::Live;

pub fn run(args: &Live) -> Result<u8, Errors> {
    let catalogue = load(&args.common.catalogue)?;
    let wishes = Wishes::register()?;
    let user = args.user.as_deref().map(Account::named).transpose().map_err(one)?;
    let keep = Keep { user, ..Keep::default() };
    let options = Options {
        interfaces: args.interfaces.clone(),
        promiscuous: !args.no_promiscuous,
        snap_len: args.snap_length,
        buffer_bytes: args.buffer,
        filter: args.common.filter.clone(),
    };
    let quiet = args.common.quiet;
    let mut live = Device::open(&options, say).map_err(one)?;
    if !quiet {
        let devices: Vec<_> = live.devices().map(|(name, link)| format!("{name} ({link})")).collect();
        say(&format!("capturing on {}; Ctrl-C ends it with the report", devices.join(", ")));
    }
    let inputs = live.devices().map(|(name, _)| name.to_owned()).collect();
    let kind = Kind { inputs, files: Vec::new(), live: true, span: args.span, keep };
    capture(&mut live, None, &catalogue, &args.common, &wishes, &kind)
}
