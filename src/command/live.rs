//! `portlore live`.

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
    let options = Options {
        interface: args.interface.clone(),
        promiscuous: !args.no_promiscuous,
        snap_len: args.snap_length,
        buffer_bytes: args.buffer_kib * 1024,
        filter: args.common.filter.clone(),
    };
    let mut live = Device::open(&options).map_err(one)?;
    if !args.common.quiet {
        say(&format!("capturing on {} ({}); Ctrl-C ends it with the report", args.interface, live.link()));
    }
    let kind = Kind { inputs: vec![args.interface.clone()], files: Vec::new(), live: true, span: args.span };
    capture(&mut live, None, &catalogue, &args.common, &wishes, &kind)
}
