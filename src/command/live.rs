//! `portlore live`.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use portlore::catalogue::Catalogue;
use portlore::privilege::{Account, Keep};
use portlore::process::{Clerk, Ledger};
use portlore::source::Live as Device;
use portlore::source::live::Options;
use portlore::source::save::Plan;

use super::Errors;
use super::capture::{Attended, Kind, capture, close_doors};
use super::catalogue::{places, read};
use super::output::Output;
use super::signals::{Renewals, Wishes};
use super::talk::{one, say};
use super::watch::Doors;
use crate::cli::Live;

/// Bytes kept of a frame: openings are 8 KiB a side, and the headers before them, and it is a whole
/// jumbo frame.
pub const EVIDENCE: u32 = 9_216;
/// The same where frames are saved: all of them.
const WHOLE: u32 = 262_144;

pub fn run(args: &Live) -> Result<u8, Errors> {
    if args.interval.is_some() {
        let format = args.common.format.definition();
        format.require_intervals().map_err(|error| one(error.to_string()))?;
    }
    // Absolute, because they are read again.
    let places: Vec<PathBuf> = places(&args.common.catalogue)
        .into_iter()
        .map(|path| path.canonicalize().unwrap_or(path))
        .collect();
    let catalogue: &Catalogue = Box::leak(Box::new(read(&places)?));
    let wishes = Wishes::register()?;
    let renewals = if io::stdin().is_terminal() { None } else { Some(Renewals::register()?) };
    let user = args.user.as_deref().map(Account::named).transpose().map_err(one)?;
    let folders: Vec<PathBuf> =
        args.write.iter().map(|path| folder_of(path)).collect::<Result<_, _>>().map_err(one)?;
    let options = Options {
        interfaces: args.interfaces.clone(),
        promiscuous: !args.no_promiscuous,
        snap_len: args.snap_length.unwrap_or(if args.write.is_some() { WHOLE } else { EVIDENCE }),
        buffer_bytes: args.buffer,
        filter: args.common.filter.clone(),
    };
    let mut live = Device::open(&options, say).map_err(one)?;
    let output = Output::open(args.common.output.as_ref(), &[])?;
    let doors = Doors::open(args, &output).map_err(one)?;
    // Who may look into processes is another process, which parses no packets.
    let clerk = Clerk::start(args.user.as_deref());
    // The devices are open: from here on nothing needs root.
    close_doors(&Keep { user, write: &folders, read: &places });
    let catalogues = renewals.map(|renewals| renewals.start(places)).transpose()?;
    let ledger =
        clerk.and_then(Ledger::open).inspect_err(|reason| say(&format!("warning: {reason}"))).ok();
    if let Some(path) = &args.write {
        let keep = args.keep.unwrap_or_default().into();
        let frames = args.common.count;
        live.save(Plan {
            path: path.clone(),
            size: args.rotate_size,
            time: args.rotate_time,
            keep,
            frames,
        })
        .map_err(one)?;
    }
    if !args.common.quiet {
        let devices: Vec<_> =
            live.devices().map(|(name, link)| format!("{name} ({link})")).collect();
        say(&format!(
            "capturing on {}{}; Ctrl-C ends it with the report",
            devices.join(", "),
            doors.told()
        ));
    }
    let inputs: Vec<String> = live.devices().map(|(name, _)| name.to_owned()).collect();
    let attended = Attended { args, doors, ledger, catalogues };
    capture(
        &mut live,
        None,
        catalogue,
        &args.common,
        &wishes,
        Kind { inputs, output, live: Some(attended) },
    )
}

/// The folder that a file is to be written in.
fn folder_of(path: &Path) -> Result<PathBuf, String> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.file_name().is_none() || path.is_dir() {
        return Err(format!("{}: is a folder; name a file in it", path.display()));
    }
    folder.canonicalize().map_err(|error| {
        format!(
            "{}: cannot be written in: {error}; choose a folder that is there",
            folder.display()
        )
    })
}
